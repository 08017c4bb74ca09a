/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the root and its domains can have, in libvirt's terms. */
#ifndef VIRIDIS_LIBVIRT_CAPABILITIES_H
#define VIRIDIS_LIBVIRT_CAPABILITIES_H

#include "conf/capabilities.h"
#include "conf/domain_capabilities.h"

/* NULL and libvirt's error. */
virCaps *capabilities_of_root(void);
virDomainCaps *capabilities_of_domains(const char *machine);

#endif
