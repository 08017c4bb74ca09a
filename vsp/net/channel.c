/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The adapter's channels: packets out of one ring, completions, answers and frames into the other.
 *
 * C1 A packet leaves the ring only when what it asked for is done, and its completion in the
 *    other ring or the one owed; so a full ring holds the guest up and nobody else.
 * C2 When packets are left in the ring (`stalled`), something is under way that brings us back:
 *    the guest's signal that there is room, the worker's LEND or OFFERED, the backend that takes
 *    more (`waiting`), or a signal to ourselves.
 */
#include <string.h>
#include <unistd.h>

#include "vsp/net/net.h"

/* Packets of one turn; then the worker and the backend are heard, too. */
#define PACKETS_PER_TURN 256u

/* The device begins anew. */
static void begin(struct net *net)
{
	net_device_reset(&net->device);
	net_sections_init(&net->sections, 0);
	net->broken = false;
	net->asked = NET_ASKED_NOTHING;
	net->table_owed = false;
	net->answer_bytes = 0;
	net->held_id = 0;
}

/* The first, or one of those that were granted while it is open. */
static struct net_queue *place_of(struct net *net, const struct vsp_channel *channel)
{
	struct net_queue *queue;

	if (channel->index >= NET_QUEUES_MAX)
		return NULL;
	queue = &net->queues[channel->index];
	if (queue->channel)
		return NULL;
	return channel->index == 0 || (net->queues[0].channel &&
	                               channel->index <= net->device.sub_channels) ?
	               queue :
	               NULL;
}

bool net_channel_open(struct net *net, struct vsp_channel *channel)
{
	struct net_queue *queue = place_of(net, channel);
	struct net_queue fresh = { .net = net, .index = channel->index };

	if (!queue || ring_consumer_init(&fresh.in, &channel->in) != RING_OK ||
	    ring_producer_init(&fresh.out, &channel->out) != RING_OK)
		return false;
	if (channel->index == 0)
		begin(net);
	fresh.channel = channel;
	*queue = fresh;
	channel->context = queue;
	return true;
}

void net_break_off(struct net *net, const char *what)
{
	net->broken = true;
	net_log(net, VSP_LOG_ERROR,
	        "the guest broke its %s: the adapter is dead until it is reopened", what);
}

void net_signal(struct net *net)
{
	for (unsigned int i = 0; i < NET_QUEUES_MAX; i++) {
		struct net_queue *queue = &net->queues[i];

		if (!queue->channel || !queue->signal)
			continue;
		queue->signal = false;
		net->counts.signals_out++;
		vsp_channel_signal(queue->channel);
	}
}

/* ---- Completions ---- */

/* The one owed goes first: they are owed in the order of their packets. False: no room. */
static bool put_owed(struct net_queue *queue)
{
	enum ring_status status;

	if (!queue->completion_owed)
		return true;
	status = ring_put_completion(&queue->out, queue->completion_id,
	                             &queue->completion, queue->completion_bytes,
	                             &queue->signal);
	if (status == RING_OK)
		queue->completion_owed = false;
	else if (status != RING_FULL)
		net_break_off(queue->net, "ring of completions");
	return status == RING_OK;
}

static void complete(struct net_queue *queue, uint64_t id,
                     const struct nvsp_message *message, uint32_t bytes)
{
	queue->completion_owed = true;
	queue->completion_id = id;
	queue->completion = *message;
	queue->completion_bytes = bytes;
	(void)!put_owed(queue); /* then it is owed */
}

/* ---- Packets ---- */

/*
 * Linux keeps to itself that its user wants to see to receive checksums (`ethtool -K eth0 rx off`), and would drop frames
 * whose checksums are open. What it does tell is that it takes no large frames: who wants both has `lro off` too, and
 * then all checksums are filled in. A guest that is too old for large frames is asked for nothing.
 */
static bool declines_large_frames(const struct net *net)
{
	return net->backend.capabilities.large_frames && !net->device.offloads.rsc &&
	       (net->device.capabilities & NVSP_CAPABILITY_RSC);
}

/* The backend is told what the guest takes. */
static void set_offloads(struct net *net)
{
	const struct net_backend_offloads offloads = {
		.checksums = net->device.offloads.checksum_rx &&
		             !declines_large_frames(net),
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

/* The packet's answer comes when the worker's does. */
static void ask_worker(struct net_queue *queue, const struct ring_received *received,
                       const struct net_action *action)
{
	struct net *net = queue->net;

	net->asked_id = received->transaction_id;
	net->asked_answered = received->flags & VMBUS_PACKET_WANTS_COMPLETION;
	if (action->type == NET_MAP) {
		net->asked = NET_ASKED_LOAN;
		net->asked_buffer = action->buffer;
		vsp_borrow(net->vsp, queue->channel, action->gpadl);
	} else {
		net->asked = NET_ASKED_SUB_CHANNELS;
		vsp_offer(net->vsp, queue->channel, action->sub_channels);
	}
}

static void take_message(struct net_queue *queue, const struct ring_received *received,
                         const struct nvsp_message *message)
{
	struct net *net = queue->net;
	struct net_action action;
	uint32_t bytes = sizeof(action.answer);

	net_device_receive(&net->device, queue->index == 0, message, &action);
	switch (action.type) {
	case NET_NOTHING:
		bytes = 0;
		break;
	case NET_ANSWER_EMPTY:
		bytes = 0;
		break;
	case NET_ANSWER:
		break;
	case NET_MAP:
	case NET_SUB_CHANNELS:
		ask_worker(queue, received, &action);
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
	if (received->flags & VMBUS_PACKET_WANTS_COMPLETION)
		complete(queue, received->transaction_id, &action.answer, bytes);
}

static void take_packet(struct net_queue *queue, const struct ring_received *received)
{
	struct net *net = queue->net;
	struct nvsp_message message;

	switch (received->type) {
	case VMBUS_PACKET_COMPLETION:
		if (!net_sections_return(&net->sections, received->transaction_id))
			net->counts.rejected++;
		break;
	case VMBUS_PACKET_INBAND:
	case VMBUS_PACKET_GPA_DIRECT:
		if (nvsp_read(&message, received->payload, received->payload_bytes)) {
			take_message(queue, received, &message);
			break;
		}
		net->counts.rejected++;
		message = nvsp_rndis_complete(NVSP_STATUS_INVALID_RNDIS_PACKET);
		if (received->flags & VMBUS_PACKET_WANTS_COMPLETION)
			complete(queue, received->transaction_id, &message,
			         sizeof(message));
		break;
	default: /* nobody waits for an answer to those */
		net->counts.rejected++;
		break;
	}
}

/*
 * A backend that takes no more holds the guest up, but for when the guest has all sections: they come back by this
 * ring, and until then a backend that waits for us to read would wait for ever. Then frames are lost.
 */
static bool backend_ready(const struct net *net)
{
	return net->backend.unsent_bytes == 0 || !net_receive_has_room(net);
}

static bool waits_for_worker(const struct net_queue *queue)
{
	return queue->index == 0 && queue->net->asked != NET_ASKED_NOTHING;
}

/* Sections that come back are taken always; the rest when what was asked before is over. */
static bool may_take(struct net_queue *queue, const struct ring_received *received)
{
	return received->type == VMBUS_PACKET_COMPLETION ||
	       (!waits_for_worker(queue) && backend_ready(queue->net) && put_owed(queue));
}

/* Until the ring is empty, or no more can be taken now: then true. */
static bool take_packets(struct net_queue *queue, unsigned int *budget)
{
	struct net *net = queue->net;
	struct ring_received received;

	for (; *budget != 0; (*budget)--) {
		switch (ring_peek(&queue->in, net->packet, sizeof(net->packet),
		                  &received)) {
		case RING_OK:
			if (!may_take(queue, &received))
				return true;
			take_packet(queue, &received);
			ring_advance(&queue->in);
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
static void drain(struct net_queue *queue)
{
	unsigned int budget = PACKETS_PER_TURN;

	ring_drain_begin(&queue->in);
	do {
		queue->stalled = take_packets(queue, &budget);
		if (ring_release(&queue->in))
			queue->signal = true;
	} while (!queue->stalled && !queue->net->broken && ring_drain_end(&queue->in));
}

/* Left with packets and nothing under way: our own event is what brings us back (C2). */
static void come_back(struct net_queue *queue)
{
	uint64_t one = 1;

	if (queue->stalled && !waits_for_worker(queue) && !queue->net->waiting &&
	    put_owed(queue))
		(void)!write(queue->channel->event_in, &one,
		             sizeof(one)); /* full: is set */
}

/* By which channels the guest is to send, once it was told that it has several. */
static void put_table(struct net *net)
{
	struct net_queue *first = &net->queues[0];
	struct nvsp_table_message table;
	enum ring_status status;

	if (!net->table_owed || net->broken || !put_owed(first))
		return;
	nvsp_table_build(&table, 1 + net->device.sub_channels);
	status =
		ring_put_inband(&first->out, 0, 0, &table, sizeof(table), &first->signal);
	net->table_owed = status == RING_FULL;
	if (status != RING_OK && status != RING_FULL)
		net_break_off(net, "ring of completions");
}

/* The backend took some of what was left, or is gone. */
static void room_ready(struct vsp *vsp, int fd, void *context)
{
	struct net *net = context;

	if (!net->backend.ops->flush(&net->backend))
		net_lose_backend(net);
	if (net->backend.unsent_bytes != 0)
		return;
	vsp_unwatch(vsp, fd);
	net->waiting = false;
	for (unsigned int i = 0; i < NET_QUEUES_MAX; i++)
		net_channel_pump(&net->queues[i]);
}

static void await_room(struct net *net)
{
	if (net->backend.unsent_bytes == 0 || net->waiting)
		return;
	net->waiting = vsp_watch(net->vsp, net->backend.room_fd, room_ready, net);
}

void net_channel_pump(struct net_queue *queue)
{
	struct net *net = queue->net;

	if (!queue->channel)
		return;
	net->again = false;
	if (!net->broken)
		drain(queue);
	await_room(net);
	put_table(net);
	net_put_answer(net);
	net_receive_resume(net);
	if (!net->broken)
		come_back(queue);
	net_signal(net);
}

/* ---- The worker's answers ---- */

static void answer_asked(struct net *net, const struct nvsp_message *answer)
{
	struct net_queue *first = &net->queues[0];

	net->asked = NET_ASKED_NOTHING;
	if (net->asked_answered)
		complete(first, net->asked_id, answer, sizeof(*answer));
	net_channel_pump(first);
}

void net_channel_lent(struct net *net, const struct vsp_loan *loan)
{
	enum net_buffer buffer = net->asked_buffer;
	const struct net_buffer_status *status = &net->device.buffers[buffer];
	struct nvsp_message answer;

	if (net->asked != NET_ASKED_LOAN)
		return;
	answer = net_device_mapped(&net->device, buffer, loan->pages ? loan->bytes : 0);
	if (status->state == NET_BUFFER_MAPPED) {
		net->buffers[buffer] = *loan;
		if (buffer == NET_RECEIVE_BUFFER)
			net_sections_init(&net->sections, status->section_count);
	}
	answer_asked(net, &answer);
}

void net_channel_offered(struct net *net, uint32_t count)
{
	struct nvsp_message answer;

	if (net->asked != NET_ASKED_SUB_CHANNELS)
		return;
	answer = net_device_offered(&net->device, count);
	net->table_owed = count != 0;
	answer_asked(net, &answer);
}

void net_channel_reclaim(struct net *net, uint32_t gpadl)
{
	for (int i = 0; i < NET_BUFFERS; i++) {
		if (!net->buffers[i].pages || net->buffers[i].gpadl != gpadl)
			continue;
		net_device_unmapped(&net->device, (enum net_buffer)i);
		unmap(net, (enum net_buffer)i);
	}
	net_channel_pump(
		&net->queues[0]); /* it may have to stop listening to the backend */
}

/* ---- The end ---- */

/* Sub-channels that are still open have nothing to do until they are closed, too. */
static void end(struct net *net)
{
	for (int i = 0; i < NET_BUFFERS; i++)
		unmap(net, (enum net_buffer)i);
	net_device_reset(&net->device);
	set_offloads(net);
	net->asked = NET_ASKED_NOTHING;
	net->table_owed = false;
}

/* Nothing is ever in flight: a frame is copied by the call that moves it. */
void net_channel_close(struct net_queue *queue)
{
	struct net *net = queue->net;
	struct vsp_channel *channel = queue->channel;

	net_receive_forget(queue);
	queue->channel = NULL;
	if (queue->index == 0)
		end(net);
	net_receive_resume(net);
	net_signal(net);
	vsp_channel_closed(net->vsp, channel);
}
