/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A partition's memory pool: the frames its parent deposited, from which all bookkeeping for it
 * comes. TLFS "Virtualization Host", memory pools; D2.
 *
 * P1 A free frame is linked through its own first words and is zero from there on; an allocated one
 *    comes zeroed.
 * P2 A frame in quarantine is neither read, written nor given out before every CPU has passed an epoch: one
 *    just deposited, to which the root may still write; and one retired, in which another CPU may still look.
 * P3 available + in_use is what was deposited and not withdrawn.
 */
#ifndef VIRIDIS_KERNEL_POOL_H
#define VIRIDIS_KERNEL_POOL_H

#include "hypervisor/kernel/base/epoch.h"
#include "hypervisor/kernel/base/spinlock.h"

struct pool {
	struct spinlock lock;
	struct pool_frame *free; /* lock */
	uint32_t quarantine;     /* lock; PFN, linked through the frame table; 0: none */
	uint64_t quarantine_epoch; /* lock */
	uint64_t available;        /* lock; quarantine included */
	uint64_t in_use;           /* lock */
};

void pool_init(struct pool *pool);

/* A zeroed frame, or NULL. */
void *pool_allocate(struct pool *pool);

/* Gives a frame back; its content is wiped. NULL is nothing. */
void pool_free(struct pool *pool, void *frame);

/* The same for an object's frame that nobody new can find: it stays as it is until nobody can hold it. */
void pool_retire(struct pool *pool, void *frame);

/* Boot: `frames` zeroed frames in a row. */
void pool_seed(struct pool *pool, void *first, uint64_t frames);

/* A frame that has just left the root's tables. */
void pool_deposit(struct pool *pool, uint64_t pfn);

/* Takes a free frame, all zeros, out of the pool for good; NULL when none is free. */
void *pool_withdraw(struct pool *pool);

void pool_balance(struct pool *pool, uint64_t *available, uint64_t *in_use);

#endif
