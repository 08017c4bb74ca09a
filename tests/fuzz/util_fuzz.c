/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any packets at any time: what a service sends and reports keeps to its invariants. */
#include <stdlib.h>
#include <viridis/base/cursor.h>

#include "vsp/util/core/util_facts.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static void check(bool true_always)
{
	if (!true_always)
		abort();
}

static void check_service(const struct util_service *service)
{
	check(service->state == UTIL_READY || service->due_ns == UTIL_NEVER);
	check(service->state == UTIL_READY || !service->pending);
	check((service->kind != UTIL_HEARTBEAT && service->kind != UTIL_TIMESYNC) ||
	      !service->pending);
	check((service->kind != UTIL_SHUTDOWN && service->kind != UTIL_KVP) ||
	      service->pending == (service->due_ns != UTIL_NEVER));
	check(service->kind == UTIL_VSS || !service->frozen);
	check(service->kind == UTIL_FCOPY || !service->copying);
	/* U5: what is abandoned is removed sooner or later. */
	check(service->state != UTIL_READY || !service->copying || !service->abandoned ||
	      service->due_ns != UTIL_NEVER);
	check(service->copying || service->pending || !service->abandoned);
	check(!service->pending || service->due_ns != UTIL_NEVER); /* all have a limit */
	check(service->kind != UTIL_VSS || !service->pending || service->frozen);
	check(service->answers <= service->sequence);
	check(service->missed <= service->sequence);
	check(!service->alive || service->answers != 0);
}

static void check_facts(const struct util_facts *facts)
{
	check(facts->names.count <= UTIL_ITEMS_MAX);
	check(facts->items.count <= UTIL_ITEMS_MAX);
	check(facts->index < UTIL_ITEMS_MAX);
}

/* What it is to the rounds of questions. */
static void take(struct util_facts *facts, const struct util_service *service,
                 enum util_event event, const uint8_t *packet, uint32_t bytes)
{
	check(event < UTIL_EVENTS);
	if (service->kind == UTIL_KVP &&
	    (event == UTIL_EVENT_ACCEPTED || event == UTIL_EVENT_DENIED ||
	     event == UTIL_EVENT_SILENT))
		util_facts_answered(facts, event, packet, bytes);
}

/* In memory of exactly its size. */
static void receive(struct util_facts *facts, struct util_service *service,
                    struct cursor *c, uint64_t now_ns)
{
	size_t bytes = cursor_u8(c);
	uint8_t *packet;

	if (bytes > cursor_left(c))
		bytes = cursor_left(c);
	packet = malloc(bytes ? bytes : 1);
	if (!packet)
		abort();
	cursor_copy(c, packet, bytes);
	take(facts, service, util_receive(service, packet, (uint32_t)bytes, now_ns),
	     packet, (uint32_t)bytes);
	free(packet);
}

/* What we sent comes back as an answer, so that the input need not guess it: good or bad as the time has it. */
static void echo(struct util_facts *facts, struct util_service *service, uint8_t *packet,
                 uint32_t bytes, uint64_t now_ns)
{
	static const struct ic_versions *const versions[UTIL_KINDS] = {
		[UTIL_HEARTBEAT] = &ic_heartbeat_versions,
		[UTIL_SHUTDOWN] = &ic_shutdown_versions,
		[UTIL_TIMESYNC] = &ic_timesync_versions,
		[UTIL_KVP] = &ic_kvp_versions,
		[UTIL_VSS] = &ic_vss_versions,
		[UTIL_FCOPY] = &ic_fcopy_versions,
	};
	struct ic_agreement agreed;

	if (bytes == 0)
		return;
	if (service->state == UTIL_NEGOTIATING)
		(void)!ic_answer_negotiate(packet, bytes, versions[service->kind],
		                           &agreed);
	else if (!ic_answer_heartbeat(packet, bytes))
		ic_answer(packet, (uint32_t)(now_ns / (UTIL_SECOND_NS / 4) & 1));
	take(facts, service, util_receive(service, packet, bytes, now_ns), packet, bytes);
}

static uint32_t order_copy(struct util_service *service, uint8_t what, uint64_t now_ns,
                           uint8_t *packet)
{
	const struct fcopy_file file = { .folder = "/", .name = "x", .bytes = what };
	uint64_t left = service->left;
	uint8_t data[UINT8_MAX] = { 0 };
	uint32_t bytes;

	switch (what % 5) {
	case 0:
		return util_copy_begin(service, now_ns, &file, packet);
	case 1:
		bytes = util_copy_piece(service, now_ns, data, what, packet);
		check(bytes == 0 ? service->left == left : service->left + what == left);
		return bytes;
	case 2:
		return util_copy_end(service, now_ns, packet);
	case 3:
		util_copy_abandon(service, now_ns);
		return 0;
	default: /* the last request could not be sent */
		if (service->pending)
			util_cancel(service, now_ns);
		return 0;
	}
}

/* What the host may want of this kind of service; gives the packet's length. */
static uint32_t order(struct util_facts *facts, struct util_service *service,
                      uint8_t what, uint64_t now_ns, uint8_t *packet)
{
	switch (service->kind) {
	case UTIL_SHUTDOWN:
		return util_shutdown(service, now_ns, what & 1, what & 2, packet);
	case UTIL_KVP:
		util_facts_begin(facts);
		return service->pending ? 0 :
		                          util_facts_next(facts, service, now_ns, packet);
	case UTIL_VSS:
		return what & 1 ? util_freeze(service, now_ns, what * UTIL_SECOND_NS,
		                              packet) :
		                  util_thaw(service, now_ns, packet);
	case UTIL_FCOPY:
		return order_copy(service, what, now_ns, packet);
	case UTIL_TIMESYNC:
		util_resynchronize(service);
		return 0;
	case UTIL_HEARTBEAT:
	case UTIL_KINDS:
		break;
	}
	return 0;
}

/* Or it closed over the last request, which broke its rings. */
static void close_channel(struct util_service *service, uint64_t now_ns)
{
	bool was_sending = service->pending;

	util_close(service);
	if (was_sending)
		util_cancel(service, now_ns);
	check_service(service);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct cursor c = cursor_over(input, size);
	struct util_service service;
	struct util_facts facts = { .step = UTIL_STEP_NONE };
	struct util_time time = { .now_ns = 1 };
	uint8_t packet[UTIL_PACKET_BYTES];
	uint32_t bytes;

	check(util_facts_add_adapter(&facts, "52:54:00:00:00:01"));
	util_init(&service, (enum util_kind)(cursor_u8(&c) % UTIL_KINDS));
	bytes = util_open(&service, packet);
	while (cursor_left(&c) != 0) {
		switch (cursor_u8(&c) % 6) {
		case 0:
			time.now_ns += cursor_u8(&c) * (UTIL_SECOND_NS / 4);
			break;
		case 1:
			receive(&facts, &service, &c, time.now_ns);
			break;
		case 2:
			take(&facts, &service, util_tick(&service, &time, packet, &bytes),
			     NULL, 0);
			break;
		case 3:
			bytes = order(&facts, &service, cursor_u8(&c), time.now_ns,
			              packet);
			break;
		case 4:
			echo(&facts, &service, packet, bytes, time.now_ns);
			bytes = 0;
			break;
		case 5: /* the channel is closed and opened again */
			close_channel(&service, time.now_ns);
			util_facts_answered(&facts, UTIL_EVENT_SILENT, NULL, 0);
			bytes = util_open(&service, packet);
			break;
		}
		check(bytes <= sizeof(packet));
		check_service(&service);
		check_facts(&facts);
	}
	return 0;
}
