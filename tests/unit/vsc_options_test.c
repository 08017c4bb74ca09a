/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Command-line words of our own guests. */
#include "vsc/lib/options.h"

#include "tests/unit/unit.h"

static const char line[] = "tests=cpuid,msr vps=2  hv=0x1000-20ff00 empty= vps=9 last=x";

START_TEST(a_value_is_found_by_its_name)
{
	char value[32];

	ck_assert(option_value(line, "tests", value, sizeof(value)));
	ck_assert_str_eq(value, "cpuid,msr");
	ck_assert(option_value(line, "last", value, sizeof(value)));
	ck_assert_str_eq(value, "x");
}
END_TEST

START_TEST(the_first_of_two_values_counts)
{
	char value[32];

	ck_assert(option_value(line, "vps", value, sizeof(value)));
	ck_assert_str_eq(value, "2");
}
END_TEST

START_TEST(an_empty_value_is_a_value)
{
	char value[32] = "?";

	ck_assert(option_value(line, "empty", value, sizeof(value)));
	ck_assert_str_eq(value, "");
}
END_TEST

START_TEST(part_of_a_name_is_not_the_name)
{
	char value[32];

	ck_assert(!option_value(line, "test", value, sizeof(value)));
	ck_assert(!option_value(line, "ests", value, sizeof(value)));
	ck_assert(!option_value("", "tests", value, sizeof(value)));
	ck_assert(!option_value("tests", "tests", value, sizeof(value)));
}
END_TEST

START_TEST(a_value_that_does_not_fit_is_refused_not_cut)
{
	char value[9];

	ck_assert(!option_value(line, "tests", value, sizeof(value)));
}
END_TEST

START_TEST(numbers_are_decimal_or_hexadecimal)
{
	uint64_t number;

	ck_assert(option_number("42", &number));
	ck_assert_uint_eq(number, 42);
	ck_assert(option_number("0xfEe00000", &number));
	ck_assert_uint_eq(number, 0xfee00000);
	ck_assert(option_number("0xffffffffffffffff", &number));
	ck_assert_uint_eq(number, UINT64_MAX);
}
END_TEST

START_TEST(what_is_no_number_is_refused)
{
	static const char *const bad[] = { "",
		                           "x",
		                           "0x",
		                           "12a",
		                           "-1",
		                           "0x1g",
		                           "18446744073709551616",
		                           "0x10000000000000000" };
	uint64_t number;

	ck_assert(!option_number(bad[_i], &number));
}
END_TEST

START_TEST(a_range_has_a_start_below_its_end)
{
	uint64_t start, end;

	ck_assert(option_range("0x1000-20ff00", &start, &end));
	ck_assert_uint_eq(start, 0x1000);
	ck_assert_uint_eq(end, 0x20ff00);
	ck_assert(!option_range("2000-1000", &start, &end));
	ck_assert(!option_range("1000", &start, &end));
	ck_assert(!option_range("-1000", &start, &end));
	ck_assert(!option_range("1000-", &start, &end));
}
END_TEST

START_TEST(an_element_of_a_list_is_a_whole_one)
{
	ck_assert(option_list_has("cpuid,msr", "cpuid"));
	ck_assert(option_list_has("cpuid,msr", "msr"));
	ck_assert(!option_list_has("cpuid,msr", "ms"));
	ck_assert(!option_list_has("cpuid,msr", "uid"));
	ck_assert(!option_list_has("", "msr"));
}
END_TEST

static Suite *options_suite(void)
{
	Suite *suite = suite_create("vsc options");
	TCase *tcase = tcase_create("options");

	tcase_add_test(tcase, a_value_is_found_by_its_name);
	tcase_add_test(tcase, the_first_of_two_values_counts);
	tcase_add_test(tcase, an_empty_value_is_a_value);
	tcase_add_test(tcase, part_of_a_name_is_not_the_name);
	tcase_add_test(tcase, a_value_that_does_not_fit_is_refused_not_cut);
	tcase_add_test(tcase, numbers_are_decimal_or_hexadecimal);
	tcase_add_loop_test(tcase, what_is_no_number_is_refused, 0, 8);
	tcase_add_test(tcase, a_range_has_a_start_below_its_end);
	tcase_add_test(tcase, an_element_of_a_list_is_a_whole_one);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(options_suite)
