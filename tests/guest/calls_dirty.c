/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which pages a child has written: what a machine that moves while it runs has to send again. Hypercall 0xc9 */
#include "tests/guest/calls.h"

#include <viridis/abi/hv_intercept.h>
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "tests/guest/partition.h"
#include "tests/guest/servant.h"
#include "vsc/lib/clock.h"
#include "vsc/lib/cpu.h"
#include "vsc/lib/guest.h"
#include "vsc/lib/hv.h"
#include "vsc/lib/tap.h"

#define LOOK  0
#define CLEAR HV_GPA_ACCESS_CLEAR_DIRTY
#define SET   HV_GPA_ACCESS_SET_DIRTY

#define LARGE_PAGES 512u
#define LARGE_GPFN  UINT64_C(0x400) /* of GPA 4 MiB */
#define STORED      (SERVANT_SCRATCH + 3 * PAGE_4K)
#define BEYOND      (UINT64_C(1) << 36) /* 48 bits of address */

static uint8_t states[LARGE_PAGES];

static uint64_t ask(const struct servant *servant, uint64_t gpfn, unsigned int count,
                    uint64_t flags)
{
	struct hv_input_get_gpa_pages_access_states in = {
		.partition_id = servant->id,
		.flags = flags,
		.gpfn_base = gpfn,
	};

	memset(states, 0xee, sizeof(states));
	return hv_call(HVCALL_GET_GPA_PAGES_ACCESS_STATES, count, &in, sizeof(in), states,
	               count);
}

/* How many of the pages were written; -1: the call failed. */
static int dirty(const struct servant *servant, uint64_t gpfn, unsigned int count,
                 uint64_t flags)
{
	int found = 0;

	if (ask(servant, gpfn, count, flags) != (uint64_t)count << HV_RESULT_REPS_SHIFT)
		return -1;
	for (unsigned int i = 0; i < count; i++)
		if (states[i] & HV_GPA_ACCESS_DIRTY)
			found++;
	return found;
}

static bool stores(const struct servant *servant, uint64_t gpa, uint64_t value)
{
	struct servant_answer answer = servant_do(servant, SERVANT_STORE, value, gpa, 0);

	return answer.end == SERVANT_DONE;
}

static void bad_calls(const struct servant *servant)
{
	ok_equal(ask(servant, 0, 1, CLEAR | SET), HV_STATUS_INVALID_PARAMETER,
	         "to clear and to set at once: status 5");
	ok_equal(ask(servant, 0, 1, 1), HV_STATUS_INVALID_PARAMETER,
	         "what was only read is not kept: status 5");
	ok_equal(ask(servant, BEYOND, 1, LOOK), HV_STATUS_INVALID_PARAMETER,
	         "beyond 48 bits: status 5");
	ok_equal(ask(servant, BEYOND - 1, 2, LOOK),
	         HV_STATUS_INVALID_PARAMETER | UINT64_C(1) << HV_RESULT_REPS_SHIFT,
	         "a list that runs beyond ends there");
	ok_equal(ask(servant, UINT64_MAX, 2, LOOK), HV_STATUS_INVALID_PARAMETER,
	         "and none goes round");
	ok_equal(dirty(servant, LARGE_GPFN, 8, SET), 0, "a hole was never written");
	ok_equal(partition_set_property(servant->id, HV_PROPERTY_GPA_PAGE_ACCESS_TRACKING,
	                                2),
	         HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE, "it can be on or off");
	ok_equal(partition_set_property(servant->id, HV_PROPERTY_GPA_PAGE_ACCESS_TRACKING,
	                                1),
	         HV_STATUS_SUCCESS, "it is turned on");
}

/* The second store goes through a translation that the VP's TLB has had since the first. */
static void stores_are_seen(const struct servant *servant)
{
	const uint64_t page = STORED >> PAGE_SHIFT_4K;

	ok_equal(dirty(servant, 0, SERVANT_PAGES, LOOK), SERVANT_PAGES,
	         "all that was mapped counts as written");
	ok_equal(dirty(servant, 0, SERVANT_PAGES, CLEAR), SERVANT_PAGES,
	         "it still does when that is cleared");
	ok_equal(dirty(servant, 0, SERVANT_PAGES, LOOK), 0, "and then is clean");
	for (unsigned int round = 0; round < 2; round++) {
		ok(stores(servant, STORED, round), "the VP stores to a page");
		ok_equal(dirty(servant, page, 1, LOOK), 1, "which was written then");
		ok_equal(dirty(servant, page - 1, 1, LOOK) +
		                 dirty(servant, page + 1, 1, LOOK) +
		                 dirty(servant, SERVANT_CODE >> PAGE_SHIFT_4K, 1, LOOK),
		         0, "neither its neighbours nor the code were");
		ok(dirty(servant, 0, SERVANT_PAGES, LOOK) <= 4,
		   "and little else: page tables");
		ok_equal(dirty(servant, page, 1, CLEAR), 1, "it is cleared again");
	}
	ok(servant_sees(servant, STORED, 1), "the VP loads what it stored");
	ok_equal(dirty(servant, page, 1, LOOK), 0, "which is no store");
	(void)dirty(servant, 0, SERVANT_PAGES, SET); /* what it was before */
	ok_equal(dirty(servant, 0, SERVANT_PAGES, LOOK), SERVANT_PAGES,
	         "all pages are set");
}

/* On another VP, which runs while the bit is cleared: that has reached it when the call is over. */
static void a_running_vp_is_seen(const struct servant *servant)
{
	const uint64_t page = SERVANT_COUNTER >> PAGE_SHIFT_4K;
	volatile uint32_t *counter = servant_memory(servant, SERVANT_COUNTER);
	unsigned int seen = 0;

	if (!ok(servant_start(servant, 0, SERVANT_COUNT, 0, 0, 0), "a VP counts"))
		return;
	for (unsigned int round = 0; round < 8; round++) {
		uint32_t before = *counter;
		bool was = dirty(servant, page, 1, CLEAR) == 1;
		uint64_t deadline = clock_deadline(5000);

		while (*counter - before < 1000 && !clock_passed(deadline))
			cpu_pause();
		seen += was && dirty(servant, page, 1, LOOK) == 1;
	}
	ok_equal(seen, 8, "in each of eight rounds its stores show again");
	ok(servant_stop(servant, 0), "it is stopped");
}

static void large_pages_split(const struct servant *servant)
{
	uint64_t page = calls_large_page(), pfn = page >> PAGE_SHIFT_4K;
	unsigned int done;

	ok_equal(memory_map(servant->id, LARGE_GPFN, MAP_ALL | HV_MAP_GPA_LARGE_PAGE,
	                    &pfn, 1, &done),
	         HV_STATUS_SUCCESS, "2 MiB are mapped at once");
	ok_equal(dirty(servant, LARGE_GPFN, LARGE_PAGES, LOOK), LARGE_PAGES,
	         "all of them were written");
	ok_equal(dirty(servant, LARGE_GPFN, LARGE_PAGES, CLEAR), LARGE_PAGES,
	         "they are cleared one by one");
	ok(stores(servant, (LARGE_GPFN + 5) * PAGE_4K, 1), "the VP stores to one");
	ok_equal(dirty(servant, LARGE_GPFN, LARGE_PAGES, LOOK), 1,
	         "and no other was written");
	ok(states[5] & HV_GPA_ACCESS_DIRTY, "than that");
	ok_equal(memory_unmap_large(servant->id, LARGE_GPFN), HV_STATUS_SUCCESS,
	         "they are unmapped as one");
	ok(calls_may_deposit(pfn + 5), "and ours again");
}

void calls_dirty(void)
{
	static struct servant servant;

	if (!ok(servant_make(&servant, 0, 1), "a child is made"))
		return;
	bad_calls(&servant);
	stores_are_seen(&servant);
	a_running_vp_is_seen(&servant);
	large_pages_split(&servant);
	ok(servant_end(&servant), "its pages come back");
}
