/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parent's hypercalls that no stock guest's life comes to in all their ways: each with what it does, seen
 * in a child, and what it refuses.
 */
#include "tests/guest/groups.h"

#include <viridis/abi/hv_msr.h>
#include <viridis/abi/hv_register.h>
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "tests/guest/calls.h"
#include "tests/guest/partition.h"
#include "tests/guest/servant.h"
#include "vsc/lib/clock.h"
#include "vsc/lib/cpu.h"
#include "vsc/lib/guest.h"
#include "vsc/lib/synic.h"
#include "vsc/lib/tap.h"

#define VECTOR_INTERCEPT 0xa0
#define GUEST_OS_ID      UINT64_C(0x8100000000001234)
#define SETTLE_MS        20
#define BROTHERS         3u
#define CPUID_LEAF       0x40000105u /* nobody's */
#define CPUID_RESULTS    63u
#define REGISTER_RDX     (HV_X64_REGISTER_RAX + 2)

/* ---- Properties ---- */

static enum hv_status get(const struct servant *servant, uint32_t code, uint64_t *value)
{
	*value = ~UINT64_C(0);
	return partition_get_property(servant->id, code, value);
}

static void weights(const struct servant *servant)
{
	uint64_t value;

	ok(!get(servant, HV_PROPERTY_CPU_WEIGHT, &value) &&
	           value == HV_CPU_WEIGHT_DEFAULT,
	   "a child's CPU weight is the default");
	ok_equal(partition_set_property(servant->id, HV_PROPERTY_CPU_WEIGHT, 0),
	         HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE, "weight 0: status a");
	ok_equal(partition_set_property(servant->id, HV_PROPERTY_CPU_WEIGHT,
	                                HV_CPU_WEIGHT_MAX + 1),
	         HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE, "a weight too large: status a");
	ok(!partition_set_property(servant->id, HV_PROPERTY_CPU_WEIGHT,
	                           HV_CPU_WEIGHT_MAX) &&
	           !get(servant, HV_PROPERTY_CPU_WEIGHT, &value) &&
	           value == HV_CPU_WEIGHT_MAX,
	   "the largest is taken, and told");
}

static void what_is_told(const struct servant *servant)
{
	uint64_t value, own;

	ok(!get(servant, HV_PROPERTY_PROCESSOR_VENDOR, &value) && value == 0,
	   "the processor's vendor is AMD");
	ok(!get(servant, HV_PROPERTY_PHYSICAL_ADDRESS_WIDTH, &value) && value == 48,
	   "addresses have 48 bits");
	ok(!get(servant, HV_PROPERTY_PROCESSOR_CLOCK_FREQUENCY, &value) &&
	           value == cpu_rdmsr(HV_MSR_TSC_FREQUENCY),
	   "the clock's frequency is ours");
	ok(servant_says(servant, SERVANT_WRMSR, GUEST_OS_ID, HV_MSR_GUEST_OS_ID,
	                GUEST_OS_ID) &&
	           !get(servant, HV_PROPERTY_GUEST_OS_ID, &value) && value == GUEST_OS_ID,
	   "the guest's id is what it wrote");
	own = servant_do(servant, SERVANT_RDMSR, 0, HV_MSR_TIME_REF_COUNT, 0).value;
	ok(!get(servant, HV_PROPERTY_REFERENCE_TIME, &value) && value >= own &&
	           value - own < 100000000,
	   "its reference time is the one it sees");
	ok_equal(get(servant, 0x00012345, &value), HV_STATUS_UNKNOWN_PROPERTY,
	         "a property that does not exist cannot be read: status 9");
	ok_equal(partition_set_property(servant->id, HV_PROPERTY_PROCESSOR_VENDOR, 1),
	         HV_STATUS_UNKNOWN_PROPERTY,
	         "nor one be set that is only told: status 9");
	ok_equal(partition_set_property(servant->id, HV_PROPERTY_SUSPEND, 2),
	         HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE, "half suspended: status a");
	ok_equal(partition_set_property(servant->id, HV_PROPERTY_TIME_FREEZE, 2),
	         HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE, "half frozen: status a");
}

static bool counts(const volatile uint32_t *counter)
{
	uint32_t before = *counter;

	clock_wait_ms(SETTLE_MS);
	return *counter != before;
}

static void suspension(const struct servant *servant)
{
	volatile uint32_t *counter = servant_memory(servant, SERVANT_COUNTER);
	uint64_t value;

	ok(servant_start(servant, 0, SERVANT_COUNT, 0, 0, 0) &&
	           clock_wait_for(counter, 1, 5000),
	   "the child counts");
	ok_equal(partition_set_property(servant->id, HV_PROPERTY_SUSPEND, 1),
	         HV_STATUS_SUCCESS, "it is suspended");
	clock_wait_ms(SETTLE_MS);
	ok(!counts(counter), "it counts no more");
	ok(!get(servant, HV_PROPERTY_SUSPEND, &value) && value == 1,
	   "the property says so");
	ok_equal(partition_set_property(servant->id, HV_PROPERTY_SUSPEND, 0),
	         HV_STATUS_SUCCESS, "it is let go on");
	ok(clock_wait_for(counter, *counter + 1, 5000), "it counts on");
	ok(!get(servant, HV_PROPERTY_SUSPEND, &value) && value == 0,
	   "the property says so");
	ok(servant_stop(servant, 0), "its VP is stopped");
}

static void properties(struct servant *servant)
{
	if (!ok(servant_make(servant, 0, 1), "a child is made"))
		return;
	weights(servant);
	what_is_told(servant);
	suspension(servant);
	ok(servant_end(servant), "its pages come back");
}

/* ---- Brothers ---- */

static bool is_there(uint64_t id)
{
	uint64_t weight;

	return partition_get_property(id, HV_PROPERTY_CPU_WEIGHT, &weight) ==
	       HV_STATUS_SUCCESS;
}

static void brothers(void)
{
	uint64_t made[BROTHERS];
	unsigned int there = 0, wiped;
	bool good = true;

	for (unsigned int i = 0; i < BROTHERS; i++)
		good &= partition_create(&made[i]) == HV_STATUS_SUCCESS;
	ok(good, "%u partitions are created", BROTHERS);
	for (unsigned int i = 0; i < BROTHERS; i++)
		there += is_there(made[i]);
	ok(there == BROTHERS && made[0] != made[1] && made[1] != made[2],
	   "each is there");
	good = partition_finalize(made[1]) == HV_STATUS_SUCCESS &&
	       stock_withdraw(made[1], &wiped) &&
	       partition_delete(made[1]) == HV_STATUS_SUCCESS;
	ok(good && is_there(made[0]) && !is_there(made[1]) && is_there(made[2]),
	   "one that is deleted is there no more");
	for (unsigned int i = 0; i < BROTHERS; i += 2)
		good &= partition_finalize(made[i]) == HV_STATUS_SUCCESS &&
		        partition_delete(made[i]) == HV_STATUS_SUCCESS;
	ok(good, "the others are deleted");
}

/* ---- CPUID results ---- */

static struct hv_input_register_intercept_result result_of(const struct servant *servant,
                                                           uint32_t leaf, uint32_t value)
{
	return (struct hv_input_register_intercept_result){
		.partition_id = servant->id,
		.vp_index = HV_VP_INDEX_ANY,
		.type = HV_INTERCEPT_X64_CPUID,
		.eax = leaf,
		.result = { { .value = value, .mask = 0xffffffff } },
	};
}

static void results_are_shown(const struct servant *servant)
{
	struct hv_input_register_intercept_result one =
		result_of(servant, CPUID_LEAF, 0x11112222);
	uint64_t rdx = 0;

	ok(servant_says(servant, SERVANT_CPUID, CPUID_LEAF, 0, 0), "a leaf is zeros");
	one.result[3].value = 0x5555aaaa;
	one.result[3].mask = 0x0000ffff;
	ok_equal(intercept_result_register(&one), HV_STATUS_SUCCESS,
	         "its parent registers a result");
	ok(servant_says(servant, SERVANT_CPUID, CPUID_LEAF, 7, 0x11112222) &&
	           !vp_get_register64(servant->id, 0, REGISTER_RDX, &rdx) &&
	           rdx == 0xaaaa,
	   "the child reads it, of EDX the masked bits alone");
	one.result[0].value = 0x33334444;
	ok(!intercept_result_register(&one) &&
	           servant_says(servant, SERVANT_CPUID, CPUID_LEAF, 0, 0x33334444),
	   "another takes its place");
	one.subleaf_specific = 1;
	one.ecx = 5;
	one.result[0].value = 0x66;
	ok(!intercept_result_register(&one) &&
	           servant_says(servant, SERVANT_CPUID, CPUID_LEAF, 5, 0x66) &&
	           servant_says(servant, SERVANT_CPUID, CPUID_LEAF, 6, 0x33334444),
	   "one of a subleaf is that subleaf's alone");
}

static void results_are_checked(const struct servant *servant)
{
	struct hv_input_register_intercept_result bad = result_of(servant, CPUID_LEAF, 0);
	unsigned int taken = 0;
	enum hv_status status = HV_STATUS_SUCCESS;

	bad.type = HV_INTERCEPT_X64_MSR;
	ok_equal(intercept_result_register(&bad), HV_STATUS_INVALID_PARAMETER,
	         "a result of an MSR: status 5");
	bad = result_of(servant, CPUID_LEAF, 0);
	bad.intercepted = 2;
	ok_equal(intercept_result_register(&bad), HV_STATUS_INVALID_PARAMETER,
	         "neither intercepted nor not: status 5");
	bad = result_of(servant, CPUID_LEAF, 0);
	bad.vp_index = 64;
	ok_equal(intercept_result_register(&bad), HV_STATUS_INVALID_VP_INDEX,
	         "a VP beyond every limit: status e");
	bad = result_of(servant, CPUID_LEAF, 0);
	bad.partition_id = HV_PARTITION_ID_SELF;
	bad.vp_index = 0;
	ok_equal(intercept_result_register(&bad), HV_STATUS_INVALID_VP_INDEX,
	         "a VP of ours has no results of its own: status e");
	while (status == HV_STATUS_SUCCESS && taken < 2 * CPUID_RESULTS) {
		const struct hv_input_register_intercept_result more =
			result_of(servant, CPUID_LEAF + 1 + taken, taken);

		status = intercept_result_register(&more);
		taken += status == HV_STATUS_SUCCESS;
	}
	ok_equal(status, HV_STATUS_NO_RESOURCES, "the table of results has an end");
	ok_equal(taken, CPUID_RESULTS - 2, "after %u of them", CPUID_RESULTS);
	ok(servant_says(servant, SERVANT_CPUID, CPUID_LEAF + taken, 0, taken - 1),
	   "the last one counts");
}

static void cpuid_results(struct servant *servant)
{
	if (!ok(servant_make(servant, 0, 1), "a child is made"))
		return;
	results_are_shown(servant);
	results_are_checked(servant);
	ok(servant_end(servant), "its pages come back");
}

/* ---- Reset, by the guest's own wish ---- */

static void reset(struct servant *servant)
{
	struct servant_answer answer;

	if (!ok(servant_make(servant, 0, 1), "a child is made"))
		return;
	ok(servant_says(servant, SERVANT_WRMSR, 0, HV_MSR_RESET, 0),
	   "a 0 written to the reset MSR does nothing");
	answer = servant_do(servant, SERVANT_WRMSR, 1, HV_MSR_RESET, 0);
	ok(answer.end == SERVANT_OTHER &&
	           answer.value == HV_MESSAGE_UNRECOVERABLE_EXCEPTION,
	   "a 1 stops the VP, and its parent is told");
	ok(servant_says(servant, SERVANT_RDMSR, 0, HV_MSR_RESET, 0),
	   "and may let it begin anew");
	ok(servant_end(servant), "its pages come back");
}

void group_calls(void)
{
	static struct servant servant;
	struct balance before = { 0, 0 };

	synic_enable();
	synic_set_sint(HV_SINT_INTERCEPT, VECTOR_INTERCEPT);
	brothers();
	ok_equal(partition_balance(HV_PARTITION_ID_SELF, &before), HV_STATUS_SUCCESS,
	         "our own balance is told");
	calls_privileges();
	properties(&servant);
	cpuid_results(&servant);
	reset(&servant);
	calls_memory();
	calls_dirty();
	calls_deliver();
	calls_processor();
	calls_vmm();
	ok(own_pages_in_use(before.in_use), "no page of our pool stays in use");
	synic_disable();
}
