/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small objects whose frames come from a memory pool. The objects: core/slab.h */
#ifndef VIRIDIS_KERNEL_SLAB_H
#define VIRIDIS_KERNEL_SLAB_H

#include "hypervisor/core/slab.h"

struct pool;

void slab_init(struct slab *slab, struct pool *pool);

#endif
