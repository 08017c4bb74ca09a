/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Per-CPU deadlines: timer_queue.h */
#include "hypervisor/kernel/objects/timer_queue.h"
#include "hypervisor/arch/x86/lapic.h"
#include "hypervisor/arch/x86/time.h"
#include "hypervisor/kernel/objects/vp.h"

static struct spinlock locks[MAX_CPUS];

void timer_queue_init(struct cpu *cpu)
{
	list_init(&cpu->timers);
	cpu->timer_due = TIMER_NEVER;
	locks[cpu->index] = SPINLOCK(LOCK_TIMERS);
}

void timer_queue_due(struct cpu *cpu, uint64_t deadline)
{
	if (deadline < cpu->timer_due)
		cpu->timer_rearm = true;
}

static void put_on(struct cpu *cpu, struct vp *vp)
{
	SPIN_HOLD(&locks[cpu->index]);
	struct list *at = cpu->timers.next;

	while (at != &cpu->timers &&
	       LIST_OWNER(at, struct vp, timer_node)->timer_deadline <=
	               vp->timer_deadline)
		at = at->next;
	list_insert_before(at, &vp->timer_node);
	timer_queue_due(cpu, vp->timer_deadline);
}

/* The VP may have waited on another CPU; its deadline moves to where it runs now. */
void timer_queue_set(struct vp *vp, uint64_t deadline)
{
	struct cpu *here = this_cpu();

	if (vp->timer_cpu == here && vp->timer_deadline == deadline)
		return;
	if (vp->timer_cpu) {
		SPIN_HOLD(&locks[vp->timer_cpu->index]);
		list_remove(&vp->timer_node);
	}
	vp->timer_cpu = here;
	vp->timer_deadline = deadline;
	if (deadline != TIMER_NEVER)
		put_on(here, vp);
}

static struct vp *first_locked(struct cpu *cpu)
{
	return list_empty(&cpu->timers) ?
	               NULL :
	               LIST_OWNER(cpu->timers.next, struct vp, timer_node);
}

static struct vp *pop_due(struct cpu *cpu, uint64_t now)
{
	SPIN_HOLD(&locks[cpu->index]);
	struct vp *vp = first_locked(cpu);

	if (!vp || vp->timer_deadline > now)
		return NULL;
	list_remove(&vp->timer_node);
	vp->timer_deadline = TIMER_NEVER;
	return vp;
}

void timer_queue_run(struct cpu *cpu, uint64_t now)
{
	struct vp *vp;

	while ((vp = pop_due(cpu, now)) != NULL)
		vp_raise(vp, EVENTS_TIMER);
	cpu->timer_due = TIMER_NEVER;
	cpu->timer_rearm = true;
}

static uint64_t earliest(struct cpu *cpu)
{
	SPIN_HOLD(&locks[cpu->index]);
	uint64_t slice_end = cpu->slice_end ? cpu->slice_end : TIMER_NEVER;
	const struct vp *vp = first_locked(cpu);

	return vp && vp->timer_deadline < slice_end ? vp->timer_deadline : slice_end;
}

/* At most a second ahead: longer waits are armed again. */
void timer_queue_arm(struct cpu *cpu)
{
	uint64_t deadline = earliest(cpu);
	uint64_t now = cpu_rdtsc();
	uint64_t ticks = deadline > now ? deadline - now : 0;

	cpu->timer_rearm = false;
	if (deadline >= cpu->timer_due)
		return;
	if (ticks > tsc_hz)
		ticks = tsc_hz;
	cpu->timer_due = now + ticks;
	/* A second of ticks times a frequency below 3 GHz stays within 64 bits. */
	lapic_timer_arm(ticks * lapic_hz / tsc_hz + 1);
}
