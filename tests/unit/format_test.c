/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/format: every conversion against libc's own, and what text too long comes to. */
#include "tests/unit/unit.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include "hypervisor/core/format.h"

#define SAME_AS_LIBC(...)                                                     \
	do {                                                                  \
		char ours[128], theirs[128];                                  \
		size_t length = format_text(ours, sizeof(ours), __VA_ARGS__); \
		int expected = snprintf(theirs, sizeof(theirs), __VA_ARGS__); \
		ck_assert_str_eq(ours, theirs);                               \
		ck_assert_int_eq((int)length, expected);                      \
	} while (0)

START_TEST(integers_of_every_length_read_as_libc_prints_them)
{
	SAME_AS_LIBC("%d %d %u", -1, INT32_MIN, UINT32_MAX);
	SAME_AS_LIBC("%ld %lu %lx", INT64_MIN, UINT64_MAX, UINT64_MAX);
	SAME_AS_LIBC("%lld %llu %llx", -5ll, 5ull, 0xABCDEFull);
	SAME_AS_LIBC("%zu %zx", (size_t)7, SIZE_MAX);
	SAME_AS_LIBC("%d %u %x", 0, 0u, 0u);
}
END_TEST

START_TEST(widths_and_zeros_pad_as_in_libc)
{
	SAME_AS_LIBC("[%5d][%05d][%05d]", 42, 42, -42);
	SAME_AS_LIBC("[%016lx][%#x][%#010x]", 0x1234ul, 0xffu, 0xffu);
	SAME_AS_LIBC("[%3d][%8s][%2s]", 123456, "abc", "abc");
}
END_TEST

START_TEST(a_null_string_is_named)
{
	char text[64];
	const char *volatile nothing = NULL;

	format_text(text, sizeof(text), "%u %s", 1u, nothing);
	ck_assert_str_eq(text, "1 (null)");
}
END_TEST

START_TEST(text_too_long_is_cut_and_ended)
{
	char text[8];

	memset(text, 'z', sizeof(text));
	ck_assert_uint_eq(format_text(text, 5, "%s", "abcdefgh"), 4);
	ck_assert_str_eq(text, "abcd");
	ck_assert_int_eq(text[5], 'z');
	ck_assert_uint_eq(format_text(text, 5, "%1000000d", 1), 4);
	ck_assert_str_eq(text, "    ");
	ck_assert_uint_eq(format_text(text, 1, "%d", 1), 0);
	ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(no_room_at_all_means_no_byte_is_written)
{
	char text = 'z';

	ck_assert_uint_eq(format_text(&text, 0, "%d", 5), 0);
	ck_assert_int_eq(text, 'z');
}
END_TEST

START_TEST(an_unknown_conversion_is_copied_as_it_stands)
{
	char text[64];
	const char *format = "a%qb %5y %"; /* not a literal: the compiler would object */

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
	format_text(text, sizeof(text), format);
#pragma GCC diagnostic pop
	ck_assert_str_eq(text, "a%qb %5y %");
}
END_TEST

static Suite *format_suite(void)
{
	Suite *suite = suite_create("format");
	TCase *tests = tcase_create("format");

	tcase_add_test(tests, integers_of_every_length_read_as_libc_prints_them);
	tcase_add_test(tests, widths_and_zeros_pad_as_in_libc);
	tcase_add_test(tests, a_null_string_is_named);
	tcase_add_test(tests, text_too_long_is_cut_and_ended);
	tcase_add_test(tests, no_room_at_all_means_no_byte_is_written);
	tcase_add_test(tests, an_unknown_conversion_is_copied_as_it_stands);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(format_suite)
