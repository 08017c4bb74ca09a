/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who keeps the CPU after a signal, in simulated time. */
#include "hypervisor/core/grace.h"

#include "tests/unit/unit.h"

#define LENGTH UINT64_C(1600)
#define SOON   (LENGTH / GRACE_SOON_PART)

static struct grace grace;

static void setup(void)
{
	grace = (struct grace){ 0 };
}

/* Signals until one gets a grace; how many did not. */
static unsigned int denied_before_the_next(uint64_t now)
{
	unsigned int denied = 0;

	while (!grace_begin(&grace, now)) {
		ck_assert_uint_lt(denied++, 1000);
		grace_resumed(&grace, now - LENGTH);
	}
	return denied;
}

START_TEST(a_child_that_works_on_keeps_its_grace)
{
	for (uint64_t now = 0; now < 100 * LENGTH; now += LENGTH) {
		ck_assert(grace_begin(&grace, now));
		grace_halted(&grace, now + SOON, LENGTH);
	}
}
END_TEST

START_TEST(a_child_that_halts_soon_gets_none_for_63_signals)
{
	ck_assert(grace_begin(&grace, 5000));
	grace_halted(&grace, 5000 + SOON - 1, LENGTH);
	ck_assert_uint_eq(denied_before_the_next(6000), 63);
	grace_halted(&grace, 6000, LENGTH);
	ck_assert_uint_eq(denied_before_the_next(7000), 63);
	grace_halted(&grace, 7000 + LENGTH, LENGTH);
	ck_assert_uint_eq(denied_before_the_next(8000), 0);
}
END_TEST

START_TEST(a_halt_without_a_grace_says_nothing)
{
	grace_halted(&grace, 0, LENGTH);
	ck_assert(grace_begin(&grace, 0));
	grace_halted(&grace, LENGTH, LENGTH);
	grace_halted(&grace, LENGTH, LENGTH);
	ck_assert(grace_begin(&grace, LENGTH));
}
END_TEST

START_TEST(a_denied_signal_is_judged_by_no_halt)
{
	ck_assert(grace_begin(&grace, 0));
	grace_halted(&grace, 1, LENGTH);
	for (unsigned int i = 0; i < 63; i++) {
		ck_assert(!grace_begin(&grace, 100 * (i + 1)));
		grace_halted(&grace, 100 * (i + 1), LENGTH);
	}
	ck_assert(grace_begin(&grace, 10000));
}
END_TEST

/* Four requests at a time, quickly put: the halt comes soon, and the signals would have come sooner. */
START_TEST(a_child_with_a_few_at_once_is_found_out)
{
	uint64_t now = 5000;

	ck_assert(grace_begin(&grace, now));
	grace_halted(&grace, now + SOON - 1, LENGTH);
	grace_resumed(&grace, now += 1000);
	ck_assert(!grace_begin(&grace, now += 1));
	grace_resumed(&grace, now += 1000);
	ck_assert(!grace_begin(&grace, now += SOON - 1)); /* no sooner than the halt */
	grace_resumed(&grace, now += 1000);
	for (unsigned int i = 0; i < 64; i++) {
		ck_assert(grace_begin(&grace, now += SOON - 2));
		grace_halted(&grace, now + 1, LENGTH);
		grace_resumed(&grace, now += 1000);
	}
	ck_assert(!grace_begin(&grace, now += 1)); /* the last of them was judged */
	grace_resumed(&grace, now += 1000);
	ck_assert(grace_begin(&grace, now));
}
END_TEST

/* What else preempts it says nothing about its requests. */
START_TEST(only_the_time_since_its_own_preemption_counts)
{
	ck_assert(grace_begin(&grace, 5000));
	grace_halted(&grace, 5010, LENGTH);
	ck_assert(!grace_begin(&grace, 6000));
	grace_resumed(&grace, 7000);
	grace_resumed(&grace, 8000); /* after a device's interrupt */
	ck_assert(!grace_begin(&grace, 8001));
}
END_TEST

static Suite *grace_suite(void)
{
	Suite *suite = suite_create("grace");
	TCase *tcase = tcase_create("grace");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, a_child_that_works_on_keeps_its_grace);
	tcase_add_test(tcase, a_child_that_halts_soon_gets_none_for_63_signals);
	tcase_add_test(tcase, a_halt_without_a_grace_says_nothing);
	tcase_add_test(tcase, a_denied_signal_is_judged_by_no_halt);
	tcase_add_test(tcase, a_child_with_a_few_at_once_is_found_out);
	tcase_add_test(tcase, only_the_time_since_its_own_preemption_counts);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(grace_suite)
