/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames of a memory pool for small objects: slab.h */
#include "hypervisor/kernel/slab.h"
#include "hypervisor/kernel/pool.h"

static void *allocate(void *pool)
{
	return pool_allocate(pool);
}

static void release(void *pool, void *frame)
{
	pool_free(pool, frame);
}

void slab_init(struct slab *slab, struct pool *pool)
{
	static const struct slab_memory memory = { .allocate = allocate,
		                                   .release = release };

	slab_create(slab, &memory, pool);
}
