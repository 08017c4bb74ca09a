/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What VMMs of upstream's interface ask of a child before and between its runs: CPUID of each VP, MSRs and
 * registers that are only kept, the answer to an intercept, memory that changes beneath an overlay.
 */
#include "tests/guest/calls.h"

#include <viridis/abi/hv_hypercall.h>
#include <viridis/abi/hv_msr.h>
#include <viridis/abi/hv_register.h>
#include <viridis/abi/hv_status.h>
#include <viridis/abi/hv_vp_state.h>
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "tests/guest/partition.h"
#include "tests/guest/servant.h"
#include "vsc/lib/guest.h"
#include "vsc/lib/tap.h"

#define LEAF         0x40000105u /* nobody's */
#define PATIENCE_MS  10000
#define OF_ALL       63u /* results that a partition holds for all its VPs, and for one */
#define OF_ONE       189u
#define REGISTER_RBX (HV_X64_REGISTER_RAX + 3)
#define REGISTER_RCX (HV_X64_REGISTER_RAX + 1)
#define OSXSAVE      BIT64(27)
#define CR4_OSXSAVE  BIT64(18)
#define VECTOR_UD    6u
#define VECTOR_GP    13u
#define MSR_PAT      0x277u
#define MSR_DEF_TYPE 0x2ffu
#define MSR_NOBODYS  0xc0010fffu
#define NOBODYS      0x77u           /* a connection */
#define LARGE_GPFN   UINT64_C(0x800) /* of GPA 8 MiB */
#define LARGE_PAGES  512u
#define SECONDS      100u /* that time is set ahead */
#define UNITS        (SECONDS * UINT64_C(10000000))

/* ---- CPUID ---- */

static struct hv_input_register_intercept_result
result_of(const struct servant *servant, uint32_t vp, uint32_t leaf, uint32_t value)
{
	return (struct hv_input_register_intercept_result){
		.partition_id = servant->id,
		.vp_index = vp,
		.type = HV_INTERCEPT_X64_CPUID,
		.eax = leaf,
		.result = { { .value = value, .mask = UINT32_MAX } },
	};
}

static enum hv_status show(const struct servant *servant, uint32_t vp, uint32_t leaf,
                           uint32_t value)
{
	const struct hv_input_register_intercept_result one =
		result_of(servant, vp, leaf, value);

	return intercept_result_register(&one);
}

static bool vp_1_says(const struct servant *servant, uint32_t leaf, uint64_t value)
{
	struct servant_answer answer = { SERVANT_SILENT, 0 };

	if (servant_start(servant, 1, SERVANT_CPUID, leaf, 0, 0))
		answer = servant_wait(servant, 1, PATIENCE_MS);
	return answer.end == SERVANT_DONE && answer.value == value;
}

static void a_vp_has_its_own(const struct servant *servant)
{
	ok(!show(servant, 1, LEAF, 0x11) && !show(servant, HV_VP_INDEX_ANY, LEAF, 0x22),
	   "a result of VP 1, and then one of all");
	ok(servant_says(servant, SERVANT_CPUID, LEAF, 0, 0x22) &&
	           vp_1_says(servant, LEAF, 0x11),
	   "VP 1 reads its own, VP 0 that of all");
	ok_equal(show(servant, SERVANT_VPS, LEAF, 0), HV_STATUS_INVALID_VP_INDEX,
	         "a VP that is not there: status e");
}

static unsigned int fill(const struct servant *servant, uint32_t vp)
{
	unsigned int taken = 0;

	while (taken < 2 * OF_ONE &&
	       show(servant, vp, LEAF + 1 + taken, taken) == HV_STATUS_SUCCESS)
		taken++;
	return taken;
}

static void lists_end(const struct servant *servant)
{
	ok_equal(fill(servant, 1), OF_ONE - 1, "a VP has room for %u results", OF_ONE);
	ok_equal(show(servant, 1, LEAF + OF_ONE, 0), HV_STATUS_NO_RESOURCES,
	         "and for no more: status 1d");
	ok(vp_1_says(servant, LEAF + OF_ONE - 1, OF_ONE - 2), "the last one counts");
	ok_equal(fill(servant, 0), OF_ONE - 1, "another VP's are beside them");
	ok_equal(fill(servant, HV_VP_INDEX_ANY), OF_ALL - 1, "and so are those of all");
}

/* A VMM tells all of leaf 1 as it was when it began. */
static void what_changes_is_true(const struct servant *servant)
{
	struct hv_input_register_intercept_result one = result_of(servant, 0, 1, 0x12345);
	uint64_t cr4 = 0, rbx = 0, rcx = 0;

	one.result[1].mask = one.result[2].mask = one.result[3].mask = UINT32_MAX;
	one.result[1].value = 0x7f000800;
	one.result[2].value = (uint32_t)OSXSAVE;
	ok(!intercept_result_register(&one) &&
	           servant_says(servant, SERVANT_CPUID, 1, 0, 0x12345) &&
	           !vp_get_register64(servant->id, 0, REGISTER_RBX, &rbx) &&
	           !vp_get_register64(servant->id, 0, REGISTER_RCX, &rcx),
	   "all of leaf 1 is registered");
	ok_equal(rbx, 0x800, "its APIC id is the VP's all the same");
	ok_equal(rcx, BIT64(31), "there is a hypervisor, and no OSXSAVE");
	ok(!vp_get_register64(servant->id, 0, HV_X64_REGISTER_CR4, &cr4) &&
	           !vp_set_register64(servant->id, 0, HV_X64_REGISTER_CR4,
	                              cr4 | CR4_OSXSAVE) &&
	           servant_says(servant, SERVANT_CPUID, 1, 0, 0x12345) &&
	           !vp_get_register64(servant->id, 0, REGISTER_RCX, &rcx) &&
	           (rcx & OSXSAVE),
	   "with CR4.OSXSAVE there is");
}

/* ---- MSRs ---- */

static bool is_refused(const struct servant *servant, enum servant_task task,
                       uint64_t msr, uint64_t value)
{
	struct servant_answer answer = servant_do(servant, task, value, msr, 0);

	return answer.end == SERVANT_CUT && answer.value == VECTOR_GP;
}

static void unimplemented_msrs(const struct servant *servant)
{
	const uint32_t action = HV_PROPERTY_UNIMPLEMENTED_MSR_ACTION;
	uint64_t value = 7;

	ok(is_refused(servant, SERVANT_RDMSR, MSR_NOBODYS, 0) &&
	           is_refused(servant, SERVANT_WRMSR, MSR_NOBODYS, 1),
	   "an MSR that is not there raises #GP");
	ok_equal(partition_set_property(servant->id, action, 2),
	         HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE,
	         "of what becomes of such, there are two: status a");
	ok(!partition_set_property(servant->id, action, HV_UNIMPLEMENTED_MSR_IGNORE) &&
	           !partition_get_property(servant->id, action, &value) && value == 1,
	   "they are to be ignored");
	ok(servant_says(servant, SERVANT_RDMSR, 0, MSR_NOBODYS, 0) &&
	           servant_do(servant, SERVANT_WRMSR, 1, MSR_NOBODYS, 0).end ==
	                   SERVANT_DONE,
	   "it reads 0, and a write does nothing");
	ok(is_refused(servant, SERVANT_WRMSR, MSR_PAT, 2),
	   "a bad value of one that is there is still #GP");
	ok(is_refused(servant, SERVANT_RDMSR, HV_MSR_EOI, 0),
	   "and so is the read of one that can only be written");
}

static void mtrrs(const struct servant *servant)
{
	static const uint32_t names[] = {
		HV_X64_REGISTER_MTRR_BASE0,        HV_X64_REGISTER_MTRR_BASE0 + 15,
		HV_X64_REGISTER_MTRR_MASK0,        HV_X64_REGISTER_MTRR_MASK0 + 15,
		HV_X64_REGISTER_MTRR_FIX64K_00000, HV_X64_REGISTER_MTRR_FIX64K_00000 + 10,
	};
	uint64_t value = 0;
	bool kept = true;

	for (unsigned int i = 0; i < ARRAY_COUNT(names); i++)
		kept &= !vp_set_register64(servant->id, 0, names[i], 0x1000 + i);
	for (unsigned int i = 0; i < ARRAY_COUNT(names); i++)
		kept &= !vp_get_register64(servant->id, 0, names[i], &value) &&
		        value == 0x1000 + i;
	ok(kept, "memory ranges are kept for the parent");
	ok(!vp_set_register64(servant->id, 0, HV_X64_REGISTER_MTRR_DEF_TYPE, 0x806) &&
	           servant_says(servant, SERVANT_RDMSR, 0, MSR_DEF_TYPE, 0x806),
	   "the default type is the child's to read");
	ok_equal(vp_set_register64(servant->id, 0, HV_X64_REGISTER_MTRR_DEF_TYPE,
	                           0x10806),
	         HV_STATUS_INVALID_REGISTER_VALUE, "of its own bits: status 50");
	ok_equal(vp_set_register64(servant->id, 0, HV_X64_REGISTER_MTRR_BASE0 + 16, 0),
	         HV_STATUS_INVALID_PARAMETER, "there is no range more: status 5");
}

/* ---- Events and time ---- */

static void pending_event(const struct servant *servant)
{
	const uint32_t name = HV_REGISTER_PENDING_EVENT0;
	uint64_t value = 7;

	ok_equal(vp_set_register64(servant->id, 0, name, 2 | HV_PENDING_EVENT_VALID),
	         HV_STATUS_INVALID_REGISTER_VALUE,
	         "an event that is no exception: status 50");
	ok(!vp_set_register64(servant->id, 0, name,
	                      (uint64_t)VECTOR_UD << 16 | HV_PENDING_EVENT_VALID) &&
	           !vp_set_register64(servant->id, 0, name, 0),
	   "an exception is to come, and nothing takes it back");
	ok(!vp_get_register64(servant->id, 0, HV_REGISTER_PENDING_INTERRUPTION, &value) &&
	           value == ((uint64_t)VECTOR_UD << 16 | 3 << 1 | 1),
	   "it is the VP's next event");
	ok(!vp_get_register64(servant->id, 0, name, &value) && value == 0,
	   "and is not told twice");
	ok(servant_start(servant, 0, SERVANT_CPUID, 0, 0, 0), "the VP goes on");
	struct servant_answer answer = servant_wait(servant, 0, PATIENCE_MS);
	ok(answer.end == SERVANT_CUT && answer.value == VECTOR_UD, "and takes it");
}

static uint64_t property(const struct servant *servant, uint32_t code)
{
	uint64_t value = 0;

	(void)partition_get_property(servant->id, code, &value);
	return value;
}

static void a_tsc_that_is_set(const struct servant *servant)
{
	const uint32_t name = HV_X64_REGISTER_TSC, freeze = HV_PROPERTY_TIME_FREEZE;
	uint64_t before = 0, after = 0, units, later,
		 second = property(servant, HV_PROPERTY_PROCESSOR_CLOCK_FREQUENCY);

	ok(!vp_get_register64(servant->id, 0, name, &before) && before > 1000 &&
	           !vp_set_register64(servant->id, 0, name, 0) &&
	           !vp_get_register64(servant->id, 0, name, &after) && after > before,
	   "time goes on and not back, whatever TSC the parent sets");
	later = after + SECONDS * second;
	ok(!vp_set_register64(servant->id, 0, name, later) &&
	           !vp_get_register64(servant->id, 0, name, &after) && after >= later &&
	           after < later + SECONDS * second,
	   "unless that is later than it is");
	ok(!partition_set_property(servant->id, freeze, 1) &&
	           !vp_get_register64(servant->id, 0, name, &before) &&
	           !vp_set_register64(servant->id, 0, name, before - 1000) &&
	           !vp_set_register64(servant->id, 0, name, BIT64(62)) &&
	           !vp_get_register64(servant->id, 0, name, &after) && after == before,
	   "while it stands, it goes neither back nor to the end of all time");
	units = property(servant, HV_PROPERTY_REFERENCE_TIME);
	later = before + SECONDS * second;
	ok(!vp_set_register64(servant->id, 0, name, later) &&
	           !vp_get_register64(servant->id, 0, name, &after) && after == later,
	   "but on, as one wants that comes from elsewhere");
	units = property(servant, HV_PROPERTY_REFERENCE_TIME) - units;
	ok(units >= UNITS - 1 && units <= UNITS + 1, "and its reference time with it");
	ok(!partition_set_property(servant->id, freeze, 0) &&
	           !vp_get_register64(servant->id, 0, name, &after) && after >= later &&
	           after < later + SECONDS * second,
	   "from where it goes on");
}

/* Which says how its TSC and its reference time belong together: 0 were that it cannot say. TLFS 12.7 */
static void a_tsc_page_that_stays(const struct servant *servant)
{
	const uint64_t gpa = SERVANT_SCRATCH;
	struct servant_answer answer;

	ok(!vp_set_register64(servant->id, 0, HV_REGISTER_REFERENCE_TSC,
	                      gpa | HV_MSR_PAGE_ENABLE),
	   "the child's reference TSC page is shown");
	answer = servant_do(servant, SERVANT_LOAD, 0, gpa, 0);
	ok(answer.end == SERVANT_DONE && (uint32_t)answer.value == 1,
	   "and has not lost its validity by what the parent set");
	ok(!vp_set_register64(servant->id, 0, HV_REGISTER_REFERENCE_TSC, 0),
	   "it is hidden again");
}

/* ---- Beneath overlays ---- */

static uint64_t status_of(const struct servant *servant, uint64_t gpa)
{
	struct servant_answer answer =
		servant_do(servant, SERVANT_VMMCALL, 0, HVCALL_SIGNAL_EVENT, gpa);

	return answer.end == SERVANT_DONE ? answer.value : UINT64_MAX;
}

/*
 * What the child has at an address, as the input of a call shows that it makes: a page of ours says a connection
 * that is nobody's, the overlay (or nothing) a bad block.
 */
static bool is_our_page(const struct servant *servant, uint64_t gpa)
{
	return status_of(servant, gpa) == HV_STATUS_INVALID_CONNECTION_ID;
}

static void mark(void *page, uint16_t reserved)
{
	*(struct hv_input_signal_event *)page = (struct hv_input_signal_event){
		.connection_id = NOBODYS,
		.reserved = reserved,
	};
}

static bool may_call(const struct servant *servant)
{
	struct hv_input_vp_state in = { .partition_id = servant->id,
		                        .type = HV_VP_STATE_SIM_PAGE };
	void *content = pages_take(1);
	uint64_t pfn = (uint64_t)content / PAGE_4K;

	mark(content, 1);
	return !vp_set_register64(servant->id, 0, HV_REGISTER_GUEST_OS_ID, 1) &&
	       !vp_set_register64(servant->id, 0, HV_X64_REGISTER_HYPERCALL,
	                          SERVANT_HYPERCALL | HV_MSR_PAGE_ENABLE) &&
	       !vp_set_state(&in, 1, &pfn);
}

static bool show_simp(const struct servant *servant, uint64_t gpa)
{
	return !vp_set_register64(servant->id, 0, HV_REGISTER_SIMP,
	                          gpa ? gpa | HV_MSR_PAGE_ENABLE : 0);
}

static void a_page_beneath(const struct servant *servant)
{
	const uint64_t gpa = SERVANT_SCRATCH, gpfn = gpa / PAGE_4K;
	void *other = pages_take(1);
	uint64_t pfn = (uint64_t)other / PAGE_4K;
	unsigned int done;

	mark(other, 0);
	mark(servant_memory(servant, gpa), 0);
	ok(is_our_page(servant, gpa) && show_simp(servant, gpa) &&
	           !is_our_page(servant, gpa),
	   "a page is overlaid");
	ok_equal(memory_map(servant->id, gpfn, MAP_ALL, &pfn, 1, &done),
	         HV_STATUS_OBJECT_IN_USE,
	         "one beneath cannot be mapped twice: status 19");
	ok(!memory_unmap(servant->id, gpfn, 1) &&
	           !memory_map(servant->id, gpfn, MAP_ALL, &pfn, 1, &done),
	   "it is unmapped, and another is mapped");
	ok(!is_our_page(servant, gpa), "beneath the overlay");
	mark(servant_memory(servant, gpa), 1);
	ok(show_simp(servant, 0) && is_our_page(servant, gpa),
	   "which shows when the overlay goes");
	ok(!memory_unmap(servant->id, gpfn, 1) && !is_our_page(servant, gpa),
	   "and is unmapped as any other");
}

static void a_large_page_beneath(const struct servant *servant)
{
	const uint64_t gpa = LARGE_GPFN * PAGE_4K, place = gpa + 7 * PAGE_4K;
	const uint32_t flags = MAP_ALL | HV_MAP_GPA_LARGE_PAGE;
	uint64_t page = (uint64_t)pages_take(1), pfn;
	unsigned int done, seen = 0;

	while (page % PAGE_2M != 0)
		page = (uint64_t)pages_take(1);
	(void)pages_take(LARGE_PAGES - 1);
	pfn = page / PAGE_4K;
	for (unsigned int i = 0; i < LARGE_PAGES; i++)
		mark((void *)(page + i * PAGE_4K), 0);
	ok(show_simp(servant, place) && !is_our_page(servant, gpa),
	   "an overlay where nothing is mapped");
	ok(!memory_map(servant->id, LARGE_GPFN, flags, &pfn, 1, &done),
	   "2 MiB are mapped around it");
	for (unsigned int i = 0; i < LARGE_PAGES; i++)
		seen += is_our_page(servant, gpa + i * PAGE_4K) == (i != 7);
	ok_equal(seen, LARGE_PAGES, "all of them are there, and the overlay is");
	ok_equal(memory_map(servant->id, LARGE_GPFN, flags, &pfn, 1, &done),
	         HV_STATUS_OBJECT_IN_USE, "but once: status 19");
	ok(show_simp(servant, 0) && is_our_page(servant, place), "the last page shows");
	ok(!memory_unmap_large(servant->id, LARGE_GPFN) && !is_our_page(servant, gpa),
	   "and they are unmapped at once");
	ok(calls_may_deposit(pfn + 7), "a frame that lay beneath is let go of");
}

/* ---- The answer to an intercept, in one call ---- */

/* VP 0 stands at its OUT, which comes again unless RIP is set: with another RAX it shows that it ran. */
static bool says_again(const struct servant *servant,
                       enum hv_status (*answer)(uint64_t id, uint32_t vp,
                                                uint32_t reserved),
                       uint64_t value)
{
	struct servant_answer again;

	if (vp_set_register64(servant->id, 0, HV_X64_REGISTER_RAX, value) ||
	    answer(servant->id, 0, 0))
		return false;
	again = servant_wait(servant, 0, PATIENCE_MS);
	return again.end == SERVANT_DONE && again.value == value;
}

static bool is_refused_answer(uint64_t id, uint32_t vp, uint32_t reserved,
                              enum hv_status status)
{
	return vp_answer_fast(id, vp, reserved) == status &&
	       vp_answer(id, vp, reserved) == status;
}

static void an_answer(const struct servant *servant)
{
	uint64_t suspended = 0;

	ok(servant_do(servant, SERVANT_CPUID, LEAF, 0, 0).end == SERVANT_DONE,
	   "VP 0 waits for an answer");
	ok(says_again(servant, vp_answer_fast, 0x51) &&
	           says_again(servant, vp_answer_fast, 0x52),
	   "it goes on, and waits again");
	ok(says_again(servant, vp_answer, 0x53), "so it does by a call with a block");
	ok(is_refused_answer(servant->id, 0, 1, HV_STATUS_INVALID_PARAMETER),
	   "what is reserved must be 0: status 5");
	ok(is_refused_answer(servant->id, SERVANT_VPS, 0, HV_STATUS_INVALID_VP_INDEX),
	   "a VP that is not there: status e");
	ok(is_refused_answer(servant->id + 99, 0, 0, HV_STATUS_INVALID_PARTITION_ID),
	   "a partition that is not there: status d");
	ok(is_refused_answer(HV_PARTITION_ID_SELF, 0, 0, HV_STATUS_ACCESS_DENIED),
	   "a VP of one's own: status 6");
	ok(!vp_get_register64(servant->id, 0, HV_REGISTER_INTERCEPT_SUSPEND,
	                      &suspended) &&
	           suspended == 1,
	   "none of these lets it go on");

	ok(servant_stop(servant, 0) &&
	           !vp_set_register64(servant->id, 0, HV_X64_REGISTER_RAX, 0x54) &&
	           !vp_answer_fast(servant->id, 0, 0) &&
	           servant_wait(servant, 0, 50).end == SERVANT_SILENT,
	   "one that is stopped otherwise too stays");
	ok(!vp_answer_fast(servant->id, 0, 0) &&
	           servant_wait(servant, 0, 50).end == SERVANT_SILENT,
	   "however often it is answered");
	ok(!vp_set_register64(servant->id, 0, HV_REGISTER_EXPLICIT_SUSPEND, 0) &&
	           servant_wait(servant, 0, PATIENCE_MS).value == 0x54,
	   "until that ends");
}

void calls_vmm(void)
{
	static struct servant servant;

	if (!ok(servant_make(&servant, 0, SERVANT_VPS), "a child of two VPs is made"))
		return;
	ok_equal(partition_set_property(servant.id, HV_PROPERTY_LEVEL_AS_EDGE, 1),
	         HV_STATUS_INVALID_PARTITION_STATE,
	         "how level interrupts show is decided before there are VPs: status 7");
	a_vp_has_its_own(&servant);
	what_changes_is_true(&servant);
	an_answer(&servant);
	lists_end(&servant);
	unimplemented_msrs(&servant);
	mtrrs(&servant);
	pending_event(&servant);
	ok(may_call(&servant), "it is to make calls, and its SynIC has a page");
	a_page_beneath(&servant);
	a_large_page_beneath(&servant);
	a_tsc_that_is_set(&servant);
	a_tsc_page_that_stays(&servant);
	ok(servant_end(&servant), "its pages come back");
}
