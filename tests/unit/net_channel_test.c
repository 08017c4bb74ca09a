/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The network provider between a guest's rings and a backend: frames both ways, byte for byte,
 * how many signals and calls they take, and guests that break every rule.
 */
#include "net_play.h"

START_TEST(a_frame_goes_out_of_a_section)
{
	struct nvsp_message message;

	bring_up();
	message =
		nvsp_rndis_packet(NVSP_CHANNEL_DATA, 0, write_frame(section(0), 1000, 3));
	put(9, &message);
	net_channel_pump(&net.queues[0]);
	expect_status(9, NVSP_STATUS_SUCCESS);
	check_sent(1000, 3);
	ck_assert_uint_eq(net.state.device.counts.sent, 1);
}
END_TEST

START_TEST(frames_that_share_a_section_go_out_one_by_one)
{
	struct nvsp_message message;
	uint32_t bytes = 0;

	bring_up();
	for (uint8_t i = 0; i < 5; i++)
		bytes += write_frame(section(0) + bytes, 60 + i, i);
	message = nvsp_rndis_packet(NVSP_CHANNEL_DATA, 0, bytes);
	put(9, &message);
	net_channel_pump(&net.queues[0]);
	expect_status(9, NVSP_STATUS_SUCCESS);
	ck_assert_uint_eq(sends, 5);
	check_sent(64, 4);
}
END_TEST

/* As Linux does with frames that are too long for a section: the head there, the rest in pages. */
START_TEST(a_frame_goes_out_of_a_section_and_pages)
{
	struct nvsp_message message =
		nvsp_rndis_packet(NVSP_CHANNEL_DATA, 2, RNDIS_FRAME_HEAD_BYTES);
	uint64_t pfns[] = { 7, 3 };
	const struct ring_gpa_range range = { 1500, 3000, pfns, 2 };
	uint8_t whole[2048];
	bool signal;

	bring_up();
	write_frame(whole, 1500, 9);
	memcpy(section(2), whole, RNDIS_FRAME_HEAD_BYTES);
	memcpy(ram + 7 * PAGE_4K + 3000, whole + RNDIS_FRAME_HEAD_BYTES, 1096);
	memcpy(ram + 3 * PAGE_4K, whole + RNDIS_FRAME_HEAD_BYTES + 1096, 404);
	((struct rndis_header *)section(2))->bytes = RNDIS_FRAME_HEAD_BYTES + 1500;
	ck_assert_int_eq(ring_put_gpa_direct(&out, 9, &range, &message, sizeof(message),
	                                     &signal),
	                 RING_OK);
	net_channel_pump(&net.queues[0]);
	expect_status(9, NVSP_STATUS_SUCCESS);
	check_sent(1500, 9);
}
END_TEST

/* 3000 bytes of page 3, pages 4 and 5; then 7, which is not in the row. */
START_TEST(pages_in_a_row_are_one_piece)
{
	struct nvsp_message message =
		nvsp_rndis_packet(NVSP_CHANNEL_DATA, 2, RNDIS_FRAME_HEAD_BYTES);
	uint64_t pfns[] = { 3, 4, 5, 7 };
	const struct ring_gpa_range range = { 1096 + 2 * 4096 + 16, 3000, pfns, 4 };
	static uint8_t whole[16384];
	bool signal;

	bring_up();
	net.state.device.settings.mtu = 9300;
	write_frame(whole, range.bytes, 9);
	memcpy(section(2), whole, RNDIS_FRAME_HEAD_BYTES);
	memcpy(ram + 3 * PAGE_4K + 3000, whole + RNDIS_FRAME_HEAD_BYTES, 1096 + 8192);
	memcpy(ram + 7 * PAGE_4K, whole + RNDIS_FRAME_HEAD_BYTES + 1096 + 8192, 16);
	ck_assert_int_eq(ring_put_gpa_direct(&out, 9, &range, &message, sizeof(message),
	                                     &signal),
	                 RING_OK);
	net_channel_pump(&net.queues[0]);
	expect_status(9, NVSP_STATUS_SUCCESS);
	ck_assert_int_eq(sent_pieces, 3);
	ck_assert_uint_eq(sent_bytes, sizeof(struct net_header) + range.bytes);
	ck_assert_mem_eq(sent + sizeof(struct net_header), whole + RNDIS_FRAME_HEAD_BYTES,
	                 range.bytes);
}
END_TEST

START_TEST(many_packets_cost_one_signal)
{
	struct nvsp_message message;

	bring_up();
	message =
		nvsp_rndis_packet(NVSP_CHANNEL_DATA, 0, write_frame(section(0), 1000, 3));
	for (uint64_t id = 1; id <= 32; id++)
		put(id, &message);
	net_channel_pump(&net.queues[0]);
	for (uint64_t id = 1; id <= 32; id++)
		expect_status(id, NVSP_STATUS_SUCCESS);
	ck_assert_uint_eq(sends, 32);
	ck_assert_uint_eq(receives, 0);
	ck_assert_uint_eq(signals, 1);
}
END_TEST

START_TEST(frames_that_are_none_are_left_out)
{
	static const uint32_t lengths[] = { 13, 1519, 5000 };
	struct nvsp_message message;

	bring_up();
	message = nvsp_rndis_packet(NVSP_CHANNEL_DATA, 0,
	                            write_frame(section(0), lengths[_i], 1));
	put(9, &message);
	net_channel_pump(&net.queues[0]);
	expect_status(9, NVSP_STATUS_SUCCESS); /* as a wire would do it */
	ck_assert_uint_eq(sends, 0);
	ck_assert_uint_eq(net.state.device.counts.send_errors, 1);
}
END_TEST

START_TEST(a_packet_that_lies_is_refused)
{
	struct nvsp_message message;
	uint64_t pfn = RAM_PAGES;
	const struct ring_gpa_range outside = { 100, 0, &pfn, 1 };
	bool signal;

	bring_up();
	write_frame(section(0), 1000, 1);
	message = nvsp_rndis_packet(NVSP_CHANNEL_DATA, 0, 500); /* half of it */
	put(9, &message);
	message = nvsp_rndis_packet(NVSP_CHANNEL_DATA, 4, 500); /* no such section */
	put(10, &message);
	message = nvsp_rndis_packet(NVSP_CHANNEL_DATA, NVSP_SECTION_NONE, 0);
	ck_assert_int_eq(ring_put_gpa_direct(&out, 11, &outside, &message,
	                                     sizeof(message), &signal),
	                 RING_OK);
	ck_assert_int_eq(ring_put_inband(&out, 12, VMBUS_PACKET_WANTS_COMPLETION, "ab", 2,
	                                 &signal),
	                 RING_OK);
	message = nvsp_rndis_packet(NVSP_CHANNEL_CONTROL, 0, 600); /* no request */
	put(13, &message);
	net_channel_pump(&net.queues[0]);
	for (uint64_t id = 9; id <= 11; id++)
		expect_status(id, NVSP_STATUS_INVALID_RNDIS_PACKET);
	ck_assert(next()); /* of no type that we know: it is over, and nothing is said */
	ck_assert_uint_eq(received.transaction_id, 12);
	ck_assert_uint_eq(received.payload_bytes, 0);
	expect_status(13, NVSP_STATUS_INVALID_RNDIS_PACKET);
	ck_assert_uint_eq(sends, 0);
}
END_TEST

/* ---- Frames for the guest ---- */

/* The frame that the packet's ranges hold; its length. */
static uint32_t assemble(uint8_t *frame)
{
	uint32_t bytes = 0;

	for (uint32_t i = 0; i < list.range_count; i++) {
		const uint8_t *message = receive_buffer + ranges[i].offset;
		struct rndis_frame piece;

		ck_assert(rndis_frame_read(&piece, message, 256, ranges[i].bytes));
		ck_assert_uint_le(bytes + piece.data_bytes, FRAME_BYTES_MAX);
		memcpy(frame + bytes, message + piece.data_offset, piece.data_bytes);
		bytes += piece.data_bytes;
		if (list.range_count == 1) {
			ck_assert(!(piece.has & RNDIS_HAS_PIECE));
			continue;
		}
		ck_assert(piece.has & RNDIS_HAS_PIECE);
		ck_assert_uint_eq(!!(piece.piece.flags & RNDIS_PIECE_FIRST), i == 0);
		ck_assert_uint_eq(!!(piece.piece.flags & RNDIS_PIECE_LAST),
		                  i + 1 == list.range_count);
	}
	return bytes;
}

START_TEST(a_frame_comes_into_the_receive_buffer)
{
	static const uint32_t lengths[] = { 14, 60, 1514, 8064, 8065, 65535 };
	static uint8_t frame[FRAME_BYTES_MAX];
	uint32_t free_count;

	bring_up();
	free_count = net.record->sections.free_count;
	make_incoming(lengths[_i], 0);
	let_in(1);
	ck_assert_uint_eq(signals, 1);
	give_back(expect_packet());
	ck_assert_uint_eq(assemble(frame), lengths[_i]);
	ck_assert_mem_eq(frame, incoming + sizeof(struct net_header), lengths[_i]);
	net_channel_pump(&net.queues[0]);
	ck_assert_uint_eq(net.record->sections.free_count, free_count);
	ck_assert_uint_eq(net.counts.rejected, 0);
}
END_TEST
#define LENGTHS_COUNT 6

START_TEST(a_burst_of_frames_costs_one_signal)
{
	bring_up();
	make_incoming(1514, 0);
	let_in(2); /* a burst: from now on they are expected to come together */
	receives = 0;
	signals = 0;
	while (next())
		;
	let_in(16);
	ck_assert_uint_eq(signals, 1);
	ck_assert_uint_le(receives, 17);
}
END_TEST

START_TEST(a_frame_that_comes_alone_costs_one_call)
{
	bring_up();
	make_incoming(60, 0);
	for (unsigned int i = 0; i < 3; i++) {
		receives = 0;
		coming = 1;
		watched(NULL, 0, &net);
		ck_assert_uint_eq(receives, 1);
		give_back(expect_packet());
		net_channel_pump(&net.queues[0]);
	}
}
END_TEST

START_TEST(frames_for_others_are_left_out)
{
	bring_up();
	make_incoming(60, 0);
	incoming[sizeof(struct net_header) + 5] ^= 1;
	let_in(1);
	ck_assert(!next());
	ck_assert_uint_eq(net.counts.filtered, 1);
}
END_TEST

/* N4: it keeps all frames, the rest waits in the backend; what it asks for is answered. */
START_TEST(a_guest_that_returns_nothing_starves_only_itself)
{
	uint64_t ids[64];
	unsigned int count = 0;

	bring_up();
	make_incoming(60, 0);
	let_in(100);
	while (next())
		ids[count++] = received.transaction_id;
	ck_assert_uint_ge(count, 16);
	ck_assert_uint_lt(count, 32);
	ck_assert_ptr_null(watched); /* and we are not woken for nothing */
	ck_assert_uint_ge(net.counts.stalls, 1);
	ask(rndis_request(section(1), RNDIS_QUERY, 8, OID_GEN_LINK_SPEED, NULL, 0));
	write_frame(section(0), 1000, 3);
	for (unsigned int i = 0; i < count; i++)
		give_back(ids[i]);
	net_channel_pump(&net.queues[0]);
	ck_assert_ptr_nonnull(watched);
	let_in(1);
	(void)expect_packet();
}
END_TEST

START_TEST(a_full_ring_holds_frames_and_loses_none)
{
	unsigned int count = 0;

	bring_up();
	make_incoming(60, 0);
	for (unsigned int round = 0; round < 20; round++) {
		let_in(20);
		while (coming != 0) { /* the ring or the sections are used up */
			ck_assert_ptr_null(watched);
			while (next()) {
				give_back(received.transaction_id);
				count++;
			}
			net_channel_pump(&net.queues[0]);
			let_in(coming);
		}
	}
	while (next())
		count++;
	ck_assert_uint_eq(count, 400);
}
END_TEST

START_TEST(what_the_guest_takes_back_is_not_touched)
{
	static uint8_t before[RECEIVE_BYTES];

	bring_up();
	make_incoming(60, 0);
	net_channel_reclaim(&net, RECEIVE_GPADL);
	ck_assert_ptr_null(watched);
	memcpy(before, receive_buffer, sizeof(before));
	coming = 1;
	net_channel_pump(&net.queues[0]);
	ck_assert_mem_eq(before, receive_buffer, sizeof(before));
	/* Linux lends it anew after a change of the MTU. */
	lend(NVSP_RECEIVE_BUFFER, RECEIVE_GPADL + 7, receive_buffer, RECEIVE_BYTES);
	ck_assert_ptr_nonnull(watched);
}
END_TEST

START_TEST(sections_that_it_does_not_have_change_nothing)
{
	uint32_t free_count;

	bring_up();
	free_count = net.record->sections.free_count;
	give_back(1);
	give_back(0);
	give_back(UINT64_MAX);
	net_channel_pump(&net.queues[0]);
	ck_assert_uint_eq(net.record->sections.free_count, free_count);
	ck_assert_uint_eq(net.counts.rejected, 3);
}
END_TEST

START_TEST(a_buffer_that_is_no_memory_is_refused)
{
	struct nvsp_message message = nvsp_init(NVSP_VERSION_6_1);

	put(1, &message);
	net_channel_pump(&net.queues[0]);
	(void)expect_completion(1);
	lend(NVSP_RECEIVE_BUFFER, RECEIVE_GPADL, NULL, 0);
	lend(NVSP_RECEIVE_BUFFER, RECEIVE_GPADL, receive_buffer, RECEIVE_BYTES);
}
END_TEST

START_TEST(a_backend_that_is_gone_takes_the_link_down)
{
	struct rndis_answer answer;

	bring_up();
	backend_error = EBADFD;
	ck_assert_ptr_nonnull(watched);
	watched(NULL, 0, &net);
	ck_assert_ptr_null(watched);
	(void)expect_packet();
	ck_assert(rndis_answer_read(&answer, receive_buffer + ranges[0].offset,
	                            ranges[0].bytes));
	ck_assert_uint_eq(answer.status, RNDIS_STATUS_MEDIA_DISCONNECT);
	ck_assert(!ended);
}
END_TEST

static void send_to(uint8_t station, uint64_t id)
{
	struct nvsp_message message;
	uint32_t bytes = write_frame(section(0), 1000, 3);
	uint8_t *frame = section(0) + bytes - 1000;

	frame[12] = 8; /* IPv4 */
	frame[13] = 0;
	frame[30] = station;
	message = nvsp_rndis_packet(NVSP_CHANNEL_DATA, 0, bytes);
	put(id, &message);
	net_channel_pump(&net.queues[0]);
	expect_status(id, NVSP_STATUS_SUCCESS);
}

/* Where they would be the root's own traffic; on a bridge the root's own rules hold. */
START_TEST(frames_to_the_root_itself_are_kept_back)
{
	ops.own_sockets = true;
	bring_up();
	send_to(127, 9);
	ck_assert_uint_eq(sends, 0);
	ck_assert_uint_eq(net.state.device.counts.send_errors, 1);
	send_to(10, 10);
	ck_assert_uint_eq(sends, 1);
	ck_assert_uint_eq(sent_bytes, sizeof(struct net_header) + 1000);
	ck_assert_mem_eq(sent + sizeof(struct net_header),
	                 section(0) + RNDIS_FRAME_HEAD_BYTES, 1000);
	ops.own_sockets = false;
	send_to(127, 11);
	ck_assert_uint_eq(sends, 2);
}
END_TEST

static uint64_t unread;

static uint64_t backend_unread(struct net_backend *backend)
{
	(void)backend;
	return unread;
}

static void send_segment(uint8_t flags, uint64_t id)
{
	struct nvsp_message message;
	uint32_t bytes = write_frame(section(0), 60, 3);
	uint8_t *frame = section(0) + RNDIS_FRAME_HEAD_BYTES;

	frame[12] = 8; /* IPv4 */
	frame[13] = 0;
	frame[14] = 0x45;
	frame[16] = 0;
	frame[17] = 40;
	frame[20] = 0;
	frame[21] = 0;
	frame[23] = 6; /* TCP */
	frame[30] = 10;
	frame[46] = 0x50;
	frame[47] = flags;
	message = nvsp_rndis_packet(NVSP_CHANNEL_DATA, 0, bytes);
	put(id, &message);
	net_channel_pump(&net.queues[0]);
	expect_status(id, NVSP_STATUS_SUCCESS);
}

/* A network behind a socket: net_alone.h says why. */
START_TEST(what_has_to_be_alone_is_held_back_while_something_is_unread)
{
	enum { FIN = 0x01, SYN = 0x02, ACK = 0x10 };

	ops.own_sockets = true;
	ops.unread = backend_unread;
	bring_up();
	unread = 1;
	send_segment(SYN, 9);
	ck_assert_uint_eq(sends, 1);
	send_segment(SYN, 10);
	ck_assert_uint_eq(sends, 1);
	ck_assert_uint_eq(net.counts.held_back, 1);
	unread = 0;
	send_segment(SYN, 11);
	ck_assert_uint_eq(sends, 2);
	unread = 1;
	send_segment(ACK, 12);
	send_segment(ACK, 13);
	send_segment(ACK | FIN, 14);
	ck_assert_uint_eq(sends, 5);
	send_segment(ACK, 15);
	ck_assert_uint_eq(sends, 5);
	unread = 0;
	send_segment(ACK, 16);
	ck_assert_uint_eq(sends, 6);
	ck_assert_uint_eq(net.counts.held_back, 2);
	send_segment(ACK, 18);
	ck_assert_uint_eq(sends, 6); /* it comes at once */
	ck_assert_uint_eq(net.counts.held_back, 3);
	ck_assert_uint_eq(net.state.device.counts.send_errors, 0);
	ops.own_sockets = false;
	unread = 1;
	send_segment(ACK, 17);
	ck_assert_uint_eq(sends, 7);
	ops.unread = NULL;
}
END_TEST

START_TEST(a_backend_of_which_there_is_another_for_the_next_process_ends_this_one)
{
	ops.renewed = true;
	bring_up();
	ck_assert(!ended);
	backend_error = ECONNRESET;
	watched(NULL, 0, &net);
	ck_assert(ended);
	ck_assert_ptr_null(watched);
}
END_TEST

START_TEST(a_broken_ring_ends_the_adapter_until_it_is_reopened)
{
	bring_up();
	channel.in.control->write_index = 3;
	net_channel_pump(&net.queues[0]);
	ck_assert(net.broken);
	ck_assert_ptr_null(watched);
	net_channel_close(&net.queues[0]);
	ck_assert(closed);
	teardown();
	setup();
	bring_up();
}
END_TEST

static void put_frame(uint64_t id)
{
	struct nvsp_message message =
		nvsp_rndis_packet(NVSP_CHANNEL_DATA, 0, write_frame(section(0), 1000, 3));

	put(id, &message);
}

/* Neither is a frame lost nor is our own thread kept busy: the backend's descriptor brings us back. */
START_TEST(a_backend_that_takes_no_more_holds_the_guest_up)
{
	uint64_t event;

	bring_up();
	takes_no_more = true;
	put_frame(9);
	put_frame(10);
	net_channel_pump(&net.queues[0]);
	expect_status(9, NVSP_STATUS_SUCCESS);
	ck_assert(!next());
	ck_assert_uint_eq(sends, 1);
	ck_assert_ptr_nonnull(watched_room);
	ck_assert_int_eq(read(channel.event_in, &event, sizeof(event)), -1);
	watched_room(NULL, ROOM_FD, &net);
	ck_assert(!next());
	takes_no_more = false;
	watched_room(NULL, ROOM_FD, &net);
	expect_status(10, NVSP_STATUS_SUCCESS);
	ck_assert_uint_eq(sends, 2);
	ck_assert_ptr_null(watched_room);
}
END_TEST

/* Its sections come back by the ring that is held up: a backend that waits to be read would wait for ever. */
START_TEST(a_guest_that_has_all_sections_is_not_held_up)
{
	uint64_t ids[64];
	unsigned int count = 0;

	bring_up();
	make_incoming(60, 0);
	let_in(100);
	while (next())
		ids[count++] = received.transaction_id;
	takes_no_more = true;
	put_frame(9);
	put_frame(10);
	give_back(ids[0]);
	net_channel_pump(&net.queues[0]);
	expect_status(9, NVSP_STATUS_SUCCESS);
	expect_status(10, NVSP_STATUS_SUCCESS);
	ck_assert_ptr_nonnull(watched);
}
END_TEST

START_TEST(a_backend_that_goes_while_it_takes_no_more_is_lost)
{
	bring_up();
	takes_no_more = true;
	put_frame(9);
	net_channel_pump(&net.queues[0]);
	expect_status(9, NVSP_STATUS_SUCCESS);
	backend_error = EPIPE;
	watched_room(NULL, ROOM_FD, &net);
	ck_assert(!net.link_up);
	ck_assert_ptr_null(watched_room);
	(void)expect_packet(); /* the link is down */
}
END_TEST

/* Linux does not say that it checks them itself; that it takes no large frames it does say. */
START_TEST(a_guest_that_declines_large_frames_gets_whole_checksums)
{
	struct ndis_offload_parameters offloads = {
		.header = { NDIS_TYPE_DEFAULT, 3, sizeof(offloads) },
		.tcp_ipv4_checksum = NDIS_CHECKSUM_TX_RX,
		.rsc_ipv4 = NDIS_OFF,
		.rsc_ipv6 = NDIS_OFF,
	};

	net.backend.capabilities.large_frames = true;
	bring_up();
	ck_assert(backend_offloads.checksums);
	set_object(OID_TCP_OFFLOAD_PARAMETERS, &offloads, sizeof(offloads));
	ck_assert(!backend_offloads.large_frames);
	ck_assert(!backend_offloads.checksums);
	/* One that never could have them is not asked for anything. */
	net.state.device.capabilities = 0;
	set_object(OID_TCP_OFFLOAD_PARAMETERS, &offloads, sizeof(offloads));
	ck_assert(backend_offloads.checksums);
}
END_TEST

START_TEST(a_closed_channel_lets_go_of_everything)
{
	bring_up();
	net_channel_close(&net.queues[0]);
	ck_assert(closed);
	ck_assert_ptr_null(watched);
	ck_assert_ptr_null(net.buffers[NET_RECEIVE_BUFFER].pages);
	ck_assert(!backend_offloads.large_frames);
	net_channel_pump(&net.queues[0]); /* an event that was on its way */
}
END_TEST

static Suite *net_channel_suite(void)
{
	Suite *suite = suite_create("net_channel");
	TCase *tc = tcase_create("net_channel");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_frame_goes_out_of_a_section);
	tcase_add_test(tc, frames_that_share_a_section_go_out_one_by_one);
	tcase_add_test(tc, a_frame_goes_out_of_a_section_and_pages);
	tcase_add_test(tc, pages_in_a_row_are_one_piece);
	tcase_add_test(tc, many_packets_cost_one_signal);
	tcase_add_loop_test(tc, frames_that_are_none_are_left_out, 0, 3);
	tcase_add_test(tc, a_packet_that_lies_is_refused);
	tcase_add_loop_test(tc, a_frame_comes_into_the_receive_buffer, 0, LENGTHS_COUNT);
	tcase_add_test(tc, a_burst_of_frames_costs_one_signal);
	tcase_add_test(tc, a_frame_that_comes_alone_costs_one_call);
	tcase_add_test(tc, frames_for_others_are_left_out);
	tcase_add_test(tc, a_guest_that_returns_nothing_starves_only_itself);
	tcase_add_test(tc, a_full_ring_holds_frames_and_loses_none);
	tcase_add_test(tc, what_the_guest_takes_back_is_not_touched);
	tcase_add_test(tc, sections_that_it_does_not_have_change_nothing);
	tcase_add_test(tc, a_buffer_that_is_no_memory_is_refused);
	tcase_add_test(tc, a_backend_that_is_gone_takes_the_link_down);
	tcase_add_test(tc, frames_to_the_root_itself_are_kept_back);
	tcase_add_test(tc, what_has_to_be_alone_is_held_back_while_something_is_unread);
	tcase_add_test(
		tc,
		a_backend_of_which_there_is_another_for_the_next_process_ends_this_one);
	tcase_add_test(tc, a_broken_ring_ends_the_adapter_until_it_is_reopened);
	tcase_add_test(tc, a_backend_that_takes_no_more_holds_the_guest_up);
	tcase_add_test(tc, a_guest_that_has_all_sections_is_not_held_up);
	tcase_add_test(tc, a_backend_that_goes_while_it_takes_no_more_is_lost);
	tcase_add_test(tc, a_guest_that_declines_large_frames_gets_whole_checksums);
	tcase_add_test(tc, a_closed_channel_lets_go_of_everything);
	suite_add_tcase(suite, tc);
	return suite;
}

UNIT_MAIN(net_channel_suite)
