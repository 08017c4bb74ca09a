/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any packets at any time: what a service sends and reports keeps to its invariants. */
#include <stdlib.h>
#include <viridis/base/cursor.h>

#include "vsp/util/core/util_service.h"

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
	check(service->kind == UTIL_SHUTDOWN || !service->pending);
	check(service->kind != UTIL_SHUTDOWN ||
	      service->pending == (service->due_ns != UTIL_NEVER));
	check(service->answers <= service->sequence);
	check(service->missed <= service->sequence);
	check(!service->alive || service->answers != 0);
}

/* In memory of exactly its size. */
static void receive(struct util_service *service, struct cursor *c, uint64_t now_ns)
{
	size_t bytes = cursor_u8(c);
	uint8_t *packet;

	if (bytes > cursor_left(c))
		bytes = cursor_left(c);
	packet = malloc(bytes ? bytes : 1);
	if (!packet)
		abort();
	cursor_copy(c, packet, bytes);
	check(util_receive(service, packet, (uint32_t)bytes, now_ns) < UTIL_EVENTS);
	free(packet);
}

/* What we sent comes back as an answer, so that the input need not guess it. */
static void echo(struct util_service *service, uint8_t *packet, uint32_t bytes,
                 uint64_t now_ns)
{
	struct ic_agreement agreed;

	if (bytes == 0)
		return;
	if (service->state == UTIL_NEGOTIATING)
		(void)!ic_answer_negotiate(packet, bytes, &ic_heartbeat_versions,
		                           &agreed);
	else if (!ic_answer_heartbeat(packet, bytes))
		ic_answer(packet, (uint32_t)(now_ns & 1));
	check(util_receive(service, packet, bytes, now_ns) < UTIL_EVENTS);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct cursor c = cursor_over(input, size);
	struct util_service service;
	struct util_time time = { .now_ns = 1 };
	uint8_t packet[UTIL_PACKET_BYTES];
	uint32_t bytes;

	util_init(&service, (enum util_kind)(cursor_u8(&c) % UTIL_KINDS));
	bytes = util_open(&service, packet);
	while (cursor_left(&c) != 0) {
		switch (cursor_u8(&c) % 6) {
		case 0:
			time.now_ns += cursor_u8(&c) * (UTIL_SECOND_NS / 4);
			break;
		case 1:
			receive(&service, &c, time.now_ns);
			break;
		case 2:
			check(util_tick(&service, &time, packet, &bytes) < UTIL_EVENTS);
			break;
		case 3:
			if (service.kind == UTIL_SHUTDOWN)
				bytes = util_shutdown(&service, time.now_ns, false, false,
				                      packet);
			break;
		case 4:
			echo(&service, packet, bytes, time.now_ns);
			bytes = 0;
			break;
		case 5:
			if (service.kind == UTIL_TIMESYNC)
				util_resynchronize(&service);
			break;
		}
		check(bytes <= sizeof(packet));
		check_service(&service);
	}
	return 0;
}
