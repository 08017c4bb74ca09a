/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames from the guest. A packet's memory is read where it lies; RNDIS's heads, and those of
 * frames that need a change, are copied first and used from there.
 *
 * Arrays that are scratch of the one thread are static: on the stack the compiler fills them with zeros for each frame.
 */
#include <string.h>
#include <viridis/base/bits.h>

#include "vsp/net/core/net_reach.h"
#include "vsp/net/net.h"

/* RNDIS messages in one packet, when a guest puts many small ones together. */
#define MESSAGES_MAX    64u
#define FRAME_BYTES_MIN 14u

/* ---- A packet's memory ---- */

static bool add_piece(struct net_memory *memory, void *at, uint32_t bytes)
{
	if (!at || memory->count == NET_PIECES_MAX)
		return false;
	memory->pieces[memory->count++] = (struct iovec){ at, bytes };
	memory->bytes += bytes;
	return true;
}

/* Pages in a row, as large buffers of a guest's are, make one piece. */
static bool add_range(struct net *net, struct net_memory *memory, struct vsp_ram *ram,
                      const struct gpa_list *list, const struct gpa_range *range)
{
	const uint64_t *pfns = &list->pfns[range->first_pfn];
	uint32_t offset = range->offset;
	uint32_t left = range->bytes;

	for (uint32_t i = 0, run; i < range->page_count; i += run) {
		uint8_t *pages;
		uint32_t bytes;

		run = gpa_run_length(pfns + i, range->page_count - i);
		pages = vsp_ram_pages(net->vsp, ram, pfns[i], &run);
		if (!pages)
			return false;
		bytes = run * VMBUS_PAGE_BYTES - offset;
		if (bytes > left)
			bytes = left;
		if (!add_piece(memory, pages + offset, bytes))
			return false;
		left -= bytes;
		offset = 0;
	}
	return true;
}

static bool add_pages(struct net *net, struct net_memory *memory,
                      const struct ring_received *received)
{
	static uint64_t pfns[NET_PAGES_MAX];
	static struct gpa_range ranges[NET_RANGES_MAX];
	struct gpa_list list = {
		.ranges = ranges,
		.range_capacity = NET_RANGES_MAX,
		.pfns = pfns,
		.pfn_capacity = NET_PAGES_MAX,
	};
	struct vsp_ram ram = { .bytes = 0 };

	if (gpa_direct_parse(&list, received->header, received->header_bytes) !=
	    GPA_DIRECT_OK)
		return false;
	for (uint32_t i = 0; i < list.range_count; i++)
		if (!add_range(net, memory, &ram, &list, &ranges[i]))
			return false;
	return true;
}

bool net_memory_map(struct net *net, const struct ring_received *received,
                    const struct nvsp_rndis_packet *packet, struct net_memory *memory)
{
	const struct net_buffer_status *buffer =
		&net->state.device.buffers[NET_SEND_BUFFER];
	uint8_t *pages = net->buffers[NET_SEND_BUFFER].pages;

	memory->count = 0;
	memory->bytes = 0;
	if (packet->section != NVSP_SECTION_NONE && packet->section_bytes != 0 &&
	    !add_piece(memory, pages + (size_t)packet->section * buffer->section_bytes,
	               packet->section_bytes))
		return false;
	return received->type != VMBUS_PACKET_GPA_DIRECT ||
	       add_pages(net, memory, received);
}

/* The piece that byte `*offset` is in; *offset becomes the place in it. */
static unsigned int find_piece(const struct net_memory *memory, uint32_t *offset)
{
	unsigned int i = 0;

	while (i < memory->count && *offset >= memory->pieces[i].iov_len)
		*offset -= (uint32_t)memory->pieces[i++].iov_len;
	return i;
}

void net_memory_copy(const struct net_memory *memory, uint32_t offset, void *to,
                     uint32_t bytes)
{
	unsigned int i = find_piece(memory, &offset);

	for (; bytes != 0; i++, offset = 0) {
		const struct iovec *piece = &memory->pieces[i];
		uint32_t here = (uint32_t)piece->iov_len - offset;

		if (here > bytes)
			here = bytes;
		memcpy(to, (const uint8_t *)piece->iov_base + offset, here);
		to = (uint8_t *)to + here;
		bytes -= here;
	}
}

/* `bytes` from `offset` on, behind what is in `out`; they are there. Returns the new count. */
static int append(const struct net_memory *memory, uint32_t offset, uint32_t bytes,
                  struct iovec *out, int count)
{
	unsigned int i = find_piece(memory, &offset);

	for (; bytes != 0; i++, offset = 0) {
		struct iovec piece = memory->pieces[i];

		piece.iov_base = (uint8_t *)piece.iov_base + offset;
		piece.iov_len -= offset;
		if (piece.iov_len > bytes)
			piece.iov_len = bytes;
		bytes -= (uint32_t)piece.iov_len;
		out[count++] = piece;
	}
	return count;
}

/* ---- Frames ---- */

static bool length_is_sane(const struct net *net, const struct rndis_frame *frame)
{
	uint32_t most = frame->has & RNDIS_HAS_LSO ?
	                        NET_FRAME_BYTES_MAX :
	                        net->state.device.settings.mtu + NET_ETHERNET_BYTES;

	return frame->data_bytes >= FRAME_BYTES_MIN && frame->data_bytes <= most;
}

/* What the backend may not see before we did is taken out of the guest's reach. */
static bool must_copy_head(const struct net *net, const struct rndis_frame *frame)
{
	return net->backend.ops->own_sockets || net_outgoing_needed(frame);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Such a segment is lost, as on a wire: nothing is wrong with it, and the guest sends it again if it matters. */
static bool is_held_back(struct net *net, const struct net_segment *segment, uint64_t now)
{
	switch (net_alone_ask(&net->alone, segment, now)) {
	case NET_ALONE_GO:
		return false;
	case NET_ALONE_GO_IF_READ:
		if (!net->backend.ops->unread ||
		    net->backend.ops->unread(&net->backend) == 0)
			return false;
		break;
	case NET_ALONE_LOSE:
		break;
	}
	net->counts.held_back++;
	return true;
}

static bool send_frame(struct net *net, const struct net_memory *memory,
                       uint32_t message_offset, const struct rndis_frame *frame)
{
	static struct iovec pieces[NET_PIECES_MAX + 2];
	static struct net_segment segment;
	bool is_segment = false;
	uint64_t now = 0;
	struct net_outgoing out = { .head_taken = 0 };
	uint32_t at = message_offset + frame->data_offset;
	int count = 1;

	if (!length_is_sane(net, frame))
		return false;
	if (must_copy_head(net, frame)) {
		out.head_taken = frame->data_bytes < NET_HEAD_BYTES - 4 ?
		                         frame->data_bytes :
		                         NET_HEAD_BYTES - 4;
		net_memory_copy(memory, at, out.head, out.head_taken);
		if (net->backend.ops->own_sockets) {
			if (!net_may_reach(out.head, out.head_taken))
				return false;
			is_segment = net_segment_read(&segment, out.head, out.head_taken);
		}
		if (is_segment && net_alone_knows(&net->alone, &segment)) {
			now = now_ms();
			if (is_held_back(net, &segment, now))
				return true;
		}
		if (!net_outgoing_prepare(&out, frame))
			return false;
		pieces[count++] = (struct iovec){ out.head, out.head_bytes };
	}
	pieces[0] = (struct iovec){ &out.header, sizeof(out.header) };
	count = append(memory, at + out.head_taken, frame->data_bytes - out.head_taken,
	               pieces, count);
	if (net->backend.ops->send(&net->backend, pieces, count) < 0)
		return false;
	if (is_segment)
		net_alone_sent(&net->alone, &segment, now);
	net->state.device.counts.sent++;
	net->counts.sent_bytes += frame->data_bytes;
	return true;
}

enum nvsp_status net_transmit(struct net *net, const struct net_memory *memory)
{
	static uint8_t head[RNDIS_FRAME_HEAD_BYTES_MAX];
	uint32_t offset = 0;

	for (unsigned int i = 0; i < MESSAGES_MAX && memory->bytes - offset >= 8; i++) {
		uint32_t left = memory->bytes - offset;
		uint32_t head_bytes = left < sizeof(head) ? left : (uint32_t)sizeof(head);
		struct rndis_frame frame;

		net_memory_copy(memory, offset, head, head_bytes);
		if (!rndis_frame_read(&frame, head, head_bytes, left)) {
			net->counts.rejected++;
			return NVSP_STATUS_INVALID_RNDIS_PACKET;
		}
		if (!net_device_sends(&net->state.device) ||
		    !send_frame(net, memory, offset, &frame))
			net->state.device.counts.send_errors++;
		offset += frame.message_bytes;
	}
	return NVSP_STATUS_SUCCESS;
}
