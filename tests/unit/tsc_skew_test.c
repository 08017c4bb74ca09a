/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/tsc_skew: two clocks beside each other, and what the comparison makes of them. */
#include "tests/unit/unit.h"

#include "hypervisor/core/tsc_skew.h"

/* A comparison in which each way takes from 20 to 399 ticks, and the other's TSC is ahead by `skew`. */
static struct tsc_bounds compare(uint64_t start, int64_t skew, unsigned int rounds)
{
	struct tsc_bounds bounds = TSC_BOUNDS_NONE;
	uint32_t random = 12345;
	uint64_t now = start;

	for (unsigned int round = 0; round < rounds; round++) {
		uint64_t before = now, answer;

		random = random * 1664525 + 1013904223;
		answer = now += 20 + (random >> 8) % 380;
		random = random * 1664525 + 1013904223;
		now += 20 + (random >> 8) % 380;
		tsc_bounds_add(&bounds, before, answer + (uint64_t)skew, now);
	}
	return bounds;
}

START_TEST(clocks_that_count_together_are_found_so)
{
	for (unsigned int rounds = 1; rounds <= 32; rounds++) {
		struct tsc_bounds bounds = compare(1000000, 0, rounds);

		ck_assert_int_le(bounds.low, 0);
		ck_assert_int_ge(bounds.high, 0);
		ck_assert_int_eq(tsc_bounds_skew(&bounds), 0);
	}
}
END_TEST

/* An answer at the moment of a reading, of a way that took an odd number of ticks: still between them. */
START_TEST(the_edges_of_a_round_are_within_it)
{
	for (uint64_t answer = 100; answer <= 103; answer++) {
		struct tsc_bounds bounds = TSC_BOUNDS_NONE;

		tsc_bounds_add(&bounds, 100, answer, 103);
		ck_assert_int_eq(tsc_bounds_skew(&bounds), 0);
	}
}
END_TEST

START_TEST(one_round_that_cannot_be_is_enough)
{
	struct tsc_bounds bounds = compare(1000, 0, 31);

	tsc_bounds_add(&bounds, 100000, 99000, 100050);
	ck_assert_int_lt(tsc_bounds_skew(&bounds), 0);
}
END_TEST

/* From a processor plugged in late to one whose counter was never reset; a counter that wraps, too. */
START_TEST(a_skew_is_found_and_taken_off)
{
	static const int64_t skews[] = { 1000,
		                         -1000,
		                         3000000000,
		                         -3000000000,
		                         INT64_C(1) << 60,
		                         -(INT64_C(1) << 60) };
	static const uint64_t starts[] = { 5, UINT64_C(1) << 62, UINT64_MAX - 1000 };

	for (unsigned int i = 0; i < 3; i++) {
		struct tsc_bounds bounds = compare(starts[i], skews[_i], 32);
		int64_t skew = tsc_bounds_skew(&bounds);

		ck_assert_int_ne(skew, 0);
		ck_assert_int_le(bounds.low, skews[_i]);
		ck_assert_int_ge(bounds.high, skews[_i]);
		ck_assert_int_le(bounds.high - bounds.low, 2 * 399);
		/* What both read at one moment, brought to the first's time, differs by no more than that. */
		for (uint64_t now = 0; now < 5; now++) {
			uint64_t other = starts[i] + now + (uint64_t)skews[_i];
			int64_t error =
				(int64_t)(tsc_to_first(other, skew) - (starts[i] + now));

			ck_assert_int_le(error, 399);
			ck_assert_int_ge(error, -399);
			ck_assert_uint_eq(tsc_from_first(tsc_to_first(other, skew), skew),
			                  other);
		}
	}
}
END_TEST

static Suite *tsc_skew_suite(void)
{
	Suite *suite = suite_create("tsc_skew");
	TCase *tests = tcase_create("tsc_skew");

	tcase_add_test(tests, clocks_that_count_together_are_found_so);
	tcase_add_test(tests, the_edges_of_a_round_are_within_it);
	tcase_add_test(tests, one_round_that_cannot_be_is_enough);
	tcase_add_loop_test(tests, a_skew_is_found_and_taken_off, 0, 6);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(tsc_skew_suite)
