/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MSRs of guests, by an allow-list: what is not in it raises #GP. Those that the processor swaps never
 * exit. Those of a VP are among its registers: registers.c. The root reads what describes its machine
 * (MTRRs, microcode revision, power management) and writes none of it: D3
 */
#include "hypervisor/kernel/guest/msr.h"
#include "hypervisor/arch/x86/context.h"
#include "hypervisor/kernel/delivery/apic.h"
#include "hypervisor/kernel/delivery/intercept.h"
#include "hypervisor/kernel/guest/registers.h"
#include "hypervisor/kernel/objects/partition.h"

/* The end of the list, which gives no right: there is none for that MSR. */
static const struct msr_range *range_of(uint32_t msr)
{
	const struct msr_range *range = virt->msrs;

	while (range->rights && (msr < range->first || msr > range->last))
		range++;
	return range;
}

/* What no table knows: the partition's parent has said what becomes of it. */
static bool is_ignored(const struct vp *vp, uint32_t msr)
{
	return vp->partition->ignores_msrs && !registers_have_msr(msr);
}

/* The processor knows best which of them it has: what it lacks is #GP in the root, not here. */
void msr_open_to_root(void)
{
	for (const struct msr_range *range = virt->msrs; range->rights; range++) {
		if (range->rights & MSR_OF_ROOT)
			virt->permit_root_reads(range->first, range->last);
	}
}

bool msr_read(struct vp *vp, uint32_t msr, uint64_t *value)
{
	if (VLAPIC_IS_MSR(msr))
		return vlapic_msr_read(&vp->lapic, msr, partition_tsc(vp->partition),
		                       value);
	if (registers_read_msr(vp, msr, value))
		return true;
	const struct msr_range *range = range_of(msr);

	*value = range->value;
	return (range->rights & MSR_TOLD) || is_ignored(vp, msr);
}

/* LME may not change while paging is on. APM2 3.1.7 */
static bool changes_long_mode(const struct vp *vp, uint64_t efer)
{
	uint64_t old = vp_register(vp, HV_X64_REGISTER_EFER).reg64;

	return (vp_register(vp, HV_X64_REGISTER_CR0).reg64 & CR0_PG) &&
	       ((efer ^ old) & EFER_LME);
}

/* A guest's report is its parent's affair, which reads the parameters and the text. TLFS 7.8 */
static __attribute__((cold)) void report_crash(struct vp *vp, uint64_t control)
{
	const uint64_t *p = vp->crash;

	log_limited("p%u vp%u crash: %#lx %#lx %#lx %#lx %#lx", vp->partition->slot,
	            vp->index, p[0], p[1], p[2], p[3], p[4]);
	if (!vp->partition->is_root)
		intercept_msr_write(vp, HV_MSR_CRASH_CTL, control);
}

bool msr_write(struct vp *vp, uint32_t msr, uint64_t value)
{
	if (VLAPIC_IS_MSR(msr))
		return apic_write(vp, VLAPIC_MSR, VLAPIC_MSR_OFFSET(msr), value);
	if (msr == MSR_EFER && changes_long_mode(vp, value))
		return false;
	if (!(vp->partition->is_root && (range_of(msr)->rights & MSR_OF_ROOT)) &&
	    registers_write_msr(vp, msr, value)) {
		if (msr == MSR_TSC_AUX || msr == MSR_SPEC_CTRL)
			cpu_wrmsr(msr, value); /* it is in force until another VP comes */
		if (msr == HV_MSR_CRASH_CTL && (value & HV_CRASH_NOTIFY))
			report_crash(vp, value);
		return true;
	}
	if (msr == MSR_PRED_CMD && context_pred_cmd_allowed && value <= 1) {
		cpu_wrmsr(MSR_PRED_CMD, value);
		return true;
	}
	if ((range_of(msr)->rights & MSR_IGNORED) || is_ignored(vp, msr))
		return true;
	log_limited("p%u vp%u msr: write of %#lx to %#x refused", vp->partition->slot,
	            vp->index, value, msr);
	return false;
}
