/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From exit codes and the VMCB's exit fields to a struct vp_exit. APM2 15, appendix C */
#include "hypervisor/arch/x86/svm/exit.h"
#include "hypervisor/arch/x86/svm/registers.h"
#include "hypervisor/kernel/guest/hypercall.h"
#include "hypervisor/kernel/objects/guest_view.h"
#include "hypervisor/kernel/run/exit.h"
#include "hypervisor/kernel/run/vp_enter.h"

static void become_exception(struct vp *vp, uint8_t vector)
{
	vp->arch.exit.kind = EXIT_EXCEPTION;
	vp->arch.exit.vector = vector;
}

/* From ring 0 of protected mode alone. TLFS 3.5 */
static void describe_hypercall(struct vp *vp)
{
	const struct vmcb_save *save = &svm_vmcb(vp)->save;

	if ((save->ss.attributes & SVM_SEGMENT_DPL) || !(save->cr0 & CR0_PE))
		become_exception(vp, EXCEPTION_UD);
	else
		vp->arch.exit.is_64bit = svm_is_64bit(save);
}

/* Codes 0 to 15 are reads of CR0 to CR15, then come the writes. */
static void describe_move_cr(struct vp *vp)
{
	struct vp_exit *exit = &vp->arch.exit;
	bool is_64bit = svm_is_64bit(&svm_vmcb(vp)->save);
	uint8_t bytes[DECODE_MAX_BYTES];
	struct decode_mov_cr move;
	uint64_t *gpr;
	size_t count;

	svm_get_state(vp, &vp->state);
	count = guest_fetch(vp, bytes, sizeof(bytes));
	if (!decode_mov_cr(bytes, count, is_64bit, &move) ||
	    move.number != (exit->code & 0xf)) {
		become_exception(vp, EXCEPTION_UD);
		return;
	}
	exit->length = move.length;
	gpr = &vp->arch.gpr[move.gpr];
	exit->value = is_64bit ? *gpr : (uint32_t)*gpr;
	if (!move.writes_cr)
		*gpr = vp_register(vp, HV_X64_REGISTER_CR4).reg64;
	else if (move.number == 8)
		exit->kind = EXIT_CR8;
	else if (!svm_write_cr4(vp, exit->value))
		become_exception(vp, EXCEPTION_GP);
}

/*
 * The intercept comes before the IRET is carried out, and the NMI is in service until it has been: the next
 * exit finds another RIP or stack. SDM3 6.7.1
 */
static void describe_iret(struct vp *vp)
{
	vp->arch.nmi_returning = true;
	vp->arch.iret_rip = vp->arch.rip;
	vp->arch.iret_rsp = vp->arch.gpr[GPR_RSP];
}

static void describe_msr(struct vp *vp)
{
	if (svm_vmcb(vp)->control.exit_info1 != 0)
		vp->arch.exit.kind = EXIT_WRMSR;
}

static void describe_port(struct vp *vp)
{
	const struct vmcb_control *control = &svm_vmcb(vp)->control;
	uint64_t info = control->exit_info1;

	vp->arch.exit.length = (uint32_t)(control->exit_info2 - vp->arch.rip);
	vp->arch.exit.port = (struct exit_port){
		.port = (uint16_t)(info >> SVM_IO_PORT_SHIFT),
		.bytes = info >> SVM_IO_SIZE_SHIFT & 7,
		.in = (info & SVM_IO_IN) != 0,
		.string = (info & SVM_IO_STRING) != 0,
		.rep = (info & SVM_IO_REP) != 0,
	};
}

static void describe_fault(struct vp *vp)
{
	const struct vmcb_control *control = &svm_vmcb(vp)->control;
	uint64_t info = control->exit_info1;

	vp->arch.exit.fault = (struct exit_fault){
		.gpa = control->exit_info2,
		.present = (info & SVM_NPF_PRESENT) != 0,
		.write = (info & SVM_NPF_WRITE) != 0,
		.fetch = (info & SVM_NPF_FETCH) != 0,
		.table_walk = (info & SVM_NPF_TABLE_WALK) != 0,
	};
}

/* The intercept comes before the check of CPL, and in TCG before that of OSXSAVE. APM2 table 15-7 */
static void describe_xsetbv(struct vp *vp)
{
	const struct vmcb_save *save = &svm_vmcb(vp)->save;

	if (!(save->cr4 & CR4_OSXSAVE))
		become_exception(vp, EXCEPTION_UD);
	else if (save->ss.attributes & SVM_SEGMENT_DPL)
		become_exception(vp, EXCEPTION_GP);
}

/*
 * Refused: the save area holds the host's state, and there is no guest any more. Else this is TCG's
 * answer to a MOV to CR3 with reserved bits: #GP, and the state is good. TCG refuses some states only
 * after it has loaded them: the #GP is then refused too, and shows as interrupted, which one that
 * reached the guest does not.
 */
static void describe_refusal(struct vp *vp)
{
	svm_renew_tags();
	if (svm_vmcb(vp)->save.cr3 != cpu_read_cr3() &&
	    !(svm_vmcb(vp)->control.exit_interrupt_info & SVM_EVENT_VALID))
		become_exception(vp, EXCEPTION_GP);
}

/*
 * Without next-RIP save the length is that of the bare encoding. A prefixed form of these
 * instructions would resume inside itself, to nobody's harm but the guest's; every processor since
 * 2009 has next-RIP save.
 */
struct exit_row {
	uint8_t kind, stat;
	uint8_t length;                  /* of EXIT_EXCEPTION: the vector */
	void (*describe)(struct vp *vp); /* the operands, or another kind; NULL: none */
};

#define ROW(kind, length, describe, stat)                                  \
	{                                                                  \
		EXIT_##kind, VIRIDIS_VP_STAT_EXIT_##stat, length, describe \
	}
#define EXCEPTION(vector) ROW(EXCEPTION, EXCEPTION_##vector, NULL, OTHER)

/*
 * What has a row is intercepted; but IRET, reads of CR4 and writes of CR8 only where svm.c says so. #DB and #AC are
 * seen because a guest can make their delivery raise them again, for good, and nothing comes between but
 * what the run loop lets in while an event waits.
 */
static const struct exit_row rows[] = {
	[SVM_EXIT_CR4_READ] = ROW(SKIP, 0, describe_move_cr, CR_DR),
	[SVM_EXIT_CR4_WRITE] = ROW(SKIP, 0, describe_move_cr, CR_DR),
	[SVM_EXIT_CR8_WRITE] = ROW(SKIP, 0, describe_move_cr, CR_DR),
	[SVM_EXIT_EXCEPTION + EXCEPTION_DB] = EXCEPTION(DB),
	[SVM_EXIT_EXCEPTION + EXCEPTION_AC] = EXCEPTION(AC),
	[SVM_EXIT_EXCEPTION + EXCEPTION_MC] = EXCEPTION(MC),
	[SVM_EXIT_INTR... SVM_EXIT_VINTR] = ROW(INTERRUPT, 0, NULL, INTERRUPT),
	[SVM_EXIT_RDPMC] = EXCEPTION(GP),
	[SVM_EXIT_CPUID] = ROW(CPUID, 2, NULL, CPUID),
	[SVM_EXIT_RSM] = EXCEPTION(UD),
	[SVM_EXIT_IRET] = ROW(WATCH, 0, describe_iret, OTHER),
	/* Memory is coherent: there is nothing to be written back. */
	[SVM_EXIT_INVD] = ROW(SKIP, 2, NULL, OTHER),
	[SVM_EXIT_HLT] = ROW(HLT, 1, NULL, HLT),
	[SVM_EXIT_INVLPGA] = EXCEPTION(UD),
	[SVM_EXIT_IOIO] = ROW(IO, 0, describe_port, IO),
	[SVM_EXIT_MSR] = ROW(RDMSR, 2, describe_msr, MSR),
	[SVM_EXIT_TASK_SWITCH] = EXCEPTION(GP),
	[SVM_EXIT_SHUTDOWN] = ROW(TRIPLE_FAULT, 0, NULL, OTHER),
	[SVM_EXIT_VMRUN] = EXCEPTION(UD),
	[SVM_EXIT_VMMCALL] = ROW(HYPERCALL, 3, describe_hypercall, HYPERCALL),
	[SVM_EXIT_VMLOAD... SVM_EXIT_SKINIT] = EXCEPTION(UD),
	[SVM_EXIT_WBINVD] = ROW(SKIP, 2, NULL, OTHER),
	[SVM_EXIT_MONITOR... SVM_EXIT_MWAIT] = EXCEPTION(UD),
	[SVM_EXIT_XSETBV] = ROW(XSETBV, 3, describe_xsetbv, OTHER),
	[SVM_EXIT_RDPRU] = EXCEPTION(UD),
};
static const struct exit_row fault_row = ROW(FAULT, 0, describe_fault, NESTED_FAULT);
static const struct exit_row refused_row = ROW(INVALID_STATE, 0, describe_refusal, OTHER);
static const struct exit_row unknown_row = ROW(UNKNOWN, 0, NULL, OTHER);

static bool has_row(uint32_t code)
{
	return code < ARRAY_COUNT(rows) && rows[code].kind != EXIT_DONE;
}

void svm_set_intercepts(struct vmcb_control *control)
{
	for (unsigned int code = 0; code < ARRAY_COUNT(rows); code++)
		svm_intercept(control, code, has_row(code));
}

void svm_describe_exit(struct vp *vp)
{
	const struct vmcb *vmcb = svm_vmcb(vp);
	struct vp_exit *exit = &vp->arch.exit;
	const struct exit_row *row = &unknown_row;

	exit->code = (uint32_t)vmcb->control.exit_code; /* TCG does not sign-extend -1 */
	if (has_row(exit->code))
		row = &rows[exit->code];
	else if (exit->code == SVM_EXIT_NPF)
		row = &fault_row;
	else if (exit->code == SVM_EXIT_INVALID)
		row = &refused_row;
	exit->kind = row->kind;
	exit->stat = row->stat;
	exit->vector = row->length;
	exit->length = svm_features & SVM_FEATURE_NEXT_RIP ?
	                       (uint32_t)(vmcb->control.next_rip - vmcb->save.rip) :
	                       row->length;
	if (row->describe)
		row->describe(vp);
}

/* Not inlined, as few of the exits below come with one. */
static __attribute__((noinline)) bool took_vector(struct vp *vp,
                                                  const struct vmcb_control *control)
{
	if ((control->v_control & SVM_V_IRQ) ||
	    (control->exit_interrupt_info & SVM_EVENT_VALID))
		return false;
	vp_vector_taken(vp);
	return true;
}

/*
 * The exits that most often need nothing but general registers: their instructions are carried out between
 * #VMEXIT and VMRUN, with all else left in the VMCB. A single step or an older mode takes the long way.
 */
bool svm_exited(struct vp *vp)
{
	struct vmcb_control *control = &svm_vmcb(vp)->control;
	struct vmcb_save *save = &svm_vmcb(vp)->save;
	struct vp_exit *exit = &vp->arch.exit;
	const struct exit_row *row;
	bool done;

	control->tlb_control = 0; /* once is enough */
	exit->kind = EXIT_UNKNOWN;
	if (!vp->quiet || (save->rflags & RFLAGS_TF))
		return false;
	if (vp->entry.vector != VLAPIC_NO_VECTOR && !took_vector(vp, control))
		return false;
	vp->arch.gpr[GPR_RAX] = save->rax;
	/* What root and children do most often is looked for first. */
	switch (__builtin_expect((long)control->exit_code, SVM_EXIT_VMMCALL)) {
	case SVM_EXIT_VMMCALL:
		exit->is_64bit = true;
		done = svm_is_64bit(save) && !(save->ss.attributes & SVM_SEGMENT_DPL) &&
		       hypercall_handle(vp);
		break;
	case SVM_EXIT_CPUID:
		done = exit_cpuid(vp);
		break;
	case SVM_EXIT_HLT:
		done = vp->halted = true;
		break;
	case SVM_EXIT_MSR:
		done = control->exit_info1 == 0 ? exit_read_clock(vp) :
		                                  exit_write_msr(vp);
		break;
	default:
		return false;
	}
	if (!done)
		return false;
	row = &rows[control->exit_code];
	save->rax = vp->arch.gpr[GPR_RAX];
	if (svm_features & SVM_FEATURE_NEXT_RIP)
		save->rip = control->next_rip;
	else
		save->rip += row->length;
	save->rflags &= ~RFLAGS_RF;
	control->interrupt_shadow = 0;
	exit->kind = EXIT_DONE;
	return exit_goes_on(vp, row->stat) && !vp->halted;
}
