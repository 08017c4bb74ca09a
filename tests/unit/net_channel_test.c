/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The network provider between a guest's rings and a backend: frames both ways, byte for byte,
 * how many signals and calls they take, and guests that break every rule.
 */
#define _GNU_SOURCE
#include "unit.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <viridis/base/bits.h>

#include "vmbus/core/xfer_pages.h"
#include "vsp/net/net.h"

#define RING_BYTES      16384u
#define RECEIVE_BYTES   (NET_RECEIVE_SECTION * 32)
#define SEND_BYTES      (NET_SEND_SECTION * 4)
#define RAM_PAGES       64u
#define RECEIVE_GPADL   0xe1e11u
#define SEND_GPADL      0xe1e12u
#define FRAME_BYTES_MAX 70000u
#define FRAMES_MAX      256u

/* ---- What the provider runs on ---- */

static _Alignas(4096) uint8_t ram[RAM_PAGES * PAGE_4K];
static _Alignas(4096) uint8_t receive_buffer[RECEIVE_BYTES], send_buffer[SEND_BYTES];
static uint32_t borrowed;
static unsigned int signals; /* to the guest */
static bool closed;
static vsp_ready_function watched;

void *vsp_memory(const struct vsp *vsp, uint64_t gpa, uint64_t bytes)
{
	(void)vsp;
	return gpa <= sizeof(ram) && bytes <= sizeof(ram) - gpa ? ram + gpa : NULL;
}

void vsp_borrow(struct vsp *vsp, const struct vsp_channel *channel, uint32_t gpadl)
{
	(void)vsp;
	(void)channel;
	borrowed = gpadl;
}

void vsp_channel_signal(const struct vsp_channel *channel)
{
	(void)channel;
	signals++;
}

void vsp_channel_closed(struct vsp *vsp, struct vsp_channel *channel)
{
	(void)vsp;
	(void)channel;
	closed = true;
}

bool vsp_watch(struct vsp *vsp, int fd, vsp_ready_function ready, void *context)
{
	(void)vsp;
	(void)fd;
	(void)context;
	watched = ready;
	return true;
}

void vsp_unwatch(struct vsp *vsp, int fd)
{
	(void)vsp;
	(void)fd;
	watched = NULL;
}

void net_log(struct net *net, enum vsp_log_level level, const char *format, ...)
{
	(void)net;
	(void)level;
	(void)format;
}

/* ---- The backend ---- */

static uint8_t sent[FRAME_BYTES_MAX]; /* the last frame that came out, with its header */
static size_t sent_bytes;
static unsigned int sends, receives;
static unsigned int coming; /* frames that wait to be received, all alike */
static uint8_t incoming[FRAME_BYTES_MAX];
static size_t incoming_bytes;
static int backend_error;
static struct net_backend_offloads backend_offloads;

static void backend_set_offloads(struct net_backend *backend,
                                 const struct net_backend_offloads *offloads)
{
	(void)backend;
	backend_offloads = *offloads;
}

static ssize_t backend_receive(struct net_backend *backend, const struct iovec *memory,
                               int memory_count)
{
	size_t done = 0;

	(void)backend;
	receives++;
	errno = backend_error ? backend_error : EAGAIN;
	if (coming == 0 || backend_error)
		return -1;
	coming--;
	for (int i = 0; i < memory_count && done < incoming_bytes; i++) {
		size_t here = incoming_bytes - done < memory[i].iov_len ?
		                      incoming_bytes - done :
		                      memory[i].iov_len;

		memcpy(memory[i].iov_base, incoming + done, here);
		done += here;
	}
	return (ssize_t)done;
}

static ssize_t backend_send(struct net_backend *backend, const struct iovec *memory,
                            int memory_count)
{
	(void)backend;
	sends++;
	sent_bytes = 0;
	for (int i = 0; i < memory_count; i++) {
		ck_assert_uint_le(memory[i].iov_len, sizeof(sent) - sent_bytes);
		memcpy(sent + sent_bytes, memory[i].iov_base, memory[i].iov_len);
		sent_bytes += memory[i].iov_len;
	}
	return (ssize_t)sent_bytes;
}

static const struct net_backend_ops ops = {
	.set_offloads = backend_set_offloads,
	.receive = backend_receive,
	.send = backend_send,
};

/* ---- The guest ---- */

static struct net net;
static struct vsp_channel channel;
static struct ring_producer out;
static struct ring_consumer in;
static _Alignas(4096) uint8_t rings[2][PAGE_4K + RING_BYTES];
static _Alignas(8) uint8_t buffer[1024];
static struct ring_received received;
static struct vmbus_xfer_range ranges[16];
static struct xfer_list list;
static const uint8_t mac[] = { 2, 0x15, 0x5d, 0, 0, 1 };

static struct ring_memory ring_at(unsigned int number)
{
	return (struct ring_memory){ (struct vmbus_ring_control *)rings[number],
		                     rings[number] + PAGE_4K, RING_BYTES };
}

static void setup(void)
{
	static const struct net_settings settings = {
		.mac = { 2, 0x15, 0x5d, 0, 0, 1 },
		.mtu = 1500,
		.queues = 1,
		.capabilities = { true, true, true, true, true, 65535 },
	};

	memset(&net, 0, sizeof(net));
	memset(rings, 0, sizeof(rings));
	net_device_init(&net.device, &settings);
	net.backend.ops = &ops;
	net.link_up = true;
	channel = (struct vsp_channel){ .in = ring_at(0), .out = ring_at(1) };
	channel.event_in = eventfd(0, EFD_NONBLOCK);
	ck_assert(net_channel_open(&net, &channel));
	ck_assert_int_eq(ring_producer_init(&out, &channel.in), RING_OK);
	ck_assert_int_eq(ring_consumer_init(&in, &channel.out), RING_OK);
	signals = 0;
	sends = 0;
	receives = 0;
	coming = 0;
	backend_error = 0;
	closed = false;
	watched = NULL;
	list = (struct xfer_list){ .ranges = ranges, .range_capacity = 16 };
}

static void teardown(void)
{
	close(channel.event_in);
}

static void put(uint64_t id, const struct nvsp_message *message)
{
	bool signal;

	ck_assert_int_eq(ring_put_inband(&out, id, VMBUS_PACKET_WANTS_COMPLETION, message,
	                                 sizeof(*message), &signal),
	                 RING_OK);
}

/* The next packet; false: there is none. */
static bool next(void)
{
	if (ring_get(&in, buffer, sizeof(buffer), &received) != RING_OK)
		return false;
	(void)!ring_release(&in); /* the provider looks for itself */
	return true;
}

static struct nvsp_message expect_completion(uint64_t id)
{
	struct nvsp_message message;

	ck_assert(next());
	ck_assert_uint_eq(received.type, VMBUS_PACKET_COMPLETION);
	ck_assert_uint_eq(received.transaction_id, id);
	ck_assert(nvsp_read(&message, received.payload, received.payload_bytes));
	return message;
}

static void expect_status(uint64_t id, enum nvsp_status status)
{
	struct nvsp_message message = expect_completion(id);

	ck_assert_uint_eq(message.type, NVSP_RNDIS_PACKET_COMPLETE);
	ck_assert_uint_eq(message.body.status, status);
}

/* A packet of RNDIS messages in the receive buffer: its ranges are in `list`. */
static uint64_t expect_packet(void)
{
	ck_assert(next());
	ck_assert_uint_eq(received.type, VMBUS_PACKET_XFER_PAGES);
	ck_assert(xfer_pages_parse(&list, received.header, received.header_bytes,
	                           RECEIVE_BYTES));
	return received.transaction_id;
}

static void give_back(uint64_t id)
{
	struct nvsp_message message = nvsp_rndis_complete(NVSP_STATUS_SUCCESS);
	bool signal;

	ck_assert_int_eq(ring_put_completion(&out, id, &message, 8, &signal), RING_OK);
}

static void lend(enum nvsp_type type, uint32_t gpadl, uint8_t *pages, uint64_t bytes)
{
	struct nvsp_message message = nvsp_buffer(type, gpadl, NVSP_RECEIVE_BUFFER_ID);
	struct vsp_loan loan = { gpadl, pages, bytes };

	borrowed = 0;
	put(4, &message);
	net_channel_pump(&net);
	ck_assert_uint_eq(borrowed, gpadl);
	ck_assert(!next()); /* not before the worker has answered */
	net_channel_lent(&net, &loan);
	message = expect_completion(4);
	ck_assert_uint_eq(message.body.words[0],
	                  pages ? NVSP_STATUS_SUCCESS : NVSP_STATUS_FAILURE);
}

/* A request through a section of the send buffer, its two answers, the section given back. */
static void ask(uint32_t bytes)
{
	struct nvsp_message message = nvsp_rndis_packet(NVSP_CHANNEL_CONTROL, 1, bytes);
	uint64_t id;

	put(5, &message);
	net_channel_pump(&net);
	expect_status(5, NVSP_STATUS_SUCCESS);
	id = expect_packet();
	give_back(id);
}

static uint8_t *section(unsigned int number)
{
	return send_buffer + number * NET_SEND_SECTION;
}

static void set_object(uint32_t oid, const void *information, uint32_t bytes)
{
	ask(rndis_request(section(1), RNDIS_SET, 7, oid, information, bytes));
}

static void bring_up(void)
{
	const struct ndis_offload_parameters offloads = {
		.header = { NDIS_TYPE_DEFAULT, 3, sizeof(offloads) },
		.tcp_ipv4_checksum = NDIS_CHECKSUM_TX_RX,
		.lso_ipv4 = NDIS_ON,
		.rsc_ipv4 = NDIS_ON,
		.rsc_ipv6 = NDIS_ON,
	};
	const uint32_t filter = 0xb;
	struct nvsp_message message = nvsp_init(NVSP_VERSION_6_1);

	put(1, &message);
	net_channel_pump(&net);
	(void)expect_completion(1);
	message = nvsp_ndis_config(1514, NVSP_CAPABILITY_RSC);
	put(2, &message);
	net_channel_pump(&net);
	ck_assert(next());
	ck_assert_uint_eq(received.payload_bytes, 0); /* it says nothing */
	lend(NVSP_RECEIVE_BUFFER, RECEIVE_GPADL, receive_buffer, RECEIVE_BYTES);
	lend(NVSP_SEND_BUFFER, SEND_GPADL, send_buffer, SEND_BYTES);
	ask(rndis_initialize(section(1), 6, 0x4000));
	ck_assert_ptr_null(watched);
	set_object(OID_TCP_OFFLOAD_PARAMETERS, &offloads, sizeof(offloads));
	ck_assert(backend_offloads.large_frames);
	set_object(OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof(filter));
	ck_assert_ptr_nonnull(watched);
	net_channel_pump(&net);
	signals = 0;
	sends = 0;
	receives = 0;
}

/* ---- Frames from the guest ---- */

static void fill(uint8_t *at, uint32_t bytes, uint8_t seed)
{
	for (uint32_t i = 0; i < bytes; i++)
		at[i] = (uint8_t)(i * 7 + seed);
}

/* A message with a frame of so many bytes; its length. */
static uint32_t write_frame(uint8_t *at, uint32_t bytes, uint8_t seed)
{
	struct rndis_frame frame = {
		.data_offset = RNDIS_FRAME_HEAD_BYTES,
		.data_bytes = bytes,
		.message_bytes = (uint32_t)round_up(RNDIS_FRAME_HEAD_BYTES + bytes, 8),
	};

	rndis_frame_write(&frame, at);
	fill(at + RNDIS_FRAME_HEAD_BYTES, bytes, seed);
	return frame.message_bytes;
}

static void check_sent(uint32_t bytes, uint8_t seed)
{
	uint8_t wanted[2048];

	fill(wanted, bytes, seed);
	ck_assert_uint_eq(sent_bytes, sizeof(struct net_header) + bytes);
	ck_assert_mem_eq(sent + sizeof(struct net_header), wanted, bytes);
}

START_TEST(a_frame_goes_out_of_a_section)
{
	struct nvsp_message message;

	bring_up();
	message =
		nvsp_rndis_packet(NVSP_CHANNEL_DATA, 0, write_frame(section(0), 1000, 3));
	put(9, &message);
	net_channel_pump(&net);
	expect_status(9, NVSP_STATUS_SUCCESS);
	check_sent(1000, 3);
	ck_assert_uint_eq(net.device.counts.sent, 1);
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
	net_channel_pump(&net);
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
	net_channel_pump(&net);
	expect_status(9, NVSP_STATUS_SUCCESS);
	check_sent(1500, 9);
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
	net_channel_pump(&net);
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
	net_channel_pump(&net);
	expect_status(9, NVSP_STATUS_SUCCESS); /* as a wire would do it */
	ck_assert_uint_eq(sends, 0);
	ck_assert_uint_eq(net.device.counts.send_errors, 1);
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
	net_channel_pump(&net);
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

static void make_incoming(uint32_t bytes, uint8_t flags)
{
	const struct net_header header = { .flags = flags };

	memcpy(incoming, &header, sizeof(header));
	fill(incoming + sizeof(header), bytes, 5);
	memcpy(incoming + sizeof(header), mac, sizeof(mac));
	incoming_bytes = sizeof(header) + bytes;
}

static void let_in(unsigned int count)
{
	coming = count;
	for (unsigned int i = 0; i < FRAMES_MAX && watched && coming != 0; i++)
		watched(NULL, 0, &net);
}

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
	free_count = net.sections.free_count;
	make_incoming(lengths[_i], 0);
	let_in(1);
	ck_assert_uint_eq(signals, 1);
	give_back(expect_packet());
	ck_assert_uint_eq(assemble(frame), lengths[_i]);
	ck_assert_mem_eq(frame, incoming + sizeof(struct net_header), lengths[_i]);
	net_channel_pump(&net);
	ck_assert_uint_eq(net.sections.free_count, free_count);
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
	net_channel_pump(&net);
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
			net_channel_pump(&net);
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
	net_channel_pump(&net);
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
	free_count = net.sections.free_count;
	give_back(1);
	give_back(0);
	give_back(UINT64_MAX);
	net_channel_pump(&net);
	ck_assert_uint_eq(net.sections.free_count, free_count);
	ck_assert_uint_eq(net.counts.rejected, 3);
}
END_TEST

START_TEST(a_buffer_that_is_no_memory_is_refused)
{
	struct nvsp_message message = nvsp_init(NVSP_VERSION_6_1);

	put(1, &message);
	net_channel_pump(&net);
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
}
END_TEST

START_TEST(a_broken_ring_ends_the_adapter_until_it_is_reopened)
{
	bring_up();
	channel.in.control->write_index = 3;
	net_channel_pump(&net);
	ck_assert(net.broken);
	ck_assert_ptr_null(watched);
	net_channel_close(&net);
	ck_assert(closed);
	teardown();
	setup();
	bring_up();
}
END_TEST

START_TEST(a_closed_channel_lets_go_of_everything)
{
	bring_up();
	net_channel_close(&net);
	ck_assert(closed);
	ck_assert_ptr_null(watched);
	ck_assert_ptr_null(net.buffers[NET_RECEIVE_BUFFER].pages);
	ck_assert(!backend_offloads.large_frames);
	net_channel_pump(&net); /* an event that was on its way */
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
	tcase_add_test(tc, many_packets_cost_one_signal);
	tcase_add_loop_test(tc, frames_that_are_none_are_left_out, 0, 3);
	tcase_add_test(tc, a_packet_that_lies_is_refused);
	tcase_add_loop_test(tc, a_frame_comes_into_the_receive_buffer, 0, LENGTHS_COUNT);
	tcase_add_test(tc, a_burst_of_frames_costs_one_signal);
	tcase_add_test(tc, frames_for_others_are_left_out);
	tcase_add_test(tc, a_guest_that_returns_nothing_starves_only_itself);
	tcase_add_test(tc, a_full_ring_holds_frames_and_loses_none);
	tcase_add_test(tc, what_the_guest_takes_back_is_not_touched);
	tcase_add_test(tc, sections_that_it_does_not_have_change_nothing);
	tcase_add_test(tc, a_buffer_that_is_no_memory_is_refused);
	tcase_add_test(tc, a_backend_that_is_gone_takes_the_link_down);
	tcase_add_test(tc, a_broken_ring_ends_the_adapter_until_it_is_reopened);
	tcase_add_test(tc, a_closed_channel_lets_go_of_everything);
	suite_add_tcase(suite, tc);
	return suite;
}

UNIT_MAIN(net_channel_suite)
