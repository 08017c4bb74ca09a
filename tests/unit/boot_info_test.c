/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/boot_info: what is RAM, and where there is room. */
#include "tests/unit/unit.h"

#include "hypervisor/core/boot_info.h"
#include "root-partition/loader/core/memory_map.h"

#define MIB UINT64_C(0x100000)
#define GIB UINT64_C(0x40000000)

/* A PC's map: low memory, a hole, RAM up to `top` with a reserved page at 64 MiB. */
static struct boot_info machine(uint64_t top)
{
	struct boot_info info = {
		.ranges = {
			{ MIB, top, MEMORY_RAM },
			{ 0, 0x9fc00, MEMORY_RAM },
			{ 0xf0000, MIB, MEMORY_RESERVED },
			{ 64 * MIB, 64 * MIB + 4096, MEMORY_RESERVED },
			{ 5, 5, MEMORY_RAM },
			{ MIB, 2 * MIB, MEMORY_TAKEN },
		},
		.range_count = 6,
	};

	memory_map_sort(&info);
	return info;
}

START_TEST(sorting_orders_the_ranges_and_drops_the_empty_one)
{
	struct boot_info info = machine(GIB);

	ck_assert_uint_eq(info.range_count, 5);
	for (unsigned int i = 1; i < info.range_count; i++)
		ck_assert_uint_le(info.ranges[i - 1].start, info.ranges[i].start);
}
END_TEST

START_TEST(the_highest_room_below_the_limit_is_found)
{
	struct boot_info info = machine(GIB);

	ck_assert_uint_eq(boot_info_find_free(&info, 2 * MIB, 2 * MIB, 0, 4 * GIB),
	                  GIB - 2 * MIB);
	ck_assert_uint_eq(boot_info_find_free(&info, 2 * MIB, 2 * MIB, 0, 65 * MIB),
	                  62 * MIB);
	ck_assert_uint_eq(boot_info_find_free(&info, 4096, 4096, 4096, 0xa0000), 0x9e000);
}
END_TEST

START_TEST(what_is_taken_is_never_handed_out)
{
	struct boot_info info = machine(10 * MIB);

	ck_assert(boot_info_add(&info, 7 * MIB, 10 * MIB, MEMORY_TAKEN));
	ck_assert(boot_info_add(&info, 4 * MIB, 6 * MIB, MEMORY_TAKEN));
	ck_assert_uint_eq(boot_info_find_free(&info, MIB, MIB, MIB, GIB), 6 * MIB);
	ck_assert_uint_eq(boot_info_find_free(&info, 2 * MIB, MIB, MIB, GIB), 2 * MIB);
	ck_assert_uint_eq(boot_info_find_free(&info, 3 * MIB, MIB, MIB, GIB), 0);
}
END_TEST

START_TEST(no_size_and_no_limit_make_the_search_overflow)
{
	struct boot_info info = machine(UINT64_MAX);

	ck_assert_uint_eq(boot_info_find_free(&info, UINT64_MAX, 4096, 0, UINT64_MAX), 0);
	ck_assert_uint_eq(boot_info_find_free(&info, 0, 4096, 0, UINT64_MAX), 0);
	ck_assert_uint_ne(boot_info_find_free(&info, 4096, 4096, 0, UINT64_MAX), 0);
}
END_TEST

START_TEST(gigabytes_with_ram_are_counted_once_each)
{
	struct boot_info info = machine(GIB + 1);

	ck_assert_uint_eq(boot_info_ram_gibs(&info), 2);
	info.ranges[info.range_count++] =
		(struct memory_range){ 4 * GIB, 5 * GIB, MEMORY_RAM };
	ck_assert_uint_eq(boot_info_ram_gibs(&info), 3);
}
END_TEST

static Suite *boot_info_suite(void)
{
	Suite *suite = suite_create("boot_info");
	TCase *tests = tcase_create("boot_info");

	tcase_add_test(tests, sorting_orders_the_ranges_and_drops_the_empty_one);
	tcase_add_test(tests, the_highest_room_below_the_limit_is_found);
	tcase_add_test(tests, what_is_taken_is_never_handed_out);
	tcase_add_test(tests, no_size_and_no_limit_make_the_search_overflow);
	tcase_add_test(tests, gigabytes_with_ram_are_counted_once_each);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(boot_info_suite)
