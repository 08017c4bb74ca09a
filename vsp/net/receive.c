/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames for the guest: the backend writes them straight into free sections of the receive
 * buffer, behind room for RNDIS's head, which is written when the frame's length is known.
 *
 * N4 Some sections stay free for answers to requests: a guest that keeps all others still
 *    hears what it asked for.
 */
#include <errno.h>
#include <string.h>
#include <viridis/base/bits.h>

#include "vsp/net/core/net_rss.h"
#include "vsp/net/net.h"

/* Frames of one turn; then the worker and the guest's packets are heard, too. */
#define FRAMES_PER_TURN      64u
#define FRAMES_DISCARDED     4096u
#define SECTIONS_FOR_ANSWERS 8u
#define FRAME_BYTES_MIN      14

static uint8_t *section_at(const struct net *net, uint32_t section)
{
	return net->buffers[NET_RECEIVE_BUFFER].pages +
	       (size_t)section *
	               net->state.device.buffers[NET_RECEIVE_BUFFER].section_bytes;
}

/* The next `count` sections as one packet; `mark` knows before they are taken. Returns its id. */
static uint64_t take_sections(struct net *net, uint64_t *mark, uint32_t queue,
                              uint32_t count)
{
	uint64_t id = net_sections_id(&net->record->sections);

	net_record_mark(mark, id, queue, NET_RECORD_NOWHERE);
	return net_sections_take(&net->record->sections, count);
}

/*
 * A packet over the ranges; false: there is no room in the ring, or it is broken. True: the mark is the caller's to take
 * away.
 */
static bool put_packet(struct net_queue *queue, enum nvsp_channel channel, uint64_t *mark,
                       uint64_t id, const struct vmbus_xfer_range *ranges, uint32_t count)
{
	const struct nvsp_message message =
		nvsp_rndis_packet(channel, NVSP_SECTION_NONE, 0);
	uint32_t bytes = (uint32_t)(sizeof(struct vmbus_xfer_pages_header) +
	                            count * sizeof(*ranges) + sizeof(message));
	enum ring_status status;

	net_record_mark(mark, id, queue->index, ring_index_after_put(&queue->out, bytes));
	status = ring_put_xfer_pages(&queue->out, id, NVSP_RECEIVE_BUFFER_ID, ranges,
	                             count, &message, sizeof(message), &queue->signal);
	if (status == RING_OK)
		return true;
	net_record_mark(mark, id, queue->index, NET_RECORD_NOWHERE);
	if (status != RING_FULL)
		net_break_off(queue->net, "ring of frames");
	return false;
}

/* ---- Answers ---- */

/*
 * What the guest is to hear of the link when no request of its is being answered. That it is up, once more, tells it that it
 * may be somewhere else: Linux makes itself known to the bridge.
 */
static void speak_of_link(struct net *net)
{
	struct net_device *device = &net->state.device;

	if (net->state.answer_bytes != 0)
		return;
	if (net->announce && net->link_up)
		device->link_up = false;
	net->announce = false;
	net->state.answer_bytes =
		net_device_set_link(device, net->link_up, net->state.answer);
}

void net_put_answer(struct net *net)
{
	struct vmbus_xfer_range range = { .offset = 0 };
	uint64_t *mark = &net->record->answer;
	uint32_t section;
	uint64_t id;

	if (net->recalling != 0)
		return;
	speak_of_link(net);
	if (net->state.answer_bytes == 0 || net->record->sections.free_count == 0 ||
	    net->broken)
		return;
	section = net_sections_peek(&net->record->sections, 0);
	range.bytes = net->state.answer_bytes;
	range.offset =
		section * net->state.device.buffers[NET_RECEIVE_BUFFER].section_bytes;
	memcpy(section_at(net, section), net->state.answer, net->state.answer_bytes);
	id = take_sections(net, mark, 0, 1);
	if (put_packet(&net->queues[0], NVSP_CHANNEL_CONTROL, mark, id, &range, 1)) {
		net->state.answer_bytes = 0;
		net_save(net);
	} else {
		(void)!net_sections_return(&net->record->sections, id); /* just taken */
	}
	net_record_unmark(mark);
}

/* ---- Frames ---- */

/* Room for a frame: the virtio-net header, then sections. Returns the number of pieces. */
static int lay_out(const struct net *net, struct net_header *header, struct iovec *pieces)
{
	uint32_t section_bytes =
		net->state.device.buffers[NET_RECEIVE_BUFFER].section_bytes;
	uint32_t usable = net->record->sections.free_count - SECTIONS_FOR_ANSWERS;
	uint32_t wanted = net->state.device.offloads.rsc ? NET_RECEIVE_PIECES_MAX : 1;

	pieces[0] = (struct iovec){ header, sizeof(*header) };
	if (wanted > usable)
		wanted = usable;
	for (uint32_t i = 0; i < wanted; i++)
		pieces[1 + i] = (struct iovec){
			section_at(net, net_sections_peek(&net->record->sections, i)) +
				RNDIS_FRAME_HEAD_BYTES,
			section_bytes - RNDIS_FRAME_HEAD_BYTES,
		};
	return (int)(1 + wanted);
}

/* A frame's first bytes in private memory, as far as anything depends on them. */
struct frame_start {
	uint32_t bytes;
	uint8_t data[NET_RSS_BYTES];
};

static void read_start(const struct net *net, uint32_t bytes, struct frame_start *start)
{
	start->bytes = bytes < sizeof(start->data) ? bytes : sizeof(start->data);
	memcpy(start->data,
	       section_at(net, net_sections_peek(&net->record->sections, 0)) +
	               RNDIS_FRAME_HEAD_BYTES,
	       start->bytes);
}

/* A channel that the guest's table names may not be open yet, or any more. */
static struct net_queue *queue_for(struct net *net, const struct frame_start *start)
{
	uint32_t index = 0;

	if (net->state.device.sub_channels != 0)
		index = net_rss_channel(&net->state.device.rss, start->data,
		                        start->bytes);
	if (index >= NET_QUEUES_MAX || !net->queues[index].channel)
		index = 0;
	return &net->queues[index];
}

/* What stands before each piece of a frame of `bytes`, and the ranges that hold them. */
static void write_heads(struct net *net, const struct net_header *header,
                        const struct frame_start *start, uint32_t bytes, uint32_t count)
{
	uint32_t section_bytes =
		net->state.device.buffers[NET_RECEIVE_BUFFER].section_bytes;
	struct rndis_frame frame = { .data_offset = RNDIS_FRAME_HEAD_BYTES };

	if (net->state.device.offloads.checksum_rx)
		net_incoming_describe(&frame, header, start->data, start->bytes);
	if (count > 1)
		frame.has |= RNDIS_HAS_PIECE;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t section = net_sections_peek(&net->record->sections, i);
		uint32_t room = section_bytes - RNDIS_FRAME_HEAD_BYTES;

		frame.data_bytes = bytes < room ? bytes : room;
		frame.message_bytes = RNDIS_FRAME_HEAD_BYTES + frame.data_bytes;
		frame.piece = (struct rndis_piece){
			.version = RNDIS_PIECE_VERSION,
			.flags = (uint8_t)(RNDIS_PIECE_PART |
			                   (i == 0 ? RNDIS_PIECE_FIRST : 0) |
			                   (i + 1 == count ? RNDIS_PIECE_LAST : 0)),
		};
		rndis_frame_write(&frame, section_at(net, section));
		net->held[i] = (struct vmbus_xfer_range){ frame.message_bytes,
			                                  section * section_bytes };
		bytes -= frame.data_bytes;
	}
}

static void put_held(struct net *net)
{
	if (!put_packet(net->held_queue, NVSP_CHANNEL_DATA, &net->record->frame,
	                net->held_id, net->held, net->held_count))
		return;
	net_record_unmark(&net->record->frame);
	net->held_id = 0;
}

/* The frame that was received goes to the guest, or waits for room as the one held. */
static void deliver(struct net *net, const struct net_header *header,
                    const struct frame_start *start, uint32_t bytes)
{
	uint32_t room = net->state.device.buffers[NET_RECEIVE_BUFFER].section_bytes -
	                RNDIS_FRAME_HEAD_BYTES;
	uint32_t count = (bytes + room - 1) / room;

	write_heads(net, header, start, bytes, count);
	net->held_queue = queue_for(net, start);
	net->held_count = count;
	net->held_id =
		take_sections(net, &net->record->frame, net->held_queue->index, count);
	net->state.device.counts.received++;
	net->counts.received_bytes += bytes;
	put_held(net);
}

void net_lose_backend(struct net *net)
{
	if (net->lost)
		return;
	net->lost = true;
	net->link_up = false;
	net_log(net, VSP_LOG_ERROR, "the network is gone: %s", strerror(errno));
	if (net->backend.ops->renewed)
		vsp_end(net->vsp, "ends for another with a new one");
}

/* False: there is none. */
static bool receive_one(struct net *net)
{
	struct iovec pieces[1 + NET_RECEIVE_PIECES_MAX];
	struct net_header header = { 0 };
	struct frame_start start;
	int count = lay_out(net, &header, pieces);
	ssize_t got = net->backend.ops->receive(&net->backend, pieces, count);
	size_t room = 0;
	uint32_t bytes;

	if (got < 0) {
		if (errno != EAGAIN && errno != EINTR)
			net_lose_backend(net);
		return false;
	}
	for (int i = 0; i < count; i++)
		room += pieces[i].iov_len;
	/* A frame that fills all of the memory may have been cut. */
	if (got < (ssize_t)sizeof(header) + FRAME_BYTES_MIN || got == (ssize_t)room) {
		net->state.device.counts.receive_errors++;
		return true;
	}
	bytes = (uint32_t)got - (uint32_t)sizeof(header);
	read_start(net, bytes, &start);
	if (net_device_wants(&net->state.device, start.data))
		deliver(net, &header, &start, bytes);
	else
		net->counts.filtered++;
	return true;
}

bool net_receive_has_room(const struct net *net)
{
	return net->held_id == 0 && !net->broken && !net->lost && !net->leave.begun &&
	       net->recalling == 0 &&
	       net->record->sections.free_count > SECTIONS_FOR_ANSWERS;
}

static void frames_ready(struct vsp *vsp, int fd, void *context);

/* Without a place for frames the backend's descriptor must not wake us; they wait there. */
static void watch(struct net *net)
{
	bool on = net->queues[0].channel && net_device_receives(&net->state.device) &&
	          net_receive_has_room(net);

	if (net->watching == on)
		return;
	if (!on)
		vsp_unwatch(net->vsp, net->backend.fd);
	else if (!vsp_watch(net->vsp, net->backend.fd, frames_ready, net))
		return;
	net->watching = on;
}

void net_receive_resume(struct net *net)
{
	if (net->held_id != 0 && !net->broken)
		put_held(net);
	watch(net);
}

void net_receive_forget(struct net_queue *queue)
{
	struct net *net = queue->net;

	if (net->held_id == 0 || net->held_queue != queue)
		return;
	(void)!net_sections_return(&net->record->sections, net->held_id); /* still ours */
	net_record_unmark(&net->record->frame);
	net->held_id = 0;
}

/*
 * A frame that comes alone costs one call. Whether another follows is asked at once only when frames came in bursts
 * before, or when the event loop announced two in a row and the guest did not signal between them.
 */
static void frames_ready(struct vsp *vsp, int fd, void *context)
{
	struct net *net = context;
	unsigned int budget = net->burst ? FRAMES_PER_TURN : 1;
	unsigned int taken = 0;

	(void)vsp;
	(void)fd;
	while (taken < budget && net_receive_has_room(net) && receive_one(net))
		taken++;
	net->burst = net->burst ? taken > 1 : net->again;
	net->again = taken != 0;
	if (!net_receive_has_room(net)) {
		net->counts.stalls++;
		net->state.device.counts.no_buffer++;
	}
	net_put_answer(net); /* the link may be down now */
	watch(net);
	net_signal(net);
}

void net_discard(struct net *net)
{
	struct net_header header;
	uint8_t start[64];
	const struct iovec pieces[] = { { &header, sizeof(header) },
		                        { start, sizeof(start) } };

	for (unsigned int i = 0; i < FRAMES_DISCARDED; i++)
		if (net->backend.ops->receive(&net->backend, pieces, 2) < 0)
			break;
}
