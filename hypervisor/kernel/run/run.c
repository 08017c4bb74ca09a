/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loop of every CPU: pick a VP, let it run, deal with its exit. Interrupts are off but in the
 * three places that open the gate: after an exit that an interrupt caused, while idle, and
 * while a VP waits for an epoch.
 */
#include "hypervisor/kernel/run/run.h"

#include "hypervisor/arch/x86/lapic.h"
#include "hypervisor/arch/x86/smp.h"
#include "hypervisor/arch/x86/time.h"
#include "hypervisor/core/tsc_skew.h"
#include "hypervisor/kernel/objects/sched.h"
#include "hypervisor/kernel/objects/timer_queue.h"
#include "hypervisor/kernel/run/exit.h"
#include "hypervisor/kernel/run/vp_enter.h"

/* 20 us: long enough to get into the guest and through an IRET. When it fires, the deadlines' turn comes. */
#define EXITS_SOON_HZ 50000

static void account(struct cpu *cpu, enum viridis_cpu_stat stat)
{
	uint64_t now = cpu_rdtsc();

	stat_add(cpu->stats, stat, now - cpu->stamp);
	cpu->stamp = now;
}

/*
 * By its interrupt, or by the time of the last account: what comes as a guest exits, an emulator may lose (QEMU's TCG
 * changes the word of pending interrupts by two threads), and an idle CPU would wait for it for ever.
 */
static bool timer_is_due(const struct cpu *cpu)
{
	return cpu->timer_fired || cpu->stamp >= cpu->timer_due;
}

static void timer_tick(struct cpu *cpu)
{
	uint64_t now = cpu_rdtsc();

	cpu->timer_fired = false;
	stat_count(cpu->stats, VIRIDIS_CPU_STAT_TIMER_INTERRUPTS);
	timer_queue_run(cpu, now);
	if (cpu->slice_end && now >= cpu->slice_end)
		__atomic_store_n(&cpu->reschedule, true, __ATOMIC_RELAXED);
}

/* Interrupts are off from the last look at the flags to HLT, which they then end. */
static void idle(struct cpu *cpu)
{
	account(cpu, VIRIDIS_CPU_STAT_HYPERVISOR_TICKS);
	if (cpu->timer_rearm)
		timer_queue_arm(cpu);
	epoch_idle(cpu);
	if (!__atomic_load_n(&cpu->reschedule, __ATOMIC_SEQ_CST) && !timer_is_due(cpu))
		cpu_sti_hlt();
	cpu_cli();
	account(cpu, VIRIDIS_CPU_STAT_IDLE_TICKS);
}

/*
 * Whether a VP on that CPU may go on by what was removed from its partition's tables, or from its own: it has not been
 * entered since. NPT-5
 */
static bool uses_removed(const struct cpu *cpu, const struct partition *partition)
{
	/* Sequentially consistent; pairs with running_on in sched.c: it shows here, or the removal there. */
	const struct vp *vp = __atomic_load_n(&cpu->current, __ATOMIC_SEQ_CST);

	return vp && vp->partition == partition &&
	       (__atomic_load_n(&vp->flush_asked, __ATOMIC_RELAXED) ||
	        __atomic_load_n(&vp->removals_seen, __ATOMIC_RELAXED) !=
	                __atomic_load_n(&partition->npt.removals, __ATOMIC_RELAXED));
}

/*
 * What a child takes out of reach by itself is translations of its own, when an overlay moves or it flushes; so is what
 * the root flushes. Whoever does not run it need not let go of anything, and is not disturbed, however often it does so.
 */
static bool others_have_let_go(const struct vp *vp)
{
	bool all = true;

	for (unsigned int i = 0; i < cpu_count; i++) {
		if (epoch_cpu_passed(cpus[i], vp->wait_epoch) ||
		    ((vp->flushes || !vp->partition->is_root) &&
		     !uses_removed(cpus[i], vp->partition)))
			continue;
		all = false;
		if (!vp->epoch_hurried)
			smp_kick(cpus[i]);
	}
	return all;
}

/* True while the VP has to wait. The other CPUs are kicked once; interrupts, and other VPs, go on. */
static bool waits_for_epoch(struct vp *vp)
{
	if (vp->wait_epoch == 0)
		return false;
	vp->epoch_hurried = !others_have_let_go(vp);
	if (!vp->epoch_hurried) {
		vp->wait_epoch = 0;
		vp->flushes = false;
		return false;
	}
	cpu_pause();
	cpu_take_interrupts();
	return true;
}

/* What was not the guest's since the last account was ours. D9 */
static void account_run(struct cpu *cpu, struct vp *vp)
{
	uint64_t now = cpu_rdtsc(), guest = vp->arch.guest_ticks;
	uint64_t ours = now - cpu->stamp - guest;
	uint64_t entries =
		EXITS_IN_A_ROW - cpu->row_left + (vp->arch.exit.kind != EXIT_DONE);

	stat_add(vp->stats, VIRIDIS_VP_STAT_ENTRIES, entries);
	stat_add(vp->stats, VIRIDIS_VP_STAT_HYPERVISOR_TICKS, ours);
	stat_add(cpu->stats, VIRIDIS_CPU_STAT_HYPERVISOR_TICKS, ours);
	stat_add(vp->stats, VIRIDIS_VP_STAT_GUEST_TICKS, guest);
	stat_add(cpu->stats, VIRIDIS_CPU_STAT_GUEST_TICKS, guest);
	vp->arch.guest_ticks = 0;
	cpu->stamp = now;
}

static void run(struct cpu *cpu, struct vp *vp)
{
	/* Acquire pairs with the release in npt.c; on another CPU the VP gets new entries in any case. */
	uint64_t removals =
		__atomic_load_n(&vp->partition->npt.removals, __ATOMIC_ACQUIRE);

	/* Looked at once: who asks behind this look kicks this CPU (VP-3), and that ends the coming run. */
	bool asked = __atomic_load_n(&vp->flush_asked, __ATOMIC_SEQ_CST);

	vp->entry.flush = removals != vp->removals_seen || asked;
	if (asked)
		__atomic_store_n(&vp->flush_asked, false, __ATOMIC_SEQ_CST);
	__atomic_store_n(&vp->removals_seen, removals, __ATOMIC_RELAXED);
	if (vp->entry.flush)
		stat_count(cpu->stats, VIRIDIS_CPU_STAT_TLB_FLUSHES);
	vp->entry.tsc_offset = tsc_to_first(
		partition_tsc_offset(vp->partition) + vp->tsc_adjust, cpu->tsc_skew);
	cpu->row_left = EXITS_IN_A_ROW;
	virt->run(vp, &vp->entry);
	account_run(cpu, vp);
	vp_after_exit(vp);
	exit_handle(vp);
	/*
	 * Whatever a guest does, its time slice ends: the timer's interrupt may still be pending. And one whose
	 * events end in another event each time never comes to where interrupts are taken.
	 */
	if (vp->entry.event.valid || (cpu->slice_end && cpu->stamp >= cpu->slice_end))
		cpu_take_interrupts();
}

static void describe_vp(void)
{
	const struct vp *vp = this_cpu()->current;

	if (!vp) {
		log_error("no VP");
		return;
	}
	log_error("p%u vp%u: rip %#lx rflags %#lx rax %#lx rsp %#lx", vp->partition->slot,
	          vp->index, vp->arch.rip, vp->arch.rflags, vp->arch.gpr[GPR_RAX],
	          vp->arch.gpr[GPR_RSP]);
}

_Noreturn void cpu_loop(struct cpu *cpu)
{
	panic_describe_vp = describe_vp;
	cpu->stamp = cpu_rdtsc();
	for (;;) {
		struct vp *vp;

		epoch_pass(cpu);
		cpu->vp_waits = false;
		if (timer_is_due(cpu))
			timer_tick(cpu);
		if (__atomic_load_n(&cpu->nmi_came, __ATOMIC_RELAXED)) {
			__atomic_store_n(&cpu->nmi_came, false, __ATOMIC_RELAXED);
			vp_raise(cpu->root_vp, EVENTS_NMI);
		}
		/* One that has halted leaves the CPU to the next, or may not, while events keep coming. */
		for (vp = sched_pick(cpu); vp && !waits_for_epoch(vp) && !vp_prepare(vp);
		     vp = sched_pick(cpu))
			epoch_pass(cpu);
		if (!vp) {
			idle(cpu);
		} else if (vp->wait_epoch == 0) {
			if (cpu->timer_rearm)
				timer_queue_arm(cpu);
			/* It waits for what no exit tells: the end of an IRET, or of another event. */
			if (vp->nmi_pending &&
			    (!vp->arch.nmi_blocked || vp->arch.nmi_returning))
				lapic_timer_arm(lapic_hz / EXITS_SOON_HZ);
			run(cpu, vp);
		}
	}
}
