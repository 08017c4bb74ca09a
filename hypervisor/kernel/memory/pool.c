/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory pools. Invariants P1-P3: pool.h */
#include "hypervisor/kernel/memory/pool.h"
#include <viridis/base/mem.h>
#include "hypervisor/arch/x86/paging.h"
#include "hypervisor/kernel/memory/frames.h"

struct pool_frame {
	struct pool_frame *next;
};

void pool_init(struct pool *pool)
{
	*pool = (struct pool){ 0 };
	spin_init(&pool->lock, LOCK_POOL);
}

/* P2: one frame that has waited long enough, wiped; NULL when there is none. */
static struct pool_frame *take_quarantined_locked(struct pool *pool)
{
	struct pool_frame *frame;

	if (!pool->quarantine || !epoch_passed(pool->quarantine_epoch))
		return NULL;
	frame = frame_map((uint64_t)pool->quarantine * PAGE_4K);
	pool->quarantine = frames_link(pool->quarantine);
	memset(frame, 0, PAGE_4K);
	return frame;
}

static struct pool_frame *take_locked(struct pool *pool)
{
	struct pool_frame *frame = pool->free;

	if (frame) {
		pool->free = frame->next;
		frame->next = NULL; /* P1 */
	} else {
		frame = take_quarantined_locked(pool);
	}
	if (frame)
		pool->available--;
	return frame;
}

void *pool_allocate(struct pool *pool)
{
	SPIN_HOLD(&pool->lock);
	struct pool_frame *frame = take_locked(pool);

	if (frame)
		pool->in_use++;
	return frame;
}

void pool_free(struct pool *pool, void *memory)
{
	struct pool_frame *frame = memory;

	if (!frame)
		return;
	memset(frame, 0, PAGE_4K);
	SPIN_HOLD(&pool->lock);
	frame->next = pool->free;
	pool->free = frame;
	pool->available++;
	pool->in_use--;
}

void pool_seed(struct pool *pool, void *first, uint64_t frames)
{
	for (uint64_t i = 0; i < frames; i++) {
		struct pool_frame *frame = (void *)((char *)first + i * PAGE_4K);

		frame->next = pool->free;
		pool->free = frame;
	}
	pool->available += frames;
}

static void quarantine_locked(struct pool *pool, uint64_t pfn)
{
	frames_set_link(pfn, pool->quarantine);
	pool->quarantine = (uint32_t)pfn;
	pool->quarantine_epoch = epoch_advance();
	pool->available++;
}

void pool_deposit(struct pool *pool, uint64_t pfn)
{
	frame_map_show(pfn);
	SPIN_HOLD(&pool->lock);
	quarantine_locked(pool, pfn);
}

void pool_retire(struct pool *pool, void *frame)
{
	SPIN_HOLD(&pool->lock);
	quarantine_locked(pool, frame_map_hpa(frame) / PAGE_4K);
	pool->in_use--;
}

void *pool_withdraw(struct pool *pool)
{
	SPIN_HOLD(&pool->lock);
	return take_locked(pool);
}

void pool_balance(struct pool *pool, uint64_t *available, uint64_t *in_use)
{
	SPIN_HOLD(&pool->lock);
	*available = pool->available;
	*in_use = pool->in_use;
}
