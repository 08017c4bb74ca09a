/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small objects from frames. Invariants L1, L2: slab.h */
#include "hypervisor/kernel/slab.h"

#include <stdint.h>
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "hypervisor/kernel/pool.h"

/* At the start of each frame. */
struct slab_frame {
	struct list node; /* in slab.partial, L1 */
	uint32_t used;    /* one bit an object */
};

#define ALL_USED (BIT32(SLAB_OBJECTS) - 1)
_Static_assert(SLAB_OBJECTS < 32, "the objects of a frame fit the bit map");
_Static_assert(sizeof(struct slab_frame) <= SLAB_HEADER_BYTES, "the header has room");

void slab_init(struct slab *slab, struct pool *pool)
{
	slab->pool = pool;
	list_init(&slab->partial);
}

void *slab_allocate(struct slab *slab)
{
	struct slab_frame *frame;
	unsigned int index;
	char *object;

	if (list_empty(&slab->partial)) {
		frame = pool_allocate(slab->pool); /* zeroed */
		if (!frame)
			return NULL;
		list_append(&slab->partial, &frame->node);
	}
	frame = LIST_OWNER(slab->partial.next, struct slab_frame, node);
	index = (unsigned int)__builtin_ctz(~frame->used); /* L1: there is a clear bit */
	frame->used |= BIT32(index);
	if (frame->used == ALL_USED)
		list_remove(&frame->node);
	object = (char *)frame + SLAB_HEADER_BYTES + index * SLAB_OBJECT_BYTES;
	return memset(object, 0, SLAB_OBJECT_BYTES);
}

void slab_free(struct slab *slab, void *object)
{
	uint64_t offset = (uintptr_t)object % SLAB_FRAME_BYTES;
	struct slab_frame *frame;

	if (!object)
		return;
	frame = (void *)((char *)object - offset);
	if (frame->used == ALL_USED)
		list_append(&slab->partial, &frame->node);
	frame->used &= ~BIT32((offset - SLAB_HEADER_BYTES) / SLAB_OBJECT_BYTES);
	if (frame->used == 0) { /* L2 */
		list_remove(&frame->node);
		pool_free(slab->pool, frame);
	}
}
