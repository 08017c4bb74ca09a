/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hypercalls that flush translations of one's own processors. TLFS 9.4 */
#include "tests/guest/groups.h"

#include <viridis/abi/hv_hypercall.h>
#include <viridis/abi/hv_msr.h>
#include "vsc/lib/clock.h"
#include "vsc/lib/cpu.h"
#include "vsc/lib/guest.h"
#include "vsc/lib/hv.h"
#include "vsc/lib/paging.h"
#include "vsc/lib/smp.h"
#include "vsc/lib/tap.h"

#define ROUNDS      50u
#define PATIENCE_MS 5000
#define LIST_MAX    509u /* addresses that fit a page behind the fixed part */
#define NOBODY      BIT64(63)

static struct {
	struct hv_input_flush_address_space fixed;
	uint64_t range[LIST_MAX + 1];
} list;

static uint64_t flush(uint64_t flags, uint64_t mask, unsigned int reps)
{
	list.fixed = (struct hv_input_flush_address_space){ paging_root(), flags, mask };
	for (unsigned int i = 0; i < reps; i++)
		list.range[i] = PAGING_WINDOW;
	return hv_call(reps ? HVCALL_FLUSH_ADDRESS_LIST : HVCALL_FLUSH_ADDRESS_SPACE,
	               reps, &list, sizeof(list.fixed) + reps * sizeof(list.range[0]),
	               NULL, 0);
}

static void refusals(void)
{
	uint64_t gpa = (uint64_t)pages_take(1), result;

	for (unsigned int bit = 4; bit < 64; bit += 13)
		ok_equal(hv_status_of(flush(BIT64(bit), 0, 0)),
		         HV_STATUS_INVALID_PARAMETER, "a flush with flag %u: status 5",
		         bit);
	ok_equal(hv_status_of(flush(0, NOBODY, 0)), HV_STATUS_SUCCESS,
	         "a flush of a VP that does not exist is one of nobody");
	ok_equal(hv_status_of(hv_call_fast(HVCALL_FLUSH_ADDRESS_SPACE, 0, 0)),
	         HV_STATUS_INVALID_HYPERCALL_INPUT, "no registers hold a flush");
	ok_equal(hv_status_of(hv_call_raw(HVCALL_FLUSH_ADDRESS_LIST, gpa, 0)),
	         HV_STATUS_INVALID_HYPERCALL_INPUT, "a list without addresses");
	ok_equal(hv_status_of(hv_call_raw(HVCALL_FLUSH_ADDRESS_LIST |
	                                          (uint64_t)(LIST_MAX + 1)
	                                                  << HV_CONTROL_REP_COUNT_SHIFT,
	                                  gpa, 0)),
	         HV_STATUS_INVALID_ALIGNMENT, "a list across a page's end");
	result = flush(0, NOBODY, LIST_MAX);
	ok(hv_status_of(result) == HV_STATUS_SUCCESS && hv_reps_of(result) == LIST_MAX,
	   "a whole page of addresses is taken");
}

/* What another VP sees through the window. */
static struct {
	volatile uint64_t vp_mask;
	volatile uint32_t seen, turns;
	volatile bool over;
} watch;

static void watch_window(void *argument)
{
	const volatile uint32_t *view = argument;

	watch.vp_mask = BIT64(cpu_rdmsr(HV_MSR_VP_INDEX));
	while (!watch.over) {
		watch.seen = *view;
		watch.turns++; /* what was seen is told by now */
		cpu_pause();
	}
}

/* The turn that goes on may have looked before: the next one has not. */
static bool sees(uint32_t value)
{
	if (!clock_wait_for(&watch.turns, watch.turns + 2, PATIENCE_MS))
		return false;
	return watch.seen == value;
}

static void flushes(unsigned int index)
{
	uint32_t *pages[2] = { pages_take(1), pages_take(1) };
	unsigned int stale = 0;

	*pages[0] = 0;
	*pages[1] = 1;
	paging_view(0, (uint64_t)pages[0], PAGING_READ);
	watch.over = false;
	watch.vp_mask = 0;
	smp_run(index, watch_window, (void *)PAGING_WINDOW);
	ok(clock_wait_for(&watch.turns, watch.turns + 2, PATIENCE_MS),
	   "VP %u looks at a page all the time", index);
	for (uint32_t round = 1; round <= ROUNDS; round++) {
		paging_view(0, (uint64_t)pages[round % 2], PAGING_READ);
		/* By its number, as one of all, and by a list. */
		if (hv_status_of(flush(round % 3 == 1 ? HV_FLUSH_ALL_PROCESSORS : 0,
		                       watch.vp_mask, round % 3 == 2)) !=
		            HV_STATUS_SUCCESS ||
		    !sees(round % 2))
			stale++;
	}
	watch.over = true;
	ok(smp_wait(index, PATIENCE_MS), "VP %u has seen enough", index);
	ok_equal(stale, 0, "after a flush VP %u never sees the page that was there",
	         index);
}

void group_flush(void)
{
	hv_enable_hypercalls();
	refusals();
	if (smp_start((unsigned int)guest_option_number("vps", guest_acpi()->cpu_count)) <
	    2) {
		skip("one VP alone");
		return;
	}
	for (unsigned int i = 1; i < smp_online(); i++)
		flushes(i);
}
