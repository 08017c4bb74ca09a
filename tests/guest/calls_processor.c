/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a child of two VPs sees of its processors by CPUID, and its time while that is frozen. */
#include "tests/guest/calls.h"

#include <viridis/abi/hv_hypercall.h>
#include <viridis/abi/hv_msr.h>
#include <viridis/abi/hv_register.h>
#include <viridis/abi/hv_status.h>
#include <viridis/base/bits.h>
#include "tests/guest/partition.h"
#include "tests/guest/servant.h"
#include "vsc/lib/clock.h"
#include "vsc/lib/tap.h"

#define REGISTER_RCX   (HV_X64_REGISTER_RAX + 1)
#define REGISTER_RDX   (HV_X64_REGISTER_RAX + 2)
#define REGISTER_RBX   (HV_X64_REGISTER_RAX + 3)
#define REGISTER_RSI   (HV_X64_REGISTER_RAX + 6)
#define REGISTER_RDI   (HV_X64_REGISTER_RAX + 7)
#define PATIENCE_MS    10000
#define APIC_BASE      UINT64_C(0xfee00000)
#define APIC_ENABLED   UINT64_C(0x800)
#define CPUID_EDX_APIC BIT64(9)
#define VECTOR_TIMER   0x51u
#define X2APIC_EOI     0x80bu
#define X2APIC_SVR     0x80fu
#define X2APIC_LVT     0x832u /* of the timer */
#define X2APIC_COUNT   0x838u
#define X2APIC_LEFT    0x839u
#define X2APIC_DIVIDE  0x83eu
#define SVR_ENABLED    0x1ffu
#define LVT_MASKED     BIT64(16)
#define DIVIDE_BY_1    0xbu
#define UNITS_PER_MS   UINT64_C(10000)
#define DUE_MS         40u
#define FROZEN_MS      80u
#define CONNECTION     0x77u /* nobody's */
#define GUEST_OS_ID    UINT64_C(0x8100000000001234)
#define CODE32         0xc09b
#define CODE64         0xa09b
#define CR0_PAGING     UINT64_C(0x80010011)
#define CR0_PROTECTED  UINT64_C(0x11)
#define EFER_LONG      UINT64_C(0x500)

/* ---- Processors ---- */

struct leaf {
	uint64_t rax, rbx, rcx, rdx;
};

static struct leaf leaf_of(const struct servant *servant, unsigned int vp, uint32_t leaf,
                           uint32_t subleaf)
{
	struct leaf out = { 0, 0, 0, 0 };

	if (!servant_start(servant, vp, SERVANT_CPUID, leaf, subleaf, 0) ||
	    servant_wait(servant, vp, PATIENCE_MS).end != SERVANT_DONE ||
	    vp_get_register64(servant->id, vp, HV_X64_REGISTER_RAX, &out.rax) ||
	    vp_get_register64(servant->id, vp, REGISTER_RBX, &out.rbx) ||
	    vp_get_register64(servant->id, vp, REGISTER_RCX, &out.rcx) ||
	    vp_get_register64(servant->id, vp, REGISTER_RDX, &out.rdx))
		note("VP %u does not say leaf %x", vp, leaf);
	return out;
}

/* The rest of the topology is its parent's to tell. */
static void apic_ids(const struct servant *servant, unsigned int vp)
{
	ok_equal(leaf_of(servant, vp, 1, 0).rbx >> 24, vp, "VP %u: its APIC id", vp);
	ok(leaf_of(servant, vp, 0xb, 0).rdx == vp &&
	           leaf_of(servant, vp, 0x8000001e, 0).rax == vp,
	   "is told three times");
}

static void apic_bit(const struct servant *servant)
{
	ok(leaf_of(servant, 1, 1, 0).rdx & CPUID_EDX_APIC, "VP 1 has an APIC");
	ok_equal(vp_set_register64(servant->id, 1, HV_X64_REGISTER_APIC_BASE, APIC_BASE),
	         HV_STATUS_SUCCESS, "it is disabled");
	ok(!(leaf_of(servant, 1, 1, 0).rdx & CPUID_EDX_APIC), "and CPUID hides it");
	ok_equal(vp_set_register64(servant->id, 1, HV_X64_REGISTER_APIC_BASE,
	                           APIC_BASE | APIC_ENABLED),
	         HV_STATUS_SUCCESS, "enabled again");
	ok(leaf_of(servant, 1, 1, 0).rdx & CPUID_EDX_APIC, "it is shown again");
}

/* ---- Time ---- */

static uint64_t property(const struct servant *servant, uint32_t code)
{
	uint64_t value = 0;

	if (partition_get_property(servant->id, code, &value) != HV_STATUS_SUCCESS)
		note("property %x is not told", code);
	return value;
}

static uint64_t tsc_of(const struct servant *servant)
{
	uint64_t value = 0;

	if (servant_stop(servant, 0))
		(void)vp_get_register64(servant->id, 0, HV_X64_REGISTER_TSC, &value);
	return value;
}

static bool freeze(const struct servant *servant, uint64_t frozen)
{
	return partition_set_property(servant->id, HV_PROPERTY_TIME_FREEZE, frozen) ==
	               HV_STATUS_SUCCESS &&
	       property(servant, HV_PROPERTY_TIME_FREEZE) == frozen;
}

static void clocks_stand(const struct servant *servant)
{
	uint64_t units, tsc,
		second = property(servant, HV_PROPERTY_PROCESSOR_CLOCK_FREQUENCY);

	ok(freeze(servant, 1), "the child's time is frozen");
	units = property(servant, HV_PROPERTY_REFERENCE_TIME);
	tsc = tsc_of(servant);
	clock_wait_ms(FROZEN_MS);
	ok_equal(property(servant, HV_PROPERTY_REFERENCE_TIME), units,
	         "its reference time stands");
	ok_equal(tsc_of(servant), tsc, "and so does its TSC");
	ok(freeze(servant, 0), "it is let go on");
	ok(property(servant, HV_PROPERTY_REFERENCE_TIME) - units <
	           FROZEN_MS * UNITS_PER_MS,
	   "from where it stood");
	ok(tsc_of(servant) - tsc < second / 1000 * FROZEN_MS, "and the TSC with it");
}

/* Armed, frozen for longer than the timer had left: it comes when its time has come for the child. */
static void timers_stand(const struct servant *servant)
{
	uint64_t due =
		property(servant, HV_PROPERTY_REFERENCE_TIME) + DUE_MS * UNITS_PER_MS;
	struct servant_answer answer;

	ok(servant_do(servant, SERVANT_WRMSR, 0x1ff, 0x80f, 0).end == SERVANT_DONE &&
	           servant_do(servant, SERVANT_WRMSR,
	                      HV_STIMER_AUTO_ENABLE | HV_STIMER_DIRECT |
	                              VECTOR_TIMER << 4,
	                      HV_MSR_STIMER0_CONFIG, 0)
	                           .end == SERVANT_DONE &&
	           servant_do(servant, SERVANT_WRMSR, due, HV_MSR_STIMER0_COUNT, 0).end ==
	                   SERVANT_DONE,
	   "a timer is set");
	ok(servant_start(servant, 0, SERVANT_HALT, 0, 0, 0) && freeze(servant, 1),
	   "the child is frozen before it is due");
	clock_wait_ms(FROZEN_MS);
	ok(freeze(servant, 0), "and goes on after");
	answer = servant_wait(servant, 0, PATIENCE_MS);
	ok(answer.end == SERVANT_CUT && answer.value == VECTOR_TIMER, "the timer comes");
	ok(property(servant, HV_PROPERTY_REFERENCE_TIME) >= due, "not before its time");
}

static bool write(const struct servant *servant, uint32_t msr, uint64_t value)
{
	return servant_do(servant, SERVANT_WRMSR, value, msr, 0).end == SERVANT_DONE;
}

/* What came before is ended. */
static bool set_apic_timer(const struct servant *servant, uint64_t lvt, uint64_t count)
{
	return write(servant, X2APIC_EOI, 0) && write(servant, X2APIC_SVR, SVR_ENABLED) &&
	       write(servant, X2APIC_DIVIDE, DIVIDE_BY_1) &&
	       write(servant, X2APIC_LVT, lvt) && write(servant, X2APIC_COUNT, count);
}

/* The APIC's own timer does as the synthetic ones: its count stands, and its interrupt waits. */
static void apic_timer_stands(const struct servant *servant)
{
	uint64_t hz =
		servant_do(servant, SERVANT_RDMSR, 0, HV_MSR_APIC_FREQUENCY, 0).value;
	uint64_t second = property(servant, HV_PROPERTY_PROCESSOR_CLOCK_FREQUENCY);
	struct servant_answer answer;
	uint64_t left, set;

	ok(set_apic_timer(servant, LVT_MASKED, UINT32_MAX), "the APIC's timer counts");
	left = servant_do(servant, SERVANT_RDMSR, 0, X2APIC_LEFT, 0).value;
	ok(freeze(servant, 1), "the child is frozen");
	clock_wait_ms(FROZEN_MS);
	ok(freeze(servant, 0), "and goes on");
	left -= servant_do(servant, SERVANT_RDMSR, 0, X2APIC_LEFT, 0).value;
	ok(left > 0 && left < hz / 1000 * FROZEN_MS, "the count has stood meanwhile");
	set = tsc_of(servant);
	ok(set_apic_timer(servant, VECTOR_TIMER, hz / 1000 * DUE_MS) &&
	           servant_start(servant, 0, SERVANT_HALT, 0, 0, 0) && freeze(servant, 1),
	   "it is set again, and the child frozen before it is due");
	clock_wait_ms(FROZEN_MS);
	ok(freeze(servant, 0), "the child goes on");
	answer = servant_wait(servant, 0, PATIENCE_MS);
	ok(answer.end == SERVANT_CUT && answer.value == VECTOR_TIMER, "the timer comes");
	ok(tsc_of(servant) - set >= second / 1000 * DUE_MS, "not before its time");
	ok(set_apic_timer(servant, LVT_MASKED, 0), "and is off again");
}

/* ---- Hypercalls of 32-bit code: pairs of registers, the high half in the first. TLFS 3.7 ---- */

static bool set_code(const struct servant *servant, uint16_t attributes, uint64_t cr0,
                     uint64_t efer)
{
	const union hv_register_value cs = { .segment = { .limit = 0xffffffff,
		                                          .selector = SERVANT_CODE64,
		                                          .attributes = attributes } };

	return !vp_set_register64(servant->id, 0, HV_X64_REGISTER_CR0, cr0) &&
	       !vp_set_register64(servant->id, 0, HV_X64_REGISTER_EFER, efer) &&
	       !vp_set_register(servant->id, 0, HV_X64_REGISTER_CS, cs);
}

/* The halves above are not to be looked at. */
static void call_32(const struct servant *servant, uint64_t control, uint64_t input,
                    uint64_t status, const char *what)
{
	const uint64_t above = UINT64_C(0x5a5a5a5a00000000);
	struct servant_answer answer;
	uint64_t rdx = 1;

	ok(!vp_set_register64(servant->id, 0, REGISTER_RBX, above | input >> 32) &&
	           !vp_set_register64(servant->id, 0, REGISTER_RSI, above) &&
	           !vp_set_register64(servant->id, 0, REGISTER_RDI, above),
	   "registers are set");
	answer = servant_do(servant, SERVANT_VMMCALL, above | (uint32_t)control,
	                    above | (uint32_t)input, above | control >> 32);
	ok(answer.end == SERVANT_DONE && answer.value == status, "%s: status %lx", what,
	   status);
	ok(!vp_get_register64(servant->id, 0, REGISTER_RDX, &rdx) && rdx == 0,
	   "with nothing in the upper half");
}

static void calls_of_32_bits(const struct servant *servant)
{
	struct hv_input_post_message *post = servant_memory(servant, SERVANT_BLOCK);

	*post = (struct hv_input_post_message){ .connection_id = CONNECTION,
		                                .message_type = 1 };
	call_32(servant, HVCALL_SIGNAL_EVENT | HV_CONTROL_FAST, CONNECTION,
	        HV_STATUS_INVALID_CONNECTION_ID, "a fast call");
	call_32(servant, HVCALL_SIGNAL_EVENT | HV_CONTROL_FAST, CONNECTION | BIT64(48),
	        HV_STATUS_INVALID_PARAMETER, "one with a reserved bit");
	call_32(servant, HVCALL_POST_MESSAGE, SERVANT_BLOCK,
	        HV_STATUS_INVALID_CONNECTION_ID, "a call with a block");
	call_32(servant, HVCALL_POST_MESSAGE | BIT64(63), SERVANT_BLOCK,
	        HV_STATUS_INVALID_HYPERCALL_INPUT, "a reserved bit of the control word");
}

static void abi_32(const struct servant *servant)
{
	ok(servant_says(servant, SERVANT_WRMSR, GUEST_OS_ID, HV_MSR_GUEST_OS_ID,
	                GUEST_OS_ID) &&
	           servant_do(servant, SERVANT_WRMSR,
	                      SERVANT_HYPERCALL | HV_MSR_PAGE_ENABLE, HV_MSR_HYPERCALL, 0)
	                           .end == SERVANT_DONE,
	   "hypercalls are enabled");
	ok(set_code(servant, CODE32, CR0_PAGING, EFER_LONG), "compatibility mode");
	calls_of_32_bits(servant);
	ok(set_code(servant, CODE32, CR0_PROTECTED, 0), "protected mode");
	calls_of_32_bits(servant);
	ok(set_code(servant, CODE64, CR0_PAGING, EFER_LONG), "long mode again");
}

void calls_processor(void)
{
	static struct servant servant;

	if (!ok(servant_make(&servant, 0, SERVANT_VPS), "a child of two VPs is made"))
		return;
	apic_ids(&servant, 0);
	apic_ids(&servant, 1);
	apic_bit(&servant);
	abi_32(&servant);
	clocks_stand(&servant);
	timers_stand(&servant);
	apic_timer_stands(&servant);
	ok(servant_end(&servant), "its pages come back");
}
