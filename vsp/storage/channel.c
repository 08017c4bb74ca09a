/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The controller's channels: packets out of one ring, answers into the other, in batches.
 *
 * C1 A packet leaves the ring only with a request slot of its own, which it keeps until its
 *    answer is in the other ring; so work is bounded, and a full ring of answers holds the
 *    guest up and nobody else.
 * C2 When packets are left in the ring (`stalled`), something is under way that brings us back:
 *    a completion, the guest's signal that there is room for answers, or a signal to ourselves.
 * C3 A reset is answered when everything begun before it is; nothing is begun in between.
 * C4 What is begun stands in the table (core/in_flight.h), and is begun again by the next process.
 */
#include <string.h>
#include <unistd.h>
#include <viridis/base/bits.h>

#include "vsp/storage/storage.h"

/* Packets of one turn; then the worker and the disks are heard, too. */
#define PACKETS_PER_TURN STORAGE_REQUESTS_MAX

static uint32_t number_of(const struct storage_request *request)
{
	return (uint32_t)(request - request->storage->requests);
}

/* ---- Lists ---- */

static void list_init(struct storage_request_list *list)
{
	list->first = NULL;
	list->last = &list->first;
}

static void list_add(struct storage_request_list *list, struct storage_request *request)
{
	request->next = NULL;
	*list->last = request;
	list->last = &request->next;
}

static struct storage_request *list_take(struct storage_request_list *list)
{
	struct storage_request *request = list->first;

	list->first = request->next;
	if (!list->first)
		list->last = &list->first;
	return request;
}

/* ---- Opening ---- */

/* One to be filled in; it is open when `vsp` is there. */
static struct storage_channel *take_channel(struct storage *storage)
{
	struct storage_channel *c = storage->channels;

	while (c->vsp)
		if (++c == &storage->channels[STORAGE_CHANNELS_MAX])
			return NULL;
	memset(c, 0, sizeof(*c));
	c->storage = storage;
	list_init(&c->answered);
	list_init(&c->again);
	return c;
}

static void is_open_now(struct storage_channel *c, struct vsp_channel *channel)
{
	struct storage *storage = c->storage;
	unsigned int number = (unsigned int)(c - storage->channels);

	c->vsp = channel;
	channel->context = c;
	if (storage->channel_limit <= number)
		storage->channel_limit = number + 1;
}

/* What was agreed on the device's first channel holds for all, whichever is taken up first. */
static bool is_first(const struct storage *storage)
{
	return storage->channel_limit == 0;
}

#define HANDSHAKE(server) ((uint32_t)(server)->version << 8 | (uint32_t)(server)->state)

static void server_init(struct storage *storage)
{
	vstor_server_init(&storage->server, STORAGE_CHANNELS_MAX - 1,
	                  STORAGE_TRANSFER_BYTES);
}

bool storage_channel_open(struct storage *storage, struct vsp_channel *channel)
{
	struct storage_channel *c = take_channel(storage);

	if (!c || ring_consumer_init(&c->in, &channel->in) != RING_OK ||
	    ring_producer_init(&c->out, &channel->out) != RING_OK)
		return false;
	storage_requests_forget(storage, channel->id);
	c->record = in_flight_open(storage->table, channel->id,
	                           ring_index_after_peeked(&c->in));
	if (!c->record)
		return false;
	if (channel->index == 0) {
		server_init(storage);
		storage->table->handshake = HANDSHAKE(&storage->server);
		storage->table->luns = storage->luns;
	}
	is_open_now(c, channel);
	return true;
}

/* ---- Taking up what a process that died had begun ---- */

static void take_up_handshake(struct vstor_server *server, uint32_t handshake)
{
	if ((handshake & 0xff) > VSTOR_READY)
		return;
	server->state = (enum vstor_server_state)(handshake & 0xff);
	server->version = (uint16_t)(handshake >> 8);
}

/* The guest has its answer, but what it changed beside that is not noted. */
static void take_up_answered(struct storage_channel *c, uint32_t number)
{
	const struct in_flight_slot *slot;
	struct storvsc_packet packet, answer;
	struct vstor_request vstor;

	if (number >= IN_FLIGHT_SLOTS)
		return;
	slot = &c->storage->table->slots[number];
	if (slot->header_bytes <= sizeof(slot->bytes) &&
	    vstor_packet_read(&packet, slot->bytes + slot->header_bytes,
	                      (uint32_t)sizeof(slot->bytes) - slot->header_bytes) &&
	    packet.operation != STORVSC_EXECUTE_SRB)
		(void)vstor_server_receive(&c->storage->server, &packet, 0, &vstor,
		                           &answer); /* for what it does to the server */
}

static void take_up_requests(struct storage_channel *c)
{
	struct storage *storage = c->storage;
	uint16_t numbers[IN_FLIGHT_SLOTS];
	uint32_t answered;
	unsigned int count = storage_requests_resume(storage, c->record, c->out.write,
	                                             numbers, &answered);

	for (unsigned int i = 0; i < count; i++) {
		storage->requests[numbers[i]].channel = c;
		list_add(&c->again, &storage->requests[numbers[i]]);
	}
	take_up_answered(c, answered);
}

bool storage_channel_resume(struct storage *storage, struct vsp_channel *channel)
{
	struct storage_channel *c = take_channel(storage);

	if (!c)
		return false;
	c->record = channel->id ? in_flight_find(storage->table, channel->id) : NULL;
	if (!c->record ||
	    ring_consumer_resume(&c->in, &channel->in, in_flight_read_index(c->record)) !=
	            RING_OK ||
	    ring_producer_init(&c->out, &channel->out) != RING_OK)
		return false;
	if (is_first(storage)) {
		server_init(storage);
		take_up_handshake(&storage->server, storage->table->handshake);
		/* It does not know of disks that came or went meanwhile, nor how large they are. */
		storage->enumerate = storage->table->luns != storage->luns ||
		                     (storage->table->grown & storage->luns) != 0;
	}
	is_open_now(c, channel);
	take_up_requests(c);
	c->signal = true;
	return true;
}

/* ---- Answers ---- */

static void break_off(struct storage_channel *c, const char *what)
{
	c->broken = true;
	storage_log(c->storage, VSP_LOG_ERROR,
	            "the guest broke its %s: the controller is dead until it is reopened",
	            what);
}

/* F2, F3 of in_flight.h: before anybody can see it, the table says where it will stand. */
static enum ring_status put_answer(struct storage_channel *c,
                                   struct storage_request *request)
{
	enum ring_status status;

	if (!request->wants_completion)
		return RING_OK;
	in_flight_answer(c->record, number_of(request),
	                 ring_index_after_put(&c->out, sizeof(request->answer)));
	status = ring_put_completion(&c->out, request->transaction_id, &request->answer,
	                             sizeof(request->answer), &c->signal);
	if (status != RING_OK)
		in_flight_answer_has_no_room(c->record);
	return status;
}

static void note_answered(struct storage_channel *c, struct storage_request *request)
{
	if (request->handshakes)
		c->storage->table->handshake = request->handshake;
	in_flight_answered(c->storage->table, c->record, number_of(request));
	storage_request_free(request);
}

/* As many answers as the ring has room for; the guest signals when there is more room. */
static void put_answers(struct storage_channel *c)
{
	while (c->answered.first && !c->broken) {
		enum ring_status status = put_answer(c, c->answered.first);

		if (status == RING_FULL)
			return;
		if (status != RING_OK) {
			break_off(c, "ring of answers");
			return;
		}
		note_answered(c, list_take(&c->answered));
	}
}

void storage_request_done(struct storage_request *request)
{
	struct storage *storage = request->storage;

	request->channel->in_flight--;
	storage->in_flight--;
	list_add(&request->channel->answered, request);
	if (storage->reset && storage->in_flight == 0) { /* C3 */
		list_add(&storage->reset->channel->answered, storage->reset);
		storage->reset = NULL;
	}
}

/* Before the driver is set up it looks at its disks anyway. */
static void put_announcement(struct storage_channel *c)
{
	struct storage *storage = c->storage;
	struct storvsc_packet packet;
	enum ring_status status;

	if (!storage->enumerate || c->broken || storage->server.state != VSTOR_READY)
		return;
	vstor_notify(STORVSC_ENUMERATE_BUS, &packet);
	status = ring_put_inband(&c->out, 0, 0, &packet, sizeof(packet), &c->signal);
	if (status == RING_FULL)
		return;
	storage->enumerate = false;
	storage->table->luns = storage->luns;
	if (status != RING_OK)
		break_off(c, "ring of answers");
}

void storage_channel_announce(struct storage *storage)
{
	storage->enumerate = true;
	storage_pump(storage);
}

/* ---- Packets ---- */

/* The pages that came along; a packet without any has an empty list. */
static bool map_pages(struct storage_request *request,
                      const struct ring_received *received)
{
	/* Scratch of the one thread. */
	static uint64_t pfns[STORAGE_PAGES_MAX];
	static struct gpa_range ranges[STORAGE_RANGES_MAX];
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

static enum taken carry_out(struct storage_request *request)
{
	struct vstor_server *server = &request->storage->server;
	struct vstor_request vstor;

	switch (vstor_server_receive(server, &request->packet, request->memory_bytes,
	                             &vstor, &request->answer)) {
	case VSTOR_SUB_CHANNELS: /* as many as there is room for are offered: a guest opens what it sees */
		vsp_offer(request->storage->vsp, request->channel->vsp,
		          vstor.sub_channels);
		return TAKEN_ANSWERED;
	case VSTOR_ANSWER:
		request->handshakes = true;
		request->handshake = HANDSHAKE(server);
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
static enum taken reject(struct storage_request *request)
{
	request->storage->counts.rejected++;
	request->answer = request->packet;
	request->answer.operation = STORVSC_COMPLETE_IO;
	request->answer.flags = 0;
	request->answer.status = NTSTATUS_INVALID_PARAMETER;
	return TAKEN_ANSWERED;
}

static bool is_request(const struct ring_received *received)
{
	return received->type == VMBUS_PACKET_INBAND ||
	       received->type == VMBUS_PACKET_GPA_DIRECT;
}

static enum taken take_request(struct storage_request *request,
                               const struct ring_received *received)
{
	request->transaction_id = received->transaction_id;
	request->wants_completion = received->flags & VMBUS_PACKET_WANTS_COMPLETION;
	memset(&request->packet, 0, sizeof(request->packet));
	if (!is_request(received) ||
	    !vstor_packet_read(&request->packet, received->payload,
	                       received->payload_bytes) ||
	    !map_pages(request, received))
		return reject(request);
	return carry_out(request);
}

/* The request is on its way. */
static void account(struct storage_request *request, enum taken taken)
{
	struct storage_channel *c = request->channel;
	struct storage *storage = c->storage;

	storage->counts.requests++;
	if (taken == TAKEN_BEGUN) {
		c->in_flight++;
		storage->in_flight++;
	} else if (taken == TAKEN_RESET && storage->in_flight != 0) {
		storage->reset = request; /* C3 */
		storage_limits_let_go(storage);
	} else {
		list_add(&c->answered, request);
	}
}

/* What a slot needs to be read again as the ring was read. */
static void describe(struct in_flight_slot *slot, const struct ring_received *received)
{
	slot->type = received->type;
	slot->flags = received->flags;
	slot->header_bytes = received->header_bytes;
	slot->payload_bytes = received->payload_bytes;
	slot->transaction_id = received->transaction_id;
}

/* The packet that was looked at becomes a request; false: it stays in the ring (C1). */
static bool take_packet(struct storage_request *request,
                        const struct ring_received *received)
{
	struct storage_channel *c = request->channel;
	uint32_t behind = ring_index_after_peeked(&c->in);
	enum taken taken;

	if (!is_request(received)) { /* nobody waits for an answer to those */
		c->storage->counts.rejected++;
		in_flight_skip(c->record, behind);
		storage_request_free(request);
		ring_advance(&c->in);
		return true;
	}
	taken = take_request(request, received);
	if (taken == TAKEN_NONE) {
		storage_request_free(request);
		return false;
	}
	describe(request->slot, received);
	in_flight_take(c->record, request->slot, behind); /* C4, before it is submitted */
	account(request, taken);
	ring_advance(&c->in);
	return true;
}

/* Until the ring is empty, or no more can be taken now: then true. */
static bool take_packets(struct storage_channel *c, unsigned int *budget)
{
	struct storage *storage = c->storage;
	struct ring_received received;

	for (;;) {
		struct storage_request *request;

		if (storage->reset || *budget == 0) /* C3 */
			return true;
		request = storage_request_take(storage);
		if (!request)
			return true;
		request->channel = c;
		switch (ring_peek(&c->in, request->slot->bytes,
		                  sizeof(request->slot->bytes), &received)) {
		case RING_OK:
			if (!take_packet(request, &received))
				return true;
			(*budget)--;
			break;
		case RING_EMPTY:
			storage_request_free(request);
			return false;
		default: /* a packet of no sane length is as bad as a broken index */
			storage_request_free(request);
			break_off(c, "ring of requests");
			return false;
		}
	}
}

/* What another process had begun, in the order in which it had; false: not all of it, for now. */
static bool begin_again(struct storage_channel *c)
{
	while (c->again.first && !c->storage->reset) {
		struct storage_request *request = c->again.first;
		const struct in_flight_slot *slot = request->slot;
		uint32_t room = (uint32_t)sizeof(slot->bytes);
		bool sane = slot->header_bytes <= room &&
		            slot->payload_bytes <= room - slot->header_bytes;
		struct ring_received received = {
			.type = slot->type,
			.flags = slot->flags,
			.transaction_id = slot->transaction_id,
			.header = slot->bytes,
			.header_bytes = sane ? slot->header_bytes : 0,
			.payload = slot->bytes + (sane ? slot->header_bytes : 0),
			.payload_bytes = sane ? slot->payload_bytes : 0,
		};
		enum taken taken;

		request->memory_count = 0;
		request->memory_bytes = 0;
		taken = take_request(request, &received);
		if (taken == TAKEN_NONE)
			return false;
		account(list_take(&c->again), taken);
		c->storage->counts.again++;
	}
	return !c->again.first;
}

/* The read index goes out before signals are unmasked, or the guest sends none: ring.h, R6. */
static void drain(struct storage_channel *c)
{
	unsigned int budget = PACKETS_PER_TURN;

	ring_drain_begin(&c->in);
	do {
		c->stalled = !begin_again(c) || take_packets(c, &budget);
		if (ring_release(&c->in))
			c->signal = true;
	} while (!c->stalled && !c->broken && ring_drain_end(&c->in));
	if (c->stalled)
		c->storage->counts.stalls++;
}

/* Left with packets and nothing under way: our own event is what brings us back (C2). */
static void come_back(const struct storage_channel *c)
{
	const struct storage *storage = c->storage;
	uint64_t one = 1;

	if (c->stalled && !storage->reset && storage->in_flight == 0 &&
	    (storage->free_requests || c->again.first))
		(void)!write(c->vsp->event_in, &one, sizeof(one)); /* full: is set */
}

static void maybe_closed(struct storage_channel *c);

static void begin_turn(struct storage_channel *c)
{
	if (!c->vsp || c->closing)
		return;
	put_answers(c);
	put_announcement(c);
	if (!c->broken)
		drain(c);
}

static void end_turn(struct storage_channel *c)
{
	if (!c->vsp)
		return;
	if (c->closing) {
		maybe_closed(c);
		return;
	}
	put_answers(c);
	if (c->signal) {
		c->signal = false;
		c->storage->counts.signals_out++;
		vsp_channel_signal(c->storage->vsp, c->vsp);
	}
	come_back(c);
}

static void submit_and_reap(struct storage *storage)
{
	uring_submit(&storage->uring);
	uring_reap(&storage->uring);   /* what needed no waiting */
	uring_submit(&storage->uring); /* the rest of what came short */
}

/* What ends meanwhile may be another channel's, which the ring's descriptor would not tell any more. */
void storage_channel_pump(struct storage_channel *channel)
{
	struct storage *storage = channel->storage;

	begin_turn(channel);
	submit_and_reap(storage);
	for (unsigned int i = 0; i < storage->channel_limit; i++)
		end_turn(&storage->channels[i]);
}

void storage_pump(struct storage *storage)
{
	for (unsigned int i = 0; i < storage->channel_limit; i++)
		begin_turn(&storage->channels[i]);
	submit_and_reap(storage);
	for (unsigned int i = 0; i < storage->channel_limit; i++)
		end_turn(&storage->channels[i]);
}

/* ---- Closing ---- */

static void free_all(struct storage_request_list *list)
{
	while (list->first) {
		struct storage_request *request = list_take(list);

		request->slot->busy = 0;
		storage_request_free(request);
	}
}

/* No I/O in flight can touch the guest's pages any more: only now it gets them back. */
static void maybe_closed(struct storage_channel *c)
{
	struct storage *storage = c->storage;
	struct vsp_channel *channel = c->vsp;

	if (c->in_flight != 0)
		return;
	free_all(&c->answered);
	free_all(&c->again);
	if (storage->reset && storage->reset->channel == c) {
		storage->reset->slot->busy = 0;
		storage_request_free(storage->reset);
		storage->reset = NULL;
	}
	in_flight_close(storage->table, c->record);
	c->vsp = NULL;
	while (storage->channel_limit &&
	       !storage->channels[storage->channel_limit - 1].vsp)
		storage->channel_limit--;
	vsp_channel_closed(storage->vsp, channel);
}

void storage_channel_close(struct storage_channel *channel)
{
	channel->closing = true;
	storage_limits_let_go(channel->storage);
	uring_submit(&channel->storage->uring);
	maybe_closed(channel);
}
