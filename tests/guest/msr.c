/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The synthetic MSRs: their values at reset, what may be written, and what raises #GP. TLFS, appendix F */
#include "tests/guest/groups.h"

#include <viridis/abi/hv_cpuid.h>
#include <viridis/abi/hv_msr.h>
#include "vsc/lib/cpu.h"
#include "vsc/lib/hv.h"
#include "vsc/lib/tap.h"
#include "vsc/lib/trap.h"
#include "vsc/lib/try.h"

#define MSR_TSC_AUX               0xc0000103u
#define MSR_SPEC_CTRL             0x48u
#define MSR_PRED_CMD              0x49u
#define CPUID_80000001_EDX_RDTSCP BIT32(27)

/* IBRS, STIBP, SSBD, PSFD; IBPB. APM3 E.4.8 */
#define CPUID_80000008_EBX_SPEC_CTRL 0x1100c000u
#define CPUID_80000008_EBX_IBPB      BIT32(12)

struct msr_rule {
	uint32_t number;
	const char *name;
	bool readable;
	bool writable;
	uint64_t harmless; /* a value that may be written at any time */
};

static const struct msr_rule rules[] = {
	{ HV_MSR_VP_INDEX, "VP_INDEX", true, false, 0 },
	{ HV_MSR_TIME_REF_COUNT, "TIME_REF_COUNT", true, false, 0 },
	{ HV_MSR_TSC_FREQUENCY, "TSC_FREQUENCY", true, false, 0 },
	{ HV_MSR_APIC_FREQUENCY, "APIC_FREQUENCY", true, false, 0 },
	{ HV_MSR_SVERSION, "SVERSION", true, false, 0 },
	{ HV_MSR_GUEST_OS_ID, "GUEST_OS_ID", true, true, HV_GUEST_OS_ID },
	{ HV_MSR_REFERENCE_TSC, "REFERENCE_TSC", true, true, 0 },
	{ HV_MSR_TPR, "TPR", true, true, 0 },
	{ HV_MSR_VP_ASSIST_PAGE, "VP_ASSIST_PAGE", true, true, 0 },
	{ HV_MSR_SCONTROL, "SCONTROL", true, true, 0 },
	{ HV_MSR_SIEFP, "SIEFP", true, true, 0 },
	{ HV_MSR_SIMP, "SIMP", true, true, 0 },
	{ HV_MSR_EOM, "EOM", true, true, 0 },
	{ HV_MSR_CRASH_P0, "CRASH_P0", true, true, 0x1234 },
	{ HV_MSR_CRASH_P4, "CRASH_P4", true, true, 0x5678 },
	{ HV_MSR_CRASH_CTL, "CRASH_CTL", true, true, 0 },
	{ HV_MSR_STIMER3_COUNT, "STIMER3_COUNT", true, true, 0 },
};

static void reset_values(void)
{
	ok_equal(cpu_rdmsr(HV_MSR_VP_INDEX), 0, "the first VP's index is 0");
	ok_equal(cpu_rdmsr(HV_MSR_SVERSION), 1, "the SynIC's version is 1");
	for (uint32_t i = 0; i < 16; i++)
		ok_equal(cpu_rdmsr(HV_MSR_SINT0 + i), HV_SINT_RESET_VALUE,
		         "SINT%u is masked at reset", i);
	for (uint32_t i = 0; i < 4; i++)
		ok_equal(cpu_rdmsr(HV_MSR_STIMER0_CONFIG + 2 * i), 0,
		         "timer %u is off at reset", i);
	ok(!(cpu_rdmsr(HV_MSR_SIMP) & HV_MSR_PAGE_ENABLE),
	   "the message page is off at reset");
	ok(!(cpu_rdmsr(HV_MSR_SIEFP) & HV_MSR_PAGE_ENABLE),
	   "the event page is off at reset");
	ok(!(cpu_rdmsr(HV_MSR_VP_ASSIST_PAGE) & HV_MSR_PAGE_ENABLE),
	   "the assist page is off at reset");
}

static void access_rights(void)
{
	for (unsigned int i = 0; i < ARRAY_COUNT(rules); i++) {
		const struct msr_rule *rule = &rules[i];
		uint64_t value;
		struct fault read = try_rdmsr(rule->number, &value);
		struct fault write = try_wrmsr(rule->number, rule->harmless);

		ok_equal(read.vector, rule->readable ? NO_FAULT : TRAP_GP, "%s %s read",
		         rule->name, rule->readable ? "can be" : "cannot be");
		ok_equal(write.vector, rule->writable ? NO_FAULT : TRAP_GP,
		         "%s %s written", rule->name,
		         rule->writable ? "can be" : "cannot be");
	}
}

static void unimplemented(void)
{
	static const uint32_t numbers[] = { 0x40000004, 0x40000011, 0x40000024,
		                            0x40000074, 0x40000086, 0x400000a0,
		                            0x400000b8, 0x400000f5, 0x40000109,
		                            0x40000200, 0x40001080, 0x4000ffff };
	uint64_t value;

	for (unsigned int i = 0; i < ARRAY_COUNT(numbers); i++) {
		struct fault read = try_rdmsr(numbers[i], &value);
		struct fault write = try_wrmsr(numbers[i], 0);

		ok(read.vector == TRAP_GP && write.vector == TRAP_GP,
		   "the unassigned MSR %x raises #GP", numbers[i]);
	}
}

static void stored_values(void)
{
	cpu_wrmsr(HV_MSR_CRASH_P0, 0x0123456789abcdef);
	cpu_wrmsr(HV_MSR_CRASH_P4, 0xfedcba9876543210);
	ok_equal(cpu_rdmsr(HV_MSR_CRASH_P0), 0x0123456789abcdef,
	         "CRASH_P0 keeps its value");
	ok_equal(cpu_rdmsr(HV_MSR_CRASH_P4), 0xfedcba9876543210,
	         "CRASH_P4 keeps its value");
	ok(cpu_rdmsr(HV_MSR_CRASH_CTL) & HV_CRASH_NOTIFY,
	   "CRASH_CTL offers notification");
	cpu_wrmsr(HV_MSR_TPR, 0x50);
	ok_equal(cpu_read_cr8(), 5, "the TPR MSR is CR8 << 4");
	cpu_write_cr8(0);
	ok_equal(cpu_rdmsr(HV_MSR_TPR), 0, "a write of CR8 is seen in the TPR MSR");
}

/* A vector below 16 is no interrupt: APM2 16.2; TLFS 11.8 */
static void sint_values(void)
{
	uint32_t sint = HV_MSR_SINT0 + 7;

	for (uint64_t vector = 0; vector < 16; vector += 5)
		ok_equal(try_wrmsr(sint, vector).vector, TRAP_GP,
		         "an unmasked SINT with vector %lu raises #GP", vector);
	ok_equal(try_wrmsr(sint, HV_SINT_MASKED | 3).vector, NO_FAULT,
	         "a masked SINT may hold any vector");
	ok_equal(try_wrmsr(sint, 0x90).vector, NO_FAULT, "a SINT takes vector 0x90");
	ok_equal(cpu_rdmsr(sint), 0x90, "and gives it back");
	cpu_wrmsr(sint, HV_SINT_RESET_VALUE);
}

/* TSC_AUX is there if RDTSCP is. APM2 13.2.6 */
static void tsc_aux(void)
{
	bool exists = (cpu_cpuid(0x80000001, 0).edx & CPUID_80000001_EDX_RDTSCP) != 0;
	uint32_t expected = exists ? NO_FAULT : TRAP_GP;
	uint64_t value = 0;

	ok_equal(try_wrmsr(MSR_TSC_AUX, 0x1234).vector, expected, "TSC_AUX %s written",
	         exists ? "can be" : "cannot be");
	ok_equal(try_rdmsr(MSR_TSC_AUX, &value).vector, expected, "and %s read",
	         exists ? "can be" : "cannot be");
	if (exists)
		ok_equal(value, 0x1234, "it keeps its value");
}

/* Of the branch predictor: there if CPUID says so. APM2 3.2.9 */
static void speculation(void)
{
	uint32_t features = cpu_cpuid(0x80000008, 0).ebx;
	uint32_t controls = features & CPUID_80000008_EBX_SPEC_CTRL;
	uint32_t barrier = features & CPUID_80000008_EBX_IBPB;
	uint64_t value = 0;

	ok_equal(try_rdmsr(MSR_SPEC_CTRL, &value).vector, controls ? NO_FAULT : TRAP_GP,
	         "SPEC_CTRL %s read", controls ? "can be" : "cannot be");
	ok_equal(value, 0, "it is 0 at reset");
	ok_equal(try_wrmsr(MSR_SPEC_CTRL, 0).vector, controls ? NO_FAULT : TRAP_GP,
	         "SPEC_CTRL %s written", controls ? "can be" : "cannot be");
	ok_equal(try_wrmsr(MSR_SPEC_CTRL, BIT64(63)).vector, TRAP_GP,
	         "a bit of it that nobody has raises #GP");
	ok_equal(try_rdmsr(MSR_PRED_CMD, &value).vector, TRAP_GP,
	         "PRED_CMD cannot be read");
	ok_equal(try_wrmsr(MSR_PRED_CMD, 1).vector, barrier ? NO_FAULT : TRAP_GP,
	         "PRED_CMD %s written", barrier ? "can be" : "cannot be");
}

void group_msr(void)
{
	speculation();
	tsc_aux();
	reset_values();
	access_rights();
	unimplemented();
	stored_values();
	sint_values();
}
