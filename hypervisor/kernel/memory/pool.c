/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory pools. Invariants POOL-1 to POOL-3: pool.h */
#include "hypervisor/kernel/memory/pool.h"
#include <viridis/base/mem.h>
#include "hypervisor/arch/x86/paging.h"
#include "hypervisor/kernel/memory/frames.h"

void pool_init(struct pool *pool)
{
	*pool = (struct pool){ 0 };
	pool->lock = SPINLOCK(LOCK_POOL);
}

/* POOL-1 */
static void put_locked(struct pool *pool, uint64_t pfn)
{
	frames_set_link(pfn, pool->first);
	pool->first = (uint32_t)pfn;
	pool->epoch = epoch_advance();
	pool->available++;
}

/* POOL-1, POOL-2 */
void *pool_allocate(struct pool *pool)
{
	void *frame;

	if (!pool)
		return reserve_take(PAGE_4K);
	SPIN_HOLD(&pool->lock);
	if (pool->first == 0 || !epoch_passed(pool->epoch))
		return NULL;
	frame = frame_map(pool->first * PAGE_4K);
	pool->first = frames_link(pool->first);
	pool->available--;
	pool->in_use++;
	return memset(frame, 0, PAGE_4K);
}

void pool_free(struct pool *pool, void *frame)
{
	if (!frame)
		return;
	SPIN_HOLD(&pool->lock);
	put_locked(pool, frame_map_hpa(frame) / PAGE_4K);
	pool->in_use--;
}

bool pool_allocate_all(struct pool *pool, void **frames, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		frames[i] = pool_allocate(pool);
		if (!frames[i]) {
			pool_free_all(pool, frames, i);
			return false;
		}
	}
	return true;
}

void pool_free_all(struct pool *pool, void *const *frames, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		pool_free(pool, frames[i]);
}

void pool_deposit(struct pool *pool, uint64_t pfn)
{
	frame_map_show(pfn);
	SPIN_HOLD(&pool->lock);
	put_locked(pool, pfn);
}

void pool_withdraw(struct pool *pool)
{
	SPIN_HOLD(&pool->lock);
	pool->in_use--;
}

void pool_balance(struct pool *pool, uint64_t *available, uint64_t *in_use)
{
	SPIN_HOLD(&pool->lock);
	*available = pool->available;
	*in_use = pool->in_use;
}
