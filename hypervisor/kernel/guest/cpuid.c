/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPUID of guests: the machine's, less what is not for guests, and the hypervisor's leaves. TLFS 2.
 * The machine's are shown by an allow-list, to the root and to children alike.
 */
#include "hypervisor/kernel/guest/cpuid.h"
#include <viridis/abi/hv_cpuid.h>
#include "hypervisor/arch/x86/context.h"
#include "hypervisor/arch/x86/time.h"
#include "hypervisor/kernel/objects/partition.h"

#define LEAF_BASE 0x40000000u
#define OWN_LEAF  0x40000100u
#define OWN_EBX   0x69726956u /* "Viri" */
#define OWN_ECX   0x20736964u /* "dis " */
#define OWN_EDX   0x00007648u /* "Hv" */

#define LEAF1_ECX_X2APIC         BIT32(21)
#define LEAF1_ECX_OSXSAVE        BIT32(27)
#define LEAF1_ECX_HYPERVISOR     BIT32(31)
#define LEAF1_EDX_APIC           BIT32(9)
#define LEAF1_EDX_MTRR           BIT32(12)
#define LEAF1_EDX_HTT            BIT32(28)
#define LEAF6_EAX_ARAT           BIT32(2)
#define LEAFD1_EAX               (BIT32(0) | BIT32(2)) /* XSAVEOPT, XGETBV of ECX 1 */
#define LEAF87_EDX_INVARIANT_TSC BIT32(8)
#define ALL                      UINT32_MAX

/*
 * What guests see of the machine's leaves, in rising order; all else reads 0. A feature is here if
 * nothing but the context that is switched, and no MSR but the allowed ones, is needed for it. APM3 E
 */
static const struct {
	uint32_t first, last;
	struct cpuid_regs mask;
} shown[] = {
	{ 0, 0, { ALL, ALL, ALL, ALL } },
	{ 1, 1, { ALL, ALL, 0x76d83203, 0x178bbb7f } },
	{ 7, 7, { 0, 0x219c23e9, 0x00400704, 0 } },
	{ 0xb, 0xd, { ALL, ALL, ALL, ALL } }, /* topology; XSAVE: leaf_d() */
	{ 0x80000000, 0x80000000, { ALL, ALL, ALL, ALL } },
	{ 0x80000001, 0x80000001, { ALL, ALL, 0x006109f3, 0xefd3bb7f } },
	{ 0x80000002, 0x80000006, { ALL, ALL, ALL, ALL } }, /* name, caches */
	/* CLZERO, XSAVEERPTR; IBPB, IBRS, STIBP, SSBD and PSFD, in all their flavours. APM3 E.4.8 */
	{ 0x80000008, 0x80000008, { ALL, 0x3507d005, 0xf0ff, 0 } },
	{ 0x80000019, 0x8000001a, { ALL, ALL, ALL, ALL } }, /* TLBs, hints */
	{ 0x8000001d, 0x8000001e, { ALL, ALL, ALL, ALL } }, /* caches, topology */
};

#define LEAF(name) [HV_CPUID_##name - LEAF_BASE]

/* What is the same for all. */
static const struct cpuid_regs leaves[] = {
	LEAF(VENDOR_AND_MAX) = { HV_CPUID_LAST, HV_VENDOR_EBX, HV_VENDOR_ECX,
	                         HV_VENDOR_EDX },
	LEAF(INTERFACE) = { .eax = HV_INTERFACE_EAX },
	LEAF(FEATURES) = { .edx = HV_FEATURE_FREQUENCY_MSRS | HV_FEATURE_CRASH_MSRS |
	                          HV_FEATURE_STIMER_DIRECT },
	/* APIC_MSRS: without it Linux never looks at the mark that spares an EOI. EBX: never
	 * NOTIFY_LONG_SPIN_WAIT. */
	LEAF(RECOMMENDATIONS) = { .eax = HV_HINT_APIC_MSRS | HV_HINT_RELAXED_TIMING |
	                                 HV_HINT_DEPRECATE_AUTO_EOI,
	                          .ebx = 0xffffffff },
	LEAF(LIMITS) = { .eax = MAX_VPS },
	LEAF(HARDWARE) = { .eax = BIT32(1) | BIT32(3) }, /* MSR bitmap, nested paging */
};

static void hypervisor_leaf(const struct partition *partition, uint32_t leaf,
                            struct cpuid_regs *regs)
{
	uint64_t privileges = partition->privileges;

	*regs = (struct cpuid_regs){ 0 };
	if (leaf - LEAF_BASE < ARRAY_COUNT(leaves))
		*regs = leaves[leaf - LEAF_BASE];
	else if (leaf == OWN_LEAF && partition->is_root)
		*regs = (struct cpuid_regs){ OWN_LEAF, OWN_EBX, OWN_ECX, OWN_EDX };
	/*
	 * The root has ACCESS_PARTITION_ID but is not shown it: Linux 6.1 then asks for its id through
	 * an output page that it allocates only when it takes itself for Microsoft's root, and
	 * dereferences NULL.
	 */
	if (partition->is_root)
		privileges &= ~HV_PRIVILEGE_ACCESS_PARTITION_ID;
	if (leaf == HV_CPUID_FEATURES) {
		regs->eax = (uint32_t)privileges;
		regs->ebx = (uint32_t)(privileges >> 32);
	}
}

/* APIC ids are the VP's, not the CPU's. */
static void leaf_1(const struct vp *vp, struct cpuid_regs *regs)
{
	regs->ebx = (regs->ebx & 0xffffff) | vp->lapic.config.apic_id << 24;
	regs->ecx |= LEAF1_ECX_X2APIC | LEAF1_ECX_HYPERVISOR;
	if (vp_register(vp, HV_X64_REGISTER_CR4).reg64 & CR4_OSXSAVE)
		regs->ecx |= LEAF1_ECX_OSXSAVE;
	if (vlapic_mode(&vp->lapic) == VLAPIC_DISABLED)
		regs->edx &= ~LEAF1_EDX_APIC;
	if (!vp->partition->is_root) {
		regs->ebx = (regs->ebx & ~0xff0000u) | vp->partition->vp_count << 16;
		regs->edx = (regs->edx & ~LEAF1_EDX_MTRR) | LEAF1_EDX_HTT;
	}
}

/* Sizes depend on the XCR0 in force: the guest's. */
static void leaf_d(const struct vp *vp, uint32_t subleaf, struct cpuid_regs *regs)
{
	uint64_t allowed = context_xcr0_allowed;
	uint64_t host = cpu_read_xcr0();

	if (subleaf == 0) {
		cpu_write_xcr0(vp->arch.xcr0);
		*regs = cpu_cpuid(0xd, 0);
		cpu_write_xcr0(host);
		regs->eax &= (uint32_t)allowed;
		regs->edx &= (uint32_t)(allowed >> 32);
	} else if (subleaf == 1) {
		*regs = (struct cpuid_regs){ .eax = regs->eax & LEAFD1_EAX };
	} else if (subleaf >= 63 || !(allowed & BIT64(subleaf))) {
		*regs = (struct cpuid_regs){ 0 };
	}
}

static void mask_leaf(uint32_t leaf, struct cpuid_regs *regs)
{
	struct cpuid_regs mask = { 0 };
	unsigned int i = 0;

	while (i < ARRAY_COUNT(shown) && leaf > shown[i].last)
		i++;
	if (i < ARRAY_COUNT(shown) && leaf >= shown[i].first)
		mask = shown[i].mask;
	regs->eax &= mask.eax;
	regs->ebx &= mask.ebx;
	regs->ecx &= mask.ecx;
	regs->edx &= mask.edx;
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
	case 6:
		regs->eax = LEAF6_EAX_ARAT;
		break;
	case 7:
		if (subleaf != 0)
			*regs = (struct cpuid_regs){ 0 };
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
		leaf_d(vp, subleaf, regs);
		break;
	case 0x80000007:
		regs->edx = tsc_is_shared ? LEAF87_EDX_INVARIANT_TSC : 0;
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

/* What the parent registered: bits of value replace ours where the mask says. True: it asks to be asked. */
static bool apply_results(const struct vp *vp, uint32_t leaf, uint32_t subleaf,
                          struct cpuid_regs *regs)
{
	const struct cpuid_results *results = vp->partition->cpuid;
	uint32_t *out[4] = { &regs->eax, &regs->ebx, &regs->ecx, &regs->edx };
	uint32_t count = __atomic_load_n(&results->count, __ATOMIC_ACQUIRE);
	bool intercepted = false;

	for (uint32_t i = 0; i < count; i++) {
		const struct hv_input_register_intercept_result *in = &results->result[i];

		if (in->eax != leaf || (in->subleaf_specific && in->ecx != subleaf) ||
		    (in->vp_index != HV_VP_INDEX_ANY && in->vp_index != vp->index))
			continue;
		intercepted |= in->reserved;
		for (unsigned int r = 0; r < 4; r++)
			*out[r] = (*out[r] & ~in->result[r].mask) |
			          (in->result[r].value & in->result[r].mask);
	}
	return intercepted;
}

bool cpuid_for_guest(const struct vp *vp, uint32_t leaf, uint32_t subleaf,
                     struct cpuid_regs *regs)
{
	if (leaf >= LEAF_BASE && leaf <= 0x4fffffff) {
		hypervisor_leaf(vp->partition, leaf, regs);
	} else {
		*regs = cpu_cpuid(leaf, subleaf);
		mask_leaf(leaf, regs);
		adapt_leaf(vp, leaf, subleaf, regs);
	}
	return apply_results(vp, leaf, subleaf, regs);
}
