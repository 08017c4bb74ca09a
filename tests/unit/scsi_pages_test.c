/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What SCSI disks say about themselves, byte by byte as SPC-4 and SBC-3 lay it out. */
#include "unit.h"

#include "scsi_disk.h"
#include "vsp/storage/core/scsi_answer.h"

#define NAME "Viridis Virtual Disk    1.0 "

/* `head`, then zeros up to `bytes`. */
static void assert_page(const void *head, uint32_t head_bytes, uint32_t bytes)
{
	const uint8_t *data = assert_data(bytes);

	ck_assert_mem_eq(data, head, head_bytes);
	for (uint32_t i = head_bytes; i < bytes; i++)
		ck_assert_uint_eq(data[i], 0);
}

static void inquire(uint8_t evpd, uint8_t page)
{
	execute(&(struct call){ .cdb_length = 6,
	                        .cdb = { 0x12, evpd, page, 1, 0, 0 },
	                        .in = ROOM });
}

/* SPC-4 6.6.2 */
START_TEST(standard_inquiry_data)
{
	const uint8_t *data;

	inquire(0, 0);
	data = assert_data(64);
	ck_assert_mem_eq(data, "\x00\x00\x06\x12\x3b\x00\x00\x02" NAME, 36);
	for (int i = 36; i < 58; i++)
		ck_assert_uint_eq(data[i], 0);
	ck_assert_mem_eq(data + 58, "\x00\xa0\x04\x60\x04\xc0", 6);
}
END_TEST

START_TEST(standard_inquiry_data_of_no_disk)
{
	target.disk[0] = NULL;
	inquire(_i, 0);
	assert_page("\x7f\x00\x06\x12\x1f\x00\x00\x02" NAME, 36, 36);
}
END_TEST

/* SPC-4 7.8.6, 7.8.14, 7.8.15; SBC-3 6.5.2, 6.5.3, 6.5.4 */
START_TEST(vital_product_data)
{
	static const uint8_t pages[] = { 0, 0, 0, 6, 0, 0x80, 0x83, 0xb0, 0xb1, 0xb2 };
	static const uint8_t limits[44] = {
		0,         0xb0,     0,           0x3c,     1,
		0,         [7] = 8,  [10] = 8,    [14] = 8, [21] = 0x40,
		[27] = 32, [31] = 8, [41] = 0x40,
	};

	inquire(1, 0x00);
	assert_page(pages, sizeof(pages), sizeof(pages));
	inquire(1, 0x80);
	assert_page("\x00\x80\x00\x10"
	            "fedcba9876543210",
	            20, 20);
	inquire(1, 0x83);
	assert_page("\x00\x83\x00\x28\x02\x01\x00\x18Viridis fedcba9876543210"
	            "\x01\x03\x00\x08\x3e\xdc\xba\x98\x76\x54\x32\x10",
	            44, 44);
	inquire(1, 0xb0);
	assert_page(limits, 44, 64);
	inquire(1, 0xb1);
	assert_page("\x00\xb1\x00\x3c\x00\x01", 6, 64);
	disk.rotational = true;
	inquire(1, 0xb1);
	assert_page("\x00\xb1\x00\x3c", 4, 64);
	inquire(1, 0xb2);
	assert_page("\x00\xb2\x00\x04\x00\xc4\x02", 7, 8);
	disk.can_unmap = false;
	inquire(1, 0xb2);
	assert_page("\x00\xb2\x00\x04", 4, 8);
	inquire(1, 0xb0);
	assert_page(limits, 16, 64);
}
END_TEST

static void mode_sense(uint8_t flags, uint8_t page, uint8_t subpage)
{
	execute(&(struct call){ .cdb_length = 6,
	                        .cdb = { 0x1a, flags, page, subpage, 255, 0 } });
}

/* SPC-4 7.5; SBC-3 6.4 */
START_TEST(mode_parameters_of_the_short_form)
{
	static const uint8_t all[] = { 43, 0, 0x10, 8,    0x12, 0x34, 0x56, 0x78, 0,
		                       0,  2, 0,    0x08, 18,   0x04, 0,    0,    0,
		                       0,  0, 0,    0,    0,    0,    0,    0,    0,
		                       0,  0, 0,    0,    0,    0x0a, 10,   0,    0x10 };

	disk.blocks = 0x12345678;
	mode_sense(0, 0x3f, 0);
	assert_page(all, sizeof(all), 44);
	mode_sense(0, 0x3f, 0xff);
	assert_page(all, sizeof(all), 44);
	mode_sense(0, 0xbf, 0); /* the defaults are the current values */
	assert_page(all, sizeof(all), 44);
	mode_sense(8, 0x08, 0);
	assert_page("\x17\x00\x10\x00\x08\x12\x04", 7, 24);
	mode_sense(8, 0x0a, 0);
	assert_page("\x0f\x00\x10\x00\x0a\x0a\x00\x10", 8, 16);
	mode_sense(8, 0x48, 0);
	assert_page("\x17\x00\x10\x00\x08\x12", 6, 24);
	mode_sense(8, 0x4a, 0);
	assert_page("\x0f\x00\x10\x00\x0a\x0a", 6, 16);
	disk.read_only = true;
	mode_sense(8, 0x08, 0);
	assert_page("\x17\x00\x90\x00\x08\x12\x04", 7, 24);
}
END_TEST

START_TEST(mode_parameters_of_the_long_form)
{
	static const uint8_t caching[] = { 0,    34,   0, 0x10, 0, 0, 0, 8,  0xff, 0xff,
		                           0xff, 0xff, 0, 0,    2, 0, 8, 18, 4 };
	struct call call = { .cdb_length = 10, .cdb = { 0x5a, 0, 0x08, [8] = 255 } };

	execute(&call);
	assert_page(caching, sizeof(caching), 36);
	call.cdb[1] = 8;
	disk.read_only = true;
	execute(&call);
	assert_page("\x00\x1a\x00\x90\x00\x00\x00\x00\x08\x12\x04", 11, 28);
}
END_TEST

START_TEST(subpages_are_there_only_as_all_of_them)
{
	static const uint8_t pages[][2] = {
		{ 0x3f, 1 }, { 0x3f, 0xfe }, { 0x08, 0xff }, { 0x0a, 1 }, { 0x09, 0 },
	};

	mode_sense(0, pages[_i][0], pages[_i][1]);
	assert_sense(SCSI_SENSE_INVALID_FIELD_IN_CDB);
	execute(&(struct call){
		.cdb_length = 10,
		.cdb = { 0x5a, 0, pages[_i][0], pages[_i][1], 0, 0, 0, 0, 255 } });
	assert_sense(SCSI_SENSE_INVALID_FIELD_IN_CDB);
}
END_TEST

/* SBC-3 5.15 */
START_TEST(a_capacity_of_the_short_form)
{
	static const struct {
		uint64_t blocks;
		const char *data;
	} cases[] = {
		{ 1, "\x00\x00\x00\x00\x00\x00\x02\x00" },
		{ 0x12345679, "\x12\x34\x56\x78\x00\x00\x02\x00" },
		{ UINT32_MAX, "\xff\xff\xff\xfe\x00\x00\x02\x00" },
		{ UINT64_C(1) << 32, "\xff\xff\xff\xff\x00\x00\x02\x00" },
		{ UINT64_C(0x180000000), "\xff\xff\xff\xff\x00\x00\x02\x00" },
	};

	disk.blocks = cases[_i].blocks;
	execute(&(struct call){ .cdb_length = 10, .cdb = { 0x25 }, .in = 8 });
	assert_page(cases[_i].data, 8, 8);
}
END_TEST

/* SBC-3 5.16 */
START_TEST(a_capacity_of_the_long_form)
{
	const struct call call = { .cdb_length = 16, .cdb = { 0x9e, 0x10, [13] = 255 } };

	execute(&call);
	assert_page("\x00\x00\x00\x01\x7f\xff\xff\xff\x00\x00\x02\x00\x00\x03\xc0", 15,
	            32);
	disk.unmapped_reads_zero = false;
	disk.physical_exponent = 0;
	execute(&call);
	assert_page("\x00\x00\x00\x01\x7f\xff\xff\xff\x00\x00\x02\x00\x00\x00\x80", 15,
	            32);
	disk.can_unmap = false;
	execute(&call);
	assert_page("\x00\x00\x00\x01\x7f\xff\xff\xff\x00\x00\x02", 11, 32);
}
END_TEST

/* SPC-4 6.33 */
START_TEST(a_list_of_luns)
{
	struct call call = { .cdb_length = 12, .cdb = { 0xa0, 0, 2, [9] = 255 } };

	execute(&call);
	assert_page("\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	            "\x00\x05",
	            18, 24);
	call.cdb[2] = 0;
	execute(&call);
	(void)assert_data(24);
	call.cdb[2] = 1; /* well known ones only */
	execute(&call);
	assert_page("", 0, 8);
	call.cdb[2] = 3;
	execute(&call);
	assert_sense(SCSI_SENSE_INVALID_FIELD_IN_CDB);
	call.cdb[2] = 0;
	call.cdb[9] = 16;
	execute(&call);
	(void)assert_data(16);
}
END_TEST

START_TEST(requested_sense_is_empty_in_either_format)
{
	execute(&(struct call){ .cdb_length = 6, .cdb = { 0x03, 0, 0, 0, 255 } });
	assert_page("\x70\x00\x00\x00\x00\x00\x00\x0a", 8, 18);
	execute(&(struct call){ .cdb_length = 6, .cdb = { 0x03, 1, 0, 0, 255 } });
	assert_page("\x72", 1, 8);
}
END_TEST

/* SPC-4 4.5.2, 4.5.3, annex F */
START_TEST(sense_data_is_the_standards)
{
	static const uint8_t codes[SCSI_SENSES][3] = {
		[SCSI_SENSE_NONE] = { 0x0, 0x00, 0x00 },
		[SCSI_SENSE_READ_ERROR] = { 0x3, 0x11, 0x00 },
		[SCSI_SENSE_WRITE_ERROR] = { 0x3, 0x0c, 0x00 },
		[SCSI_SENSE_INTERNAL_FAILURE] = { 0x4, 0x44, 0x00 },
		[SCSI_SENSE_PARAMETER_LIST_LENGTH] = { 0x5, 0x1a, 0x00 },
		[SCSI_SENSE_INVALID_OPCODE] = { 0x5, 0x20, 0x00 },
		[SCSI_SENSE_LBA_OUT_OF_RANGE] = { 0x5, 0x21, 0x00 },
		[SCSI_SENSE_INVALID_FIELD_IN_CDB] = { 0x5, 0x24, 0x00 },
		[SCSI_SENSE_UNIT_NOT_SUPPORTED] = { 0x5, 0x25, 0x00 },
		[SCSI_SENSE_INVALID_FIELD_IN_PARAMETERS] = { 0x5, 0x26, 0x00 },
		[SCSI_SENSE_SAVING_NOT_SUPPORTED] = { 0x5, 0x39, 0x00 },
		[SCSI_SENSE_WRITE_PROTECTED] = { 0x7, 0x27, 0x00 },
		[SCSI_SENSE_SPACE_ALLOCATION_FAILED] = { 0x7, 0x27, 0x07 },
		[SCSI_SENSE_CAPACITY_CHANGED] = { 0x6, 0x2a, 0x09 },
	};
	const uint8_t *code = codes[_i];
	const uint8_t fixed[18] = { 0x70, 0, code[0], 0, 0, 0,       0,
		                    10,   0, 0,       0, 0, code[1], code[2] };
	const uint8_t descriptor[18] = { 0x72, code[0], code[1], code[2] };
	uint8_t out[18];

	memset(out, 0xa5, sizeof(out));
	ck_assert_uint_eq(scsi_sense_write((enum scsi_sense)_i, false, out), 18);
	ck_assert_mem_eq(out, fixed, sizeof(out));
	memset(out, 0xa5, sizeof(out));
	ck_assert_uint_eq(scsi_sense_write((enum scsi_sense)_i, true, out), 8);
	ck_assert_mem_eq(out, descriptor, sizeof(out));
}
END_TEST

/* A good one of every command that disks have. */
static const struct every {
	enum { READS, WRITES, NEEDS_NO_DISK } kind;
	struct call call;
} commands[] = {
	{ READS, { .cdb_length = 6, .cdb = { 0x00 } } },
	{ READS, { .cdb_length = 6, .cdb = { 0x03, [4] = 18 } } },
	{ READS, { .cdb_length = 6, .cdb = { 0x08, [4] = 1 }, .in = 512 } },
	{ WRITES, { .cdb_length = 6, .cdb = { 0x0a, [4] = 1 }, .out = 512 } },
	{ NEEDS_NO_DISK, { .cdb_length = 6, .cdb = { 0x12, [4] = 36 } } },
	{ READS, { .cdb_length = 6, .cdb = { 0x1a, 0, 0x08, [4] = 255 } } },
	{ READS, { .cdb_length = 6, .cdb = { 0x1b } } },
	{ READS, { .cdb_length = 10, .cdb = { 0x25 } } },
	{ READS, { .cdb_length = 10, .cdb = { 0x28, [8] = 1 }, .in = 512 } },
	{ WRITES, { .cdb_length = 10, .cdb = { 0x2a, [8] = 1 }, .out = 512 } },
	{ READS, { .cdb_length = 10, .cdb = { 0x2f, [8] = 1 } } },
	{ READS, { .cdb_length = 10, .cdb = { 0x35, [8] = 1 } } },
	{ WRITES, { .cdb_length = 10, .cdb = { 0x42 } } },
	{ READS, { .cdb_length = 10, .cdb = { 0x5a, 0, 0x08, [8] = 255 } } },
	{ READS, { .cdb_length = 16, .cdb = { 0x88, [13] = 1 }, .in = 512 } },
	{ WRITES, { .cdb_length = 16, .cdb = { 0x8a, [13] = 1 }, .out = 512 } },
	{ READS, { .cdb_length = 16, .cdb = { 0x8f, [13] = 1 } } },
	{ READS, { .cdb_length = 16, .cdb = { 0x91, [13] = 1 } } },
	{ WRITES, { .cdb_length = 16, .cdb = { 0x93, 1, [13] = 1 } } },
	{ READS, { .cdb_length = 16, .cdb = { 0x9e, 0x10 } } },
	{ NEEDS_NO_DISK, { .cdb_length = 12, .cdb = { 0xa0, [9] = 16 } } },
	{ READS, { .cdb_length = 12, .cdb = { 0xa8, [9] = 1 }, .in = 512 } },
	{ WRITES, { .cdb_length = 12, .cdb = { 0xaa, [9] = 1 }, .out = 512 } },
	{ READS, { .cdb_length = 12, .cdb = { 0xaf, [9] = 1 } } },
};
enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

START_TEST(every_command_is_taken_whole_and_in_no_part)
{
	struct call call = commands[_i].call;

	execute(&call);
	ck_assert_int_eq(action.response.sense, SCSI_SENSE_NONE);
	while (--call.cdb_length > 0) {
		execute(&call);
		assert_sense(SCSI_SENSE_INVALID_FIELD_IN_CDB);
	}
	execute(&call);
	assert_sense(SCSI_SENSE_INVALID_OPCODE);
}
END_TEST

START_TEST(every_command_that_writes_minds_the_protection)
{
	disk.read_only = true;
	execute(&commands[_i].call);
	if (commands[_i].kind == WRITES)
		assert_sense(SCSI_SENSE_WRITE_PROTECTED);
	else
		ck_assert_int_eq(action.response.sense, SCSI_SENSE_NONE);
}
END_TEST

START_TEST(every_command_but_two_needs_a_disk)
{
	target.disk[0] = NULL;
	execute(&commands[_i].call);
	ck_assert_int_eq(action.type, SCSI_RESPOND);
	ck_assert_int_eq(action.response.sense, SCSI_SENSE_NONE);
	ck_assert_int_eq(action.response.no_such_lun, commands[_i].kind != NEEDS_NO_DISK);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("scsi_pages");
	TCase *tcase = tcase_create("pages");

	tcase_add_checked_fixture(tcase, set_up, NULL);
	tcase_add_test(tcase, standard_inquiry_data);
	tcase_add_loop_test(tcase, standard_inquiry_data_of_no_disk, 0, 2);
	tcase_add_test(tcase, vital_product_data);
	tcase_add_test(tcase, mode_parameters_of_the_short_form);
	tcase_add_test(tcase, mode_parameters_of_the_long_form);
	tcase_add_loop_test(tcase, subpages_are_there_only_as_all_of_them, 0, 5);
	tcase_add_loop_test(tcase, a_capacity_of_the_short_form, 0, 5);
	tcase_add_test(tcase, a_capacity_of_the_long_form);
	tcase_add_test(tcase, a_list_of_luns);
	tcase_add_test(tcase, requested_sense_is_empty_in_either_format);
	tcase_add_loop_test(tcase, sense_data_is_the_standards, 0, SCSI_SENSES);
	tcase_add_loop_test(tcase, every_command_is_taken_whole_and_in_no_part, 0,
	                    COMMANDS);
	tcase_add_loop_test(tcase, every_command_that_writes_minds_the_protection, 0,
	                    COMMANDS);
	tcase_add_loop_test(tcase, every_command_but_two_needs_a_disk, 0, COMMANDS);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
