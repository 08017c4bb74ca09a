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
 * U4 A guest that was asked to freeze counts as frozen until it has thawed, or said that it did not freeze: over the
 *    end of its channel, and of this process. When its time is over it is asked to thaw, until it answers.
 * U5 A file is under way from when the guest has made it until it answers that it is whole or removed: over the end of
 *    its channel, and of this process. After anything but success it is cancelled. A guest that did not say that it made
 *    the file is not told to remove it: there may have been one before, which old daemons would remove.
 */
#ifndef VIRIDIS_VSP_UTIL_SERVICE_H
#define VIRIDIS_VSP_UTIL_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "vmbus/class/fcopy.h"
#include "vmbus/class/ic.h"
#include "vmbus/class/kvp.h"

#define UTIL_SECOND_NS           UINT64_C(1000000000)
#define UTIL_HEARTBEAT_PERIOD_NS (2 * UTIL_SECOND_NS)
#define UTIL_HEARTBEAT_LOST_NS   (10 * UTIL_SECOND_NS)
#define UTIL_TIMESYNC_PERIOD_NS  (5 * UTIL_SECOND_NS)
#define UTIL_SHUTDOWN_LIMIT_NS   (30 * UTIL_SECOND_NS)
#define UTIL_KVP_LIMIT_NS        (5 * UTIL_SECOND_NS)
#define UTIL_ADDRESSES_LIMIT_NS \
	(35 * UTIL_SECOND_NS) /* its daemon runs programs; its driver gives it 30 */
#define UTIL_VSS_LIMIT_NS   (60 * UTIL_SECOND_NS)
#define UTIL_FCOPY_LIMIT_NS (60 * UTIL_SECOND_NS) /* a driver gives its daemon 30 */
#define UTIL_RETRY_PERIOD_NS \
	(1 * UTIL_SECOND_NS) /* between one that was not answered and the next */
#define UTIL_NEVER UINT64_MAX

enum util_kind {
	UTIL_HEARTBEAT,
	UTIL_SHUTDOWN,
	UTIL_TIMESYNC,
	UTIL_KVP,   /* what the guest tells of itself: util_facts.h */
	UTIL_VSS,   /* its file systems, frozen */
	UTIL_FCOPY, /* a file, written into it */
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
	UTIL_EVENT_READY,    /* versions are agreed */
	UTIL_EVENT_REFUSED,  /* the guest knows none of our versions */
	UTIL_EVENT_ALIVE,    /* first heartbeat, or first after a loss */
	UTIL_EVENT_LOST,     /* no heartbeat for UTIL_HEARTBEAT_LOST_NS */
	UTIL_EVENT_ACCEPTED, /* the guest has done, or will do, as it was asked */
	UTIL_EVENT_DENIED,   /* `status` says why */
	UTIL_EVENT_SILENT,   /* no answer to a request in its time */
	UTIL_EVENT_EXPIRED, /* frozen for as long as it may be: the packet is to thaw it */
	UTIL_EVENT_BAD_PACKET, /* not what a guest sends; nothing changed */
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

	/* shutdown, kvp, vss, fcopy */
	bool pending;
	uint32_t status; /* the last answer's */

	/* vss */
	uint8_t operation; /* that was asked for last */
	bool frozen;       /* U4 */
	bool expired;      /* its time was over before somebody asked to thaw it */
	uint64_t hold_ns;  /* how long it may be frozen */

	/* fcopy */
	uint8_t copy_operation; /* that was asked for last */
	bool copying;           /* U5 */
	bool abandoned; /* it is to be cancelled once the guest has answered, or listens */
	uint64_t offset; /* of the next piece */
	uint64_t left;   /* bytes from there to the file's end */

	/* timesync */
	bool synchronized;
	uint64_t samples;
};

/* What time it is: `now_ns` as U3 has it, `utc_100ns` since 1601-01-01 as guests want it. */
struct util_time {
	uint64_t now_ns;
	uint64_t utc_100ns;
};

#define UTIL_PACKET_BYTES KVP_PACKET_BYTES_MAX
_Static_assert(KVP_PACKET_BYTES_MAX >= IC_PACKET_BYTES_MAX &&
                       KVP_PACKET_BYTES_MAX >= FCOPY_PACKET_BYTES_MAX,
               "no request is longer");

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

/* Likewise: the item of that number, and the addresses of an adapter. */
uint32_t util_enumerate(struct util_service *service, uint64_t now_ns, enum kvp_pool pool,
                        uint32_t index, uint8_t packet[UTIL_PACKET_BYTES]);
uint32_t util_addresses(struct util_service *service, uint64_t now_ns, const char *mac,
                        uint8_t packet[UTIL_PACKET_BYTES]);

/* Likewise: an item that the guest's programs find, or, without a value, do not find any more. kvp_fits() holds. */
uint32_t util_set_item(struct util_service *service, uint64_t now_ns, const char *key,
                       const char *value, uint8_t packet[UTIL_PACKET_BYTES]);

/* Likewise: freeze the file systems, for `hold_ns` at most (0: it is frozen already), and thaw them (0: it is not). */
uint32_t util_freeze(struct util_service *service, uint64_t now_ns, uint64_t hold_ns,
                     uint8_t packet[UTIL_PACKET_BYTES]);
uint32_t util_thaw(struct util_service *service, uint64_t now_ns,
                   uint8_t packet[UTIL_PACKET_BYTES]);

/*
 * Likewise, of a file: begin (0: another is under way, too), give it the next piece (0: there is no such file, or less of
 * it left), and end it (0: there is more to come).
 */
uint32_t util_copy_begin(struct util_service *service, uint64_t now_ns,
                         const struct fcopy_file *file,
                         uint8_t packet[UTIL_PACKET_BYTES]);
uint32_t util_copy_piece(struct util_service *service, uint64_t now_ns, const void *data,
                         uint32_t bytes, uint8_t packet[UTIL_PACKET_BYTES]);
uint32_t util_copy_end(struct util_service *service, uint64_t now_ns,
                       uint8_t packet[UTIL_PACKET_BYTES]);

/* Have the guest remove what there is of it; the next tick says so, once the guest has answered what it was asked. */
void util_copy_abandon(struct util_service *service, uint64_t now_ns);

/* It was frozen, or a file begun, by a process before this one: have that undone as soon as it listens. */
void util_remember_frozen(struct util_service *service);
void util_remember_copying(struct util_service *service);

/* It could not be sent after all, which may have closed the service. */
void util_cancel(struct util_service *service, uint64_t now_ns);

/* The guest's clock jumped (it was paused, say): set it anew at the next tick. */
void util_resynchronize(struct util_service *service);

/* "heartbeat" and so on; false: no such class. */
bool util_kind_parse(const char *name, enum util_kind *kind);
const char *util_kind_name(enum util_kind kind);
const char *util_event_name(enum util_event event);

/* CLOCK_REALTIME to the guests' count. */
uint64_t util_utc_100ns(uint64_t seconds_since_1970, uint32_t nanoseconds);

#endif
