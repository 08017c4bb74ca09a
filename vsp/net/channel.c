/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The adapter's channels: packets out of one ring, completions, answers and frames into the other.
 *
 * C1 A packet leaves the ring only when what it asked for is done, and its completion in the
 *    other ring or the one owed; so a full ring holds the guest up and nobody else.
 * C2 When packets are left in the ring (`stalled`), something is under way that brings us back:
 *    the guest's signal that there is room, the worker's LEND or OFFERED, the backend that takes
 *    more (`waiting`), or a signal to ourselves.
 * C3 Whenever a packet is taken, put or owed the record says so (L1 and L2 of net_record.h), as this process may be killed
 *    between any two stores, and the guest waits for the end of all that it sent.
 */
#include <string.h>
#include <unistd.h>

#include "vsp/net/net.h"

/* Packets of one turn; then the worker and the backend are heard, too. */
#define PACKETS_PER_TURN 256u

/* The device begins anew. */
static void begin(struct net *net)
{
	net_device_reset(&net->state.device);
	net_record_init(net->record);
	net->broken = false;
	net->state.asked = NET_ASKED_NOTHING;
	net->state.table_owed = false;
	net->state.answer_bytes = 0;
	net->held_id = 0;
	net->recalling = 0;
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
	                               channel->index <= net->state.device.sub_channels) ?
	               queue :
	               NULL;
}

/* It is in use from now on. */
static void place(struct net_queue *queue, const struct net_queue *fresh,
                  struct vsp_channel *channel)
{
	*queue = *fresh;
	queue->channel = channel;
	channel->context = queue;
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
	fresh.record = &net->record->queues[channel->index];
	net_record_open(net->record, channel->index, channel->id,
	                ring_index_after_peeked(&fresh.in),
	                channel->index == 0 ? &net->state : NULL);
	place(queue, &fresh, channel);
	return true;
}

void net_save(struct net *net)
{
	net_record_change(net->record, &net->state);
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
		vsp_channel_signal(net->vsp, queue->channel);
	}
}

/* ---- Completions ---- */

/* The one owed goes first: they are owed in the order of their packets. False: no room. */
static bool put_owed(struct net_queue *queue)
{
	const struct net_completion *owed = &queue->record->completion;
	enum ring_status status;

	if (!net_record_owes(queue->record))
		return true;
	net_record_complete(queue->record,
	                    ring_index_after_put(&queue->out, owed->bytes));
	status = ring_put_completion(&queue->out, owed->id, &owed->message, owed->bytes,
	                             &queue->signal);
	net_record_completed(queue->record, status == RING_OK);
	if (status != RING_OK && status != RING_FULL)
		net_break_off(queue->net, "ring of completions");
	return status == RING_OK;
}

/* What is owed once its packet is taken. */
static void prepare(struct net_queue *queue, uint64_t id,
                    const struct nvsp_message *message, uint32_t bytes)
{
	struct net_completion *completion = &queue->record->completion;

	completion->id = id;
	completion->message = *message;
	completion->bytes = bytes;
}

/* ---- Packets ---- */

/*
 * Linux keeps to itself that its user wants to see to receive checksums (`ethtool -K eth0 rx off`), and would drop frames
 * whose checksums are open. What it does tell is that it takes no large frames: who wants both has `lro off` too, and
 * then all checksums are filled in. A guest that is too old for large frames is asked for nothing.
 */
static bool declines_large_frames(const struct net *net)
{
	return net->backend.capabilities.large_frames &&
	       !net->state.device.offloads.rsc &&
	       (net->state.device.capabilities & NVSP_CAPABILITY_RSC);
}

/* The backend is told what the guest takes. */
static void set_offloads(struct net *net)
{
	const struct net_backend_offloads offloads = {
		.checksums = net->state.device.offloads.checksum_rx &&
		             !declines_large_frames(net),
		.large_frames = net->state.device.offloads.rsc,
	};

	net->backend.ops->set_offloads(&net->backend, &offloads);
}

/* Something of the adapter changed: the backend is told, stale frames are left out. */
static void follow_changes(struct net *net, uint32_t changed, bool received_before)
{
	if (changed & NET_CHANGED_OFFLOADS)
		set_offloads(net);
	if (!received_before && net_device_receives(&net->state.device))
		net_discard(net);
}

static enum nvsp_status request(struct net *net, const struct net_memory *memory)
{
	_Alignas(8) uint8_t message[NET_REQUEST_BYTES_MAX];
	bool received_before = net_device_receives(&net->state.device);
	uint32_t changed;
	bool valid;

	if (net->state.answer_bytes != 0) /* N4: it keeps the sections of many answers */
		return NVSP_STATUS_BUSY;
	if (memory->bytes > sizeof(message))
		return NVSP_STATUS_INVALID_RNDIS_PACKET;
	net_memory_copy(memory, 0, message, memory->bytes);
	net->state.answer_bytes = net_device_request(&net->state.device, message,
	                                             memory->bytes, net->state.answer,
	                                             &changed, &valid);
	follow_changes(net, changed, received_before);
	return valid ? NVSP_STATUS_SUCCESS : NVSP_STATUS_INVALID_RNDIS_PACKET;
}

static enum nvsp_status carry_out(struct net *net, const struct ring_received *received,
                                  const struct net_action *action)
{
	static struct net_memory memory; /* scratch of the one thread: transmit.c */

	if (net_leave_drops(net, action))
		return NVSP_STATUS_SUCCESS;
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
	net_sections_init(&net->record->sections, 0);
	net->held_id = 0;
	net_record_unmark(&net->record->frame);
}

/* The packet's answer comes when the worker's does. */
static void ask_worker(struct net_queue *queue, const struct ring_received *received,
                       const struct net_action *action)
{
	struct net *net = queue->net;

	net->state.asked_id = received->transaction_id;
	net->state.asked_answered = received->flags & VMBUS_PACKET_WANTS_COMPLETION;
	if (action->type == NET_MAP) {
		net->state.asked = NET_ASKED_LOAN;
		net->state.asked_buffer = action->buffer;
		vsp_borrow(net->vsp, queue->channel, action->gpadl);
	} else {
		net->state.asked = NET_ASKED_SUB_CHANNELS;
		net->state.asked_channels = action->sub_channels;
		vsp_offer(net->vsp, queue->channel, action->sub_channels);
	}
}

/* Whether the guest wants its completion, which is prepared then. */
static bool owe(struct net_queue *queue, const struct ring_received *received,
                const struct nvsp_message *message, uint32_t bytes)
{
	if (!(received->flags & VMBUS_PACKET_WANTS_COMPLETION))
		return false;
	prepare(queue, received->transaction_id, message, bytes);
	return true;
}

/* True: a completion of it is owed. */
static bool take_message(struct net_queue *queue, const struct ring_received *received,
                         const struct nvsp_message *message)
{
	struct net *net = queue->net;
	struct net_action action;
	uint32_t bytes = sizeof(action.answer);

	net_device_receive(&net->state.device, queue->index == 0, message, &action);
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
		queue->changed = true;
		return false;
	case NET_UNMAP:
		unmap(net, action.buffer);
		bytes = 0;
		break;
	case NET_TRANSMIT:
	case NET_CONTROL:
		action.answer = nvsp_rndis_complete(carry_out(net, received, &action));
		break;
	}
	if (action.type != NET_TRANSMIT && queue->index == 0)
		queue->changed = true;
	return owe(queue, received, &action.answer, bytes);
}

/* True: a completion of it is owed. */
static bool carry_out_packet(struct net_queue *queue,
                             const struct ring_received *received)
{
	struct net *net = queue->net;
	struct nvsp_message message;

	switch (received->type) {
	case VMBUS_PACKET_COMPLETION:
		if (!net_sections_return(&net->record->sections,
		                         received->transaction_id))
			net->counts.rejected++;
		return false;
	case VMBUS_PACKET_INBAND:
	case VMBUS_PACKET_GPA_DIRECT:
		if (nvsp_read(&message, received->payload, received->payload_bytes))
			return take_message(queue, received, &message);
		net->counts.rejected++;
		message = nvsp_rndis_complete(NVSP_STATUS_INVALID_RNDIS_PACKET);
		return owe(queue, received, &message, sizeof(message));
	default: /* nobody waits for an answer to those */
		net->counts.rejected++;
		return false;
	}
}

/* C3: with what it changed of the state. */
static void take_packet(struct net_queue *queue, const struct ring_received *received)
{
	struct net *net = queue->net;
	uint32_t behind = ring_index_after_peeked(&queue->in);
	bool owes;

	net->leave.silent = 0;
	queue->changed = false;
	owes = carry_out_packet(queue, received);
	net_record_take(net->record, queue->index, behind, owes,
	                queue->changed ? &net->state : NULL);
	ring_advance(&queue->in);
	if (owes)
		(void)!put_owed(queue); /* else it stays owed */
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
	const struct net *net = queue->net;

	return net->recalling != 0 ||
	       (queue->index == 0 && net->state.asked != NET_ASKED_NOTHING);
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

	if (!net->state.table_owed || net->broken || !put_owed(first))
		return;
	nvsp_table_build(&table, 1 + net->state.device.sub_channels);
	status =
		ring_put_inband(&first->out, 0, 0, &table, sizeof(table), &first->signal);
	net->state.table_owed = status == RING_FULL;
	net_save(net);
	if (status != RING_OK && status != RING_FULL)
		net_break_off(net, "ring of completions");
}

static void pump_all(struct net *net)
{
	for (unsigned int i = 0; i < NET_QUEUES_MAX; i++)
		net_channel_pump(&net->queues[i]);
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
	pump_all(net);
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
	if (!net->broken) {
		(void)!put_owed(queue); /* no packet may follow that it would wait for */
		drain(queue);
	}
	await_room(net);
	net_stall_follow(net);
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
	bool owes = net->state.asked_answered;

	net->state.asked = NET_ASKED_NOTHING;
	if (owes)
		prepare(first, net->state.asked_id, answer, sizeof(*answer));
	net_record_take(net->record, 0, net_record_read(first->record), owes,
	                &net->state);
	if (owes)
		(void)!put_owed(first); /* else it stays owed */
	net_channel_pump(first);
}

/* What a process before had mapped is again, or is not any more. False: it was none of these. */
static bool recall(struct net *net, const struct vsp_loan *loan)
{
	const struct net_buffer_status *buffers = net->state.device.buffers;
	uint32_t before = net->recalling;

	for (unsigned int i = 0; i < NET_BUFFERS; i++) {
		if (!(before & 1u << i) || buffers[i].gpadl != loan->gpadl)
			continue;
		net->recalling &= ~(1u << i);
		if (loan->pages &&
		    loan->bytes / buffers[i].section_bytes >= buffers[i].section_count) {
			net->buffers[i] = *loan;
			continue;
		}
		net_device_unmapped(&net->state.device, (enum net_buffer)i);
		unmap(net, (enum net_buffer)i);
		net_save(net);
	}
	return net->recalling != before;
}

void net_channel_lent(struct net *net, const struct vsp_loan *loan)
{
	enum net_buffer buffer = net->state.asked_buffer;
	const struct net_buffer_status *status = &net->state.device.buffers[buffer];
	struct nvsp_message answer;

	if (recall(net, loan)) {
		pump_all(net);
		return;
	}
	if (net->state.asked != NET_ASKED_LOAN)
		return;
	answer = net_device_mapped(&net->state.device, buffer,
	                           loan->pages ? loan->bytes : 0);
	if (status->state == NET_BUFFER_MAPPED) {
		net->buffers[buffer] = *loan;
		if (buffer == NET_RECEIVE_BUFFER)
			net_sections_init(&net->record->sections, status->section_count);
	}
	answer_asked(net, &answer);
}

void net_channel_offered(struct net *net, uint32_t count)
{
	struct nvsp_message answer;

	if (net->state.asked != NET_ASKED_SUB_CHANNELS)
		return;
	answer = net_device_offered(&net->state.device, count);
	net->state.table_owed = count != 0;
	answer_asked(net, &answer);
}

void net_channel_reclaim(struct net *net, uint32_t gpadl)
{
	for (int i = 0; i < NET_BUFFERS; i++) {
		if (!net->buffers[i].pages || net->buffers[i].gpadl != gpadl)
			continue;
		net_device_unmapped(&net->state.device, (enum net_buffer)i);
		unmap(net, (enum net_buffer)i);
		net_save(net);
	}
	net_channel_pump(
		&net->queues[0]); /* it may have to stop listening to the backend */
}

/* ---- Taking up what a process that died has left ---- */

/* What the guest lent is lent to us anew when the channel is started. */
static bool resume_device(struct net *net)
{
	const struct net_settings settings = net->state.device.settings;
	const struct net_device *device = &net->state.device;

	if (!net_record_resume(net->record, &settings, &net->state))
		return false;
	for (unsigned int i = 0; i < NET_BUFFERS; i++)
		if (device->buffers[i].state == NET_BUFFER_MAPPED)
			net->recalling |= 1u << i;
	set_offloads(net);
	return true;
}

bool net_channel_resume(struct net *net, struct vsp_channel *channel)
{
	struct net_queue fresh = { .net = net, .index = channel->index };
	struct net_queue *queue;

	if (channel->index >= NET_QUEUES_MAX)
		return false;
	fresh.record = &net->record->queues[channel->index];
	if (fresh.record->channel != channel->id)
		return false;
	if (channel->index == 0 && (net->queues[0].channel || !resume_device(net)))
		return false;
	queue = place_of(net, channel);
	if (!queue ||
	    ring_consumer_resume(&fresh.in, &channel->in,
	                         net_record_read(fresh.record)) != RING_OK ||
	    ring_producer_init(&fresh.out, &channel->out) != RING_OK)
		return false;
	net_record_resume_queue(net->record, channel->index, fresh.out.write,
	                        &net->state);
	fresh.signal = true; /* it may not have heard of what was put last */
	fresh.resumed = true;
	place(queue, &fresh, channel);
	return true;
}

/* The worker is asked for what was asked and not answered, and for what is lent. */
static void ask_again(struct net *net)
{
	const struct vsp_channel *channel = net->queues[0].channel;
	const struct net_device *device = &net->state.device;

	for (unsigned int i = 0; i < NET_BUFFERS; i++)
		if (net->recalling & 1u << i)
			vsp_borrow(net->vsp, channel, device->buffers[i].gpadl);
	if (net->state.asked == NET_ASKED_LOAN)
		vsp_borrow(net->vsp, channel,
		           device->buffers[net->state.asked_buffer].gpadl);
	else if (net->state.asked == NET_ASKED_SUB_CHANNELS)
		vsp_offer(net->vsp, channel, net->state.asked_channels);
}

void net_channel_started(struct net_queue *queue)
{
	if (queue->resumed && queue->index == 0) {
		queue->net->announce = true;
		ask_again(queue->net);
	}
	queue->resumed = false;
	net_channel_pump(queue);
}

/* ---- The end ---- */

/* Sub-channels that are still open have nothing to do until they are closed, too. */
static void end(struct net *net)
{
	for (int i = 0; i < NET_BUFFERS; i++)
		unmap(net, (enum net_buffer)i);
	net_device_reset(&net->state.device);
	set_offloads(net);
	net->state.asked = NET_ASKED_NOTHING;
	net->state.table_owed = false;
	net->recalling = 0;
	net->announce = false;
}

/* Nothing is ever in flight: a frame is copied by the call that moves it. */
void net_channel_close(struct net_queue *queue)
{
	struct net *net = queue->net;
	struct vsp_channel *channel = queue->channel;

	net_receive_forget(queue);
	net_record_close(net->record, queue->index);
	queue->channel = NULL;
	if (queue->index == 0)
		end(net);
	net_receive_resume(net);
	net_signal(net);
	vsp_channel_closed(net->vsp, channel);
}
