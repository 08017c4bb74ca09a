/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The exit table: a handler and a counter for each kind. */
#include "hypervisor/arch/x86/context.h"
#include "hypervisor/core/decode_access.h"
#include "hypervisor/kernel/delivery/apic.h"
#include "hypervisor/kernel/objects/guest_memory.h"
#include "hypervisor/kernel/guest/hypercall.h"
#include "hypervisor/kernel/delivery/intercept.h"
#include "hypervisor/kernel/objects/overlay.h"
#include "hypervisor/kernel/guest/registers.h"
#include "hypervisor/kernel/objects/partition.h"
#include "hypervisor/kernel/run/root.h"
#include "hypervisor/kernel/objects/trace.h"

/* An NMI came when the gate was opened at the end of the exit: the host's handler has had it. */
static void exit_interrupt(struct vp *vp, const struct vp_exit *exit)
{
	(void)vp, (void)exit;
	cpu_take_interrupts();
}

static void exit_cpuid(struct vp *vp, const struct vp_exit *exit)
{
	uint64_t *gpr = vp->arch.gpr;
	struct cpuid_regs regs;

	if (cpuid_for_guest(vp, (uint32_t)gpr[GPR_RAX], (uint32_t)gpr[GPR_RCX], &regs)) {
		intercept_cpuid(vp, exit, &regs);
		return;
	}
	gpr[GPR_RAX] = regs.eax;
	gpr[GPR_RBX] = regs.ebx;
	gpr[GPR_RCX] = regs.ecx;
	gpr[GPR_RDX] = regs.edx;
	vp_advance(vp, exit->instruction_length);
}

static void exit_msr(struct vp *vp, const struct vp_exit *exit)
{
	uint64_t *gpr = vp->arch.gpr;
	uint32_t msr = (uint32_t)gpr[GPR_RCX];
	uint64_t value = gpr[GPR_RDX] << 32 | (uint32_t)gpr[GPR_RAX];
	bool done = exit->msr.write ? msr_write(vp, msr, value) :
	                              msr_read(vp, msr, &value);

	if (!done) {
		vp_exception(vp, EXCEPTION_GP);
		return;
	}
	if (!exit->msr.write) {
		gpr[GPR_RAX] = (uint32_t)value;
		gpr[GPR_RDX] = value >> 32;
	}
	vp_advance(vp, exit->instruction_length);
}

static void exit_io(struct vp *vp, const struct vp_exit *exit)
{
	if (vp->partition->is_root)
		root_io(vp, exit);
	else
		intercept_io(vp, exit);
}

/* Of WBINVD no more: memory is coherent, and there is nothing a guest could need written back. */
static void exit_skip(struct vp *vp, const struct vp_exit *exit)
{
	vp_advance(vp, exit->instruction_length);
	vp->halted = exit->kind == EXIT_HLT;
}

static void exit_nested_fault(struct vp *vp, const struct vp_exit *exit)
{
	trace(VIRIDIS_TRACE_FAULT, vp, exit->fault.gpa, exit->fault.write);
	if (apic_mmio(vp, exit->fault.gpa))
		return;
	if (vp->partition->is_root)
		root_fault(vp, exit);
	else if (exit->fault.present && overlay_is_at(vp->partition, exit->fault.gpa))
		vp_exception(vp, EXCEPTION_GP); /* read-only pages: TLFS 3.13, 12.7 */
	else
		intercept_memory(vp, exit);
}

/* CR4 always exits, CR8 only while a vector waits behind the task priority. */
static void exit_cr_write(struct vp *vp, const struct vp_exit *exit)
{
	uint8_t bytes[DECODE_MAX_BYTES];
	size_t count = guest_fetch(vp, bytes, sizeof(bytes));
	uint8_t gpr, length;
	uint64_t value;

	if (!decode_mov_to_cr(bytes, count, exit->cr, &gpr, &length)) {
		vp_exception(vp, EXCEPTION_UD);
		return;
	}
	value = vp->arch.gpr[gpr];
	if (guest_code_bits(vp) != 64)
		value = (uint32_t)value;
	if (exit->cr == 8 ? vlapic_set_cr8(&vp->lapic, value) :
	                    virt->write_cr4(vp, value))
		vp_advance(vp, length);
	else
		vp_exception(vp, EXCEPTION_GP);
}

/*
 * The intercept comes before the IRET is carried out, and the NMI is in service until it has been: the next
 * exit finds another RIP or stack. SDM3 6.7.1
 */
static void exit_iret(struct vp *vp, const struct vp_exit *exit)
{
	(void)exit;
	vp->nmi_returning = true;
	vp->iret_rip = vp->arch.rip;
	vp->iret_rsp = vp->arch.gpr[GPR_RSP];
}

/* The intercept comes before the check of CPL. APM2 table 15-7 */
static void exit_xsetbv(struct vp *vp, const struct vp_exit *exit)
{
	const uint64_t *gpr = vp->arch.gpr;
	uint64_t value = gpr[GPR_RDX] << 32 | (uint32_t)gpr[GPR_RAX];

	if (virt->cpl(vp) != 0 || (uint32_t)gpr[GPR_RCX] != 0 ||
	    !context_xcr0_is_valid(value)) {
		vp_exception(vp, EXCEPTION_GP);
		return;
	}
	vp->arch.xcr0 = value;
	cpu_write_xcr0(value);
	vp_advance(vp, exit->instruction_length);
}

static void exit_shutdown(struct vp *vp, const struct vp_exit *exit)
{
	(void)exit;
	vp_triple_fault(vp);
}

void vp_triple_fault(struct vp *vp)
{
	if (vp->partition->is_root)
		root_ended("the root has triple-faulted or reset itself");
	else
		intercept_triple_fault(vp);
}

/*
 * #DB and #AC are seen because a guest can make their delivery raise them again, for good, and nothing
 * comes between but what the run loop lets in while an event waits.
 */
static void exit_exception(struct vp *vp, const struct vp_exit *exit)
{
	if (exit->vector == EXCEPTION_MC)
		panic("machine check");
	vp_exception(vp, exit->vector);
}

/* The parent set registers no processor takes. The VP is lost; nobody else is. */
static void exit_invalid_state(struct vp *vp, const struct vp_exit *exit)
{
	log_limited("p%u vp%u exit: the processor refused its state, code %#x, rip %#lx",
	            vp->partition->slot, vp->index, exit->code, vp->arch.rip);
	virt->vp_reset(vp);
	vp->reinject.valid = false;
	vp_triple_fault(vp);
}

static void exit_unknown(struct vp *vp, const struct vp_exit *exit)
{
	log_limited("p%u vp%u exit: unexpected code %#x", vp->partition->slot, vp->index,
	            exit->code);
	vp_exception(vp, EXCEPTION_UD);
}

static const struct {
	void (*handle)(struct vp *vp, const struct vp_exit *exit);
	enum viridis_vp_stat stat;
} rows[EXIT_KIND_COUNT] = {
	[EXIT_INTERRUPT] = { exit_interrupt, VIRIDIS_VP_STAT_EXIT_INTERRUPT },
	[EXIT_CPUID] = { exit_cpuid, VIRIDIS_VP_STAT_EXIT_CPUID },
	[EXIT_MSR] = { exit_msr, VIRIDIS_VP_STAT_EXIT_MSR },
	[EXIT_IO] = { exit_io, VIRIDIS_VP_STAT_EXIT_IO },
	[EXIT_HLT] = { exit_skip, VIRIDIS_VP_STAT_EXIT_HLT },
	[EXIT_HYPERCALL] = { hypercall_handle, VIRIDIS_VP_STAT_EXIT_HYPERCALL },
	[EXIT_NESTED_FAULT] = { exit_nested_fault, VIRIDIS_VP_STAT_EXIT_NESTED_FAULT },
	[EXIT_CR_WRITE] = { exit_cr_write, VIRIDIS_VP_STAT_EXIT_CR_DR },
	[EXIT_IRET] = { exit_iret, VIRIDIS_VP_STAT_EXIT_OTHER },
	[EXIT_XSETBV] = { exit_xsetbv, VIRIDIS_VP_STAT_EXIT_OTHER },
	[EXIT_WBINVD] = { exit_skip, VIRIDIS_VP_STAT_EXIT_OTHER },
	[EXIT_SHUTDOWN] = { exit_shutdown, VIRIDIS_VP_STAT_EXIT_OTHER },
	[EXIT_EXCEPTION] = { exit_exception, VIRIDIS_VP_STAT_EXIT_OTHER },
	[EXIT_INVALID_STATE] = { exit_invalid_state, VIRIDIS_VP_STAT_EXIT_OTHER },
	[EXIT_UNKNOWN] = { exit_unknown, VIRIDIS_VP_STAT_EXIT_OTHER },
};

void exit_handle(struct vp *vp, const struct vp_exit *exit)
{
	trace_at(this_cpu()->stamp, VIRIDIS_TRACE_EXIT, vp, exit->code, vp->arch.rip);
	stat_count(vp->stats, rows[exit->kind].stat);
	rows[exit->kind].handle(vp, exit);
}
