/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A network adapter over VMBus: see net.h. */
#include "vsc/net/net.h"

#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "vmbus/core/xfer_pages.h"
#include "vsc/lib/clock.h"
#include "vsc/lib/guest.h"

#define MTU               1500u
#define PATIENCE_MS       10000u
#define PACKET_BYTES_MAX  1024u
#define PACKETS_A_POLL    256u
#define RANGES_MAX        16u
#define TRANSFER_BYTES    0x4000u
#define HANDSHAKE         0x1000u /* transactions that are no section's */
#define REQUEST_BYTES_MAX 256u

/* ---- What comes ---- */

static void take_control(struct net *net, const uint8_t *message, uint32_t bytes)
{
	struct rndis_answer answer;

	if (bytes > sizeof(net->answer))
		return;
	memcpy(net->answer, message, bytes);
	if (!rndis_answer_read(&answer, net->answer, bytes) ||
	    answer.type == RNDIS_INDICATE)
		return;
	net->answer_bytes = bytes;
	net->answered = true;
}

static void take_data(struct net *net, const uint8_t *message, uint32_t bytes)
{
	uint8_t head[RNDIS_FRAME_HEAD_BYTES_MAX]; /* the host may write to its own meanwhile */
	uint32_t head_bytes = bytes < sizeof(head) ? bytes : (uint32_t)sizeof(head);
	struct rndis_frame frame;

	memcpy(head, message, head_bytes);
	if (!rndis_frame_read(&frame, head, head_bytes, bytes))
		return;
	net->received++;
	net->frame(net, message + frame.data_offset, frame.data_bytes);
}

/* The sections are the host's again with our completion, unless all are to be kept. */
static bool take_transfer(struct net *net, const struct ring_received *packet)
{
	struct vmbus_xfer_range ranges[RANGES_MAX];
	struct xfer_list list = { .ranges = ranges, .range_capacity = RANGES_MAX };
	const struct nvsp_message done = nvsp_rndis_complete(NVSP_STATUS_SUCCESS);
	struct nvsp_message message;
	bool signal = false;

	if (!nvsp_read(&message, packet->payload, packet->payload_bytes) ||
	    !xfer_pages_parse(&list, packet->header, packet->header_bytes,
	                      NET_RECEIVE_PAGES * PAGE_4K))
		return false;
	for (uint32_t i = 0; i < list.range_count; i++) {
		const uint8_t *at = net->receive_buffer + ranges[i].offset;

		if (message.body.rndis_packet.channel == NVSP_CHANNEL_DATA)
			take_data(net, at, ranges[i].bytes);
		else
			take_control(net, at, ranges[i].bytes);
	}
	if (net->keeps)
		return true;
	if (ring_put_completion(&net->pipe.out, packet->transaction_id, &done, 8,
	                        &signal) != RING_OK)
		return false;
	if (signal)
		vmbus_pipe_signal(&net->pipe);
	return true;
}

static void take_completion(struct net *net, const struct ring_received *packet)
{
	struct nvsp_message message;
	bool read = nvsp_read(&message, packet->payload, packet->payload_bytes);

	if (packet->transaction_id >= NET_SECTIONS_MAX) {
		net->completed = packet->transaction_id;
		if (read)
			net->completion = message;
		return;
	}
	if (!(net->in_flight & BIT64(packet->transaction_id)))
		return; /* it is ours already, whatever the host says of it */
	net->in_flight &= ~BIT64(packet->transaction_id);
	net->refused += !read || message.body.status != NVSP_STATUS_SUCCESS;
	net->free_sections[net->free_count++] = (uint16_t)packet->transaction_id;
}

bool net_poll(struct net *net)
{
	uint64_t buffer[PACKET_BYTES_MAX / sizeof(uint64_t)];
	struct ring_received packet;
	enum ring_status status = RING_OK;

	for (unsigned int i = 0; i < PACKETS_A_POLL; i++) {
		status = ring_get(&net->pipe.in, buffer, sizeof(buffer), &packet);
		if (status != RING_OK)
			break;
		if (packet.type == VMBUS_PACKET_COMPLETION)
			take_completion(net, &packet);
		else if (packet.type == VMBUS_PACKET_XFER_PAGES &&
		         !take_transfer(net, &packet))
			return false;
	}
	if (ring_release(&net->pipe.in))
		vmbus_pipe_signal(&net->pipe);
	return status == RING_OK || status == RING_EMPTY;
}

/* ---- What goes ---- */

static bool put(struct net *net, uint64_t transaction, const struct nvsp_message *message)
{
	bool signal = false;

	if (ring_put_inband(&net->pipe.out, transaction, VMBUS_PACKET_WANTS_COMPLETION,
	                    message, sizeof(*message), &signal) != RING_OK)
		return false;
	if (signal)
		vmbus_pipe_signal(&net->pipe);
	return true;
}

/* A message in a section, which is the host's until it completes it. */
static bool put_section(struct net *net, uint16_t section,
                        const struct nvsp_message *message)
{
	if (!put(net, section, message))
		return false;
	net->in_flight |= BIT64(section);
	return true;
}

bool net_send(struct net *net, const void *frame, uint32_t bytes)
{
	struct rndis_frame head = { .data_offset = RNDIS_FRAME_HEAD_BYTES,
		                    .data_bytes = bytes,
		                    .message_bytes = RNDIS_FRAME_HEAD_BYTES + bytes };
	struct nvsp_message message;
	uint16_t section;
	uint8_t *at;

	if (net->free_count == 0 || bytes > NET_FRAME_BYTES_MAX)
		return false;
	section = net->free_sections[net->free_count - 1];
	at = net->send_buffer + section * net->send_section_bytes;
	rndis_frame_write(&head, at);
	memcpy(at + RNDIS_FRAME_HEAD_BYTES, frame, bytes);
	message = nvsp_rndis_packet(NVSP_CHANNEL_DATA, section, head.message_bytes);
	if (!put_section(net, section, &message))
		return false;
	net->free_count--;
	net->sent++;
	return true;
}

static bool wait_for(struct net *net, const bool *answered, uint64_t completed)
{
	uint64_t deadline = clock_deadline(PATIENCE_MS);

	while (!clock_passed(deadline)) {
		if (!net_poll(net))
			return false;
		if (answered ? *answered : net->completed == completed)
			return true;
		vmbus_pump();
	}
	return false;
}

bool net_settle(struct net *net)
{
	uint64_t deadline = clock_deadline(PATIENCE_MS);
	uint32_t all = (uint32_t)(NET_SEND_PAGES * PAGE_4K / net->send_section_bytes);

	if (all > NET_SECTIONS_MAX)
		all = NET_SECTIONS_MAX;
	while (net->free_count < all && !clock_passed(deadline)) {
		if (!net_poll(net))
			return false;
		vmbus_pump();
	}
	return net->free_count == all;
}

/* ---- The handshake ---- */

static bool exchange(struct net *net, const struct nvsp_message *message)
{
	static uint64_t last = HANDSHAKE;

	memset(&net->completion, 0, sizeof(net->completion));
	return put(net, ++last, message) && wait_for(net, NULL, last);
}

static bool agree_on_version(struct net *net)
{
	static const uint32_t versions[] = { NVSP_VERSION_6_1, NVSP_VERSION_5,
		                             NVSP_VERSION_2, NVSP_VERSION_1 };

	for (unsigned int i = 0; i < ARRAY_COUNT(versions); i++) {
		const struct nvsp_message message = nvsp_init(versions[i]);

		if (!exchange(net, &message))
			return false;
		if (net->completion.type == NVSP_INIT_COMPLETE &&
		    net->completion.body.init_complete.status == NVSP_STATUS_SUCCESS)
			return true;
	}
	return false;
}

static bool lend(struct net *net, unsigned int which, const uint8_t *pages,
                 uint32_t count)
{
	uint64_t pfns[NET_RECEIVE_PAGES];

	for (uint32_t i = 0; i < count; i++)
		pfns[i] = ((uint64_t)pages >> PAGE_SHIFT_4K) + i;
	return client_gpadl_create(vmbus_client(), net->pipe.channel, pfns, count,
	                           &net->gpadls[which]) == CLIENT_OK &&
	       vmbus_wait_gpadl(net->gpadls[which], CLIENT_GPADL_CREATING) &&
	       net->gpadls[which]->state == CLIENT_GPADL_READY;
}

static bool lend_receive_buffer(struct net *net)
{
	struct nvsp_receive_part part;
	struct nvsp_message message;

	net->receive_buffer = pages_take(NET_RECEIVE_PAGES);
	if (!lend(net, 0, net->receive_buffer, NET_RECEIVE_PAGES))
		return false;
	message = nvsp_buffer(NVSP_RECEIVE_BUFFER, net->gpadls[0]->id,
	                      NVSP_RECEIVE_BUFFER_ID);
	return exchange(net, &message) &&
	       nvsp_receive_part_read(&net->completion, NET_RECEIVE_PAGES * PAGE_4K,
	                              &part);
}

static bool lend_send_buffer(struct net *net)
{
	uint32_t bytes = NET_SEND_PAGES * PAGE_4K, count;
	struct nvsp_message message;

	net->send_buffer = pages_take(NET_SEND_PAGES);
	if (!lend(net, 1, net->send_buffer, NET_SEND_PAGES))
		return false;
	message = nvsp_buffer(NVSP_SEND_BUFFER, net->gpadls[1]->id, NVSP_SEND_BUFFER_ID);
	if (!exchange(net, &message) ||
	    net->completion.type != NVSP_SEND_BUFFER_COMPLETE ||
	    net->completion.body.words[0] != NVSP_STATUS_SUCCESS)
		return false;
	net->send_section_bytes = net->completion.body.words[1];
	if (net->send_section_bytes < RNDIS_FRAME_HEAD_BYTES + NET_FRAME_BYTES_MAX ||
	    net->send_section_bytes > bytes)
		return false;
	count = bytes / net->send_section_bytes;
	net->free_count = count < NET_SECTIONS_MAX ? count : NET_SECTIONS_MAX;
	for (uint32_t i = 0; i < net->free_count; i++)
		net->free_sections[i] = (uint16_t)i;
	return true;
}

/* A request lies in the last section of the send buffer; its answer is left in `answer`. */
static bool ask(struct net *net, const void *request, uint32_t bytes,
                struct rndis_answer *answer)
{
	uint16_t section = net->free_sections[net->free_count - 1];
	struct nvsp_message message;

	net->free_count--;
	net->answered = false;
	memcpy(net->send_buffer + section * net->send_section_bytes, request, bytes);
	message = nvsp_rndis_packet(NVSP_CHANNEL_CONTROL, section, bytes);
	return put_section(net, section, &message) && wait_for(net, &net->answered, 0) &&
	       net_settle(net) &&
	       rndis_answer_read(answer, net->answer, net->answer_bytes) &&
	       answer->status == RNDIS_STATUS_SUCCESS;
}

static bool bring_up(struct net *net)
{
	const uint32_t filter = NDIS_FILTER_DIRECTED | NDIS_FILTER_BROADCAST;
	_Alignas(8) uint8_t request[REQUEST_BYTES_MAX];
	struct rndis_answer answer;

	if (!ask(net, request, rndis_initialize(request, 1, TRANSFER_BYTES), &answer) ||
	    !ask(net, request,
	         rndis_request(request, RNDIS_QUERY, 2, OID_802_3_CURRENT_ADDRESS, NULL,
	                       0),
	         &answer) ||
	    answer.information_bytes != sizeof(net->mac))
		return false;
	memcpy(net->mac, answer.information, sizeof(net->mac));
	return ask(net, request,
	           rndis_request(request, RNDIS_SET, 3, OID_GEN_CURRENT_PACKET_FILTER,
	                         &filter, sizeof(filter)),
	           &answer);
}

bool net_start(struct net *net, net_frame_function frame)
{
	const struct nvsp_message config = nvsp_ndis_config(MTU + 14, 0);
	const struct nvsp_message version = nvsp_ndis_version(6, 30);

	net->frame = frame;
	return agree_on_version(net) && exchange(net, &config) &&
	       exchange(net, &version) && lend_receive_buffer(net) &&
	       lend_send_buffer(net) && bring_up(net);
}

bool net_end(struct net *net)
{
	for (unsigned int i = 0; i < ARRAY_COUNT(net->gpadls); i++)
		if (client_gpadl_teardown(vmbus_client(), net->gpadls[i]) != CLIENT_OK ||
		    !vmbus_wait_gpadl(net->gpadls[i], CLIENT_GPADL_TEARING_DOWN))
			return false;
	return true;
}
