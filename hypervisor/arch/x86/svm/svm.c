/* SPDX-License-Identifier: GPL-2.0-or-later */
/* AMD's Secure Virtual Machine behind struct virt_ops. APM2 15 */
#include "hypervisor/arch/x86/svm/svm.h"
#include "hypervisor/arch/x86/svm/registers.h"
#include <viridis/base/mem.h>
#include "hypervisor/arch/x86/context.h"
#include "hypervisor/arch/x86/cpu.h"
#include "hypervisor/arch/x86/paging.h"
#include "hypervisor/arch/x86/svm/presence.h"
#include "hypervisor/core/tsc_skew.h"
#include "hypervisor/kernel/objects/partition.h"
#include "hypervisor/kernel/base/percpu.h"

#define VM_CR_R_INIT BIT64(1) /* an INIT is #SX */
#define IOPM_BYTES   (3 * PAGE_4K)
#define MSRPM_BYTES  (2 * PAGE_4K)

enum { MSRPM_READ = 1, MSRPM_WRITE = 2 };

uint32_t svm_features;

static uint32_t asid_count;
/* Of children, and of the root: a set bit is an access that exits; two bits an MSR. APM2 15.10.1, 15.11 */
static uint8_t *iopm[2], *msrpm[2];

/* ASIDs tag TLB entries. Each CPU hands them out in turn; those of an older generation are void. */
static struct svm_cpu {
	uint64_t host_hpa; /* what VMLOAD brings back */
	uint64_t generation;
	uint32_t next_asid;
} svm_cpus[MAX_CPUS];

static const char *svm_reject_reason(void)
{
	bool has_svm = cpu_cpuid(0x80000000, 0).eax >= SVM_LEAF &&
	               (cpu_cpuid(0x80000001, 0).ecx & CPUID_81_ECX_SVM);
	struct cpuid_regs svm = { 0 };

	if (has_svm)
		svm = cpu_cpuid(SVM_LEAF, 0);
	return svm_lack(has_svm, has_svm ? cpu_rdmsr(MSR_VM_CR) : 0, &svm);
}

/* MSRs that VMLOAD and VMSAVE swap: the guest has them to itself. APM2 15.5.1 */
static const uint32_t own_msrs[] = {
	MSR_SYSENTER_CS, MSR_SYSENTER_ESP,   MSR_SYSENTER_EIP, MSR_STAR,
	MSR_LSTAR,       MSR_CSTAR,          MSR_SFMASK,       MSR_FS_BASE,
	MSR_GS_BASE,     MSR_KERNEL_GS_BASE,
};

/* The map has 0x800 bytes each for the MSRs from 0, 0xc0000000 and 0xc0010000 on. */
static void permit_msr(uint8_t *map, uint32_t msr, uint8_t accesses)
{
	uint32_t part = msr < 0xc0000000 ? 0 : 1 + (msr >> 16 & 1);

	map[part * 0x800 + (msr & 0x1fff) / 4] &= (uint8_t) ~(accesses << msr % 4 * 2);
}

static void svm_permit_root_reads(uint32_t first, uint32_t last)
{
	for (uint32_t msr = first; msr <= last; msr++)
		permit_msr(msrpm[true], msr, MSRPM_READ);
}

static void svm_global_init(void)
{
	struct cpuid_regs svm = cpu_cpuid(SVM_LEAF, 0);

	asid_count = svm.ebx;
	svm_features = svm.edx;
	for (unsigned int is_root = 0; is_root < 2; is_root++) {
		iopm[is_root] = reserve_take(IOPM_BYTES);
		msrpm[is_root] = reserve_take(MSRPM_BYTES);
		memset(msrpm[is_root], 0xff, MSRPM_BYTES);
		for (unsigned int i = 0; i < ARRAY_COUNT(own_msrs); i++)
			permit_msr(msrpm[is_root], own_msrs[i], MSRPM_READ | MSRPM_WRITE);
	}
	memset(iopm[false], 0xff, IOPM_BYTES);
}

static void svm_intercept_root_ports(uint16_t first, unsigned int count)
{
	for (unsigned int port = first; port < first + count; port++)
		iopm[true][port / 8] |= (uint8_t)(1u << port % 8);
}

static void svm_cpu_on(void)
{
	struct svm_cpu *cpu = &svm_cpus[this_cpu()->index];

	cpu->host_hpa = frame_map_hpa(reserve_take(PAGE_4K));
	cpu_wrmsr(MSR_EFER, cpu_rdmsr(MSR_EFER) | EFER_SVME);
	cpu_wrmsr(MSR_VM_HSAVE_PA, frame_map_hpa(reserve_take(PAGE_4K)));
	cpu_wrmsr(MSR_VM_CR, cpu_rdmsr(MSR_VM_CR) | VM_CR_R_INIT);
	cpu->generation = 1;
	cpu->next_asid = 1;
	__asm__ volatile("vmsave %0" : : "a"(cpu->host_hpa) : "memory");
}

static void svm_vp_init(struct vp *vp)
{
	struct vmcb_control *control = &svm_vmcb(vp)->control;

	svm_set_intercepts(control);
	if (vp->partition->is_root) /* its devices may not be coherent */
		svm_intercept(control, SVM_EXIT_WBINVD, false);
	control->iopm_base = frame_map_hpa(iopm[vp->partition->is_root]);
	control->msrpm_base = frame_map_hpa(msrpm[vp->partition->is_root]);
	control->nested_control = SVM_NESTED_ENABLE;
	control->nested_cr3 = vp->partition->npt.root_hpa;
}

/*
 * The ASID for this entry. To forget a VP's translations is to give it another tag: the old one matches
 * nobody's. When they run out all have to go, and then all can be given out again.
 */
static void choose_asid(struct vp_arch *arch, struct vmcb_control *control, bool flush)
{
	unsigned int index = this_cpu()->index;
	struct svm_cpu *cpu = &svm_cpus[index];

	if (!flush && arch->tag_cpu == index && arch->tag_generation == cpu->generation)
		return;
	if (cpu->next_asid >= asid_count) {
		cpu->generation++;
		cpu->next_asid = 1;
		control->tlb_control = SVM_TLB_FLUSH_ALL;
	}
	arch->tag_cpu = index;
	arch->tag_generation = cpu->generation;
	control->asid = cpu->next_asid++;
}

/*
 * All that the VMCB says of events and of what exits, at each entry anew: a VMRUN that TCG refuses leaves
 * none of it, and without masking RFLAGS.IF = 0 of the guest would keep our own interrupts out.
 */
static void svm_load_events(struct vp *vp, bool flush)
{
	struct vmcb_control *control = &svm_vmcb(vp)->control;
	const struct vp_event *event = &vp->reinject;

	choose_asid(&vp->arch, control, flush);
	svm_intercept(control, SVM_EXIT_CR4_READ, vp->arch.mce_withheld);
	svm_intercept(control, SVM_EXIT_CR8_WRITE, vp->watch_cr8);
	svm_intercept(control, SVM_EXIT_IRET, vp->nmi_blocked && !vp->nmi_returning);
	svm_intercept(control, SVM_EXIT_VINTR, vp->interrupt_notify);
	control->v_control = SVM_V_INTR_MASKING | SVM_V_IGNORE_TPR | vp->lapic.tpr >> 4;
	control->v_vector = (uint8_t)vp->presented;
	if (vp->presented != VLAPIC_NO_VECTOR || vp->interrupt_notify)
		control->v_control |= SVM_V_IRQ | 0xfu << SVM_V_PRIORITY_SHIFT;
	/* A processor that swaps it itself takes it from here, others have it since the switch. APM2 15.37.2 */
	svm_vmcb(vp)->save.spec_ctrl = vp->arch.spec_ctrl;
	control->next_rip = vp->arch.rip; /* where a software interrupt returns to */
	control->event_injection = 0;
	if (event->valid)
		control->event_injection = SVM_EVENT_VALID | event->vector |
		                           (uint64_t)event->type << SVM_EVENT_TYPE_SHIFT;
	if (event->valid && event->has_error)
		control->event_injection |= SVM_EVENT_ERROR_VALID |
		                            (uint64_t)event->error
		                                    << SVM_EVENT_ERROR_SHIFT;
}

/*
 * TCG reports a virtual interrupt whose delivery faulted as type 3 and leaves V_IRQ set: then it
 * is still pending, and there is nothing to inject again. On hardware V_IRQ is clear by then. INTn, INT3
 * and INTO are carried out again, for RIP is still theirs: injected they would return there.
 */
static void save_events(struct vp *vp, const struct vmcb_control *control)
{
	uint64_t info = control->exit_interrupt_info;
	enum event_type type = (enum event_type)(info >> SVM_EVENT_TYPE_SHIFT & 7);
	uint8_t vector = (uint8_t)info;
	bool again = type == EVENT_SOFTWARE ||
	             (type == EVENT_EXCEPTION &&
	              (vector == EXCEPTION_BP || vector == EXCEPTION_OF));

	vp->arch.interrupt_shadow = control->interrupt_shadow & SVM_SHADOW_INTERRUPT;
	vp->arch.cr8 = control->v_control & SVM_V_TPR_MASK;
	vp->arch.vector_pending = (control->v_control & SVM_V_IRQ) != 0;
	vp->reinject.valid = (info & SVM_EVENT_VALID) && !again &&
	                     !(vp->arch.vector_pending && vector == vp->presented);
	if (!vp->reinject.valid)
		return;
	vp->reinject = (struct vp_event){
		.valid = true,
		.vector = vector,
		.type = type,
		.has_error = (info & SVM_EVENT_ERROR_VALID) != 0,
		.error = (uint32_t)(info >> SVM_EVENT_ERROR_SHIFT),
	};
}

static void svm_run(struct vp *vp)
{
	struct vp_arch *arch = &vp->arch;
	struct vmcb *vmcb = svm_vmcb(vp);

	vmcb->control.interrupt_shadow = arch->interrupt_shadow;
	vmcb->control.tsc_offset = tsc_to_first(
		vp->partition->tsc_offset + vp->tsc_adjust, this_cpu()->tsc_skew);
	vmcb->save.rax = arch->gpr[GPR_RAX];
	vmcb->save.rsp = arch->gpr[GPR_RSP];
	vmcb->save.rip = arch->rip;
	vmcb->save.rflags = arch->rflags;
	svm_enter(arch->gpr, arch->control_hpa, svm_cpus[this_cpu()->index].host_hpa);
	arch->gpr[GPR_RAX] = vmcb->save.rax;
	arch->gpr[GPR_RSP] = vmcb->save.rsp;
	arch->rip = vmcb->save.rip;
	arch->rflags = vmcb->save.rflags;
	vmcb->control.tlb_control = 0; /* once is enough */
	save_events(vp, &vmcb->control);
}

/*
 * Long-mode entries; every nested access is a user's. Accessed and dirty are set beforehand, which spares the
 * processor its locked updates. APM2 5.3, 15.25
 */
#define TABLE_ENTRY (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED)
#define LEAF_ENTRY  (PTE_PRESENT | PTE_USER | PTE_ACCESSED | PTE_DIRTY)

static const struct npt_format npt_format = {
	.table = TABLE_ENTRY,
	.leaf = { [NPT_READ] = LEAF_ENTRY | PTE_NX,
	          [NPT_READ | NPT_WRITE] = LEAF_ENTRY | PTE_WRITE | PTE_NX,
	          [NPT_READ | NPT_EXECUTE] = LEAF_ENTRY,
	          [NPT_ALL] = LEAF_ENTRY | PTE_WRITE },
};

const struct virt_ops svm_ops = {
	.name = "AMD SVM",
	.npt_format = &npt_format,
	.reject_reason = svm_reject_reason,
	.global_init = svm_global_init,
	.cpu_on = svm_cpu_on,
	.intercept_root_ports = svm_intercept_root_ports,
	.permit_root_reads = svm_permit_root_reads,
	.vp_init = svm_vp_init,
	.vp_reset = svm_vp_reset,
	.load_events = svm_load_events,
	.run = svm_run,
	.leave = context_save, /* a control block may be run anywhere at once */
	.handle_exit = svm_handle_exit,
	.write_cr4 = svm_write_cr4,
	.get_register = svm_get_register,
	.set_register = svm_set_register,
};
