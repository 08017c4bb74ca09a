/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Deposits under fire: one VP stores to a page without pause while another deposits it. When the
 * hypercall has returned, no store may reach the page any more, whatever the other processor's TLB holds.
 */
#include "tests/guest/groups.h"

#include <viridis/abi/hv_hypercall.h>
#include <viridis/base/bits.h>
#include "tests/guest/partition.h"
#include "vsc/lib/clock.h"
#include "vsc/lib/guest.h"
#include "vsc/lib/smp.h"
#include "vsc/lib/tap.h"
#include "vsc/lib/trap.h"
#include "vsc/lib/try.h"

#define ROUNDS      50u
#define PATIENCE_MS 5000
#define SETTLE_MS   1

/* Shared by the two VPs; atomic. */
static uint64_t target;    /* address the other VP stores to */
static uint32_t deposited; /* the hypercall has returned */
static uint32_t stop;
static uint32_t stores; /* done */
static uint32_t late;   /* done though `deposited` had been seen: must stay 0 */
static uint32_t odd;    /* faults other than #GP: must stay 0 */

static void fire(void *argument)
{
	(void)argument; /* all is in the variables above */
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		/* Acquire: pairs with the depositor's release after its hypercall. */
		uint32_t over = __atomic_load_n(&deposited, __ATOMIC_ACQUIRE);
		struct fault fault = try_store32(target, 0xdeadbeef);

		if (fault.vector == NO_FAULT) {
			__atomic_fetch_add(&stores, 1, __ATOMIC_RELAXED);
			late += over;
		} else if (fault.vector != TRAP_GP) {
			odd++;
		}
	}
}

static void await_stores(void)
{
	uint32_t before = __atomic_load_n(&stores, __ATOMIC_RELAXED);
	uint64_t deadline = clock_deadline(PATIENCE_MS);

	while (__atomic_load_n(&stores, __ATOMIC_RELAXED) == before &&
	       !clock_passed(deadline))
		clock_wait_ms(SETTLE_MS);
}

/* The page comes back; is it all zeros? Other pages of the pool are put back. */
static bool comes_back_wiped(uint64_t pfn)
{
	const uint64_t *page = (const uint64_t *)(pfn << PAGE_SHIFT_4K);
	uint64_t got = 0, sum = 0;
	unsigned int done;

	if (memory_withdraw(HV_PARTITION_ID_SELF, &got, 1, &done) != HV_STATUS_SUCCESS ||
	    got != pfn)
		return false;
	for (unsigned int i = 0; i < PAGE_4K / sizeof(*page); i++)
		sum |= page[i];
	return sum == 0;
}

static bool one_round(uint64_t pfn)
{
	enum hv_status status;
	unsigned int done;

	stop = 0;
	deposited = 0;
	target = pfn << PAGE_SHIFT_4K;
	smp_run(1, fire, NULL);
	await_stores();
	status = memory_deposit(HV_PARTITION_ID_SELF, &pfn, 1, &done);
	__atomic_store_n(&deposited, 1, __ATOMIC_RELEASE);
	clock_wait_ms(SETTLE_MS);
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	return smp_wait(1, PATIENCE_MS) && status == HV_STATUS_SUCCESS &&
	       comes_back_wiped(pfn);
}

void group_race(void)
{
	uint64_t pfn = (uint64_t)pages_take(1) >> PAGE_SHIFT_4K;
	unsigned int rounds = 0, count;

	if (smp_start(2) < 2) {
		skip("one VP alone");
		return;
	}
	(void)stock_withdraw(HV_PARTITION_ID_SELF,
	                     &count); /* an empty pool: ours comes back */
	while (rounds < ROUNDS && one_round(pfn))
		rounds++;
	ok_equal(rounds, ROUNDS, "%u pages deposited under fire come back wiped", ROUNDS);
	ok_equal(late, 0, "no store reached one after its deposit");
	ok_equal(odd, 0, "every other store got #GP");
	note("%u stores before their deposits", stores);
}
