/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host's side of the utility services, as state machines: time and packets in, packets and
 * events out. PURE.
 *
 *   CLOSED --open--> NEGOTIATING --the guest's choice--> READY
 *                         '------- it has none --------> REFUSED
 *
 * U1 The host speaks first; the guest may take a minute to answer, or never does.
 * U2 One request is under way at most, except that heartbeats and time samples, whose answers
 *    tell nothing but that there is one, do not wait for the last one's.
 * U3 Times are nanoseconds of one monotonic clock of the caller's.
 */
#ifndef VIRIDIS_VSP_UTIL_SERVICE_H
#define VIRIDIS_VSP_UTIL_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "vmbus/class/ic.h"

#define UTIL_SECOND_NS           UINT64_C(1000000000)
#define UTIL_HEARTBEAT_PERIOD_NS (2 * UTIL_SECOND_NS)
#define UTIL_HEARTBEAT_LOST_NS   (10 * UTIL_SECOND_NS)
#define UTIL_TIMESYNC_PERIOD_NS  (5 * UTIL_SECOND_NS)
#define UTIL_SHUTDOWN_LIMIT_NS   (30 * UTIL_SECOND_NS)
#define UTIL_NEVER               UINT64_MAX

enum util_kind {
	UTIL_HEARTBEAT,
	UTIL_SHUTDOWN,
	UTIL_TIMESYNC,
	UTIL_KINDS,
};

enum util_state {
	UTIL_CLOSED,
	UTIL_NEGOTIATING,
	UTIL_READY,
	UTIL_REFUSED,
};

enum util_event {
	UTIL_EVENT_NONE,
	UTIL_EVENT_READY,             /* versions are agreed */
	UTIL_EVENT_REFUSED,           /* the guest knows none of our versions */
	UTIL_EVENT_ALIVE,             /* first heartbeat, or first after a loss */
	UTIL_EVENT_LOST,              /* no heartbeat for UTIL_HEARTBEAT_LOST_NS */
	UTIL_EVENT_SHUTDOWN_ACCEPTED, /* the guest will now go down by itself */
	UTIL_EVENT_SHUTDOWN_REFUSED,  /* `status` says why */
	UTIL_EVENT_SHUTDOWN_SILENT,   /* no answer in UTIL_SHUTDOWN_LIMIT_NS */
	UTIL_EVENT_BAD_PACKET,        /* not what a guest sends; nothing changed */
	UTIL_EVENTS,
};

struct util_service {
	enum util_kind kind; /* constant */
	enum util_state state;
	struct ic_agreement agreed; /* READY */
	uint8_t transaction_id;     /* of the last request */
	uint64_t due_ns;            /* when util_tick() wants to be called */

	/* heartbeat */
	uint64_t sequence;
	uint64_t seen_ns; /* the last answer's time, or that of becoming READY */
	bool alive;
	uint64_t answers;
	uint64_t missed; /* requests since the last answer */

	/* shutdown */
	bool pending;
	uint32_t status; /* the last answer's */

	/* timesync */
	bool synchronized;
	uint64_t samples;
};

/* What time it is: `now_ns` as U3 has it, `utc_100ns` since 1601-01-01 as guests want it. */
struct util_time {
	uint64_t now_ns;
	uint64_t utc_100ns;
};

#define UTIL_PACKET_BYTES IC_PACKET_BYTES_MAX

void util_init(struct util_service *service, enum util_kind kind);

/* Open and close of the channel. */
uint32_t util_open(struct util_service *service, uint8_t packet[UTIL_PACKET_BYTES]);
void util_close(struct util_service *service);

/* A packet from the guest, in private memory. */
enum util_event util_receive(struct util_service *service, const void *payload,
                             uint32_t payload_bytes, uint64_t now_ns);

/* At due_ns or later: the packet to send (*bytes is 0 for none), and what has happened. */
enum util_event util_tick(struct util_service *service, const struct util_time *time,
                          uint8_t packet[UTIL_PACKET_BYTES], uint32_t *bytes);

/*
 * Ask the guest to shut down or restart. Returns the packet's length; 0: the guest is not ready
 * for it, or has been asked and has not answered yet.
 */
uint32_t util_shutdown(struct util_service *service, uint64_t now_ns, bool restart,
                       bool force, uint8_t packet[UTIL_PACKET_BYTES]);

/* It could not be sent after all. */
void util_shutdown_cancel(struct util_service *service);

/* The guest's clock jumped (it was paused, say): set it anew at the next tick. */
void util_resynchronize(struct util_service *service);

/* "heartbeat" and so on; false: no such class. */
bool util_kind_parse(const char *name, enum util_kind *kind);
const char *util_kind_name(enum util_kind kind);
const char *util_event_name(enum util_event event);

/* CLOCK_REALTIME to the guests' count. */
uint64_t util_utc_100ns(uint64_t seconds_since_1970, uint32_t nanoseconds);

#endif
