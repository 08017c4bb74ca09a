/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MSRs of guests, by an allow-list: what is not in it raises #GP. Those that the processor swaps never
 * exit. Those of a VP are among its registers: registers.c. The root reads what describes its machine
 * (MTRRs, microcode revision, power management) and writes none of it: D3. AMD's numbers: APM2 appendix A.
 */
#include "hypervisor/kernel/guest/msr.h"
#include "hypervisor/arch/x86/context.h"
#include "hypervisor/kernel/delivery/apic.h"
#include "hypervisor/kernel/delivery/intercept.h"
#include "hypervisor/kernel/guest/registers.h"
#include "hypervisor/kernel/objects/partition.h"

#define MSR_MISC_ENABLE 0x000001a0u

#define OF_ROOT BIT32(0) /* the root reads the machine's, without an exit */
#define ZERO    BIT32(1) /* who does not read the machine's reads 0 */
#define IGNORED BIT32(2) /* written to no effect: every Linux does so */

/* The machine's. */
static const struct range {
	uint32_t first, last;
	uint32_t rights;
} ranges[] = {
	{ 0x000001d9, 0x000001d9, ZERO | IGNORED }, /* DEBUGCTL */
	{ 0xc0000104, 0xc0000104, ZERO | IGNORED }, /* TSC ratio, by tools */
	{ 0xc0010000, 0xc0010007, ZERO | IGNORED }, /* performance events */
	{ 0xc0010016, 0xc001001d, OF_ROOT },        /* IORR, TOP_MEM, TOP_MEM2 */
	{ 0xc001001f, 0xc001001f, OF_ROOT | ZERO | IGNORED }, /* NB_CFG: PCI ECS */
	{ 0xc0010061, 0xc001006b, OF_ROOT },                  /* P-states */
	{ 0xc0011020, 0xc001102a, ZERO | IGNORED }, /* among them DE_CFG: LFENCE */
	{ 0xc00110e3, 0xc00110e3, ZERO | IGNORED },
	{ MSR_HWCR, MSR_HWCR, OF_ROOT | ZERO | IGNORED },
	{ MSR_MISC_ENABLE, MSR_MISC_ENABLE, ZERO | IGNORED },
	{ MSR_MTRR_CAP, MSR_MTRR_CAP, OF_ROOT | ZERO },
	{ MSR_MTRR_DEF_TYPE, MSR_MTRR_DEF_TYPE, OF_ROOT | ZERO },
	{ MSR_MTRR_PHYS_BASE0, 0x0000026f, OF_ROOT },
	{ MSR_SYSCFG, MSR_SYSCFG, OF_ROOT | ZERO },
	{ MSR_TSC_ADJUST, MSR_TSC_ADJUST, ZERO | IGNORED },
	{ MSR_UCODE_REV, MSR_UCODE_REV, OF_ROOT | ZERO },
};

/* What no table knows: the partition's parent has said what becomes of it. */
static bool is_ignored(const struct vp *vp, uint32_t msr)
{
	return vp->partition->ignores_msrs && !registers_have_msr(msr);
}

static bool has_right(uint32_t msr, uint32_t right)
{
	for (unsigned int i = 0; i < ARRAY_COUNT(ranges); i++) {
		if (msr >= ranges[i].first && msr <= ranges[i].last)
			return (ranges[i].rights & right) != 0;
	}
	return false;
}

/* The processor knows best which of them it has: what it lacks is #GP in the root, not here. */
void msr_open_to_root(void)
{
	for (unsigned int i = 0; i < ARRAY_COUNT(ranges); i++) {
		if (ranges[i].rights & OF_ROOT)
			virt->permit_root_reads(ranges[i].first, ranges[i].last);
	}
}

bool msr_read(struct vp *vp, uint32_t msr, uint64_t *value)
{
	if (VLAPIC_IS_MSR(msr))
		return vlapic_msr_read(&vp->lapic, msr, partition_tsc(vp->partition),
		                       value);
	if (registers_read_msr(vp, msr, value))
		return true;
	*value = msr == MSR_HWCR ? HWCR_TSC_FREQ_SEL : 0;
	return has_right(msr, ZERO) || is_ignored(vp, msr);
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
	if (!(vp->partition->is_root && has_right(msr, OF_ROOT)) &&
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
	if (has_right(msr, IGNORED) || is_ignored(vp, msr))
		return true;
	log_limited("p%u vp%u msr: write of %#lx to %#x refused", vp->partition->slot,
	            vp->index, value, msr);
	return false;
}
