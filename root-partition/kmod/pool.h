/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that the hypervisor was lent. A partition's bookkeeping lives in pages its parent
 * deposited; a hypercall that finds the pool empty says so, and is made again after a deposit.
 *
 * DEPOSIT-1 A page in a pool is allocated, marked offline (so that /proc/kcore and dumps stay off it:
 *    touching one is a #GP) and counted, in its pool and in the module's total.
 * DEPOSIT-2 Only what the hypervisor hands out on WITHDRAW, and carries the mark, is freed.
 * DEPOSIT-3 No page of Linux's own lies right before a deposited one: the kernel reads names a word at a time, past
 *    their end and into the next page (load_unaligned_zeropad), and mends a #PF there, but no #GP. So
 *    deposits are blocks, whose first page the module keeps, and which are freed whole.
 */
#ifndef VIRIDIS_KMOD_POOL_H
#define VIRIDIS_KMOD_POOL_H

#include "abi.h"
#include "hypercall.h"
#include <linux/mutex.h>

struct pool {
	u64 partition_id; /* constant */
	struct mutex
		lock; /* innermost of the mutexes: held over deposit and retry, and withdraw */
	unsigned long pages; /* lock; read without it for reports */
	unsigned long limit; /* written under the partition's lock */
};

void pool_init(struct pool *pool, u64 partition_id, unsigned long limit);

/* hypercall(), with deposits as it asks for them. Sleeps. */
enum hv_status pool_call(struct pool *pool, struct hypercall *call);

/* The same for a simple call without output, as a negative errno. */
int pool_call_simple(struct pool *pool, u16 code, const void *input, size_t bytes);

/* Takes back all that is not in use and answers how many pages stay. Sleeps. */
unsigned long pool_withdraw(struct pool *pool);

/* Pages in all pools together. */
unsigned long pool_total_pages(void);

/* The root's own pool: partitions as such, and the ports of the root. */
extern struct pool pool_root;

#endif
