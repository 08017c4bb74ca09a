/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Small objects of one size, carved from 4 KiB frames: ports and connections. PURE: where
 * frames come from is a policy of the caller, who also locks.
 *
 *   L1 A frame with an object and with room is on the list `partial`; a full one is on
 *      none.
 *   L2 A frame goes back when its last object is freed: an unused slab holds no memory.
 */
#ifndef VIRIDIS_HYPERVISOR_CORE_SLAB_H
#define VIRIDIS_HYPERVISOR_CORE_SLAB_H

#include <viridis/base/list.h>

#define SLAB_FRAME_BYTES  4096u
#define SLAB_HEADER_BYTES 64u
#define SLAB_OBJECT_BYTES 192u
#define SLAB_OBJECTS      ((SLAB_FRAME_BYTES - SLAB_HEADER_BYTES) / SLAB_OBJECT_BYTES)

struct slab_memory {
	void *(*allocate)(void *context); /* a frame at a multiple of its size, or NULL */
	void (*release)(void *context, void *frame);
};

struct slab {
	/* constant after slab_create */
	const struct slab_memory *memory;
	void *context; /* of memory's functions */
	struct list partial;
};

void slab_create(struct slab *slab, const struct slab_memory *memory, void *context);

/* SLAB_OBJECT_BYTES of zeros, or NULL when a frame was needed and there was none. */
void *slab_allocate(struct slab *slab);

/* An object of this slab. NULL is nothing. */
void slab_free(struct slab *slab, void *object);

#endif
