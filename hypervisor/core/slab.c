/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small objects from frames. Invariants L1, L2: slab.h */
#include "hypervisor/core/slab.h"

#include <stdint.h>
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>

/* At the start of each frame. */
struct slab_frame {
	struct list node; /* in slab.partial, L1 */
	uint32_t used;    /* one bit an object */
};

#define ALL_USED (BIT32(SLAB_OBJECTS) - 1)
_Static_assert(SLAB_OBJECTS < 32, "the objects of a frame fit the bit map");
_Static_assert(sizeof(struct slab_frame) <= SLAB_HEADER_BYTES, "the header has room");

void slab_create(struct slab *slab, const struct slab_memory *memory, void *context)
{
	slab->memory = memory;
	slab->context = context;
	list_init(&slab->partial);
}

static struct slab_frame *add_frame(struct slab *slab)
{
	struct slab_frame *frame = slab->memory->allocate(slab->context);

	if (!frame)
		return NULL;
	frame->used = 0;
	list_append(&slab->partial, &frame->node);
	return frame;
}

void *slab_allocate(struct slab *slab)
{
	struct slab_frame *frame;
	unsigned int index;
	char *object;

	if (list_empty(&slab->partial))
		frame = add_frame(slab);
	else
		frame = LIST_OWNER(slab->partial.next, struct slab_frame, node);
	if (!frame)
		return NULL;
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
		slab->memory->release(slab->context, frame);
	}
}
