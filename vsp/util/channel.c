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

/* The answer to an order to the guest, if one waits. */
static void answer_order(struct util *util, struct util_channel *channel, const char *why)
{
	if (channel->tag != 0)
		util_answer(util, channel->tag, why);
	channel->tag = 0;
}

/* Of those who want to know what the guest tells; whoever asks the worker for it has ten. */
#define UTIL_PATIENCE_NS (5 * UTIL_SECOND_NS)

/* They get what there is. */
static void answer_waiting(struct util *util)
{
	for (uint32_t i = 0; i < util->waiting_count; i++)
		util_answer_guest(util, util->waiting[i]);
	util->waiting_count = 0;
	util->waiting_due_ns = UTIL_NEVER;
}

static void send_held(struct util *util);

/* Nothing comes from this guest any more. */
static void end_service(struct util *util, struct util_channel *channel, const char *why)
{
	util_close(&channel->service);
	answer_order(util, channel, why);
	if (channel->service.kind != UTIL_KVP)
		return;
	util_facts_answered(&util->facts, UTIL_EVENT_SILENT, NULL, 0);
	answer_waiting(util);
	send_held(util);
}

static void break_off(struct util *util, struct util_channel *channel)
{
	channel->broken = true;
	end_service(util, channel, "the guest broke its rings; use stop");
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
		vsp_channel_signal(util->vsp, channel->vsp);
	if (status != RING_OK && status != RING_FULL)
		break_off(util, channel);
	return status == RING_OK;
}

/* ---- The clock ---- */

static void set_timer(struct util *util)
{
	struct itimerspec next = { .it_value = { 0, 0 } };
	uint64_t due_ns = util->waiting_count ? util->waiting_due_ns : UTIL_NEVER;

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

/* For the process that may have to take this one's place. */
static void remember(struct util *util)
{
	util->table->frozen = util->channels[UTIL_VSS].service.frozen;
	util->table->copying = util->channels[UTIL_FCOPY].service.copying;
}

/* ---- What the guest tells of itself ---- */

/* The round's next question; when there is none, it is over. */
static void ask_next(struct util *util)
{
	struct util_channel *channel = &util->channels[UTIL_KVP];
	uint8_t packet[UTIL_PACKET_BYTES];
	uint32_t bytes = util_facts_next(&util->facts, &channel->service,
	                                 time_now().now_ns, packet);

	if (bytes != 0 && send(util, channel, packet, bytes))
		return;
	if (bytes != 0 && !channel->broken) {
		util_cancel(&channel->service, 0);
		util_facts_answered(&util->facts, UTIL_EVENT_SILENT, NULL, 0);
	}
	answer_waiting(util);
	send_held(util);
}

void util_channel_ask(struct util *util, uint32_t tag)
{
	bool idle = util->facts.step == UTIL_STEP_NONE;

	if (util->waiting_count == UTIL_WAITING_MAX) {
		util_answer_guest(util, tag);
		return;
	}
	if (util->waiting_count == 0)
		util->waiting_due_ns = time_now().now_ns + UTIL_PATIENCE_NS;
	util->waiting[util->waiting_count++] = tag;
	if (idle) {
		util_facts_begin(&util->facts);
		ask_next(util);
	}
	set_timer(util);
}

/* ---- Events ---- */

/* What the guest has against it, where that has a name of its own; else NULL. */
static const char *refusal(const struct util_service *service)
{
	if (service->kind != UTIL_FCOPY)
		return NULL;
	if (service->status == IC_STATUS_EXISTS)
		return "the file exists in the guest; --force replaces it";
	if (service->status == IC_STATUS_DISK_FULL)
		return "the guest's disk is full";
	return service->status == IC_STATUS_FAIL &&
	                       service->copy_operation == FCOPY_START ?
	               "the guest refused: there is no such folder, or no hv_fcopy_daemon "
	               "(of hyperv-daemons) that runs" :
	               NULL;
}

/* An order to the guest has its end. */
static void take_answer(struct util *util, struct util_channel *channel,
                        enum util_event event)
{
	char why[64];

	switch (event) {
	case UTIL_EVENT_ACCEPTED:
		answer_order(util, channel, NULL);
		break;
	case UTIL_EVENT_DENIED:
		snprintf(why, sizeof(why), "the guest refused (status 0x%08x)",
		         channel->service.status);
		answer_order(util, channel,
		             refusal(&channel->service) ? refusal(&channel->service) :
		                                          why);
		break;
	default:
		answer_order(util, channel,
		             channel->service.kind == UTIL_SHUTDOWN ?
		                     "the guest did not answer; use stop" :
		                     "the guest did not answer");
		break;
	}
}

static void take_event(struct util *util, struct util_channel *channel,
                       enum util_event event)
{
	remember(util); /* before anybody can hear of it */
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
	case UTIL_EVENT_ACCEPTED:
	case UTIL_EVENT_DENIED:
	case UTIL_EVENT_SILENT:
		take_answer(util, channel, event);
		break;
	case UTIL_EVENT_EXPIRED:
		vsp_log(util->vsp, VSP_LOG_ERROR,
		        "vss: frozen for as long as it was to be, or by a provider that "
		        "died: it is thawed");
		util_tell(util, channel->service.kind, event);
		break;
	}
}

/* With what came with it, if that ends a question about the guest. */
static void take_event_of(struct util *util, struct util_channel *channel,
                          enum util_event event, const void *payload, uint32_t bytes)
{
	take_event(util, channel, event);
	if (channel->service.kind != UTIL_KVP ||
	    (event != UTIL_EVENT_ACCEPTED && event != UTIL_EVENT_DENIED &&
	     event != UTIL_EVENT_SILENT))
		return;
	util_facts_answered(&util->facts, event, payload, bytes);
	ask_next(util);
}

/* ---- What is due ---- */

static void tick(struct util *util, struct util_channel *channel,
                 const struct util_time *now)
{
	uint8_t packet[UTIL_PACKET_BYTES];
	uint32_t bytes;
	enum util_event event = util_tick(&channel->service, now, packet, &bytes);

	/* A lost one does no harm, unless it is an order to thaw or to remove a file. */
	if (bytes != 0 && !send(util, channel, packet, bytes) &&
	    (channel->service.kind == UTIL_VSS || channel->service.kind == UTIL_FCOPY) &&
	    !channel->broken)
		util_cancel(&channel->service, now->now_ns);
	take_event_of(util, channel, event, NULL, 0);
}

void util_tick_all(struct util *util)
{
	struct util_time now = time_now();

	for (unsigned int i = 0; i < UTIL_KINDS; i++)
		tick(util, &util->channels[i], &now);
	/* The round goes on: what comes later is there for the next who asks. */
	if (util->waiting_count && now.now_ns >= util->waiting_due_ns)
		answer_waiting(util);
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
	take_event_of(util, channel,
	              util_receive(&channel->service, received->payload,
	                           received->payload_bytes, time_now().now_ns),
	              received->payload, received->payload_bytes);
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
			vsp_channel_signal(util->vsp, channel->vsp);
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

	end_service(util, channel, "the guest closed the channel");
	channel->vsp = NULL;
	set_timer(util);
	vsp_channel_closed(util->vsp, vsp);
}

/* ---- Orders to the guest ---- */

/* The packet of an order, which waits for the guest's answer from now on. */
static bool give_order(struct util *util, struct util_channel *channel, uint32_t tag,
                       const uint8_t *packet, uint32_t bytes, const char **why)
{
	remember(util); /* before the guest can hear of it */
	if (!send(util, channel, packet, bytes)) {
		util_cancel(&channel->service, time_now().now_ns);
		remember(util);
		set_timer(util); /* an order to thaw is tried again */
		*why = "the guest does not take its messages";
		return false;
	}
	channel->tag = tag;
	set_timer(util);
	return true;
}

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
	return give_order(util, channel, tag, packet, bytes, why);
}

static const char *why_not(const struct util_service *service)
{
	if (service->state != UTIL_READY)
		return "the guest does not listen (it needs the driver hv_utils and "
		       "hv_vss_daemon, of hyperv-daemons)";
	if (service->pending)
		return "the guest has not answered the last such order";
	if (service->frozen)
		return "it is frozen already";
	return service->expired ?
	               "its time was over and it went on before this: what was "
	               "copied since is not of one moment" :
	               "it is not frozen";
}

bool util_channel_freeze(struct util *util, uint32_t tag, uint64_t seconds,
                         const char **why)
{
	struct util_channel *channel = &util->channels[UTIL_VSS];
	uint8_t packet[UTIL_PACKET_BYTES];
	uint32_t bytes = util_freeze(&channel->service, time_now().now_ns,
	                             seconds * UTIL_SECOND_NS, packet);

	*why = why_not(&channel->service);
	return bytes != 0 && give_order(util, channel, tag, packet, bytes, why);
}

bool util_channel_thaw(struct util *util, uint32_t tag, const char **why)
{
	struct util_channel *channel = &util->channels[UTIL_VSS];
	uint8_t packet[UTIL_PACKET_BYTES];
	uint32_t bytes = util_thaw(&channel->service, time_now().now_ns, packet);

	*why = why_not(&channel->service);
	return bytes != 0 && give_order(util, channel, tag, packet, bytes, why);
}

static bool send_item(struct util *util, uint32_t tag, const char *key, const char *value,
                      const char **why)
{
	struct util_channel *channel = &util->channels[UTIL_KVP];
	uint8_t packet[UTIL_PACKET_BYTES];
	uint32_t bytes =
		util_set_item(&channel->service, time_now().now_ns, key, value, packet);

	*why = channel->service.state != UTIL_READY ?
	               "the guest does not listen (it needs the driver hv_utils and "
	               "hv_kvp_daemon, of hyperv-daemons)" :
	               "the guest has not answered the last such order";
	return bytes != 0 && give_order(util, channel, tag, packet, bytes, why);
}

bool util_channel_set_item(struct util *util, uint32_t tag, const char *key,
                           const char *value, const char **why)
{
	struct util_held_item *held = &util->held;

	*why = "its key or value is too long, or there is no key";
	if (!kvp_fits(key, value))
		return false;
	if (util->facts.step == UTIL_STEP_NONE)
		return send_item(util, tag, key, value, why);
	*why = "another such order waits";
	if (held->tag != 0)
		return false;
	held->tag = tag;
	held->remove = !value;
	strcpy(held->key, key); /* they fit */
	strcpy(held->value, value ? value : "");
	return true;
}

/* The round that it waited for is over. */
static void send_held(struct util *util)
{
	struct util_held_item *held = &util->held;
	uint32_t tag = held->tag;
	const char *why;

	held->tag = 0;
	if (tag != 0 &&
	    !send_item(util, tag, held->key, held->remove ? NULL : held->value, &why))
		util_answer(util, tag, why);
}

/* ---- A file into the guest ---- */

static const char *why_no_copy(const struct util_service *service)
{
	if (service->state != UTIL_READY)
		return "the guest does not listen (it needs a Linux before 6.10 with the "
		       "driver hv_utils, and hv_fcopy_daemon, of hyperv-daemons)";
	return service->pending || service->abandoned ?
	               "the guest has not answered the last such order" :
	               NULL;
}

/* `otherwise`: why it cannot be, when the guest could. */
static bool give_copy(struct util *util, uint32_t tag, const uint8_t *packet,
                      uint32_t bytes, const char *not_now, const char *otherwise,
                      const char **why)
{
	struct util_channel *channel = &util->channels[UTIL_FCOPY];

	*why = not_now ? not_now : otherwise;
	return bytes != 0 && give_order(util, channel, tag, packet, bytes, why);
}

bool util_channel_copy(struct util *util, uint32_t tag, const struct fcopy_file *file,
                       const char **why)
{
	struct util_service *service = &util->channels[UTIL_FCOPY].service;
	uint8_t packet[UTIL_PACKET_BYTES];
	const char *not_now = why_no_copy(service);
	uint32_t bytes = util_copy_begin(service, time_now().now_ns, file, packet);

	return give_copy(util, tag, packet, bytes, not_now, "another copy is under way",
	                 why);
}

static const char *why_no_more(const struct util_service *service)
{
	const char *not_now = why_no_copy(service);

	return !not_now && !service->copying ?
	               "no copy is under way: its process died, or the guest began anew" :
	               not_now;
}

bool util_channel_copy_data(struct util *util, uint32_t tag, const void *data,
                            uint32_t data_bytes, const char **why)
{
	struct util_service *service = &util->channels[UTIL_FCOPY].service;
	uint8_t packet[UTIL_PACKET_BYTES];
	const char *not_now = why_no_more(service);
	uint32_t bytes =
		util_copy_piece(service, time_now().now_ns, data, data_bytes, packet);

	return give_copy(util, tag, packet, bytes, not_now,
	                 "there is more of it than was said", why);
}

bool util_channel_copy_end(struct util *util, uint32_t tag, const char **why)
{
	struct util_service *service = &util->channels[UTIL_FCOPY].service;
	uint8_t packet[UTIL_PACKET_BYTES];
	const char *not_now = why_no_more(service);
	uint32_t bytes = util_copy_end(service, time_now().now_ns, packet);

	return give_copy(util, tag, packet, bytes, not_now,
	                 "there is less of it than was said", why);
}

void util_channel_copy_cancel(struct util *util)
{
	util_copy_abandon(&util->channels[UTIL_FCOPY].service, time_now().now_ns);
	util_tick_all(util);
}
