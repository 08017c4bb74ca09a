/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Heartbeat, shutdown, time synchronization, facts, freezing, file copy: see util_service.h. */
#include "vsp/util/core/util_service.h"

#include <stddef.h>
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>

#define SECONDS_1601_TO_1970 UINT64_C(11644473600)
#define UNITS_PER_SECOND     UINT64_C(10000000)

/*
 * Not 4.0: a sample of that version names the moment by the guest's own reference time, which
 * this process cannot read. In 3.0 the moment is that of the packet's arrival.
 */
static const struct ic_version framework_versions[] = { { 3, 0 }, { 1, 0 } };
static const struct ic_version timesync_versions[] = { { 3, 0 }, { 1, 0 } };
static const struct ic_versions arrival_timesync_versions = {
	.framework = framework_versions,
	.message = timesync_versions,
	.framework_count = ARRAY_COUNT(framework_versions),
	.message_count = ARRAY_COUNT(timesync_versions),
};

typedef uint32_t (*request_function)(struct util_service *service,
                                     const struct util_time *time, uint8_t *packet);

static uint32_t request_heartbeat(struct util_service *service,
                                  const struct util_time *time, uint8_t *packet);
static uint32_t request_timesync(struct util_service *service,
                                 const struct util_time *time, uint8_t *packet);

static const struct kind {
	const char *name;
	const struct ic_versions *versions;
	enum ic_message_type type;
	request_function periodic; /* NULL: only speaks when told to */
	uint64_t period_ns;
} kinds[UTIL_KINDS] = {
	[UTIL_HEARTBEAT] = { "heartbeat", &ic_heartbeat_versions, IC_HEARTBEAT,
	                     request_heartbeat, UTIL_HEARTBEAT_PERIOD_NS },
	[UTIL_SHUTDOWN] = { .name = "shutdown",
	                    .versions = &ic_shutdown_versions,
	                    .type = IC_SHUTDOWN },
	[UTIL_TIMESYNC] = { "timesync", &arrival_timesync_versions, IC_TIMESYNC,
	                    request_timesync, UTIL_TIMESYNC_PERIOD_NS },
	[UTIL_KVP] = { .name = "kvp", .versions = &ic_kvp_versions, .type = IC_KVP },
	[UTIL_VSS] = { .name = "vss", .versions = &ic_vss_versions, .type = IC_VSS },
	[UTIL_FCOPY] = { .name = "fcopy",
	                 .versions = &ic_fcopy_versions,
	                 .type = IC_FCOPY },
};

void util_init(struct util_service *service, enum util_kind kind)
{
	memset(service, 0, sizeof(*service));
	service->kind = kind;
	service->due_ns = UTIL_NEVER;
}

uint32_t util_open(struct util_service *service, uint8_t packet[UTIL_PACKET_BYTES])
{
	bool frozen = service->frozen;
	bool copying = service->copying;

	util_init(service, service->kind);
	service->frozen = frozen;
	service->expired = frozen;
	service->copying = copying;
	service->abandoned = copying;
	service->state = UTIL_NEGOTIATING;
	return ic_encode_negotiate(packet, kinds[service->kind].versions,
	                           ++service->transaction_id);
}

void util_close(struct util_service *service)
{
	service->state = UTIL_CLOSED;
	service->due_ns = UTIL_NEVER;
	service->pending = false;
	service->abandoned = service->copying;
}

/* ---- Answers ---- */

static enum util_event negotiated(struct util_service *service,
                                  const struct ic_message *message, uint64_t now_ns)
{
	const struct kind *kind = &kinds[service->kind];

	if (!ic_is_answer(message, IC_NEGOTIATE))
		return UTIL_EVENT_BAD_PACKET;
	if (!ic_decode_agreement(message, kind->versions, &service->agreed)) {
		service->state = UTIL_REFUSED;
		return UTIL_EVENT_REFUSED;
	}
	service->state = UTIL_READY;
	service->seen_ns = now_ns;
	if (kind->periodic || service->frozen || service->copying)
		service->due_ns = now_ns; /* at once */
	return UTIL_EVENT_READY;
}

static enum util_event heartbeat_answered(struct util_service *service,
                                          const struct ic_message *message,
                                          uint64_t now_ns)
{
	uint64_t sequence;
	bool was_alive = service->alive;

	/* A guest adds one to a number that was sent; one that invents any is not alive. */
	if (!ic_decode_heartbeat(message, &sequence) || service->missed == 0 ||
	    sequence == 0 || sequence > service->sequence)
		return UTIL_EVENT_BAD_PACKET;
	service->seen_ns = now_ns;
	service->alive = true;
	service->answers++;
	service->missed = 0;
	return was_alive ? UTIL_EVENT_NONE : UTIL_EVENT_ALIVE;
}

static enum util_event request_answered(struct util_service *service,
                                        const struct ic_message *message)
{
	if (!service->pending ||
	    message->header.transaction_id != service->transaction_id)
		return UTIL_EVENT_BAD_PACKET;
	service->pending = false;
	service->due_ns = UTIL_NEVER;
	service->status = message->header.status;
	return service->status == IC_STATUS_OK ? UTIL_EVENT_ACCEPTED : UTIL_EVENT_DENIED;
}

/* U4. A guest that refuses to thaw may be asked again. */
static enum util_event vss_answered(struct util_service *service,
                                    const struct ic_message *message, uint64_t now_ns)
{
	enum util_event event = request_answered(service, message);
	bool freeze = service->operation == IC_VSS_FREEZE;

	if (event == UTIL_EVENT_ACCEPTED && freeze)
		service->due_ns = now_ns + service->hold_ns;
	else if (event == UTIL_EVENT_ACCEPTED || (event == UTIL_EVENT_DENIED && freeze))
		service->frozen = false;
	return event;
}

/* U5 */
static enum util_event fcopy_answered(struct util_service *service,
                                      const struct ic_message *message, uint64_t now_ns)
{
	enum util_event event = request_answered(service, message);
	bool accepted = event == UTIL_EVENT_ACCEPTED;

	if (event == UTIL_EVENT_BAD_PACKET)
		return event;
	if (service->copy_operation == FCOPY_START)
		service->copying = accepted;
	else if (service->copy_operation == FCOPY_CANCEL ||
	         (service->copy_operation == FCOPY_COMPLETE && accepted))
		service->copying = false;
	service->abandoned = service->copying && (service->abandoned || !accepted);
	if (service->abandoned)
		service->due_ns = now_ns;
	return service->copy_operation == FCOPY_CANCEL ? UTIL_EVENT_NONE : event;
}

static enum util_event answered(struct util_service *service,
                                const struct ic_message *message, uint64_t now_ns)
{
	if (!ic_is_answer(message, kinds[service->kind].type))
		return UTIL_EVENT_BAD_PACKET;
	switch (service->kind) {
	case UTIL_HEARTBEAT:
		return heartbeat_answered(service, message, now_ns);
	case UTIL_SHUTDOWN:
	case UTIL_KVP:
		return request_answered(service, message);
	case UTIL_VSS:
		return vss_answered(service, message, now_ns);
	case UTIL_FCOPY:
		return fcopy_answered(service, message, now_ns);
	case UTIL_TIMESYNC: /* what the guest made of it, it keeps to itself */
	case UTIL_KINDS:
		break;
	}
	return UTIL_EVENT_NONE;
}

enum util_event util_receive(struct util_service *service, const void *payload,
                             uint32_t payload_bytes, uint64_t now_ns)
{
	struct ic_message message;

	if (!ic_decode(&message, payload, payload_bytes))
		return UTIL_EVENT_BAD_PACKET;
	switch (service->state) {
	case UTIL_NEGOTIATING:
		return negotiated(service, &message, now_ns);
	case UTIL_READY:
		return answered(service, &message, now_ns);
	case UTIL_CLOSED:
	case UTIL_REFUSED:
		break;
	}
	return UTIL_EVENT_BAD_PACKET;
}

/* ---- Requests ---- */

static uint32_t request_heartbeat(struct util_service *service,
                                  const struct util_time *time, uint8_t *packet)
{
	(void)time;
	service->missed++;
	return ic_encode_heartbeat(packet, &service->agreed, ++service->transaction_id,
	                           service->sequence++);
}

static uint32_t request_timesync(struct util_service *service,
                                 const struct util_time *time, uint8_t *packet)
{
	uint8_t flags = service->synchronized ? IC_TIMESYNC_SAMPLE : IC_TIMESYNC_SYNC;

	service->synchronized = true;
	service->samples++;
	return ic_encode_timesync(packet, &service->agreed, ++service->transaction_id,
	                          flags, time->utc_100ns, 0);
}

static bool heartbeat_lost(const struct util_service *service, uint64_t now_ns)
{
	return service->alive && now_ns - service->seen_ns >= UTIL_HEARTBEAT_LOST_NS;
}

/* U2: 0 when the guest is not ready, or has not answered the last request. */
static bool begin(struct util_service *service, uint64_t now_ns, uint64_t limit_ns)
{
	if (service->state != UTIL_READY || service->pending)
		return false;
	service->pending = true;
	service->due_ns = now_ns + limit_ns;
	service->transaction_id++;
	return true;
}

static uint32_t ask_vss(struct util_service *service, uint64_t now_ns,
                        enum ic_vss_operation operation, uint8_t *packet)
{
	if (!begin(service, now_ns, UTIL_VSS_LIMIT_NS))
		return 0;
	service->operation = (uint8_t)operation;
	service->frozen = true; /* U4 */
	return ic_encode_vss(packet, &service->agreed, service->transaction_id,
	                     operation);
}

static bool begin_fcopy(struct util_service *service, uint64_t now_ns,
                        enum fcopy_operation operation)
{
	if (!begin(service, now_ns, UTIL_FCOPY_LIMIT_NS))
		return false;
	service->copy_operation = (uint8_t)operation;
	return true;
}

static uint32_t end_fcopy(struct util_service *service, uint64_t now_ns,
                          enum fcopy_operation operation, uint8_t *packet)
{
	return begin_fcopy(service, now_ns, operation) ?
	               fcopy_encode_end(packet, &service->agreed, service->transaction_id,
	                                operation) :
	               0;
}

/* A request's time is over, or the file is abandoned. Who was told to remove it and says nothing is not told again. */
static enum util_event fcopy_overdue(struct util_service *service, uint64_t now_ns,
                                     bool was_pending, uint8_t *packet, uint32_t *bytes)
{
	bool cancelled = was_pending && service->copy_operation == FCOPY_CANCEL;

	if (cancelled)
		service->copying = false;
	service->abandoned = service->copying;
	if (service->copying)
		*bytes = end_fcopy(service, now_ns, FCOPY_CANCEL, packet);
	return was_pending && !cancelled ? UTIL_EVENT_SILENT : UTIL_EVENT_NONE;
}

/* A request's time is over, or that of a freeze. */
static enum util_event overdue(struct util_service *service, uint64_t now_ns,
                               uint8_t *packet, uint32_t *bytes)
{
	bool was_pending = service->pending;

	service->pending = false;
	service->due_ns = UTIL_NEVER;
	if (service->kind == UTIL_FCOPY)
		return fcopy_overdue(service, now_ns, was_pending, packet, bytes);
	if (!service->frozen)
		return UTIL_EVENT_SILENT;
	/* A guest that did not answer may be frozen, or be so yet. */
	if (was_pending && service->operation == IC_VSS_THAW) {
		service->due_ns = now_ns + UTIL_RETRY_PERIOD_NS;
		return UTIL_EVENT_SILENT;
	}
	service->expired = true;
	*bytes = ask_vss(service, now_ns, IC_VSS_THAW, packet);
	return was_pending ? UTIL_EVENT_SILENT : UTIL_EVENT_EXPIRED;
}

enum util_event util_tick(struct util_service *service, const struct util_time *time,
                          uint8_t packet[UTIL_PACKET_BYTES], uint32_t *bytes)
{
	const struct kind *kind = &kinds[service->kind];

	*bytes = 0;
	if (service->state != UTIL_READY || time->now_ns < service->due_ns)
		return UTIL_EVENT_NONE;
	if (!kind->periodic)
		return overdue(service, time->now_ns, packet, bytes);
	service->due_ns = time->now_ns + kind->period_ns;
	*bytes = kind->periodic(service, time, packet);
	if (service->kind != UTIL_HEARTBEAT || !heartbeat_lost(service, time->now_ns))
		return UTIL_EVENT_NONE;
	service->alive = false;
	return UTIL_EVENT_LOST;
}

uint32_t util_shutdown(struct util_service *service, uint64_t now_ns, bool restart,
                       bool force, uint8_t packet[UTIL_PACKET_BYTES])
{
	uint32_t flags = (restart ? IC_SHUTDOWN_RESTART : 0) |
	                 (force ? IC_SHUTDOWN_FORCE : 0);

	if (!begin(service, now_ns, UTIL_SHUTDOWN_LIMIT_NS))
		return 0;
	return ic_encode_shutdown(packet, &service->agreed, service->transaction_id,
	                          flags, 0, "asked for on the host");
}

uint32_t util_enumerate(struct util_service *service, uint64_t now_ns, enum kvp_pool pool,
                        uint32_t index, uint8_t packet[UTIL_PACKET_BYTES])
{
	if (!begin(service, now_ns, UTIL_KVP_LIMIT_NS))
		return 0;
	return kvp_encode_enumerate(packet, &service->agreed, service->transaction_id,
	                            pool, index);
}

uint32_t util_addresses(struct util_service *service, uint64_t now_ns, const char *mac,
                        uint8_t packet[UTIL_PACKET_BYTES])
{
	if (!begin(service, now_ns, UTIL_ADDRESSES_LIMIT_NS))
		return 0;
	return kvp_encode_addresses(packet, &service->agreed, service->transaction_id,
	                            mac);
}

uint32_t util_set_item(struct util_service *service, uint64_t now_ns, const char *key,
                       const char *value, uint8_t packet[UTIL_PACKET_BYTES])
{
	if (!begin(service, now_ns, UTIL_KVP_LIMIT_NS))
		return 0;
	return value ? kvp_encode_set(packet, &service->agreed, service->transaction_id,
	                              KVP_POOL_HOST, key, value) :
	               kvp_encode_delete(packet, &service->agreed,
	                                 service->transaction_id, KVP_POOL_HOST, key);
}

uint32_t util_freeze(struct util_service *service, uint64_t now_ns, uint64_t hold_ns,
                     uint8_t packet[UTIL_PACKET_BYTES])
{
	if (service->frozen)
		return 0;
	service->expired = false;
	service->hold_ns = hold_ns;
	return ask_vss(service, now_ns, IC_VSS_FREEZE, packet);
}

uint32_t util_thaw(struct util_service *service, uint64_t now_ns,
                   uint8_t packet[UTIL_PACKET_BYTES])
{
	return service->frozen ? ask_vss(service, now_ns, IC_VSS_THAW, packet) : 0;
}

uint32_t util_copy_begin(struct util_service *service, uint64_t now_ns,
                         const struct fcopy_file *file, uint8_t packet[UTIL_PACKET_BYTES])
{
	if (service->copying || !begin_fcopy(service, now_ns, FCOPY_START))
		return 0;
	service->offset = 0;
	service->left = file->bytes;
	return fcopy_encode_start(packet, &service->agreed, service->transaction_id,
	                          file);
}

uint32_t util_copy_piece(struct util_service *service, uint64_t now_ns, const void *data,
                         uint32_t bytes, uint8_t packet[UTIL_PACKET_BYTES])
{
	uint64_t offset = service->offset;

	if (!service->copying || service->abandoned || bytes == 0 ||
	    bytes > FCOPY_DATA_BYTES || bytes > service->left ||
	    !begin_fcopy(service, now_ns, FCOPY_WRITE))
		return 0;
	service->offset += bytes;
	service->left -= bytes;
	return fcopy_encode_write(packet, &service->agreed, service->transaction_id,
	                          offset, data, bytes);
}

uint32_t util_copy_end(struct util_service *service, uint64_t now_ns,
                       uint8_t packet[UTIL_PACKET_BYTES])
{
	if (!service->copying || service->abandoned || service->left != 0)
		return 0;
	return end_fcopy(service, now_ns, FCOPY_COMPLETE, packet);
}

void util_copy_abandon(struct util_service *service, uint64_t now_ns)
{
	service->abandoned = service->copying || service->pending;
	if (service->copying && !service->pending && service->state == UTIL_READY)
		service->due_ns = now_ns;
}

void util_remember_frozen(struct util_service *service)
{
	service->frozen = true;
}

void util_remember_copying(struct util_service *service)
{
	service->copying = true;
}

void util_cancel(struct util_service *service, uint64_t now_ns)
{
	service->pending = false;
	service->due_ns = UTIL_NEVER;
	service->abandoned = service->copying;
	if (service->operation == IC_VSS_FREEZE)
		service->frozen = false;
	else if (service->state == UTIL_READY && (service->frozen || service->copying))
		service->due_ns = now_ns + UTIL_RETRY_PERIOD_NS;
}

void util_resynchronize(struct util_service *service)
{
	service->synchronized = false;
	if (service->state == UTIL_READY)
		service->due_ns = 0;
}

/* ---- Names ---- */

static bool same(const char *a, const char *b)
{
	while (*a != '\0' && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

bool util_kind_parse(const char *name, enum util_kind *kind)
{
	for (unsigned int i = 0; i < UTIL_KINDS; i++) {
		if (!same(name, kinds[i].name))
			continue;
		*kind = (enum util_kind)i;
		return true;
	}
	return false;
}

const char *util_kind_name(enum util_kind kind)
{
	return kinds[kind].name;
}

const char *util_event_name(enum util_event event)
{
	static const char *const names[UTIL_EVENTS] = {
		[UTIL_EVENT_NONE] = "none",       [UTIL_EVENT_READY] = "ready",
		[UTIL_EVENT_REFUSED] = "refused", [UTIL_EVENT_ALIVE] = "alive",
		[UTIL_EVENT_LOST] = "lost",       [UTIL_EVENT_ACCEPTED] = "accepted",
		[UTIL_EVENT_DENIED] = "denied",   [UTIL_EVENT_SILENT] = "no answer",
		[UTIL_EVENT_EXPIRED] = "expired", [UTIL_EVENT_BAD_PACKET] = "bad packet",
	};

	return names[event];
}

uint64_t util_utc_100ns(uint64_t seconds_since_1970, uint32_t nanoseconds)
{
	return (seconds_since_1970 + SECONDS_1601_TO_1970) * UNITS_PER_SECOND +
	       nanoseconds / 100;
}
