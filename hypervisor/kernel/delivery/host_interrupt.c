/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Physical interrupts. Devices' vectors go to the root's VP on this CPU, which has the CPU's own APIC
 * id. An edge interrupt is acknowledged at once; a level one when the root ends it, and only in the
 * reverse order of arrival, for an EOI at the local APIC retires the newest: a younger one that the
 * root has not ended yet holds an older one's EOI back. D3
 */
#include "hypervisor/kernel/delivery/host_interrupt.h"
#include "hypervisor/arch/x86/lapic.h"
#include "hypervisor/kernel/objects/trace.h"
#include "hypervisor/kernel/objects/vp.h"

void host_interrupt_external(uint8_t vector)
{
	struct cpu *cpu = this_cpu();
	bool level = lapic_holds(LAPIC_TMR, vector);

	stat_count(cpu->stats, VIRIDIS_CPU_STAT_INTERRUPTS);
	trace(VIRIDIS_TRACE_INTERRUPT, cpu->root_vp, vector, level);
	if (!level || !cpu->root_vp) {
		lapic_eoi();
	} else {
		/* One per priority class can be in service: it cannot overflow. */
		ASSERT(cpu->level_count < sizeof(cpu->level_stack));
		cpu->level_ended[cpu->level_count] = false;
		cpu->level_stack[cpu->level_count++] = vector;
	}
	if (cpu->root_vp)
		vp_post_interrupt(cpu->root_vp, vector, level, SCHED_WAKE);
}

void host_interrupt_ended(struct vp *vp, uint8_t vector)
{
	struct cpu *cpu = vp->bound;

	ASSERT(cpu == this_cpu());
	for (unsigned int i = cpu->level_count; i-- > 0;) {
		if (cpu->level_stack[i] == vector && !cpu->level_ended[i]) {
			cpu->level_ended[i] = true;
			break;
		}
	}
	while (cpu->level_count && cpu->level_ended[cpu->level_count - 1]) {
		cpu->level_count--;
		lapic_eoi();
	}
}

void host_interrupt_end_dropped(struct vp *vp, unsigned int word, uint64_t level)
{
	for (level &= ~vp->lapic.irr[word]; level != 0; level &= level - 1)
		host_interrupt_ended(
			vp, (uint8_t)(64 * word + (unsigned int)__builtin_ctzll(level)));
}

void host_interrupt_end_all(struct vp *vp)
{
	struct cpu *cpu = vp->bound;

	while (cpu->level_count) {
		cpu->level_count--;
		lapic_eoi();
	}
}

/*
 * The machine's NMI button, a watchdog: for the root to deal with. It may have come under any lock, and after
 * the loop's last look: the kick ends what comes then, HLT or the guest.
 */
void host_interrupt_nmi(void)
{
	__atomic_store_n(&this_cpu()->nmi_came, true, __ATOMIC_RELAXED);
	lapic_send_self(VECTOR_KICK);
}
