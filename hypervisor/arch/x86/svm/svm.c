/* SPDX-License-Identifier: GPL-2.0-or-later */
/* AMD's Secure Virtual Machine behind struct virt_ops. APM2 15 */
#include "hypervisor/arch/x86/svm/svm.h"
#include "hypervisor/arch/x86/svm/exit.h"
#include "hypervisor/arch/x86/svm/registers.h"
#include <viridis/base/mem.h>
#include "hypervisor/arch/x86/context.h"
#include "hypervisor/arch/x86/paging.h"
#include "hypervisor/arch/x86/svm/presence.h"
#include "hypervisor/kernel/objects/partition.h"

#define VM_CR_R_INIT      BIT64(1) /* an INIT is #SX */
#define MSR_VM_HSAVE_PA   0xc0010117
#define MSR_MISC_ENABLE   0x000001a0
#define MSR_HWCR          0xc0010015
#define HWCR_TSC_FREQ_SEL BIT64(24) /* the TSC counts with P0's frequency: always. PPR */
#define EXCEPTION_SX      30
#define IOPM_BYTES        (3 * PAGE_4K)
#define MSRPM_BYTES       (2 * PAGE_4K)

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

/* Whether a VMRUN that was refused has flushed is not specified: this CPU gives all tags out anew, after a flush. */
void svm_renew_tags(void)
{
	struct svm_cpu *cpu = &svm_cpus[this_cpu()->index];

	cpu->generation++;
	cpu->next_asid = asid_count;
}

/* EVENTINJ and EXITINTINFO have one format. APM2 15.20 */
static uint64_t event_to_vmcb(const struct vp_event *event)
{
	if (!event->valid)
		return 0;
	return SVM_EVENT_VALID | event->vector |
	       (uint64_t)event->type << SVM_EVENT_TYPE_SHIFT |
	       (event->has_error ? SVM_EVENT_ERROR_VALID : 0) |
	       (uint64_t)event->error << SVM_EVENT_ERROR_SHIFT;
}

static struct vp_event event_from_vmcb(uint64_t info)
{
	return (struct vp_event){
		.valid = (info & SVM_EVENT_VALID) != 0,
		.vector = (uint8_t)info,
		.type = (enum event_type)(info >> SVM_EVENT_TYPE_SHIFT & 7),
		.has_error = (info & SVM_EVENT_ERROR_VALID) != 0,
		.error = (uint32_t)(info >> SVM_EVENT_ERROR_SHIFT),
	};
}

/*
 * All that the VMCB says of events and of what exits, for each run anew: a VMRUN that TCG refuses leaves
 * none of it, and without masking RFLAGS.IF = 0 of the guest would keep our own interrupts out.
 */
static void load(struct vp *vp, const struct vp_entry *entry)
{
	const struct vp_arch *arch = &vp->arch;
	struct vmcb_control *control = &svm_vmcb(vp)->control;
	struct vmcb_save *save = &svm_vmcb(vp)->save;

	choose_asid(&vp->arch, control, entry->flush);
	svm_intercept(control, SVM_EXIT_CR4_READ, arch->mce_withheld);
	svm_intercept(control, SVM_EXIT_CR8_WRITE, entry->watch_tpr);
	svm_intercept(control, SVM_EXIT_IRET, arch->nmi_blocked && !arch->nmi_returning);
	svm_intercept(control, SVM_EXIT_VINTR, entry->watch_window);
	control->v_control = SVM_V_INTR_MASKING | SVM_V_IGNORE_TPR |
	                     vlapic_cr8(&vp->lapic);
	if (entry->vector != VLAPIC_NO_VECTOR || entry->watch_window)
		control->v_control |= SVM_V_IRQ | 0xfu << SVM_V_PRIORITY_SHIFT;
	control->v_vector = (uint8_t)entry->vector;
	control->event_injection = event_to_vmcb(&entry->event);
	control->next_rip = arch->rip; /* where a software interrupt returns to */
	control->interrupt_shadow = arch->interrupt_shadow;
	control->tsc_offset = entry->tsc_offset;
	/* A processor that swaps it itself takes it from here, others have it since the switch. APM2 15.37.2 */
	save->spec_ctrl = arch->spec_ctrl;
	save->rax = arch->gpr[GPR_RAX];
	save->rsp = arch->gpr[GPR_RSP];
	save->rip = arch->rip;
	save->rflags = arch->rflags;
}

/*
 * TCG reports a virtual interrupt whose delivery faulted as type 3 and leaves V_IRQ set: then it
 * is still pending, and there is nothing to inject again. On hardware V_IRQ is clear by then. INTn, INT3
 * and INTO are carried out again, for RIP is still theirs: injected they would return there.
 */
static void save_events(struct vp *vp, int presented)
{
	const struct vmcb_control *control = &svm_vmcb(vp)->control;
	struct vp_exit *exit = &vp->arch.exit;
	bool waits = (control->v_control & SVM_V_IRQ) != 0;
	struct vp_event *event = &exit->event;

	event->valid = (control->exit_interrupt_info & SVM_EVENT_VALID) != 0;
	if (event->valid) {
		*event = event_from_vmcb(control->exit_interrupt_info);
		event->valid = event->type != EVENT_SOFTWARE &&
		               !(event->type == EVENT_EXCEPTION &&
		                 (event->vector == EXCEPTION_BP ||
		                  event->vector == EXCEPTION_OF)) &&
		               !(waits && event->vector == presented);
	}
	exit->vector_taken = presented != VLAPIC_NO_VECTOR && !waits;
	exit->cr8 = control->v_control & SVM_V_TPR_MASK;
	vp->arch.interrupt_shadow = control->interrupt_shadow & SVM_SHADOW_INTERRUPT;
}

static void save_registers(struct vp_arch *arch, const struct vmcb_save *save)
{
	arch->gpr[GPR_RAX] = save->rax;
	arch->gpr[GPR_RSP] = save->rsp;
	arch->rip = save->rip;
	arch->rflags = save->rflags;
	if (arch->nmi_returning &&
	    (arch->rip != arch->iret_rip || save->rsp != arch->iret_rsp))
		arch->nmi_blocked = arch->nmi_returning = false;
}

static void svm_run(struct vp *vp, const struct vp_entry *entry)
{
	struct vp_arch *arch = &vp->arch;
	uint64_t host_hpa = svm_cpus[this_cpu()->index].host_hpa;

	load(vp, entry);
	if (context_speculation & SPECULATION_STUFF)
		svm_enter_stuffing(vp, arch->control_hpa, host_hpa);
	else
		svm_enter(vp, arch->control_hpa, host_hpa);
	save_registers(arch, &svm_vmcb(vp)->save);
	save_events(vp, entry->vector);
	if (arch->exit.kind != EXIT_DONE)
		svm_describe_exit(vp);
}

/*
 * Long-mode entries; every nested access is a user's. Accessed and dirty are set beforehand, which spares the
 * processor its locked updates. APM2 5.3, 15.25
 */
#define TABLE_ENTRY (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED)
#define LEAF_ENTRY  (PTE_PRESENT | PTE_USER | PTE_ACCESSED | PTE_DIRTY)

static const struct npt_format npt_format = {
	.table = TABLE_ENTRY,
	.dirty = PTE_DIRTY,
	.leaf = { [NPT_READ] = LEAF_ENTRY | PTE_NX,
	          [NPT_READ | NPT_WRITE] = LEAF_ENTRY | PTE_WRITE | PTE_NX,
	          [NPT_READ | NPT_EXECUTE] = LEAF_ENTRY,
	          [NPT_ALL] = LEAF_ENTRY | PTE_WRITE },
};

/* What the root reads, and what no guest but every Linux's looks for. APM2 appendix A */
static const struct msr_range msrs[] = {
	{ 0x000001d9, 0x000001d9, MSR_TOLD | MSR_IGNORED, 0 }, /* DEBUGCTL */
	{ MSR_MISC_ENABLE, MSR_MISC_ENABLE, MSR_TOLD | MSR_IGNORED, 0 },
	{ MSR_MTRR_CAP, MSR_MTRR_CAP, MSR_OF_ROOT | MSR_TOLD, 0 },
	{ MSR_MTRR_DEF_TYPE, MSR_MTRR_DEF_TYPE, MSR_OF_ROOT | MSR_TOLD, 0 },
	{ MSR_MTRR_PHYS_BASE0, 0x0000026f, MSR_OF_ROOT, 0 },
	{ MSR_TSC_ADJUST, MSR_TSC_ADJUST, MSR_TOLD | MSR_IGNORED, 0 },
	{ MSR_UCODE_REV, MSR_UCODE_REV, MSR_OF_ROOT | MSR_TOLD, 0 },
	{ 0xc0000104, 0xc0000104, MSR_TOLD | MSR_IGNORED, 0 }, /* TSC ratio, by tools */
	{ 0xc0010000, 0xc0010007, MSR_TOLD | MSR_IGNORED, 0 }, /* performance events */
	{ MSR_SYSCFG, MSR_SYSCFG, MSR_OF_ROOT | MSR_TOLD, 0 },
	{ MSR_HWCR, MSR_HWCR, MSR_OF_ROOT | MSR_TOLD | MSR_IGNORED, HWCR_TSC_FREQ_SEL },
	{ 0xc0010016, 0xc001001d, MSR_OF_ROOT, 0 }, /* IORR, TOP_MEM, TOP_MEM2 */
	/* NB_CFG: PCI ECS */
	{ 0xc001001f, 0xc001001f, MSR_OF_ROOT | MSR_TOLD | MSR_IGNORED, 0 },
	{ 0xc0010061, 0xc001006b, MSR_OF_ROOT, 0 }, /* P-states */
	/* Among them DE_CFG: LFENCE */
	{ 0xc0011020, 0xc001102a, MSR_TOLD | MSR_IGNORED, 0 },
	{ 0xc00110e3, 0xc00110e3, MSR_TOLD | MSR_IGNORED, 0 },
	{ 0, 0, 0, 0 },
};

const struct virt_ops svm_ops = {
	.name = "AMD SVM",
	.npt_format = &npt_format,
	.reject_reason = svm_reject_reason,
	.processor_vendor = 0,
	.msrs = msrs,
	.hypercall = { 0x0f, 0x01, 0xd9 }, /* VMMCALL */
	.init_exceptions = BIT32(EXCEPTION_SX),
	.global_init = svm_global_init,
	.cpu_on = svm_cpu_on,
	.intercept_root_ports = svm_intercept_root_ports,
	.permit_root_reads = svm_permit_root_reads,
	.vp_init = svm_vp_init,
	.vp_reset = svm_vp_reset,
	.run = svm_run,
	.leave = context_save, /* a control block may be run anywhere at once */
	.get_register = svm_get_register,
	.set_register = svm_set_register,
	.get_state = svm_get_state,
};
