/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is done against speculation, by what CPUID shows. */
#include "hypervisor/core/speculation.h"

#include <viridis/base/bits.h>
#include "tests/unit/unit.h"

/* As processors show them. APM3 E.4.8, E.4.17 */
#define IBPB           BIT32(12)
#define IBRS           BIT32(14)
#define AUTOMATIC_IBRS BIT32(8)

START_TEST(what_has_no_controls_is_left_alone)
{
	ck_assert_uint_eq(speculation_choose(~(IBPB | IBRS), ~AUTOMATIC_IBRS, false), 0);
}
END_TEST

START_TEST(the_boot_option_turns_everything_off)
{
	ck_assert_uint_eq(speculation_choose(UINT32_MAX, UINT32_MAX, true), 0);
}
END_TEST

START_TEST(a_processor_with_a_barrier_has_its_returns_stuffed)
{
	const unsigned int both = SPECULATION_BARRIER | SPECULATION_STUFF;

	ck_assert_uint_eq(speculation_choose(IBPB, 0, false), both);
	ck_assert_uint_eq(speculation_choose(IBPB | IBRS, 0, false), both);
	ck_assert_uint_eq(speculation_choose(IBRS, 0, false), SPECULATION_STUFF);
}
END_TEST

START_TEST(automatic_ibrs_stands_for_stuffing)
{
	ck_assert_uint_eq(speculation_choose(IBPB | IBRS, AUTOMATIC_IBRS, false),
	                  SPECULATION_BARRIER | SPECULATION_AUTOMATIC);
}
END_TEST

static Suite *speculation_suite(void)
{
	Suite *suite = suite_create("speculation");
	TCase *tcase = tcase_create("speculation");

	tcase_add_test(tcase, what_has_no_controls_is_left_alone);
	tcase_add_test(tcase, the_boot_option_turns_everything_off);
	tcase_add_test(tcase, a_processor_with_a_barrier_has_its_returns_stuffed);
	tcase_add_test(tcase, automatic_ibrs_stands_for_stuffing);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(speculation_suite)
