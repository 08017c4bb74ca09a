/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/boot_info: what is RAM, and where there is room. */
#include "tests/unit/unit.h"

#include <viridis/base/bits.h>
#include "hypervisor/core/boot_info.h"

#define MIB UINT64_C(0x100000)
#define GIB UINT64_C(0x40000000)

/* A PC's map: low memory, a hole, RAM up to `top` with a reserved page at 64 MiB. */
static struct boot_info machine(uint64_t top)
{
	static const struct memory_range fixed[] = {
		{ 0, 0x9fc00, MEMORY_RAM },
		{ 0xf0000, MIB, MEMORY_RESERVED },
		{ 64 * MIB, 64 * MIB + 4096, MEMORY_RESERVED },
		{ 5, 5, MEMORY_RAM },
		{ MIB, 2 * MIB, MEMORY_TAKEN },
	};
	struct boot_info info = { .range_count = 0 };

	/* Behind the ranges there is no memory, whatever stands there. */
	for (unsigned int i = 0; i < BOOT_MAX_RANGES; i++)
		info.ranges[i] =
			(struct memory_range){ i % 2 ? 0 : 8 * GIB, UINT64_MAX,
			                       i % 2 ? MEMORY_TAKEN : MEMORY_RAM };
	ck_assert(boot_info_add(&info, MIB, top, MEMORY_RAM));
	for (unsigned int i = 0; i < ARRAY_COUNT(fixed); i++)
		ck_assert(boot_info_add(&info, fixed[i].start, fixed[i].end,
		                        fixed[i].type));
	return info;
}

/* RAM of `gibs` GiB as a PC has it: 3 GiB below 4 GiB, the rest above. */
static struct boot_info large_machine(uint64_t gibs)
{
	struct boot_info info = machine(3 * GIB);

	ck_assert(boot_info_add(&info, 4 * GIB, (gibs + 1) * GIB, MEMORY_RAM));
	return info;
}

START_TEST(ranges_are_kept_in_order_and_the_empty_one_is_dropped)
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

/* The pages of one range, less those of no range at all. */
static uint64_t pages_for(uint64_t start, uint64_t end, enum memory_type type)
{
	struct boot_info none = { .range_count = 0 }, one = none;

	ck_assert(boot_info_add(&one, start, end, type));
	return (boot_info_reserve_bytes(&one, 48, true) -
	        boot_info_reserve_bytes(&none, 48, true)) /
	       4096;
}

/* However it lies: for each 2 MiB and each GiB that it meets three pages, but for the rounding to 2 MiB. */
START_TEST(ram_has_three_pages_for_each_unit_that_it_meets)
{
	static const uint64_t starts[] = { 0, 4096, GIB - 4096, 5 * GIB + 3 * MIB };
	static const uint64_t sizes[] = { 4096, 2 * MIB, GIB - 4096, 100 * GIB + 5000 };
	uint64_t start = starts[_i / 4], end = start + sizes[_i % 4];
	uint64_t units = (end - 1) / (2 * MIB) - start / (2 * MIB) + 1;
	uint64_t gibs = (end - 1) / GIB - start / GIB + 1;

	ck_assert_uint_ge(pages_for(start, end, MEMORY_RAM) + 511, 3 * (units + gibs));
	ck_assert_uint_le(pages_for(start, end, MEMORY_RAM),
	                  3 * (units + gibs + 4) + 511);
	ck_assert_uint_eq(pages_for(start, end, MEMORY_RESERVED), 0);
}
END_TEST

START_TEST(ram_past_what_frames_are_numbered_does_not_count)
{
	ck_assert_uint_eq(pages_for(20000 * GIB, UINT64_MAX, MEMORY_RAM), 0);
	ck_assert_uint_eq(pages_for(16380 * GIB, UINT64_MAX, MEMORY_RAM),
	                  pages_for(16380 * GIB, 16384 * GIB, MEMORY_RAM));
}
END_TEST

/* Of each GiB 6 MiB and some pages; there is room for it above 4 GiB alone, below the 512 GiB that boot.S can map. */
START_TEST(four_tebibytes_have_room_for_their_reserve)
{
	struct boot_info info = large_machine(4096);
	uint64_t bytes = boot_info_reserve_bytes(&info, 48, true);
	uint64_t start = boot_info_find_free(&info, bytes, 2 * MIB, 8 * MIB, 512 * GIB);

	ck_assert_uint_ge(bytes, 4096 * 6 * MIB);
	ck_assert_uint_le(bytes, 4096 * 7 * MIB);
	ck_assert_uint_eq(start + bytes, 512 * GIB);
	ck_assert_uint_eq(boot_info_find_free(&info, bytes, 2 * MIB, 8 * MIB, 4 * GIB),
	                  0);
}
END_TEST

START_TEST(a_small_machine_gives_little)
{
	struct boot_info info = machine(GIB);

	ck_assert_uint_le(boot_info_reserve_bytes(&info, 40, true), 20 * MIB);
	ck_assert_uint_eq(boot_info_reserve_bytes(&info, 40, true) % (2 * MIB), 0);
	ck_assert_uint_ge(boot_info_reserve_bytes(&info, 40, false) -
	                          boot_info_reserve_bytes(&info, 40, true),
	                  1020 * 4096);
}
END_TEST

/* An EPYC's leaf: the C-bit is 47, 5 bits fewer of address. */
START_TEST(encrypted_memory_has_fewer_bits_of_address)
{
	ck_assert_uint_eq(boot_info_address_bits(0x3030, 1, 0x16f, true), 43);
	ck_assert_uint_eq(boot_info_address_bits(0x3030, 1, 0x16f, false), 48);
	ck_assert_uint_eq(boot_info_address_bits(0x3030, 0, 0x16f, true), 48);
	ck_assert_uint_eq(boot_info_address_bits(0x3028, 0, 0, false), 40);
}
END_TEST

static Suite *boot_info_suite(void)
{
	Suite *suite = suite_create("boot_info");
	TCase *tests = tcase_create("boot_info");

	tcase_add_test(tests, ranges_are_kept_in_order_and_the_empty_one_is_dropped);
	tcase_add_test(tests, the_highest_room_below_the_limit_is_found);
	tcase_add_test(tests, what_is_taken_is_never_handed_out);
	tcase_add_test(tests, no_size_and_no_limit_make_the_search_overflow);
	tcase_add_loop_test(tests, ram_has_three_pages_for_each_unit_that_it_meets, 0,
	                    16);
	tcase_add_test(tests, ram_past_what_frames_are_numbered_does_not_count);
	tcase_add_test(tests, four_tebibytes_have_room_for_their_reserve);
	tcase_add_test(tests, a_small_machine_gives_little);
	tcase_add_test(tests, encrypted_memory_has_fewer_bits_of_address);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(boot_info_suite)
