// SPDX-License-Identifier: GPL-2.0-or-later
/* Deposits to the hypervisor and their way back. */
#include "abi.h"
#include "pool.h"

#include <linux/atomic.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/sched.h>

#define BLOCK_ORDER    4 /* fewer when the root is short of pages in a row */
#define WITHDRAW_PAGES 64

/* No object needs more than this in one piece; more would be a fault of the hypervisor's. */
#define DEPOSITS_WITHOUT_PROGRESS 8

struct pool pool_root;

static atomic_long_t total_pages = ATOMIC_LONG_INIT(0);

void pool_init(struct pool *pool, u64 partition_id, unsigned long limit)
{
	pool->partition_id = partition_id;
	mutex_init(&pool->lock);
	pool->pages = 0;
	pool->limit = limit;
}

unsigned long pool_total_pages(void)
{
	return atomic_long_read(&total_pages);
}

/* DEPOSIT-1, DEPOSIT-3. A page's private word is the order of its block, that of the first one counts the others out. */
static void pool_account_locked(struct pool *pool, struct page *page, unsigned int order)
{
	__SetPageOffline(page);
	set_page_private(page, order);
	pool->pages++;
	atomic_long_inc(&total_pages);
}

/* DEPOSIT-2, DEPOSIT-3 */
static void pool_release_locked(struct pool *pool, u64 pfn)
{
	struct page *page, *first;
	unsigned int order;

	if (!pfn_valid(pfn) || !PageOffline(pfn_to_page(pfn))) {
		pr_err("p%llu pool: frame %#llx came back and was never deposited\n",
		       pool->partition_id, pfn);
		return;
	}
	page = pfn_to_page(pfn);
	order = page_private(page);
	first = pfn_to_page(pfn & ~((1ULL << order) - 1));
	__ClearPageOffline(page);
	set_page_private(page, 0);
	set_page_private(first, page_private(first) - 1);
	if (!page_private(first))
		__free_pages(first, order);
	pool->pages--;
	atomic_long_dec(&total_pages);
}

/*
 * All pages of a block but its first. Marks before the call: from its return on they may not be touched, and
 * who reads /proc/kcore is kept out from the mark on until then.
 */
static int pool_hand_over_locked(struct pool *pool, struct page *first,
                                 unsigned int order)
{
	struct hv_input_deposit_memory header = { .partition_id = pool->partition_id };
	unsigned int i, count = (1U << order) - 1;
	u64 pfns[(1U << BLOCK_ORDER) - 1];
	struct hypercall call = {
		.code = HVCALL_DEPOSIT_MEMORY,
		.reps = count,
		.header = &header,
		.header_bytes = sizeof(header),
		.list = pfns,
		.list_bytes = count * sizeof(pfns[0]),
	};
	enum hv_status status;

	set_page_private(first, count);
	page_offline_begin();
	for (i = 0; i < count; i++) {
		pfns[i] = page_to_pfn(first) + 1 + i;
		pool_account_locked(pool, first + 1 + i, order);
	}
	status = hypercall(&call);
	page_offline_end();
	for (i = call.done; i < count; i++)
		pool_release_locked(pool, pfns[i]);
	if (call.done)
		return 0;
	pr_err("p%llu pool: deposit refused, status %#x\n", pool->partition_id, status);
	return -ENOMEM;
}

static int pool_deposit_locked(struct pool *pool)
{
	unsigned int order;

	if (pool->pages >= READ_ONCE(pool->limit)) {
		pr_warn_ratelimited("p%llu pool: limit of %lu pages reached\n",
		                    pool->partition_id, pool->limit);
		return -ENOMEM;
	}
	for (order = BLOCK_ORDER; order > 0; order--) {
		/* Nobody is killed for a long block while there is room for a short one. */
		gfp_t retry = order > 1 ? __GFP_NORETRY : 0;
		struct page *first =
			alloc_pages(GFP_KERNEL | __GFP_NOWARN | retry, order);

		if (first)
			return pool_hand_over_locked(pool, first, order);
	}
	return -ENOMEM;
}

static enum hv_status pool_call_locked(struct pool *pool, struct hypercall *call)
{
	enum hv_status status = HV_STATUS_INSUFFICIENT_MEMORY;
	unsigned int deposits = 0;
	u16 done = call->done;

	while (status == HV_STATUS_INSUFFICIENT_MEMORY &&
	       deposits++ < DEPOSITS_WITHOUT_PROGRESS && !pool_deposit_locked(pool)) {
		status = hypercall(call);
		if (call->done != done)
			deposits = 0;
		done = call->done;
	}
	return status;
}

enum hv_status pool_call(struct pool *pool, struct hypercall *call)
{
	enum hv_status status = hypercall(call);

	if (status != HV_STATUS_INSUFFICIENT_MEMORY)
		return status;
	mutex_lock(&pool->lock);
	status = pool_call_locked(pool, call);
	mutex_unlock(&pool->lock);
	return status;
}

int pool_call_simple(struct pool *pool, u16 code, const void *input, size_t bytes)
{
	struct hypercall call = { .code = code, .header = input, .header_bytes = bytes };

	return hypercall_errno(pool_call(pool, &call));
}

unsigned long pool_withdraw(struct pool *pool)
{
	struct hv_input_withdraw_memory header = { .partition_id = pool->partition_id };
	u64 pfns[WITHDRAW_PAGES];
	struct hypercall call = {
		.code = HVCALL_WITHDRAW_MEMORY,
		.header = &header,
		.header_bytes = sizeof(header),
		.output = pfns,
		.output_bytes = sizeof(pfns),
	};
	unsigned long left;
	enum hv_status status;
	unsigned int i;

	mutex_lock(&pool->lock);
	do {
		call.reps = WITHDRAW_PAGES;
		call.done = 0;
		status = hypercall(&call);
		for (i = 0; i < call.done; i++)
			pool_release_locked(pool, pfns[i]);
		cond_resched();
	} while (status == HV_STATUS_SUCCESS && pool->pages);
	left = pool->pages;
	mutex_unlock(&pool->lock);
	return left;
}
