/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPUID of guests: the machine's, as the root's loader and then a child's parent want it shown (D16), and what only
 * the hypervisor knows. TLFS 2. What a guest may use is not decided here: context.h, msr.c.
 */
#include "hypervisor/kernel/guest/cpuid.h"
#include "hypervisor/arch/x86/context.h"
#include "hypervisor/arch/x86/time.h"
#include "hypervisor/kernel/objects/partition.h"

#define LEAF1_ECX_OSXSAVE    BIT32(27)
#define LEAF1_ECX_HYPERVISOR BIT32(31)
#define LEAF1_EDX_APIC       BIT32(9)

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
	if (!tsc_is_shared)
		privileges &= ~HV_PRIVILEGE_TSC_INVARIANT;
	regs->eax = (uint32_t)privileges;
	regs->ebx = (uint32_t)(privileges >> 32);
}

/* APIC ids are the VP's, not the CPU's. */
static void leaf_1(const struct vp *vp, struct cpuid_regs *regs)
{
	bool osxsave = vp_register(vp, HV_X64_REGISTER_CR4).reg64 & CR4_OSXSAVE;

	regs->ebx = (regs->ebx & 0xffffff) | vp->lapic.config.apic_id << 24;
	regs->ecx = (regs->ecx & ~LEAF1_ECX_OSXSAVE) | LEAF1_ECX_HYPERVISOR |
	            (osxsave ? LEAF1_ECX_OSXSAVE : 0);
	if (vlapic_mode(&vp->lapic) == VLAPIC_DISABLED)
		regs->edx &= ~LEAF1_EDX_APIC;
}

/* The XSAVE area for the XCR0 in force, the guest's: the legacy part and header, or up to AVX's end. SDM1 13.4 */
static uint32_t enabled_size(const struct vp *vp)
{
	struct cpuid_regs avx = cpu_cpuid(0xd, 2);

	return vp->arch.xcr0 & XCR0_AVX ? avx.ebx + avx.eax : XSAVE_BASE_BYTES;
}

/* What is the VP's own or changes while it runs, whatever its parent registered: the rest of its topology too. */
static void adapt_leaf(const struct vp *vp, uint32_t leaf, uint32_t subleaf,
                       struct cpuid_regs *regs)
{
	switch (leaf) {
	case 1:
		leaf_1(vp, regs);
		break;
	case 0xb:
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
		if (!vp->partition->is_root)
			*regs = (struct cpuid_regs){ 0 };
		break;
	case 0x80000007:
		if (!tsc_is_shared) /* not invariant */
			regs->edx = 0;
		break;
	case 0x80000008:
		if ((regs->eax & 0xff) > NPT_GPA_BITS)
			regs->eax = (regs->eax & ~0xffu) | NPT_GPA_BITS;
		break;
	case 0x8000001e:
		regs->eax = vp->lapic.config.apic_id;
		break;
	}
}

/* Bits of a result's value replace the machine's where its mask says so. Returns which kinds of results there were. */
static unsigned int apply_results(struct cpuid_results *const *pages, uint32_t leaf,
                                  uint32_t subleaf, struct cpuid_regs *regs)
{
	uint32_t *out[4] = { &regs->eax, &regs->ebx, &regs->ecx, &regs->edx };
	uint32_t count = __atomic_load_n(&pages[0]->count, __ATOMIC_ACQUIRE);
	unsigned int found = 0;

	for (uint32_t i = 0; i < count; i++) {
		const struct hv_input_register_intercept_result *in =
			cpuid_result(pages, i);

		if (in->eax != leaf || (in->subleaf_specific && in->ecx != subleaf))
			continue;
		found |= BIT32(in->intercepted);
		for (unsigned int r = 0; r < 4; r++)
			*out[r] = (*out[r] & ~in->result[r].mask) |
			          (in->result[r].value & in->result[r].mask);
	}
	return found;
}

/* The root's results are an allow-list for all: nobody sees a leaf that neither they nor the parent name. */
bool cpuid_for_guest(const struct vp *vp, uint32_t leaf, uint32_t subleaf,
                     struct cpuid_regs *regs)
{
	struct cpuid_results *general = root_partition->cpuid;
	unsigned int found = 0;

	*regs = cpu_cpuid(leaf, subleaf);
	if (!apply_results(&general, leaf, subleaf, regs) && general->count != 0)
		*regs = (struct cpuid_regs){ 0 };
	if (!vp->partition->is_root) {
		found = apply_results(&vp->partition->cpuid, leaf, subleaf, regs);
		found |= apply_results(vp->cpuid, leaf, subleaf, regs);
	}
	adapt_leaf(vp, leaf, subleaf, regs);
	return found & BIT32(1);
}
