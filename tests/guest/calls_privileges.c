/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a parent grants its child, and what it may not: privileges, the MSRs and the calls they open. TLFS 4.2.2 */
#include "tests/guest/calls.h"

#include <viridis/abi/hv_cpuid.h>
#include <viridis/abi/hv_msr.h>
#include <viridis/abi/hv_register.h>
#include <viridis/base/bits.h>
#include "tests/guest/partition.h"
#include "tests/guest/servant.h"
#include "vsc/lib/tap.h"
#include "vsc/lib/trap.h"

#define GUEST_OS_ID  UINT64_C(0x8100000000001234)
#define CONNECTION   0x77u /* nobody's */
#define REGISTER_RBX (HV_X64_REGISTER_RAX + 3)

static const struct {
	uint64_t privilege; /* 0: open to all */
	uint32_t msr;
	bool writable; /* with what it holds */
} guarded[] = {
	{ HV_PRIVILEGE_VP_RUNTIME, HV_MSR_VP_RUNTIME, false },
	{ HV_PRIVILEGE_TIME_REF_COUNT, HV_MSR_TIME_REF_COUNT, false },
	{ HV_PRIVILEGE_SYNIC, HV_MSR_SCONTROL, true },
	{ HV_PRIVILEGE_SYNIC, HV_MSR_SIMP, true },
	{ HV_PRIVILEGE_SYNIC, HV_MSR_EOM, true },
	{ HV_PRIVILEGE_SYNIC, HV_MSR_SINT0, true },
	{ HV_PRIVILEGE_SYNIC, HV_MSR_SINT15, true },
	{ HV_PRIVILEGE_STIMER, HV_MSR_STIMER0_CONFIG, true },
	{ HV_PRIVILEGE_STIMER, HV_MSR_STIMER3_COUNT, true },
	{ HV_PRIVILEGE_APIC_MSRS, HV_MSR_TPR, true },
	{ HV_PRIVILEGE_APIC_MSRS, HV_MSR_VP_ASSIST_PAGE, true },
	{ HV_PRIVILEGE_HYPERCALL_MSRS, HV_MSR_GUEST_OS_ID, true },
	{ HV_PRIVILEGE_HYPERCALL_MSRS, HV_MSR_HYPERCALL, true },
	{ HV_PRIVILEGE_VP_INDEX, HV_MSR_VP_INDEX, false },
	{ HV_PRIVILEGE_RESET, HV_MSR_RESET, true },
	{ HV_PRIVILEGE_REFERENCE_TSC, HV_MSR_REFERENCE_TSC, true },
	{ HV_PRIVILEGE_FREQUENCY_MSRS, HV_MSR_TSC_FREQUENCY, false },
	{ HV_PRIVILEGE_FREQUENCY_MSRS, HV_MSR_APIC_FREQUENCY, false },
	{ HV_PRIVILEGE_TSC_INVARIANT, HV_MSR_TSC_INVARIANT_CONTROL, true },
	{ 0, HV_MSR_CRASH_P0, true },
};

static bool is_gp(struct servant_answer answer)
{
	return answer.end == SERVANT_CUT && answer.value == TRAP_GP;
}

static bool is_as_granted(const struct servant *servant, unsigned int row,
                          uint64_t privileges)
{
	bool open = (guarded[row].privilege & ~privileges) == 0;
	uint32_t msr = guarded[row].msr;
	struct servant_answer read = servant_do(servant, SERVANT_RDMSR, 0, msr, 0);
	struct servant_answer write =
		servant_do(servant, SERVANT_WRMSR, open ? read.value : 0, msr, 0);
	bool good = open ? read.end == SERVANT_DONE : is_gp(read);

	good &= open && guarded[row].writable ? write.end == SERVANT_DONE : is_gp(write);
	if (!good)
		note("MSR %x with privileges %lx: read %u %lx, write %u %lx", msr,
		     privileges, read.end, read.value, write.end, write.value);
	return good;
}

static bool msrs_are_as_granted(const struct servant *servant, uint64_t privileges)
{
	bool good = true;

	for (unsigned int i = 0; i < ARRAY_COUNT(guarded); i++)
		good &= is_as_granted(servant, i, privileges);
	return good;
}

static void show_hypercall_page(const struct servant *servant)
{
	ok(!vp_set_register64(servant->id, 0, HV_REGISTER_GUEST_OS_ID, GUEST_OS_ID) &&
	           !vp_set_register64(servant->id, 0, HV_X64_REGISTER_HYPERCALL,
	                              SERVANT_HYPERCALL | HV_MSR_PAGE_ENABLE),
	   "the parent shows the child its hypercall page");
}

static enum hv_status child_calls(const struct servant *servant, uint64_t control,
                                  uint64_t input)
{
	struct servant_answer answer =
		servant_do(servant, SERVANT_VMMCALL, 0, control, input);

	return answer.end == SERVANT_DONE ? (enum hv_status)answer.value : 0xffff;
}

static void calls_are_as_granted(const struct servant *servant, uint64_t privileges)
{
	struct hv_input_post_message *post = servant_memory(servant, SERVANT_BLOCK);
	bool posts = privileges & HV_PRIVILEGE_POST_MESSAGES;
	bool signals = privileges & HV_PRIVILEGE_SIGNAL_EVENTS;

	*post = (struct hv_input_post_message){ .connection_id = CONNECTION,
		                                .message_type = 1 };
	show_hypercall_page(servant);
	ok_equal(child_calls(servant, HVCALL_POST_MESSAGE, SERVANT_BLOCK),
	         posts ? HV_STATUS_INVALID_CONNECTION_ID : HV_STATUS_ACCESS_DENIED,
	         "POST_MESSAGE is %s to it", posts ? "open" : "closed");
	ok_equal(child_calls(servant, HVCALL_SIGNAL_EVENT | HV_CONTROL_FAST, CONNECTION),
	         signals ? HV_STATUS_INVALID_CONNECTION_ID : HV_STATUS_ACCESS_DENIED,
	         "SIGNAL_EVENT is %s to it", signals ? "open" : "closed");
}

static void one_privilege(struct servant *servant, uint64_t privileges, bool calls)
{
	uint64_t told = 0, high = 0;

	if (!ok(servant_make(servant, privileges, 1), "a child has the privileges %lx",
	        privileges))
		return;
	ok(!partition_get_property(servant->id, HV_PROPERTY_PRIVILEGE_FLAGS, &told) &&
	           told == privileges,
	   "GET_PARTITION_PROPERTY tells them");
	ok(servant_says(servant, SERVANT_CPUID, HV_CPUID_FEATURES, 0,
	                (uint32_t)privileges) &&
	           !vp_get_register64(servant->id, 0, REGISTER_RBX, &high) &&
	           high == privileges >> 32,
	   "CPUID tells them");
	ok(msrs_are_as_granted(servant, privileges),
	   "they open their MSRs and no other: RDMSR and WRMSR raise #GP");
	if (calls)
		calls_are_as_granted(servant, privileges);
	ok(servant_end(servant), "its pages come back");
}

static void privileges_open_msrs(struct servant *servant)
{
	uint64_t seen = 0;

	for (unsigned int i = 0; i < ARRAY_COUNT(guarded); i++) {
		if (guarded[i].privilege & ~seen)
			one_privilege(servant, guarded[i].privilege, false);
		seen |= guarded[i].privilege;
	}
	one_privilege(servant, HV_PRIVILEGE_POST_MESSAGES, true);
	one_privilege(servant, HV_PRIVILEGE_SIGNAL_EVENTS, true);
}

static void privileges_are_limited(struct servant *servant)
{
	static const uint64_t never[] = {
		HV_PRIVILEGE_CREATE_PARTITIONS,
		HV_PRIVILEGE_ACCESS_MEMORY_POOL,
		HV_PRIVILEGE_CREATE_PORT,
		HV_PRIVILEGE_CONNECT_PORT,
		HV_PRIVILEGE_ACCESS_STATS,
		HV_PRIVILEGE_DEBUGGING,
		HV_PRIVILEGE_CPU_MANAGEMENT,
		HV_PRIVILEGE_ACCESS_VP_REGISTERS,
		BIT64(63),
	};
	uint64_t before = 0, after = 0;
	unsigned int refused = 0;

	if (!ok(servant_make(servant, 0, 0), "a child is made, without a VP"))
		return;
	(void)partition_get_property(servant->id, HV_PROPERTY_PRIVILEGE_FLAGS,
	                             &before); /* compared below */
	for (unsigned int i = 0; i < ARRAY_COUNT(never); i++)
		refused += partition_set_property(servant->id,
		                                  HV_PROPERTY_PRIVILEGE_FLAGS,
		                                  before | never[i]) ==
		           HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE;
	ok_equal(refused, ARRAY_COUNT(never),
	         "no child is granted a parent's privileges");
	ok(!partition_get_property(servant->id, HV_PROPERTY_PRIVILEGE_FLAGS, &after) &&
	           after == before && before != 0,
	   "what is refused changes nothing");
	ok_equal(vp_create(servant->id, 0), HV_STATUS_SUCCESS, "it gets a VP");
	ok_equal(partition_set_property(servant->id, HV_PROPERTY_PRIVILEGE_FLAGS, 0),
	         HV_STATUS_INVALID_PARTITION_STATE,
	         "then its privileges are fixed: status 7");
	ok_equal(partition_set_property(HV_PARTITION_ID_SELF, HV_PROPERTY_PRIVILEGE_FLAGS,
	                                ~UINT64_C(0)),
	         HV_STATUS_ACCESS_DENIED, "nobody grants himself anything");
	ok(servant_end(servant), "its pages come back");
}

void calls_privileges(void)
{
	static struct servant servant;

	privileges_are_limited(&servant);
	privileges_open_msrs(&servant);
}
