/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPUID of guests: the machine's, as the root's loader and then a child's parent want it shown (D16), and what only
 * the hypervisor knows. TLFS 2. What a guest may use is not decided here: context.h, msr.c.
 */
#include "hypervisor/kernel/guest/cpuid.h"
#include <viridis/abi/hv_cpuid.h>
#include "hypervisor/arch/x86/context.h"
#include "hypervisor/arch/x86/time.h"
#include "hypervisor/kernel/objects/partition.h"

#define LEAF1_ECX_OSXSAVE BIT32(27)
#define LEAF1_EDX_APIC    BIT32(9)
#define LEAF1_EDX_MTRR    BIT32(12)
#define LEAF1_EDX_HTT     BIT32(28)

/*
 * The root has ACCESS_PARTITION_ID but is not shown it: Linux 6.1 then asks for its id through
 * an output page that it allocates only when it takes itself for Microsoft's root, and
 * dereferences NULL.
 */
static void show_privileges(const struct partition *partition, struct cpuid_regs *regs)
{
	uint64_t privileges = partition->privileges;

	if (partition->is_root)
		privileges &= ~HV_PRIVILEGE_ACCESS_PARTITION_ID;
	regs->eax = (uint32_t)privileges;
	regs->ebx = (uint32_t)(privileges >> 32);
}

/* APIC ids are the VP's, not the CPU's. */
static void leaf_1(const struct vp *vp, struct cpuid_regs *regs)
{
	regs->ebx = (regs->ebx & 0xffffff) | vp->lapic.config.apic_id << 24;
	if (vp_register(vp, HV_X64_REGISTER_CR4).reg64 & CR4_OSXSAVE)
		regs->ecx |= LEAF1_ECX_OSXSAVE;
	if (vlapic_mode(&vp->lapic) == VLAPIC_DISABLED)
		regs->edx &= ~LEAF1_EDX_APIC;
	if (!vp->partition->is_root) {
		regs->ebx = (regs->ebx & ~0xff0000u) | vp->partition->vp_count << 16;
		regs->edx = (regs->edx & ~LEAF1_EDX_MTRR) | LEAF1_EDX_HTT;
	}
}

/* The size of the XSAVE area for the XCR0 in force: the guest's. */
static uint32_t enabled_size(const struct vp *vp)
{
	uint64_t host = cpu_read_xcr0();
	struct cpuid_regs regs;

	cpu_write_xcr0(vp->arch.xcr0);
	regs = cpu_cpuid(0xd, 0);
	cpu_write_xcr0(host);
	return regs.ebx;
}

/*
 * What is the VP's own, and what is the same on every machine. A child's processors are one socket, a core
 * for each VP, one thread a core; caches are shared from the third level on. APM3 E.4.15, SDM1 20
 */
static void adapt_leaf(const struct vp *vp, uint32_t leaf, uint32_t subleaf,
                       struct cpuid_regs *regs)
{
	bool is_root = vp->partition->is_root;
	uint32_t cores = vp->partition->vp_count;
	uint32_t id_bits = cores > 1 ? 32 - (uint32_t)__builtin_clz(cores - 1) : 0;

	switch (leaf) {
	case 1:
		leaf_1(vp, regs);
		break;
	case 0xb: /* threads, cores */
		if (!is_root && subleaf == 0)
			*regs = (struct cpuid_regs){ 0, 1, 1 << 8, 0 };
		else if (!is_root && subleaf == 1)
			*regs = (struct cpuid_regs){ id_bits, cores, 2 << 8 | 1, 0 };
		else if (!is_root)
			*regs = (struct cpuid_regs){ .ecx = subleaf };
		regs->edx = vp->lapic.config.apic_id;
		break;
	case 0xd:
		if (subleaf == 0)
			regs->ebx = enabled_size(vp);
		break;
	case HV_CPUID_FEATURES:
		show_privileges(vp->partition, regs);
		break;
	case HV_CPUID_OWN: /* says that this is the root */
		if (!is_root)
			*regs = (struct cpuid_regs){ 0 };
		break;
	case 0x80000007:
		if (!tsc_is_shared) /* not invariant */
			regs->edx = 0;
		break;
	case 0x80000008:
		if ((regs->eax & 0xff) > NPT_GPA_BITS)
			regs->eax = (regs->eax & ~0xffu) | NPT_GPA_BITS;
		if (!is_root)
			regs->ecx = id_bits << 12 | (cores - 1);
		break;
	case 0x8000001d:
		if (!is_root)
			regs->eax &= ~(0xfffu << 14);
		if (!is_root && (regs->eax >> 5 & 7) >= 3)
			regs->eax |= (cores - 1) << 14;
		break;
	case 0x8000001e:
		if (!is_root)
			*regs = (struct cpuid_regs){ .ebx = vp->index };
		regs->eax = vp->lapic.config.apic_id;
		break;
	}
}

/* Bits of value replace those of the machine where the mask says. Which kinds of results there were. */
static unsigned int apply_results(const struct vp *vp,
                                  const struct cpuid_results *results, uint32_t leaf,
                                  uint32_t subleaf, struct cpuid_regs *regs)
{
	uint32_t *out[4] = { &regs->eax, &regs->ebx, &regs->ecx, &regs->edx };
	uint32_t count = __atomic_load_n(&results->count, __ATOMIC_ACQUIRE);
	unsigned int found = 0;

	for (uint32_t i = 0; i < count; i++) {
		const struct hv_input_register_intercept_result *in = &results->result[i];

		if (in->eax != leaf || (in->subleaf_specific && in->ecx != subleaf) ||
		    (in->vp_index != HV_VP_INDEX_ANY && in->vp_index != vp->index))
			continue;
		found |= BIT32(in->reserved);
		for (unsigned int r = 0; r < 4; r++)
			*out[r] = (*out[r] & ~in->result[r].mask) |
			          (in->result[r].value & in->result[r].mask);
	}
	return found;
}

/* The root's results are an allow-list for all: nobody sees a leaf that they do not name. */
bool cpuid_for_guest(const struct vp *vp, uint32_t leaf, uint32_t subleaf,
                     struct cpuid_regs *regs)
{
	const struct cpuid_results *general = root_partition->cpuid;
	const struct cpuid_results *own = vp->partition->cpuid;

	*regs = cpu_cpuid(leaf, subleaf);
	if (!apply_results(vp, general, leaf, subleaf, regs) && general->count != 0)
		*regs = (struct cpuid_regs){ 0 };
	adapt_leaf(vp, leaf, subleaf, regs);
	/* One that is intercepted has 1 in `reserved`: change_result(). */
	return own != general && (apply_results(vp, own, leaf, subleaf, regs) & BIT32(1));
}
