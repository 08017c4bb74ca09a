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
	SAME_AS_LIBC("%d %u %x", 0, 0u, 0u);
}
END_TEST

START_TEST(widths_and_zeros_pad_as_in_libc)
{
	SAME_AS_LIBC("[%5d][%05d][%05u]", 42, 42, 42u);
	SAME_AS_LIBC("[%016lx][%#x][%#lx]", 0x1234ul, 0xffu, UINT64_MAX);
	SAME_AS_LIBC("[%5lu.%06lu][%031lu]", 12ul, 345ul, 6ul);
	SAME_AS_LIBC("[%3d][%8s][%2s]", 123456, "abc", "abc");
}
END_TEST

START_TEST(text_too_long_is_cut_and_ended)
{
	char text[8];

	memset(text, 'z', sizeof(text));
	ck_assert_uint_eq(format_text(text, 5, "%s", "abcdefgh"), 4);
	ck_assert_str_eq(text, "abcd");
	ck_assert_int_eq(text[5], 'z');
	ck_assert_uint_eq(format_text(text, 5, "%1000u", 1), 4);
	ck_assert_str_eq(text, "    ");
	ck_assert_uint_eq(format_text(text, 1, "%d", 1), 0);
	ck_assert_str_eq(text, "");
}
END_TEST

static Suite *format_suite(void)
{
	Suite *suite = suite_create("format");
	TCase *tests = tcase_create("format");

	tcase_add_test(tests, integers_of_every_length_read_as_libc_prints_them);
	tcase_add_test(tests, widths_and_zeros_pad_as_in_libc);
	tcase_add_test(tests, text_too_long_is_cut_and_ended);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(format_suite)
