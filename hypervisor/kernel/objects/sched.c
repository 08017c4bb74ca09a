/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The scheduler: sched.h. One lock. */
#include "hypervisor/kernel/objects/sched.h"
#include "hypervisor/arch/x86/context.h"
#include "hypervisor/arch/x86/smp.h"
#include "hypervisor/arch/x86/time.h"
#include "hypervisor/kernel/objects/timer_queue.h"
#include "hypervisor/kernel/objects/trace.h"

static struct spinlock sched_lock = SPINLOCK(LOCK_SCHEDULER);
static struct run_queue_policy policy;
static uint64_t grace_ticks;
static struct run_queue queue; /* sched_lock: children's VPs that are ready */
static unsigned int busy_cpus; /* sched_lock: those that run a VP */

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
	grace_ticks = millisecond / 5;
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

bool sched_some_cpu_idles(void)
{
	return __atomic_load_n(&busy_cpus, __ATOMIC_RELAXED) < cpu_count;
}

/* What `cpu` runs, charged up to now. Clocks of two CPUs may differ a little. */
static const struct vp *charged_current_locked(struct cpu *cpu, uint64_t now)
{
	struct vp *current = cpu->current;

	if (current && (int64_t)(now - cpu->run_start) > 0) {
		run_queue_charge(&queue, &current->entity, now - cpu->run_start);
		cpu->run_start = now;
	}
	return current;
}

static void poke(struct cpu *cpu)
{
	__atomic_store_n(&cpu->reschedule, true, __ATOMIC_SEQ_CST);
	if (cpu != this_cpu())
		smp_kick(cpu);
}

/* Whether `cpu` should look again because `vp` is ready: it idles, is outrun, or has no slice. */
static bool should_poke_locked(struct cpu *cpu, const struct vp *vp)
{
	return !cpu->current || cpu->slice_end == 0 ||
	       run_queue_preempts(&queue, &vp->entity,
	                          &charged_current_locked(cpu, cpu_rdtsc())->entity);
}

/* An idle CPU if there is one, the last it ran on first; else the one that is most ahead. */
static struct cpu *choose_cpu_locked(const struct vp *vp)
{
	struct cpu *best = vp->last_cpu ? vp->last_cpu : cpus[0];
	uint64_t now = cpu_rdtsc();

	if (!charged_current_locked(best, now))
		return best;
	for (unsigned int i = 0; i < cpu_count; i++) {
		const struct vp *current = charged_current_locked(cpus[i], now);

		if (!current)
			return cpus[i];
		if ((int64_t)(current->entity.virtual_time -
		              best->current->entity.virtual_time) > 0)
			best = cpus[i];
	}
	return best;
}

/*
 * The child on this CPU, which has signalled the root's VP of it, goes on. False: it may not, or it can go
 * on at an idle CPU, and nobody has to wait. D15
 */
static bool begin_grace(struct cpu *cpu)
{
	struct vp *current = cpu->current;
	uint64_t now = cpu_rdtsc();

	if (cpu != this_cpu() || !current || current->bound || sched_some_cpu_idles() ||
	    !grace_begin(&current->grace, now))
		return false;
	if (cpu->slice_end == 0 || cpu->slice_end > now + grace_ticks)
		cpu->slice_end = now + grace_ticks;
	timer_queue_due(cpu, cpu->slice_end);
	__atomic_store_n(&cpu->in_grace, true, __ATOMIC_RELAXED);
	return true;
}

/* To where a VP that has become ready belongs. */
static void place_locked(const struct vp *vp)
{
	struct cpu *target = choose_cpu_locked(vp);

	trace(VIRIDIS_TRACE_WAKE, vp, target->index, 0);
	if (should_poke_locked(target, vp))
		poke(target);
}

/* Out of the queue, so that no other CPU takes it. */
static void lend_locked(struct cpu *cpu, struct vp *vp)
{
	run_queue_remove(&queue, &vp->entity);
	vp->last_cpu = cpu;
	__atomic_store_n(&cpu->lent_to, vp, __ATOMIC_RELAXED);
	trace(VIRIDIS_TRACE_WAKE, vp, cpu->index, 1);
	poke(cpu);
}

void sched_wake(struct vp *vp, enum sched_wake how)
{
	struct cpu *cpu = this_cpu();

	if (vp->bound) { /* in no queue: its CPU looks whether it may run */
		trace(VIRIDIS_TRACE_WAKE, vp, vp->bound->index, 0);
		if (how != SCHED_SIGNAL || !begin_grace(vp->bound))
			poke(vp->bound);
		return;
	}
	SPIN_HOLD(&sched_lock);
	if (vp->sched_state != VP_BLOCKED ||
	    __atomic_load_n(&vp->suspend, __ATOMIC_SEQ_CST) != 0)
		return;
	vp->sched_state = VP_QUEUED;
	run_queue_insert(&queue, &vp->entity);
	if (how == SCHED_LEND && run_queue_first(&queue) == &vp->entity && !cpu->lent_to)
		lend_locked(cpu, vp);
	else
		place_locked(vp);
}

/* No lock: a loan or a grace that begins or ends meanwhile ends soon, or has. */
void sched_recall(const struct vp *vp, enum sched_wake how)
{
	struct cpu *cpu = vp->bound;

	if (__atomic_load_n(&cpu->lent_to, __ATOMIC_RELAXED) ||
	    (how != SCHED_SIGNAL && __atomic_load_n(&cpu->in_grace, __ATOMIC_RELAXED)))
		poke(cpu);
}

void sched_stop(struct vp *vp)
{
	SPIN_HOLD(&sched_lock);
	if (vp->sched_state != VP_QUEUED ||
	    __atomic_load_n(&vp->suspend, __ATOMIC_SEQ_CST) == 0)
		return;
	run_queue_remove(&queue, &vp->entity);
	if (vp->last_cpu && vp->last_cpu->lent_to == vp)
		__atomic_store_n(&vp->last_cpu->lent_to, NULL, __ATOMIC_RELAXED);
	vp->sched_state = VP_BLOCKED;
}

bool sched_is_blocked(const struct vp *vp)
{
	SPIN_HOLD(&sched_lock);
	return vp->sched_state == VP_BLOCKED;
}

/* The CPU's own root VP when it waits for it. VP-2: who clears the last bit after this look pokes the CPU. */
static struct vp *ready_root(const struct cpu *cpu)
{
	struct vp *root = cpu->root_vp;
	bool waits = root && root->sched_state != VP_RUNNING &&
	             __atomic_load_n(&root->suspend, __ATOMIC_SEQ_CST) == 0;

	return waits ? root : NULL;
}

/*
 * Who has the CPU on loan; else the better of its own root VP and the first child's, or the
 * root's that gets it back.
 */
static struct vp *take_next_locked(struct cpu *cpu, bool given_back)
{
	struct run_entity *first = run_queue_first(&queue);
	struct vp *root = ready_root(cpu);

	if (cpu->lent_to)
		return cpu->lent_to;
	if (root)
		run_queue_admit(&queue, &root->entity);
	if (root && (given_back || !first ||
	             (int64_t)(first->virtual_time - root->entity.virtual_time) >= 0))
		return root;
	if (!first)
		return NULL;
	run_queue_remove(&queue, first);
	return LIST_OWNER(first, struct vp, entity);
}

static void set_slice_locked(struct cpu *cpu, const struct vp *vp, uint64_t now)
{
	uint64_t slice = 0;

	if (cpu->lent_to)
		slice = policy.slice_min;
	else if (run_queue_first(&queue) || ready_root(cpu))
		slice = run_queue_time_slice(&queue, &vp->entity);
	cpu->slice_end = slice ? now + slice : 0;
	if (slice)
		timer_queue_due(cpu, cpu->slice_end);
	trace(VIRIDIS_TRACE_DISPATCH, vp, vp->bound != NULL, slice);
}

/* Take the CPU's VP off it: back among the ready ones, or blocked. VP-2 */
static void put_previous_locked(struct cpu *cpu, struct vp *previous, uint64_t now)
{
	(void)charged_current_locked(cpu, now); /* it is still the CPU's */
	previous->sched_state = VP_QUEUED;
	if (__atomic_load_n(&previous->suspend, __ATOMIC_SEQ_CST) == 0) {
		if (!previous->bound)
			run_queue_insert(&queue, &previous->entity);
		return;
	}
	if (previous->halted)
		grace_halted(&previous->grace, now, grace_ticks);
	previous->sched_state = VP_BLOCKED;
	trace(VIRIDIS_TRACE_BLOCK, previous, previous->suspend, previous->timer_deadline);
}

/* A child's VP that had to leave its CPU goes on at an idle one. */
static void move_on_locked(const struct vp *previous)
{
	if (sched_some_cpu_idles() && previous && !previous->bound &&
	    previous->sched_state == VP_QUEUED)
		poke(choose_cpu_locked(previous));
}

static struct vp *dispatch_locked(struct cpu *cpu, const struct vp *previous,
                                  uint64_t now)
{
	bool given_back = previous && cpu->lent_to == previous;
	struct vp *next;

	if (given_back)
		__atomic_store_n(&cpu->lent_to, NULL, __ATOMIC_RELAXED);
	next = take_next_locked(cpu, given_back);
	busy_cpus += (next != NULL) - (previous != NULL);
	cpu->current = next;
	cpu->run_start = now;
	cpu->slice_end = 0;
	__atomic_store_n(&cpu->in_grace, false, __ATOMIC_RELAXED);
	if (next) {
		next->sched_state = VP_RUNNING;
		next->last_cpu = cpu;
		grace_resumed(&next->grace, now);
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
	if (previous)
		virt->leave(previous); /* another CPU may take it from here on */
	spin_lock(&sched_lock);
	if (previous) {
		put_previous_locked(cpu, previous, now);
		__atomic_store_n(&previous->running_on, NULL, __ATOMIC_SEQ_CST);
	}
	next = dispatch_locked(cpu, previous, now);
	move_on_locked(previous);
	spin_unlock(&sched_lock);

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
