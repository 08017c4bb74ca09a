/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A network adapter of several queues: sub-channels that are asked for, opened, used and closed in any order. */
#include "net_play.h"

/* A sub-channel, as the guest sees it. */
static struct vsp_channel sub_channel;
static struct ring_producer sub_out;
static struct ring_consumer sub_in;

static void open_sub_channel(uint32_t index)
{
	sub_channel = (struct vsp_channel){ .index = index,
		                            .in = ring_at(2),
		                            .out = ring_at(3),
		                            .event_in = channel.event_in };
	ck_assert(net_channel_open(&net, &sub_channel));
	ck_assert_int_eq(ring_producer_init(&sub_out, &sub_channel.in), RING_OK);
	ck_assert_int_eq(ring_consumer_init(&sub_in, &sub_channel.out), RING_OK);
}

/* The worker grants them, the guest is told how to send, and opens the first of them. */
static void bring_up_queues(void)
{
	struct nvsp_message message = nvsp_subchannels(2);
	uint32_t entries[NVSP_INDIRECTION_ENTRIES];

	bring_up();
	put(20, &message);
	net_channel_pump(&net.queues[0]);
	ck_assert_uint_eq(offers_wanted, 2);
	ck_assert(!next()); /* not before the worker has answered */
	net_channel_offered(&net, 2);
	message = expect_completion(20);
	ck_assert_uint_eq(message.body.subchannels.operation_or_status,
	                  NVSP_STATUS_SUCCESS);
	ck_assert(next());
	ck_assert_uint_eq(received.type, VMBUS_PACKET_INBAND);
	ck_assert(nvsp_table_read(received.payload, received.payload_bytes, 3, entries));
	ck_assert_uint_eq(entries[1], 1);
	ck_assert_uint_eq(entries[2], 2);
	open_sub_channel(1);
	signals = 0;
}

/* All frames for channel 1. */
static void scale_to_first_sub_channel(void)
{
	net.state.device.rss = (struct ndis_rss){ .enabled = true,
		                                  .hash = NDIS_HASH_IPV4,
		                                  .entry_count = 1,
		                                  .entries = { 1 } };
}

static void make_ipv4_incoming(void)
{
	make_incoming(60, 0);
	incoming[sizeof(struct net_header) + 12] = 8;
	incoming[sizeof(struct net_header) + 13] = 0;
	incoming[sizeof(struct net_header) + 14] = 0x45;
}

static bool next_of_sub_channel(void)
{
	if (ring_get(&sub_in, buffer, sizeof(buffer), &received) != RING_OK)
		return false;
	(void)!ring_release(&sub_in); /* the provider looks for itself */
	return true;
}

START_TEST(frames_come_by_the_channel_that_the_table_says)
{
	struct nvsp_message message = nvsp_rndis_complete(NVSP_STATUS_SUCCESS);
	uint32_t free_before;
	bool signal;

	bring_up_queues();
	scale_to_first_sub_channel();
	make_ipv4_incoming();
	free_before = net.record->sections.free_count;
	let_in(2);
	ck_assert(!next());
	ck_assert_uint_eq(signals, 1);
	ck_assert_uint_eq(sub_signals, 1);
	for (int i = 0; i < 2; i++) {
		ck_assert(next_of_sub_channel());
		ck_assert_uint_eq(received.type, VMBUS_PACKET_XFER_PAGES);
		ck_assert_int_eq(ring_put_completion(&sub_out, received.transaction_id,
		                                     &message, 8, &signal),
		                 RING_OK);
	}
	net_channel_pump(&net.queues[1]);
	ck_assert_uint_eq(net.record->sections.free_count, free_before);
	/* ARP, say, is not among what is hashed. */
	make_incoming(60, 0);
	let_in(1);
	(void)expect_packet();
}
END_TEST

START_TEST(frames_go_by_any_channel_and_are_completed_there)
{
	struct nvsp_message message;
	bool signal;

	bring_up_queues();
	message =
		nvsp_rndis_packet(NVSP_CHANNEL_DATA, 0, write_frame(section(0), 1000, 3));
	ck_assert_int_eq(ring_put_inband(&sub_out, 31, VMBUS_PACKET_WANTS_COMPLETION,
	                                 &message, sizeof(message), &signal),
	                 RING_OK);
	net_channel_pump(&net.queues[1]);
	check_sent(1000, 3);
	ck_assert(!next());
	ck_assert(next_of_sub_channel());
	ck_assert_uint_eq(received.type, VMBUS_PACKET_COMPLETION);
	ck_assert_uint_eq(received.transaction_id, 31);
}
END_TEST

START_TEST(a_channel_that_is_not_open_has_the_first_in_its_place)
{
	bring_up_queues();
	scale_to_first_sub_channel();
	net.state.device.rss.entries[0] = 2;
	make_ipv4_incoming();
	let_in(1);
	(void)expect_packet();
	net_channel_close(&net.queues[1]);
	net.state.device.rss.entries[0] = 1;
	let_in(1);
	(void)expect_packet();
}
END_TEST

START_TEST(a_sub_channel_that_closes_takes_what_is_held_for_it)
{
	uint32_t free_before;

	bring_up_queues();
	scale_to_first_sub_channel();
	make_ipv4_incoming();
	for (int i = 0; i < 40 && net.held_id == 0; i++) {
		let_in(10);
		/* The guest's place: what it was given it gives back, and reads nothing. */
		net_sections_init(&net.record->sections, net.record->sections.count);
	}
	ck_assert_uint_ne(net.held_id, 0);
	ck_assert_ptr_null(watched);
	free_before = net.record->sections.free_count;
	net_channel_close(&net.queues[1]);
	ck_assert_uint_eq(net.held_id, 0);
	ck_assert_uint_ge(net.record->sections.free_count, free_before);
	ck_assert_ptr_nonnull(watched);
}
END_TEST

START_TEST(sub_channels_that_were_not_granted_are_refused)
{
	struct vsp_channel more = { .index = (uint32_t[]){ 1, 3, 8, 0xffffffff }[_i],
		                    .in = ring_at(2),
		                    .out = ring_at(3) };

	if (_i != 0)
		bring_up_queues();
	ck_assert(!net_channel_open(&net, &more));
}
END_TEST

START_TEST(the_first_that_closes_ends_all)
{
	struct nvsp_message message;
	bool signal;

	bring_up_queues();
	net_channel_close(&net.queues[0]);
	ck_assert_ptr_null(watched);
	message =
		nvsp_rndis_packet(NVSP_CHANNEL_DATA, 0, write_frame(section(0), 1000, 3));
	ck_assert_int_eq(ring_put_inband(&sub_out, 31, VMBUS_PACKET_WANTS_COMPLETION,
	                                 &message, sizeof(message), &signal),
	                 RING_OK);
	net_channel_pump(&net.queues[1]);
	ck_assert_uint_eq(sends, 0);
	closed = false;
	net_channel_close(&net.queues[1]);
	ck_assert(closed);
}
END_TEST

START_TEST(a_worker_that_has_no_channels_left_is_told_to_the_guest)
{
	struct nvsp_message message = nvsp_subchannels(2);

	bring_up();
	net_channel_offered(&net, 2); /* nobody asked */
	ck_assert(!next());
	put(20, &message);
	net_channel_pump(&net.queues[0]);
	net_channel_offered(&net, 0);
	message = expect_completion(20);
	ck_assert_uint_eq(message.body.subchannels.operation_or_status,
	                  NVSP_STATUS_FAILURE);
	ck_assert(!next());
}
END_TEST

static Suite *net_queues_suite(void)
{
	Suite *suite = suite_create("net_queues");
	TCase *tc = tcase_create("net_queues");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, frames_come_by_the_channel_that_the_table_says);
	tcase_add_test(tc, frames_go_by_any_channel_and_are_completed_there);
	tcase_add_test(tc, a_channel_that_is_not_open_has_the_first_in_its_place);
	tcase_add_test(tc, a_sub_channel_that_closes_takes_what_is_held_for_it);
	tcase_add_loop_test(tc, sub_channels_that_were_not_granted_are_refused, 0, 4);
	tcase_add_test(tc, the_first_that_closes_ends_all);
	tcase_add_test(tc, a_worker_that_has_no_channels_left_is_told_to_the_guest);
	suite_add_tcase(suite, tc);
	return suite;
}

UNIT_MAIN(net_queues_suite)
