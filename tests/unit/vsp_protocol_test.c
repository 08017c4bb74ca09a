/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The provider protocol's checks, and the map of a child's RAM. */
#include "unit.h"

#include <stdbool.h>
#include <string.h>
#include <viridis/base/bits.h>

#include "vsp/lib/core/memory_map.h"
#include "vsp/lib/core/protocol.h"

#define GIB (UINT64_C(1) << 30)

static _Alignas(8) uint8_t datagram[256];
static size_t datagram_bytes;

static void build(const struct vsp_message *message)
{
	struct vsp_wire wire = vsp_message_header(message);

	ck_assert_uint_le(wire.bytes, sizeof(datagram));
	memcpy(datagram, &wire, sizeof(wire));
	if (message->count)
		memcpy(datagram + sizeof(wire), message->tail, wire.bytes - sizeof(wire));
	datagram_bytes = wire.bytes;
}

static bool decode(enum vsp_side sender, unsigned int descriptors)
{
	struct vsp_message message;

	return vsp_message_decode(datagram, datagram_bytes, descriptors, sender,
	                          &message);
}

static const uint64_t pages[4] = { 1, 2, 3, 4 };
static const struct vsp_message open_message = {
	.type = VSP_OPEN,
	.channel = 7,
	.offset = 2,
	.count = 4,
	.tail = pages,
};

START_TEST(a_message_comes_out_as_it_went_in)
{
	struct vsp_message out;

	build(&open_message);
	ck_assert(vsp_message_decode(datagram, datagram_bytes, 2, VSP_WORKER, &out));
	ck_assert_int_eq(out.type, VSP_OPEN);
	ck_assert_uint_eq(out.channel, 7);
	ck_assert_uint_eq(out.offset, 2);
	ck_assert_uint_eq(out.count, 4);
	ck_assert_mem_eq(out.tail, pages, sizeof(pages));
}
END_TEST

START_TEST(a_truncated_datagram_is_refused_at_every_length)
{
	struct vsp_message out;

	build(&open_message);
	for (size_t n = 0; n < datagram_bytes; n++)
		ck_assert(!vsp_message_decode(datagram, n, 2, VSP_WORKER, &out));
}
END_TEST

START_TEST(the_wrong_side_or_descriptor_count_is_refused)
{
	build(&open_message);
	ck_assert(!decode(VSP_PROVIDER, 2));
	ck_assert(!decode(VSP_WORKER, 1));
	ck_assert(!decode(VSP_WORKER, 0));
	ck_assert(decode(VSP_WORKER, 2));
}
END_TEST

START_TEST(a_field_the_message_does_not_use_must_be_zero)
{
	build(&open_message);
	datagram[offsetof(struct vsp_wire, number)] = 1;
	ck_assert(!decode(VSP_WORKER, 2));
}
END_TEST

START_TEST(an_open_whose_rings_have_no_data_page_is_refused)
{
	static const uint32_t bad_offsets[] = { 0, 1, 3, 4, 0xffffffff };
	struct vsp_message message = open_message;

	message.offset = bad_offsets[_i];
	build(&message);
	ck_assert(!decode(VSP_WORKER, 2));
}
END_TEST

START_TEST(an_unknown_type_is_refused)
{
	static const uint32_t types[] = { 0, VSP_MESSAGE_TYPES, 0x80000001 };

	build(&open_message);
	memcpy(datagram, &types[_i], 4);
	ck_assert(!decode(VSP_WORKER, 2));
}
END_TEST

START_TEST(text_with_a_nul_inside_is_refused)
{
	struct vsp_message message = { .type = VSP_LOG, .count = 3, .tail = "a\0b" };

	build(&message);
	ck_assert(!decode(VSP_PROVIDER, 0));
	message.tail = "abc";
	build(&message);
	ck_assert(decode(VSP_PROVIDER, 0));
}
END_TEST

START_TEST(memory_is_lent_by_its_name_and_perhaps_not_at_all)
{
	uint64_t pfns[] = { 1, 2, 3 };
	struct vsp_message lend = { .type = VSP_LEND,
		                    .channel = 5,
		                    .number = 0xe1e11,
		                    .count = 3,
		                    .tail = pfns };
	struct vsp_message borrow = { .type = VSP_BORROW,
		                      .channel = 5,
		                      .number = 0xe1e11 };

	build(&lend);
	ck_assert(decode(VSP_WORKER, 0));
	ck_assert(!decode(VSP_PROVIDER, 0));
	lend.count = 0; /* there is no such memory */
	build(&lend);
	ck_assert(decode(VSP_WORKER, 0));
	build(&borrow);
	ck_assert(decode(VSP_PROVIDER, 0));
	ck_assert(!decode(VSP_WORKER, 0));
	borrow.type = VSP_RETURNED;
	build(&borrow);
	ck_assert(decode(VSP_PROVIDER, 0));
	borrow.type = VSP_RECLAIM;
	build(&borrow);
	ck_assert(decode(VSP_WORKER, 0));
	ck_assert(!decode(VSP_WORKER, 1));
}
END_TEST

START_TEST(a_log_line_of_unknown_level_is_refused)
{
	build(&(struct vsp_message){ .type = VSP_LOG,
	                             .number = VSP_LOG_LEVELS,
	                             .count = 1,
	                             .tail = "x" });
	ck_assert(!decode(VSP_PROVIDER, 0));
}
END_TEST

START_TEST(ram_above_three_gib_starts_again_at_four)
{
	struct vsp_map map;
	uint64_t offset;

	vsp_map_for_ram(&map, 5 * GIB);
	ck_assert(vsp_map_valid(&map, 5 * GIB));
	ck_assert(vsp_map_find(&map, 4 * GIB, PAGE_4K, &offset));
	ck_assert_uint_eq(offset, 3 * GIB);
	ck_assert(!vsp_map_find(&map, 3 * GIB, 1, &offset));
	ck_assert(vsp_map_find(&map, 6 * GIB - 1, 1, &offset));
	ck_assert(!vsp_map_find(&map, 6 * GIB, 1, &offset));
}
END_TEST

START_TEST(a_lookup_that_leaves_its_range_finds_nothing)
{
	struct vsp_map map;
	uint64_t offset;

	vsp_map_for_ram(&map, 4 * GIB);
	ck_assert(!vsp_map_find(&map, 3 * GIB - 8, 16, &offset));
	ck_assert(!vsp_map_find(&map, 0, UINT64_MAX, &offset));
	ck_assert(vsp_map_find(&map, 3 * GIB - 8, 8, &offset));
}
END_TEST

START_TEST(page_numbers_beyond_the_address_space_are_not_ram)
{
	static const uint64_t evil[] = { UINT64_MAX, UINT64_C(1) << 52, 0x100000 };
	struct vsp_map map;

	vsp_map_for_ram(&map, GIB);
	ck_assert(!vsp_map_pages_valid(&map, &evil[_i], 1));
}
END_TEST

START_TEST(a_map_that_breaks_its_invariants_is_refused)
{
	static const struct vsp_map bad[] = {
		{ .count = 0 },
		{ .count = VSP_MAP_RANGES_MAX + 1 },
		{ .count = 1, .range = { { 0, 0, 0 } } },
		{ .count = 1, .range = { { 1, 4096, 0 } } },
		{ .count = 1, .range = { { 0, 8192, 0 } } },
		{ .count = 1, .range = { { 0, 4096, 4096 } } },
		{ .count = 1, .range = { { UINT64_MAX - 4095, 4096, 0 } } },
		{ .count = 2, .range = { { 4096, 4096, 0 }, { 0, 4096, 0 } } },
		{ .count = 2, .range = { { 0, 4096, 0 }, { 0, 4096, 0 } } },
	};

	ck_assert(!vsp_map_valid(&bad[_i], 4096));
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("vsp_protocol");
	TCase *tcase = tcase_create("core");

	tcase_add_test(tcase, a_message_comes_out_as_it_went_in);
	tcase_add_test(tcase, a_truncated_datagram_is_refused_at_every_length);
	tcase_add_test(tcase, the_wrong_side_or_descriptor_count_is_refused);
	tcase_add_test(tcase, a_field_the_message_does_not_use_must_be_zero);
	tcase_add_loop_test(tcase, an_open_whose_rings_have_no_data_page_is_refused, 0,
	                    5);
	tcase_add_loop_test(tcase, an_unknown_type_is_refused, 0, 3);
	tcase_add_test(tcase, text_with_a_nul_inside_is_refused);
	tcase_add_test(tcase, memory_is_lent_by_its_name_and_perhaps_not_at_all);
	tcase_add_test(tcase, a_log_line_of_unknown_level_is_refused);
	tcase_add_test(tcase, ram_above_three_gib_starts_again_at_four);
	tcase_add_test(tcase, a_lookup_that_leaves_its_range_finds_nothing);
	tcase_add_loop_test(tcase, page_numbers_beyond_the_address_space_are_not_ram, 0,
	                    3);
	tcase_add_loop_test(tcase, a_map_that_breaks_its_invariants_is_refused, 0, 9);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
