/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bzImage loader: good and spoilt headers, places, the zero page. */
#include "root-partition/bzimage/bzimage.h"

#include <string.h>
#include <viridis/base/bits.h>
#include "tests/unit/unit.h"

#define SETUP_BYTES  1024u
#define KERNEL_BYTES 0x2340u
#define FILE_BYTES   (SETUP_BYTES + KERNEL_BYTES)
#define MIB          (UINT64_C(1) << 20)
#define GIB          (UINT64_C(1) << 30)

static uint8_t file[FILE_BYTES];
static uint8_t page[BOOT_PARAMS_BYTES];
static struct bzimage image;

static void put(uint8_t *to, uint32_t offset, uint64_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		to[offset + i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get(uint32_t offset, size_t bytes)
{
	uint64_t value = 0;

	for (size_t i = 0; i < bytes; i++)
		value |= (uint64_t)page[offset + i] << (8 * i);
	return value;
}

/* The header of a current Debian kernel, in small. */
static void setup(void)
{
	memset(file, 0, sizeof(file));
	memset(page, 0xee, sizeof(page));
	put(file, BP_SETUP_SECTS, SETUP_BYTES / 512 - 1, 1);
	put(file, BP_SYSSIZE, KERNEL_BYTES / 16, 4);
	put(file, BP_BOOT_FLAG, 0xaa55, 2);
	put(file, BP_JUMP_LENGTH, 0x6a, 1);
	put(file, BP_HEADER_MAGIC, BP_MAGIC_HDRS, 4);
	put(file, BP_VERSION, 0x20f, 2);
	put(file, BP_LOADFLAGS, BP_LOADED_HIGH | BP_CAN_USE_HEAP, 1);
	put(file, BP_INITRD_ADDR_MAX, 0x7fffffff, 4);
	put(file, BP_KERNEL_ALIGNMENT, 0x200000, 4);
	put(file, BP_RELOCATABLE, 1, 1);
	put(file, BP_XLOADFLAGS, BP_XLF_KERNEL_64 | BP_XLF_CAN_BE_ABOVE_4G, 2);
	put(file, BP_CMDLINE_SIZE, 2047, 4);
	put(file, BP_PREF_ADDRESS, 0x1000000, 8);
	put(file, BP_INIT_SIZE, 40 * MIB, 4);
	put(file, BP_INIT_SIZE + 4, 0xffffffff, 4); /* is no part of it */
}

static void parse_ok(void)
{
	ck_assert_int_eq(bzimage_parse(file, sizeof(file), &image), BZIMAGE_OK);
}

START_TEST(a_good_header_yields_its_fields)
{
	parse_ok();
	ck_assert_uint_eq(image.version, 0x20f);
	ck_assert_uint_eq(image.setup_bytes, SETUP_BYTES);
	ck_assert_uint_eq(image.kernel_bytes, KERNEL_BYTES);
	ck_assert_uint_eq(image.init_bytes, 40 * MIB);
	ck_assert_uint_eq(image.pref_address, 16 * MIB);
	ck_assert_uint_eq(image.alignment, 2 * MIB);
	ck_assert_uint_eq(image.cmdline_size, 2047);
	ck_assert_uint_eq(image.initrd_addr_max, 0x7fffffff);
	ck_assert(image.relocatable && image.above_4g);
}
END_TEST

START_TEST(a_spoilt_field_is_named)
{
	static const struct {
		uint32_t offset, bytes;
		uint64_t value;
		enum bzimage_result expected;
	} evil[] = {
		{ BP_BOOT_FLAG, 2, 0, BZIMAGE_NOT_A_KERNEL },
		{ BP_HEADER_MAGIC, 4, 0x53726449, BZIMAGE_NOT_A_KERNEL },
		{ BP_VERSION, 2, 0x20b, BZIMAGE_TOO_OLD },
		{ BP_LOADFLAGS, 1, 0, BZIMAGE_NOT_64_BIT },
		{ BP_XLOADFLAGS, 2, BP_XLF_CAN_BE_ABOVE_4G, BZIMAGE_NOT_64_BIT },
		{ BP_SETUP_SECTS, 1, 255, BZIMAGE_TRUNCATED },
		{ BP_SETUP_SECTS, 1, 0,
		  BZIMAGE_TRUNCATED }, /* 0 means 4: syssize is too large */
		{ BP_SYSSIZE, 4, KERNEL_BYTES / 16 + 1, BZIMAGE_TRUNCATED },
		{ BP_SYSSIZE, 4, 0xffffffff, BZIMAGE_TRUNCATED },
		{ BP_JUMP_LENGTH, 1, 0, BZIMAGE_BAD_HEADER },
		{ BP_JUMP_LENGTH, 1, 0xff, BZIMAGE_BAD_HEADER },
		{ BP_KERNEL_ALIGNMENT, 4, 0, BZIMAGE_BAD_HEADER },
		{ BP_KERNEL_ALIGNMENT, 4, 0x800, BZIMAGE_BAD_HEADER },
		{ BP_KERNEL_ALIGNMENT, 4, 0x300000, BZIMAGE_BAD_HEADER },
		{ BP_KERNEL_ALIGNMENT, 4, 0x80000000, BZIMAGE_BAD_HEADER },
		{ BP_PREF_ADDRESS, 8, 0x1000010, BZIMAGE_BAD_HEADER },
		{ BP_PREF_ADDRESS, 8, ~UINT64_C(0xfff), BZIMAGE_BAD_HEADER },
	};

	put(file, evil[_i].offset, evil[_i].value, evil[_i].bytes);
	ck_assert_int_eq(bzimage_parse(file, sizeof(file), &image), evil[_i].expected);
	ck_assert_uint_gt(strlen(bzimage_describe(evil[_i].expected)), 10);
}
END_TEST

START_TEST(a_field_at_its_limit_is_taken)
{
	static const struct {
		uint32_t offset, bytes;
		uint64_t value;
	} good[] = {
		{ BP_VERSION, 2, 0x20c },
		{ BP_JUMP_LENGTH, 1, BP_INIT_SIZE + 4 - 0x202 },
		{ BP_JUMP_LENGTH, 1, BP_HEADER_LIMIT - 0x202 },
		{ BP_KERNEL_ALIGNMENT, 4, 0x1000 },
		{ BP_KERNEL_ALIGNMENT, 4, GIB },
		{ BP_PREF_ADDRESS, 8, (UINT64_C(1) << 46) - 0x1000 },
		{ BP_PREF_ADDRESS, 8, 0 },
		{ BP_SYSSIZE, 4, 0 },
		{ BP_SETUP_SECTS, 1, 0 },
	};
	static const struct {
		uint32_t offset, bytes;
		uint64_t value;
	} bad[] = {
		{ BP_JUMP_LENGTH, 1, BP_INIT_SIZE + 3 - 0x202 },
		{ BP_JUMP_LENGTH, 1, BP_HEADER_LIMIT + 1 - 0x202 },
		{ BP_PREF_ADDRESS, 8, UINT64_C(1) << 46 },
		{ BP_KERNEL_ALIGNMENT, 4, 2 * GIB },
	};

	put(file, BP_SYSSIZE, (FILE_BYTES - 5 * 512) / 16, 4);
	put(file, good[_i].offset, good[_i].value, good[_i].bytes);
	parse_ok();
	ck_assert_uint_eq(image.setup_bytes,
	                  good[_i].offset == BP_SETUP_SECTS ? 5 * 512 : SETUP_BYTES);
	ck_assert_uint_eq(image.kernel_bytes, FILE_BYTES - image.setup_bytes);
	ck_assert_uint_eq(image.header_end, 0x202u + (good[_i].offset == BP_JUMP_LENGTH ?
	                                                      (uint32_t)good[_i].value :
	                                                      0x6a));
	for (unsigned int i = 0; i < 4; i++) {
		setup();
		put(file, bad[i].offset, bad[i].value, bad[i].bytes);
		ck_assert_int_eq(bzimage_parse(file, sizeof(file), &image),
		                 BZIMAGE_BAD_HEADER);
	}
}
END_TEST

START_TEST(flags_are_bits)
{
	put(file, BP_XLOADFLAGS, BP_XLF_KERNEL_64, 2);
	put(file, BP_RELOCATABLE, 0, 1);
	parse_ok();
	ck_assert(!image.relocatable && !image.above_4g);
	ck_assert_uint_eq(image.xloadflags, BP_XLF_KERNEL_64);
	put(file, BP_XLOADFLAGS, 0xffff, 2);
	put(file, BP_RELOCATABLE, 0x80, 1);
	put(file, BP_LOADFLAGS, 0xff, 1);
	parse_ok();
	ck_assert(image.relocatable && image.above_4g);
	put(file, BP_XLOADFLAGS, (uint16_t)~BP_XLF_KERNEL_64, 2);
	ck_assert_int_eq(bzimage_parse(file, sizeof(file), &image), BZIMAGE_NOT_64_BIT);
	ck_assert_uint_eq(image.version, 0);
	setup();
	put(file, BP_LOADFLAGS, (uint8_t)~BP_LOADED_HIGH, 1);
	ck_assert_int_eq(bzimage_parse(file, sizeof(file), &image), BZIMAGE_NOT_64_BIT);
}
END_TEST

START_TEST(a_kernel_is_longer_than_what_lies_before_its_entry)
{
	put(file, BP_SYSSIZE, 0, 4);
	ck_assert_int_eq(bzimage_parse(file, SETUP_BYTES + 0x201, &image), BZIMAGE_OK);
	ck_assert_uint_eq(image.kernel_bytes, 0x201);
	ck_assert_int_eq(bzimage_parse(file, SETUP_BYTES + 0x200, &image),
	                 BZIMAGE_TRUNCATED);
	ck_assert_int_eq(bzimage_parse(file, SETUP_BYTES, &image), BZIMAGE_TRUNCATED);
	put(file, BP_SYSSIZE, 0x30, 4);
	ck_assert_int_eq(bzimage_parse(file, SETUP_BYTES + 0x2f1, &image), BZIMAGE_OK);
	ck_assert_int_eq(bzimage_parse(file, SETUP_BYTES + 0x2f0, &image),
	                 BZIMAGE_TRUNCATED);
}
END_TEST

START_TEST(every_result_has_a_sentence)
{
	static const char *const sentences[] = {
		"loaded",
		"the kernel image is shorter than its header says",
		"not a Linux kernel image (bzImage)",
		"the kernel's boot protocol is older than 2.12",
		"the kernel has no 64-bit entry",
		"the kernel's setup header makes no sense",
		"no free memory is large enough",
		"the command line is longer than the kernel takes",
		"the memory map has more than 128 entries",
		"initrd or command line lies where the kernel cannot reach it",
		"unknown result",
	};

	for (unsigned int i = 0; i < 11; i++)
		ck_assert_str_eq(bzimage_describe((enum bzimage_result)i), sentences[i]);
}
END_TEST

START_TEST(a_file_cut_anywhere_is_refused)
{
	for (size_t bytes = 0; bytes < sizeof(file); bytes++) {
		/* On the heap, so that the sanitizer sees a read beyond the cut. */
		uint8_t *cut = malloc(bytes ? bytes : 1);
		enum bzimage_result result;

		memcpy(cut, file, bytes);
		result = bzimage_parse(cut, bytes, &image);
		free(cut);
		/* syssize counts in units of 16 */
		if (result == BZIMAGE_OK && bytes <= sizeof(file) - 16)
			ck_abort_msg("%zu bytes were taken", bytes);
	}
}
END_TEST

START_TEST(a_kernel_larger_than_its_init_size_gets_room_for_itself)
{
	put(file, BP_INIT_SIZE, 0, 4);
	parse_ok();
	ck_assert_uint_eq(image.init_bytes, KERNEL_BYTES);
}
END_TEST

static enum bzimage_result place(const struct bzimage_range *range, uint64_t *at)
{
	return bzimage_place(&image, range, 1, at);
}

START_TEST(the_preferred_address_is_taken_when_free)
{
	struct bzimage_range free[] = { { 0, 0x9f000 }, { 1 * MIB, 512 * MIB } };
	uint64_t at;

	parse_ok();
	ck_assert_int_eq(bzimage_place(&image, free, 2, &at), BZIMAGE_OK);
	ck_assert_uint_eq(at, 16 * MIB);
	free[1].start = 16 * MIB + 0x1000;
	ck_assert_int_eq(bzimage_place(&image, free, 2, &at), BZIMAGE_OK);
	ck_assert_uint_eq(at, 18 * MIB);
}
END_TEST

START_TEST(a_place_below_16_mib_is_the_last_choice)
{
	struct bzimage_range low = { 2 * MIB + 1, 50 * MIB };
	struct bzimage_range high = { 20 * MIB, 70 * MIB };
	uint64_t at;

	parse_ok();
	ck_assert_int_eq(place(&low, &at), BZIMAGE_OK);
	ck_assert_uint_eq(at, 4 * MIB);
	ck_assert_int_eq(place(&high, &at), BZIMAGE_OK);
	ck_assert_uint_eq(at, 20 * MIB);
}
END_TEST

START_TEST(of_several_places_the_lowest_is_taken)
{
	const struct bzimage_range ranges[] = { { 300 * MIB, 400 * MIB },
		                                { 20 * MIB, 70 * MIB },
		                                { 100 * MIB, 200 * MIB } };
	uint64_t at;

	parse_ok();
	ck_assert_int_eq(bzimage_place(&image, ranges, 3, &at), BZIMAGE_OK);
	ck_assert_uint_eq(at, 20 * MIB);
	ck_assert_int_eq(bzimage_place(&image, ranges, 1, &at), BZIMAGE_OK);
	ck_assert_uint_eq(at, 300 * MIB);
}
END_TEST

START_TEST(a_kernel_ends_where_it_can_reach)
{
	struct bzimage_range range = { 4 * GIB - 40 * MIB, 8 * GIB };
	uint64_t at;

	parse_ok();
	image.above_4g = false;
	ck_assert_int_eq(place(&range, &at), BZIMAGE_OK);
	ck_assert_uint_eq(at, 4 * GIB - 40 * MIB);
	range.start++;
	ck_assert_int_eq(place(&range, &at), BZIMAGE_NO_ROOM);
	image.pref_address = 4 * GIB - 38 * MIB;
	range.start = 4 * GIB - 38 * MIB;
	ck_assert_int_eq(place(&range, &at), BZIMAGE_NO_ROOM);
	image.above_4g = true;
	ck_assert_int_eq(place(&range, &at), BZIMAGE_OK);
	range = (struct bzimage_range){ (UINT64_C(1) << 46) - 40 * MIB, UINT64_MAX };
	ck_assert_int_eq(place(&range, &at), BZIMAGE_OK);
	image.init_bytes++;
	ck_assert_int_eq(place(&range, &at), BZIMAGE_NO_ROOM);
}
END_TEST

START_TEST(the_preferred_address_is_taken_before_a_lower_one)
{
	const struct bzimage_range free[] = { { 16 * MIB, 512 * MIB },
		                              { 600 * MIB, 700 * MIB } };
	uint64_t at;

	parse_ok();
	image.pref_address = 64 * MIB;
	ck_assert_int_eq(bzimage_place(&image, free, 2, &at), BZIMAGE_OK);
	ck_assert_uint_eq(at, 64 * MIB);
	image.pref_address = 610 * MIB;
	ck_assert_int_eq(bzimage_place(&image, free, 2, &at), BZIMAGE_OK);
	ck_assert_uint_eq(at, 610 * MIB);
}
END_TEST

START_TEST(no_room_is_told)
{
	static const struct bzimage_range small[] = {
		{ 16 * MIB, 56 * MIB - 1 },
		{ 0, 0 },
		{ 100 * MIB, 50 * MIB }, /* ends before it starts */
		{ UINT64_MAX - 0x1000, UINT64_MAX },
		{ UINT64_MAX, UINT64_MAX },
		{ 20 * MIB + 0x1000, 61 * MIB },
	};
	uint64_t at;

	parse_ok();
	ck_assert_int_eq(place(&small[_i], &at), BZIMAGE_NO_ROOM);
}
END_TEST

START_TEST(a_kernel_that_cannot_move_or_reach_far_stays)
{
	struct bzimage_range far = { 5 * GIB, 6 * GIB }, near = { 32 * MIB, GIB };
	uint64_t at;

	parse_ok();
	ck_assert_int_eq(place(&far, &at), BZIMAGE_OK);
	ck_assert_uint_eq(at, 5 * GIB);
	image.above_4g = false;
	ck_assert_int_eq(place(&far, &at), BZIMAGE_NO_ROOM);
	image.relocatable = false;
	ck_assert_int_eq(place(&near, &at), BZIMAGE_NO_ROOM);
}
END_TEST

START_TEST(an_initrd_goes_high_and_clear_of_the_kernel)
{
	struct bzimage_range free[] = { { MIB, 100 * MIB }, { 200 * MIB, 201 * MIB } };
	struct bzimage_range kernel = { 80 * MIB, 100 * MIB };
	uint64_t at;

	ck_assert_int_eq(bzimage_place_high(free, 2, &kernel, MIB, GIB, &at), BZIMAGE_OK);
	ck_assert_uint_eq(at, 200 * MIB);
	ck_assert_int_eq(bzimage_place_high(free, 2, &kernel, MIB + 1, GIB, &at),
	                 BZIMAGE_OK);
	ck_assert_uint_eq(at, 79 * MIB - 0x1000);
	ck_assert_int_eq(bzimage_place_high(free, 2, &kernel, MIB, 90 * MIB, &at),
	                 BZIMAGE_OK);
	ck_assert_uint_eq(at, 79 * MIB);
	kernel = (struct bzimage_range){ 16 * MIB, 56 * MIB };
	ck_assert_int_eq(bzimage_place_high(free, 2, &kernel, 44 * MIB, GIB, &at),
	                 BZIMAGE_OK);
	ck_assert_uint_eq(at, 56 * MIB);
	ck_assert_int_eq(bzimage_place_high(free, 2, &kernel, 45 * MIB, GIB, &at),
	                 BZIMAGE_NO_ROOM);
	ck_assert_int_eq(bzimage_place_high(free, 2, &kernel, UINT64_MAX, GIB, &at),
	                 BZIMAGE_NO_ROOM);
}
END_TEST

START_TEST(the_highest_place_stays_the_highest)
{
	const struct bzimage_range free[] = { { 8 * MIB, 9 * MIB },
		                              { 0, 0x1000 },
		                              { 2 * MIB, 3 * MIB },
		                              { 10 * MIB, 10 * MIB + 0x1000 } };
	const struct bzimage_range nothing = { 0, 0 }, bottom = { 0, MIB };
	uint64_t at;

	ck_assert_int_eq(bzimage_place_high(free, 4, &nothing, MIB, GIB, &at),
	                 BZIMAGE_OK);
	ck_assert_uint_eq(at, 8 * MIB);
	ck_assert_int_eq(bzimage_place_high(&bottom, 1, &nothing, MIB, GIB, &at),
	                 BZIMAGE_OK);
	ck_assert_uint_eq(at, 0);
	ck_assert_int_eq(bzimage_place_high(&bottom, 1, &nothing, MIB + 1, GIB, &at),
	                 BZIMAGE_NO_ROOM);
	ck_assert_int_eq(bzimage_place_high(&bottom, 1, &nothing, 1, GIB, &at),
	                 BZIMAGE_OK);
	ck_assert_uint_eq(at, MIB - 0x1000);
}
END_TEST

START_TEST(every_byte_of_the_zero_page)
{
	static const struct bzimage_e820 map = { 0x1122334455667788, 0x99aabbccddeeff00,
		                                 0x13579bdf };
	const struct bzimage_boot boot = {
		.command_line_gpa = UINT64_C(0x123456789a),
		.command_line_bytes = 2047,
		.initrd_gpa = UINT64_C(0x23456789ab),
		.initrd_bytes = UINT64_C(0x3456789abc),
		.rsdp_gpa = UINT64_C(0x456789abcdef0123),
		.e820 = &map,
		.e820_count = 1,
	};
	uint8_t expected[BOOT_PARAMS_BYTES] = { 0 };

	for (uint32_t i = BP_INIT_SIZE + 4; i < 0x202 + 0x6a + 8; i++)
		file[i] = (uint8_t)i; /* the header's rest, and what follows it */
	put(file, BP_SETUP_DATA, UINT64_MAX, 8);
	put(file, BP_CMD_LINE_PTR, UINT64_MAX, 4);
	put(file, BP_RAMDISK_IMAGE, UINT64_MAX, 8);
	parse_ok();
	memcpy(expected + 0x1f1, file + 0x1f1, 0x202 + 0x6a - 0x1f1);
	put(expected, BP_TYPE_OF_LOADER, 0xff, 1);
	put(expected, BP_LOADFLAGS, 1, 1);
	put(expected, BP_SETUP_DATA, 0, 8);
	put(expected, BP_CMD_LINE_PTR, 0x3456789a, 4);
	put(expected, BP_EXT_CMD_LINE_PTR, 0x12, 4);
	put(expected, BP_RAMDISK_IMAGE, 0x456789ab, 4);
	put(expected, BP_EXT_RAMDISK_IMAGE, 0x23, 4);
	put(expected, BP_RAMDISK_SIZE, 0x56789abc, 4);
	put(expected, BP_EXT_RAMDISK_SIZE, 0x34, 4);
	put(expected, BP_ACPI_RSDP_ADDR, boot.rsdp_gpa, 8);
	put(expected, BP_E820_ENTRIES, 1, 1);
	put(expected, BP_E820_TABLE, map.start, 8);
	put(expected, BP_E820_TABLE + 8, map.bytes, 8);
	put(expected, BP_E820_TABLE + 16, map.type, 4);
	ck_assert_int_eq(bzimage_boot_params(page, file, &image, &boot), BZIMAGE_OK);
	ck_assert_mem_eq(page, expected, sizeof(page));
}
END_TEST

START_TEST(what_the_kernel_reaches_ends_at_its_limit)
{
	static const struct {
		bool above_4g;
		uint64_t line_gpa, line_bytes, initrd_gpa, initrd_bytes;
		enum bzimage_result result;
	} cases[] = {
		{ false, 4 * GIB - 11, 10, 0, 0, BZIMAGE_OK },
		{ false, 4 * GIB - 10, 10, 0, 0, BZIMAGE_TOO_HIGH },
		{ false, 4 * GIB - 1, 0, 0, 0, BZIMAGE_OK },
		{ false, 0, 0, 2 * GIB - 1, 1, BZIMAGE_OK },
		{ false, 0, 0, 2 * GIB, 1, BZIMAGE_TOO_HIGH },
		{ false, 0, 0, 2 * GIB - 1, 2, BZIMAGE_TOO_HIGH },
		{ false, 0, 0, UINT64_MAX, 0, BZIMAGE_OK }, /* none at all */
		{ true, 0, 0, (UINT64_C(1) << 46) - 1, 1, BZIMAGE_OK },
		{ true, 0, 0, (UINT64_C(1) << 46) - 1, 2, BZIMAGE_TOO_HIGH },
		{ true, UINT64_C(1) << 46, 0, 0, 0, BZIMAGE_TOO_HIGH },
		{ true, 0, 2047, 0, 0, BZIMAGE_OK },
	};
	const struct bzimage_boot boot = {
		.command_line_gpa = cases[_i].line_gpa,
		.command_line_bytes = cases[_i].line_bytes,
		.initrd_gpa = cases[_i].initrd_gpa,
		.initrd_bytes = cases[_i].initrd_bytes,
	};

	parse_ok();
	image.above_4g = cases[_i].above_4g;
	ck_assert_int_eq(bzimage_boot_params(page, file, &image, &boot),
	                 cases[_i].result);
}
END_TEST

START_TEST(the_zero_page_carries_header_command_line_initrd_and_memory_map)
{
	static const struct bzimage_e820 map[] = {
		{ 0, 0x9fc00, E820_RAM },
		{ UINT64_C(0x100000000), 3 * GIB, E820_RESERVED },
	};
	struct bzimage_boot boot = {
		.command_line_gpa = UINT64_C(0x123456000),
		.command_line_bytes = 100,
		.initrd_gpa = UINT64_C(0x234567000),
		.initrd_bytes = UINT64_C(0x145678000),
		.rsdp_gpa = 0xe0000,
		.e820 = map,
		.e820_count = 2,
	};

	put(file, BP_SETUP_DATA, 0xdeadbeef, 8);
	parse_ok();
	ck_assert_int_eq(bzimage_boot_params(page, file, &image, &boot), BZIMAGE_OK);
	ck_assert_uint_eq(get(BP_HEADER_MAGIC, 4), BP_MAGIC_HDRS);
	ck_assert_uint_eq(get(BP_INIT_SIZE, 4), 40 * MIB);
	ck_assert_uint_eq(get(BP_TYPE_OF_LOADER, 1), 0xff);
	ck_assert_uint_eq(get(BP_LOADFLAGS, 1), BP_LOADED_HIGH);
	ck_assert_uint_eq(get(BP_SETUP_DATA, 8), 0);
	ck_assert_uint_eq(get(BP_CMD_LINE_PTR, 4), 0x23456000);
	ck_assert_uint_eq(get(BP_EXT_CMD_LINE_PTR, 4), 1);
	ck_assert_uint_eq(get(BP_RAMDISK_IMAGE, 4), 0x34567000);
	ck_assert_uint_eq(get(BP_EXT_RAMDISK_IMAGE, 4), 2);
	ck_assert_uint_eq(get(BP_RAMDISK_SIZE, 4), 0x45678000);
	ck_assert_uint_eq(get(BP_EXT_RAMDISK_SIZE, 4), 1);
	ck_assert_uint_eq(get(BP_ACPI_RSDP_ADDR, 8), 0xe0000);
	ck_assert_uint_eq(get(BP_E820_ENTRIES, 1), 2);
	ck_assert_uint_eq(get(BP_E820_TABLE + 20, 8), UINT64_C(0x100000000));
	ck_assert_uint_eq(get(BP_E820_TABLE + 28, 8), 3 * GIB);
	ck_assert_uint_eq(get(BP_E820_TABLE + 36, 4), E820_RESERVED);
	ck_assert_uint_eq(get(BP_E820_TABLE + 40, 4), 0);
	ck_assert_uint_eq(get(0, 8), 0);
}
END_TEST

START_TEST(what_the_kernel_cannot_take_is_refused_before_the_page_is_touched)
{
	struct bzimage_boot boot = { .command_line_gpa = 0x20000,
		                     .command_line_bytes = 2048 };

	parse_ok();
	ck_assert_int_eq(bzimage_boot_params(page, file, &image, &boot),
	                 BZIMAGE_LONG_COMMAND_LINE);
	boot.command_line_bytes = 2047;
	boot.e820_count = BP_E820_MAX + 1;
	ck_assert_int_eq(bzimage_boot_params(page, file, &image, &boot),
	                 BZIMAGE_LONG_E820);
	boot.e820_count = 0;
	image.above_4g = false;
	boot.initrd_gpa = 0x7ffff000;
	boot.initrd_bytes = 0x1001;
	ck_assert_int_eq(bzimage_boot_params(page, file, &image, &boot),
	                 BZIMAGE_TOO_HIGH);
	boot.initrd_bytes = UINT64_MAX;
	ck_assert_int_eq(bzimage_boot_params(page, file, &image, &boot),
	                 BZIMAGE_TOO_HIGH);
	boot.initrd_bytes = 0x1000;
	boot.command_line_gpa = UINT64_C(0x100000000);
	ck_assert_int_eq(bzimage_boot_params(page, file, &image, &boot),
	                 BZIMAGE_TOO_HIGH);
	ck_assert_uint_eq(page[0], 0xee);
	boot.command_line_gpa = 0x20000;
	ck_assert_int_eq(bzimage_boot_params(page, file, &image, &boot), BZIMAGE_OK);
}
END_TEST

START_TEST(a_full_memory_map_ends_inside_the_page)
{
	static struct bzimage_e820 map[BP_E820_MAX];
	struct bzimage_boot boot = { .e820 = map, .e820_count = BP_E820_MAX };

	for (unsigned int i = 0; i < BP_E820_MAX; i++)
		map[i] = (struct bzimage_e820){ i * MIB, MIB, E820_RAM };
	parse_ok();
	ck_assert_int_eq(bzimage_boot_params(page, file, &image, &boot), BZIMAGE_OK);
	ck_assert_uint_eq(get(BP_E820_ENTRIES, 1), 128);
	ck_assert_uint_eq(get(BP_E820_TABLE + 127 * 20, 8), 127 * MIB);
	ck_assert_uint_eq(get(BP_E820_TABLE + 128 * 20, 8), 0);
}
END_TEST

START_TEST(a_screen_of_text_is_told_as_a_vga)
{
	struct bzimage_boot boot = {
		.screen = { .kind = BZIMAGE_SCREEN_TEXT, .width = 80, .height = 25 }
	};

	parse_ok();
	ck_assert_int_eq(bzimage_boot_params(page, file, &image, &boot), BZIMAGE_OK);
	ck_assert_uint_eq(get(6, 1), 3);
	ck_assert_uint_eq(get(7, 1), 80);
	ck_assert_uint_eq(get(14, 1), 25);
	ck_assert_uint_eq(get(15, 1), 1);
	ck_assert_uint_eq(get(16, 2), 16);
	ck_assert_uint_eq(get(0x1c0, 4), 0);
}
END_TEST

/* By EFI, and by a BIOS, which counts the pixels' memory in pieces of 64 KiB. */
START_TEST(a_screen_of_pixels_and_efi_are_told)
{
	struct bzimage_boot boot = {
		.screen = { .kind = BZIMAGE_SCREEN_PIXELS,
		            .base = UINT64_C(0x4180000000),
		            .pitch = 5184,
		            .width = 1280,
		            .height = 800,
		            .depth = 32,
		            .fields = { 16, 8, 9, 7, 1, 6 } },
		.efi = { .system_table = UINT64_C(0x923456789),
		         .map_gpa = UINT64_C(0xa00001000),
		         .map_bytes = 480,
		         .descriptor_bytes = 48,
		         .descriptor_version = 1 },
	};

	parse_ok();
	ck_assert_int_eq(bzimage_boot_params(page, file, &image, &boot), BZIMAGE_OK);
	ck_assert_uint_eq(get(6, 2), 0);
	ck_assert_uint_eq(get(0xf, 1), 0x70);
	ck_assert_uint_eq(get(0x12, 2), 1280);
	ck_assert_uint_eq(get(0x14, 2), 800);
	ck_assert_uint_eq(get(0x16, 2), 32);
	ck_assert_uint_eq(get(0x18, 4), 0x80000000);
	ck_assert_uint_eq(get(0x1c, 4), 5184 * 800);
	ck_assert_uint_eq(get(0x24, 2), 5184);
	/* Size before position. */
	ck_assert_mem_eq(page + 0x26, "\x08\x10\x07\x09\x06\x01\0\0", 8);
	ck_assert_uint_eq(get(0x36, 4), 2);
	ck_assert_uint_eq(get(0x3a, 4), 0x41);
	ck_assert_mem_eq(page + 0x1c0, "EL64", 4);
	ck_assert_uint_eq(get(0x1c4, 4), 0x23456789);
	ck_assert_uint_eq(get(0x1c8, 4), 48);
	ck_assert_uint_eq(get(0x1cc, 4), 1);
	ck_assert_uint_eq(get(0x1d0, 4), 0x1000);
	ck_assert_uint_eq(get(0x1d4, 4), 480);
	ck_assert_uint_eq(get(0x1d8, 4), 9);
	ck_assert_uint_eq(get(0x1dc, 4), 10);
	boot.efi.system_table = 0;
	ck_assert_int_eq(bzimage_boot_params(page, file, &image, &boot), BZIMAGE_OK);
	ck_assert_uint_eq(get(0xf, 1), 0x23);
	ck_assert_uint_eq(get(0x1c, 4), 64); /* 63.3 */
	ck_assert_uint_eq(get(0x1c0, 4), 0);
}
END_TEST

static Suite *bzimage_suite(void)
{
	Suite *suite = suite_create("bzimage");
	TCase *tcase = tcase_create("bzimage");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, a_good_header_yields_its_fields);
	tcase_add_loop_test(tcase, a_spoilt_field_is_named, 0, 17);
	tcase_add_loop_test(tcase, a_field_at_its_limit_is_taken, 0, 9);
	tcase_add_test(tcase, flags_are_bits);
	tcase_add_test(tcase, a_kernel_is_longer_than_what_lies_before_its_entry);
	tcase_add_test(tcase, every_result_has_a_sentence);
	tcase_add_test(tcase, the_preferred_address_is_taken_before_a_lower_one);
	tcase_add_test(tcase, of_several_places_the_lowest_is_taken);
	tcase_add_test(tcase, a_kernel_ends_where_it_can_reach);
	tcase_add_test(tcase, the_highest_place_stays_the_highest);
	tcase_add_test(tcase, every_byte_of_the_zero_page);
	tcase_add_loop_test(tcase, what_the_kernel_reaches_ends_at_its_limit, 0, 11);
	tcase_add_test(tcase, a_file_cut_anywhere_is_refused);
	tcase_add_test(tcase, a_kernel_larger_than_its_init_size_gets_room_for_itself);
	tcase_add_test(tcase, the_preferred_address_is_taken_when_free);
	tcase_add_test(tcase, a_place_below_16_mib_is_the_last_choice);
	tcase_add_loop_test(tcase, no_room_is_told, 0, 6);
	tcase_add_test(tcase, a_kernel_that_cannot_move_or_reach_far_stays);
	tcase_add_test(tcase, an_initrd_goes_high_and_clear_of_the_kernel);
	tcase_add_test(tcase,
	               the_zero_page_carries_header_command_line_initrd_and_memory_map);
	tcase_add_test(tcase,
	               what_the_kernel_cannot_take_is_refused_before_the_page_is_touched);
	tcase_add_test(tcase, a_full_memory_map_ends_inside_the_page);
	tcase_add_test(tcase, a_screen_of_text_is_told_as_a_vga);
	tcase_add_test(tcase, a_screen_of_pixels_and_efi_are_told);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(bzimage_suite)
