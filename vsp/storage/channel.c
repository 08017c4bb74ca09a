/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The controller's channel: packets out of one ring, answers into the other, in batches.
 *
 * C1 A packet leaves the ring only with a request slot of its own, which it keeps until its
 *    answer is in the other ring; so work is bounded, and a full ring of answers holds the
 *    guest up and nobody else.
 * C2 When packets are left in the ring (`stalled`), something is under way that brings us back:
 *    a completion, the guest's signal that there is room for answers, or a signal to ourselves.
 * C3 A reset is answered when everything begun before it is; nothing is begun in between.
 */
#include <string.h>
#include <unistd.h>
#include <viridis/base/bits.h>

#include "vsp/storage/storage.h"

/* Packets of one turn; then the worker and the disks are heard, too. */
#define PACKETS_PER_TURN STORAGE_REQUESTS_MAX

bool storage_channel_open(struct storage *storage, struct vsp_channel *channel)
{
	struct storage_channel *c = &storage->channel;

	if (c->vsp)
		return false;
	memset(c, 0, sizeof(*c));
	c->answered.last = &c->answered.first;
	if (ring_consumer_init(&c->in, &channel->in) != RING_OK ||
	    ring_producer_init(&c->out, &channel->out) != RING_OK)
		return false;
	vstor_server_init(&c->server, 0, STORAGE_TRANSFER_BYTES);
	c->vsp = channel;
	channel->context = c;
	return true;
}

/* ---- Answers ---- */

static void answered_add(struct storage_channel *c, struct storage_request *request)
{
	request->next = NULL;
	*c->answered.last = request;
	c->answered.last = &request->next;
}

static struct storage_request *answered_take(struct storage_channel *c)
{
	struct storage_request *request = c->answered.first;

	c->answered.first = request->next;
	if (!c->answered.first)
		c->answered.last = &c->answered.first;
	return request;
}

static void break_off(struct storage *storage, const char *what)
{
	storage->channel.broken = true;
	storage_log(storage, VSP_LOG_ERROR,
	            "the guest broke its %s: the controller is dead until it is reopened",
	            what);
}

/* As many answers as the ring has room for; the guest signals when there is more room. */
static void put_answers(struct storage *storage, bool *signal)
{
	struct storage_channel *c = &storage->channel;

	while (c->answered.first && !c->broken) {
		struct storage_request *request = c->answered.first;
		enum ring_status status = RING_OK;

		if (request->wants_completion)
			status = ring_put_completion(&c->out, request->transaction_id,
			                             &request->answer,
			                             sizeof(request->answer), signal);
		if (status == RING_FULL)
			return;
		if (status != RING_OK) {
			break_off(storage, "ring of answers");
			return;
		}
		storage_request_free(answered_take(c));
	}
}

static void maybe_closed(struct storage *storage);

void storage_request_done(struct storage_request *request)
{
	struct storage_channel *c = &request->storage->channel;

	c->in_flight--;
	answered_add(c, request);
	if (c->reset && c->in_flight == 0) { /* C3 */
		answered_add(c, c->reset);
		c->reset = NULL;
	}
}

/* Before the driver is set up it looks at its disks anyway. */
static void put_announcement(struct storage *storage, bool *signal)
{
	struct storage_channel *c = &storage->channel;
	struct storvsc_packet packet;
	enum ring_status status;

	if (!c->enumerate || c->broken || c->server.state != VSTOR_READY)
		return;
	vstor_notify(STORVSC_ENUMERATE_BUS, &packet);
	status = ring_put_inband(&c->out, 0, 0, &packet, sizeof(packet), signal);
	if (status == RING_FULL)
		return;
	c->enumerate = false;
	if (status != RING_OK)
		break_off(storage, "ring of answers");
}

void storage_channel_announce(struct storage *storage)
{
	if (!storage->channel.vsp)
		return;
	storage->channel.enumerate = true;
	storage_channel_pump(storage);
}

/* ---- Packets ---- */

/* The pages that came along; a packet without any has an empty list. */
static bool map_pages(struct storage_request *request,
                      const struct ring_received *received)
{
	static uint64_t pfns[STORAGE_PAGES_MAX]; /* scratch of the one thread */
	struct gpa_range ranges[STORAGE_RANGES_MAX];
	struct gpa_list list = {
		.ranges = ranges,
		.range_capacity = STORAGE_RANGES_MAX,
		.pfns = pfns,
		.pfn_capacity = STORAGE_PAGES_MAX,
	};

	if (received->type == VMBUS_PACKET_INBAND)
		return true;
	return gpa_direct_parse(&list, received->header, received->header_bytes) ==
	               GPA_DIRECT_OK &&
	       storage_request_map(request, &list);
}

enum taken { TAKEN_ANSWERED, TAKEN_BEGUN, TAKEN_RESET, TAKEN_NONE };

static enum taken carry_out(struct storage_channel *c, struct storage_request *request)
{
	struct vstor_request vstor;

	switch (vstor_server_receive(&c->server, &request->packet, request->memory_bytes,
	                             &vstor, &request->answer)) {
	case VSTOR_ANSWER:
	case VSTOR_SUB_CHANNELS: /* none are offered, so none are granted */
		return TAKEN_ANSWERED;
	case VSTOR_RESET:
		return TAKEN_RESET;
	case VSTOR_EXECUTE:
		break;
	}
	switch (storage_request_begin(request, &vstor)) {
	case STORAGE_ANSWERED:
		return TAKEN_ANSWERED;
	case STORAGE_BEGUN:
		return TAKEN_BEGUN;
	case STORAGE_NO_ROOM:
		break;
	}
	return TAKEN_NONE;
}

/* To a packet that is no vstor packet, or names pages that are not RAM. */
static enum taken reject(struct storage *storage, struct storage_request *request)
{
	storage->counts.rejected++;
	request->answer = request->packet;
	request->answer.operation = STORVSC_COMPLETE_IO;
	request->answer.flags = 0;
	request->answer.status = NTSTATUS_INVALID_PARAMETER;
	return TAKEN_ANSWERED;
}

static enum taken take(struct storage *storage, struct storage_request *request,
                       const struct ring_received *received)
{
	request->transaction_id = received->transaction_id;
	request->wants_completion = received->flags & VMBUS_PACKET_WANTS_COMPLETION;
	memset(&request->packet, 0, sizeof(request->packet));
	if (!vstor_packet_read(&request->packet, received->payload,
	                       received->payload_bytes) ||
	    !map_pages(request, received))
		return reject(storage, request);
	return carry_out(&storage->channel, request);
}

static bool is_request(const struct ring_received *received)
{
	return received->type == VMBUS_PACKET_INBAND ||
	       received->type == VMBUS_PACKET_GPA_DIRECT;
}

/* The packet that was looked at becomes a request; false: it stays in the ring (C1). */
static bool take_packet(struct storage *storage, const struct ring_received *received)
{
	struct storage_channel *c = &storage->channel;
	struct storage_request *request;

	if (!is_request(received)) { /* nobody waits for an answer to those */
		storage->counts.rejected++;
		ring_advance(&c->in);
		return true;
	}
	request = storage_request_take(storage);
	if (!request)
		return false;
	switch (take(storage, request, received)) {
	case TAKEN_NONE:
		storage_request_free(request);
		return false;
	case TAKEN_BEGUN:
		c->in_flight++;
		break;
	case TAKEN_RESET:
		if (c->in_flight != 0) {
			c->reset = request;
			break;
		}
		answered_add(c, request);
		break;
	case TAKEN_ANSWERED:
		answered_add(c, request);
		break;
	}
	storage->counts.requests++;
	ring_advance(&c->in);
	return true;
}

/* Until the ring is empty, or no more can be taken now: then true. */
static bool take_packets(struct storage *storage, unsigned int *budget)
{
	struct storage_channel *c = &storage->channel;
	struct ring_received received;

	for (;;) {
		if (c->reset || *budget == 0) /* C3 */
			return true;
		switch (ring_peek(&c->in, c->packet, sizeof(c->packet), &received)) {
		case RING_OK:
			if (!take_packet(storage, &received))
				return true;
			(*budget)--;
			break;
		case RING_EMPTY:
			return false;
		default: /* a packet of no sane length is as bad as a broken index */
			break_off(storage, "ring of requests");
			return false;
		}
	}
}

/* The read index goes out before signals are unmasked, or the guest sends none: ring.h, R6. */
static void drain(struct storage *storage, bool *signal)
{
	struct storage_channel *c = &storage->channel;
	unsigned int budget = PACKETS_PER_TURN;

	ring_drain_begin(&c->in);
	do {
		c->stalled = take_packets(storage, &budget);
		if (ring_release(&c->in))
			*signal = true;
	} while (!c->stalled && !c->broken && ring_drain_end(&c->in));
	if (c->stalled)
		storage->counts.stalls++;
}

/* Left with packets and nothing under way: our own event is what brings us back (C2). */
static void come_back(const struct storage *storage)
{
	const struct storage_channel *c = &storage->channel;
	uint64_t one = 1;

	if (c->stalled && !c->reset && c->in_flight == 0 && storage->free_requests)
		(void)!write(c->vsp->event_in, &one, sizeof(one)); /* full: is set */
}

void storage_channel_pump(struct storage *storage)
{
	struct storage_channel *c = &storage->channel;
	bool signal = false;

	if (!c->vsp)
		return;
	if (c->closing) {
		maybe_closed(storage);
		return;
	}
	put_answers(storage, &signal);
	put_announcement(storage, &signal);
	if (!c->broken)
		drain(storage, &signal);
	uring_submit(&storage->uring);
	uring_reap(&storage->uring);   /* what needed no waiting */
	uring_submit(&storage->uring); /* the rest of what came short */
	put_answers(storage, &signal);
	if (signal) {
		storage->counts.signals_out++;
		vsp_channel_signal(c->vsp);
	}
	come_back(storage);
}

/* ---- Closing ---- */

/* No I/O in flight can touch the guest's pages any more: only now it gets them back. */
static void maybe_closed(struct storage *storage)
{
	struct storage_channel *c = &storage->channel;
	struct vsp_channel *channel = c->vsp;

	if (c->in_flight != 0)
		return;
	while (c->answered.first)
		storage_request_free(answered_take(c));
	c->vsp = NULL;
	vsp_channel_closed(storage->vsp, channel);
}

void storage_channel_close(struct storage *storage)
{
	storage->channel.closing = true;
	maybe_closed(storage);
}
