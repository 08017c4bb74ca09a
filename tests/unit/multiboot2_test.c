/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/multiboot2 and the root loader's boot_tags: a loader's information as it should be, and as it should not. */
#include "tests/unit/unit.h"

#include <stdint.h>
#include <string.h>
#include "hypervisor/core/multiboot2.h"
#include "root-partition/loader/core/boot_tags.h"

#define TRUNCATED "a tag reaches past the end"

static uint8_t bytes[16384];
static size_t size;
static struct boot_info info;
static struct boot_tags tags;

static void add(const void *data, size_t count)
{
	memcpy(bytes + size, data, count);
	size += count;
}

static void add32(uint32_t value)
{
	add(&value, sizeof(value));
}

static void add64(uint64_t value)
{
	add(&value, sizeof(value));
}

static void tag_start(uint32_t type, uint32_t body_bytes)
{
	size = (size + 7) & ~(size_t)7;
	add32(type);
	add32(body_bytes + 8);
}

static void start(void)
{
	memset(bytes, 0, sizeof(bytes));
	memset(&info, 0, sizeof(info));
	memset(&tags, 0, sizeof(tags));
	size = 8;
}

static const char *tags_fault;

/* The hypervisor's reading; the root loader's goes to tags_fault. */
static const char *finish(void)
{
	tag_start(0, 0);
	uint32_t total = (uint32_t)size;

	memcpy(bytes, &total, sizeof(total));
	tags_fault = boot_tags_read(bytes, size, &tags);
	return multiboot2_read(bytes, size, &info);
}

static void add_map(unsigned int entries)
{
	tag_start(6, 8 + 24 * entries);
	add32(24);
	add32(0);
	for (unsigned int i = 0; i < entries; i++) {
		add64((uint64_t)(entries - i) << 20);
		add64(0x1000);
		add32(1);
		add32(0);
	}
}

static void add_module(uint32_t from, uint32_t to, const char *text)
{
	tag_start(3, (uint32_t)(8 + strlen(text) + 1));
	add32(from);
	add32(to);
	add(text, strlen(text) + 1);
}

START_TEST(what_the_tags_say_is_read)
{
	const uint8_t rsdp[36] = "RSD PTR ";

	start();
	add_module(0x200000, 0x300000, "kernel ro root=/dev/vda");
	add_module(0x300000, 0x300001, "initrd");
	add_map(3);
	tag_start(14, 20);
	add(rsdp, 20);
	tag_start(15, 36);
	add(rsdp, 36);
	tag_start(12, 8);
	add64(0x1234);
	tag_start(77, 4); /* unknown: passed over */
	add32(0);
	ck_assert_ptr_null(finish());
	ck_assert_uint_eq(tags.module_count, 2);
	ck_assert_str_eq(tags.modules[0].command_line, "kernel ro root=/dev/vda");
	ck_assert_uint_eq(tags.modules[1].end, 0x300001);
	ck_assert_uint_eq(info.range_count, 5);
	ck_assert_uint_eq(info.ranges[0].start, 0x100000);
	ck_assert_uint_eq(info.ranges[0].end, 0x101000);
	ck_assert_uint_eq(info.ranges[0].type, MEMORY_RAM);
	ck_assert_uint_eq(info.ranges[1].start, 0x200000);
	ck_assert_uint_eq(info.ranges[1].type, MEMORY_TAKEN);
	ck_assert_uint_eq(tags.rsdp_bytes, 36);
}
END_TEST

START_TEST(the_option_is_found_anywhere_in_the_command_line)
{
	static const struct {
		const char *text;
		bool off;
	} lines[] = {
		{ "", false },
		{ "speculation=on", false },
		{ "speculation=off", true },
		{ "/viridis.elf speculation=off quiet", true },
		{ "sspeculation=off", true },
		{ "speculation=of", false },
	};

	for (unsigned int i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		start();
		tag_start(MULTIBOOT2_COMMAND_LINE, (uint32_t)strlen(lines[i].text) + 1);
		add(lines[i].text, strlen(lines[i].text) + 1);
		ck_assert_ptr_null(finish());
		ck_assert_int_eq(info.speculation_off, lines[i].off);
	}
}
END_TEST

START_TEST(text_without_an_end_is_refused)
{
	start();
	tag_start(3, 12);
	add64(0);
	add("abcd", 4);
	(void)finish();
	ck_assert_str_eq(tags_fault, "a module is malformed");
}
END_TEST

START_TEST(a_module_that_ends_before_it_starts_is_refused)
{
	start();
	add_map(1);
	add_module(2, 1, "kernel");
	ck_assert_str_eq(finish(), "a tag is malformed");
	ck_assert_str_eq(tags_fault, "a module is malformed");
}
END_TEST

START_TEST(more_ranges_or_modules_than_there_is_room_for_are_refused)
{
	start();
	add_map(BOOT_MAX_RANGES + 1);
	ck_assert_str_eq(finish(), "too many memory ranges and modules");
	start();
	for (int i = 0; i <= BOOT_MAX_MODULES; i++)
		add_module(0, 1, "m");
	(void)finish();
	ck_assert_str_eq(tags_fault, "too many modules");
}
END_TEST

START_TEST(a_range_past_the_end_of_the_address_space_stops_there)
{
	start();
	add_map(1);
	tag_start(6, 8 + 24);
	add32(24);
	add32(0);
	add64(UINT64_MAX - 10);
	add64(100);
	add64(2);
	ck_assert_ptr_null(finish());
	ck_assert_uint_eq(info.ranges[1].end, UINT64_MAX);
}
END_TEST

START_TEST(hostile_lengths_are_reported_not_followed)
{
	static const uint32_t evil[] = { 0, 1, 7, 17000, 0x80000000, 0xffffffff };

	start();
	add_map(1);
	(void)finish();
	memcpy(bytes + 12, &evil[_i], 4); /* of the first tag */
	ck_assert_str_eq(multiboot2_read(bytes, size, &info), TRUNCATED);
	memcpy(bytes, &evil[_i], 4); /* of the whole */
	ck_assert_str_eq(multiboot2_read(bytes, size, &info), TRUNCATED);
}
END_TEST

START_TEST(a_map_with_entries_of_no_size_is_refused)
{
	start();
	tag_start(6, 32);
	for (int i = 0; i < 8; i++)
		add32(0);
	ck_assert_str_eq(finish(), "a tag is malformed");
}
END_TEST

START_TEST(information_cut_anywhere_is_reported)
{
	start();
	add_map(2);
	add_module(1, 2, "kernel");
	(void)finish();
	for (size_t cut = 0; cut < size; cut++) {
		ck_assert_str_eq(multiboot2_read(bytes, cut, &info), TRUNCATED);
		ck_assert_str_eq(boot_tags_read(bytes, cut, &tags), TRUNCATED);
	}
}
END_TEST

START_TEST(a_module_cut_within_its_addresses_is_refused)
{
	for (uint32_t length = 0; length < 8; length++) {
		start();
		add_map(1);
		tag_start(3, length);
		add("        ", length);
		ck_assert_str_eq(finish(), "a tag is malformed");
		ck_assert_str_eq(tags_fault, "a module is malformed");
	}
}
END_TEST

/* Tags 14 and 15 each with a copy of an RSDP, and what is taken of them. */
START_TEST(the_longer_rsdp_counts)
{
	static const struct {
		uint32_t type, bytes, next_type, next_bytes;
		unsigned int taken;
	} cases[] = {
		{ 14, 20, 77, 20, 20 }, { 15, 36, 77, 36, 36 }, { 14, 20, 15, 36, 36 },
		{ 15, 36, 14, 20, 36 }, { 15, 35, 77, 0, 20 },  { 15, 40, 77, 0, 36 },
		{ 13, 36, 16, 36, 0 },  { 14, 20, 14, 20, 20 },
	};
	uint8_t first[40], second[40];

	memset(first, 0x11, sizeof(first));
	memset(second, 0x22, sizeof(second));
	start();
	add_map(1);
	tag_start(cases[_i].type, cases[_i].bytes);
	add(first, cases[_i].bytes);
	tag_start(cases[_i].next_type, cases[_i].next_bytes);
	add(second, cases[_i].next_bytes);
	(void)finish();
	ck_assert_ptr_null(tags_fault);
	ck_assert_uint_eq(tags.rsdp_bytes, cases[_i].taken);
	for (unsigned int i = 0; i < BOOT_RSDP_BYTES; i++)
		ck_assert_uint_eq(tags.rsdp[i], i >= cases[_i].taken ? 0 :
		                                _i == 2              ? 0x22 :
		                                                       0x11);
}
END_TEST

START_TEST(an_rsdp_that_is_cut_short_is_refused)
{
	start();
	add_map(1);
	tag_start((uint32_t)_i, 19);
	add("RSD PTR            ", 19);
	(void)finish();
	ck_assert_str_eq(tags_fault, "an RSDP is cut short");
}
END_TEST

START_TEST(as_many_modules_as_there_is_room_for_are_taken)
{
	start();
	for (uint32_t i = 0; i < BOOT_MAX_MODULES; i++)
		add_module(i, i, "");
	(void)finish();
	ck_assert_ptr_null(tags_fault);
	ck_assert_uint_eq(tags.module_count, BOOT_MAX_MODULES);
	ck_assert_uint_eq(tags.modules[7].start, 7);
	ck_assert_uint_eq(tags.modules[7].end, 7);
	ck_assert_str_eq(tags.modules[7].command_line, "");
}
END_TEST

START_TEST(a_module_without_any_text_is_refused)
{
	start();
	add_map(1);
	tag_start(3, 8);
	add64(0);
	(void)finish();
	ck_assert_str_eq(tags_fault, "a module is malformed");
}
END_TEST

/* A tag of EFI's map with descriptors of 48 bytes: type, start, pages. */
static void add_efi_map(const uint64_t (*descriptors)[3], unsigned int count)
{
	tag_start(MULTIBOOT2_EFI_MAP, 8 + 48 * count);
	add32(48);
	add32(1);
	for (unsigned int i = 0; i < count; i++) {
		add32((uint32_t)descriptors[i][0]);
		add32(0xffffffff); /* padding may be anything */
		add64(descriptors[i][1]);
		add64(0x7777);
		add64(descriptors[i][2]);
		add64(0xf);
		add64(0);
	}
}

START_TEST(what_boot_services_left_is_taken_and_neighbours_are_one)
{
	static const uint64_t descriptors[][3] = {
		{ 4, 0x1000, 1 },     { 7, 0x2000, 1 },     { 3, 0x100000, 2 },
		{ 4, 0x102000, 1 },   { 7, 0x103000, 9 },   { 4, 0x200000, 16 },
		{ 2, 0x210000, 256 }, { 5, 0x310000, 256 }, { 3, 0x410000, 1 },
	};

	start();
	add_efi_map(descriptors, 9);
	ck_assert_ptr_null(finish());
	ck_assert_uint_eq(info.range_count, 3);
	for (unsigned int i = 0; i < 3; i++)
		ck_assert_uint_eq(info.ranges[i].type, MEMORY_TAKEN);
	ck_assert_uint_eq(info.ranges[0].start, 0x100000);
	ck_assert_uint_eq(info.ranges[0].end, 0x103000);
	ck_assert_uint_eq(info.ranges[1].start, 0x200000);
	ck_assert_uint_eq(info.ranges[1].end, 0x210000);
	ck_assert_uint_eq(info.ranges[2].end, 0x411000);
	ck_assert_uint_eq(tags.efi_descriptor_bytes, 48);
	ck_assert_uint_eq(tags.efi_descriptor_version, 1);
	ck_assert_uint_eq(tags.efi_map_bytes, 9 * 48);
}
END_TEST

START_TEST(of_boot_services_that_begin_below_1_mib_what_is_above_is_taken)
{
	static const uint64_t below[][3] = { { 4, 0x1000, 0xff }, { 3, 0x100000, 0 } };
	static const uint64_t across[][2][3] = {
		{ { 4, 0x90000, 0x80 }, { 3, 0x110000, 1 } },
		{ { 4, 0, 0x110 }, { 3, 0x110000, 1 } },
	};

	start();
	add_efi_map(below, 2);
	ck_assert_ptr_null(finish());
	ck_assert_uint_eq(info.range_count, 0);
	for (unsigned int i = 0; i < 2; i++) {
		start();
		add_efi_map(across[i], 2);
		ck_assert_ptr_null(finish());
		ck_assert_uint_eq(info.range_count, 1);
		ck_assert_uint_eq(info.ranges[0].start, 0x100000);
		ck_assert_uint_eq(info.ranges[0].end, 0x111000);
	}
}
END_TEST

START_TEST(an_efi_map_that_makes_no_sense_is_refused_or_left_out)
{
	static const uint64_t endless[][3] = { { 4, 0x100000, UINT64_MAX >> 12 },
		                               { 4, 0x200000, 1 } };
	static const uint64_t last[][3] = { { 4, 0x100000, (UINT64_MAX >> 12) - 0x100 } };

	start();
	add_efi_map(endless, 2);
	ck_assert_ptr_null(finish());
	ck_assert_uint_eq(info.range_count, 1); /* the one beside it counts */
	ck_assert_uint_eq(info.ranges[0].start, 0x200000);
	start();
	add_efi_map(last, 1);
	ck_assert_ptr_null(finish());
	ck_assert_uint_eq(info.ranges[0].end, UINT64_MAX - 0xfff);
	start();
	tag_start(MULTIBOOT2_EFI_MAP, 47);
	add32(39);
	for (int i = 0; i < 43; i++)
		add("", 1);
	ck_assert_str_eq(finish(), "a tag is malformed");
	start();
	tag_start(MULTIBOOT2_EFI_MAP, 4);
	add32(48);
	ck_assert_str_eq(finish(), "a tag is malformed");
	ck_assert_str_eq(tags_fault, "EFI's memory map is cut short");
}
END_TEST

START_TEST(more_of_boot_services_than_there_is_room_for_is_refused)
{
	static uint64_t descriptors[150][3];

	start();
	for (unsigned int i = 0; i < 150; i++) {
		descriptors[i][0] = 4;
		descriptors[i][1] = 0x100000 + i * 0x2000;
		descriptors[i][2] = 1;
	}
	add_efi_map(descriptors, 150);
	ck_assert_ptr_null(finish());
	ck_assert_uint_eq(info.range_count, 150);
	ck_assert_str_eq(multiboot2_read(bytes, size, &info),
	                 "too many memory ranges and modules");
}
END_TEST

START_TEST(efi_and_the_screen_are_read)
{
	start();
	tag_start(12, 8);
	add64(UINT64_C(0x123456789));
	tag_start(8, 30);
	add64(UINT64_C(0x4080000000));
	add32(5120);
	add32(1280);
	add32(800);
	add("\x20\x01\0\0\x10\x08\x09\x07\x01\x06", 10);
	(void)finish();
	ck_assert_ptr_null(tags_fault);
	ck_assert_uint_eq(tags.efi_system_table, UINT64_C(0x123456789));
	ck_assert_ptr_null(tags.efi_map);
	ck_assert_int_eq(tags.screen.kind, BZIMAGE_SCREEN_PIXELS);
	ck_assert_uint_eq(tags.screen.base, UINT64_C(0x4080000000));
	ck_assert_uint_eq(tags.screen.pitch, 5120);
	ck_assert_uint_eq(tags.screen.width, 1280);
	ck_assert_uint_eq(tags.screen.height, 800);
	ck_assert_uint_eq(tags.screen.depth, 32);
	ck_assert_mem_eq(tags.screen.fields, "\x10\x08\x09\x07\x01\x06", 6);
}
END_TEST

START_TEST(a_screen_is_text_or_pixels_or_none)
{
	static const enum bzimage_screen_kind kinds[] = { BZIMAGE_SCREEN_NONE,
		                                          BZIMAGE_SCREEN_PIXELS,
		                                          BZIMAGE_SCREEN_TEXT,
		                                          BZIMAGE_SCREEN_NONE };

	for (uint32_t bytes_of_it = 0; bytes_of_it <= 30; bytes_of_it++) {
		bool whole = bytes_of_it >= (_i == 1 ? 30u : 24u);

		start();
		tag_start(8, bytes_of_it);
		for (uint32_t i = 0; i < bytes_of_it; i++)
			add(i == 21 ? &(uint8_t){ (uint8_t)_i } : &(uint8_t){ 0 }, 1);
		(void)finish();
		if (whole)
			ck_assert_int_eq(tags.screen.kind, kinds[_i]);
		else
			ck_assert_str_eq(tags_fault,
			                 "the screen's description is cut short");
	}
}
END_TEST

START_TEST(an_efi_table_cut_short_is_refused)
{
	start();
	tag_start(12, 7);
	add("       ", 7);
	(void)finish();
	ck_assert_str_eq(tags_fault, "EFI's system table is cut short");
}
END_TEST

static Suite *multiboot2_suite(void)
{
	Suite *suite = suite_create("multiboot2");
	TCase *tests = tcase_create("multiboot2");

	tcase_add_test(tests, what_the_tags_say_is_read);
	tcase_add_test(tests, the_option_is_found_anywhere_in_the_command_line);
	tcase_add_test(tests, text_without_an_end_is_refused);
	tcase_add_test(tests, a_module_that_ends_before_it_starts_is_refused);
	tcase_add_test(tests, more_ranges_or_modules_than_there_is_room_for_are_refused);
	tcase_add_test(tests, a_range_past_the_end_of_the_address_space_stops_there);
	tcase_add_loop_test(tests, hostile_lengths_are_reported_not_followed, 0, 6);
	tcase_add_test(tests, a_map_with_entries_of_no_size_is_refused);
	tcase_add_test(tests, information_cut_anywhere_is_reported);
	tcase_add_loop_test(tests, the_longer_rsdp_counts, 0, 8);
	tcase_add_loop_test(tests, an_rsdp_that_is_cut_short_is_refused, 14, 16);
	tcase_add_test(tests, as_many_modules_as_there_is_room_for_are_taken);
	tcase_add_test(tests, a_module_without_any_text_is_refused);
	tcase_add_test(tests, a_module_cut_within_its_addresses_is_refused);
	tcase_add_test(tests, what_boot_services_left_is_taken_and_neighbours_are_one);
	tcase_add_test(tests,
	               of_boot_services_that_begin_below_1_mib_what_is_above_is_taken);
	tcase_add_test(tests, an_efi_map_that_makes_no_sense_is_refused_or_left_out);
	tcase_add_test(tests, more_of_boot_services_than_there_is_room_for_is_refused);
	tcase_add_test(tests, efi_and_the_screen_are_read);
	tcase_add_loop_test(tests, a_screen_is_text_or_pixels_or_none, 0, 4);
	tcase_add_test(tests, an_efi_table_cut_short_is_refused);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(multiboot2_suite)
