/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the VMCB's exit fields to struct vp_exit. APM2 15, appendix C */
#include "hypervisor/arch/x86/svm/svm.h"
#include "hypervisor/arch/x86/cpu.h"

/*
 * Without next-RIP save the length is that of the bare encoding. A prefixed form of these
 * instructions would resume inside itself, to nobody's harm but the guest's; every processor since
 * 2009 has next-RIP save.
 */
static const struct exit_row {
	enum exit_kind kind;
	uint8_t length; /* EXIT_EXCEPTION: the vector */
} rows[] = {
	[SVM_EXIT_CR4_WRITE] = { EXIT_CR_WRITE, 0 },
	[SVM_EXIT_CR8_WRITE] = { EXIT_CR_WRITE, 0 },
	[SVM_EXIT_EXCEPTION + EXCEPTION_DB] = { EXIT_EXCEPTION, EXCEPTION_DB },
	[SVM_EXIT_EXCEPTION + EXCEPTION_AC] = { EXIT_EXCEPTION, EXCEPTION_AC },
	[SVM_EXIT_EXCEPTION + EXCEPTION_MC] = { EXIT_EXCEPTION, EXCEPTION_MC },
	[SVM_EXIT_RDPMC] = { EXIT_EXCEPTION, EXCEPTION_GP },
	[SVM_EXIT_CPUID] = { EXIT_CPUID, 2 },
	[SVM_EXIT_RSM] = { EXIT_EXCEPTION, EXCEPTION_UD },
	[SVM_EXIT_IRET] = { EXIT_IRET, 0 },
	[SVM_EXIT_INVD] = { EXIT_WBINVD, 2 },
	[SVM_EXIT_HLT] = { EXIT_HLT, 1 },
	[SVM_EXIT_INVLPGA] = { EXIT_EXCEPTION, EXCEPTION_UD },
	[SVM_EXIT_IOIO] = { EXIT_IO, 0 },
	[SVM_EXIT_MSR] = { EXIT_MSR, 2 },
	[SVM_EXIT_TASK_SWITCH] = { EXIT_EXCEPTION, EXCEPTION_GP },
	[SVM_EXIT_SHUTDOWN] = { EXIT_SHUTDOWN, 0 },
	[SVM_EXIT_VMRUN] = { EXIT_EXCEPTION, EXCEPTION_UD },
	[SVM_EXIT_VMMCALL] = { EXIT_HYPERCALL, 3 },
	[SVM_EXIT_VMLOAD... SVM_EXIT_SKINIT] = { EXIT_EXCEPTION, EXCEPTION_UD },
	[SVM_EXIT_WBINVD] = { EXIT_WBINVD, 2 },
	[SVM_EXIT_MONITOR... SVM_EXIT_MWAIT] = { EXIT_EXCEPTION, EXCEPTION_UD },
	[SVM_EXIT_XSETBV] = { EXIT_XSETBV, 3 },
};

static void describe_io(const struct vmcb_control *control, uint64_t rip,
                        struct vp_exit *exit)
{
	uint64_t info = control->exit_info1;

	exit->io.port = (uint16_t)(info >> SVM_IO_PORT_SHIFT);
	exit->io.bytes = info >> SVM_IO_SIZE_SHIFT & 7;
	exit->io.in = (info & SVM_IO_IN) != 0;
	exit->io.string = (info & SVM_IO_STRING) != 0;
	exit->io.rep = (info & SVM_IO_REP) != 0;
	exit->instruction_length = (uint8_t)(control->exit_info2 - rip);
}

static void describe_fault(const struct vmcb_control *control, struct vp_exit *exit)
{
	uint64_t info = control->exit_info1;

	exit->kind = EXIT_NESTED_FAULT;
	exit->fault.gpa = control->exit_info2;
	exit->fault.present = (info & SVM_NPF_PRESENT) != 0;
	exit->fault.write = (info & SVM_NPF_WRITE) != 0;
	exit->fault.fetch = (info & SVM_NPF_FETCH) != 0;
	exit->fault.table_walk = (info & SVM_NPF_TABLE_WALK) != 0;
}

/*
 * Refused: the save area holds the host's state, and there is no guest any more. Else this is TCG's
 * answer to a MOV to CR3 with reserved bits: #GP, and the state is good. TCG refuses some states only
 * after it has loaded them: the #GP is then refused too, and shows as interrupted, which one that
 * reached the guest does not.
 */
static enum exit_kind describe_refusal(const struct vmcb *vmcb)
{
	return vmcb->save.cr3 == cpu_read_cr3() ||
	                       (vmcb->control.exit_interrupt_info & SVM_EVENT_VALID) ?
	               EXIT_INVALID_STATE :
	               EXIT_EXCEPTION;
}

void svm_describe_exit(struct vp *vp, struct vp_exit *exit)
{
	const struct vmcb *vmcb = svm_vmcb(vp);
	const struct vmcb_control *control = &vmcb->control;
	uint32_t code = (uint32_t)control->exit_code; /* TCG does not sign-extend -1 */

	exit->code = code;
	exit->kind = EXIT_UNKNOWN;
	exit->instruction_length = 0;
	if (code == SVM_EXIT_NPF) {
		describe_fault(control, exit);
	} else if (code == SVM_EXIT_INVALID) {
		exit->kind = describe_refusal(vmcb);
		exit->vector = EXCEPTION_GP;
	} else if (code < ARRAY_COUNT(rows) && rows[code].kind != EXIT_INTERRUPT) {
		exit->kind = rows[code].kind;
		exit->vector = rows[code].length; /* others overwrite it */
		exit->instruction_length = rows[code].length;
		if ((svm_features & SVM_FEATURE_NEXT_RIP) && rows[code].length != 0)
			exit->instruction_length =
				(uint8_t)(control->next_rip - vp->arch.rip);
		if (code == SVM_EXIT_IOIO)
			describe_io(control, vp->arch.rip, exit);
		if (rows[code].kind == EXIT_CR_WRITE)
			exit->cr = (uint8_t)(code - SVM_EXIT_CR0_WRITE);
		if (code == SVM_EXIT_MSR)
			exit->msr.write = control->exit_info1 != 0;
	} else if (code >= SVM_EXIT_INTR && code <= SVM_EXIT_VINTR) {
		exit->kind = EXIT_INTERRUPT;
	}
}
