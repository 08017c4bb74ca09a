/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file that goes into a guest: the service's state machine against a client made of the class's own codec. */
#include "unit.h"

#include <stdbool.h>
#include <stddef.h>

#include "vsp/util/core/util_service.h"

#define SECOND UTIL_SECOND_NS

static const struct fcopy_file file = { .folder = "/", .name = "x", .bytes = 5 };
static struct util_service service;
static struct ic_agreement agreed;
static uint8_t packet[UTIL_PACKET_BYTES];
static uint32_t packet_bytes;

static enum util_event tick(uint64_t now_ns)
{
	const struct util_time time = { .now_ns = now_ns };

	return util_tick(&service, &time, packet, &packet_bytes);
}

static enum util_event answer(uint32_t status, uint64_t now_ns)
{
	ic_answer(packet, status);
	return util_receive(&service, packet, packet_bytes, now_ns);
}

/* The guest chooses its versions. */
static void open_at(uint64_t now_ns)
{
	packet_bytes = util_open(&service, packet);
	ck_assert_uint_eq(service.due_ns, UTIL_NEVER);
	ck_assert(ic_answer_negotiate(packet, packet_bytes, &ic_fcopy_versions, &agreed));
	ck_assert_int_eq(util_receive(&service, packet, packet_bytes, now_ns),
	                 UTIL_EVENT_READY);
}

static void make_ready(void)
{
	util_init(&service, UTIL_FCOPY);
	open_at(0);
}

/* The packet is a request of this operation. */
static struct fcopy_request expect_copy(enum fcopy_operation operation)
{
	struct ic_message message;
	struct fcopy_request request;

	ck_assert(ic_decode(&message, packet, packet_bytes));
	ck_assert(fcopy_decode_request(&message, &request));
	ck_assert_uint_eq(request.operation, operation);
	return request;
}

static enum util_event begin_copy(uint32_t status)
{
	packet_bytes = util_copy_begin(&service, 0, &file, packet);
	ck_assert_uint_gt(packet_bytes, 0);
	return answer(status, 0);
}

static void make_copying(void)
{
	make_ready();
	ck_assert_int_eq(begin_copy(IC_STATUS_OK), UTIL_EVENT_ACCEPTED);
	ck_assert(service.copying);
}

static uint32_t give_piece(uint32_t bytes)
{
	packet_bytes = util_copy_piece(&service, 0, "abcdef", bytes, packet);
	return packet_bytes;
}

/* The next tick tells the guest to remove what it has; it does, and another copy may begin. */
static void expect_cancelled(uint64_t now_ns)
{
	ck_assert(service.abandoned);
	ck_assert_uint_eq(give_piece(1), 0);
	ck_assert_uint_eq(util_copy_begin(&service, now_ns, &file, packet), 0);
	ck_assert_uint_eq(service.due_ns, now_ns);
	ck_assert_int_eq(tick(now_ns), UTIL_EVENT_NONE);
	(void)expect_copy(FCOPY_CANCEL);
	ck_assert(service.copying);
	ck_assert_int_eq(answer(IC_STATUS_FAIL, now_ns), UTIL_EVENT_NONE);
	ck_assert(!service.copying && !service.abandoned);
	ck_assert_uint_eq(service.due_ns, UTIL_NEVER);
	ck_assert_int_eq(begin_copy(IC_STATUS_OK), UTIL_EVENT_ACCEPTED);
}

START_TEST(a_file_goes_piece_by_piece)
{
	struct fcopy_request request;

	make_copying();
	ck_assert_uint_gt(give_piece(3), 0);
	ck_assert_uint_eq(util_copy_piece(&service, 0, "d", 1,
	                                  (uint8_t[UTIL_PACKET_BYTES]){ 0 }),
	                  0); /* not before the answer */
	request = expect_copy(FCOPY_WRITE);
	ck_assert_uint_eq(request.offset, 0);
	ck_assert_uint_eq(request.data_bytes, 3);
	ck_assert_int_eq(answer(IC_STATUS_OK, 0), UTIL_EVENT_ACCEPTED);
	ck_assert_uint_eq(util_copy_end(&service, 0, packet), 0); /* it is not whole */
	ck_assert_uint_eq(give_piece(3), 0);                      /* more than is left */
	ck_assert_uint_eq(give_piece(0), 0);
	ck_assert_uint_gt(give_piece(2), 0);
	ck_assert_uint_eq(expect_copy(FCOPY_WRITE).offset, 3);
	ck_assert_int_eq(answer(IC_STATUS_OK, 0), UTIL_EVENT_ACCEPTED);
	packet_bytes = util_copy_end(&service, 0, packet);
	(void)expect_copy(FCOPY_COMPLETE);
	ck_assert(service.copying);
	ck_assert_int_eq(answer(IC_STATUS_OK, 0), UTIL_EVENT_ACCEPTED);
	ck_assert(!service.copying && !service.abandoned);
	ck_assert_uint_eq(service.due_ns, UTIL_NEVER);
}
END_TEST

/* What is there may be another's. */
START_TEST(a_guest_that_did_not_make_the_file_is_not_told_to_remove_it)
{
	static const uint32_t refusals[] = { IC_STATUS_EXISTS, IC_STATUS_FAIL };

	make_ready();
	for (size_t i = 0; i < 2; i++) {
		ck_assert_int_eq(begin_copy(refusals[i]), UTIL_EVENT_DENIED);
		ck_assert_uint_eq(service.status, refusals[i]);
		ck_assert(!service.copying && !service.abandoned);
		ck_assert_uint_eq(service.due_ns, UTIL_NEVER);
		ck_assert_uint_eq(give_piece(1), 0);
	}
	ck_assert_uint_gt(util_copy_begin(&service, 0, &file, packet), 0);
	ck_assert_int_eq(tick(UTIL_FCOPY_LIMIT_NS - 1), UTIL_EVENT_NONE);
	ck_assert_int_eq(tick(UTIL_FCOPY_LIMIT_NS), UTIL_EVENT_SILENT);
	ck_assert_uint_eq(packet_bytes, 0);
	ck_assert_uint_eq(service.due_ns, UTIL_NEVER);
}
END_TEST

START_TEST(a_file_that_the_guest_cannot_write_or_close_is_removed)
{
	make_copying();
	if (_i == 1) {
		ck_assert_uint_gt(give_piece(5), 0);
		ck_assert_int_eq(answer(IC_STATUS_OK, 0), UTIL_EVENT_ACCEPTED);
		packet_bytes = util_copy_end(&service, 0, packet);
	} else {
		ck_assert_uint_gt(give_piece(5), 0);
	}
	ck_assert_int_eq(answer(IC_STATUS_DISK_FULL, 7), UTIL_EVENT_DENIED);
	ck_assert_uint_eq(service.status, IC_STATUS_DISK_FULL);
	expect_cancelled(7);
}
END_TEST

START_TEST(a_file_whose_piece_is_not_answered_is_removed)
{
	make_copying();
	ck_assert_uint_gt(give_piece(5), 0);
	ck_assert_int_eq(tick(UTIL_FCOPY_LIMIT_NS), UTIL_EVENT_SILENT);
	(void)expect_copy(FCOPY_CANCEL);
	ck_assert(service.copying);
	ck_assert_int_eq(tick(2 * UTIL_FCOPY_LIMIT_NS), UTIL_EVENT_NONE);
	ck_assert(!service.copying); /* it was told; more cannot be done */
	ck_assert_uint_eq(packet_bytes, 0);
	ck_assert_uint_eq(service.due_ns, UTIL_NEVER);
}
END_TEST

START_TEST(a_file_that_is_abandoned_is_removed)
{
	if (_i == 0) { /* between two orders */
		make_copying();
		util_copy_abandon(&service, 7);
	} else if (_i == 1) { /* while the guest makes it */
		make_ready();
		packet_bytes = util_copy_begin(&service, 0, &file, packet);
		util_copy_abandon(&service, 5);
		ck_assert_int_eq(answer(IC_STATUS_OK, 7), UTIL_EVENT_ACCEPTED);
	} else { /* while it writes */
		make_copying();
		ck_assert_uint_gt(give_piece(5), 0);
		util_copy_abandon(&service, 5);
		ck_assert_int_eq(answer(IC_STATUS_OK, 7), UTIL_EVENT_ACCEPTED);
	}
	expect_cancelled(7);
}
END_TEST

START_TEST(nothing_is_abandoned_where_nothing_is_copied)
{
	make_ready();
	util_copy_abandon(&service, 0);
	ck_assert(!service.abandoned);
	ck_assert_uint_eq(service.due_ns, UTIL_NEVER);
	packet_bytes = util_copy_begin(&service, 0, &file, packet);
	util_copy_abandon(&service, 0);
	ck_assert_int_eq(answer(IC_STATUS_EXISTS, 0), UTIL_EVENT_DENIED);
	ck_assert(!service.abandoned);
	ck_assert_uint_eq(service.due_ns, UTIL_NEVER);
}
END_TEST

START_TEST(a_piece_or_a_cancel_that_was_not_sent_is_made_up_for)
{
	make_copying();
	ck_assert_uint_gt(give_piece(5), 0);
	for (uint64_t i = 0; i < 3; i++) { /* the piece, and two cancels */
		util_cancel(&service, i * SECOND);
		ck_assert(service.copying && service.abandoned && !service.pending);
		ck_assert_int_eq(tick((i + 1) * SECOND - 1), UTIL_EVENT_NONE);
		ck_assert_uint_eq(packet_bytes, 0);
		ck_assert_int_eq(tick((i + 1) * SECOND), UTIL_EVENT_NONE);
		(void)expect_copy(FCOPY_CANCEL);
	}
	make_ready();
	ck_assert_uint_gt(util_copy_begin(&service, 0, &file, packet), 0);
	util_cancel(&service, 0);
	ck_assert(!service.copying && !service.abandoned);
	ck_assert_uint_eq(service.due_ns, UTIL_NEVER);
}
END_TEST

START_TEST(a_closed_channel_leaves_nothing_to_abandon)
{
	make_ready();
	packet_bytes = util_copy_begin(&service, 0, &file, packet);
	util_copy_abandon(&service, 0);
	util_close(&service);
	ck_assert(!service.abandoned);
}
END_TEST

/* Over the end of the channel, or of the process. */
START_TEST(a_file_of_another_life_is_removed_at_once)
{
	make_copying();
	if (_i == 0) {
		util_close(&service);
		util_copy_abandon(&service, 0);
		ck_assert_uint_eq(service.due_ns, UTIL_NEVER);
	} else {
		util_init(&service, UTIL_FCOPY);
		util_remember_copying(&service);
	}
	open_at(7);
	expect_cancelled(7);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("util_copy");
	TCase *tcase = tcase_create("copies");

	tcase_add_test(tcase, a_file_goes_piece_by_piece);
	tcase_add_test(tcase,
	               a_guest_that_did_not_make_the_file_is_not_told_to_remove_it);
	tcase_add_loop_test(tcase, a_file_that_the_guest_cannot_write_or_close_is_removed,
	                    0, 2);
	tcase_add_test(tcase, a_file_whose_piece_is_not_answered_is_removed);
	tcase_add_loop_test(tcase, a_file_that_is_abandoned_is_removed, 0, 3);
	tcase_add_test(tcase, nothing_is_abandoned_where_nothing_is_copied);
	tcase_add_test(tcase, a_piece_or_a_cancel_that_was_not_sent_is_made_up_for);
	tcase_add_test(tcase, a_closed_channel_leaves_nothing_to_abandon);
	tcase_add_loop_test(tcase, a_file_of_another_life_is_removed_at_once, 0, 2);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
