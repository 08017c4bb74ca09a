/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MSRs of guests, by an allow-list: what is not in it raises #GP. Those that VMLOAD and VMSAVE swap never
 * exit. The root reads what describes its machine (MTRRs, microcode revision, power management) and
 * writes none of it: D3. AMD's numbers: APM2 appendix A. Synthetic ones: TLFS appendix F; each group is
 * opened by a privilege of the partition.
 */
#include "hypervisor/kernel/guest/registers.h"
#include <stddef.h>
#include <viridis/abi/hv_msr.h>
#include "hypervisor/arch/x86/context.h"
#include "hypervisor/arch/x86/cpu.h"
#include "hypervisor/arch/x86/time.h"
#include "hypervisor/kernel/delivery/apic.h"
#include "hypervisor/kernel/delivery/intercept.h"
#include "hypervisor/kernel/delivery/message.h"
#include "hypervisor/kernel/objects/overlay.h"
#include "hypervisor/kernel/objects/partition.h"

#define MSR_SYNTHETIC_FIRST 0x40000000u
#define MSR_SYNTHETIC_LAST  0x4fffffffu
#define MSR_MISC_ENABLE     0x000001a0u

/* Rights of the architecture's MSRs that are not read and written by name below. */
#define OF_ROOT BIT64(63) /* the root reads the machine's, without an exit */
#define ZERO    BIT64(62) /* who does not read the machine's reads 0 */
#define IGNORED BIT64(61) /* written to no effect: every Linux does so */
#define NAMED   BIT64(60) /* a register of this name */

/* Where the content of a synthetic MSR is that reads as it is kept: in the VP, or in its partition. */
#define IN_VP(member)        offsetof(struct vp, member)
#define IN_PARTITION(member) (sizeof(struct vp) + offsetof(struct partition, member))

#define RUN(from, to, privilege, at)                                     \
	{                                                                \
		HV_MSR_##from, HV_MSR_##to, HV_PRIVILEGE_##privilege, at \
	}
#define ONE(msr, privilege, at) RUN(msr, msr, privilege, at)

/* Those that are accessed often come first. */
static const struct range {
	uint32_t first, last;
	uint64_t right; /* one of the above, or the privilege that opens synthetic MSRs */
	size_t at;      /* 0: read by msr_synthetic; or the register's name */
} ranges[] = {
	ONE(TIME_REF_COUNT, TIME_REF_COUNT, 0),
	RUN(STIMER0_CONFIG, STIMER3_COUNT, STIMER, 0),
	RUN(EOI, TPR, APIC_MSRS, 0),
	RUN(SCONTROL, EOM, SYNIC, IN_VP(synic.registers)),
	RUN(SINT0, SINT15, SYNIC, IN_VP(synic.sint)),
	ONE(VP_ASSIST_PAGE, APIC_MSRS, IN_VP(assist_msr)),
	ONE(GUEST_OS_ID, HYPERCALL_MSRS, IN_PARTITION(guest_os_id)),
	ONE(HYPERCALL, HYPERCALL_MSRS, IN_PARTITION(hypercall_msr)),
	ONE(VP_INDEX, VP_INDEX, 0),
	ONE(RESET, RESET, 0),
	ONE(VP_RUNTIME, VP_RUNTIME, 0),
	ONE(REFERENCE_TSC, REFERENCE_TSC, IN_PARTITION(reference_tsc_msr)),
	RUN(TSC_FREQUENCY, APIC_FREQUENCY, FREQUENCY_MSRS, 0),
	{ HV_MSR_CRASH_P0, HV_MSR_CRASH_P4, 0, IN_VP(crash) },
	{ HV_MSR_CRASH_CTL, HV_MSR_CRASH_CTL, 0, 0 },
	ONE(TSC_INVARIANT_CONTROL, TSC_INVARIANT, IN_PARTITION(invariant_tsc)),
	{ MSR_TSC, MSR_TSC, NAMED, HV_X64_REGISTER_TSC },
	{ MSR_APIC_BASE, MSR_APIC_BASE, NAMED, HV_X64_REGISTER_APIC_BASE },
	{ MSR_EFER, MSR_EFER, NAMED, HV_X64_REGISTER_EFER },
	{ MSR_PAT, MSR_PAT, NAMED, HV_X64_REGISTER_PAT },
	{ 0x00000048, 0x00000049, ZERO | IGNORED, 0 }, /* SPEC_CTRL, PRED_CMD */
	{ 0x000001d9, 0x000001d9, ZERO | IGNORED, 0 }, /* DEBUGCTL */
	{ 0xc0000104, 0xc0000104, ZERO | IGNORED, 0 }, /* TSC ratio, by tools */
	{ 0xc0010000, 0xc0010007, ZERO | IGNORED, 0 }, /* performance events */
	{ 0xc0010016, 0xc001001d, OF_ROOT, 0 },        /* IORR, TOP_MEM, TOP_MEM2 */
	{ 0xc001001f, 0xc001001f, OF_ROOT | ZERO | IGNORED, 0 }, /* NB_CFG: PCI ECS */
	{ 0xc0010061, 0xc001006b, OF_ROOT, 0 },                  /* P-states */
	{ 0xc0011020, 0xc001102a, ZERO | IGNORED, 0 }, /* among them DE_CFG: LFENCE */
	{ 0xc00110e3, 0xc00110e3, ZERO | IGNORED, 0 },
	{ MSR_HWCR, MSR_HWCR, OF_ROOT | ZERO | IGNORED, 0 },
	{ MSR_MISC_ENABLE, MSR_MISC_ENABLE, ZERO | IGNORED, 0 },
	{ MSR_MTRR_CAP, MSR_MTRR_CAP, OF_ROOT | ZERO, 0 },
	{ MSR_MTRR_DEF_TYPE, MSR_MTRR_DEF_TYPE, OF_ROOT | ZERO, 0 },
	{ MSR_MTRR_PHYS_BASE0, 0x0000026f, OF_ROOT, 0 },
	{ MSR_SYSCFG, MSR_SYSCFG, OF_ROOT | ZERO, 0 },
	{ MSR_TSC_ADJUST, MSR_TSC_ADJUST, ZERO | IGNORED, 0 },
	{ MSR_UCODE_REV, MSR_UCODE_REV, OF_ROOT | ZERO, 0 },
};

static const struct range *find_range(uint32_t msr)
{
	for (unsigned int i = 0; i < ARRAY_COUNT(ranges); i++) {
		if (msr >= ranges[i].first && msr <= ranges[i].last)
			return &ranges[i];
	}
	return NULL;
}

/* The processor knows best which of them it has: what it lacks is #GP in the root, not here. */
void msr_open_to_root(void)
{
	for (unsigned int i = 0; i < ARRAY_COUNT(ranges); i++) {
		if (ranges[i].right & OF_ROOT)
			virt->permit_root_reads(ranges[i].first, ranges[i].last);
	}
}

/* Whether the VP's privileges open the synthetic MSR to it. */
static bool is_open(const struct vp *vp, const struct range *range)
{
	return range && (range->right & ~vp->partition->privileges) == 0;
}

static uint64_t read_kept(const struct vp *vp, const struct range *range, uint32_t msr)
{
	const char *owner = (const char *)vp;
	size_t at = range->at;

	if (at >= sizeof(struct vp)) {
		owner = (const char *)vp->partition;
		at -= sizeof(struct vp);
	}
	return ((const uint64_t *)(owner + at))[msr - range->first];
}

uint64_t msr_synthetic(const struct vp *vp, uint32_t msr)
{
	const struct vlapic *lapic = &vp->lapic;
	const struct range *range = find_range(msr);

	if (range && range->at)
		return read_kept(vp, range, msr);
	switch (msr) {
	case HV_MSR_TIME_REF_COUNT:
		return partition_reference_time(vp->partition);
	case HV_MSR_STIMER0_CONFIG ... HV_MSR_STIMER3_COUNT:
		return stimers_read(&vp->stimers, msr);
	case HV_MSR_VP_INDEX:
		return vp->index;
	case HV_MSR_VP_RUNTIME:
		return tsc_to_100ns(vp->stats[VIRIDIS_VP_STAT_GUEST_TICKS] +
		                    vp->stats[VIRIDIS_VP_STAT_HYPERVISOR_TICKS]);
	case HV_MSR_TSC_FREQUENCY:
		return tsc_hz;
	case HV_MSR_APIC_FREQUENCY:
		return tsc_hz / lapic->config.clock_per_tick;
	case HV_MSR_ICR:
		return (uint64_t)lapic->icr_high << 32 | lapic->icr_low;
	case HV_MSR_TPR:
		return lapic->tpr;
	case HV_MSR_CRASH_CTL:
		return HV_CRASH_NOTIFY | HV_CRASH_MESSAGE;
	default: /* HV_MSR_RESET */
		return 0;
	}
}

static bool show(struct vp *vp, enum overlay which, uint64_t *msr, uint64_t value)
{
	return overlay_set(vp, &vp->overlays[which], msr, value, NPT_READ | NPT_WRITE);
}

/* A page register that cannot be shown (no table left for it) takes its old value back. */
static bool write_synic(struct vp *vp, uint32_t msr, uint64_t value)
{
	struct synic *synic = &vp->synic, before = *synic;
	uint16_t rescan;

	if (!synic_write(synic, msr, value, &rescan))
		return false;
	if ((msr == HV_MSR_SIMP && !show(vp, OVERLAY_SIMP, &synic->simp, synic->simp)) ||
	    (msr == HV_MSR_SIEFP &&
	     !show(vp, OVERLAY_SIEFP, &synic->siefp, synic->siefp))) {
		*synic = before;
		return false;
	}
	messages_retry(vp, rescan);
	return true;
}

static bool write_stimer(struct vp *vp, uint32_t msr, uint64_t value)
{
	if (!stimers_write(&vp->stimers, msr, value,
	                   partition_reference_time(vp->partition)))
		return false;
	message_timers_expire(vp);
	vp_update_deadline(vp);
	return true;
}

bool msr_write_synthetic(struct vp *vp, uint32_t msr, uint64_t value)
{
	struct partition *partition = vp->partition;

	switch (msr) {
	case HV_MSR_GUEST_OS_ID:
		return overlay_set_guest_os_id(vp, value);
	case HV_MSR_HYPERCALL:
		return overlay_set_hypercall(vp, value);
	case HV_MSR_RESET:
		if (value & 1)
			vp_triple_fault(vp);
		return true;
	case HV_MSR_REFERENCE_TSC:
		return overlay_set(vp, &partition->tsc_overlay,
		                   &partition->reference_tsc_msr, value, NPT_READ);
	case HV_MSR_EOI: /* whatever is written */
		return apic_write(vp, VLAPIC_SYNTHETIC, VLAPIC_EOI, 0);
	case HV_MSR_ICR:
		return apic_write(vp, VLAPIC_SYNTHETIC, VLAPIC_ICR, value);
	case HV_MSR_TPR:
		return apic_write(vp, VLAPIC_SYNTHETIC, VLAPIC_TPR, value);
	case HV_MSR_VP_ASSIST_PAGE:
		return show(vp, OVERLAY_ASSIST, &vp->assist_msr, value);
	case HV_MSR_SCONTROL ... HV_MSR_EOM:
	case HV_MSR_SINT0 ... HV_MSR_SINT15:
		return write_synic(vp, msr, value);
	case HV_MSR_STIMER0_CONFIG ... HV_MSR_STIMER3_COUNT:
		return write_stimer(vp, msr, value);
	case HV_MSR_CRASH_P0 ... HV_MSR_CRASH_P4:
		vp->crash[msr - HV_MSR_CRASH_P0] = value;
		return true;
	case HV_MSR_CRASH_CTL:
		return true;
	case HV_MSR_TSC_INVARIANT_CONTROL:
		if (value > 1)
			return false;
		__atomic_fetch_or(&partition->invariant_tsc, value, __ATOMIC_RELAXED);
		return true;
	default:
		return false;
	}
}

bool msr_read(struct vp *vp, uint32_t msr, uint64_t *value)
{
	const struct range *range;
	union hv_register_value content;

	*value = 0;
	if (msr >= MSR_X2APIC_FIRST && msr <= MSR_X2APIC_LAST)
		return vlapic_msr_read(&vp->lapic, msr, partition_tsc(vp->partition),
		                       value);
	range = find_range(msr);
	switch (msr) {
	case MSR_SYNTHETIC_FIRST ... MSR_SYNTHETIC_LAST:
		*value = msr_synthetic(vp, msr);
		return is_open(vp, range) && msr != HV_MSR_EOI;
	case MSR_TSC_AUX:
		*value = vp->arch.tsc_aux;
		return context_has_tsc_aux;
	case MSR_HWCR:
		*value = HWCR_TSC_FREQ_SEL;
		break;
	}
	if (range && (range->right & NAMED)) {
		(void)!registers_get(vp, (uint32_t)range->at, &content); /* it exists */
		*value = content.reg64;
	}
	return range && (range->right & (ZERO | NAMED));
}

/* LME may not change while paging is on; LMA is the processor's. APM2 3.1.7 */
static bool write_efer(struct vp *vp, uint64_t content)
{
	uint64_t old = vp_register(vp, HV_X64_REGISTER_EFER).reg64;
	bool paging = (vp_register(vp, HV_X64_REGISTER_CR0).reg64 & CR0_PG) != 0;
	union hv_register_value value;

	content &= ~(uint64_t)EFER_LMA;
	if ((content & ~context_efer_allowed) || (paging && ((content ^ old) & EFER_LME)))
		return false;
	value.reg64 = content | (old & EFER_LMA);
	(void)virt->set_register(vp, HV_X64_REGISTER_EFER, &value); /* it exists */
	return true;
}

/* A guest's report is its parent's affair, which reads the parameters and the text. TLFS 7.8 */
static void report_crash(struct vp *vp, uint64_t control)
{
	const uint64_t *p = vp->crash;

	log_limited("p%u vp%u crash: %#lx %#lx %#lx %#lx %#lx", vp->partition->slot,
	            vp->index, p[0], p[1], p[2], p[3], p[4]);
	if (vp->partition->parent)
		intercept_msr_write(vp, HV_MSR_CRASH_CTL, control);
}

bool msr_write(struct vp *vp, uint32_t msr, uint64_t value)
{
	const union hv_register_value content = { .reg64 = value };
	const struct range *range;

	if (msr >= MSR_X2APIC_FIRST && msr <= MSR_X2APIC_LAST)
		return apic_write(vp, VLAPIC_MSR, VLAPIC_MSR_OFFSET(msr), value);
	range = find_range(msr);
	switch (msr) {
	case MSR_SYNTHETIC_FIRST ... MSR_SYNTHETIC_LAST:
		if (!is_open(vp, range) || !msr_write_synthetic(vp, msr, value))
			return false;
		if (msr == HV_MSR_CRASH_CTL && (value & HV_CRASH_NOTIFY))
			report_crash(vp, value);
		return true;
	case MSR_EFER:
		return write_efer(vp, value);
	case MSR_TSC_AUX:
		if (!context_has_tsc_aux)
			break;
		vp->arch.tsc_aux = (uint32_t)value;
		cpu_wrmsr(MSR_TSC_AUX, (uint32_t)value);
		return true;
	}
	if (range && (range->right & NAMED))
		return registers_set(vp, (uint32_t)range->at, &content) ==
		       HV_STATUS_SUCCESS;
	if (range && (range->right & IGNORED))
		return true;
	log_limited("p%u vp%u msr: write of %#llx to %#x refused", vp->partition->slot,
	            vp->index, (unsigned long long)value, msr);
	return false;
}
