/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counters of a running VM, as its worker and providers tell them. */
#ifndef VIRIDIS_LIBVIRT_STATS_H
#define VIRIDIS_LIBVIRT_STATS_H

#include "root-partition/libvirt/viridis_driver.h"

/* 0, or -1 and libvirt's error. The domain is locked, and unlocked while its worker is asked. */
int stats_block(virDomainObj *domain, const char *path, virDomainBlockStatsPtr stats);
int stats_interface(virDomainObj *domain, const char *device,
                    virDomainInterfaceStatsPtr stats);

#endif
