/* SPDX-License-Identifier: GPL-2.0-or-later */
/* So much a second, and a tenth of a second's worth at once. */
#include "unit.h"

#include "vsp/storage/core/limit.h"

#define MS UINT64_C(1000000)

START_TEST(no_limit_makes_nobody_wait)
{
	struct limit limit = { .per_second = 0 };

	for (unsigned int i = 0; i < 1000; i++)
		limit_pay(&limit, UINT64_C(1) << 31, 5);
	ck_assert_uint_eq(limit_wait_ns(&limit, 5), 0);
}
END_TEST

START_TEST(a_burst_is_a_tenth_of_a_second_and_the_rest_waits)
{
	struct limit limit = { .per_second = 100 };
	uint64_t now = 7000 * MS;
	unsigned int begun = 0;

	for (; limit_wait_ns(&limit, now) == 0; begun++)
		limit_pay(&limit, 1, now);
	ck_assert_uint_eq(begun, 11);
	ck_assert_uint_eq(limit_wait_ns(&limit, now), 10 * MS);
	ck_assert_uint_eq(limit_wait_ns(&limit, now + 9 * MS), MS);
	ck_assert_uint_eq(limit_wait_ns(&limit, now + 10 * MS), 0);
}
END_TEST

/* However they come, in ten seconds there are as many as in ten seconds there may be. */
START_TEST(over_time_it_is_the_rate)
{
	struct limit limit = { .per_second = 250 };
	unsigned int begun = 0;

	for (uint64_t now = 0; now < 10000 * MS; now += 3 * MS)
		while (limit_wait_ns(&limit, now) == 0) {
			limit_pay(&limit, 1, now);
			begun++;
		}
	ck_assert_uint_ge(begun, 2500);
	ck_assert_uint_le(begun, 2500 + 26);
}
END_TEST

START_TEST(what_was_not_used_is_not_saved_up)
{
	struct limit limit = { .per_second = 10 };
	unsigned int begun = 0;

	limit_pay(&limit, 1, 0);
	for (; limit_wait_ns(&limit, 3600000 * MS) == 0; begun++)
		limit_pay(&limit, 1, 3600000 * MS);
	ck_assert_uint_eq(begun, 2);
}
END_TEST

START_TEST(one_that_is_large_is_begun_and_paid_for_afterwards)
{
	struct limit limit = { .per_second = 65536 };

	ck_assert_uint_eq(limit_wait_ns(&limit, 0), 0);
	limit_pay(&limit, UINT64_C(1) << 20, 0);
	ck_assert_uint_eq(limit_wait_ns(&limit, 0), 15900 * MS);
	ck_assert_uint_eq(limit_wait_ns(&limit, 15900 * MS), 0);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("limit");
	TCase *tcase = tcase_create("limit");

	tcase_add_test(tcase, no_limit_makes_nobody_wait);
	tcase_add_test(tcase, a_burst_is_a_tenth_of_a_second_and_the_rest_waits);
	tcase_add_test(tcase, over_time_it_is_the_rate);
	tcase_add_test(tcase, what_was_not_used_is_not_saved_up);
	tcase_add_test(tcase, one_that_is_large_is_begun_and_paid_for_afterwards);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
