/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An adapter that is being taken from its guest: what the guest still hears, and when it is at rest. */
#include "net_play.h"

#define TAG           77u
#define PERIODS_LIMIT 400u /* 20 s */
#define PERIODS_QUIET 50u  /* 2.5 s */

/* A frame in a section of the send buffer. */
static void send_frame(uint64_t id)
{
	uint32_t bytes = write_frame(section(2), 100, 1);
	struct nvsp_message message = nvsp_rndis_packet(NVSP_CHANNEL_DATA, 2, bytes);

	put(id, &message);
}

static void pass(unsigned int periods)
{
	for (unsigned int i = 0; i < periods && events == 0; i++)
		net_leave_period(&net);
}

/* The guest hears that the link is down; the section that says so. */
static uint64_t expect_link_down(void)
{
	uint64_t id = expect_packet();
	uint32_t status;

	memcpy(&status, receive_buffer + ranges[0].offset + 8, sizeof(status));
	ck_assert_uint_eq(status, RNDIS_STATUS_MEDIA_DISCONNECT);
	return id;
}

START_TEST(a_guest_that_is_told_and_says_nothing_is_at_rest_after_a_while)
{
	uint64_t id;

	bring_up();
	net_leave(&net, TAG);
	ck_assert_ptr_null(watched); /* no frame comes any more */
	id = expect_link_down();
	ck_assert_uint_ne(signals, 0);
	pass(PERIODS_QUIET + 1);
	ck_assert_uint_eq(events, 0); /* it has not given the section back */
	give_back(id);
	pass(PERIODS_QUIET - 1);
	ck_assert_uint_eq(events, 0);
	pass(2);
	ck_assert_uint_eq(events, 1);
	ck_assert_uint_eq(event_tag, TAG);
	ck_assert_ptr_null(watched_timer);
}
END_TEST

START_TEST(what_it_sends_meanwhile_is_completed_and_goes_nowhere)
{
	bring_up();
	net_leave(&net, TAG);
	give_back(expect_link_down());
	for (unsigned int i = 0; i < 2 * PERIODS_QUIET; i++) {
		send_frame(100 + i);
		net_channel_pump(&net.queues[0]);
		expect_status(100 + i, NVSP_STATUS_SUCCESS);
		pass(1);
		ck_assert_uint_eq(events, 0); /* it is not at rest */
	}
	ck_assert_uint_eq(sends, 0);
	pass(PERIODS_QUIET + 1);
	ck_assert_uint_eq(events, 1);
}
END_TEST

/* It could not see it any more: what it has not read is not done. */
START_TEST(a_completion_that_it_has_not_read_keeps_it_from_being_at_rest)
{
	bring_up();
	net_leave(&net, TAG);
	give_back(expect_link_down());
	send_frame(100);
	pass(PERIODS_LIMIT / 2);
	ck_assert_uint_eq(events, 0);
	expect_status(100, NVSP_STATUS_SUCCESS);
	pass(PERIODS_QUIET + 1);
	ck_assert_uint_eq(events, 1);
}
END_TEST

START_TEST(packets_that_a_backend_held_up_are_completed_too)
{
	bring_up();
	takes_no_more = true;
	send_frame(100);
	net_channel_pump(&net.queues[0]);
	expect_status(100, NVSP_STATUS_SUCCESS);
	send_frame(101);
	net_channel_pump(&net.queues[0]);
	ck_assert(!next()); /* it waits for room */
	net_leave(&net, TAG);
	expect_status(101, NVSP_STATUS_SUCCESS);
	give_back(expect_link_down());
	pass(PERIODS_QUIET + 1);
	ck_assert_uint_eq(events, 1);
}
END_TEST

/* Of sections, or of sending: the first has none of the second's excuses. */
START_TEST(a_guest_that_never_comes_to_rest_has_its_time_and_no_more)
{
	uint64_t id;

	bring_up();
	net_leave(&net, TAG);
	id = expect_link_down();
	for (unsigned int i = 0; i < PERIODS_LIMIT - 2; i++) {
		if (_i == 1 && i == 0)
			give_back(id);
		if (_i == 1)
			send_frame(100 + i);
		net_channel_pump(&net.queues[0]);
		if (_i == 1)
			expect_status(100 + i, NVSP_STATUS_SUCCESS);
		pass(1);
		ck_assert_uint_eq(events, 0);
	}
	pass(2);
	ck_assert_uint_eq(events, 1);
}
END_TEST

START_TEST(one_that_nobody_uses_leaves_at_once)
{
	net_channel_close(&net.queues[0]);
	net_leave(&net, TAG);
	ck_assert_uint_eq(events, 1);
	ck_assert_uint_eq(event_tag, TAG);
}
END_TEST

/* Linux waits for the answer to each of its messages, whatever becomes of the channel. */
START_TEST(a_driver_that_sets_the_adapter_up_meanwhile_is_answered)
{
	struct nvsp_message message = nvsp_init(NVSP_VERSION_6_1);

	net_leave(&net, TAG);
	for (unsigned int i = 0; i < 3; i++) {
		pass(PERIODS_QUIET / 2);
		put(1 + i, &message);
		net_channel_pump(&net.queues[0]);
		(void)expect_completion(1 + i);
	}
	ck_assert_uint_eq(events, 0);
	pass(PERIODS_QUIET + 1);
	ck_assert_uint_eq(events, 1);
}
END_TEST

START_TEST(a_channel_that_is_closed_or_broken_meanwhile_is_at_rest)
{
	bring_up();
	net_leave(&net, TAG);
	if (_i == 0)
		net_channel_close(&net.queues[0]);
	else
		net_break_off(&net, "ring");
	pass(1);
	ck_assert_uint_eq(events, 1);
}
END_TEST

START_TEST(a_second_order_is_refused_until_the_first_is_answered)
{
	bring_up();
	net_leave(&net, TAG);
	net_leave(&net, TAG + 1);
	ck_assert_uint_eq(events, 1);
	ck_assert_uint_eq(event_tag, TAG + 1);
	give_back(expect_link_down());
	events = 0;
	pass(PERIODS_QUIET + 1);
	ck_assert_uint_eq(event_tag, TAG);
	net_leave(&net, TAG + 2);
	events = 0;
	pass(PERIODS_QUIET + 1);
	ck_assert_uint_eq(event_tag, TAG + 2);
}
END_TEST

/* A process dies, and the last one is ordered to leave. The worker starts the channel after that. */
static void leave_in_the_last(void)
{
	const struct net_settings settings = net.state.device.settings;

	memset(&net, 0, sizeof(net));
	net.record = &record;
	net.link_up = true;
	net.backend.ops = &ops;
	net.backend.fd = BACKEND_FD;
	net_device_init(&net.state.device, &settings);
	ck_assert(net_channel_resume(&net, &channel));
	net_leave(&net, TAG);
	ck_assert(!next());
}

/* Of a driver that has hardly begun there is nothing else to wait for. */
START_TEST(a_last_process_waits_until_its_channel_is_started)
{
	struct nvsp_message message = nvsp_init(NVSP_VERSION_6_1);

	put(1, &message);
	leave_in_the_last();
	pass(2 * PERIODS_QUIET);
	ck_assert_uint_eq(events, 0);
	net_channel_started(&net.queues[0]);
	(void)expect_completion(1);
	pass(PERIODS_QUIET + 1);
	ck_assert_uint_eq(events, 1);
}
END_TEST

/* With buffers that are lent anew, and a packet that nobody took. */
START_TEST(a_last_process_completes_what_the_one_before_left)
{
	struct vsp_loan loans[] = {
		{ RECEIVE_GPADL, receive_buffer, RECEIVE_BYTES },
		{ SEND_GPADL, send_buffer, SEND_BYTES },
	};

	bring_up();
	send_frame(100);
	leave_in_the_last();
	net_channel_started(&net.queues[0]);
	for (unsigned int i = 0; i < 2; i++)
		net_channel_lent(&net, &loans[i]);
	expect_status(100, NVSP_STATUS_SUCCESS);
	give_back(expect_link_down());
	ck_assert_uint_eq(sends, 0);
	pass(PERIODS_QUIET + 1);
	ck_assert_uint_eq(events, 1);
}
END_TEST

static Suite *net_leave_suite(void)
{
	Suite *suite = suite_create("net_leave");
	TCase *tcase = tcase_create("leave");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase,
	               a_guest_that_is_told_and_says_nothing_is_at_rest_after_a_while);
	tcase_add_test(tcase, what_it_sends_meanwhile_is_completed_and_goes_nowhere);
	tcase_add_test(tcase,
	               a_completion_that_it_has_not_read_keeps_it_from_being_at_rest);
	tcase_add_test(tcase, packets_that_a_backend_held_up_are_completed_too);
	tcase_add_loop_test(
		tcase, a_guest_that_never_comes_to_rest_has_its_time_and_no_more, 0, 2);
	tcase_add_test(tcase, one_that_nobody_uses_leaves_at_once);
	tcase_add_test(tcase, a_driver_that_sets_the_adapter_up_meanwhile_is_answered);
	tcase_add_loop_test(
		tcase, a_channel_that_is_closed_or_broken_meanwhile_is_at_rest, 0, 2);
	tcase_add_test(tcase, a_second_order_is_refused_until_the_first_is_answered);
	tcase_add_test(tcase, a_last_process_waits_until_its_channel_is_started);
	tcase_add_test(tcase, a_last_process_completes_what_the_one_before_left);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(net_leave_suite)
