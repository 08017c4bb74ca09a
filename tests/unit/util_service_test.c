/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The utility services' state machines against a client made of the class's own codec. */
#include "unit.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "vsp/util/core/util_service.h"

#define SECOND UTIL_SECOND_NS

static struct util_service service;
static struct ic_agreement agreed;
static uint8_t packet[UTIL_PACKET_BYTES];
static uint32_t packet_bytes;

static const struct ic_versions *const client_versions[UTIL_KINDS] = {
	[UTIL_HEARTBEAT] = &ic_heartbeat_versions,
	[UTIL_SHUTDOWN] = &ic_shutdown_versions,
	[UTIL_TIMESYNC] = &ic_timesync_versions,
	[UTIL_KVP] = &ic_kvp_versions,
	[UTIL_VSS] = &ic_vss_versions,
	[UTIL_FCOPY] = &ic_fcopy_versions,
};

static const struct fcopy_file file = { .folder = "/", .name = "x", .bytes = 5 };

static enum util_event tick(uint64_t now_ns)
{
	const struct util_time time = { .now_ns = now_ns, .utc_100ns = 1234 };

	return util_tick(&service, &time, packet, &packet_bytes);
}

static enum util_event receive(uint64_t now_ns)
{
	return util_receive(&service, packet, packet_bytes, now_ns);
}

static void make_ready(enum util_kind kind, uint64_t now_ns)
{
	util_init(&service, kind);
	packet_bytes = util_open(&service, packet);
	ck_assert_int_eq(service.state, UTIL_NEGOTIATING);
	ck_assert(ic_answer_negotiate(packet, packet_bytes, client_versions[kind],
	                              &agreed));
	ck_assert_int_eq(receive(now_ns), UTIL_EVENT_READY);
	ck_assert_int_eq(service.state, UTIL_READY);
}

START_TEST(nothing_is_sent_before_the_guest_has_chosen)
{
	util_init(&service, (enum util_kind)_i);
	ck_assert_int_eq(tick(100 * SECOND), UTIL_EVENT_NONE);
	ck_assert_uint_eq(packet_bytes, 0);
	packet_bytes = util_open(&service, packet);
	ck_assert_uint_gt(packet_bytes, 0);
	ck_assert_int_eq(tick(100 * SECOND), UTIL_EVENT_NONE);
	ck_assert_uint_eq(packet_bytes, 0);
	ck_assert_uint_eq(util_shutdown(&service, 0, false, false, packet), 0);
}
END_TEST

/* Counts of both lists, then the lists: the newest first. */
START_TEST(every_version_is_offered)
{
	static const uint16_t offers[UTIL_KINDS][16] = {
		[UTIL_HEARTBEAT] = { 2, 2, 0, 0, 3, 0, 1, 0, 3, 0, 1, 0 },
		[UTIL_SHUTDOWN] = { 2, 4, 0, 0, 3, 0, 1, 0, 3, 2, 3, 1, 3, 0, 1, 0 },
		[UTIL_TIMESYNC] = { 2, 2, 0, 0, 3, 0, 1, 0, 3, 0, 1, 0 },
		[UTIL_KVP] = { 2, 3, 0, 0, 3, 0, 1, 0, 4, 0, 3, 0, 1, 0 },
		[UTIL_VSS] = { 2, 1, 0, 0, 3, 0, 1, 0, 5, 0 },
		[UTIL_FCOPY] = { 2, 1, 0, 0, 3, 0, 1, 0, 1, 1 },
	};
	static const uint32_t bytes[UTIL_KINDS] = { 24, 32, 24, 28, 20, 20 };

	util_init(&service, (enum util_kind)_i);
	packet_bytes = util_open(&service, packet);
	ck_assert_uint_eq(packet_bytes, IC_HEADERS_BYTES + bytes[_i]);
	ck_assert_mem_eq(packet + IC_HEADERS_BYTES, offers[_i],
	                 packet_bytes - IC_HEADERS_BYTES);
}
END_TEST

START_TEST(a_guest_without_our_versions_is_left_alone)
{
	static const struct ic_version future[] = { { 9, 0 } };
	const struct ic_versions versions = { .framework = future,
		                              .message = future,
		                              .framework_count = 1,
		                              .message_count = 1 };

	util_init(&service, UTIL_HEARTBEAT);
	packet_bytes = util_open(&service, packet);
	ck_assert(!ic_answer_negotiate(packet, packet_bytes, &versions, &agreed));
	ck_assert_int_eq(receive(0), UTIL_EVENT_REFUSED);
	ck_assert_int_eq(tick(100 * SECOND), UTIL_EVENT_NONE);
	ck_assert_uint_eq(packet_bytes, 0);
}
END_TEST

START_TEST(a_heart_beats_every_two_seconds)
{
	make_ready(UTIL_HEARTBEAT, 10 * SECOND);
	ck_assert_uint_eq(service.due_ns, 10 * SECOND);
	for (uint64_t now = 10; now < 20; now += 2) {
		ck_assert_int_eq(tick(now * SECOND), UTIL_EVENT_NONE);
		ck_assert(ic_answer_heartbeat(packet, packet_bytes));
		ck_assert_int_eq(receive(now * SECOND),
		                 now == 10 ? UTIL_EVENT_ALIVE : UTIL_EVENT_NONE);
		ck_assert_int_eq(tick(now * SECOND + SECOND), UTIL_EVENT_NONE);
		ck_assert_uint_eq(packet_bytes, 0);
		ck_assert_uint_eq(service.due_ns, (now + 2) * SECOND);
	}
	ck_assert_uint_eq(service.answers, 5);
	ck_assert_uint_eq(service.seen_ns, 18 * SECOND);
}
END_TEST

START_TEST(a_silent_heart_is_reported_once_and_so_is_its_return)
{
	unsigned int lost = 0;

	make_ready(UTIL_HEARTBEAT, 0);
	(void)tick(0);
	ck_assert(ic_answer_heartbeat(packet, packet_bytes));
	ck_assert_int_eq(receive(0), UTIL_EVENT_ALIVE);
	for (uint64_t now = 2; now < 40; now += 2)
		lost += tick(now * SECOND) == UTIL_EVENT_LOST;
	ck_assert_uint_eq(lost, 1);
	ck_assert(!service.alive);
	ck_assert_uint_eq(service.missed, 19);
	ck_assert(ic_answer_heartbeat(packet, packet_bytes));
	ck_assert_int_eq(receive(40 * SECOND), UTIL_EVENT_ALIVE);
	ck_assert_uint_eq(service.missed, 0);
}
END_TEST

START_TEST(a_beat_that_nobody_asked_for_does_not_count)
{
	make_ready(UTIL_HEARTBEAT, 0);
	packet_bytes = ic_encode_heartbeat(packet, &agreed, 1, 0);
	ck_assert(ic_answer_heartbeat(packet, packet_bytes));
	ck_assert_int_eq(receive(0), UTIL_EVENT_BAD_PACKET);
	(void)tick(0);
	ck_assert(ic_answer_heartbeat(packet, packet_bytes));
	ck_assert_int_eq(receive(0), UTIL_EVENT_ALIVE);
	ck_assert_int_eq(receive(0), UTIL_EVENT_BAD_PACKET);
	ck_assert_uint_eq(service.answers, 1);
}
END_TEST

START_TEST(a_beat_with_a_number_that_was_not_sent_does_not_count)
{
	static const uint64_t numbers[] = { UINT64_MAX, 1, 1000 };

	make_ready(UTIL_HEARTBEAT, 0);
	(void)tick(0);
	packet_bytes = ic_encode_heartbeat(packet, &agreed, 1, numbers[_i]);
	ck_assert(ic_answer_heartbeat(packet, packet_bytes));
	ck_assert_int_eq(receive(0), UTIL_EVENT_BAD_PACKET);
	ck_assert(!service.alive);
}
END_TEST

START_TEST(a_request_sent_back_as_it_was_is_no_answer)
{
	make_ready((enum util_kind)_i, 0);
	(void)tick(0);
	if (_i == UTIL_SHUTDOWN)
		packet_bytes = util_shutdown(&service, 0, false, false, packet);
	else if (_i == UTIL_KVP)
		packet_bytes = util_enumerate(&service, 0, KVP_POOL_AUTO, 0, packet);
	else if (_i == UTIL_VSS)
		packet_bytes = util_freeze(&service, 0, SECOND, packet);
	else if (_i == UTIL_FCOPY)
		packet_bytes = util_copy_begin(&service, 0, &file, packet);
	ck_assert_uint_gt(packet_bytes, 0);
	ck_assert_int_eq(receive(0), UTIL_EVENT_BAD_PACKET);
}
END_TEST

START_TEST(a_cut_answer_is_none)
{
	make_ready(UTIL_HEARTBEAT, 0);
	(void)tick(0);
	ck_assert(ic_answer_heartbeat(packet, packet_bytes));
	for (uint32_t whole = packet_bytes; packet_bytes-- > 0;)
		ck_assert_msg(receive(0) == UTIL_EVENT_BAD_PACKET, "%u of %u bytes",
		              packet_bytes, whole);
}
END_TEST

START_TEST(another_services_answer_is_none)
{
	make_ready(UTIL_HEARTBEAT, 0);
	(void)tick(0);
	packet_bytes = ic_encode_shutdown(packet, &agreed, 1, 0, 0, NULL);
	ic_answer(packet, IC_STATUS_OK);
	ck_assert_int_eq(receive(0), UTIL_EVENT_BAD_PACKET);
}
END_TEST

START_TEST(the_clock_is_set_once_and_sampled_from_then_on)
{
	static const uint8_t flags[] = { IC_TIMESYNC_SYNC, IC_TIMESYNC_SAMPLE,
		                         IC_TIMESYNC_SAMPLE };
	struct ic_message message;
	uint64_t time;
	uint8_t flag;

	make_ready(UTIL_TIMESYNC, 0);
	for (uint64_t i = 0; i < 3; i++) {
		(void)tick(i * 5 * SECOND);
		ck_assert(ic_decode(&message, packet, packet_bytes));
		ck_assert(ic_decode_timesync(&message, &agreed, &flag, &time));
		ck_assert_uint_eq(flag, flags[i]);
		ck_assert_uint_eq(time, 1234);
	}
	util_resynchronize(&service);
	(void)tick(11 * SECOND);
	ck_assert(ic_decode(&message, packet, packet_bytes));
	ck_assert(ic_decode_timesync(&message, &agreed, &flag, &time));
	ck_assert_uint_eq(flag, IC_TIMESYNC_SYNC);
}
END_TEST

START_TEST(the_version_whose_samples_need_the_guests_reference_time_is_not_offered)
{
	make_ready(UTIL_TIMESYNC, 0);
	ck_assert_uint_eq(service.agreed.message.major, 3);
}
END_TEST

START_TEST(a_shutdown_is_accepted_or_refused_by_its_answer)
{
	struct ic_message message;
	uint32_t flags, timeout;

	make_ready(UTIL_SHUTDOWN, 0);
	ck_assert_uint_eq(service.due_ns, UTIL_NEVER);
	packet_bytes = util_shutdown(&service, 0, true, false, packet);
	ck_assert(ic_decode(&message, packet, packet_bytes));
	ck_assert(ic_decode_shutdown(&message, &flags, &timeout));
	ck_assert_uint_eq(flags, IC_SHUTDOWN_RESTART);
	ic_answer(packet, _i == 0 ? IC_STATUS_OK : IC_STATUS_FAIL);
	ck_assert_int_eq(receive(0), _i == 0 ? UTIL_EVENT_ACCEPTED : UTIL_EVENT_DENIED);
	ck_assert_uint_eq(service.status, _i == 0 ? 0 : IC_STATUS_FAIL);
	ck_assert_int_eq(tick(100 * SECOND), UTIL_EVENT_NONE);
}
END_TEST

START_TEST(a_second_shutdown_waits_for_the_firsts_answer)
{
	make_ready(UTIL_SHUTDOWN, 0);
	ck_assert_uint_gt(util_shutdown(&service, 0, false, false, packet), 0);
	ck_assert_uint_eq(util_shutdown(&service, 0, false, false, packet), 0);
	ck_assert_int_eq(tick(30 * SECOND), UTIL_EVENT_SILENT);
	ck_assert_uint_gt(util_shutdown(&service, 0, false, false, packet), 0);
}
END_TEST

START_TEST(an_answer_that_nobody_waits_for_changes_nothing)
{
	make_ready(UTIL_SHUTDOWN, 0);
	packet_bytes = util_shutdown(&service, 0, false, false, packet);
	ic_answer(packet, IC_STATUS_OK);
	ck_assert_int_eq(receive(0), UTIL_EVENT_ACCEPTED);
	ck_assert_int_eq(receive(0), UTIL_EVENT_BAD_PACKET);
}
END_TEST

START_TEST(a_late_answer_does_not_count_for_the_next_order)
{
	uint8_t late[UTIL_PACKET_BYTES];
	uint32_t late_bytes;

	make_ready(UTIL_SHUTDOWN, 0);
	late_bytes = util_shutdown(&service, 0, false, false, late);
	ic_answer(late, IC_STATUS_OK);
	ck_assert_int_eq(tick(30 * SECOND), UTIL_EVENT_SILENT);
	ck_assert_uint_gt(util_shutdown(&service, 31 * SECOND, false, false, packet), 0);
	ck_assert_int_eq(util_receive(&service, late, late_bytes, 32 * SECOND),
	                 UTIL_EVENT_BAD_PACKET);
	ck_assert(service.pending);
}
END_TEST

START_TEST(nonsense_from_the_guest_changes_nothing)
{
	struct util_service before;

	make_ready((enum util_kind)_i, 0);
	before = service;
	memset(packet, 0xff, sizeof(packet));
	for (packet_bytes = 0; packet_bytes < 64; packet_bytes++)
		ck_assert_int_eq(receive(SECOND), UTIL_EVENT_BAD_PACKET);
	ck_assert_mem_eq(&service, &before, sizeof(service));
}
END_TEST

START_TEST(a_packet_after_close_changes_nothing)
{
	make_ready(UTIL_HEARTBEAT, 0);
	(void)tick(0);
	ck_assert(ic_answer_heartbeat(packet, packet_bytes));
	util_close(&service);
	ck_assert_int_eq(receive(0), UTIL_EVENT_BAD_PACKET);
	ck_assert_uint_eq(service.due_ns, UTIL_NEVER);
}
END_TEST

START_TEST(a_heart_is_lost_after_its_limit_and_no_sooner)
{
	make_ready(UTIL_HEARTBEAT, 0);
	(void)tick(0);
	ck_assert(ic_answer_heartbeat(packet, packet_bytes));
	ck_assert_int_eq(receive(7), UTIL_EVENT_ALIVE);
	ck_assert_int_eq(tick(UTIL_HEARTBEAT_LOST_NS + 6), UTIL_EVENT_NONE);
	ck_assert_int_eq(tick(2 * UTIL_HEARTBEAT_LOST_NS), UTIL_EVENT_LOST);
	make_ready(UTIL_HEARTBEAT, 0);
	(void)tick(0);
	ck_assert(ic_answer_heartbeat(packet, packet_bytes));
	ck_assert_int_eq(receive(7), UTIL_EVENT_ALIVE);
	ck_assert_int_eq(tick(UTIL_HEARTBEAT_LOST_NS + 7), UTIL_EVENT_LOST);
}
END_TEST

START_TEST(a_clock_is_never_lost)
{
	make_ready(UTIL_TIMESYNC, 0);
	service.alive = true;
	ck_assert_int_eq(tick(1000 * SECOND), UTIL_EVENT_NONE);
	ck_assert(service.alive);
}
END_TEST

START_TEST(services_speak_when_they_are_due_and_no_sooner)
{
	static const uint64_t periods[UTIL_KINDS] = {
		[UTIL_HEARTBEAT] = 2 * SECOND,
		[UTIL_TIMESYNC] = 5 * SECOND,
	};

	if (periods[_i] == 0)
		return;
	make_ready((enum util_kind)_i, 10);
	ck_assert_int_eq(tick(9), UTIL_EVENT_NONE);
	ck_assert_uint_eq(packet_bytes, 0);
	(void)tick(10);
	ck_assert_uint_gt(packet_bytes, 0);
	(void)tick(10 + periods[_i] - 1);
	ck_assert_uint_eq(packet_bytes, 0);
	(void)tick(10 + periods[_i]);
	ck_assert_uint_gt(packet_bytes, 0);
}
END_TEST

START_TEST(every_request_has_a_number_of_its_own)
{
	struct ic_message message;

	make_ready(_i == 0 ? UTIL_HEARTBEAT : UTIL_TIMESYNC, 0);
	for (uint64_t i = 0; i < 3; i++) {
		(void)tick(i * 10 * SECOND);
		ck_assert(ic_decode(&message, packet, packet_bytes));
		ck_assert_uint_eq(message.header.transaction_id, 2 + i);
		ck_assert_uint_eq(_i == 0 ? service.sequence : service.samples, i + 1);
		ck_assert_uint_eq(message.header.message.major,
		                  service.agreed.message.major);
	}
}
END_TEST

START_TEST(a_shutdown_says_what_it_was_told_and_waits_for_its_limit)
{
	static const uint32_t flags[] = { 0, IC_SHUTDOWN_RESTART, IC_SHUTDOWN_FORCE,
		                          IC_SHUTDOWN_RESTART | IC_SHUTDOWN_FORCE };
	const char *text = (const char *)packet + IC_HEADERS_BYTES +
	                   offsetof(struct ic_shutdown, text);
	struct ic_message message;
	uint32_t sent, timeout;

	make_ready(UTIL_SHUTDOWN, 0);
	packet_bytes = util_shutdown(&service, 5, _i & 1, _i & 2, packet);
	ck_assert(ic_decode(&message, packet, packet_bytes));
	ck_assert(ic_decode_shutdown(&message, &sent, &timeout));
	ck_assert_uint_eq(sent, flags[_i]);
	ck_assert_uint_eq(timeout, 0);
	ck_assert_str_eq(text, "asked for on the host");
	ck_assert_uint_eq(message.header.transaction_id, 2);
	ck_assert_int_eq(tick(5 + UTIL_SHUTDOWN_LIMIT_NS - 1), UTIL_EVENT_NONE);
	ck_assert(service.pending);
	ck_assert_int_eq(tick(5 + UTIL_SHUTDOWN_LIMIT_NS), UTIL_EVENT_SILENT);
	ck_assert(!service.pending);
	ck_assert_int_eq(tick(UTIL_NEVER - 1), UTIL_EVENT_NONE);
}
END_TEST

START_TEST(a_shutdown_is_cancelled)
{
	make_ready(UTIL_SHUTDOWN, 0);
	ck_assert_uint_gt(util_shutdown(&service, 0, false, false, packet), 0);
	util_cancel(&service, 0);
	ck_assert(!service.pending);
	ck_assert_uint_eq(service.due_ns, UTIL_NEVER);
	ck_assert_uint_gt(util_shutdown(&service, 0, false, false, packet), 0);
}
END_TEST

/* ---- Freezing ---- */

static void freeze(uint64_t now_ns)
{
	packet_bytes = util_freeze(&service, now_ns, 10 * SECOND, packet);
	ck_assert_uint_gt(packet_bytes, 0);
}

/* The packet is a request of this operation. */
static void expect_vss(enum ic_vss_operation operation)
{
	struct ic_message message;
	uint8_t found;

	ck_assert(ic_decode(&message, packet, packet_bytes));
	ck_assert(ic_decode_vss(&message, &found));
	ck_assert_uint_eq(found, operation);
}

static enum util_event answer(uint32_t status, uint64_t now_ns)
{
	ic_answer(packet, status);
	return receive(now_ns);
}

START_TEST(a_guest_is_frozen_and_thawed)
{
	make_ready(UTIL_VSS, 0);
	ck_assert_uint_eq(util_thaw(&service, 0, packet), 0);
	freeze(SECOND);
	expect_vss(IC_VSS_FREEZE);
	ck_assert(service.frozen); /* it may be so before its answer is here */
	ck_assert_uint_eq(util_thaw(&service, SECOND, packet), 0);
	ck_assert_int_eq(answer(IC_STATUS_OK, 2 * SECOND), UTIL_EVENT_ACCEPTED);
	ck_assert(service.frozen);
	ck_assert_uint_eq(util_freeze(&service, 0, SECOND, packet), 0);
	packet_bytes = util_thaw(&service, 3 * SECOND, packet);
	expect_vss(IC_VSS_THAW);
	ck_assert(service.frozen);
	ck_assert_int_eq(answer(IC_STATUS_OK, 4 * SECOND), UTIL_EVENT_ACCEPTED);
	ck_assert(!service.frozen);
	ck_assert(!service.expired);
	ck_assert_uint_eq(service.due_ns, UTIL_NEVER);
}
END_TEST

START_TEST(a_guest_that_refuses_to_freeze_is_not_frozen)
{
	make_ready(UTIL_VSS, 0);
	freeze(0);
	ck_assert_int_eq(answer(IC_STATUS_FAIL, 0), UTIL_EVENT_DENIED);
	ck_assert(!service.frozen);
	ck_assert_uint_eq(service.due_ns, UTIL_NEVER);
	freeze(0);
}
END_TEST

START_TEST(a_guest_that_is_forgotten_is_thawed)
{
	make_ready(UTIL_VSS, 0);
	freeze(0);
	ck_assert_int_eq(answer(IC_STATUS_OK, 2 * SECOND), UTIL_EVENT_ACCEPTED);
	ck_assert_int_eq(tick(12 * SECOND - 1), UTIL_EVENT_NONE);
	ck_assert_int_eq(tick(12 * SECOND), UTIL_EVENT_EXPIRED);
	expect_vss(IC_VSS_THAW);
	ck_assert(service.expired);
	ck_assert_int_eq(answer(IC_STATUS_OK, 13 * SECOND), UTIL_EVENT_ACCEPTED);
	ck_assert(!service.frozen);
	ck_assert_uint_eq(util_thaw(&service, 14 * SECOND, packet), 0);
	ck_assert(service.expired);
	freeze(15 * SECOND);
	ck_assert(!service.expired);
}
END_TEST

START_TEST(a_guest_that_does_not_say_whether_it_froze_is_thawed)
{
	uint8_t late[UTIL_PACKET_BYTES];
	uint32_t late_bytes;

	make_ready(UTIL_VSS, 0);
	freeze(0);
	memcpy(late, packet, sizeof(late));
	late_bytes = packet_bytes;
	ic_answer(late, IC_STATUS_OK);
	ck_assert_int_eq(tick(UTIL_VSS_LIMIT_NS - 1), UTIL_EVENT_NONE);
	ck_assert_int_eq(tick(UTIL_VSS_LIMIT_NS), UTIL_EVENT_SILENT);
	expect_vss(IC_VSS_THAW);
	ck_assert(service.frozen);
	ck_assert_int_eq(util_receive(&service, late, late_bytes, UTIL_VSS_LIMIT_NS),
	                 UTIL_EVENT_BAD_PACKET);
	ck_assert_int_eq(answer(IC_STATUS_OK, UTIL_VSS_LIMIT_NS), UTIL_EVENT_ACCEPTED);
	ck_assert(!service.frozen);
}
END_TEST

START_TEST(a_thaw_without_an_answer_is_asked_for_again)
{
	uint64_t now = 0;

	make_ready(UTIL_VSS, 0);
	freeze(0);
	ck_assert_int_eq(answer(IC_STATUS_OK, 0), UTIL_EVENT_ACCEPTED);
	packet_bytes = util_thaw(&service, 0, packet);
	for (unsigned int i = 0; i < 3; i++) {
		now += UTIL_VSS_LIMIT_NS;
		ck_assert_int_eq(tick(now), UTIL_EVENT_SILENT);
		ck_assert_uint_eq(packet_bytes, 0);
		now += UTIL_RETRY_PERIOD_NS;
		ck_assert_int_eq(tick(now), UTIL_EVENT_EXPIRED);
		expect_vss(IC_VSS_THAW);
	}
	ck_assert_int_eq(answer(IC_STATUS_OK, now), UTIL_EVENT_ACCEPTED);
	ck_assert(!service.frozen);
}
END_TEST

START_TEST(an_order_to_freeze_that_was_not_sent_changes_nothing)
{
	make_ready(UTIL_VSS, 0);
	freeze(0);
	util_cancel(&service, 0);
	ck_assert(!service.frozen);
	ck_assert_uint_eq(service.due_ns, UTIL_NEVER);
	freeze(0);
	ck_assert_int_eq(answer(IC_STATUS_OK, 0), UTIL_EVENT_ACCEPTED);
	ck_assert_uint_gt(util_thaw(&service, 0, packet), 0);
	util_cancel(&service, SECOND); /* an order to thaw is tried again */
	ck_assert(service.frozen);
	ck_assert_int_eq(tick(SECOND + UTIL_RETRY_PERIOD_NS), UTIL_EVENT_EXPIRED);
}
END_TEST

/* Whoever broke its rings was closed for it: no time comes at which it could be asked again. */
START_TEST(an_order_to_a_service_that_closed_over_it_is_not_tried_again)
{
	make_ready(UTIL_VSS, 0);
	freeze(0);
	ck_assert_int_eq(answer(IC_STATUS_OK, 0), UTIL_EVENT_ACCEPTED);
	ck_assert_uint_gt(util_thaw(&service, 0, packet), 0);
	util_close(&service);
	util_cancel(&service, SECOND);
	ck_assert(service.frozen); /* U4 */
	ck_assert_uint_eq(service.due_ns, UTIL_NEVER);
}
END_TEST

START_TEST(what_a_dead_process_froze_is_thawed_at_once)
{
	util_init(&service, UTIL_VSS);
	util_remember_frozen(&service);
	packet_bytes = util_open(&service, packet);
	ck_assert(service.frozen);
	ck_assert_uint_eq(service.due_ns, UTIL_NEVER);
	ck_assert(ic_answer_negotiate(packet, packet_bytes, &ic_vss_versions, &agreed));
	ck_assert_int_eq(receive(5), UTIL_EVENT_READY);
	ck_assert_int_eq(tick(5), UTIL_EVENT_EXPIRED);
	expect_vss(IC_VSS_THAW);
	ck_assert_int_eq(answer(IC_STATUS_OK, 6), UTIL_EVENT_ACCEPTED);
	ck_assert(!service.frozen);
}
END_TEST

/* ---- Facts ---- */

START_TEST(a_question_about_the_guest_is_one_at_a_time)
{
	make_ready(UTIL_KVP, 0);
	packet_bytes = util_enumerate(&service, 0, KVP_POOL_AUTO, 3, packet);
	ck_assert_uint_gt(packet_bytes, 0);
	ck_assert_uint_eq(util_addresses(&service, 0, "52:54:00:00:00:01", packet), 0);
	ck_assert_uint_eq(service.due_ns, UTIL_KVP_LIMIT_NS);
	ck_assert_int_eq(answer(0x80070103, 0), UTIL_EVENT_DENIED);
	ck_assert_uint_eq(service.status, 0x80070103);
	ck_assert_uint_gt(util_addresses(&service, 0, "52:54:00:00:00:01", packet), 0);
	/* As long as a guest's driver waits for its daemon, which runs programs for these. */
	ck_assert_int_eq(tick(30 * UTIL_SECOND_NS), UTIL_EVENT_NONE);
	ck_assert_int_eq(tick(UTIL_ADDRESSES_LIMIT_NS), UTIL_EVENT_SILENT);
	ck_assert_uint_eq(packet_bytes, 0);
	ck_assert_uint_eq(service.due_ns, UTIL_NEVER);
}
END_TEST

START_TEST(an_opened_service_begins_anew)
{
	make_ready(UTIL_HEARTBEAT, 0);
	(void)tick(0);
	ck_assert(ic_answer_heartbeat(packet, packet_bytes));
	ck_assert_int_eq(receive(0), UTIL_EVENT_ALIVE);
	packet_bytes = util_open(&service, packet);
	ck_assert_int_eq(service.kind, UTIL_HEARTBEAT);
	ck_assert_int_eq(service.state, UTIL_NEGOTIATING);
	ck_assert(!service.alive);
	ck_assert_uint_eq(service.transaction_id, 1);
	ck_assert_uint_eq(service.due_ns, UTIL_NEVER);
	util_resynchronize(&service); /* before it may speak */
	ck_assert_uint_eq(service.due_ns, UTIL_NEVER);
}
END_TEST

START_TEST(a_closed_service_waits_for_nothing)
{
	make_ready(UTIL_SHUTDOWN, 0);
	ck_assert_uint_gt(util_shutdown(&service, 0, false, false, packet), 0);
	util_close(&service);
	ck_assert_int_eq(service.state, UTIL_CLOSED);
	ck_assert(!service.pending);
	ck_assert_uint_eq(service.due_ns, UTIL_NEVER);
}
END_TEST

START_TEST(the_time_when_a_guest_was_seen_is_kept)
{
	make_ready(UTIL_HEARTBEAT, 3 * SECOND);
	ck_assert_uint_eq(service.seen_ns, 3 * SECOND);
	(void)tick(3 * SECOND);
	ck_assert(ic_answer_heartbeat(packet, packet_bytes));
	ck_assert_int_eq(receive(4 * SECOND), UTIL_EVENT_ALIVE);
	ck_assert_uint_eq(service.seen_ns, 4 * SECOND);
}
END_TEST

START_TEST(events_have_names)
{
	static const char *const names[UTIL_EVENTS] = {
		[UTIL_EVENT_NONE] = "none",       [UTIL_EVENT_READY] = "ready",
		[UTIL_EVENT_REFUSED] = "refused", [UTIL_EVENT_ALIVE] = "alive",
		[UTIL_EVENT_LOST] = "lost",       [UTIL_EVENT_ACCEPTED] = "accepted",
		[UTIL_EVENT_DENIED] = "denied",   [UTIL_EVENT_SILENT] = "no answer",
		[UTIL_EVENT_EXPIRED] = "expired", [UTIL_EVENT_BAD_PACKET] = "bad packet",
	};

	for (unsigned int i = 0; i < UTIL_EVENTS; i++)
		ck_assert_str_eq(util_event_name((enum util_event)i), names[i]);
}
END_TEST

START_TEST(guests_count_time_from_1601)
{
	ck_assert_uint_eq(util_utc_100ns(0, 0), UINT64_C(116444736000000000));
	ck_assert_uint_eq(util_utc_100ns(0, 999999999), UINT64_C(116444736009999999));
	ck_assert_uint_eq(util_utc_100ns(1, 250), UINT64_C(116444736010000002));
}
END_TEST

START_TEST(classes_have_names)
{
	enum util_kind kind;

	for (unsigned int i = 0; i < UTIL_KINDS; i++) {
		ck_assert(util_kind_parse(util_kind_name((enum util_kind)i), &kind));
		ck_assert_uint_eq(kind, i);
	}
	ck_assert(!util_kind_parse("heart", &kind));
	ck_assert(!util_kind_parse("", &kind));
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("util_service");
	TCase *tcase = tcase_create("services");

	tcase_add_loop_test(tcase, nothing_is_sent_before_the_guest_has_chosen, 0,
	                    UTIL_KINDS);
	tcase_add_loop_test(tcase, every_version_is_offered, 0, UTIL_KINDS);
	tcase_add_test(tcase, a_guest_without_our_versions_is_left_alone);
	tcase_add_test(tcase, a_heart_beats_every_two_seconds);
	tcase_add_test(tcase, a_silent_heart_is_reported_once_and_so_is_its_return);
	tcase_add_test(tcase, a_beat_that_nobody_asked_for_does_not_count);
	tcase_add_loop_test(tcase, a_beat_with_a_number_that_was_not_sent_does_not_count,
	                    0, 3);
	tcase_add_loop_test(tcase, a_request_sent_back_as_it_was_is_no_answer, 0,
	                    UTIL_KINDS);
	tcase_add_test(tcase, a_cut_answer_is_none);
	tcase_add_test(tcase, another_services_answer_is_none);
	tcase_add_test(tcase, the_clock_is_set_once_and_sampled_from_then_on);
	tcase_add_test(
		tcase,
		the_version_whose_samples_need_the_guests_reference_time_is_not_offered);
	tcase_add_loop_test(tcase, a_shutdown_is_accepted_or_refused_by_its_answer, 0, 2);
	tcase_add_test(tcase, a_second_shutdown_waits_for_the_firsts_answer);
	tcase_add_test(tcase, an_answer_that_nobody_waits_for_changes_nothing);
	tcase_add_test(tcase, a_late_answer_does_not_count_for_the_next_order);
	tcase_add_loop_test(tcase, nonsense_from_the_guest_changes_nothing, 0,
	                    UTIL_KINDS);
	tcase_add_test(tcase, a_packet_after_close_changes_nothing);
	tcase_add_test(tcase, a_heart_is_lost_after_its_limit_and_no_sooner);
	tcase_add_test(tcase, a_clock_is_never_lost);
	tcase_add_loop_test(tcase, services_speak_when_they_are_due_and_no_sooner, 0,
	                    UTIL_KINDS);
	tcase_add_loop_test(tcase, every_request_has_a_number_of_its_own, 0, 2);
	tcase_add_loop_test(
		tcase, a_shutdown_says_what_it_was_told_and_waits_for_its_limit, 0, 4);
	tcase_add_test(tcase, a_shutdown_is_cancelled);
	tcase_add_test(tcase, a_guest_is_frozen_and_thawed);
	tcase_add_test(tcase, a_guest_that_refuses_to_freeze_is_not_frozen);
	tcase_add_test(tcase, a_guest_that_is_forgotten_is_thawed);
	tcase_add_test(tcase, a_guest_that_does_not_say_whether_it_froze_is_thawed);
	tcase_add_test(tcase, a_thaw_without_an_answer_is_asked_for_again);
	tcase_add_test(tcase, an_order_to_freeze_that_was_not_sent_changes_nothing);
	tcase_add_test(tcase,
	               an_order_to_a_service_that_closed_over_it_is_not_tried_again);
	tcase_add_test(tcase, what_a_dead_process_froze_is_thawed_at_once);
	tcase_add_test(tcase, a_question_about_the_guest_is_one_at_a_time);
	tcase_add_test(tcase, an_opened_service_begins_anew);
	tcase_add_test(tcase, a_closed_service_waits_for_nothing);
	tcase_add_test(tcase, the_time_when_a_guest_was_seen_is_kept);
	tcase_add_test(tcase, events_have_names);
	tcase_add_test(tcase, guests_count_time_from_1601);
	tcase_add_test(tcase, classes_have_names);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
