/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Utility packets from server to client and back; hostile ones. */
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "vmbus/class/ic.h"
#include "tests/unit/unit.h"

static uint8_t packet[IC_PACKET_BYTES_MAX];
static struct ic_message message;
static struct ic_agreement ours, theirs;

/* Server and client agree on the newest of both lists. */
static void negotiate(const struct ic_versions *server, const struct ic_versions *client)
{
	uint32_t bytes = ic_encode_negotiate(packet, server, 1);

	ck_assert(ic_answer_negotiate(packet, bytes, client, &theirs));
	ck_assert(ic_decode(&message, packet, bytes));
	ck_assert(ic_decode_agreement(&message, server, &ours));
	ck_assert_mem_eq(&ours, &theirs, sizeof(ours));
}

START_TEST(both_ends_choose_the_newest_versions)
{
	negotiate(&ic_shutdown_versions, &ic_shutdown_versions);
	ck_assert_uint_eq(ours.framework.major, 3);
	ck_assert_uint_eq(ours.message.major, 3);
	ck_assert_uint_eq(ours.message.minor, 2);
}
END_TEST

START_TEST(an_old_client_gets_what_it_knows)
{
	static const struct ic_version one[] = { { 1, 0 } };
	static const struct ic_versions old = {
		.framework = one,
		.framework_count = 1,
		.message = one,
		.message_count = 1,
	};

	negotiate(&ic_timesync_versions, &old);
	ck_assert_uint_eq(ours.framework.major, 1);
	ck_assert_uint_eq(ours.message.major, 1);
}
END_TEST

START_TEST(no_version_in_common_is_said_so)
{
	static const struct ic_version nine[] = { { 9, 9 } };
	static const struct ic_versions strange = {
		.framework = nine,
		.framework_count = 1,
		.message = nine,
		.message_count = 1,
	};
	uint32_t bytes = ic_encode_negotiate(packet, &ic_heartbeat_versions, 1);

	ck_assert(!ic_answer_negotiate(packet, bytes, &strange, &theirs));
	ck_assert(ic_decode(&message, packet, bytes));
	ck_assert(!ic_decode_agreement(&message, &ic_heartbeat_versions, &ours));
}
END_TEST

START_TEST(a_choice_that_was_not_on_the_list_is_refused)
{
	uint32_t bytes = ic_encode_negotiate(packet, &ic_heartbeat_versions, 1);

	ck_assert(ic_answer_negotiate(packet, bytes, &ic_heartbeat_versions, &theirs));
	packet[IC_HEADERS_BYTES + sizeof(struct ic_negotiate)] = 77;
	ck_assert(ic_decode(&message, packet, bytes));
	ck_assert(!ic_decode_agreement(&message, &ic_heartbeat_versions, &ours));
}
END_TEST

START_TEST(version_counts_beyond_the_packet_are_refused)
{
	static const uint16_t counts[] = { 3, 100, 101, 0xffff };
	struct ic_negotiate lie = { .framework_count = counts[_i],
		                    .message_count = counts[_i] };
	uint32_t bytes = ic_encode_negotiate(packet, &ic_heartbeat_versions, 1);

	memcpy(packet + IC_HEADERS_BYTES, &lie, sizeof(lie));
	ck_assert(!ic_answer_negotiate(packet, bytes, &ic_heartbeat_versions, &theirs));
}
END_TEST

START_TEST(a_heartbeat_comes_back_one_higher)
{
	uint64_t sequence;
	uint32_t bytes;

	negotiate(&ic_heartbeat_versions, &ic_heartbeat_versions);
	bytes = ic_encode_heartbeat(packet, &ours, 9, 0xffffffff);
	ck_assert(ic_answer_heartbeat(packet, bytes));
	ck_assert(ic_decode(&message, packet, bytes));
	ck_assert(ic_is_answer(&message, IC_HEARTBEAT));
	ck_assert_uint_eq(message.header.transaction_id, 9);
	ck_assert_uint_eq(message.header.status, IC_STATUS_OK);
	ck_assert(ic_decode_heartbeat(&message, &sequence));
	ck_assert_uint_eq(sequence, UINT64_C(0x100000000));
}
END_TEST

START_TEST(a_shutdown_has_its_full_length)
{
	static char text[3000];
	uint32_t flags, timeout, bytes;

	memset(text, 'x', sizeof(text) - 1);
	negotiate(&ic_shutdown_versions, &ic_shutdown_versions);
	bytes = ic_encode_shutdown(packet, &ours, 2, IC_SHUTDOWN_RESTART, 30, text);
	ck_assert_uint_eq(bytes, 28 + 2060);
	ck_assert_uint_eq(packet[bytes - 1], 0);
	ck_assert(ic_decode(&message, packet, bytes));
	ck_assert(ic_decode_shutdown(&message, &flags, &timeout));
	ck_assert_uint_eq(flags, IC_SHUTDOWN_RESTART);
	ck_assert_uint_eq(timeout, 30);
	ck_assert(!ic_is_answer(&message, IC_SHUTDOWN));
	ic_answer(packet, IC_STATUS_FAIL);
	ck_assert(ic_decode(&message, packet, bytes));
	ck_assert(ic_is_answer(&message, IC_SHUTDOWN));
	ck_assert_uint_eq(message.header.status, IC_STATUS_FAIL);
}
END_TEST

START_TEST(the_time_goes_in_the_layout_of_the_version)
{
	static const uint16_t majors[] = { 1, 3, 4 };
	static const uint32_t lengths[] = { 25, 25, 22 };
	const struct ic_agreement agreed = { .message = { majors[_i], 0 } };
	uint32_t bytes =
		ic_encode_timesync(packet, &agreed, 3, IC_TIMESYNC_SYNC, 1234567, 89);
	uint64_t time;
	uint8_t flags;

	ck_assert_uint_eq(bytes, 28 + lengths[_i]);
	ck_assert(ic_decode(&message, packet, bytes));
	ck_assert(ic_decode_timesync(&message, &agreed, &flags, &time));
	ck_assert_uint_eq(flags, IC_TIMESYNC_SYNC);
	ck_assert_uint_eq(time, 1234567);
}
END_TEST

START_TEST(a_freeze_goes_and_comes_back)
{
	uint8_t operation = 0;
	uint32_t bytes;

	negotiate(&ic_vss_versions, &ic_vss_versions);
	ck_assert_uint_eq(ours.message.major, 5);
	bytes = ic_encode_vss(packet, &ours, 3, IC_VSS_FREEZE);
	ck_assert_uint_eq(bytes, 28 + 12);
	ck_assert(ic_decode(&message, packet, bytes));
	ck_assert(ic_decode_vss(&message, &operation));
	ck_assert_uint_eq(operation, 5);
	ic_answer(packet, IC_STATUS_FAIL);
	ck_assert(ic_decode(&message, packet, bytes));
	ck_assert(ic_is_answer(&message, IC_VSS));
	message.body_bytes--;
	ck_assert(!ic_decode_vss(&message, &operation));
	ck_assert(ic_decode(&message, packet,
	                    ic_encode_shutdown(packet, &ours, 1, 0, 0, NULL)));
	ck_assert(!ic_decode_vss(&message, &operation));
}
END_TEST

START_TEST(a_cut_packet_is_refused_at_every_length)
{
	uint32_t bytes;

	negotiate(&ic_heartbeat_versions, &ic_heartbeat_versions);
	bytes = ic_encode_heartbeat(packet, &ours, 9, 1);
	for (uint32_t cut = 0; cut < bytes; cut++)
		ck_assert(!ic_decode(&message, packet, cut));
}
END_TEST

START_TEST(lengths_that_do_not_fit_together_are_refused)
{
	uint32_t bytes = ic_encode_heartbeat(packet, &ours, 9, 1);
	uint32_t inner = sizeof(struct ic_header);

	memcpy(packet + 4, &inner, sizeof(inner)); /* shorter than header and body */
	ck_assert(!ic_decode(&message, packet, bytes));
	bytes = ic_encode_heartbeat(packet, &ours, 9, 1);
	packet[0] = 2; /* not data */
	ck_assert(!ic_decode(&message, packet, bytes));
}
END_TEST

/* ---- Bytes ---- */

/* A packet's headers, as words of 16 bits, little-endian. */
static void assert_headers(uint32_t bytes, const uint16_t words[10])
{
	const uint32_t pipe[2] = { 1, bytes - 8 };

	ck_assert_mem_eq(packet, pipe, sizeof(pipe));
	ck_assert_mem_eq(packet + 8, words, 20);
}

START_TEST(versions_are_those_that_guests_know)
{
	static const struct ic_version framework[] = { { 3, 0 }, { 1, 0 } };
	static const struct ic_version heartbeat[] = { { 3, 0 }, { 1, 0 } };
	static const struct ic_version shutdown[] = { { 3, 2 },
		                                      { 3, 1 },
		                                      { 3, 0 },
		                                      { 1, 0 } };
	static const struct ic_version timesync[] = { { 4, 0 }, { 3, 0 }, { 1, 0 } };
	static const struct {
		const struct ic_versions *versions;
		const struct ic_version *message;
		uint16_t count;
	} all[] = { { &ic_heartbeat_versions, heartbeat, 2 },
		    { &ic_shutdown_versions, shutdown, 4 },
		    { &ic_timesync_versions, timesync, 3 } };

	ck_assert_uint_eq(all[_i].versions->framework_count, 2);
	ck_assert_mem_eq(all[_i].versions->framework, framework, sizeof(framework));
	ck_assert_uint_eq(all[_i].versions->message_count, all[_i].count);
	ck_assert_mem_eq(all[_i].versions->message, all[_i].message, 4u * all[_i].count);
}
END_TEST

START_TEST(a_negotiation_is_all_versions)
{
	static const uint16_t headers[10] = { 0, 0, 0, 0, 0, 28, 0, 0, 0x0309, 0 };
	static const uint16_t body[14] = { 2, 3, 0, 0, 3, 0, 1, 0, 4, 0, 3, 0, 1, 0 };
	static const uint16_t choice[8] = { 1, 1, 0, 0, 3, 0, 4, 0 };

	memset(packet, 0xa5, sizeof(packet));
	ck_assert_uint_eq(ic_encode_negotiate(packet, &ic_timesync_versions, 9), 28 + 28);
	assert_headers(56, headers);
	ck_assert_mem_eq(packet + 28, body, sizeof(body));
	ck_assert_uint_eq(packet[56], 0xa5);
	ck_assert(ic_answer_negotiate(packet, 56, &ic_timesync_versions, &theirs));
	ck_assert_mem_eq(packet + 28, choice, sizeof(choice));
	ck_assert_uint_eq(packet[8 + 17], 0x05); /* a response of the transaction */
}
END_TEST

START_TEST(requests_are_their_bytes)
{
	static const struct ic_agreement agreed = { { 3, 1 }, { 3, 2 } };
	static const uint16_t heartbeat[10] = { 3, 1, 1, 3, 2, 40, 0, 0, 0x0307, 0 };
	static const uint16_t shutdown[10] = { 3, 1, 3, 3, 2, 2060, 0, 0, 0x0308, 0 };
	static const uint64_t beat[5] = { 0x123456789abcdef0 };
	static const uint32_t order[3] = { 0, 30, 3 };

	memset(packet, 0xa5, sizeof(packet));
	ck_assert_uint_eq(ic_encode_heartbeat(packet, &agreed, 7, beat[0]), 68);
	assert_headers(68, heartbeat);
	ck_assert_mem_eq(packet + 28, beat, sizeof(beat));
	ck_assert_uint_eq(packet[68], 0xa5);
	ck_assert_uint_eq(ic_encode_shutdown(packet, &agreed, 8, 3, 30, "bye"),
	                  28 + 2060);
	assert_headers(28 + 2060, shutdown);
	ck_assert_mem_eq(packet + 28, order, sizeof(order));
	ck_assert_mem_eq(packet + 40, "bye\0\0", 5);
	ck_assert_uint_eq(ic_encode_shutdown(packet, &agreed, 8, 3, 30, NULL), 28 + 2060);
	for (unsigned int i = 40; i < 28 + 2060; i++)
		ck_assert_uint_eq(packet[i], 0);
}
END_TEST

START_TEST(a_text_fills_its_field_but_for_one_byte)
{
	static const unsigned int lengths[] = { 2046, 2047, 2048, 3000 };
	static char text[3001];
	unsigned int length = lengths[_i], kept = length < 2047 ? length : 2047;

	memset(text, 'x', length);
	ck_assert_uint_gt(ic_encode_shutdown(packet, &ours, 8, 3, 30, text), 0);
	for (unsigned int i = 0; i < 2048; i++)
		ck_assert_uint_eq(packet[40 + i], i < kept ? 'x' : 0);
}
END_TEST

START_TEST(a_time_is_its_bytes_in_either_layout)
{
	static const struct ic_agreement old = { { 3, 0 }, { 3, 0 } },
					 new = { { 3, 0 }, { 4, 0 } };
	static const uint16_t old_headers[10] = { 3, 0, 4, 3, 0, 25, 0, 0, 0x0305, 0 };
	static const uint16_t new_headers[10] = { 3, 0, 4, 4, 0, 22, 0, 0, 0x0305, 0 };
	static const uint64_t times[3] = { 0x1122334455667788, 0x99aabbccddeeff00 };

	ck_assert_uint_eq(ic_encode_timesync(packet, &old, 5, 2, times[0], times[1]), 53);
	assert_headers(53, old_headers);
	ck_assert_mem_eq(packet + 28, times, 8);
	for (unsigned int i = 36; i < 52; i++)
		ck_assert_uint_eq(packet[i], 0);
	ck_assert_uint_eq(packet[52], 2);
	ck_assert_uint_eq(ic_encode_timesync(packet, &new, 5, 1, times[0], times[1]), 50);
	assert_headers(50, new_headers);
	ck_assert_mem_eq(packet + 28, times, 16);
	ck_assert_mem_eq(packet + 44, "\1\0\0\0\0\0", 6);
}
END_TEST

/* ---- Limits ---- */

START_TEST(a_packet_s_lengths_fit_exactly_or_with_padding)
{
	uint32_t bytes = ic_encode_heartbeat(packet, &ours, 9, 1);
	uint32_t inner = bytes - 8;

	ck_assert(ic_decode(&message, packet, bytes));
	ck_assert_uint_eq(message.body_bytes, 40);
	ck_assert_ptr_eq(message.body, packet + 28);
	ck_assert(ic_decode(&message, packet, bytes + 4));
	inner++;
	memcpy(packet + 4, &inner, sizeof(inner));
	ck_assert(ic_decode(&message, packet, bytes));
	inner -= 2;
	memcpy(packet + 4, &inner, sizeof(inner));
	ck_assert(!ic_decode(&message, packet, bytes));
}
END_TEST

static const struct ic_version many[IC_VERSIONS_MAX + 1];

START_TEST(as_many_versions_as_there_is_room_for)
{
	static const struct {
		uint16_t framework, message;
		uint32_t bytes;
	} cases[] = { { 50, 50, 28 + 8 + 400 },
		      { 50, 51, 0 },
		      { 51, 50, 0 },
		      { 1, 1, 28 + 8 + 8 } };
	const struct ic_versions versions = {
		.framework = many,
		.framework_count = cases[_i].framework,
		.message = many,
		.message_count = cases[_i].message,
	};

	ck_assert_uint_eq(ic_encode_negotiate(packet, &versions, 1), cases[_i].bytes);
}
END_TEST

/* A client's list, which the server need not have ordered. */
START_TEST(a_client_takes_the_newest_wherever_it_stands)
{
	static const struct ic_version offered[] = { { 1, 0 },
		                                     { 3, 1 },
		                                     { 9, 0 },
		                                     { 3, 2 },
		                                     { 3, 0 } };
	static const struct ic_version framework[] = { { 9, 9 }, { 1, 0 }, { 2, 0 } };
	const struct ic_versions server = {
		.framework = framework,
		.framework_count = 3,
		.message = offered,
		.message_count = 5,
	};
	uint32_t bytes = ic_encode_negotiate(packet, &server, 1);

	ck_assert(ic_answer_negotiate(packet, bytes, &ic_shutdown_versions, &theirs));
	ck_assert_uint_eq(theirs.framework.major, 1);
	ck_assert_uint_eq(theirs.message.major, 3);
	ck_assert_uint_eq(theirs.message.minor, 2);
}
END_TEST

START_TEST(a_client_says_so_when_either_list_has_nothing_for_it)
{
	static const struct ic_version known[] = { { 3, 0 } }, unknown[] = { { 3, 9 } };
	const struct ic_versions server = {
		.framework = _i == 0 ? unknown : known,
		.framework_count = 1,
		.message = _i == 1 ? unknown : known,
		.message_count = 1,
	};
	static const uint16_t none[4];
	uint32_t bytes = ic_encode_negotiate(packet, &server, 1);

	ck_assert_int_eq(ic_answer_negotiate(packet, bytes, &ic_heartbeat_versions,
	                                     &theirs),
	                 _i == 2);
	if (_i < 2)
		ck_assert_mem_eq(packet + 28, none, sizeof(none));
	ck_assert_uint_eq(packet[8 + 17], 0x05);
}
END_TEST

START_TEST(what_is_no_negotiation_is_not_answered)
{
	uint32_t bytes = ic_encode_negotiate(packet, &ic_heartbeat_versions, 1);
	uint16_t body_bytes = 15;

	packet[8 + 4] = IC_HEARTBEAT;
	ck_assert(!ic_answer_negotiate(packet, bytes, &ic_heartbeat_versions, &theirs));
	ck_assert_uint_eq(packet[8 + 17], 0x03);
	bytes = ic_encode_negotiate(packet, &ic_heartbeat_versions, 1);
	ck_assert(
		!ic_answer_negotiate(packet, bytes - 1, &ic_heartbeat_versions, &theirs));
	memcpy(packet + 8 + 10, &body_bytes, 2);
	ck_assert(!ic_answer_negotiate(packet, bytes, &ic_heartbeat_versions, &theirs));
	ck_assert_uint_eq(packet[8 + 17], 0x03); /* there is no room for an answer */
	body_bytes = 16;
	memcpy(packet + 8 + 10, &body_bytes, 2);
	ck_assert(!ic_answer_negotiate(packet, bytes, &ic_heartbeat_versions, &theirs));
	ck_assert_uint_eq(packet[8 + 17], 0x05);
}
END_TEST

START_TEST(counts_of_versions_are_taken_up_to_their_limit)
{
	static const struct {
		uint16_t framework, message;
		bool good;
	} cases[] = { { 100, 1, true },
		      { 101, 1, false },
		      { 1, 100, true },
		      { 1, 101, false } };
	struct ic_header header = { .type = IC_NEGOTIATE };
	struct ic_negotiate negotiate = { cases[_i].framework, cases[_i].message, 0 };
	struct ic_pipe_header pipe = { IC_PIPE_DATA, 0 };
	uint32_t versions = cases[_i].framework + cases[_i].message;
	const struct ic_version three = { 3, 0 };

	header.body_bytes = (uint16_t)(8 + 4 * versions);
	pipe.bytes = 20u + header.body_bytes;
	memcpy(packet, &pipe, 8);
	memcpy(packet + 8, &header, 20);
	memcpy(packet + 28, &negotiate, 8);
	for (uint32_t i = 0; i < versions; i++)
		memcpy(packet + 36 + 4 * i, &three, 4);
	ck_assert_int_eq(ic_answer_negotiate(packet, 8 + pipe.bytes,
	                                     &ic_heartbeat_versions, &theirs),
	                 cases[_i].good);
}
END_TEST

START_TEST(an_agreement_is_one_version_of_each_list)
{
	static const struct {
		uint8_t framework_count, message_count, type, flags, framework, message;
		uint16_t body_bytes;
		bool good;
	} cases[] = {
		{ 1, 1, IC_NEGOTIATE, 5, 3, 1, 16, true },
		{ 1, 1, IC_NEGOTIATE, 4, 1, 3, 40, true },
		{ 0, 1, IC_NEGOTIATE, 5, 3, 3, 16, false },
		{ 1, 0, IC_NEGOTIATE, 5, 3, 3, 16, false },
		{ 2, 1, IC_NEGOTIATE, 5, 3, 3, 16, false },
		{ 1, 2, IC_NEGOTIATE, 5, 3, 3, 16, false },
		{ 1, 1, IC_HEARTBEAT, 5, 3, 3, 16, false },
		{ 1, 1, IC_NEGOTIATE, 3, 3, 3, 16, false },
		{ 1, 1, IC_NEGOTIATE, 5, 4, 3, 16, false },
		{ 1, 1, IC_NEGOTIATE, 5, 3, 4, 16, false },
		{ 1, 1, IC_NEGOTIATE, 5, 3, 3, 15, false },
	};
	uint8_t body[40] = {
		cases[_i].framework_count, 0,
		cases[_i].message_count, [8] = cases[_i].framework, [12] = cases[_i].message
	};
	const struct ic_message answer = {
		.header = { .type = cases[_i].type, .flags = cases[_i].flags },
		.body = body,
		.body_bytes = cases[_i].body_bytes,
	};

	ck_assert_int_eq(ic_decode_agreement(&answer, &ic_heartbeat_versions, &ours),
	                 cases[_i].good);
	body[10] = 1; /* a minor version that is not on the list */
	ck_assert(!ic_decode_agreement(&answer, &ic_heartbeat_versions, &ours));
}
END_TEST

START_TEST(bodies_are_read_when_they_are_whole_and_of_their_type)
{
	static const struct ic_agreement old = { .message = { 3, 0 } },
					 new = { .message = { 4, 0 } };
	static const uint8_t body[2060] = { 1, 2, [4] = 5, [8] = 3, [16] = 6, [24] = 7 };
	struct ic_message of = { .body = body };
	uint64_t number;
	uint32_t flags, timeout;
	uint8_t time_flags;

	for (unsigned int type = 0; type < 6; type++) {
		of.header.type = (uint16_t)type;
		for (of.body_bytes = 0; of.body_bytes < 30; of.body_bytes++) {
			ck_assert_int_eq(ic_decode_heartbeat(&of, &number),
			                 type == IC_HEARTBEAT && of.body_bytes >= 8);
			ck_assert_int_eq(ic_decode_timesync(&of, &old, &time_flags,
			                                    &number),
			                 type == IC_TIMESYNC && of.body_bytes >= 25);
			ck_assert_int_eq(ic_decode_timesync(&of, &new, &time_flags,
			                                    &number),
			                 type == IC_TIMESYNC && of.body_bytes >= 17);
		}
		for (of.body_bytes = 2058; of.body_bytes < 2062; of.body_bytes++)
			ck_assert_int_eq(ic_decode_shutdown(&of, &flags, &timeout),
			                 type == IC_SHUTDOWN && of.body_bytes >= 2060);
	}
	of.header.type = IC_TIMESYNC;
	ck_assert(ic_decode_timesync(&of, &old, &time_flags, &number));
	ck_assert_uint_eq(time_flags, 7);
	ck_assert(ic_decode_timesync(&of, &new, &time_flags, &number));
	ck_assert_uint_eq(time_flags, 6);
	ck_assert_uint_eq(number, 0x500000201);
	of.header.type = IC_SHUTDOWN;
	ck_assert(ic_decode_shutdown(&of, &flags, &timeout));
	ck_assert_uint_eq(timeout, 5);
	ck_assert_uint_eq(flags, 3);
}
END_TEST

START_TEST(what_is_no_heartbeat_is_not_answered)
{
	uint32_t bytes = ic_encode_heartbeat(packet, &ours, 9, 1);

	ck_assert(!ic_answer_heartbeat(packet, bytes - 1));
	packet[8 + 4] = IC_SHUTDOWN;
	ck_assert(!ic_answer_heartbeat(packet, bytes));
	ck_assert_uint_eq(packet[8 + 17], 0x03);
	ck_assert_uint_eq(packet[28], 1);
	packet[8 + 4] = IC_HEARTBEAT;
	ck_assert(ic_answer_heartbeat(packet, bytes));
	ck_assert_uint_eq(packet[8 + 17], 0x05);
	ck_assert_uint_eq(packet[28], 2);
}
END_TEST

START_TEST(an_answer_has_its_type_and_is_a_response)
{
	struct ic_message of = { .header = { .type = IC_SHUTDOWN,
		                             .flags = (uint8_t)_i } };

	ck_assert_int_eq(ic_is_answer(&of, IC_SHUTDOWN), (_i & 4) != 0);
	ck_assert(!ic_is_answer(&of, IC_HEARTBEAT));
}
END_TEST

static Suite *ic_suite(void)
{
	Suite *suite = suite_create("ic");
	TCase *tc = tcase_create("ic");

	tcase_add_test(tc, both_ends_choose_the_newest_versions);
	tcase_add_test(tc, an_old_client_gets_what_it_knows);
	tcase_add_test(tc, no_version_in_common_is_said_so);
	tcase_add_test(tc, a_choice_that_was_not_on_the_list_is_refused);
	tcase_add_loop_test(tc, version_counts_beyond_the_packet_are_refused, 0, 4);
	tcase_add_test(tc, a_heartbeat_comes_back_one_higher);
	tcase_add_test(tc, a_shutdown_has_its_full_length);
	tcase_add_loop_test(tc, the_time_goes_in_the_layout_of_the_version, 0, 3);
	tcase_add_test(tc, a_freeze_goes_and_comes_back);
	tcase_add_test(tc, a_cut_packet_is_refused_at_every_length);
	tcase_add_test(tc, lengths_that_do_not_fit_together_are_refused);
	tcase_add_loop_test(tc, versions_are_those_that_guests_know, 0, 3);
	tcase_add_test(tc, a_negotiation_is_all_versions);
	tcase_add_test(tc, requests_are_their_bytes);
	tcase_add_loop_test(tc, a_text_fills_its_field_but_for_one_byte, 0, 4);
	tcase_add_test(tc, a_time_is_its_bytes_in_either_layout);
	tcase_add_test(tc, a_packet_s_lengths_fit_exactly_or_with_padding);
	tcase_add_loop_test(tc, as_many_versions_as_there_is_room_for, 0, 4);
	tcase_add_test(tc, a_client_takes_the_newest_wherever_it_stands);
	tcase_add_loop_test(tc, a_client_says_so_when_either_list_has_nothing_for_it, 0,
	                    3);
	tcase_add_test(tc, what_is_no_negotiation_is_not_answered);
	tcase_add_loop_test(tc, counts_of_versions_are_taken_up_to_their_limit, 0, 4);
	tcase_add_loop_test(tc, an_agreement_is_one_version_of_each_list, 0, 11);
	tcase_add_test(tc, bodies_are_read_when_they_are_whole_and_of_their_type);
	tcase_add_test(tc, what_is_no_heartbeat_is_not_answered);
	tcase_add_loop_test(tc, an_answer_has_its_type_and_is_a_response, 0, 8);
	suite_add_tcase(suite, tc);
	return suite;
}

UNIT_MAIN(ic_suite)
