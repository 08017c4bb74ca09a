/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A spinlock. Not to be taken by interrupt handlers. */
#ifndef VSC_LIB_LOCK_H
#define VSC_LIB_LOCK_H

#include <stdint.h>
#include "vsc/lib/cpu.h"

struct lock {
	uint32_t held;
};

static inline void lock_take(struct lock *lock)
{
	/* Acquire: pairs with the release store of lock_release(). */
	while (__atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE))
		cpu_pause();
}

static inline void lock_release(struct lock *lock)
{
	__atomic_store_n(&lock->held, 0, __ATOMIC_RELEASE);
}

#endif
