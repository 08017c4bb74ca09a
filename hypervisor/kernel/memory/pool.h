/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A partition's memory pool: the frames its parent deposited, from which all bookkeeping for it comes. TLFS
 * "Virtualization Host", memory pools; D2. A NULL pool stands for the hypervisor's own reserve, out of which the
 * root is made: boot has counted what it can need, and nothing goes back there.
 *
 * POOL-1 A frame that comes into a pool is neither read, written nor given out before every CPU has passed an
 *        epoch: the root may still write to one just deposited, and another CPU look into one given back.
 * POOL-2 A frame that a pool gives out is zeroed.
 * POOL-3 available + in_use is what was deposited and not withdrawn.
 */
#pragma once

#include "hypervisor/kernel/base/epoch.h"
#include "hypervisor/kernel/base/spinlock.h"

struct pool {
	struct spinlock lock;
	/* lock */
	uint32_t first; /* PFN of a free frame, linked through the frame table; 0: none */
	uint64_t epoch; /* POOL-1, of all free frames */
	uint64_t available;
	uint64_t in_use;
};

void pool_init(struct pool *pool);

/* A frame, or NULL: none is free, or not yet. POOL-1 */
void *pool_allocate(struct pool *pool);

/* Gives a frame back that nobody new can find. NULL is nothing. */
void pool_free(struct pool *pool, void *frame);

/* The same of `count` frames, all or none. */
bool pool_allocate_all(struct pool *pool, void **frames, unsigned int count) MUST_CHECK;
void pool_free_all(struct pool *pool, void *const *frames, unsigned int count);

/* A frame that has just left the root's tables. */
void pool_deposit(struct pool *pool, uint64_t pfn);

/* A frame that was allocated leaves the pool for good. */
void pool_withdraw(struct pool *pool);

void pool_balance(struct pool *pool, uint64_t *available, uint64_t *in_use);
