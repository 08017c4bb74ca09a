/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The network class's messages, word by word as abi/ lays them out, and their fields at their limits. */
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "tests/unit/unit.h"
#include "vmbus/class/nvsp.h"
#include "vmbus/class/rndis.h"
#include "vmbus/core/xfer_pages.h"

static _Alignas(8) uint8_t bytes[512];

static void set32(unsigned int at, uint32_t value)
{
	memcpy(bytes + at, &value, sizeof(value));
}

/* ---- NVSP ---- */

/* A message of 40 bytes; what is not named is 0. */
static void assert_nvsp(struct nvsp_message found, const uint32_t words[10])
{
	ck_assert_mem_eq(&found, words, 40);
}

START_TEST(nvsp_messages_are_their_words)
{
	assert_nvsp(nvsp_init(0x50000), (uint32_t[10]){ 1, 0x50000, 0x50000 });
	assert_nvsp(nvsp_init_complete(0x60001, NVSP_STATUS_SUCCESS),
	            (uint32_t[10]){ 2, 0x60001, 34, 1 });
	assert_nvsp(nvsp_ndis_version(6, 30), (uint32_t[10]){ 100, 6, 30 });
	assert_nvsp(nvsp_ndis_config(1514, 0x88), (uint32_t[10]){ 125, 1514, 0, 0x88 });
	assert_nvsp(nvsp_buffer(NVSP_SEND_BUFFER, 0xe1e10, 0xcafe),
	            (uint32_t[10]){ 104, 0xe1e10, 0xcafe });
	assert_nvsp(nvsp_revoke(NVSP_REVOKE_RECEIVE_BUFFER, 0xcafe),
	            (uint32_t[10]){ 103, 0xcafe });
	assert_nvsp(nvsp_receive_buffer_complete(NVSP_STATUS_SUCCESS, 8192, 100),
	            (uint32_t[10]){ 102, 1, 1, 0, 8192, 100, 819200 });
	assert_nvsp(nvsp_receive_buffer_complete(NVSP_STATUS_FAILURE, 8192, 100),
	            (uint32_t[10]){ 102, 2 });
	assert_nvsp(nvsp_send_buffer_complete(NVSP_STATUS_SUCCESS, 6144),
	            (uint32_t[10]){ 105, 1, 6144 });
	assert_nvsp(nvsp_subchannels(3), (uint32_t[10]){ 133, 1, 3 });
	assert_nvsp(nvsp_subchannels_complete(NVSP_STATUS_FAILURE, 3),
	            (uint32_t[10]){ 133, 2, 3 });
	assert_nvsp(nvsp_rndis_packet(NVSP_CHANNEL_CONTROL, 7, 100),
	            (uint32_t[10]){ 107, 1, 7, 100 });
	assert_nvsp(nvsp_rndis_complete(NVSP_STATUS_SUCCESS), (uint32_t[10]){ 108, 1 });
}
END_TEST

START_TEST(nvsp_messages_need_their_fields)
{
	static const struct {
		uint32_t type, bytes;
	} shortest[] = {
		{ 1, 12 },   { 2, 16 },   { 100, 12 }, { 101, 10 }, { 102, 12 },
		{ 103, 6 },  { 104, 10 }, { 105, 12 }, { 106, 6 },  { 107, 16 },
		{ 108, 8 },  { 125, 20 }, { 128, 12 }, { 129, 8 },  { 133, 12 },
		{ 134, 12 }, { 99, 4 },   { 0, 4 },
	};
	struct nvsp_message message;

	memset(bytes, 0x11, sizeof(bytes));
	set32(0, shortest[_i].type);
	for (uint32_t count = 0; count < 60; count++) {
		ck_assert_int_eq(nvsp_read(&message, bytes, count),
		                 count >= shortest[_i].bytes);
		for (uint32_t i = 0; i < 40; i++)
			ck_assert_uint_eq(((uint8_t *)&message)[i],
			                  i < count && count >= 4 ? bytes[i] : 0);
	}
}
END_TEST

START_TEST(nvsp_versions_are_chosen_within_the_client_s_limits)
{
	static const uint32_t versions[] = { 2,       0x30002, 0x40000,
		                             0x50000, 0x60000, 0x60001 };

	for (unsigned int i = 0; i < 6; i++) {
		uint32_t older = i == 0 ? 0 : versions[i - 1];

		ck_assert_uint_eq(nvsp_choose_version(versions[i], versions[i]),
		                  versions[i]);
		ck_assert_uint_eq(nvsp_choose_version(0, versions[i]), versions[i]);
		ck_assert_uint_eq(nvsp_choose_version(0, versions[i] - 1), older);
		ck_assert_uint_eq(nvsp_choose_version(versions[i] + 1, versions[i]), 0);
	}
}
END_TEST

START_TEST(a_part_fits_into_the_buffer)
{
	static const struct {
		uint32_t type, status, parts, offset, section_bytes, count, buffer_bytes;
		bool good;
	} cases[] = {
		{ 102, 1, 1, 0, 68, 10, 680, true },
		{ 102, 1, 1, 0, 67, 10, 680, false },
		{ 102, 1, 1, 0, 68, 10, 679, false },
		{ 102, 1, 1, 0, 68, 1, 68, true },
		{ 102, 1, 1, 0, 68, 0, 680, false },
		{ 102, 1, 1, 1, 68, 10, 680, false },
		{ 102, 1, 0, 0, 68, 10, 680, false },
		{ 102, 1, 2, 0, 68, 10, 680, false },
		{ 102, 2, 1, 0, 68, 10, 680, false },
		{ 102, 0, 1, 0, 68, 10, 680, false },
		{ 105, 1, 1, 0, 68, 10, 680, false },
		{ 102, 1, 1, 0, 0, 10, 680, false },
		{ 102, 1, 1, 0, 68, 11, 680, false },
	};
	const uint32_t words[10] = { cases[_i].type,
		                     cases[_i].status,
		                     cases[_i].parts,
		                     cases[_i].offset,
		                     cases[_i].section_bytes,
		                     cases[_i].count,
		                     680 };
	struct nvsp_message message;
	struct nvsp_receive_part part;

	memcpy(&message, words, sizeof(message));
	ck_assert_int_eq(nvsp_receive_part_read(&message, cases[_i].buffer_bytes, &part),
	                 cases[_i].good);
	ck_assert_mem_eq(&part, words + 3, sizeof(part));
}
END_TEST

START_TEST(the_indirection_table_is_its_words)
{
	struct nvsp_table_message table;
	uint32_t entries[NVSP_INDIRECTION_ENTRIES];
	uint32_t words[26] = { 134, 16, 40 };

	for (uint32_t i = 0; i < 16; i++)
		words[10 + i] = i % 3;
	memset(&table, 0xa5, sizeof(table));
	nvsp_table_build(&table, 3);
	ck_assert_mem_eq(&table, words, sizeof(words));
	memcpy(bytes, words, sizeof(words));
	ck_assert(nvsp_table_read(bytes, 104, 3, entries));
	ck_assert_mem_eq(entries, words + 10, sizeof(entries));
	ck_assert(!nvsp_table_read(bytes, 103, 3, entries));
	ck_assert(!nvsp_table_read(bytes, 104, 2, entries));
	set32(8, 12); /* right behind the head */
	memcpy(bytes + 12, words + 10, 64);
	ck_assert(nvsp_table_read(bytes, 76, 3, entries));
	ck_assert_mem_eq(entries, words + 10, sizeof(entries));
	set32(8, 11);
	ck_assert(!nvsp_table_read(bytes, 104, 3, entries));
	set32(8, 12);
	set32(4, 15);
	ck_assert(!nvsp_table_read(bytes, 104, 3, entries));
	set32(4, 16);
	set32(0, 133);
	ck_assert(!nvsp_table_read(bytes, 104, 3, entries));
	for (uint32_t count = 0; count < 12; count++)
		ck_assert(!nvsp_table_read(bytes, count, 3, entries));
}
END_TEST

START_TEST(ranges_of_a_lent_buffer_end_with_it)
{
	const uint32_t sent[] = { 0xcafe | 0x5a0000, 2, 100, 0, 50, 150 };
	struct vmbus_xfer_range got[2];
	struct xfer_list list = { .ranges = got, .range_capacity = 2 };

	memcpy(bytes, sent, sizeof(sent));
	ck_assert(xfer_pages_parse(&list, bytes, 24, 200));
	ck_assert_uint_eq(list.page_set, 0xcafe);
	ck_assert_mem_eq(got, sent + 2, 16);
	ck_assert(!xfer_pages_parse(&list, bytes, 24, 199));
	ck_assert(!xfer_pages_parse(&list, bytes, 23, 200));
	set32(16, 0); /* nothing, at the very end */
	set32(20, 200);
	ck_assert(xfer_pages_parse(&list, bytes, 24, 200));
	set32(20, 201);
	ck_assert(!xfer_pages_parse(&list, bytes, 24, 200));
}
END_TEST

/* ---- RNDIS ---- */

static void assert_rndis(uint32_t length, const uint32_t *words, uint32_t count)
{
	ck_assert_uint_eq(length, 4 * count);
	ck_assert_mem_eq(bytes, words, 4 * count);
	ck_assert_uint_eq(bytes[length], 0xa5);
	memset(bytes, 0xa5, sizeof(bytes));
}

START_TEST(rndis_messages_are_their_words)
{
	const struct rndis_limits limits = { 8, 0x4000, 3 };

	memset(bytes, 0xa5, sizeof(bytes));
	assert_rndis(rndis_initialize(bytes, 5, 0x4000),
	             (uint32_t[]){ 2, 24, 5, 1, 0, 0x4000 }, 6);
	assert_rndis(rndis_plain(bytes, RNDIS_KEEPALIVE, 6), (uint32_t[]){ 8, 12, 6 }, 3);
	assert_rndis(rndis_request(bytes, RNDIS_SET, 7, 0x10106, "abcd", 4),
	             (uint32_t[]){ 5, 32, 7, 0x10106, 4, 20, 0, 0x64636261 }, 8);
	assert_rndis(rndis_request(bytes, RNDIS_QUERY, 7, 0x10106, NULL, 0),
	             (uint32_t[]){ 4, 28, 7, 0x10106, 0, 20, 0 }, 7);
	assert_rndis(rndis_answer_initialize(bytes, 5, &limits),
	             (uint32_t[]){ 0x80000002, 52, 5, 0, 1, 0, 1, 0, 8, 0x4000, 3, 0, 0 },
	             13);
	assert_rndis(rndis_answer_query(bytes, 6, 0, "defg", 4),
	             (uint32_t[]){ 0x80000004, 28, 6, 0, 4, 16, 0x67666564 }, 7);
	assert_rndis(rndis_answer_query(bytes, 6, 0, NULL, 0),
	             (uint32_t[]){ 0x80000004, 24, 6, 0, 0, 0 }, 6);
	assert_rndis(rndis_answer_query(bytes, 6, RNDIS_STATUS_FAILURE, "defg", 4),
	             (uint32_t[]){ 0x80000004, 24, 6, 0xc0000001, 0, 0 }, 6);
	assert_rndis(rndis_answer_status(bytes, RNDIS_SET, 7, RNDIS_STATUS_INVALID_DATA),
	             (uint32_t[]){ 0x80000005, 16, 7, 0xc0010015 }, 4);
	assert_rndis(rndis_answer_reset(bytes, 0, true),
	             (uint32_t[]){ 0x80000006, 16, 0, 1 }, 4);
	assert_rndis(rndis_answer_reset(bytes, 0, false),
	             (uint32_t[]){ 0x80000006, 16, 0, 0 }, 4);
	assert_rndis(rndis_indicate(bytes, RNDIS_STATUS_MEDIA_CONNECT),
	             (uint32_t[]){ 7, 20, 0x4001000b, 0, 0 }, 5);
}
END_TEST

START_TEST(a_frame_s_head_is_its_words)
{
	const struct rndis_frame sent = {
		.message_bytes = 228,
		.data_offset = 128,
		.data_bytes = 100,
		.has = 0x1f,
		.checksum = 0x11111111,
		.lso = 0x22222222,
		.vlan = 0x33333333,
		.hash = 0x44444444,
		.piece = { 0x55, 0x66, 0x7788 },
	};
	static const uint32_t all[32] = {
		1,  228, 120,        100, 0,          0,  0,          36,
		80, 0,   0,          16,  0,          12, 0x11111111, 16,
		2,  12,  0x22222222, 16,  6,          12, 0x33333333, 16,
		8,  12,  0x44444444, 16,  0x80000001, 12, 0x77886655,
	};
	struct rndis_frame frame = sent;

	memset(bytes, 0xa5, sizeof(bytes));
	rndis_frame_write(&sent, bytes);
	ck_assert_mem_eq(bytes, all, 128);
	ck_assert_uint_eq(bytes[128], 0xa5);
	ck_assert(rndis_frame_read(&frame, bytes, 256, 228));
	ck_assert_mem_eq(&frame, &sent, sizeof(frame));
	for (unsigned int i = 0; i < 5; i++) {
		uint32_t one[32] = { 1, 228, 120, 100, 0, 0, 0, 36, 16 };

		memcpy(one + 11, all + 11 + 4 * i, 16);
		frame.has = 1u << i;
		rndis_frame_write(&frame, bytes);
		ck_assert_mem_eq(bytes, one, 128);
	}
	frame.has = 0;
	rndis_frame_write(&frame, bytes);
	ck_assert_mem_eq(bytes, ((uint32_t[32]){ 1, 228, 120, 100 }), 128);
}
END_TEST

START_TEST(a_frame_s_parts_lie_where_there_is_room)
{
	static const struct {
		uint32_t bytes, data_offset, data_bytes, ppi_offset, ppi_bytes;
		uint32_t entry_bytes, entry_type, value_offset;
		uint32_t head_bytes, available;
		uint32_t has; /* UINT32_MAX: refused */
	} cases[] = {
		{ 44, 36, 0, 0, 0, 0, 0, 0, 44, 44, 0 },
		{ 44, 36, 0, 0, 0, 0, 0, 0, 44, 43, UINT32_MAX },
		{ 44, 36, 1, 0, 0, 0, 0, 0, 44, 44, UINT32_MAX },
		{ 45, 36, 1, 0, 0, 0, 0, 0, 44, 45, 0 },
		{ 45, 37, 0, 0, 0, 0, 0, 0, 44, 45, 0 },
		{ 45, 38, 0, 0, 0, 0, 0, 0, 44, 45, UINT32_MAX },
		{ 45, 35, 1, 0, 0, 0, 0, 0, 44, 45, UINT32_MAX },
		{ 43, 36, 0, 0, 0, 0, 0, 0, 44, 45, UINT32_MAX },
		{ 60, 52, 0, 36, 16, 16, 0, 12, 60, 60, 1 },
		{ 60, 52, 0, 36, 16, 16, 0, 12, 59, 60, UINT32_MAX },
		{ 60, 52, 0, 36, 17, 16, 0, 12, 61, 61, UINT32_MAX },
		{ 60, 52, 0, 36, 16, 16, 0, 13, 60, 60, UINT32_MAX },
		{ 60, 52, 0, 36, 16, 16, 0, 11, 60, 60, UINT32_MAX },
		{ 60, 52, 0, 36, 16, 15, 0, 11, 60, 60, UINT32_MAX },
		{ 60, 52, 0, 36, 16, 17, 0, 12, 64, 64, UINT32_MAX },
		{ 64, 56, 0, 36, 20, 20, 0, 16, 64, 64, 1 },
		{ 64, 56, 0, 36, 20, 20, 0, 17, 64, 64, UINT32_MAX },
		{ 64, 56, 0, 36, 20, 20, 0, 21, 64, 64, UINT32_MAX },
		{ 56, 48, 0, 36, 12, 12, 77, 0, 56, 56, 0 }, /* unknown, without value */
		{ 56, 48, 0, 36, 12, 0, 77, 0, 56, 56, UINT32_MAX }, /* it never ends */
		{ 56, 48, 0, 36, 12, 11, 77, 0, 56, 56, UINT32_MAX },
		{ 60, 52, 0, 35, 16, 16, 0, 12, 60, 60, UINT32_MAX },
		{ 60, 52, 0, 37, 16, 16, 0, 12, 60, 60, UINT32_MAX },
		{ 60, 52, 0, 36, 16, 16, 1, 12, 60, 60, 0 }, /* a piece is internal */
	};
	struct rndis_frame frame;

	memset(bytes, 0, sizeof(bytes));
	set32(0, RNDIS_PACKET);
	set32(4, cases[_i].bytes);
	set32(8, cases[_i].data_offset);
	set32(12, cases[_i].data_bytes);
	set32(28, cases[_i].ppi_offset);
	set32(32, cases[_i].ppi_bytes);
	set32(44, cases[_i].entry_bytes);
	set32(48, cases[_i].entry_type);
	set32(52, cases[_i].value_offset);
	ck_assert_int_eq(rndis_frame_read(&frame, bytes, cases[_i].head_bytes,
	                                  cases[_i].available),
	                 cases[_i].has != UINT32_MAX);
	if (cases[_i].has == UINT32_MAX)
		return;
	ck_assert_uint_eq(frame.has, cases[_i].has);
	ck_assert_uint_eq(frame.message_bytes, cases[_i].bytes);
	ck_assert_uint_eq(frame.data_offset, cases[_i].data_offset + 8);
	ck_assert_uint_eq(frame.data_bytes, cases[_i].data_bytes);
}
END_TEST

START_TEST(requests_are_as_long_as_their_type)
{
	static const struct {
		uint32_t type, bytes; /* 0: never taken */
	} shortest[] = { { 1, 0 },  { 2, 24 }, { 3, 12 }, { 4, 28 },
		         { 5, 28 }, { 6, 12 }, { 7, 0 },  { 8, 12 } };
	struct rndis_request request;

	memset(bytes, 0, sizeof(bytes));
	set32(0, shortest[_i].type);
	set32(8, 77);
	for (uint32_t count = 0; count < 60; count++) {
		set32(4, count);
		ck_assert_int_eq(rndis_request_read(&request, bytes, count),
		                 shortest[_i].bytes != 0 && count >= shortest[_i].bytes);
		ck_assert_int_eq(rndis_request_read(&request, bytes, 60),
		                 shortest[_i].bytes != 0 && count >= shortest[_i].bytes);
		ck_assert_uint_eq(request.request_id, 77);
		ck_assert_ptr_null(request.information);
	}
	set32(4, 61);
	ck_assert(!rndis_request_read(&request, bytes, 60));
}
END_TEST

START_TEST(information_of_a_request_lies_behind_its_head)
{
	static const struct {
		uint32_t count, offset;
		bool good;
	} cases[] = { { 4, 20, true },  { 4, 19, false }, { 5, 20, false },
		      { 3, 21, true },  { 3, 22, false }, { 0, 0, true },
		      { 4, 21, false }, { 1, 23, true },  { 1, 24, false } };
	struct rndis_request request;

	ck_assert_uint_eq(rndis_request(bytes, RNDIS_SET, 7, 0x10106, "abcd", 4), 32);
	set32(16, cases[_i].count);
	set32(20, cases[_i].offset);
	ck_assert_int_eq(rndis_request_read(&request, bytes, 32), cases[_i].good);
	ck_assert_uint_eq(request.oid, 0x10106);
	if (cases[_i].good && cases[_i].count != 0)
		ck_assert_ptr_eq(request.information, bytes + 8 + cases[_i].offset);
}
END_TEST

START_TEST(answers_are_as_long_as_their_type)
{
	static const struct {
		uint32_t type, bytes; /* 0: never taken */
	} shortest[] = {
		{ 0x80000001, 0 },  { 0x80000002, 44 }, { 0x80000003, 0 },
		{ 0x80000004, 24 }, { 0x80000005, 16 }, { 0x80000006, 12 },
		{ 0x80000007, 0 },  { 0x80000008, 16 }, { 7, 20 },
		{ 4, 0 },
	};
	struct rndis_answer answer;

	memset(bytes, 0, sizeof(bytes));
	set32(0, shortest[_i].type);
	for (uint32_t count = 0; count < 60; count++) {
		bool good = shortest[_i].bytes != 0 && count >= shortest[_i].bytes;

		set32(4, count);
		ck_assert_int_eq(rndis_answer_read(&answer, bytes, count), good);
		ck_assert_int_eq(rndis_answer_read(&answer, bytes, 60), good);
	}
	set32(4, 61);
	ck_assert(!rndis_answer_read(&answer, bytes, 60));
}
END_TEST

START_TEST(answers_are_read_field_by_field)
{
	static const uint32_t limits[13] = { 0x80000002, 52, 5, 6, 1, 0, 1, 0, 8, 9, 31 };
	static const uint32_t indicate[6] = { 7, 24, 5, 4, 12, 0x64636261 };
	struct rndis_answer answer;

	memcpy(bytes, limits, sizeof(limits));
	ck_assert(rndis_answer_read(&answer, bytes, 52));
	ck_assert_uint_eq(answer.request_id, 5);
	ck_assert_uint_eq(answer.status, 6);
	ck_assert_uint_eq(answer.limits.packets_max, 8);
	ck_assert_uint_eq(answer.limits.transfer_bytes_max, 9);
	ck_assert_uint_eq(answer.limits.alignment_shift, 31);
	set32(40, 32);
	ck_assert(!rndis_answer_read(&answer, bytes, 52));
	memcpy(bytes, indicate, sizeof(indicate));
	ck_assert(rndis_answer_read(&answer, bytes, 24));
	ck_assert_uint_eq(answer.request_id, 0);
	ck_assert_uint_eq(answer.status, 5);
	ck_assert_uint_eq(answer.information_bytes, 4);
	ck_assert_ptr_eq(answer.information, bytes + 20);
	set32(16, 11);
	ck_assert(!rndis_answer_read(&answer, bytes, 24));
	set32(16, 13);
	ck_assert(!rndis_answer_read(&answer, bytes, 24));
	set32(0, 0x80000006); /* a reset's has no id */
	ck_assert(rndis_answer_read(&answer, bytes, 24));
	ck_assert_uint_eq(answer.request_id, 0);
	ck_assert_uint_eq(answer.status, 5);
}
END_TEST

static TCase *messages_case(void)
{
	TCase *tc = tcase_create("messages");

	tcase_add_test(tc, nvsp_messages_are_their_words);
	tcase_add_loop_test(tc, nvsp_messages_need_their_fields, 0, 18);
	tcase_add_test(tc, nvsp_versions_are_chosen_within_the_client_s_limits);
	tcase_add_loop_test(tc, a_part_fits_into_the_buffer, 0, 13);
	tcase_add_test(tc, the_indirection_table_is_its_words);
	tcase_add_test(tc, ranges_of_a_lent_buffer_end_with_it);
	tcase_add_test(tc, rndis_messages_are_their_words);
	tcase_add_test(tc, a_frame_s_head_is_its_words);
	tcase_add_loop_test(tc, a_frame_s_parts_lie_where_there_is_room, 0, 24);
	tcase_add_loop_test(tc, requests_are_as_long_as_their_type, 0, 8);
	tcase_add_loop_test(tc, information_of_a_request_lies_behind_its_head, 0, 9);
	tcase_add_loop_test(tc, answers_are_as_long_as_their_type, 0, 10);
	tcase_add_test(tc, answers_are_read_field_by_field);
	return tc;
}

static Suite *make_suite(void)
{
	Suite *suite = suite_create("net_bytes");

	suite_add_tcase(suite, messages_case());
	return suite;
}

UNIT_MAIN(make_suite)
