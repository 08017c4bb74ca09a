/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The SCSI disks that guests see: every command's answer, and every way to ask wrongly. */
#include "unit.h"

#include "scsi_disk.h"
#include "vsp/storage/core/scsi_answer.h"

static void inquire(uint8_t evpd, uint8_t page, uint8_t allocation)
{
	execute(&(struct call){ .cdb_length = 6,
	                        .cdb = { 0x12, evpd, page, 0, allocation, 0 },
	                        .in = ROOM });
}

static void test_ready(void)
{
	execute(&(struct call){ .cdb_length = 6, .cdb = { 0x00 } });
}

static void request_sense(void)
{
	execute(&(struct call){ .cdb_length = 6,
	                        .cdb = { 0x03, 0, 0, 0, 18, 0 },
	                        .in = ROOM });
}

START_TEST(a_disk_that_has_grown_says_so_once)
{
	const uint8_t *data;

	disk.has_grown = true;
	inquire(0, 0, 36);
	(void)assert_data(36); /* not by an inquiry */
	test_ready();
	assert_sense(SCSI_SENSE_CAPACITY_CHANGED);
	test_ready();
	ck_assert_int_eq(action.response.sense, SCSI_SENSE_NONE);
	disk.has_grown = true;
	request_sense();
	data = assert_data(18);
	ck_assert_uint_eq(data[2], 0x06);
	ck_assert_uint_eq(data[12], 0x2a);
	ck_assert_uint_eq(data[13], 0x09);
	test_ready();
	ck_assert_int_eq(action.response.sense, SCSI_SENSE_NONE);
}
END_TEST

START_TEST(data_ends_where_the_guest_allocated_no_more)
{
	inquire(0, 0, 36);
	(void)assert_data(36);
	inquire(0, 0, 0);
	(void)assert_data(0);
}
END_TEST

START_TEST(every_listed_vpd_page_is_there_and_knows_its_length)
{
	uint8_t pages[16];
	const uint8_t *data;
	uint32_t count;

	inquire(1, 0, 255);
	count = action.response.data[3];
	data = assert_data(4 + count);
	ck_assert_uint_le(count, sizeof(pages));
	memcpy(pages, &data[4], count);
	for (uint32_t i = 0; i < count; i++) {
		inquire(1, pages[i], 255);
		ck_assert_uint_eq(action.response.data[1], pages[i]);
		(void)assert_data(4u + action.response.data[3]);
	}
}
END_TEST

START_TEST(an_unknown_page_is_an_invalid_field)
{
	inquire(1, 0x89, 255);
	assert_sense(SCSI_SENSE_INVALID_FIELD_IN_CDB);
	inquire(0, 0x80, 255);
	assert_sense(SCSI_SENSE_INVALID_FIELD_IN_CDB);
}
END_TEST

START_TEST(provisioning_is_advertised_only_where_holes_can_be_punched)
{
	const uint8_t *data;

	inquire(1, 0xb2, 255);
	data = assert_data(8);
	ck_assert_uint_eq(data[5], 0xc4);
	ck_assert_uint_eq(data[6], 2);
	disk.unmapped_reads_zero = false;
	inquire(1, 0xb2, 255);
	data = assert_data(8);
	ck_assert_uint_eq(data[5], 0xc0);
	disk.can_unmap = false;
	inquire(1, 0xb2, 255);
	data = assert_data(8);
	ck_assert_uint_eq(data[5], 0);
	inquire(1, 0xb0, 255);
	data = assert_data(64);
	for (int i = 20; i < 64; i++)
		ck_assert_uint_eq(data[i], 0);
	execute(&(struct call){ .cdb_length = 10, .cdb = { 0x42 }, .out = 24 });
	assert_sense(SCSI_SENSE_INVALID_OPCODE);
	execute(&(struct call){ .cdb_length = 16,
	                        .cdb = { 0x93, 0x08, [13] = 1 },
	                        .out = 512 });
	assert_sense(SCSI_SENSE_INVALID_OPCODE);
}
END_TEST

START_TEST(where_no_disk_is_every_inquiry_says_so)
{
	static const struct call calls[] = {
		{ .lun = 1, .cdb_length = 6, .cdb = { 0x12, 0, 0, 0, 96 } },
		{ .lun = 1, .cdb_length = 6, .cdb = { 0x12, 1, 0x80, 0, 96 } },
		{ .lun = 255, .cdb_length = 6, .cdb = { 0x12, 0, 0, 0, 96 } },
		{ .path = 1, .cdb_length = 6, .cdb = { 0x12, 0, 0, 0, 96 } },
	};

	execute(&calls[_i]);
	ck_assert_uint_eq(assert_data(36)[0], 0x7f);
}
END_TEST

START_TEST(a_target_without_disks_has_an_empty_list_of_luns)
{
	execute(&(struct call){ .path = 1, .cdb_length = 12, .cdb = { 0xa0, [9] = 64 } });
	ck_assert_uint_eq(assert_data(8)[3], 0);
}
END_TEST

/* Linux would take INVALID_LUN on any path for one on path 0. */
START_TEST(a_command_to_another_target_removes_no_disk_of_ours)
{
	execute(&(struct call){ .path = 1, .cdb_length = 6, .cdb = { 0x00 } });
	assert_sense(SCSI_SENSE_UNIT_NOT_SUPPORTED);
}
END_TEST

START_TEST(other_commands_to_nothing_say_no_such_lun)
{
	static const struct call calls[] = {
		{ .lun = 1, .cdb_length = 6, .cdb = { 0x00 } },
		{ .lun = 64, .cdb_length = 10, .cdb = { 0x28 } },
		{ .lun = 1, .cdb_length = 1, .cdb = { 0xff } },
		{ .lun = 1, .cdb_length = 0 },
	};
	struct vstor_result result;

	execute(&calls[_i]);
	ck_assert(action.response.no_such_lun);
	scsi_answer_response(&action.response, 0, &result);
	ck_assert_uint_eq(result.srb_status, STORVSC_SRB_INVALID_LUN);
}
END_TEST

START_TEST(report_luns_lists_the_disks_even_through_an_empty_lun)
{
	const uint8_t *data;

	execute(&(struct call){ .lun = 9,
	                        .cdb_length = 12,
	                        .cdb = { 0xa0, [8] = 1, [9] = 0 },
	                        .in = ROOM });
	data = assert_data(24);
	ck_assert_uint_eq(data[3], 16);
	ck_assert_uint_eq(data[9], 0);
	ck_assert_uint_eq(data[17], 5);
	execute(&(struct call){ .cdb_length = 12, .cdb = { 0xa0, [9] = 15 }, .in = 15 });
	assert_sense(SCSI_SENSE_INVALID_FIELD_IN_CDB);
}
END_TEST

START_TEST(all_luns_fit_in_one_report)
{
	for (unsigned int i = 0; i < SCSI_LUNS_MAX; i++)
		target.disk[i] = &disk;
	execute(&(
		struct call){ .cdb_length = 12, .cdb = { 0xa0, [8] = 16 }, .in = ROOM });
	(void)assert_data(8 + 8 * 64);
}
END_TEST

START_TEST(a_read_only_disk_says_so_and_refuses_every_write)
{
	static const struct call writes[] = {
		{ .cdb_length = 6, .cdb = { 0x0a, 0, 0, 0, 1 }, .out = ROOM },
		{ .cdb_length = 10, .cdb = { 0x2a, [8] = 1 }, .out = ROOM },
		{ .cdb_length = 12, .cdb = { 0xaa, [9] = 1 }, .out = ROOM },
		{ .cdb_length = 16, .cdb = { 0x8a, [13] = 1 }, .out = ROOM },
		{ .cdb_length = 16, .cdb = { 0x93, [13] = 1 }, .out = 512 },
		{ .cdb_length = 10, .cdb = { 0x42, [8] = 24 }, .out = 24 },
	};

	disk.read_only = true;
	execute(&(struct call){ .cdb_length = 6, .cdb = { 0x1a, 8, 0x3f, 0, 255 } });
	ck_assert_uint_eq(action.response.data[2], 0x90);
	execute(&writes[_i]);
	assert_sense(SCSI_SENSE_WRITE_PROTECTED);
	execute(&(struct call){ .cdb_length = 10, .cdb = { 0x35 } });
	(void)assert_data(0);
}
END_TEST

START_TEST(mode_pages_that_are_not_there_are_refused)
{
	execute(&(struct call){ .cdb_length = 6, .cdb = { 0x1a, 0, 0x1c, 0, 255 } });
	assert_sense(SCSI_SENSE_INVALID_FIELD_IN_CDB);
	execute(&(struct call){ .cdb_length = 6, .cdb = { 0x1a, 0, 0x08, 1, 255 } });
	assert_sense(SCSI_SENSE_INVALID_FIELD_IN_CDB);
	execute(&(struct call){ .cdb_length = 6, .cdb = { 0x1a, 0, 0xc8, 0, 255 } });
	assert_sense(SCSI_SENSE_SAVING_NOT_SUPPORTED);
}
END_TEST

static const struct transfer {
	uint8_t cdb_length;
	uint8_t read;
	uint8_t write;
	uint8_t lba_at;
	uint8_t lba_bytes;
	uint8_t blocks_at; /* its last byte */
} transfers[] = {
	{ 10, 0x28, 0x2a, 2, 4, 8 },
	{ 12, 0xa8, 0xaa, 2, 4, 9 },
	{ 16, 0x88, 0x8a, 2, 8, 13 },
};

static struct call transfer(const struct transfer *shape, bool write, uint64_t lba,
                            uint8_t blocks)
{
	struct call call = { .cdb_length = shape->cdb_length };

	call.cdb[0] = write ? shape->write : shape->read;
	for (int i = shape->lba_bytes; i-- > 0; lba >>= 8)
		call.cdb[shape->lba_at + i] = (uint8_t)lba;
	call.cdb[shape->blocks_at] = blocks;
	*(write ? &call.out : &call.in) = ROOM;
	return call;
}

START_TEST(reads_and_writes_of_all_lengths_become_extents)
{
	struct call call = transfer(&transfers[_i], false, 0x12345678, 9);

	execute(&call);
	assert_extent(SCSI_READ, 0x12345678, 9);
	call = transfer(&transfers[_i], true, 0x12345678, 128);
	execute(&call);
	assert_extent(SCSI_WRITE, 0x12345678, 128);
	ck_assert(!action.durable);
	call.cdb[1] = 0x08;
	execute(&call);
	assert_extent(SCSI_WRITE, 0x12345678, 128);
	ck_assert(action.durable);
}
END_TEST

START_TEST(the_six_byte_form_counts_256_as_0)
{
	execute(&(struct call){ .cdb_length = 6,
	                        .cdb = { 0x08, 0xe1, 2, 3, 0, 0 },
	                        .in = 256 * 512 });
	assert_extent(SCSI_READ, 0x010203, 256);
	execute(&(struct call){ .cdb_length = 6,
	                        .cdb = { 0x0a, 0, 0, 1, 1, 0 },
	                        .out = 512 });
	assert_extent(SCSI_WRITE, 1, 1);
}
END_TEST

START_TEST(no_blocks_are_no_error)
{
	struct call call = transfer(&transfers[_i], false, 0, 0);

	execute(&call);
	(void)assert_data(0);
}
END_TEST

START_TEST(what_ends_behind_the_disk_is_out_of_range)
{
	static const uint64_t bad[] = { BLOCKS - 7, BLOCKS,         BLOCKS + 1,
		                        UINT64_MAX, UINT64_MAX - 7, UINT64_C(1) << 55 };
	struct call call = transfer(&transfers[2], _i % 2, bad[_i], 8);

	execute(&call);
	assert_sense(SCSI_SENSE_LBA_OUT_OF_RANGE);
	call = transfer(&transfers[2], _i % 2, BLOCKS - 8, 8);
	execute(&call);
	assert_extent(_i % 2 ? SCSI_WRITE : SCSI_READ, BLOCKS - 8, 8);
}
END_TEST

START_TEST(a_transfer_longer_than_the_buffer_is_refused)
{
	struct call call = transfer(&transfers[_i], false, 0, 8);

	call.in = 8 * 512 - 1;
	execute(&call);
	assert_sense(SCSI_SENSE_INVALID_FIELD_IN_CDB);
	call.in = 0;
	call.out = ROOM; /* the wrong way round */
	execute(&call);
	assert_sense(SCSI_SENSE_INVALID_FIELD_IN_CDB);
}
END_TEST

START_TEST(protection_information_is_refused)
{
	struct call call = transfer(&transfers[_i], true, 0, 8);

	call.cdb[1] = 0x20;
	execute(&call);
	assert_sense(SCSI_SENSE_INVALID_FIELD_IN_CDB);
}
END_TEST

START_TEST(a_cdb_cut_short_is_an_invalid_field)
{
	static const uint8_t lengths[][2] = { { 0x28, 9 },  { 0x88, 15 }, { 0xa8, 11 },
		                              { 0x08, 5 },  { 0x12, 5 },  { 0x1a, 5 },
		                              { 0x5a, 9 },  { 0xa0, 11 }, { 0x42, 9 },
		                              { 0x93, 15 }, { 0x9e, 15 }, { 0x00, 1 } };

	execute(&(struct call){ .cdb_length = lengths[_i][1],
	                        .cdb = { lengths[_i][0] },
	                        .in = ROOM });
	assert_sense(SCSI_SENSE_INVALID_FIELD_IN_CDB);
}
END_TEST

START_TEST(commands_disks_do_not_have_are_invalid_opcodes)
{
	static const uint8_t opcodes[] = { 0x4d, 0x5e, 0x5f, 0x85, 0xa1, 0xa3,
		                           0x04, 0x15, 0x41, 0x7f, 0xff };

	execute(&(struct call){ .cdb_length = 16, .cdb = { opcodes[_i] }, .in = ROOM });
	assert_sense(SCSI_SENSE_INVALID_OPCODE);
}
END_TEST

START_TEST(flushes_flush)
{
	static const struct call calls[] = {
		{ .cdb_length = 10, .cdb = { 0x35 } },
		{ .cdb_length = 16, .cdb = { 0x91 } },
		{ .cdb_length = 6, .cdb = { 0x1b, 0, 0, 0, 0 } }, /* stop */
	};

	execute(&calls[_i]);
	ck_assert_int_eq(action.type, SCSI_FLUSH);
	execute(&(struct call){ .cdb_length = 6, .cdb = { 0x1b, 0, 0, 0, 1 } });
	(void)assert_data(0);
	execute(&(struct call){ .cdb_length = 16, .cdb = { 0x91, 0, 0xff } });
	assert_sense(SCSI_SENSE_LBA_OUT_OF_RANGE);
}
END_TEST

START_TEST(verify_checks_the_range_and_compares_nothing)
{
	execute(&(struct call){ .cdb_length = 10, .cdb = { 0x2f, 0, [8] = 8 } });
	(void)assert_data(0);
	execute(&(struct call){ .cdb_length = 10, .cdb = { 0x2f, 2, [8] = 8 } });
	assert_sense(SCSI_SENSE_INVALID_FIELD_IN_CDB);
	execute(&(struct call){ .cdb_length = 16, .cdb = { 0x8f, 0, 1, [13] = 8 } });
	assert_sense(SCSI_SENSE_LBA_OUT_OF_RANGE);
}
END_TEST

/* UNMAP's list: header and one descriptor. */
static void unmap_list(uint16_t descriptor_bytes, uint64_t lba, uint32_t blocks)
{
	parameters[2] = (uint8_t)(descriptor_bytes >> 8);
	parameters[3] = (uint8_t)descriptor_bytes;
	for (int i = 8; i-- > 0; lba >>= 8)
		parameters[8 + i] = (uint8_t)lba;
	for (int i = 4; i-- > 0; blocks >>= 8)
		parameters[16 + i] = (uint8_t)blocks;
}

static void unmap(uint8_t length)
{
	execute(&(struct call){ .cdb_length = 10,
	                        .cdb = { 0x42, [8] = length },
	                        .out = length });
}

START_TEST(unmap_becomes_extents)
{
	unmap_list(16, 0x1000, 0x200);
	unmap(24);
	assert_extent(SCSI_DISCARD, 0x1000, 0x200);
	unmap_list(32, 0x1000, 0x200);
	parameters[8 + 16 + 11] = 5; /* the second: 5 blocks from 0 on */
	unmap(40);
	ck_assert_uint_eq(action.extent_count, 2);
	ck_assert_uint_eq(action.extents[1].bytes, 5 * 512);
	unmap(0);
	(void)assert_data(0);
	unmap_list(16, 0x1000, 0);
	unmap(24);
	(void)assert_data(0);
}
END_TEST

START_TEST(lists_of_unmap_that_do_not_add_up_are_refused)
{
	unmap_list(16, 0, 1);
	unmap(23);
	assert_sense(SCSI_SENSE_PARAMETER_LIST_LENGTH);
	unmap(7);
	assert_sense(SCSI_SENSE_PARAMETER_LIST_LENGTH);
	unmap_list(0xffff, 0, 1);
	unmap(24);
	assert_sense(SCSI_SENSE_PARAMETER_LIST_LENGTH);
	unmap_list(16, BLOCKS - 1, 2);
	unmap(24);
	assert_sense(SCSI_SENSE_LBA_OUT_OF_RANGE);
	unmap_list(16, 0, SCSI_UNMAP_BLOCKS_MAX + 1);
	unmap(24);
	assert_sense(SCSI_SENSE_INVALID_FIELD_IN_PARAMETERS);
}
END_TEST

START_TEST(more_descriptors_than_advertised_are_refused)
{
	unmap_list(16 * 33, 0, 1);
	execute(&(struct call){ .cdb_length = 10,
	                        .cdb = { 0x42, [7] = 0x02, [8] = 0x18 },
	                        .out = 0x218 });
	assert_sense(SCSI_SENSE_INVALID_FIELD_IN_PARAMETERS);
}
END_TEST

START_TEST(a_list_the_guest_did_not_send_is_refused)
{
	unmap_list(16, 0, 1);
	execute(&(struct call){ .cdb_length = 10, .cdb = { 0x42, [8] = 24 }, .out = 20 });
	assert_sense(SCSI_SENSE_PARAMETER_LIST_LENGTH);
	execute(&(struct call){ .cdb_length = 10, .cdb = { 0x42, [8] = 24 } });
	assert_sense(SCSI_SENSE_PARAMETER_LIST_LENGTH);
}
END_TEST

static struct call write_same(uint8_t flags, uint8_t blocks)
{
	return (struct call){
		.cdb_length = 16,
		.cdb = { 0x93, flags, [9] = 4, [13] = blocks },
		.out = 512,
	};
}

START_TEST(zeros_are_written_as_a_hole_or_not_as_the_guest_says)
{
	struct call call = write_same(0x08, 16);

	execute(&call);
	assert_extent(SCSI_ZERO, 4, 16);
	ck_assert(action.unmap);
	call = write_same(0x00, 16);
	execute(&call);
	assert_extent(SCSI_ZERO, 4, 16);
	ck_assert(!action.unmap);
	call = write_same(0x01, 16); /* no data sent at all */
	call.out = 0;
	execute(&call);
	assert_extent(SCSI_ZERO, 4, 16);
}
END_TEST

START_TEST(write_same_takes_zeros_only_and_some_blocks)
{
	struct call call = write_same(0x08, 0);

	execute(&call);
	assert_sense(SCSI_SENSE_INVALID_FIELD_IN_CDB);
	call = write_same(0x08, 16);
	call.out = 511;
	execute(&call);
	assert_sense(SCSI_SENSE_INVALID_FIELD_IN_CDB);
	parameters[511] = 1;
	call.out = 512;
	execute(&call);
	assert_sense(SCSI_SENSE_INVALID_FIELD_IN_CDB);
}
END_TEST

/* A range may end at the last block, and an empty one may lie there; no further. */
START_TEST(ranges_end_with_the_disk_for_every_command)
{
	static const uint8_t opcodes[] = { 0x88, 0x8a, 0x8f, 0x91, 0x93 };
	static const struct {
		uint64_t lba;
		uint8_t blocks;
		bool good;
	} ranges[] = {
		{ BLOCKS - 1, 1, true },  { BLOCKS - 1, 2, false }, { BLOCKS, 1, false },
		{ BLOCKS + 1, 1, false }, { UINT64_MAX, 1, false }, { 0, 1, true },
	};

	for (unsigned int i = 0; i < 5; i++) {
		struct call call =
			transfer(&transfers[2], false, ranges[_i].lba, ranges[_i].blocks);

		call.cdb[0] = opcodes[i];
		call.cdb[1] = opcodes[i] == 0x93; /* no data comes along */
		call.out = ROOM;
		execute(&call);
		ck_assert_int_eq(action.response.sense,
		                 ranges[_i].good ? SCSI_SENSE_NONE :
		                                   SCSI_SENSE_LBA_OUT_OF_RANGE);
	}
	unmap_list(16, ranges[_i].lba, ranges[_i].blocks);
	unmap(24);
	ck_assert_int_eq(action.response.sense,
	                 ranges[_i].good ? SCSI_SENSE_NONE : SCSI_SENSE_LBA_OUT_OF_RANGE);
}
END_TEST

START_TEST(an_empty_range_lies_on_the_disk_or_at_its_end)
{
	static const uint8_t opcodes[] = { 0x88, 0x8f, 0x91 };
	struct call call = transfer(&transfers[2], false, BLOCKS, 0);

	call.cdb[0] = opcodes[_i];
	execute(&call);
	ck_assert_int_eq(action.response.sense, SCSI_SENSE_NONE);
	call = transfer(&transfers[2], false, BLOCKS + 1, 0);
	call.cdb[0] = opcodes[_i];
	execute(&call);
	assert_sense(SCSI_SENSE_LBA_OUT_OF_RANGE);
}
END_TEST

START_TEST(bits_that_ask_for_what_there_is_not_are_refused_one_by_one)
{
	static const struct call calls[] = {
		{ .cdb_length = 10, .cdb = { 0x28, 0x80 } },
		{ .cdb_length = 10, .cdb = { 0x28, 0x40 } },
		{ .cdb_length = 10, .cdb = { 0x28, 0x20 } },
		{ .cdb_length = 10, .cdb = { 0x2f, 0x80 } },
		{ .cdb_length = 10, .cdb = { 0x2f, 0x02 } },
		{ .cdb_length = 10, .cdb = { 0x2f, 0x04 } },
		{ .cdb_length = 10, .cdb = { 0x42, 0x01, [8] = 24 }, .out = 24 },
		{ .cdb_length = 16, .cdb = { 0x93, 0x11, [13] = 1 } },
		{ .cdb_length = 16, .cdb = { 0x93, 0x21, [13] = 1 } },
		{ .cdb_length = 16, .cdb = { 0x9e, 0x11, [13] = 32 } },
	};

	execute(&calls[_i]);
	assert_sense(SCSI_SENSE_INVALID_FIELD_IN_CDB);
}
END_TEST

START_TEST(reserved_bits_before_a_service_action_and_an_lba_are_passed_over)
{
	execute(&(struct call){ .cdb_length = 16, .cdb = { 0x9e, 0xf0, [13] = 32 } });
	(void)assert_data(32);
	execute(&(struct call){ .cdb_length = 6,
	                        .cdb = { 0x08, 0xff, 0xff, 0xff, 1 },
	                        .in = 512 });
	assert_extent(SCSI_READ, 0x1fffff, 1);
}
END_TEST

START_TEST(lists_of_unmap_are_taken_up_to_their_limits)
{
	struct call call = { .cdb_length = 10,
		             .cdb = { 0x42, [7] = 0x02, [8] = 0x08 },
		             .out = 0x208 };

	unmap_list(16 * 32, 0, 1);
	for (unsigned int i = 1; i < 32; i++)
		parameters[8 + 16 * i + 11] = 1;
	execute(&call);
	ck_assert_int_eq(action.type, SCSI_DISCARD);
	ck_assert_uint_eq(action.extent_count, 32);
	ck_assert_uint_eq(action.extents[31].bytes, 512);
	unmap_list(16, 0, SCSI_UNMAP_BLOCKS_MAX);
	unmap(24);
	assert_extent(SCSI_DISCARD, 0, SCSI_UNMAP_BLOCKS_MAX);
	unmap_list(32, 0, SCSI_UNMAP_BLOCKS_MAX);
	unmap(40);
	assert_sense(SCSI_SENSE_INVALID_FIELD_IN_PARAMETERS);
	unmap_list(0, 0, 1);
	unmap(8);
	(void)assert_data(0);
	unmap_list(15, 0, 1); /* no whole descriptor */
	unmap(23);
	(void)assert_data(0);
	call = (struct call){ .cdb_length = 10, .cdb = { 0x42, [8] = 7 }, .out = 24 };
	unmap_list(16, 0, 1);
	execute(&call);
	assert_sense(SCSI_SENSE_PARAMETER_LIST_LENGTH);
}
END_TEST

START_TEST(write_same_is_taken_up_to_its_limit)
{
	struct call call = write_same(0x01, 0);

	call.cdb[11] = SCSI_UNMAP_BLOCKS_MAX >> 16;
	execute(&call);
	assert_extent(SCSI_ZERO, 4, SCSI_UNMAP_BLOCKS_MAX);
	ck_assert(!action.unmap);
	call.cdb[13] = 1;
	execute(&call);
	assert_sense(SCSI_SENSE_INVALID_FIELD_IN_CDB);
}
END_TEST

START_TEST(write_same_looks_at_the_whole_pattern)
{
	static const unsigned int places[] = { 0, 1, 255, 510, 511 };
	struct call call = write_same(0x00, 1);

	parameters[places[_i]] = 1;
	execute(&call);
	assert_sense(SCSI_SENSE_INVALID_FIELD_IN_CDB);
}
END_TEST

START_TEST(only_two_commands_have_parameters_and_no_more_than_were_sent)
{
	static const struct {
		uint8_t cdb_length, opcode;
		uint32_t sent, wanted;
	} cases[] = {
		{ 10, 0x42, 519, 519 }, { 10, 0x42, 520, 520 }, { 10, 0x42, 521, 520 },
		{ 16, 0x93, 511, 511 }, { 16, 0x93, 512, 512 }, { 16, 0x93, 513, 512 },
		{ 16, 0x93, 0, 0 },     { 10, 0x2a, 512, 0 },   { 0, 0x42, 24, 0 },
		{ 1, 0x42, 24, 24 },
	};
	const struct scsi_request request = {
		.cdb_length = cases[_i].cdb_length,
		.cdb = &cases[_i].opcode,
		.data_out_bytes = cases[_i].sent,
	};

	ck_assert_uint_eq(scsi_parameter_bytes(&request), cases[_i].wanted);
}
END_TEST

START_TEST(a_request_of_the_class_becomes_one_of_the_model)
{
	struct vstor_request from = {
		.path = 1,
		.target = 2,
		.lun = 3,
		.cdb_length = 10,
		.direction = (enum storvsc_data_direction)_i,
		.transfer_bytes = 4096,
	};
	struct scsi_request to;

	scsi_request_from(&from, &to);
	ck_assert_uint_eq(to.path, 1);
	ck_assert_uint_eq(to.target, 2);
	ck_assert_uint_eq(to.lun, 3);
	ck_assert_uint_eq(to.cdb_length, 10);
	ck_assert_ptr_eq(to.cdb, from.cdb);
	ck_assert_uint_eq(to.data_in_bytes, _i == STORVSC_DATA_IN ? 4096 : 0);
	ck_assert_uint_eq(to.data_out_bytes, _i == STORVSC_DATA_OUT ? 4096 : 0);
}
END_TEST

START_TEST(errors_of_the_medium_become_the_right_sense)
{
	static const struct {
		enum scsi_action_type type;
		enum scsi_medium_status status;
		uint8_t key, asc, ascq;
	} cases[] = {
		{ SCSI_READ, SCSI_MEDIUM_ERROR, 3, 0x11, 0 },
		{ SCSI_WRITE, SCSI_MEDIUM_ERROR, 3, 0x0c, 0 },
		{ SCSI_FLUSH, SCSI_MEDIUM_ERROR, 3, 0x0c, 0 },
		{ SCSI_WRITE, SCSI_MEDIUM_NO_SPACE, 7, 0x27, 7 },
		{ SCSI_WRITE, SCSI_MEDIUM_READ_ONLY, 7, 0x27, 0 },
		{ SCSI_READ, SCSI_MEDIUM_FAILURE, 4, 0x44, 0 },
	};
	struct vstor_result result;

	scsi_answer_medium(cases[_i].type, cases[_i].status, 4096, &result);
	ck_assert_uint_eq(result.srb_status, STORVSC_SRB_ERROR);
	ck_assert_uint_eq(result.scsi_status, 2);
	ck_assert_uint_eq(result.transferred_bytes, 0);
	ck_assert_uint_eq(result.sense_length, 18);
	ck_assert_uint_eq(result.sense[0], 0x70);
	ck_assert_uint_eq(result.sense[2], cases[_i].key);
	ck_assert_uint_eq(result.sense[12], cases[_i].asc);
	ck_assert_uint_eq(result.sense[13], cases[_i].ascq);
	scsi_answer_medium(cases[_i].type, SCSI_MEDIUM_OK, 4096, &result);
	ck_assert_uint_eq(result.srb_status, STORVSC_SRB_SUCCESS);
	ck_assert_uint_eq(result.transferred_bytes, 4096);
}
END_TEST

static void add_identity_tests(TCase *tcase)
{
	tcase_add_test(tcase, a_disk_that_has_grown_says_so_once);
	tcase_add_test(tcase, data_ends_where_the_guest_allocated_no_more);
	tcase_add_test(tcase, every_listed_vpd_page_is_there_and_knows_its_length);
	tcase_add_test(tcase, an_unknown_page_is_an_invalid_field);
	tcase_add_test(tcase, provisioning_is_advertised_only_where_holes_can_be_punched);
	tcase_add_loop_test(tcase, where_no_disk_is_every_inquiry_says_so, 0, 4);
	tcase_add_loop_test(tcase, other_commands_to_nothing_say_no_such_lun, 0, 4);
	tcase_add_test(tcase, a_target_without_disks_has_an_empty_list_of_luns);
	tcase_add_test(tcase, a_command_to_another_target_removes_no_disk_of_ours);
	tcase_add_test(tcase, report_luns_lists_the_disks_even_through_an_empty_lun);
	tcase_add_test(tcase, all_luns_fit_in_one_report);
	tcase_add_test(tcase, mode_pages_that_are_not_there_are_refused);
}

static void add_block_tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, a_read_only_disk_says_so_and_refuses_every_write, 0,
	                    6);
	tcase_add_loop_test(tcase, reads_and_writes_of_all_lengths_become_extents, 0, 3);
	tcase_add_test(tcase, the_six_byte_form_counts_256_as_0);
	tcase_add_loop_test(tcase, no_blocks_are_no_error, 0, 3);
	tcase_add_loop_test(tcase, what_ends_behind_the_disk_is_out_of_range, 0, 6);
	tcase_add_loop_test(tcase, a_transfer_longer_than_the_buffer_is_refused, 0, 3);
	tcase_add_loop_test(tcase, protection_information_is_refused, 0, 3);
	tcase_add_loop_test(tcase, a_cdb_cut_short_is_an_invalid_field, 0, 12);
	tcase_add_loop_test(tcase, commands_disks_do_not_have_are_invalid_opcodes, 0, 11);
	tcase_add_loop_test(tcase, flushes_flush, 0, 3);
	tcase_add_test(tcase, verify_checks_the_range_and_compares_nothing);
	tcase_add_test(tcase, unmap_becomes_extents);
	tcase_add_test(tcase, lists_of_unmap_that_do_not_add_up_are_refused);
	tcase_add_test(tcase, more_descriptors_than_advertised_are_refused);
	tcase_add_test(tcase, a_list_the_guest_did_not_send_is_refused);
	tcase_add_test(tcase, zeros_are_written_as_a_hole_or_not_as_the_guest_says);
	tcase_add_test(tcase, write_same_takes_zeros_only_and_some_blocks);
	tcase_add_loop_test(tcase, errors_of_the_medium_become_the_right_sense, 0, 6);
}

static void add_limit_tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, ranges_end_with_the_disk_for_every_command, 0, 6);
	tcase_add_loop_test(tcase, an_empty_range_lies_on_the_disk_or_at_its_end, 0, 3);
	tcase_add_loop_test(
		tcase, bits_that_ask_for_what_there_is_not_are_refused_one_by_one, 0, 10);
	tcase_add_test(tcase,
	               reserved_bits_before_a_service_action_and_an_lba_are_passed_over);
	tcase_add_test(tcase, lists_of_unmap_are_taken_up_to_their_limits);
	tcase_add_test(tcase, write_same_is_taken_up_to_its_limit);
	tcase_add_loop_test(tcase, write_same_looks_at_the_whole_pattern, 0, 5);
	tcase_add_loop_test(tcase,
	                    only_two_commands_have_parameters_and_no_more_than_were_sent,
	                    0, 10);
	tcase_add_loop_test(tcase, a_request_of_the_class_becomes_one_of_the_model, 0, 3);
}

static Suite *make_suite(void)
{
	Suite *suite = suite_create("scsi_device");
	TCase *identity = tcase_create("identity");
	TCase *blocks = tcase_create("blocks");

	tcase_add_checked_fixture(identity, set_up, NULL);
	tcase_add_checked_fixture(blocks, set_up, NULL);
	add_identity_tests(identity);
	add_block_tests(blocks);
	add_limit_tests(blocks);
	suite_add_tcase(suite, identity);
	suite_add_tcase(suite, blocks);
	return suite;
}

UNIT_MAIN(make_suite)
