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

START_TEST(an_open_has_a_number_that_a_channel_can_have)
{
	build(&open_message);
	datagram[offsetof(struct vsp_wire, number)] = VSP_CHANNELS_MAX - 1;
	ck_assert(decode(VSP_WORKER, 2));
	datagram[offsetof(struct vsp_wire, number)] = VSP_CHANNELS_MAX;
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

enum { CHANNEL = 1, NUMBER = 2, OFFSET = 4 };

/* The table of protocol.h: who sends it, what it uses, and its tail. */
static const struct row {
	const char *name;
	enum vsp_side sender;
	unsigned int fields, descriptors;
	uint32_t unit, count_min, count_max;
	uint32_t offset, number; /* good values of those */
} rows[VSP_MESSAGE_TYPES] = {
	[VSP_HELLO] = { "HELLO", VSP_WORKER, NUMBER | OFFSET, 3, 24, 1, 8, VSP_USER_FIRST,
	                9 },
	[VSP_CONFIG] = { "CONFIG", VSP_WORKER, 0, 0, 1, 0, 65536, 0, 0 },
	[VSP_OPEN] = { "OPEN", VSP_WORKER, CHANNEL | NUMBER | OFFSET, 2, 8, 4, 8192, 2,
	               0 },
	[VSP_RESUME] = { "RESUME", VSP_WORKER, CHANNEL | NUMBER | OFFSET, 2, 8, 4, 8192,
	                 2, 0 },
	[VSP_START] = { "START", VSP_WORKER, CHANNEL, 0, 0, 0, 0, 0, 0 },
	[VSP_CLOSE] = { "CLOSE", VSP_WORKER, CHANNEL, 0, 0, 0, 0, 0, 0 },
	[VSP_COMMAND] = { "COMMAND", VSP_WORKER, NUMBER, 0, 1, 0, 65536, 0, 9 },
	[VSP_LEND] = { "LEND", VSP_WORKER, CHANNEL | NUMBER, 0, 8, 0, 8192, 0, 9 },
	[VSP_RECLAIM] = { "RECLAIM", VSP_WORKER, CHANNEL | NUMBER, 0, 0, 0, 0, 0, 9 },
	[VSP_OFFERED] = { "OFFERED", VSP_WORKER, CHANNEL | NUMBER, 0, 0, 0, 0, 0, 9 },
	[VSP_READY] = { "READY", VSP_PROVIDER, NUMBER, 0, 1, 0, 65536, 0, 9 },
	[VSP_OPENED] = { "OPENED", VSP_PROVIDER, CHANNEL | NUMBER, 0, 0, 0, 0, 0, 9 },
	[VSP_CLOSED] = { "CLOSED", VSP_PROVIDER, CHANNEL, 0, 0, 0, 0, 0, 0 },
	[VSP_EVENT] = { "EVENT", VSP_PROVIDER, NUMBER, 0, 1, 0, 65536, 0, 9 },
	[VSP_BORROW] = { "BORROW", VSP_PROVIDER, CHANNEL | NUMBER, 0, 0, 0, 0, 0, 9 },
	[VSP_RETURNED] = { "RETURNED", VSP_PROVIDER, CHANNEL | NUMBER, 0, 0, 0, 0, 0, 9 },
	[VSP_OFFER] = { "OFFER", VSP_PROVIDER, CHANNEL | NUMBER, 0, 0, 0, 0, 0, 9 },
	[VSP_LOG] = { "LOG", VSP_PROVIDER, NUMBER, 0, 1, 0, 65536, 0, 2 },
};

static _Alignas(8) uint8_t large[VSP_DATAGRAM_BYTES_MAX + 8];

/* A good message of this type with a tail of x, which is text and pages and ranges alike. */
static struct vsp_wire good(enum vsp_message_type type, uint32_t count)
{
	const struct row *row = &rows[type];

	memset(large, 'x', sizeof(large));
	return (struct vsp_wire){
		.type = type,
		.bytes = (uint32_t)sizeof(struct vsp_wire) + count * row->unit,
		.channel = row->fields & CHANNEL ? 7 : 0,
		.number = row->number,
		.offset = row->offset,
		.count = count,
	};
}

static bool taken(const struct vsp_wire *wire, size_t bytes, unsigned int descriptors,
                  enum vsp_side sender)
{
	struct vsp_message out;

	memcpy(large, wire, sizeof(*wire));
	return vsp_message_decode(large, bytes, descriptors, sender, &out);
}

START_TEST(every_message_has_the_shape_of_its_row)
{
	const enum vsp_message_type type = (enum vsp_message_type)_i;
	const struct row *row = &rows[type];
	const uint32_t counts[] = { row->count_min, row->count_max };
	const enum vsp_side other = row->sender == VSP_WORKER ? VSP_PROVIDER : VSP_WORKER;
	struct vsp_wire wire;

	for (unsigned int i = 0; i < 2; i++) {
		wire = good(type, counts[i]);
		ck_assert(taken(&wire, wire.bytes, row->descriptors, row->sender));
		ck_assert(!taken(&wire, wire.bytes, row->descriptors, other));
		ck_assert(!taken(&wire, wire.bytes, row->descriptors + 1, row->sender));
		ck_assert(!taken(&wire, wire.bytes, row->descriptors - 1, row->sender));
		ck_assert(!taken(&wire, wire.bytes + 1, row->descriptors, row->sender));
		wire.bytes++;
		ck_assert(!taken(&wire, wire.bytes, row->descriptors, row->sender));
	}
	wire = good(type, row->count_max + 1);
	ck_assert(!taken(&wire, wire.bytes, row->descriptors, row->sender));
	if (row->count_min > 0) {
		wire = good(type, row->count_min - 1);
		ck_assert(!taken(&wire, wire.bytes, row->descriptors, row->sender));
	}
	wire = good(type, row->count_min);
	wire.channel ^= 1;
	ck_assert_int_eq(taken(&wire, wire.bytes, row->descriptors, row->sender),
	                 (row->fields & CHANNEL) != 0);
	wire = good(type, row->count_min);
	wire.number ^= 1;
	ck_assert_int_eq(taken(&wire, wire.bytes, row->descriptors, row->sender),
	                 (row->fields & NUMBER) != 0 && type != VSP_LOG);
	wire = good(type, row->count_min);
	wire.offset ^= 1;
	ck_assert_int_eq(taken(&wire, wire.bytes, row->descriptors, row->sender),
	                 type == VSP_HELLO);
}
END_TEST

START_TEST(a_header_says_what_the_message_says)
{
	const struct row *row = &rows[_i];
	const struct vsp_message message = { (enum vsp_message_type)_i, 1, 2, 3, 4, NULL };
	const struct vsp_wire wire = vsp_message_header(&message);

	ck_assert_uint_eq(wire.type, (uint32_t)_i);
	ck_assert_uint_eq(wire.bytes, 24 + 4 * row->unit);
	ck_assert_uint_eq(wire.channel, 1);
	ck_assert_uint_eq(wire.number, 2);
	ck_assert_uint_eq(wire.offset, 3);
	ck_assert_uint_eq(wire.count, 4);
	ck_assert_str_eq(vsp_message_name((enum vsp_message_type)_i), row->name);
}
END_TEST

START_TEST(types_that_there_are_not_have_no_name)
{
	ck_assert_str_eq(vsp_message_name((enum vsp_message_type)0), "unknown");
	ck_assert_str_eq(vsp_message_name(VSP_MESSAGE_TYPES), "unknown");
}
END_TEST

START_TEST(values_are_taken_up_to_their_limits)
{
	static const struct {
		enum vsp_message_type type;
		uint32_t count, offset, number;
		bool good;
	} cases[] = {
		{ VSP_HELLO, 1, 0x70000000, 2, true },
		{ VSP_HELLO, 1, 0x6fffffff, 2, false },
		{ VSP_HELLO, 1, 0x7000ffff, 2, true },
		{ VSP_HELLO, 1, 0x70010000, 2, false },
		{ VSP_OPEN, 4, 2, 0, true },
		{ VSP_OPEN, 4, 1, 0, false },
		{ VSP_OPEN, 4, 3, 0, false },
		{ VSP_OPEN, 3, 2, 0, false },
		{ VSP_OPEN, 3, 1, 0, false },
		{ VSP_OPEN, 9, 7, 0, true },
		{ VSP_OPEN, 9, 8, 0, false },
		{ VSP_RESUME, 4, 2, 0, true },
		{ VSP_RESUME, 4, 1, 0, false },
		{ VSP_RESUME, 4, 3, 0, false },
		{ VSP_LOG, 1, 0, 2, true },
		{ VSP_LOG, 1, 0, 3, false },
	};
	struct vsp_wire wire = good(cases[_i].type, cases[_i].count);
	const struct row *row = &rows[cases[_i].type];

	wire.offset = cases[_i].offset;
	wire.number = cases[_i].number;
	ck_assert_int_eq(taken(&wire, wire.bytes, row->descriptors, row->sender),
	                 cases[_i].good);
}
END_TEST

START_TEST(a_nul_anywhere_in_a_text_is_refused)
{
	static const size_t places[] = { 0, 1, 49, 99 };
	struct vsp_wire wire = good(VSP_CONFIG, 100);

	ck_assert(taken(&wire, wire.bytes, 0, VSP_WORKER));
	large[sizeof(wire) + places[_i]] = 0;
	ck_assert(!taken(&wire, wire.bytes, 0, VSP_WORKER));
	wire = good(VSP_CONFIG, 100);
	large[wire.bytes] = 0; /* behind it */
	ck_assert(taken(&wire, wire.bytes, 0, VSP_WORKER));
}
END_TEST

/* A partition that takes the slot of one that is gone is another user. */
START_TEST(users_come_round_again)
{
	ck_assert_uint_eq(vsp_user_of(0x00001), 0x70000000);
	ck_assert_uint_eq(vsp_user_of(0x10001), 0x70000001);
	ck_assert_uint_eq(vsp_user_of(0x20001), 0x70000002);
	ck_assert_uint_eq(vsp_user_of(0xffff0002), 0x7000ffff);
	ck_assert_uint_eq(vsp_user_of(0x100010002), 0x70000001);
}
END_TEST

START_TEST(ram_is_one_range_or_two)
{
	static const struct {
		uint64_t bytes;
		struct vsp_map map;
	} cases[] = {
		{ 4096, { { { 0, 4096, 0 } }, 1 } },
		{ 3 * GIB, { { { 0, 3 * GIB, 0 } }, 1 } },
		{ 3 * GIB + 4096,
		  { { { 0, 3 * GIB, 0 }, { 4 * GIB, 4096, 3 * GIB } }, 2 } },
	};
	struct vsp_map map;

	memset(&map, 0xa5, sizeof(map));
	vsp_map_for_ram(&map, cases[_i].bytes);
	ck_assert_mem_eq(&map.range, &cases[_i].map.range, sizeof(map.range));
	ck_assert_uint_eq(map.count, cases[_i].map.count);
	ck_assert(vsp_map_valid(&map, cases[_i].bytes));
	ck_assert(!vsp_map_valid(&map, cases[_i].bytes - 4096));
}
END_TEST

#define MIB     UINT64_C(0x100000)
#define PC_HOLE UINT64_C(0xa0000)

START_TEST(a_pc_s_ram_in_pieces_is_as_few_ranges_as_there_can_be)
{
	/* As QEMU maps 4 GiB: what its BIOS shadows in pieces, all out of order. */
	struct vsp_range pieces[] = {
		{ UINT64_C(0x100000000), MIB << 10, 3 * (MIB << 10) },
		{ MIB, 3 * (MIB << 10) - MIB, MIB },
		{ 0xe0000, 0x10000, 0xe0000 },
		{ 0, 0xc0000, 0 },
		{ 0xf0000, 0x10000, 0xf0000 },
	};
	struct vsp_map map;
	uint64_t offset;

	ck_assert(vsp_map_for_pc(&map, pieces, 5));
	ck_assert_uint_eq(map.count, 3);
	ck_assert(vsp_map_valid(&map, 4 * (MIB << 10)));
	ck_assert_uint_eq(map.range[0].bytes, PC_HOLE);
	ck_assert(!vsp_map_find(&map, PC_HOLE, PAGE_4K, &offset));
	ck_assert(vsp_map_find(&map, UINT64_C(0x100000000), PAGE_4K, &offset));
	ck_assert_uint_eq(offset, 3 * (MIB << 10));
}
END_TEST

START_TEST(a_range_over_the_firmware_s_hole_is_two)
{
	struct vsp_range whole = { 0, 8 * MIB, 0 };
	struct vsp_map map;

	ck_assert(vsp_map_for_pc(&map, &whole, 1));
	ck_assert_uint_eq(map.count, 2);
	ck_assert_uint_eq(map.range[1].gpa, MIB);
	ck_assert_uint_eq(map.range[1].bytes, 7 * MIB);
	ck_assert_uint_eq(map.range[1].offset, MIB);
}
END_TEST

static const struct {
	struct vsp_range range[2];
	uint32_t count;
} no_pcs[] = {
	{ { { MIB, 2 * PAGE_4K, 0 }, { MIB + PAGE_4K, PAGE_4K, 0x10000 } }, 2 },
	{ { { MIB, PAGE_4K, 0 }, { MIB, PAGE_4K, 0 } }, 2 },
	{ { { MIB + 1, PAGE_4K, 0 } }, 1 },
	{ { { MIB, 0, 0 } }, 1 },
	{ { { MIB, PAGE_4K, 7 } }, 1 },
	{ { { UINT64_MAX - PAGE_4K + 1, 2 * PAGE_4K, 0 } }, 1 },
	{ { { MIB, 2 * PAGE_4K, UINT64_MAX - PAGE_4K + 1 } }, 1 },
};

START_TEST(ranges_that_are_none_make_no_map)
{
	struct vsp_range range[2];
	struct vsp_map map;

	memcpy(range, no_pcs[_i].range, sizeof(range));
	ck_assert(!vsp_map_for_pc(&map, range, no_pcs[_i].count));
}
END_TEST

START_TEST(more_ranges_than_a_map_has_are_refused)
{
	struct vsp_range range[VSP_MAP_RANGES_MAX + 1];
	struct vsp_map map;

	for (uint32_t i = 0; i <= VSP_MAP_RANGES_MAX; i++)
		range[i] = (struct vsp_range){ MIB * (i + 1), PAGE_4K, 0 };
	ck_assert(vsp_map_for_pc(&map, range, VSP_MAP_RANGES_MAX));
	ck_assert_uint_eq(map.count, VSP_MAP_RANGES_MAX);
	ck_assert(!vsp_map_for_pc(&map, range, VSP_MAP_RANGES_MAX + 1));
}
END_TEST

START_TEST(maps_at_their_limits_are_taken)
{
	static const struct vsp_map adjacent = {
		.count = 2,
		.range = { { 4096, 4096, 4096 }, { 8192, 4096, 0 } },
	};
	static const struct vsp_map high = {
		.count = 1,
		.range = { { UINT64_MAX - 8191, 4096, 4096 } },
	};
	static const struct vsp_map odd[] = {
		{ .count = 1, .range = { { 0, 4096, 8 } } },
		{ .count = 1, .range = { { 8, 4096, 0 } } },
		{ .count = 1, .range = { { 0, 4104, 0 } } },
		{ .count = 1, .range = { { 0, 4096, 8192 } } },
		{ .count = 1, .range = { { 0, 4096, 12288 } } },
		{ .count = 2, .range = { { 0, 8192, 0 }, { 4096, 4096, 0 } } },
		{ .count = 2, .range = { { 0, 4096, 0 }, { 4096, 0, 0 } } },
	};
	struct vsp_map full = { .count = VSP_MAP_RANGES_MAX };

	ck_assert(vsp_map_valid(&adjacent, 8192));
	ck_assert(vsp_map_valid(&high, 8192));
	for (uint64_t i = 0; i < VSP_MAP_RANGES_MAX; i++)
		full.range[i] = (struct vsp_range){ i << 20, 4096, 0 };
	ck_assert(vsp_map_valid(&full, 8192));
	for (unsigned int i = 0; i < 7; i++)
		ck_assert(!vsp_map_valid(&odd[i], 8192));
}
END_TEST

START_TEST(a_lookup_finds_bytes_of_one_range)
{
	static const struct vsp_map map = {
		.count = 2,
		.range = { { 0x10000, 0x2000, 0x5000 }, { 0x20000, 0x1000, 0 } },
	};
	static const struct {
		uint64_t gpa, bytes, offset; /* the last: UINT64_MAX for not found */
	} cases[] = {
		{ 0x10000, 0x2000, 0x5000 },     { 0x10000, 0x2001, UINT64_MAX },
		{ 0xffff, 1, UINT64_MAX },       { 0x11fff, 1, 0x6fff },
		{ 0x12000, 1, UINT64_MAX },      { 0x12000, 0, UINT64_MAX },
		{ 0x11ff8, 8, 0x6ff8 },          { 0x11ff9, 8, UINT64_MAX },
		{ 0x20000, 0x1000, 0 },          { 0x20fff, 1, 0xfff },
		{ 0x20fff, 2, UINT64_MAX },      { 0, 1, UINT64_MAX },
		{ 0x11000, 0x1001, UINT64_MAX },
	};
	uint64_t offset = UINT64_MAX;

	ck_assert_int_eq(vsp_map_find(&map, cases[_i].gpa, cases[_i].bytes, &offset),
	                 cases[_i].offset != UINT64_MAX);
	ck_assert_uint_eq(offset, cases[_i].offset);
}
END_TEST

START_TEST(page_numbers_are_looked_at_to_the_last)
{
	const uint64_t pfns[] = { 0, 0x3ffff, 0x40000 };
	struct vsp_map map;

	vsp_map_for_ram(&map, GIB);
	ck_assert(vsp_map_pages_valid(&map, pfns, 0));
	ck_assert(vsp_map_pages_valid(&map, pfns, 2));
	ck_assert(!vsp_map_pages_valid(&map, pfns, 3));
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

START_TEST(around_an_address_is_the_range_that_it_lies_in)
{
	struct vsp_range around;
	struct vsp_map map;

	vsp_map_for_ram(&map, 5 * GIB);
	ck_assert(vsp_map_around(&map, 3 * GIB - 1, &around));
	ck_assert_uint_eq(around.gpa, 0);
	ck_assert_uint_eq(around.bytes, 3 * GIB);
	ck_assert(!vsp_map_around(&map, 3 * GIB, &around));
	ck_assert(!vsp_map_around(&map, 4 * GIB - 1, &around));
	ck_assert(vsp_map_around(&map, 4 * GIB, &around));
	ck_assert_uint_eq(around.gpa, 4 * GIB);
	ck_assert_uint_eq(around.bytes, 2 * GIB);
	ck_assert_uint_eq(around.offset, 3 * GIB);
	ck_assert(!vsp_map_around(&map, 6 * GIB, &around));
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
	tcase_add_test(tcase, an_open_has_a_number_that_a_channel_can_have);
	tcase_add_loop_test(tcase, an_open_whose_rings_have_no_data_page_is_refused, 0,
	                    5);
	tcase_add_loop_test(tcase, an_unknown_type_is_refused, 0, 3);
	tcase_add_test(tcase, text_with_a_nul_inside_is_refused);
	tcase_add_test(tcase, memory_is_lent_by_its_name_and_perhaps_not_at_all);
	tcase_add_test(tcase, a_log_line_of_unknown_level_is_refused);
	tcase_add_loop_test(tcase, every_message_has_the_shape_of_its_row, 1,
	                    VSP_MESSAGE_TYPES);
	tcase_add_loop_test(tcase, a_header_says_what_the_message_says, 1,
	                    VSP_MESSAGE_TYPES);
	tcase_add_test(tcase, types_that_there_are_not_have_no_name);
	tcase_add_loop_test(tcase, values_are_taken_up_to_their_limits, 0, 16);
	tcase_add_loop_test(tcase, a_nul_anywhere_in_a_text_is_refused, 0, 4);
	tcase_add_test(tcase, users_come_round_again);
	tcase_add_loop_test(tcase, ram_is_one_range_or_two, 0, 3);
	tcase_add_test(tcase, a_pc_s_ram_in_pieces_is_as_few_ranges_as_there_can_be);
	tcase_add_test(tcase, a_range_over_the_firmware_s_hole_is_two);
	tcase_add_loop_test(tcase, ranges_that_are_none_make_no_map, 0, 7);
	tcase_add_test(tcase, more_ranges_than_a_map_has_are_refused);
	tcase_add_test(tcase, maps_at_their_limits_are_taken);
	tcase_add_loop_test(tcase, a_lookup_finds_bytes_of_one_range, 0, 13);
	tcase_add_test(tcase, page_numbers_are_looked_at_to_the_last);
	tcase_add_test(tcase, ram_above_three_gib_starts_again_at_four);
	tcase_add_test(tcase, around_an_address_is_the_range_that_it_lies_in);
	tcase_add_test(tcase, a_lookup_that_leaves_its_range_finds_nothing);
	tcase_add_loop_test(tcase, page_numbers_beyond_the_address_space_are_not_ram, 0,
	                    3);
	tcase_add_loop_test(tcase, a_map_that_breaks_its_invariants_is_refused, 0, 9);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
