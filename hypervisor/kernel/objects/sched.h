/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which VP runs where. Children's VPs float in one weighted fair queue; a root's VP is bound to its CPU and in no
 * queue: its CPU is told when it may run, and looks. It competes there by the same clock, so that it is served by
 * weight, and after sleeping goes ahead of whoever spins (core/run_queue.h, QUEUE-2).
 *
 * A root's VP that has nothing to do but wait for a child's lends it its CPU: the child runs
 * there at once, with no other CPU to be woken, and when it stops the root's VP goes on. A loan
 * ends with the shortest time slice, or when the root's VP has something to do; it is not
 * given over the head of a VP that is due before the child.
 *
 * A signal is no preemption: a child that signals the root's VP of its CPU goes on until it halts, or
 * for its grace. Whatever else that VP is to look at ends the grace at once. D15
 */
#pragma once

#include "hypervisor/kernel/objects/vp.h"

void sched_init(void);
void sched_add(struct vp *vp, uint32_t weight);
void sched_set_weight(struct vp *vp, uint32_t weight);

/* Any CPU: vp->suspend has become 0. */
void sched_wake(struct vp *vp, enum sched_wake how);

/* Any CPU: a root's VP that does not run, but should, gets its CPU back from a loan, or a grace. */
void sched_recall(const struct vp *vp, enum sched_wake how);

/* Any CPU: vp->suspend is not 0. A VP that waits for a CPU waits no more. */
void sched_stop(struct vp *vp);

/* Whether it neither runs nor waits for a CPU. Stable while a suspend bit is set. */
bool sched_is_blocked(const struct vp *vp);

/* Whether a CPU runs no VP, a moment ago. */
bool sched_some_cpu_idles(void);

/* The VP this CPU is to run now, with its extended state loaded; NULL: none. */
struct vp *sched_pick(struct cpu *cpu);
