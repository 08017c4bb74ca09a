/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What exits lead to: exit.h */
#include "hypervisor/kernel/run/exit.h"
#include "hypervisor/arch/x86/context.h"
#include "hypervisor/kernel/delivery/apic.h"
#include "hypervisor/kernel/guest/cpuid.h"
#include "hypervisor/kernel/guest/hypercall.h"
#include "hypervisor/kernel/guest/msr.h"
#include "hypervisor/kernel/guest/registers.h"
#include "hypervisor/kernel/delivery/intercept.h"
#include "hypervisor/kernel/objects/overlay.h"
#include "hypervisor/kernel/run/root_devices.h"
#include "hypervisor/kernel/objects/trace.h"

static struct cpuid_answer *cpuid_slot(struct vp *vp)
{
	return &vp->cpuid_answers[vp->arch.gpr[GPR_RAX] % CPUID_ANSWERS];
}

static bool give_answer(struct vp *vp, const struct cpuid_regs *regs)
{
	vp->arch.gpr[GPR_RAX] = regs->eax;
	vp->arch.gpr[GPR_RBX] = regs->ebx;
	vp->arch.gpr[GPR_RCX] = regs->ecx;
	vp->arch.gpr[GPR_RDX] = regs->edx;
	return true;
}

/* False: the parent asked to be asked. Not inlined, as few calls of the next function come to it. */
static __attribute__((noinline)) bool answer_anew(struct vp *vp,
                                                  struct cpuid_answer *answer)
{
	answer->turn = 0;
	answer->leaf = (uint32_t)vp->arch.gpr[GPR_RAX];
	answer->subleaf = (uint32_t)vp->arch.gpr[GPR_RCX];
	if (cpuid_for_guest(vp, answer->leaf, answer->subleaf, &answer->regs))
		return false;
	answer->turn = vp->turn;
	return give_answer(vp, &answer->regs);
}

/*
 * Answers are kept until an exit takes the long way, or the VP another CPU: those may change them. A result
 * that the parent registers meanwhile shows after that. D16
 */
bool exit_cpuid(struct vp *vp)
{
	struct cpuid_answer *answer = cpuid_slot(vp);

	if (answer->turn == vp->turn && answer->leaf == (uint32_t)vp->arch.gpr[GPR_RAX] &&
	    answer->subleaf == (uint32_t)vp->arch.gpr[GPR_RCX])
		return give_answer(vp, &answer->regs);
	return answer_anew(vp, answer);
}

/*
 * Not TPR, which comes back with each exit. An interrupt of level trigger may be its parent's to end: the long way. A
 * timer that is due at once, or first of all, is something to look at before the next entry; one that is refused is
 * logged on the long way.
 */
__attribute__((noinline)) bool exit_write_msr(struct vp *vp)
{
	const uint64_t *gpr = vp->arch.gpr, *level = vp->lapic.tmr;
	uint32_t msr = (uint32_t)gpr[GPR_RCX], offset = VLAPIC_MSR_OFFSET(msr);
	uint64_t value = gpr[GPR_RDX] << 32 | (uint32_t)gpr[GPR_RAX];
	bool is_x2apic = VLAPIC_IS_MSR(msr) && vlapic_mode(&vp->lapic) == VLAPIC_X2APIC;
	bool is_eoi = is_x2apic ? offset == VLAPIC_EOI && value == 0 :
	                          msr == HV_MSR_EOI && (vp->partition->privileges &
	                                                HV_PRIVILEGE_APIC_MSRS);

	if (msr == HV_MSR_STIMER0_COUNT)
		return registers_write_msr(vp, msr, value);
	if (vp->assisted ||
	    (!vp->partition->is_root && (level[0] | level[1] | level[2] | level[3])))
		return false;
	if (is_x2apic && offset == VLAPIC_SELF_IPI && value >= 16 && value <= 0xff) {
		apic_send_self(vp, (uint8_t)value);
		return true;
	}
	if (is_eoi)
		apic_eoi(vp);
	return is_eoi || (is_x2apic && offset != VLAPIC_TPR &&
	                  apic_write(vp, VLAPIC_MSR, offset, value));
}

static bool rdmsr(struct vp *vp)
{
	uint64_t *gpr = vp->arch.gpr, value;

	if (!msr_read(vp, (uint32_t)gpr[GPR_RCX], &value))
		return false;
	gpr[GPR_RAX] = (uint32_t)value;
	gpr[GPR_RDX] = value >> 32;
	return true;
}

static bool xsetbv(struct vp *vp)
{
	const uint64_t *gpr = vp->arch.gpr;
	uint64_t value = gpr[GPR_RDX] << 32 | (uint32_t)gpr[GPR_RAX];

	if ((uint32_t)gpr[GPR_RCX] != 0 || !context_xcr0_is_valid(value))
		return false;
	vp->arch.xcr0 = value;
	cpu_write_xcr0(value);
	return true;
}

static void nested_fault(struct vp *vp, const struct exit_fault *fault)
{
	trace(VIRIDIS_TRACE_FAULT, vp, fault->gpa, fault->write);
	if (apic_mmio(vp, fault->gpa))
		return;
	if (vp->partition->is_root)
		root_devices_fault(vp, fault);
	else if (fault->present && overlay_is_at(vp->partition, fault->gpa))
		vp_exception(vp, EXCEPTION_GP); /* read-only pages: TLFS 3.13, 12.7 */
	else
		intercept_memory(vp, fault);
}

/* An instruction: RIP moves on, or it has changed nothing. */
static void complete(struct vp *vp, bool done, uint8_t else_exception)
{
	if (done)
		vp_advance(vp);
	else
		vp_exception(vp, else_exception);
}

void exit_handle(struct vp *vp)
{
	const struct vp_exit *exit = &vp->arch.exit;
	const uint64_t *gpr = vp->arch.gpr;

	if (exit->kind == EXIT_DONE)
		return;
	trace(VIRIDIS_TRACE_EXIT, vp, exit->code, vp->arch.rip);
	stat_count(vp->stats, exit->stat);
	vp->turn++;
	switch (exit->kind) {
	case EXIT_DONE:
	case EXIT_WATCH:
		break;
	case EXIT_CPUID:
		if (exit_cpuid(vp))
			vp_advance(vp);
		else
			intercept_cpuid(vp, &cpuid_slot(vp)->regs);
		break;
	case EXIT_RDMSR:
		complete(vp, rdmsr(vp), EXCEPTION_GP);
		break;
	case EXIT_WRMSR:
		complete(vp,
		         msr_write(vp, (uint32_t)gpr[GPR_RCX],
		                   gpr[GPR_RDX] << 32 | (uint32_t)gpr[GPR_RAX]),
		         EXCEPTION_GP);
		break;
	case EXIT_HYPERCALL:
		if (!(vp->partition->hypercall_msr & HV_MSR_PAGE_ENABLE))
			vp_exception(vp, EXCEPTION_UD);
		else if (hypercall_handle(vp))
			vp_advance(vp);
		break;
	case EXIT_HLT:
		vp->halted = true;
		vp_advance(vp);
		break;
	case EXIT_XSETBV:
		complete(vp, xsetbv(vp), EXCEPTION_GP);
		break;
	case EXIT_CR8:
		complete(vp, vlapic_set_cr8(&vp->lapic, exit->value), EXCEPTION_GP);
		break;
	case EXIT_SKIP:
		vp_advance(vp);
		break;
	case EXIT_IO:
		if (vp->partition->is_root)
			root_devices_io(vp, &exit->port);
		else
			intercept_io(vp, &exit->port);
		break;
	case EXIT_FAULT:
		nested_fault(vp, &exit->fault);
		break;
	case EXIT_EXCEPTION:
		if (exit->vector == EXCEPTION_MC)
			panic("machine check");
		vp_exception(vp, exit->vector);
		break;
	case EXIT_INTERRUPT:
		/* An NMI came when the gate was opened at the end of the exit: the host's handler has had it. */
		cpu_take_interrupts();
		break;
	case EXIT_TRIPLE_FAULT:
		vp_raise(vp, EVENTS_SHUTDOWN);
		break;
	case EXIT_INVALID_STATE:
		/* The parent set registers no processor takes. The VP is lost; nobody else is. */
		log_limited("p%u vp%u exit: the processor refused its state, rip %#lx",
		            vp->partition->slot, vp->index, vp->arch.rip);
		vp_reset_registers(vp);
		vp_raise(vp, EVENTS_SHUTDOWN);
		break;
	case EXIT_UNKNOWN:
		log_limited("p%u vp%u exit: unexpected code %#x", vp->partition->slot,
		            vp->index, exit->code);
		vp_exception(vp, EXCEPTION_UD);
		break;
	}
}
