/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waiters: a provider signals its child and waits for whatever comes next, by one call and without epoll.
 *
 * WAITER-1 A waiter is the task's that made its first watch; nobody else may use it. It holds what it watches, which may
 *    hold the waiter in turn (an io_uring's files, a datagram under way): so it lets go of all when that process closes a
 *    descriptor of it, and takes nothing afterwards.
 * WAITER-2 Who has news sets a bit of `ready`, then reads the state; who rests writes the state, then reads `ready`. There is
 *    a full barrier between the two on either side, so one of them sees what the other did.
 * WAITER-3 A task that rests halts the CPU itself as long as nothing else is to run there, which spares a switch to the idle
 *    task and one back; for less than two ticks, as the kernel takes it for one that works (/proc/PID/fdinfo tells for how
 *    long it did not). One that took a millisecond or more is followed by one rest without a halt, the next such one by two,
 *    then four and so on: who has not much to do is not taken for busy.
 */
#ifndef VIRIDIS_KMOD_WAITER_H
#define VIRIDIS_KMOD_WAITER_H

/* VIRIDIS_WAITER: a descriptor or a negative errno. */
long waiter_create(void);

#endif
