/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the hypervisor shows and hides by CPUID. TLFS 2 */
#include "tests/guest/groups.h"

#include <viridis/abi/hv_cpuid.h>
#include <viridis/abi/hv_msr.h>
#include "vsc/lib/cpu.h"
#include "vsc/lib/guest.h"
#include "vsc/lib/hv.h"
#include "vsc/lib/tap.h"
#include "vsc/lib/try.h"

#define CPUID_1_ECX_MONITOR              BIT32(3)
#define CPUID_1_ECX_VMX                  BIT32(5)
#define CPUID_1_ECX_HYPERVISOR           BIT32(31)
#define CPUID_1_EDX_HTT                  BIT32(28)
#define CPUID_80000001_ECX_SVM           BIT32(2)
#define CPUID_80000001_ECX_SKINIT        BIT32(12)
#define CR4_OSXSAVE                      BIT64(18)
#define CPUID_7_EBX_TSC_ADJUST           BIT32(1)
#define CPUID_7_EBX_AVX512               0xdc230000u /* APM3 E.3.6 */
#define CPUID_7_ECX_PROTECTION_KEYS      0x00000018u
#define CPUID_7_ECX_LA57                 BIT32(16)
#define CPUID_80000008_EBX_HIDDEN        0xcaf82ffau /* not CLZERO, XSAVEERPTR, speculation */
#define CPUID_80000007_EDX_INVARIANT_TSC BIT32(8)
#define CPUID_6_EAX_ARAT                 BIT32(2)
#define CPUID_D_1_EAX_XGETBV             BIT32(2)
#define HV_PRIVILEGE_BASE                                                               \
	(HV_PRIVILEGE_TIME_REF_COUNT | HV_PRIVILEGE_SYNIC | HV_PRIVILEGE_STIMER |       \
	 HV_PRIVILEGE_APIC_MSRS | HV_PRIVILEGE_HYPERCALL_MSRS | HV_PRIVILEGE_VP_INDEX | \
	 HV_PRIVILEGE_REFERENCE_TSC | HV_PRIVILEGE_FREQUENCY_MSRS)

static bool all_zero(uint32_t leaf)
{
	struct cpuid_regs r = cpu_cpuid(leaf, 0);

	return (r.eax | r.ebx | r.ecx | r.edx) == 0;
}

static void signature(void)
{
	struct cpuid_regs r = cpu_cpuid(HV_CPUID_VENDOR_AND_MAX, 0);

	ok(cpu_cpuid(1, 0).ecx & CPUID_1_ECX_HYPERVISOR, "the hypervisor bit is set");
	ok(r.ebx == HV_VENDOR_EBX && r.ecx == HV_VENDOR_ECX && r.edx == HV_VENDOR_EDX,
	   "the vendor is \"Microsoft Hv\"");
	ok(r.eax >= HV_CPUID_LIMITS && r.eax <= 0x4000ffff,
	   "the highest leaf is one that Linux accepts");
	r = cpu_cpuid(HV_CPUID_INTERFACE, 0);
	ok_equal(r.eax, HV_INTERFACE_EAX, "the interface is \"Hv#1\"");
	ok((r.ebx | r.ecx | r.edx) == 0, "the rest of the interface leaf is 0");
}

static void features(void)
{
	struct cpuid_regs r = cpu_cpuid(HV_CPUID_RECOMMENDATIONS, 0);

	ok(hv_has(HV_PRIVILEGE_BASE),
	   "every feature that a guest's kernel wants is granted");
	ok(hv_has(HV_PRIVILEGE_POST_MESSAGES | HV_PRIVILEGE_SIGNAL_EVENTS),
	   "posting messages and signaling events are granted");
	ok(!hv_has(HV_PRIVILEGE_CPU_MANAGEMENT),
	   "CpuManagement is not shown: Linux would take itself for a root of Microsoft's");
	ok(hv_has_feature(HV_FEATURE_FREQUENCY_MSRS), "the frequency MSRs are announced");
	ok(hv_has_feature(HV_FEATURE_STIMER_DIRECT), "direct-mode timers are announced");
	ok(r.eax & HV_HINT_DEPRECATE_AUTO_EOI, "AutoEOI is deprecated");
	ok(r.eax & HV_HINT_REMOTE_TLB_FLUSH, "hypercalls flush other VPs");
	note("features %08x %08x, hints %08x", cpu_cpuid(HV_CPUID_FEATURES, 0).eax,
	     cpu_cpuid(HV_CPUID_FEATURES, 0).ebx, r.eax);
}

/* Linux 7.2 reads 0x40000082 unasked; a bare Intel CPU shows the highest basic leaf there. */
static void out_of_range(void)
{
	uint32_t last = cpu_cpuid(HV_CPUID_VENDOR_AND_MAX, 0).eax;
	static const uint32_t beyond[] = { 0x40000080, 0x40000082, 0x40001000,
		                           0x4000ffff };

	ok(all_zero(last + 1), "the leaf after the last one is all zeros");
	for (unsigned int i = 0; i < ARRAY_COUNT(beyond); i++)
		ok(all_zero(beyond[i]), "leaf %x is all zeros", beyond[i]);
}

/* What a guest cannot have, and leaves that no processor of today has: an emulated CPU answers those. */
static void not_allowed(void)
{
	static const uint32_t leaves[] = { 5,          0xa,        0xf,        0x10,
		                           0x12,       0x14,       0x8000001b, 0x8000001c,
		                           0x8000001f, 0x80000020, 0x80000022, 0x80000026,
		                           0x8fffffff, 0xc0000000 };
	struct cpuid_regs r = cpu_cpuid(7, 0);

	for (unsigned int i = 0; i < ARRAY_COUNT(leaves); i++)
		ok(all_zero(leaves[i]), "leaf %x is all zeros", leaves[i]);
	ok(!(r.ecx & CPUID_7_ECX_PROTECTION_KEYS), "protection keys are hidden");
	ok(!(r.ecx & CPUID_7_ECX_LA57), "five levels of paging are hidden");
	ok(!(r.ebx & CPUID_7_EBX_AVX512), "AVX-512, which XCR0 cannot have, is hidden");
	ok(!(r.ebx & CPUID_7_EBX_TSC_ADJUST),
	   "TSC_ADJUST, which is not there, is hidden");
	r = cpu_cpuid(0x80000008, 0);
	ok(!(r.ebx & CPUID_80000008_EBX_HIDDEN),
	   "what needs MSRs that are not there is hidden, and INVLPGB");
	ok(cpu_cpuid(0, 0).eax >= 0xd && cpu_cpuid(0x80000000, 0).eax >= 0x80000008,
	   "the highest leaves are told");
	ok(!all_zero(0x80000002) && !all_zero(0x80000005) && !all_zero(0x80000006),
	   "so are name and caches");
	ok((r.eax & 0xff) >= 36 && (r.eax & 0xff) <= 48, "and the width of addresses");
}

static void hidden(void)
{
	uint64_t efer = cpu_rdmsr(MSR_EFER);
	struct cpuid_regs r = cpu_cpuid(0x80000001, 0);

	ok(!(cpu_cpuid(1, 0).ecx & CPUID_1_ECX_VMX), "VMX is hidden");
	ok(!(cpu_cpuid(1, 0).ecx & CPUID_1_ECX_MONITOR), "MONITOR is hidden");
	ok(!(r.ecx & CPUID_80000001_ECX_SVM), "SVM is hidden");
	ok(!(r.ecx & CPUID_80000001_ECX_SKINIT), "SKINIT is hidden");
	ok(!(efer & EFER_SVME), "EFER.SVME reads as 0");
	ok(all_zero(0x8000000a), "the SVM feature leaf is all zeros");
	ok(cpu_cpuid(6, 0).eax & CPUID_6_EAX_ARAT, "the APIC timer always runs (ARAT)");
	ok(cpu_cpuid(0xd, 1).eax & CPUID_D_1_EAX_XGETBV, "XGETBV tells what is in use");
	if (!hv_has(HV_PRIVILEGE_TSC_INVARIANT))
		return;
	cpu_wrmsr(HV_MSR_TSC_INVARIANT_CONTROL, 1);
	ok(cpu_cpuid(0x80000007, 0).edx & CPUID_80000007_EDX_INVARIANT_TSC,
	   "asked by its MSR, the hypervisor shows an invariant TSC");
}

/* One socket, a core for each VP and a thread for each core, told four times alike. APM3 E.4, SDM1 20 */
static void topology(void)
{
	struct cpuid_regs basic = cpu_cpuid(1, 0), threads = cpu_cpuid(0xb, 0),
			  cores = cpu_cpuid(0xb, 1), node = cpu_cpuid(0x8000001e, 0);
	uint32_t count = (cpu_cpuid(0x80000008, 0).ecx & 0xff) + 1;

	ok((basic.ebx >> 16 & 0xff) == count && (basic.edx & CPUID_1_EDX_HTT),
	   "%u logical processors are in the socket", count);
	ok(threads.eax == 0 && threads.ebx == 1 && threads.ecx == 0x100,
	   "a core is one thread");
	ok(cores.ebx == count && cores.ecx == 0x201 && 1u << cores.eax >= count,
	   "the socket is its cores");
	ok(cpu_cpuid(0xb, 2).ebx == 0 && cpu_cpuid(0xb, 2).ecx == 2,
	   "there is no level above");
	ok(node.eax == node.ebx && node.ecx == 0 && node.eax == basic.ebx >> 24 &&
	           node.eax == cores.edx,
	   "the core has its APIC id's number, in node 0");
	for (uint32_t i = 0; i < 4; i++) {
		uint32_t cache = cpu_cpuid(0x8000001d, i).eax;

		ok((cache & 0x1f) == 0 || (cache >> 14 & 0xfff) ==
		                                  ((cache >> 5 & 7) >= 3 ? count - 1 : 0),
		   "cache %u is shared by all or none", i);
	}
}

static void set_xcr0(uint32_t value)
{
	__asm__ volatile("xsetbv" : : "c"(0), "a"(value), "d"(0) : "memory");
}

/* SDM1 13.4: 512 bytes and a header; behind them AVX, where the processor says. */
static void xsave_area(void)
{
	struct cpuid_regs avx = cpu_cpuid(0xd, 2);
	uint64_t cr4 = cpu_read_cr4();

	ok(try_write_cr4(cr4 | CR4_OSXSAVE).vector == NO_FAULT, "OSXSAVE is set");
	set_xcr0(1);
	ok_equal(cpu_cpuid(0xd, 0).ebx, 576, "x87 alone has the least XSAVE area");
	if (cpu_cpuid(0xd, 0).eax & 4) {
		set_xcr0(7);
		ok_equal(cpu_cpuid(0xd, 0).ebx, avx.ebx + avx.eax, "AVX has more");
		set_xcr0(1);
	}
	ok(try_write_cr4(cr4).vector == NO_FAULT, "and back");
}

/* The privileges that make a parent: a child must not see them. */
static void by_role(void)
{
	uint64_t parent = HV_PRIVILEGE_CREATE_PARTITIONS |
	                  HV_PRIVILEGE_ACCESS_MEMORY_POOL | HV_PRIVILEGE_CREATE_PORT |
	                  HV_PRIVILEGE_CONNECT_PORT;
	char role[16];

	if (!guest_option("role", role, sizeof(role)))
		skip("role= not given: the parent's privileges are not judged");
	else if (role[0] == 'r')
		ok(hv_has(parent), "the root may create partitions, deposits and ports");
	else
		ok(!hv_has(HV_PRIVILEGE_CREATE_PARTITIONS) &&
		           !hv_has(HV_PRIVILEGE_ACCESS_MEMORY_POOL) &&
		           !hv_has(HV_PRIVILEGE_CREATE_PORT) &&
		           !hv_has(HV_PRIVILEGE_CONNECT_PORT),
		   "a child holds none of a parent's privileges");
}

void group_cpuid(void)
{
	char role[16];

	signature();
	features();
	out_of_range();
	hidden();
	xsave_area();
	not_allowed();
	by_role();
	if (guest_option("role", role, sizeof(role)) && role[0] == 'c')
		topology();
}
