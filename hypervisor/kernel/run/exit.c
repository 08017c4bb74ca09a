/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What exits lead to: exit.h */
#include "hypervisor/kernel/run/exit.h"
#include <viridis/abi/hv_msr.h>
#include "hypervisor/arch/x86/context.h"
#include "hypervisor/core/decode_access.h"
#include "hypervisor/kernel/delivery/apic.h"
#include "hypervisor/kernel/objects/guest_view.h"
#include "hypervisor/kernel/guest/cpuid.h"
#include "hypervisor/kernel/guest/hypercall.h"
#include "hypervisor/kernel/guest/msr.h"
#include "hypervisor/kernel/delivery/intercept.h"
#include "hypervisor/kernel/objects/overlay.h"
#include "hypervisor/kernel/objects/partition.h"
#include "hypervisor/kernel/run/root.h"
#include "hypervisor/kernel/run/root_devices.h"
#include "hypervisor/kernel/objects/trace.h"

/* An NMI came when the gate was opened at the end of the exit: the host's handler has had it. */
void exit_interrupt(struct vp *vp)
{
	(void)vp;
	cpu_take_interrupts();
}

void exit_cpuid(struct vp *vp)
{
	uint64_t *gpr = vp->arch.gpr;
	struct cpuid_regs regs;

	if (cpuid_for_guest(vp, (uint32_t)gpr[GPR_RAX], (uint32_t)gpr[GPR_RCX], &regs)) {
		intercept_cpuid(vp, &regs);
		return;
	}
	gpr[GPR_RAX] = regs.eax;
	gpr[GPR_RBX] = regs.ebx;
	gpr[GPR_RCX] = regs.ecx;
	gpr[GPR_RDX] = regs.edx;
	vp_advance(vp);
}

void exit_msr(struct vp *vp, bool write)
{
	uint64_t *gpr = vp->arch.gpr;
	uint32_t msr = (uint32_t)gpr[GPR_RCX];
	uint64_t value = gpr[GPR_RDX] << 32 | (uint32_t)gpr[GPR_RAX];
	bool done = write ? msr_write(vp, msr, value) : msr_read(vp, msr, &value);

	/* A write may be of anything; and a runtime that is read again has gone on. */
	if (write || msr == HV_MSR_VP_RUNTIME)
		vp->quiet = false;
	if (!done) {
		vp_exception(vp, EXCEPTION_GP);
		return;
	}
	if (!write) {
		gpr[GPR_RAX] = (uint32_t)value;
		gpr[GPR_RDX] = value >> 32;
	}
	vp_advance(vp);
}

void exit_io(struct vp *vp, const struct exit_port *access)
{
	if (vp->partition->is_root)
		root_devices_io(vp, access);
	else
		intercept_io(vp, access);
}

void exit_hlt(struct vp *vp)
{
	vp_advance(vp);
	vp->halted = true;
}

void exit_nested_fault(struct vp *vp, const struct exit_fault *fault)
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

/*
 * Writes of CR4 always exit, reads while it is not what the guest wrote, writes of CR8 while a vector waits. CR8
 * is never read here.
 */
void exit_cr(struct vp *vp, unsigned int number)
{
	uint8_t bytes[DECODE_MAX_BYTES];
	size_t count = guest_fetch(vp, bytes, sizeof(bytes));
	bool is_64 = guest_code_bits(vp) == 64;
	struct decode_mov_cr move;
	uint64_t *gpr, value;

	if (!decode_mov_cr(bytes, count, is_64, &move) || move.number != number) {
		vp_exception(vp, EXCEPTION_UD);
		return;
	}
	gpr = &vp->arch.gpr[move.gpr];
	value = is_64 ? *gpr : (uint32_t)*gpr;
	if (!move.writes_cr) {
		*gpr = vp_register(vp, HV_X64_REGISTER_CR4).reg64;
	} else if (!(number == 8 ? vlapic_set_cr8(&vp->lapic, value) :
	                           virt->write_cr4(vp, value))) {
		vp_exception(vp, EXCEPTION_GP);
		return;
	}
	vp->arch.next_rip = vp->arch.rip + move.length;
	vp_advance(vp);
}

/*
 * The intercept comes before the IRET is carried out, and the NMI is in service until it has been: the next
 * exit finds another RIP or stack. SDM3 6.7.1
 */
void exit_iret(struct vp *vp)
{
	vp->nmi_returning = true;
	vp->iret_rip = vp->arch.rip;
	vp->iret_rsp = vp->arch.gpr[GPR_RSP];
}

/* The intercept comes before the check of CPL, and in TCG before that of OSXSAVE. APM2 table 15-7 */
void exit_xsetbv(struct vp *vp)
{
	const uint64_t *gpr = vp->arch.gpr;
	uint64_t value = gpr[GPR_RDX] << 32 | (uint32_t)gpr[GPR_RAX];
	bool exists = vp_register(vp, HV_X64_REGISTER_CR4).reg64 & CR4_OSXSAVE;

	if (!exists || vp_cpl(vp) != 0 || (uint32_t)gpr[GPR_RCX] != 0 ||
	    !context_xcr0_is_valid(value)) {
		vp_exception(vp, exists ? EXCEPTION_GP : EXCEPTION_UD);
		return;
	}
	vp->arch.xcr0 = value;
	cpu_write_xcr0(value);
	vp_advance(vp);
}

void vp_triple_fault(struct vp *vp)
{
	if (vp->partition->is_root)
		root_ended("the root has triple-faulted or reset itself");
	else
		intercept_triple_fault(vp);
}

/* The parent set registers no processor takes. The VP is lost; nobody else is. */
void exit_invalid_state(struct vp *vp)
{
	log_limited("p%u vp%u exit: the processor refused its state, rip %#lx",
	            vp->partition->slot, vp->index, vp->arch.rip);
	vp_reset_registers(vp);
	vp_triple_fault(vp);
}
