/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RNDIS messages from one end to the other; frames and requests that do not fit together. */
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "vmbus/class/rndis.h"
#include "tests/unit/unit.h"

#define OID 0x00010106u

static _Alignas(8) uint8_t bytes[512];
static struct rndis_frame frame;
static struct rndis_request request;
static struct rndis_answer answer;

static void set32(unsigned int at, uint32_t value)
{
	memcpy(bytes + at, &value, sizeof(value));
}

/* ---- Frames ---- */

static void write_frame(void)
{
	const struct rndis_frame sent = {
		.message_bytes = RNDIS_FRAME_HEAD_BYTES + 1514,
		.data_offset = RNDIS_FRAME_HEAD_BYTES,
		.data_bytes = 1514,
		.has = RNDIS_HAS_CHECKSUM | RNDIS_HAS_8021Q | RNDIS_HAS_PIECE,
		.checksum = RNDIS_RX_TCP_SUCCEEDED,
		.vlan = 42u << RNDIS_8021Q_VLAN_SHIFT,
		.piece = { RNDIS_PIECE_VERSION, RNDIS_PIECE_PART | RNDIS_PIECE_FIRST, 3 },
	};

	memset(bytes, 0xee, sizeof(bytes));
	rndis_frame_write(&sent, bytes);
}

START_TEST(a_frame_arrives_with_all_that_is_said_of_it)
{
	write_frame();
	ck_assert(rndis_frame_read(&frame, bytes, 256, RNDIS_FRAME_HEAD_BYTES + 1514));
	ck_assert_uint_eq(frame.data_offset, RNDIS_FRAME_HEAD_BYTES);
	ck_assert_uint_eq(frame.data_bytes, 1514);
	ck_assert_uint_eq(frame.has,
	                  RNDIS_HAS_CHECKSUM | RNDIS_HAS_8021Q | RNDIS_HAS_PIECE);
	ck_assert_uint_eq(frame.checksum, RNDIS_RX_TCP_SUCCEEDED);
	ck_assert_uint_eq(frame.vlan >> RNDIS_8021Q_VLAN_SHIFT, 42);
	ck_assert_uint_eq(frame.piece.id, 3);
	ck_assert_uint_eq(bytes[RNDIS_FRAME_HEAD_BYTES - 1], 0);
	ck_assert_uint_eq(bytes[RNDIS_FRAME_HEAD_BYTES], 0xee);
}
END_TEST

START_TEST(all_that_can_be_said_fits_before_a_frame)
{
	const struct rndis_frame sent = {
		.message_bytes = RNDIS_FRAME_HEAD_BYTES,
		.data_offset = RNDIS_FRAME_HEAD_BYTES,
		.has = ~0u,
		.lso = 1460,
		.hash = 0x12345678,
	};

	rndis_frame_write(&sent, bytes);
	ck_assert(rndis_frame_read(&frame, bytes, 128, 128));
	ck_assert_uint_eq(frame.lso, 1460);
	ck_assert_uint_eq(frame.hash, 0x12345678);
	ck_assert_uint_eq(frame.data_bytes, 0);
}
END_TEST

START_TEST(a_frame_without_information_needs_none)
{
	const struct rndis_frame sent = { .message_bytes = 188,
		                          .data_offset = RNDIS_FRAME_HEAD_BYTES,
		                          .data_bytes = 60 };

	rndis_frame_write(&sent, bytes);
	ck_assert(rndis_frame_read(&frame, bytes, 188, 188));
	ck_assert_uint_eq(frame.has, 0);
}
END_TEST

/* A word of the message made wrong: where, and what it then says. */
START_TEST(a_frame_that_does_not_fit_together_is_refused)
{
	static const struct {
		unsigned int at;
		uint32_t value;
	} lies[] = {
		{ 0, 2 },           /* no frame */
		{ 4, 43 },          /* shorter than its header */
		{ 4, 0xffffffff },  /* longer than what is there */
		{ 4, 1514 },        /* shorter than its data */
		{ 8, 0 },           /* data over the header */
		{ 8, 35 },          /* likewise */
		{ 8, 0xfffffff8 },  /* wraps to the start */
		{ 8, 0xffffffff },  /* wraps */
		{ 8, 121 },         /* one byte too far */
		{ 12, 1515 },       /* one byte too many */
		{ 12, 0xffffffff }, /* likewise */
		{ 28, 0 },          /* information over the header */
		{ 28, 0x7fffffff }, /* information outside */
		{ 28, 0xfffffff8 }, /* information that wraps */
		{ 32, 0xffffffff }, /* too much information */
		{ 32, 20 },         /* an entry and a piece of one */
		{ 44, 0 },          /* an entry that never ends */
		{ 44, 11 },         /* an entry shorter than its head */
		{ 44, 0xffffffff }, /* an entry longer than all */
		{ 52, 0 },          /* a value over its head */
		{ 52, 13 },         /* a value half outside */
		{ 52, 0xffffffff }, /* a value far outside */
	};

	write_frame();
	ck_assert(rndis_frame_read(&frame, bytes, 256, RNDIS_FRAME_HEAD_BYTES + 1514));
	set32(lies[_i].at, lies[_i].value);
	ck_assert(!rndis_frame_read(&frame, bytes, 256, RNDIS_FRAME_HEAD_BYTES + 1514));
}
END_TEST
#define LIES_COUNT 22

START_TEST(information_beyond_the_copied_head_is_refused)
{
	write_frame();
	ck_assert(rndis_frame_read(&frame, bytes, 44 + 48, 2000));
	ck_assert(!rndis_frame_read(&frame, bytes, 44 + 47, 2000));
	ck_assert(!rndis_frame_read(&frame, bytes, 43, 2000));
	ck_assert(!rndis_frame_read(&frame, bytes, 0, 0));
}
END_TEST

START_TEST(unknown_information_is_left_out)
{
	write_frame();
	set32(48, 0x77);
	ck_assert(rndis_frame_read(&frame, bytes, 256, 2000));
	ck_assert_uint_eq(frame.has, RNDIS_HAS_8021Q | RNDIS_HAS_PIECE);
}
END_TEST

/* ---- Requests and answers ---- */

START_TEST(initialisation_is_answered_with_limits)
{
	const struct rndis_limits limits = { 8, 0x4000, 3 };
	uint32_t length = rndis_initialize(bytes, 5, 0x4000);

	ck_assert(rndis_request_read(&request, bytes, length));
	ck_assert_int_eq(request.type, RNDIS_INITIALIZE);
	ck_assert_uint_eq(request.request_id, 5);
	length = rndis_answer_initialize(bytes, 5, &limits);
	ck_assert_uint_eq(length, 52);
	ck_assert(rndis_answer_read(&answer, bytes, length));
	ck_assert_uint_eq(answer.type, RNDIS_INITIALIZE | RNDIS_ANSWER);
	ck_assert_uint_eq(answer.request_id, 5);
	ck_assert_uint_eq(answer.limits.packets_max, 8);
	ck_assert_uint_eq(answer.limits.alignment_shift, 3);
	ck_assert(!rndis_answer_read(&answer, bytes, length - 1));
}
END_TEST

START_TEST(a_query_brings_information_both_ways)
{
	uint32_t length = rndis_request(bytes, RNDIS_QUERY, 6, OID, "abc", 3);

	ck_assert(rndis_request_read(&request, bytes, length));
	ck_assert_uint_eq(request.oid, OID);
	ck_assert_uint_eq(request.information_bytes, 3);
	ck_assert_mem_eq(request.information, "abc", 3);
	length = rndis_answer_query(bytes, 6, RNDIS_STATUS_SUCCESS, "defg", 4);
	ck_assert_uint_eq(length, RNDIS_ANSWER_BYTES_MAX(4));
	ck_assert(rndis_answer_read(&answer, bytes, length));
	ck_assert_uint_eq(answer.information_bytes, 4);
	ck_assert_mem_eq(answer.information, "defg", 4);
	length = rndis_answer_query(bytes, 6, RNDIS_STATUS_NOT_SUPPORTED, "defg", 4);
	ck_assert(rndis_answer_read(&answer, bytes, length));
	ck_assert_uint_eq(answer.status, RNDIS_STATUS_NOT_SUPPORTED);
	ck_assert_uint_eq(answer.information_bytes, 0);
}
END_TEST

START_TEST(the_other_requests_are_answered_in_their_form)
{
	uint32_t length = rndis_request(bytes, RNDIS_SET, 7, OID, NULL, 0);

	ck_assert(rndis_request_read(&request, bytes, length));
	ck_assert_ptr_null(request.information);
	length = rndis_answer_status(bytes, RNDIS_SET, 7, RNDIS_STATUS_INVALID_DATA);
	ck_assert(rndis_answer_read(&answer, bytes, length));
	ck_assert_uint_eq(answer.status, RNDIS_STATUS_INVALID_DATA);
	length = rndis_plain(bytes, RNDIS_RESET, 0);
	ck_assert(rndis_request_read(&request, bytes, length));
	length = rndis_answer_reset(bytes, RNDIS_STATUS_SUCCESS, true);
	ck_assert(rndis_answer_read(&answer, bytes, length));
	ck_assert_uint_eq(answer.status, RNDIS_STATUS_SUCCESS);
	length = rndis_plain(bytes, RNDIS_HALT, 9);
	ck_assert(rndis_request_read(&request, bytes, length));
	ck_assert_int_eq(request.type, RNDIS_HALT);
	length = rndis_indicate(bytes, RNDIS_STATUS_MEDIA_CONNECT);
	ck_assert(rndis_answer_read(&answer, bytes, length));
	ck_assert_uint_eq(answer.type, RNDIS_INDICATE);
	ck_assert_uint_eq(answer.status, RNDIS_STATUS_MEDIA_CONNECT);
}
END_TEST

START_TEST(a_request_that_does_not_fit_together_is_refused)
{
	static const struct {
		unsigned int at;
		uint32_t value;
	} lies[] = {
		{ 0, 1 },           /* a frame */
		{ 0, 9 },           /* no message we know */
		{ 0, 0x80000004 },  /* an answer */
		{ 4, 11 },          /* shorter than a header */
		{ 4, 27 },          /* shorter than a query */
		{ 4, 31 },          /* shorter than its information */
		{ 4, 33 },          /* longer than what is there */
		{ 16, 5 },          /* a byte too much information */
		{ 16, 0xffffffff }, /* likewise */
		{ 20, 19 },         /* information over the header */
		{ 20, 21 },         /* one byte too far */
		{ 20, 0xfffffffc }, /* wraps */
	};
	uint32_t length = rndis_request(bytes, RNDIS_QUERY, 6, OID, "abcd", 4);

	ck_assert_uint_eq(length, 32);
	set32(lies[_i].at, lies[_i].value);
	ck_assert(!rndis_request_read(&request, bytes, length));
}
END_TEST
#define REQUEST_LIES_COUNT 12

START_TEST(an_answer_that_does_not_fit_together_is_refused)
{
	static const struct {
		unsigned int at;
		uint32_t value;
	} lies[] = {
		{ 0, 4 },           /* a request */
		{ 4, 7 },           /* shorter than a header */
		{ 4, 23 },          /* shorter than an answer */
		{ 4, 29 },          /* longer than what is there */
		{ 16, 5 },          /* a byte too much information */
		{ 20, 15 },         /* information over the header */
		{ 20, 0xffffffff }, /* wraps */
	};
	uint32_t length = rndis_answer_query(bytes, 6, RNDIS_STATUS_SUCCESS, "abcd", 4);

	ck_assert_uint_eq(length, 28);
	set32(lies[_i].at, lies[_i].value);
	ck_assert(!rndis_answer_read(&answer, bytes, length));
}
END_TEST
#define ANSWER_LIES_COUNT 7

static Suite *rndis_suite(void)
{
	Suite *suite = suite_create("rndis");
	TCase *frames = tcase_create("frames");
	TCase *requests = tcase_create("requests");

	tcase_add_test(frames, a_frame_arrives_with_all_that_is_said_of_it);
	tcase_add_test(frames, all_that_can_be_said_fits_before_a_frame);
	tcase_add_test(frames, a_frame_without_information_needs_none);
	tcase_add_loop_test(frames, a_frame_that_does_not_fit_together_is_refused, 0,
	                    LIES_COUNT);
	tcase_add_test(frames, information_beyond_the_copied_head_is_refused);
	tcase_add_test(frames, unknown_information_is_left_out);
	suite_add_tcase(suite, frames);
	tcase_add_test(requests, initialisation_is_answered_with_limits);
	tcase_add_test(requests, a_query_brings_information_both_ways);
	tcase_add_test(requests, the_other_requests_are_answered_in_their_form);
	tcase_add_loop_test(requests, a_request_that_does_not_fit_together_is_refused, 0,
	                    REQUEST_LIES_COUNT);
	tcase_add_loop_test(requests, an_answer_that_does_not_fit_together_is_refused, 0,
	                    ANSWER_LIES_COUNT);
	suite_add_tcase(suite, requests);
	return suite;
}

UNIT_MAIN(rndis_suite)
