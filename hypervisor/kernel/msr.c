/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The architecture's MSRs, by an allow-list: what is not in it raises #GP. Those that VMLOAD and
 * VMSAVE swap never exit. The root reads what describes its machine (MTRRs, microcode revision, power
 * management) and writes none of it: D3. AMD's numbers: APM2 appendix A.
 */
#include "hypervisor/kernel/msr.h"
#include "hypervisor/arch/x86/context.h"
#include "hypervisor/arch/x86/cpu.h"
#include "hypervisor/kernel/apic.h"
#include "hypervisor/kernel/log.h"
#include "hypervisor/kernel/partition.h"

#define MSR_SYNTHETIC_FIRST 0x40000000u
#define MSR_SYNTHETIC_LAST  0x4fffffffu
#define MSR_MISC_ENABLE     0x000001a0u
#define MSR_TSC_ADJUST      0x0000003bu
#define MSR_PSTATE_FIRST    0xc0010061u
#define MSR_PSTATE_LAST     0xc001006bu
#define EFER_WRITABLE       (EFER_SCE | EFER_LME | EFER_NXE | EFER_FFXSR | EFER_TCE)

/* Read as on the machine, by the root alone. */
static const struct {
	uint32_t first, last;
} root_readable[] = {
	{ 0x00000017, 0x00000017 }, /* platform id */
	{ MSR_UCODE_REV, MSR_UCODE_REV },
	{ MSR_MTRR_CAP, MSR_MTRR_CAP },
	{ MSR_MTRR_PHYS_BASE0, 0x0000020f },
	{ MSR_MTRR_FIX64K, MSR_MTRR_FIX64K },
	{ 0x00000258, 0x00000259 },
	{ 0x00000268, 0x0000026f },
	{ MSR_MTRR_DEF_TYPE, MSR_MTRR_DEF_TYPE },
	{ MSR_SYSCFG, MSR_SYSCFG },
	{ MSR_HWCR, MSR_HWCR },
	{ 0xc0010016, 0xc001001d }, /* IORR, TOP_MEM, TOP_MEM2 */
	{ 0xc001001f, 0xc001001f }, /* NB_CFG */
	{ MSR_PSTATE_FIRST, MSR_PSTATE_LAST },
};

/* Written by every Linux to no effect of ours: accepted from anyone, kept nowhere, read as 0. */
static const uint32_t ignored[] = {
	0x000001d9,             /* DEBUGCTL */
	0x00000048,             /* SPEC_CTRL */
	0x00000049,             /* PRED_CMD */
	0xc0000104,             /* TSC ratio, read by tools */
	MSR_HWCR,   0xc001001f, /* NB_CFG: Linux turns on extended configuration space */
	0xc0011029,             /* DE_CFG: LFENCE serializing */
	0xc001102a, 0xc0011020, 0xc0011021, 0xc0011022, 0xc0011023,      0xc00110e3,
	0xc0010000, 0xc0010001, 0xc0010002, 0xc0010003, /* performance events */
	0xc0010004, 0xc0010005, 0xc0010006, 0xc0010007, MSR_MISC_ENABLE, MSR_TSC_ADJUST,
};

static bool is_synthetic(uint32_t msr)
{
	return msr >= MSR_SYNTHETIC_FIRST && msr <= MSR_SYNTHETIC_LAST;
}

static bool is_ignored(uint32_t msr)
{
	for (unsigned int i = 0; i < ARRAY_COUNT(ignored); i++) {
		if (ignored[i] == msr)
			return true;
	}
	return false;
}

static bool is_root_readable(const struct vp *vp, uint32_t msr)
{
	for (unsigned int i = 0; vp->partition->is_root && i < ARRAY_COUNT(root_readable);
	     i++) {
		if (msr >= root_readable[i].first && msr <= root_readable[i].last)
			return true;
	}
	return false;
}

/* By its TLFS name in the control block; every MSR here has one. */
static uint64_t block_read(const struct vp *vp, uint32_t name)
{
	union hv_register_value value = { 0 };

	(void)virt->get_register(vp, name, &value);
	return value.reg64;
}

static void block_write(struct vp *vp, uint32_t name, uint64_t content)
{
	const union hv_register_value value = { .reg64 = content };

	(void)virt->set_register(vp, name, &value);
}

enum msr_result msr_read(struct vp *vp, uint32_t msr, uint64_t *value)
{
	*value = 0;
	if (msr >= MSR_X2APIC_FIRST && msr <= MSR_X2APIC_LAST)
		return apic_read_msr(vp, msr, value) ? MSR_DONE : MSR_FAULT;
	if (is_synthetic(msr))
		return msr_allowed_synthetic(vp, msr) &&
		                       msr_read_synthetic(vp, msr, value) ?
		               MSR_DONE :
		               MSR_FAULT;
	switch (msr) {
	case MSR_TSC:
		*value = cpu_rdtsc() + vp->partition->tsc_offset;
		return MSR_DONE;
	case MSR_APIC_BASE:
		*value = vp->lapic.base;
		return MSR_DONE;
	case MSR_EFER:
		*value = block_read(vp, HV_X64_REGISTER_EFER);
		return MSR_DONE;
	case MSR_PAT:
		*value = block_read(vp, HV_X64_REGISTER_PAT);
		return MSR_DONE;
	case MSR_TSC_AUX:
		*value = vp->arch.tsc_aux;
		return MSR_DONE;
	default:
		break;
	}
	if (is_root_readable(vp, msr)) {
		*value = cpu_rdmsr(msr);
		return MSR_DONE;
	}
	if (msr == MSR_HWCR)
		*value = HWCR_TSC_FREQ_SEL;
	if (is_ignored(msr) || msr == MSR_UCODE_REV || msr == MSR_MTRR_CAP ||
	    msr == MSR_MTRR_DEF_TYPE || msr == MSR_SYSCFG)
		return MSR_DONE;
	return MSR_FAULT;
}

/* Each byte a memory type: UC, WC, WT, WP, WB, UC-. APM2 7.8.2 */
static bool pat_is_valid(uint64_t pat)
{
	for (unsigned int i = 0; i < 8; i++) {
		uint8_t type = (uint8_t)(pat >> 8 * i);

		if (type > 7 || type == 2 || type == 3)
			return false;
	}
	return true;
}

/* LME may not change while paging is on; LMA is the processor's. APM2 3.1.7 */
static bool write_efer(struct vp *vp, uint64_t value)
{
	uint64_t old = block_read(vp, HV_X64_REGISTER_EFER);
	bool paging = (block_read(vp, HV_X64_REGISTER_CR0) & CR0_PG) != 0;

	value &= ~(uint64_t)EFER_LMA;
	if ((value & ~(uint64_t)EFER_WRITABLE) || (paging && ((value ^ old) & EFER_LME)))
		return false;
	block_write(vp, HV_X64_REGISTER_EFER, value | (old & EFER_LMA));
	return true;
}

enum msr_result msr_write(struct vp *vp, uint32_t msr, uint64_t value)
{
	if (msr >= MSR_X2APIC_FIRST && msr <= MSR_X2APIC_LAST)
		return apic_write_msr(vp, msr, value) ? MSR_DONE : MSR_FAULT;
	if (is_synthetic(msr))
		return msr_allowed_synthetic(vp, msr) &&
		                       msr_write_synthetic(vp, msr, value) ?
		               MSR_DONE :
		               MSR_FAULT;
	switch (msr) {
	case MSR_APIC_BASE:
		return apic_set_base(vp, value) ? MSR_DONE : MSR_FAULT;
	case MSR_EFER:
		return write_efer(vp, value) ? MSR_DONE : MSR_FAULT;
	case MSR_PAT:
		if (!pat_is_valid(value))
			return MSR_FAULT;
		block_write(vp, HV_X64_REGISTER_PAT, value);
		return MSR_DONE;
	case MSR_TSC_AUX:
		vp->arch.tsc_aux = (uint32_t)value;
		cpu_wrmsr(MSR_TSC_AUX, (uint32_t)value);
		return MSR_DONE;
	default:
		break;
	}
	if (is_ignored(msr))
		return MSR_DONE;
	log_limited("p%u vp%u msr: write of %#llx to %#x refused", vp->partition->slot,
	            vp->index, (unsigned long long)value, msr);
	return MSR_FAULT;
}
