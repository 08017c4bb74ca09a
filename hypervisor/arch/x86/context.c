/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Extended state of VPs: context.h. SDM1 13, APM2 11.5 */
#include "hypervisor/arch/x86/context.h"
#include <viridis/base/mem.h>
#include "hypervisor/kernel/base/boot_info.h"
#include "hypervisor/kernel/objects/partition.h"

#define XCR0_X87_SSE UINT64_C(3)
#define XCR0_SSE     UINT64_C(2)

/* Every processor that runs guests has DAZ, bit 6. SDM1 11.6.6 */
#define MXCSR_DEFINED 0xffffu

/* In the standard format. SDM1 10.5.1, 13.4 */
struct xsave_area {
	uint16_t fcw, others[11];
	uint32_t mxcsr, mxcsr_mask;
	uint8_t registers[480];
	uint64_t xstate_bv, zero[7]; /* the first of which is XCOMP_BV */
};

uint64_t context_xcr0_allowed, context_cr3_allowed, context_cr4_allowed,
	context_efer_allowed, context_tsc_aux_allowed, context_spec_ctrl_allowed;
bool context_pred_cmd_allowed;
unsigned int context_speculation;
static bool pointers_stay; /* XRSTOR may leave FIP, FDP and FOP as they were. APM2 11.5.7 */

/* CR4's bits that every 64-bit processor has, and those that guests see in CPUID. APM2 3.1.3, 3.1.7 */
static void find_mode_bits(void)
{
	struct cpuid_regs basic = cpu_cpuid(1, 0), structured = cpu_cpuid(7, 0);
	struct cpuid_regs extended = cpu_cpuid(0x80000001, 0);
	struct cpuid_regs sizes = cpu_cpuid(0x80000008, 0);

	context_cr3_allowed = bits_mask(0, sizes.eax & 0xff);
	context_cr4_allowed = 0x7ff | (basic.ecx & BIT32(26)) >> 8 | /* OSXSAVE */
	                      (structured.ebx & BIT32(0)) << 16 |    /* FSGSBASE */
	                      (structured.ebx & BIT32(7)) << 13 |    /* SMEP */
	                      (structured.ebx & BIT32(20)) << 1 |    /* SMAP */
	                      (structured.ecx & BIT32(2)) << 9;      /* UMIP */
	context_efer_allowed = EFER_SCE | EFER_LME | EFER_LMA |
	                       (extended.edx & CPUID_81_EDX_NX ? EFER_NXE : 0) |
	                       (extended.edx & CPUID_81_EDX_FFXSR ? EFER_FFXSR : 0);
	context_tsc_aux_allowed = extended.edx & CPUID_81_EDX_RDTSCP ? UINT32_MAX : 0;
	context_pred_cmd_allowed = (sizes.ebx & BIT32(12)) != 0; /* IBPB */
	context_spec_ctrl_allowed = (sizes.ebx >> 14 & 3) |      /* IBRS, STIBP */
	                            (sizes.ebx >> 22 & 4) |      /* SSBD */
	                            (sizes.ebx >> 21 & 128);     /* PSFD */
	pointers_stay = !(sizes.ebx & BIT32(2));                 /* XSAVEERPTR */
}

static void choose_speculation(void)
{
	bool is_long = cpu_cpuid(0x80000000, 0).eax >= 0x80000021;

	context_speculation = speculation_choose(
		cpu_cpuid(0x80000008, 0).ebx, is_long ? cpu_cpuid(0x80000021, 0).eax : 0,
		boot_info.speculation_off);
	log_line("speculation: retpolines%s%s%s%s",
	         context_speculation & SPECULATION_BARRIER ? ", barriers" : "",
	         context_speculation & SPECULATION_STUFF ? ", returns stuffed" : "",
	         context_speculation & SPECULATION_AUTOMATIC ? ", automatic IBRS" : "",
	         boot_info.speculation_off ? ", the rest is off" : "");
}

void context_cpu_on(void)
{
	cpu_write_xcr0(context_xcr0_allowed);
	if (context_speculation & SPECULATION_AUTOMATIC)
		cpu_wrmsr(MSR_EFER, cpu_rdmsr(MSR_EFER) | EFER_AUTOMATIC_IBRS);
}

/*
 * x87, SSE and AVX: the standard format's area stays within a page, and no component depends on another
 * but AVX on SSE.
 */
void context_init(void)
{
	find_mode_bits();
	choose_speculation();
	context_xcr0_allowed = XCR0_X87_SSE | (cpu_cpuid(0xd, 0).eax & XCR0_AVX);
}

bool context_xcr0_is_valid(uint64_t value)
{
	return (value & 1) && !(value & ~context_xcr0_allowed) &&
	       (!(value & XCR0_AVX) || (value & XCR0_SSE));
}

void context_reset(struct vp *vp)
{
	struct xsave_area *area = vp->arch.extended_state;

	memset(area, 0, PAGE_4K);
	area->fcw = 0x37f;
	area->mxcsr = 0x1f80;
	area->xstate_bv = XCR0_X87_SSE; /* take them from here */
	vp->arch.xcr0 = 1;
	vp->arch.spec_ctrl = 0;
	memset(vp->arch.dr, 0, sizeof(vp->arch.dr));
}

void context_sanitize(struct vp *vp)
{
	struct xsave_area *area = vp->arch.extended_state;

	area->mxcsr &= MXCSR_DEFINED;
	area->xstate_bv |= XCR0_X87_SSE;
}

bool context_set_area(struct vp *vp, const void *image)
{
	const struct xsave_area *area = image;
	uint64_t bad = (area->xstate_bv & ~context_xcr0_allowed) |
	               (area->mxcsr & ~MXCSR_DEFINED);

	for (unsigned int i = 0; i < ARRAY_COUNT(area->zero); i++)
		bad |= area->zero[i];
	if (bad != 0)
		return false;
	memcpy(vp->arch.extended_state, image, PAGE_4K);
	return true;
}

/* XCR0 is that of the hypervisor behind this, as at boot. */
void context_save(struct vp *vp)
{
	struct vp_arch *arch = &vp->arch;

	if (arch->xcr0 != context_xcr0_allowed)
		cpu_write_xcr0(context_xcr0_allowed);
	cpu_xsave(arch->extended_state);
	arch->dr[0] = cpu_read_dr0();
	arch->dr[1] = cpu_read_dr1();
	arch->dr[2] = cpu_read_dr2();
	arch->dr[3] = cpu_read_dr3();
}

void context_load(struct cpu *cpu, struct vp *vp)
{
	const struct vp_arch *arch = &vp->arch;

	if (cpu->predicted != vp->partition->id &&
	    (context_speculation & SPECULATION_BARRIER)) {
		cpu_wrmsr(MSR_PRED_CMD, 1);
		stat_count(cpu->stats, VIRIDIS_CPU_STAT_BRANCH_BARRIERS);
	}
	cpu->predicted = vp->partition->id;
	if (pointers_stay)
		cpu_forget_x87();
	cpu_xrstor(arch->extended_state);
	if (arch->xcr0 != context_xcr0_allowed)
		cpu_write_xcr0(arch->xcr0);
	cpu_write_dr0(arch->dr[0]);
	cpu_write_dr1(arch->dr[1]);
	cpu_write_dr2(arch->dr[2]);
	cpu_write_dr3(arch->dr[3]);
	if (context_tsc_aux_allowed)
		cpu_wrmsr(MSR_TSC_AUX, arch->tsc_aux);
	if (context_spec_ctrl_allowed)
		cpu_wrmsr(MSR_SPEC_CTRL, arch->spec_ctrl);
	vp->turn++; /* another CPU, or what a parent did meanwhile */
}
