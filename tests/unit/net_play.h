/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the network provider runs on, its backend, and its guest step by step: for the tests of its channels. */
#ifndef VIRIDIS_TESTS_NET_PLAY_H
#define VIRIDIS_TESTS_NET_PLAY_H

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
#define ROOM_FD         777
#define BACKEND_FD      778

/* ---- What the provider runs on ---- */

static _Alignas(4096) uint8_t ram[RAM_PAGES * PAGE_4K];
static _Alignas(4096) uint8_t receive_buffer[RECEIVE_BYTES], send_buffer[SEND_BYTES];
static uint32_t borrowed;
static unsigned int signals;     /* to the guest */
static unsigned int sub_signals; /* of these, for sub-channels */
static bool closed;
static vsp_ready_function watched;
static vsp_ready_function watched_room; /* the backend's other descriptor */
static vsp_ready_function watched_timer;

bool vsp_ram_around(const struct vsp *vsp, uint64_t gpa, struct vsp_ram *around)
{
	(void)vsp;
	*around = (struct vsp_ram){ 0, sizeof(ram), ram };
	return gpa < sizeof(ram);
}

void vsp_borrow(struct vsp *vsp, const struct vsp_channel *channel, uint32_t gpadl)
{
	(void)vsp;
	(void)channel;
	borrowed = gpadl;
}

static uint32_t offers_wanted;

void vsp_offer(struct vsp *vsp, const struct vsp_channel *channel, uint32_t count)
{
	(void)vsp;
	ck_assert_uint_eq(channel->index, 0);
	offers_wanted = count;
}

void vsp_channel_signal(struct vsp *vsp, const struct vsp_channel *channel)
{
	(void)vsp;
	signals++;
	if (channel->index != 0)
		sub_signals++;
}

void vsp_channel_closed(struct vsp *vsp, struct vsp_channel *channel)
{
	(void)vsp;
	(void)channel;
	closed = true;
}

static inline vsp_ready_function *watch_of(int fd)
{
	return fd == ROOM_FD    ? &watched_room :
	       fd == BACKEND_FD ? &watched :
	                          &watched_timer;
}

bool vsp_watch(struct vsp *vsp, int fd, vsp_ready_function ready, void *context)
{
	(void)vsp;
	(void)context;
	*watch_of(fd) = ready;
	return true;
}

void vsp_unwatch(struct vsp *vsp, int fd)
{
	(void)vsp;
	*watch_of(fd) = NULL;
}

static unsigned int events; /* answers to orders */
static uint32_t event_tag;

void vsp_event(struct vsp *vsp, uint32_t tag, const char *json)
{
	(void)vsp;
	(void)json;
	events++;
	event_tag = tag;
}

static bool ended;

void vsp_end(struct vsp *vsp, const char *why)
{
	(void)vsp;
	(void)why;
	ended = true;
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
static int sent_pieces; /* of memory, with its header's */
static unsigned int sends, receives;
static unsigned int coming; /* frames that wait to be received, all alike */
static uint8_t incoming[FRAME_BYTES_MAX];
static size_t incoming_bytes;
static int backend_error;
static struct net_backend_offloads backend_offloads;
static bool takes_no_more; /* each frame leaves a rest */

static inline void backend_set_offloads(struct net_backend *backend,
                                        const struct net_backend_offloads *offloads)
{
	(void)backend;
	backend_offloads = *offloads;
}

static inline ssize_t backend_receive(struct net_backend *backend,
                                      const struct iovec *memory, int memory_count)
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

static inline ssize_t backend_send(struct net_backend *backend,
                                   const struct iovec *memory, int memory_count)
{
	sends++;
	if (takes_no_more)
		backend->unsent_bytes += 10;
	sent_bytes = 0;
	sent_pieces = memory_count;
	for (int i = 0; i < memory_count; i++) {
		ck_assert_uint_le(memory[i].iov_len, sizeof(sent) - sent_bytes);
		memcpy(sent + sent_bytes, memory[i].iov_base, memory[i].iov_len);
		sent_bytes += memory[i].iov_len;
	}
	return (ssize_t)sent_bytes;
}

static inline bool backend_flush(struct net_backend *backend)
{
	if (!takes_no_more)
		backend->unsent_bytes = 0;
	if (backend_error)
		backend->unsent_bytes = 0;
	errno = backend_error;
	return backend_error == 0;
}

static struct net_backend_ops ops = {
	.set_offloads = backend_set_offloads,
	.receive = backend_receive,
	.send = backend_send,
	.flush = backend_flush,
};

/* ---- The guest ---- */

static struct net net;
static struct net_record record;
static struct vsp_channel channel;
static struct ring_producer out;
static struct ring_consumer in;
static _Alignas(4096) uint8_t rings[4][PAGE_4K + RING_BYTES];

static _Alignas(8) uint8_t buffer[1024];
static struct ring_received received;
static struct vmbus_xfer_range ranges[16];
static struct xfer_list list;
static const uint8_t mac[] = { 2, 0x15, 0x5d, 0, 0, 1 };

static inline struct ring_memory ring_at(unsigned int number)
{
	return (struct ring_memory){ (struct vmbus_ring_control *)rings[number],
		                     rings[number] + PAGE_4K, RING_BYTES };
}

static inline void setup(void)
{
	static const struct net_settings settings = {
		.mac = { 2, 0x15, 0x5d, 0, 0, 1 },
		.mtu = 1500,
		.queues = 3,
		.capabilities = { true, true, true, true, true, 65535 },
	};

	memset(&net, 0, sizeof(net));
	memset(rings, 0, sizeof(rings));
	memset(&record, 0, sizeof(record));
	net.record = &record;
	net_device_init(&net.state.device, &settings);
	net.backend.ops = &ops;
	net.backend.fd = BACKEND_FD;
	net.backend.room_fd = ROOM_FD;
	net.link_up = true;
	channel = (struct vsp_channel){ .id = 1, .in = ring_at(0), .out = ring_at(1) };
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
	ended = false;
	ops.renewed = false;
	ops.own_sockets = false;
	watched = NULL;
	watched_room = NULL;
	watched_timer = NULL;
	events = 0;
	takes_no_more = false;
	sub_signals = 0;
	offers_wanted = 0;
	list = (struct xfer_list){ .ranges = ranges, .range_capacity = 16 };
}

static inline void teardown(void)
{
	close(channel.event_in);
}

static inline void put(uint64_t id, const struct nvsp_message *message)
{
	bool signal;

	ck_assert_int_eq(ring_put_inband(&out, id, VMBUS_PACKET_WANTS_COMPLETION, message,
	                                 sizeof(*message), &signal),
	                 RING_OK);
}

/* The next packet; false: there is none. */
static inline bool next(void)
{
	if (ring_get(&in, buffer, sizeof(buffer), &received) != RING_OK)
		return false;
	(void)!ring_release(&in); /* the provider looks for itself */
	return true;
}

static inline struct nvsp_message expect_completion(uint64_t id)
{
	struct nvsp_message message;

	ck_assert(next());
	ck_assert_uint_eq(received.type, VMBUS_PACKET_COMPLETION);
	ck_assert_uint_eq(received.transaction_id, id);
	ck_assert(nvsp_read(&message, received.payload, received.payload_bytes));
	return message;
}

static inline void expect_status(uint64_t id, enum nvsp_status status)
{
	struct nvsp_message message = expect_completion(id);

	ck_assert_uint_eq(message.type, NVSP_RNDIS_PACKET_COMPLETE);
	ck_assert_uint_eq(message.body.status, status);
}

/* A packet of RNDIS messages in the receive buffer: its ranges are in `list`. */
static inline uint64_t expect_packet(void)
{
	ck_assert(next());
	ck_assert_uint_eq(received.type, VMBUS_PACKET_XFER_PAGES);
	ck_assert(xfer_pages_parse(&list, received.header, received.header_bytes,
	                           RECEIVE_BYTES));
	return received.transaction_id;
}

static inline void give_back(uint64_t id)
{
	struct nvsp_message message = nvsp_rndis_complete(NVSP_STATUS_SUCCESS);
	bool signal;

	ck_assert_int_eq(ring_put_completion(&out, id, &message, 8, &signal), RING_OK);
}

static inline void lend(enum nvsp_type type, uint32_t gpadl, uint8_t *pages,
                        uint64_t bytes)
{
	struct nvsp_message message = nvsp_buffer(type, gpadl, NVSP_RECEIVE_BUFFER_ID);
	struct vsp_loan loan = { gpadl, pages, bytes };

	borrowed = 0;
	put(4, &message);
	net_channel_pump(&net.queues[0]);
	ck_assert_uint_eq(borrowed, gpadl);
	ck_assert(!next()); /* not before the worker has answered */
	net_channel_lent(&net, &loan);
	message = expect_completion(4);
	ck_assert_uint_eq(message.body.words[0],
	                  pages ? NVSP_STATUS_SUCCESS : NVSP_STATUS_FAILURE);
}

/* A request through a section of the send buffer, its two answers, the section given back. */
static inline void ask(uint32_t bytes)
{
	struct nvsp_message message = nvsp_rndis_packet(NVSP_CHANNEL_CONTROL, 1, bytes);
	uint64_t id;

	put(5, &message);
	net_channel_pump(&net.queues[0]);
	expect_status(5, NVSP_STATUS_SUCCESS);
	id = expect_packet();
	give_back(id);
}

static inline uint8_t *section(unsigned int number)
{
	return send_buffer + number * NET_SEND_SECTION;
}

static inline void set_object(uint32_t oid, const void *information, uint32_t bytes)
{
	ask(rndis_request(section(1), RNDIS_SET, 7, oid, information, bytes));
}

static inline void bring_up(void)
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
	net_channel_pump(&net.queues[0]);
	(void)expect_completion(1);
	message = nvsp_ndis_config(1514, NVSP_CAPABILITY_RSC);
	put(2, &message);
	net_channel_pump(&net.queues[0]);
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
	net_channel_pump(&net.queues[0]);
	signals = 0;
	sends = 0;
	receives = 0;
}

/* ---- Frames from the guest ---- */

static inline void fill(uint8_t *at, uint32_t bytes, uint8_t seed)
{
	for (uint32_t i = 0; i < bytes; i++)
		at[i] = (uint8_t)(i * 7 + seed);
}

/* A message with a frame of so many bytes; its length. */
static inline uint32_t write_frame(uint8_t *at, uint32_t bytes, uint8_t seed)
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

static inline void check_sent(uint32_t bytes, uint8_t seed)
{
	uint8_t wanted[2048];

	fill(wanted, bytes, seed);
	ck_assert_uint_eq(sent_bytes, sizeof(struct net_header) + bytes);
	ck_assert_mem_eq(sent + sizeof(struct net_header), wanted, bytes);
}

/* ---- Frames for the guest ---- */

static inline void make_incoming(uint32_t bytes, uint8_t flags)
{
	const struct net_header header = { .flags = flags };

	memcpy(incoming, &header, sizeof(header));
	fill(incoming + sizeof(header), bytes, 5);
	memcpy(incoming + sizeof(header), mac, sizeof(mac));
	incoming_bytes = sizeof(header) + bytes;
}

static inline void let_in(unsigned int count)
{
	coming = count;
	for (unsigned int i = 0; i < FRAMES_MAX && watched && coming != 0; i++)
		watched(NULL, 0, &net);
}

#endif
