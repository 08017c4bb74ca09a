/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the rings, the clock and the services' state machines. */
#include <stdio.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "vsp/util/util.h"

/* CLOCK_MONOTONIC stands still while the root sleeps, and so does the guest. */
static struct util_time time_now(void)
{
	struct timespec monotonic, utc;

	clock_gettime(CLOCK_MONOTONIC, &monotonic);
	clock_gettime(CLOCK_REALTIME, &utc);
	return (struct util_time){
		.now_ns = (uint64_t)monotonic.tv_sec * UTIL_SECOND_NS +
		          (uint64_t)monotonic.tv_nsec,
		.utc_100ns = util_utc_100ns((uint64_t)utc.tv_sec, (uint32_t)utc.tv_nsec),
	};
}

bool util_channel_open(struct util_channel *channel, struct vsp_channel *vsp)
{
	if (ring_consumer_init(&channel->in, &vsp->in) != RING_OK ||
	    ring_producer_init(&channel->out, &vsp->out) != RING_OK)
		return false;
	channel->broken = false;
	channel->vsp = vsp;
	vsp->context = channel;
	return true;
}

/* The answer to a shutdown order, if one waits. */
static void answer_order(struct util *util, struct util_channel *channel, const char *why)
{
	if (channel->shutdown_tag != 0)
		util_answer(util, channel->shutdown_tag, why);
	channel->shutdown_tag = 0;
}

static void break_off(struct util *util, struct util_channel *channel)
{
	channel->broken = true;
	util_close(&channel->service);
	answer_order(util, channel, "the guest broke its rings; use stop");
	vsp_log(util->vsp, VSP_LOG_ERROR,
	        "%s: the guest broke its rings: the service ends until it is reopened",
	        util_kind_name(channel->service.kind));
}

/*
 * A guest that does not read gets nothing more: each of these packets is worth something
 * only when it is fresh, so none waits for room. False: it was not sent.
 */
static bool send(struct util *util, struct util_channel *channel, const uint8_t *packet,
                 uint32_t bytes)
{
	bool signal = false;
	enum ring_status status =
		ring_put_inband(&channel->out, 0, 0, packet, bytes, &signal);

	if (signal)
		vsp_channel_signal(channel->vsp);
	if (status != RING_OK && status != RING_FULL)
		break_off(util, channel);
	return status == RING_OK;
}

/* ---- Events ---- */

static void take_event(struct util *util, struct util_channel *channel,
                       enum util_event event)
{
	char why[64];

	switch (event) {
	case UTIL_EVENT_NONE:
	case UTIL_EVENT_BAD_PACKET: /* a guest that talks nonsense is not worth a line */
	case UTIL_EVENTS:
		break;
	case UTIL_EVENT_READY:
	case UTIL_EVENT_REFUSED:
	case UTIL_EVENT_ALIVE:
	case UTIL_EVENT_LOST:
		util_tell(util, channel->service.kind, event);
		break;
	case UTIL_EVENT_SHUTDOWN_ACCEPTED:
		answer_order(util, channel, NULL);
		break;
	case UTIL_EVENT_SHUTDOWN_REFUSED:
		snprintf(why, sizeof(why), "the guest refused (status 0x%08x)",
		         channel->service.status);
		answer_order(util, channel, why);
		break;
	case UTIL_EVENT_SHUTDOWN_SILENT:
		answer_order(util, channel, "the guest did not answer; use stop");
		break;
	}
}

/* ---- The clock ---- */

static void set_timer(struct util *util)
{
	struct itimerspec next = { .it_value = { 0, 0 } };
	uint64_t due_ns = UTIL_NEVER;

	for (unsigned int i = 0; i < UTIL_KINDS; i++) {
		const struct util_service *service = &util->channels[i].service;

		if (service->due_ns < due_ns)
			due_ns = service->due_ns;
	}
	if (due_ns != UTIL_NEVER) {
		next.it_value.tv_sec = (time_t)(due_ns / UTIL_SECOND_NS);
		next.it_value.tv_nsec = (long)(due_ns % UTIL_SECOND_NS);
		if (due_ns == 0)
			next.it_value.tv_nsec = 1; /* 0 would mean never */
	}
	/* The descriptor is a timer and the time is valid: it cannot fail. */
	(void)timerfd_settime(util->timer_fd, TFD_TIMER_ABSTIME, &next, NULL);
}

static void tick(struct util *util, struct util_channel *channel,
                 const struct util_time *now)
{
	uint8_t packet[UTIL_PACKET_BYTES];
	uint32_t bytes;
	enum util_event event = util_tick(&channel->service, now, packet, &bytes);

	if (bytes != 0)
		(void)send(util, channel, packet, bytes); /* lost ones do no harm */
	take_event(util, channel, event);
}

void util_tick_all(struct util *util)
{
	struct util_time now = time_now();

	for (unsigned int i = 0; i < UTIL_KINDS; i++)
		tick(util, &util->channels[i], &now);
	set_timer(util);
}

/* ---- The guest ---- */

void util_channel_started(struct util *util, struct util_channel *channel)
{
	uint8_t packet[UTIL_PACKET_BYTES];
	uint32_t bytes = util_open(&channel->service, packet);

	(void)send(util, channel, packet, bytes); /* the ring is empty yet */
	util_channel_pump(util, channel);
}

/* A guest answers by INBAND packets only; what else it sends is left out. */
static void take_packet(struct util *util, struct util_channel *channel,
                        const struct ring_received *received)
{
	if (received->type != VMBUS_PACKET_INBAND)
		return;
	take_event(util, channel,
	           util_receive(&channel->service, received->payload,
	                        received->payload_bytes, time_now().now_ns));
}

static void take_packets(struct util *util, struct util_channel *channel,
                         unsigned int *budget)
{
	struct ring_received received;

	for (; *budget != 0; (*budget)--) {
		switch (ring_get(&channel->in, util->buffer, sizeof(util->buffer),
		                 &received)) {
		case RING_OK:
			take_packet(util, channel, &received);
			break;
		case RING_EMPTY:
			return;
		default:
			break_off(util, channel);
			return;
		}
	}
}

void util_channel_pump(struct util *util, struct util_channel *channel)
{
	unsigned int budget = UTIL_PACKETS_PER_TURN;
	uint64_t one = 1;
	bool more = true;

	if (channel->broken)
		return;
	ring_drain_begin(&channel->in);
	while (more && !channel->broken && budget != 0) {
		take_packets(util, channel, &budget);
		if (ring_release(&channel->in))
			vsp_channel_signal(channel->vsp);
		if (budget != 0)
			more = ring_drain_end(&channel->in);
	}
	/* Packets may be left; what brings us back to them is our own event. */
	if (more && !channel->broken)
		(void)!write(channel->vsp->event_in, &one,
		             sizeof(one)); /* full: is set */
	util_tick_all(util);
}

void util_channel_close(struct util *util, struct util_channel *channel)
{
	struct vsp_channel *vsp = channel->vsp;

	util_close(&channel->service);
	answer_order(util, channel, "the guest closed the channel");
	channel->vsp = NULL;
	set_timer(util);
	vsp_channel_closed(util->vsp, vsp);
}

/* ---- Shutdown ---- */

bool util_channel_shutdown(struct util *util, uint32_t tag, bool restart, bool force,
                           const char **why)
{
	struct util_channel *channel = &util->channels[UTIL_SHUTDOWN];
	uint8_t packet[UTIL_PACKET_BYTES];
	uint32_t bytes = util_shutdown(&channel->service, time_now().now_ns, restart,
	                               force, packet);

	if (bytes == 0) {
		*why = channel->service.pending ? "a shutdown is under way already" :
		                                  "the guest does not listen; use stop";
		return false;
	}
	if (!send(util, channel, packet, bytes)) {
		util_shutdown_cancel(&channel->service);
		*why = "the guest does not take its messages; use stop";
		return false;
	}
	channel->shutdown_tag = tag;
	set_timer(util);
	return true;
}
