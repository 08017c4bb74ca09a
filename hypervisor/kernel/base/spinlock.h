/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A ticket lock with a rank. The hypervisor takes locks with interrupts off only; a CPU takes them in
 * rising rank, which every build checks: a breach is our own bug and panics.
 *
 *   rank  lock
 *   1     partition set-up (partition.c)
 *   2     ports and connections (message_source.c)
 *   3     memory pool (pool.c), an I/O APIC (root_devices.c)
 *   4     message sources of a VP (message_source.h)
 *   5     timer queue of a CPU (timer_queue.c)
 *   6     scheduler (sched.c)
 *   7     new pages of the frame table (frames.c) or of the frame map (paging.c)
 *
 * The log's own lock is outside: it is taken with anything held.
 */
#pragma once

#include "hypervisor/arch/x86/cpu.h"
#include "hypervisor/kernel/base/log.h"
#include "hypervisor/kernel/base/panic.h"
#include "hypervisor/kernel/base/percpu.h"

enum lock_rank {
	LOCK_PARTITION = 1,
	LOCK_PORTS,
	LOCK_POOL,
	LOCK_MESSAGES,
	LOCK_TIMERS,
	LOCK_SCHEDULER,
	LOCK_FRAMES,
};

struct spinlock {
	uint16_t next;
	uint16_t serving;
	uint32_t rank; /* as its bit */
};

/* A lock that nobody holds. */
#define SPINLOCK(lock_rank) ((struct spinlock){ .rank = BIT32(lock_rank) })

static inline void spin_lock(struct spinlock *lock)
{
	struct cpu *cpu = this_cpu();
	uint16_t ticket = __atomic_fetch_add(&lock->next, 1, __ATOMIC_RELAXED);

	if (cpu->locks_held >= lock->rank)
		panic("lock of rank %#x taken with ranks %#x held", lock->rank,
		      cpu->locks_held);
	cpu->locks_held |= lock->rank;
	/* Acquire pairs with the release in spin_unlock. */
	while (__atomic_load_n(&lock->serving, __ATOMIC_ACQUIRE) != ticket)
		cpu_pause();
}

static inline void spin_unlock(struct spinlock *lock)
{
	this_cpu()->locks_held &= ~lock->rank;
	__atomic_store_n(&lock->serving, (uint16_t)(lock->serving + 1), __ATOMIC_RELEASE);
}

static inline void assert_locked(const struct spinlock *lock)
{
	if (!(this_cpu()->locks_held & lock->rank))
		panic("lock of rank %#x is not held", lock->rank);
}

static inline void spin_let_go(struct spinlock *const *held)
{
	spin_unlock(*held);
}

/* A declaration: holds the lock to the end of the block, after the value of a return is known. */
#define SPIN_HOLD(lock)                                                             \
	struct spinlock *const held __attribute__((cleanup(spin_let_go), unused)) = \
		(spin_lock(lock), (lock))
