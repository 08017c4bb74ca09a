/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What CPUID shows of the machine, to the root and to all its children: said here, once, by the calls with which a parent says
 * it of a child. A leaf that is not named reads 0. The hypervisor adds what it alone knows: privileges, APIC ids, a
 * child's own topology. What a guest may do is the hypervisor's to say, whatever it sees here.
 */
#include <viridis/abi/hv_cpuid.h>
#include <viridis/abi/hv_hypercall.h>
#include <viridis/base/mem.h>
#include "root-partition/loader/loader.h"

#define LEAF1_ECX_SET (BIT32(21) | BIT32(31)) /* x2APIC; there is a hypervisor */
#define LEAF6_EAX     BIT32(2)                /* ARAT: the APIC's timer always runs */
#define LEAFD_EAX     0x7                     /* x87, SSE, AVX */
#define LEAFD1_EAX    (BIT32(0) | BIT32(2))   /* XSAVEOPT, XGETBV of ECX 1 */
#define LEAF87_EDX    BIT32(8)                /* invariant TSC, where the TSCs are one */
#define ALL           UINT32_MAX
#define NO_SUBLEAF    UINT32_MAX

#define WHOLE(leaf)                                       \
	{                                                 \
		leaf, NO_SUBLEAF, { ALL, ALL, ALL, ALL }, \
		{                                         \
			0                                 \
		}                                         \
	}
#define SET(leaf, ...)                   \
	{                                \
		leaf, NO_SUBLEAF, { 0 }, \
		{                        \
			__VA_ARGS__      \
		}                        \
	}

/*
 * Which bits of EAX to EDX are the machine's, and which are 1. A feature is here if
 * nothing but the context that is switched, and no MSR but the allowed ones, is needed for it. APM3 E
 */
static const struct {
	uint32_t leaf, subleaf, shown[4], set[4];
} leaves[] = {
	WHOLE(0),
	{ 1,
	  NO_SUBLEAF,
	  { ALL, ALL, 0x76d83203, 0x178bbb7f },
	  { 0, 0, LEAF1_ECX_SET, 0 } },
	SET(6, LEAF6_EAX),
	{ 7, 0, { 0, 0x219c23e9, 0x00400704, 0 }, { 0 } },
	WHOLE(0xb), /* topology */
	{ 0xd, 0, { LEAFD_EAX, ALL, ALL, 0 }, { 0 } },
	{ 0xd, 1, { LEAFD1_EAX, 0, 0, 0 }, { 0 } },
	{ 0xd, 2, { ALL, ALL, ALL, ALL }, { 0 } },
	WHOLE(0x80000000),
	{ 0x80000001, NO_SUBLEAF, { ALL, ALL, 0x006109f3, 0xefd3bb7f }, { 0 } },
	WHOLE(0x80000002), /* name, caches */
	WHOLE(0x80000003),
	WHOLE(0x80000004),
	WHOLE(0x80000005),
	WHOLE(0x80000006),
	SET(0x80000007, 0, 0, 0, LEAF87_EDX),
	/* CLZERO, XSAVEERPTR; IBPB, IBRS, STIBP, SSBD and PSFD, in all their flavours. APM3 E.4.8 */
	{ 0x80000008, NO_SUBLEAF, { ALL, 0x3507d005, 0xf0ff, 0 }, { 0 } },
	WHOLE(0x80000019), /* TLBs, hints */
	WHOLE(0x8000001a),
	WHOLE(0x8000001d), /* caches, topology */
	WHOLE(0x8000001e),
	SET(HV_CPUID_VENDOR_AND_MAX, HV_CPUID_LAST, HV_VENDOR_EBX, HV_VENDOR_ECX,
	    HV_VENDOR_EDX),
	SET(HV_CPUID_INTERFACE, HV_INTERFACE_EAX),
	SET(HV_CPUID_FEATURES, 0, 0, 0,
	    HV_FEATURE_FREQUENCY_MSRS | HV_FEATURE_CRASH_MSRS | HV_FEATURE_STIMER_DIRECT),
	/*
	 * APIC_MSRS: without it Linux never looks at the mark that spares an EOI. REMOTE_TLB_FLUSH: nobody waits for a VP
	 * that has no CPU. EBX: never NOTIFY_LONG_SPIN_WAIT. No CLUSTER_IPI: one write of the x2APIC's ICR reaches 16 VPs.
	 */
	SET(HV_CPUID_RECOMMENDATIONS,
	    HV_HINT_REMOTE_TLB_FLUSH | HV_HINT_APIC_MSRS | HV_HINT_RELAXED_TIMING |
	            HV_HINT_DEPRECATE_AUTO_EOI,
	    ALL),
	SET(HV_CPUID_LIMITS, HV_MAX_VPS),
	SET(HV_CPUID_HARDWARE, BIT32(1) | BIT32(3)), /* MSR bitmap, nested paging */
	SET(HV_CPUID_OWN, HV_CPUID_OWN, HV_OWN_EBX, HV_OWN_ECX, HV_OWN_EDX),
};

void loader_show_cpuid(void)
{
	static struct hv_input_register_intercept_result in __attribute__((aligned(64)));

	for (unsigned int i = 0; i < ARRAY_COUNT(leaves); i++) {
		in = (struct hv_input_register_intercept_result){
			.partition_id = HV_PARTITION_ID_SELF,
			.vp_index = HV_VP_INDEX_ANY,
			.type = HV_INTERCEPT_X64_CPUID,
			.eax = leaves[i].leaf,
		};
		if (leaves[i].subleaf != NO_SUBLEAF) {
			in.ecx = leaves[i].subleaf;
			in.subleaf_specific = 1;
		}
		for (unsigned int r = 0; r < 4; r++) {
			in.result[r].mask = ~leaves[i].shown[r] | leaves[i].set[r];
			in.result[r].value = leaves[i].set[r];
		}
		loader_call(HVCALL_REGISTER_INTERCEPT_RESULT, &in);
	}
}
