/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From exit codes and the VMCB's exit fields to the kernel's handlers. APM2 15, appendix C */
#include "hypervisor/arch/x86/svm/svm.h"
#include "hypervisor/arch/x86/cpu.h"
#include "hypervisor/kernel/objects/trace.h"
#include "hypervisor/kernel/guest/hypercall.h"
#include "hypervisor/kernel/objects/partition.h"
#include "hypervisor/kernel/run/exit.h"

static void undefined(struct vp *vp)
{
	vp_exception(vp, EXCEPTION_UD);
}

static void general_protection(struct vp *vp)
{
	vp_exception(vp, EXCEPTION_GP);
}

/*
 * #DB and #AC are seen because a guest can make their delivery raise them again, for good, and nothing
 * comes between but what the run loop lets in while an event waits.
 */
static void exception(struct vp *vp)
{
	uint8_t vector = (uint8_t)(svm_vmcb(vp)->control.exit_code - SVM_EXIT_EXCEPTION);

	if (vector == EXCEPTION_MC)
		panic("machine check");
	vp_exception(vp, vector);
}

/* From ring 0 of protected mode alone. TLFS 3.5 */
static void hypercall(struct vp *vp)
{
	const struct vmcb_save *save = &svm_vmcb(vp)->save;

	if ((save->ss.attributes & SVM_SEGMENT_DPL) || !(save->cr0 & CR0_PE))
		vp_exception(vp, EXCEPTION_UD);
	else
		hypercall_handle(vp, (save->efer & EFER_LMA) &&
		                             (save->cs.attributes & SVM_SEGMENT_LONG));
}

/* Codes 0 to 15 are reads of CR0 to CR15, then come the writes. */
static void move_cr(struct vp *vp)
{
	exit_cr(vp, svm_vmcb(vp)->control.exit_code & 0xf);
}

static void msr(struct vp *vp)
{
	exit_msr(vp, svm_vmcb(vp)->control.exit_info1 != 0);
}

static void port(struct vp *vp)
{
	uint64_t info = svm_vmcb(vp)->control.exit_info1;
	const struct exit_port access = {
		.port = (uint16_t)(info >> SVM_IO_PORT_SHIFT),
		.bytes = info >> SVM_IO_SIZE_SHIFT & 7,
		.in = (info & SVM_IO_IN) != 0,
		.string = (info & SVM_IO_STRING) != 0,
		.rep = (info & SVM_IO_REP) != 0,
	};

	vp->arch.next_rip = svm_vmcb(vp)->control.exit_info2;
	exit_io(vp, &access);
}

static void nested_fault(struct vp *vp)
{
	uint64_t info = svm_vmcb(vp)->control.exit_info1;
	const struct exit_fault fault = {
		.gpa = svm_vmcb(vp)->control.exit_info2,
		.present = (info & SVM_NPF_PRESENT) != 0,
		.write = (info & SVM_NPF_WRITE) != 0,
		.fetch = (info & SVM_NPF_FETCH) != 0,
		.table_walk = (info & SVM_NPF_TABLE_WALK) != 0,
	};

	exit_nested_fault(vp, &fault);
}

/*
 * Refused: the save area holds the host's state, and there is no guest any more. Else this is TCG's
 * answer to a MOV to CR3 with reserved bits: #GP, and the state is good. TCG refuses some states only
 * after it has loaded them: the #GP is then refused too, and shows as interrupted, which one that
 * reached the guest does not.
 */
static void refused(struct vp *vp)
{
	if (svm_vmcb(vp)->save.cr3 == cpu_read_cr3() ||
	    (svm_vmcb(vp)->control.exit_interrupt_info & SVM_EVENT_VALID))
		exit_invalid_state(vp);
	else
		general_protection(vp);
}

static void unknown(struct vp *vp)
{
	log_limited("p%u vp%u svm: unexpected exit code %#lx", vp->partition->slot,
	            vp->index, svm_vmcb(vp)->control.exit_code);
	vp_exception(vp, EXCEPTION_UD);
}

/*
 * Without next-RIP save the length is that of the bare encoding. A prefixed form of these
 * instructions would resume inside itself, to nobody's harm but the guest's; every processor since
 * 2009 has next-RIP save.
 */
struct exit_row {
	void (*handle)(struct vp *vp);
	uint8_t length, stat;
	bool plain; /* for handle_exit */
};

#define ROW(handler, bytes, counter)                                  \
	{                                                             \
		handler, bytes, VIRIDIS_VP_STAT_EXIT_##counter, false \
	}
#define PLAIN(handler, bytes, counter)                               \
	{                                                            \
		handler, bytes, VIRIDIS_VP_STAT_EXIT_##counter, true \
	}

/* What has a row is intercepted; but IRET, reads of CR4 and writes of CR8 only where svm.c says so. */
static const struct exit_row rows[] = {
	[SVM_EXIT_CR4_READ] = ROW(move_cr, 0, CR_DR),
	[SVM_EXIT_CR4_WRITE] = ROW(move_cr, 0, CR_DR),
	[SVM_EXIT_CR8_WRITE] = ROW(move_cr, 0, CR_DR),
	[SVM_EXIT_EXCEPTION + EXCEPTION_DB] = ROW(exception, 0, OTHER),
	[SVM_EXIT_EXCEPTION + EXCEPTION_AC] = ROW(exception, 0, OTHER),
	[SVM_EXIT_EXCEPTION + EXCEPTION_MC] = ROW(exception, 0, OTHER),
	[SVM_EXIT_INTR... SVM_EXIT_VINTR] = ROW(exit_interrupt, 0, INTERRUPT),
	[SVM_EXIT_RDPMC] = ROW(general_protection, 0, OTHER),
	[SVM_EXIT_CPUID] = PLAIN(exit_cpuid, 2, CPUID),
	[SVM_EXIT_RSM] = ROW(undefined, 0, OTHER),
	[SVM_EXIT_IRET] = ROW(exit_iret, 0, OTHER),
	/* Memory is coherent: there is nothing to be written back. */
	[SVM_EXIT_INVD] = ROW(vp_advance, 2, OTHER),
	[SVM_EXIT_HLT] = ROW(exit_hlt, 1, HLT),
	[SVM_EXIT_INVLPGA] = ROW(undefined, 0, OTHER),
	[SVM_EXIT_IOIO] = ROW(port, 0, IO),
	[SVM_EXIT_MSR] = PLAIN(msr, 2, MSR),
	[SVM_EXIT_TASK_SWITCH] = ROW(general_protection, 0, OTHER),
	[SVM_EXIT_SHUTDOWN] = ROW(vp_triple_fault, 0, OTHER),
	[SVM_EXIT_VMRUN] = ROW(undefined, 0, OTHER),
	[SVM_EXIT_VMMCALL] = PLAIN(hypercall, 3, HYPERCALL),
	[SVM_EXIT_VMLOAD... SVM_EXIT_SKINIT] = ROW(undefined, 0, OTHER),
	[SVM_EXIT_WBINVD] = ROW(vp_advance, 2, OTHER),
	[SVM_EXIT_MONITOR... SVM_EXIT_MWAIT] = ROW(undefined, 0, OTHER),
	[SVM_EXIT_XSETBV] = ROW(exit_xsetbv, 3, OTHER),
	[SVM_EXIT_RDPRU] = ROW(undefined, 0, OTHER),
};
static const struct exit_row fault_row = ROW(nested_fault, 0, NESTED_FAULT);
static const struct exit_row refused_row = ROW(refused, 0, OTHER);
static const struct exit_row unknown_row = ROW(unknown, 0, OTHER);

void svm_set_intercepts(struct vmcb_control *control)
{
	for (unsigned int code = 0; code < ARRAY_COUNT(rows); code++)
		svm_intercept(control, code, rows[code].handle != NULL);
}

bool svm_handle_exit(struct vp *vp)
{
	uint32_t code = (uint32_t)svm_vmcb(vp)
	                        ->control.exit_code; /* TCG does not sign-extend -1 */
	const struct exit_row *row = &unknown_row;

	if (code < ARRAY_COUNT(rows) && rows[code].handle)
		row = &rows[code];
	else if (code == SVM_EXIT_NPF)
		row = &fault_row;
	else if (code == SVM_EXIT_INVALID)
		row = &refused_row;
	vp->arch.next_rip = svm_features & SVM_FEATURE_NEXT_RIP ?
	                            svm_vmcb(vp)->control.next_rip :
	                            vp->arch.rip + row->length;
	trace(VIRIDIS_TRACE_EXIT, vp, code, vp->arch.rip);
	stat_count(vp->stats, row->stat);
	row->handle(vp);
	return row->plain;
}
