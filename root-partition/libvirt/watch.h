/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A thread that has the picture renewed when something changes, and tells what workers say of their guests. */
#ifndef VIRIDIS_LIBVIRT_WATCH_H
#define VIRIDIS_LIBVIRT_WATCH_H

#include "root-partition/libvirt/viridis_driver.h"

/* NULL and libvirt's error. */
struct watch *watch_start(struct viridis_driver *driver);
void watch_stop(struct watch *watch);

#endif
