/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Small objects of one size, carved from frames of a memory pool: ports and connections. The caller
 * locks.
 *
 *   L1 A frame with an object and with room is on the list `partial`; a full one is on
 *      none.
 *   L2 A frame goes back when its last object is freed: an unused slab holds no memory.
 */
#ifndef VIRIDIS_KERNEL_SLAB_H
#define VIRIDIS_KERNEL_SLAB_H

#include <viridis/base/list.h>

#define SLAB_FRAME_BYTES  4096u
#define SLAB_HEADER_BYTES 64u
#define SLAB_OBJECT_BYTES 192u
#define SLAB_OBJECTS      ((SLAB_FRAME_BYTES - SLAB_HEADER_BYTES) / SLAB_OBJECT_BYTES)

struct pool;

struct slab {
	struct pool *pool; /* constant */
	struct list partial;
};

void slab_init(struct slab *slab, struct pool *pool);

/* SLAB_OBJECT_BYTES of zeros, or NULL when a frame was needed and there was none. */
void *slab_allocate(struct slab *slab);

/* An object of this slab. NULL is nothing. */
void slab_free(struct slab *slab, void *object);

#endif
