/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The page lists of GPA_DIRECT packets, honest and hostile. */
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "vmbus/core/gpa_direct.h"
#include "tests/unit/unit.h"

static struct gpa_range ranges[2];
static uint64_t pfns[8];
static struct gpa_list list;

static void setup(void)
{
	list = (struct gpa_list){
		.ranges = ranges,
		.range_capacity = ARRAY_COUNT(ranges),
		.pfns = pfns,
		.pfn_capacity = ARRAY_COUNT(pfns),
	};
}

START_TEST(a_range_comes_out_with_its_pages)
{
	static const uint64_t header[] = {
		UINT64_C(1) << 32,          /* one range */
		UINT64_C(100) << 32 | 8000, /* 8000 bytes at 100 */
		0x11,
		0x22,
	};

	ck_assert_int_eq(gpa_direct_parse(&list, header, sizeof(header)), GPA_DIRECT_OK);
	ck_assert_uint_eq(list.range_count, 1);
	ck_assert_uint_eq(list.bytes, 8000);
	ck_assert_uint_eq(ranges[0].offset, 100);
	ck_assert_uint_eq(ranges[0].page_count, 2);
	ck_assert_uint_eq(pfns[0], 0x11);
	ck_assert_uint_eq(pfns[1], 0x22);
}
END_TEST

START_TEST(several_ranges_share_the_page_array)
{
	static const uint64_t header[] = {
		UINT64_C(2) << 32, 4096, 0x11, UINT64_C(4095) << 32 | 2, 0x22, 0x33,
	};

	ck_assert_int_eq(gpa_direct_parse(&list, header, sizeof(header)), GPA_DIRECT_OK);
	ck_assert_uint_eq(list.range_count, 2);
	ck_assert_uint_eq(list.pfn_count, 3);
	ck_assert_uint_eq(list.bytes, 4098);
	ck_assert_uint_eq(ranges[1].first_pfn, 1);
	ck_assert_uint_eq(pfns[ranges[1].first_pfn + 1], 0x33);
}
END_TEST

START_TEST(a_descriptor_with_room_to_spare_is_fine)
{
	uint64_t header[34] = { UINT64_C(1) << 32, 512, 0x11 };

	ck_assert_int_eq(gpa_direct_parse(&list, header, sizeof(header)), GPA_DIRECT_OK);
	ck_assert_uint_eq(list.pfn_count, 1);
}
END_TEST

START_TEST(counts_beyond_the_header_are_malformed)
{
	static const uint64_t bad[][3] = {
		{ 0, 4096, 0x11 },                 /* no range */
		{ UINT64_C(2) << 32, 4096, 0x11 }, /* the second is missing */
		{ UINT64_C(1) << 32, 4097, 0x11 }, /* the second page is missing */
		{ UINT64_C(1) << 32, 0, 0x11 },    /* an empty range */
		{ UINT64_C(1) << 32, UINT64_C(4096) << 32 | 1, 0x11 }, /* offset */
		{ UINT64_C(1) << 32, 0xffffffff, 0x11 }, /* 4 GiB in one page */
		{ UINT64_C(1) << 32, UINT64_MAX, 0x11 }, /* all ones */
	};

	ck_assert_int_eq(gpa_direct_parse(&list, bad[_i], sizeof(bad[_i])),
	                 GPA_DIRECT_MALFORMED);
}
END_TEST

START_TEST(a_cut_header_is_malformed)
{
	static const uint64_t header[] = { UINT64_C(1) << 32, 4096, 0x11 };

	for (uint32_t bytes = 0; bytes < sizeof(header); bytes++)
		ck_assert_int_eq(gpa_direct_parse(&list, header, bytes),
		                 GPA_DIRECT_MALFORMED);
}
END_TEST

START_TEST(more_than_the_caller_takes_is_too_long)
{
	uint64_t header[12] = { UINT64_C(1) << 32, 9 * 4096 };

	ck_assert_int_eq(gpa_direct_parse(&list, header, sizeof(header)),
	                 GPA_DIRECT_TOO_LONG);
	header[0] = UINT64_C(3) << 32;
	ck_assert_int_eq(gpa_direct_parse(&list, header, sizeof(header)),
	                 GPA_DIRECT_TOO_LONG);
	header[0] = UINT64_MAX << 32;
	ck_assert_int_eq(gpa_direct_parse(&list, header, sizeof(header)),
	                 GPA_DIRECT_TOO_LONG);
}
END_TEST

static Suite *ring_gpa_direct_suite(void)
{
	Suite *suite = suite_create("ring_gpa_direct");
	TCase *tc = tcase_create("ring_gpa_direct");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, a_range_comes_out_with_its_pages);
	tcase_add_test(tc, several_ranges_share_the_page_array);
	tcase_add_test(tc, a_descriptor_with_room_to_spare_is_fine);
	tcase_add_loop_test(tc, counts_beyond_the_header_are_malformed, 0, 7);
	tcase_add_test(tc, a_cut_header_is_malformed);
	tcase_add_test(tc, more_than_the_caller_takes_is_too_long);
	suite_add_tcase(suite, tc);
	return suite;
}

UNIT_MAIN(ring_gpa_direct_suite)
