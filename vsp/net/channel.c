/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The adapter's channel: packets out of one ring, completions, answers and frames into the other.
 *
 * C1 A packet leaves the ring only when what it asked for is done, and its completion in the
 *    other ring or the one owed; so a full ring holds the guest up and nobody else.
 * C2 When packets are left in the ring (`stalled`), something is under way that brings us back:
 *    the guest's signal that there is room, the worker's LEND, or a signal to ourselves.
 */
#include <string.h>
#include <unistd.h>

#include "vsp/net/net.h"

/* Packets of one turn; then the worker and the backend are heard, too. */
#define PACKETS_PER_TURN 256u

bool net_channel_open(struct net *net, struct vsp_channel *channel)
{
	if (net->channel)
		return false;
	if (ring_consumer_init(&net->in, &channel->in) != RING_OK ||
	    ring_producer_init(&net->out, &channel->out) != RING_OK)
		return false;
	net_device_reset(&net->device);
	net_sections_init(&net->sections, 0);
	net->broken = false;
	net->stalled = false;
	net->mapping = false;
	net->answer_bytes = 0;
	net->completion_owed = false;
	net->held_id = 0;
	net->channel = channel;
	channel->context = net;
	return true;
}

void net_break_off(struct net *net, const char *what)
{
	net->broken = true;
	net_log(net, VSP_LOG_ERROR,
	        "the guest broke its %s: the adapter is dead until it is reopened", what);
}

/* ---- Completions ---- */

/* The one owed goes first: they are owed in the order of their packets. False: no room. */
static bool put_owed(struct net *net, bool *signal)
{
	enum ring_status status;

	if (!net->completion_owed)
		return true;
	status = ring_put_completion(&net->out, net->completion_id, &net->completion,
	                             net->completion_bytes, signal);
	if (status == RING_OK)
		net->completion_owed = false;
	else if (status != RING_FULL)
		net_break_off(net, "ring of completions");
	return status == RING_OK;
}

static void complete(struct net *net, uint64_t id, const struct nvsp_message *message,
                     uint32_t bytes, bool *signal)
{
	net->completion_owed = true;
	net->completion_id = id;
	net->completion = *message;
	net->completion_bytes = bytes;
	(void)!put_owed(net, signal); /* then it is owed */
}

/* ---- Packets ---- */

/* The backend is told what the guest takes. */
static void set_offloads(struct net *net)
{
	const struct net_backend_offloads offloads = {
		.checksums = net->device.offloads.checksum_rx,
		.large_frames = net->device.offloads.rsc,
	};

	net->backend.ops->set_offloads(&net->backend, &offloads);
}

/* Something of the adapter changed: the backend is told, stale frames are left out. */
static void follow_changes(struct net *net, uint32_t changed, bool received_before)
{
	if (changed & NET_CHANGED_OFFLOADS)
		set_offloads(net);
	if (!received_before && net_device_receives(&net->device))
		net_discard(net);
}

static enum nvsp_status request(struct net *net, const struct net_memory *memory)
{
	_Alignas(8) uint8_t message[NET_REQUEST_BYTES_MAX];
	bool received_before = net_device_receives(&net->device);
	uint32_t changed;
	bool valid;

	if (net->answer_bytes != 0) /* N4: it keeps the sections of many answers */
		return NVSP_STATUS_BUSY;
	if (memory->bytes > sizeof(message))
		return NVSP_STATUS_INVALID_RNDIS_PACKET;
	net_memory_copy(memory, 0, message, memory->bytes);
	net->answer_bytes = net_device_request(&net->device, message, memory->bytes,
	                                       net->answer, &changed, &valid);
	follow_changes(net, changed, received_before);
	return valid ? NVSP_STATUS_SUCCESS : NVSP_STATUS_INVALID_RNDIS_PACKET;
}

static enum nvsp_status carry_out(struct net *net, const struct ring_received *received,
                                  const struct net_action *action)
{
	struct net_memory memory;

	if (!net_memory_map(net, received, &action->packet, &memory)) {
		net->counts.rejected++;
		return NVSP_STATUS_INVALID_RNDIS_PACKET;
	}
	return action->type == NET_TRANSMIT ? net_transmit(net, &memory) :
	                                      request(net, &memory);
}

static void unmap(struct net *net, enum net_buffer buffer)
{
	net->buffers[buffer].pages = NULL;
	if (buffer != NET_RECEIVE_BUFFER)
		return;
	net_sections_init(&net->sections, 0);
	net->held_id = 0;
}

static void take_message(struct net *net, const struct ring_received *received,
                         const struct nvsp_message *message, bool *signal)
{
	bool answered = received->flags & VMBUS_PACKET_WANTS_COMPLETION;
	struct net_action action;
	uint32_t bytes = sizeof(action.answer);

	net_device_receive(&net->device, true, message, &action);
	switch (action.type) {
	case NET_NOTHING:
		bytes = 0;
		break;
	case NET_ANSWER_EMPTY:
		bytes = 0;
		break;
	case NET_ANSWER:
	case NET_SUB_CHANNELS: /* none are offered, so none are granted */
		break;
	case NET_MAP:
		net->mapping = true;
		net->mapped_buffer = action.buffer;
		net->mapping_id = received->transaction_id;
		net->mapping_answered = answered;
		vsp_borrow(net->vsp, net->channel, action.gpadl);
		return;
	case NET_UNMAP:
		unmap(net, action.buffer);
		bytes = 0;
		break;
	case NET_TRANSMIT:
	case NET_CONTROL:
		action.answer = nvsp_rndis_complete(carry_out(net, received, &action));
		break;
	}
	if (answered)
		complete(net, received->transaction_id, &action.answer, bytes, signal);
}

static void take_packet(struct net *net, const struct ring_received *received,
                        bool *signal)
{
	struct nvsp_message message;

	switch (received->type) {
	case VMBUS_PACKET_COMPLETION:
		if (!net_sections_return(&net->sections, received->transaction_id))
			net->counts.rejected++;
		break;
	case VMBUS_PACKET_INBAND:
	case VMBUS_PACKET_GPA_DIRECT:
		if (nvsp_read(&message, received->payload, received->payload_bytes)) {
			take_message(net, received, &message, signal);
			break;
		}
		net->counts.rejected++;
		message = nvsp_rndis_complete(NVSP_STATUS_INVALID_RNDIS_PACKET);
		if (received->flags & VMBUS_PACKET_WANTS_COMPLETION)
			complete(net, received->transaction_id, &message, sizeof(message),
			         signal);
		break;
	default: /* nobody waits for an answer to those */
		net->counts.rejected++;
		break;
	}
}

/* Sections that come back are taken always; the rest when what was asked before is over. */
static bool may_take(struct net *net, const struct ring_received *received, bool *signal)
{
	return received->type == VMBUS_PACKET_COMPLETION ||
	       (!net->mapping && put_owed(net, signal));
}

/* Until the ring is empty, or no more can be taken now: then true. */
static bool take_packets(struct net *net, unsigned int *budget, bool *signal)
{
	struct ring_received received;

	for (; *budget != 0; (*budget)--) {
		switch (ring_peek(&net->in, net->packet, sizeof(net->packet),
		                  &received)) {
		case RING_OK:
			if (!may_take(net, &received, signal))
				return true;
			take_packet(net, &received, signal);
			ring_advance(&net->in);
			break;
		case RING_EMPTY:
			return false;
		default: /* a packet of no sane length is as bad as a broken index */
			net_break_off(net, "ring of packets");
			return false;
		}
	}
	return true;
}

/* The read index goes out before signals are unmasked, or the guest sends none: ring.h, R6. */
static void drain(struct net *net, bool *signal)
{
	unsigned int budget = PACKETS_PER_TURN;

	ring_drain_begin(&net->in);
	do {
		net->stalled = take_packets(net, &budget, signal);
		if (ring_release(&net->in))
			*signal = true;
	} while (!net->stalled && !net->broken && ring_drain_end(&net->in));
}

/* Left with packets and nothing under way: our own event is what brings us back (C2). */
static void come_back(struct net *net, bool *signal)
{
	uint64_t one = 1;

	if (net->stalled && !net->mapping && put_owed(net, signal))
		(void)!write(net->channel->event_in, &one,
		             sizeof(one)); /* full: is set */
}

void net_channel_pump(struct net *net)
{
	bool signal = false;

	if (!net->channel)
		return;
	if (!net->broken)
		drain(net, &signal);
	net_put_answer(net, &signal);
	net_receive_resume(net, &signal);
	if (!net->broken)
		come_back(net, &signal);
	if (!signal)
		return;
	net->counts.signals_out++;
	vsp_channel_signal(net->channel);
}

/* ---- The guest's buffers ---- */

void net_channel_lent(struct net *net, const struct vsp_loan *loan)
{
	enum net_buffer buffer = net->mapped_buffer;
	const struct net_buffer_status *status = &net->device.buffers[buffer];
	bool signal = false;
	struct nvsp_message answer;

	if (!net->mapping)
		return;
	net->mapping = false;
	answer = net_device_mapped(&net->device, buffer, loan->pages ? loan->bytes : 0);
	if (status->state == NET_BUFFER_MAPPED) {
		net->buffers[buffer] = *loan;
		if (buffer == NET_RECEIVE_BUFFER)
			net_sections_init(&net->sections, status->section_count);
	}
	if (net->mapping_answered)
		complete(net, net->mapping_id, &answer, sizeof(answer), &signal);
	if (signal)
		vsp_channel_signal(net->channel);
	net_channel_pump(net);
}

void net_channel_reclaim(struct net *net, uint32_t gpadl)
{
	for (int i = 0; i < NET_BUFFERS; i++) {
		if (!net->buffers[i].pages || net->buffers[i].gpadl != gpadl)
			continue;
		net_device_unmapped(&net->device, (enum net_buffer)i);
		unmap(net, (enum net_buffer)i);
	}
	net_channel_pump(net); /* it may have to stop listening to the backend */
}

/* Nothing is ever in flight: a frame is copied by the call that moves it. */
void net_channel_close(struct net *net)
{
	struct vsp_channel *channel = net->channel;
	bool signal = false; /* nobody listens */

	for (int i = 0; i < NET_BUFFERS; i++)
		unmap(net, (enum net_buffer)i);
	net_device_reset(&net->device);
	set_offloads(net);
	net->channel = NULL;
	net_receive_resume(net, &signal);
	vsp_channel_closed(net->vsp, channel);
}
