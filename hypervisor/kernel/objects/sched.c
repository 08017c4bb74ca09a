/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The scheduler: sched.h. One lock. */
#include "hypervisor/kernel/objects/sched.h"
#include "hypervisor/arch/x86/context.h"
#include "hypervisor/arch/x86/smp.h"
#include "hypervisor/arch/x86/time.h"
#include "hypervisor/kernel/objects/partition.h"
#include "hypervisor/kernel/objects/trace.h"

static struct spinlock sched_lock = SPINLOCK(LOCK_SCHEDULER);
static struct run_queue_policy policy;
static struct run_queue queue;       /* sched_lock: children's VPs that are ready */
static struct vp *lent_to[MAX_CPUS]; /* sched_lock: runs next, then runs, by a loan */

/* Times in TSC ticks. */
void sched_init(void)
{
	uint64_t millisecond = tsc_hz / 1000;

	policy = (struct run_queue_policy){
		.credit = 10 * millisecond,
		.granularity = millisecond / 2,
		.period = 20 * millisecond,
		.slice_min = millisecond,
		.slice_max = 10 * millisecond,
	};
	run_queue_init(&queue, &policy);
}

void sched_add(struct vp *vp, uint32_t weight)
{
	SPIN_HOLD(&sched_lock);
	run_queue_entity_init(&vp->entity, &queue, weight);
	vp->sched_state = VP_BLOCKED;
}

void sched_set_weight(struct vp *vp, uint32_t weight)
{
	SPIN_HOLD(&sched_lock);
	run_queue_set_weight(&queue, &vp->entity, weight);
}

static void make_ready_locked(struct vp *vp)
{
	vp->sched_state = VP_QUEUED;
	/* A root's has its place by the common clock (QUEUE-2), but only its own CPU may take it. */
	if (vp->bound)
		run_queue_admit(&queue, &vp->entity);
	else
		run_queue_insert(&queue, &vp->entity);
}

static void poke(struct cpu *cpu)
{
	__atomic_store_n(&cpu->reschedule, true, __ATOMIC_SEQ_CST);
	if (cpu != this_cpu())
		smp_kick(cpu);
}

/* Whether `cpu` should look again because `vp` is ready: it idles, is outrun, or has no slice. */
static bool should_poke(const struct cpu *cpu, const struct vp *vp)
{
	const struct vp *current = cpu->current;

	return !current || cpu->slice_end == 0 ||
	       run_queue_preempts(&queue, &vp->entity, &current->entity);
}

/* An idle CPU if there is one, the last it ran on first; else the one that is most ahead. */
static struct cpu *choose_cpu(const struct vp *vp)
{
	struct cpu *best = vp->last_cpu ? vp->last_cpu : cpus[0];

	if (!best->current)
		return best;
	for (unsigned int i = 0; i < cpu_count; i++) {
		const struct vp *current = cpus[i]->current;

		if (!current)
			return cpus[i];
		if ((int64_t)(current->entity.virtual_time -
		              best->current->entity.virtual_time) > 0)
			best = cpus[i];
	}
	return best;
}

/* To where a VP that has become ready belongs. */
static void place_locked(const struct vp *vp)
{
	struct cpu *target = vp->bound ? vp->bound : choose_cpu(vp);

	trace(VIRIDIS_TRACE_WAKE, vp, target->index, 0);
	if (should_poke(target, vp))
		poke(target);
}

/* Out of the queue, so that no other CPU takes it. */
static void lend_locked(struct cpu *cpu, struct vp *vp)
{
	run_queue_remove(&queue, &vp->entity);
	vp->last_cpu = cpu;
	__atomic_store_n(&lent_to[cpu->index], vp, __ATOMIC_RELAXED);
	trace(VIRIDIS_TRACE_WAKE, vp, cpu->index, 1);
	poke(cpu);
}

void sched_wake(struct vp *vp, bool lend)
{
	struct cpu *cpu = this_cpu();

	SPIN_HOLD(&sched_lock);
	if (vp->sched_state != VP_BLOCKED ||
	    __atomic_load_n(&vp->suspend, __ATOMIC_SEQ_CST) != 0)
		return;
	make_ready_locked(vp);
	if (lend && run_queue_first(&queue) == &vp->entity && !lent_to[cpu->index])
		lend_locked(cpu, vp);
	else
		place_locked(vp);
}

/* No lock: a loan that begins or ends meanwhile ends soon, or has. */
void sched_recall(const struct vp *vp)
{
	struct cpu *cpu = vp->bound;

	if (__atomic_load_n(&lent_to[cpu->index], __ATOMIC_RELAXED))
		poke(cpu);
}

void sched_stop(struct vp *vp)
{
	SPIN_HOLD(&sched_lock);
	if (vp->sched_state != VP_QUEUED ||
	    __atomic_load_n(&vp->suspend, __ATOMIC_SEQ_CST) == 0)
		return;
	run_queue_remove(&queue, &vp->entity);
	if (vp->last_cpu && lent_to[vp->last_cpu->index] == vp)
		__atomic_store_n(&lent_to[vp->last_cpu->index], NULL, __ATOMIC_RELAXED);
	vp->sched_state = VP_BLOCKED;
}

bool sched_is_blocked(const struct vp *vp)
{
	SPIN_HOLD(&sched_lock);
	return vp->sched_state == VP_BLOCKED;
}

/* True at the end of a loan. */
static bool end_loan_locked(const struct cpu *cpu, const struct vp *previous)
{
	if (!previous || lent_to[cpu->index] != previous)
		return false;
	__atomic_store_n(&lent_to[cpu->index], NULL, __ATOMIC_RELAXED);
	return true;
}

/* The CPU's own root VP when it waits for it. */
static struct vp *ready_root_locked(const struct cpu *cpu)
{
	return cpu->root_vp && cpu->root_vp->sched_state == VP_QUEUED ? cpu->root_vp :
	                                                                NULL;
}

/*
 * Who has the CPU on loan; else the better of its own root VP and the first child's, or the
 * root's that gets it back.
 */
static struct vp *take_next_locked(struct cpu *cpu, bool given_back)
{
	struct vp *root = ready_root_locked(cpu);
	struct run_entity *first = run_queue_first(&queue);
	struct vp *child = first ? LIST_OWNER(first, struct vp, entity) : NULL;

	if (lent_to[cpu->index])
		return lent_to[cpu->index];
	if (root && child && !given_back &&
	    (int64_t)(child->entity.virtual_time - root->entity.virtual_time) < 0)
		root = NULL;
	if (root)
		return root;
	if (child)
		run_queue_remove(&queue, first);
	return child;
}

static void set_slice_locked(struct cpu *cpu, const struct vp *vp, uint64_t now)
{
	uint64_t slice = 0;

	if (lent_to[cpu->index])
		slice = policy.slice_min;
	else if (ready_root_locked(cpu) || run_queue_first(&queue))
		slice = run_queue_time_slice(&queue, &vp->entity);
	cpu->slice_end = slice ? now + slice : 0;
	cpu->timer_rearm = true;
	trace(VIRIDIS_TRACE_DISPATCH, vp, vp->bound != NULL, slice);
}

/* Take the CPU's VP off it: back among the ready ones, or blocked. V2 */
static void put_previous_locked(struct cpu *cpu, struct vp *previous, uint64_t now)
{
	run_queue_charge(&queue, &previous->entity, now - cpu->run_start);
	if (__atomic_load_n(&previous->suspend, __ATOMIC_SEQ_CST) == 0) {
		make_ready_locked(previous);
		return;
	}
	previous->sched_state = VP_BLOCKED;
	trace(VIRIDIS_TRACE_BLOCK, previous, previous->suspend, previous->timer_deadline);
}

/* A child's VP that had to leave its CPU goes on at an idle one. */
static void move_on_locked(const struct vp *previous)
{
	struct cpu *target;

	if (!previous || previous->bound || previous->sched_state != VP_QUEUED)
		return;
	target = choose_cpu(previous);
	if (!target->current)
		poke(target);
}

static struct vp *dispatch_locked(struct cpu *cpu, const struct vp *previous,
                                  uint64_t now)
{
	struct vp *next = take_next_locked(cpu, end_loan_locked(cpu, previous));

	cpu->current = next;
	cpu->slice_end = 0;
	if (next) {
		next->sched_state = VP_RUNNING;
		next->last_cpu = cpu;
		__atomic_store_n(&next->running_on, cpu, __ATOMIC_SEQ_CST);
		set_slice_locked(cpu, next, now);
	}
	return next;
}

static struct vp *switch_vp(struct cpu *cpu)
{
	struct vp *previous = cpu->current;
	uint64_t now = cpu_rdtsc();
	struct vp *next;

	__atomic_store_n(&cpu->reschedule, false, __ATOMIC_SEQ_CST);
	if (previous && previous->arch.extended_state)
		context_save(cpu, previous); /* another CPU may take it from here on */
	spin_lock(&sched_lock);
	if (previous) {
		put_previous_locked(cpu, previous, now);
		__atomic_store_n(&previous->running_on, NULL, __ATOMIC_SEQ_CST);
	}
	next = dispatch_locked(cpu, previous, now);
	move_on_locked(previous);
	spin_unlock(&sched_lock);

	cpu->run_start = now;
	if (next && next != previous) {
		stat_count(next->stats, VIRIDIS_VP_STAT_DISPATCHES);
		stat_count(cpu->stats, VIRIDIS_CPU_STAT_DISPATCHES);
		if (previous && previous->sched_state == VP_QUEUED)
			stat_count(previous->stats, VIRIDIS_VP_STAT_PREEMPTIONS);
	}
	if (next)
		context_load(cpu, next);
	return next;
}

struct vp *sched_pick(struct cpu *cpu)
{
	struct vp *current = cpu->current;

	if (current && !__atomic_load_n(&cpu->reschedule, __ATOMIC_ACQUIRE) &&
	    __atomic_load_n(&current->suspend, __ATOMIC_ACQUIRE) == 0)
		return current;
	return switch_vp(cpu);
}
