/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Accesses to ports, and to addresses without memory: port_intercept.c, memory_intercept.c. */
#ifndef VIRIDIS_VM_INTERCEPTS_H
#define VIRIDIS_VM_INTERCEPTS_H

#include "root-partition/vm/vp.h"

/* False ends the VP's thread. */
bool vp_port_intercept(struct vp *vp, const struct hv_x64_io_port_intercept *message);
bool vp_memory_intercept(struct vp *vp, const struct hv_x64_memory_intercept *message);

#endif
