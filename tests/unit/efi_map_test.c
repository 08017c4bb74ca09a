/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The root loader's efi_map: what a kernel may take for its own, with what is not its to take cut out. */
#include "tests/unit/unit.h"

#include <stdint.h>
#include <string.h>
#include "root-partition/loader/core/efi_map.h"

#define STRIDE 48u
#define ROWS   16u

static uint8_t in[ROWS * STRIDE];
static unsigned int in_count;
static uint8_t out[3 * ROWS * STRIDE];
static unsigned int out_count;
static struct efi_map map;

static void add(uint32_t type, uint64_t start, uint64_t pages)
{
	uint8_t *to = in + in_count++ * STRIDE;

	memset(to, 0xab, STRIDE);
	memcpy(to, &type, 4);
	memcpy(to + 8, &start, 8);
	memcpy(to + 24, &pages, 8);
}

static void start(void)
{
	in_count = 0;
	memset(out, 0xee, sizeof(out));
}

static void cut(const struct efi_cut *cuts, unsigned int count)
{
	size_t bytes, room;

	map = (struct efi_map){ in, in_count * STRIDE, STRIDE };
	room = efi_map_room(&map, count);
	ck_assert_uint_eq(room, (in_count + 2 * count) * STRIDE);
	bytes = efi_map_cut(&map, cuts, count, out);
	ck_assert_uint_eq(bytes % STRIDE, 0);
	ck_assert_uint_le(bytes, room);
	ck_assert_uint_eq(out[bytes], 0xee);
	out_count = (unsigned int)(bytes / STRIDE);
}

static void check(unsigned int row, uint32_t type, uint64_t from, uint64_t pages)
{
	const uint8_t *at = out + row * STRIDE;
	uint32_t found_type;
	uint64_t found_start, found_pages;

	ck_assert_uint_lt(row, out_count);
	memcpy(&found_type, at, 4);
	memcpy(&found_start, at + 8, 8);
	memcpy(&found_pages, at + 24, 8);
	ck_assert_uint_eq(found_type, type);
	ck_assert_uint_eq(found_start, from);
	ck_assert_uint_eq(found_pages, pages);
	ck_assert_uint_eq(at[STRIDE - 1], 0xab); /* what we do not know is kept */
}

START_TEST(a_cut_within_free_memory_makes_three_of_one)
{
	const struct efi_cut cuts[] = { { 0x3000, 0x5000, EFI_RESERVED } };

	start();
	add(EFI_CONVENTIONAL, 0x1000, 8);
	cut(cuts, 1);
	ck_assert_uint_eq(out_count, 3);
	check(0, EFI_CONVENTIONAL, 0x1000, 2);
	check(1, EFI_RESERVED, 0x3000, 2);
	check(2, EFI_CONVENTIONAL, 0x5000, 4);
}
END_TEST

START_TEST(cuts_at_both_ends_leave_the_middle)
{
	const struct efi_cut cuts[] = { { 0, 0x2000, EFI_RESERVED },
		                        { 0x8000, 0x9000, EFI_LOADER_DATA } };

	start();
	add(EFI_CONVENTIONAL, 0x1000, 8);
	cut(cuts, 2);
	ck_assert_uint_eq(out_count, 3);
	check(0, EFI_RESERVED, 0x1000, 1);
	check(1, EFI_CONVENTIONAL, 0x2000, 6);
	check(2, EFI_LOADER_DATA, 0x8000, 1);
}
END_TEST

START_TEST(what_is_not_free_stays_as_it_is)
{
	const struct efi_cut cuts[] = { { 0x2000, 0x12000, EFI_RESERVED } };

	start();
	add(4, 0x1000, 8);
	add(EFI_CONVENTIONAL, 0x9000, 8);
	add(5, 0x11000, 8);
	add(EFI_CONVENTIONAL, 0x19000, 8);
	cut(cuts, 1);
	ck_assert_uint_eq(out_count, 4);
	check(0, 4, 0x1000, 8);
	check(1, EFI_RESERVED, 0x9000, 8);
	check(2, 5, 0x11000, 8);
	check(3, EFI_CONVENTIONAL, 0x19000, 8);
}
END_TEST

START_TEST(memory_past_the_end_of_addresses_is_nobodys)
{
	const struct efi_cut cuts[] = { { 0x2000, 0x3000, EFI_RESERVED } };

	start();
	add(EFI_CONVENTIONAL, 0x1000, UINT64_MAX >> 12);
	add(EFI_CONVENTIONAL, 0x1000, 0);
	add(EFI_CONVENTIONAL, 0x1000, 1);
	cut(cuts, 1);
	ck_assert_uint_eq(out_count, 1);
	check(0, EFI_CONVENTIONAL, 0x1000, 1);
}
END_TEST

/* Each is cut in three, for which there is no room: what is left out is nobody's. */
START_TEST(descriptors_that_meet_each_other_stay_in_the_room)
{
	const struct efi_cut cuts[] = { { 0x2000, 0x3000, EFI_RESERVED } };

	start();
	for (int i = 0; i < 8; i++)
		add(EFI_CONVENTIONAL, 0x1000, 8);
	cut(cuts, 1);
	ck_assert_uint_eq(out_count, 10);
}
END_TEST

START_TEST(descriptors_of_no_sensible_size_are_refused)
{
	static const uint32_t sizes[] = { 0, 39, 4097, UINT32_MAX };

	map = (struct efi_map){ in, sizeof(in), sizes[_i] };
	ck_assert_uint_eq(efi_map_room(&map, 1), 0);
	ck_assert_uint_eq(efi_map_cut(&map, NULL, 0, out), 0);
}
END_TEST

static Suite *efi_map_suite(void)
{
	Suite *suite = suite_create("efi_map");
	TCase *tests = tcase_create("efi_map");

	tcase_add_test(tests, a_cut_within_free_memory_makes_three_of_one);
	tcase_add_test(tests, cuts_at_both_ends_leave_the_middle);
	tcase_add_test(tests, what_is_not_free_stays_as_it_is);
	tcase_add_test(tests, memory_past_the_end_of_addresses_is_nobodys);
	tcase_add_test(tests, descriptors_that_meet_each_other_stay_in_the_room);
	tcase_add_loop_test(tests, descriptors_of_no_sensible_size_are_refused, 0, 4);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(efi_map_suite)
