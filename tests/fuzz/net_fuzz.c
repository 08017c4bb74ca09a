/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest of the network adapter that sends anything: messages, requests, frames with false
 * offloads, sections given back that it never had. N1 to N3 hold after each step.
 */
#include <stdlib.h>
#include <viridis/base/cursor.h>
#include "vsp/net/core/net_alone.h"
#include "vsp/net/core/net_device.h"
#include "vsp/net/core/net_offload.h"
#include "vsp/net/core/net_reach.h"
#include "vsp/net/core/net_rss.h"
#include "vsp/net/core/net_sections.h"

#define SECTIONS 24u

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static struct net_device device;
static struct net_sections sections;
static struct net_alone alone;

static void check(bool true_always)
{
	if (!true_always)
		abort();
}

static void step_message(struct cursor *c)
{
	uint8_t bytes[44];
	uint8_t how = cursor_u8(c);
	uint32_t count = how % 45;
	struct nvsp_message message;
	struct net_action action;

	cursor_copy(c, bytes, count);
	if (!nvsp_read(&message, bytes, count))
		return;
	net_device_receive(&device, how & 0x80, &message, &action);
	if (action.type == NET_MAP)
		action.answer = net_device_mapped(&device, action.buffer, cursor_le32(c));
	if (action.type == NET_TRANSMIT && action.packet.section != NVSP_SECTION_NONE)
		check(device.buffers[NET_SEND_BUFFER].state == NET_BUFFER_MAPPED &&
		      action.packet.section <
		              device.buffers[NET_SEND_BUFFER].section_count);
	if (action.type == NET_SUB_CHANNELS) {
		check(action.sub_channels >= 1 && action.sub_channels <= 3 &&
		      device.sub_channels == 0);
		(void)net_device_offered(&device, action.sub_channels);
	}
}

static void step_request(struct cursor *c)
{
	uint32_t bytes = cursor_le16(c) % NET_REQUEST_BYTES_MAX;
	const uint8_t *message = cursor_take(c, bytes);
	uint8_t answer[NET_ANSWER_BYTES_MAX];
	uint32_t changed, length;
	bool valid;

	if (!message)
		return;
	length = net_device_request(&device, message, bytes, answer, &changed, &valid);
	check(length <= sizeof(answer) && (valid || length == 0));
	check(device.multicast_count <= NET_MULTICAST_MAX);
	check(!(device.mac[0] & 1));
}

/* What follows a FIN at once has to be alone, whatever is in the table. */
static void step_segment(const uint8_t *start, uint32_t bytes)
{
	struct net_segment segment;

	if (!net_segment_read(&segment, start, bytes))
		return;
	(void)net_alone_ask(&alone, &segment, 0);
	net_alone_sent(&alone, &segment, 0);
	if ((segment.flags & 0x7) == 0x1)
		check(net_alone_knows(&alone, &segment) &&
		      (segment.has_data ||
		       net_alone_ask(&alone, &segment, 0) != NET_ALONE_GO));
}

static void step_frame(struct cursor *c)
{
	struct net_outgoing out = { .head_taken = cursor_u8(c) };
	struct rndis_frame frame = { .has = cursor_u8(c) };
	struct net_header header = { .flags = cursor_u8(c) };

	frame.lso = cursor_le32(c);
	frame.checksum = cursor_le32(c);
	frame.vlan = cursor_le32(c);
	if (out.head_taken > NET_HEAD_BYTES - 4)
		out.head_taken = NET_HEAD_BYTES - 4;
	frame.data_bytes = out.head_taken;
	if (out.head_taken == NET_HEAD_BYTES - 4)
		frame.data_bytes += cursor_le16(c);
	cursor_copy(c, out.head, out.head_taken);
	net_incoming_describe(&frame, &header, out.head, out.head_taken);
	(void)net_may_reach(out.head, out.head_taken);
	step_segment(out.head, out.head_taken);
	if (!net_outgoing_prepare(&out, &frame))
		return;
	check(out.head_bytes <= NET_HEAD_BYTES && out.head_bytes >= out.head_taken);
	if (out.header.flags & NET_HEADER_NEEDS_CHECKSUM)
		check(out.header.checksum_start + out.header.checksum_offset + 2u <=
		      out.head_bytes);
	check(out.header.header_bytes <= out.head_bytes);
}

/* The channel is one that there is, whatever key, table and frame the guest chose. */
static void step_scaling(struct cursor *c)
{
	uint32_t bytes = cursor_u8(c) % (NET_RSS_BYTES + 1);
	const uint8_t *start = cursor_take(c, bytes);

	if (start)
		check(net_rss_channel(&device.rss, start, bytes) < 4);
}

static void step_sections(struct cursor *c)
{
	uint32_t count = cursor_u8(c);
	uint32_t before = sections.free_count;

	if (count & 0x80) {
		bool returned = net_sections_return(&sections, count & 0x7f);

		check(returned == (sections.free_count > before));
	} else if (count >= 1 && count <= sections.free_count) {
		uint64_t id = net_sections_take(&sections, count);

		check(id >= 1 && id <= SECTIONS && sections.free_count == before - count);
	}
	check(sections.free_count <= SECTIONS);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static const struct net_settings settings = {
		.mac = { 2 },
		.mtu = 9000,
		.queues = 4,
		.capabilities = { true, true, true, true, true, 62780 },
	};
	struct cursor c = cursor_over(input, size);

	net_device_init(&device, &settings);
	net_sections_init(&sections, SECTIONS);
	while (cursor_left(&c) != 0 && !c.overrun) {
		uint8_t what = cursor_u8(&c);

		switch (what >= 250 ? 5 : what % 5) {
		case 0:
			step_message(&c);
			break;
		case 1:
			step_request(&c);
			break;
		case 2:
			step_frame(&c);
			break;
		case 3:
			step_sections(&c);
			break;
		case 4:
			net_device_reset(&device);
			break;
		case 5:
			step_scaling(&c);
			break;
		}
	}
	return 0;
}
