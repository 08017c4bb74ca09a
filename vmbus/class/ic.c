/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Utility classes: see ic.h. The layouts are in abi/ic.h. */
#include "vmbus/class/ic.h"
#include <viridis/base/bits.h>
#include <viridis/base/cursor.h>
#include <viridis/base/mem.h>

static const struct ic_version framework_versions[] = { { 3, 0 }, { 1, 0 } };
static const struct ic_version heartbeat_versions[] = { { 3, 0 }, { 1, 0 } };
static const struct ic_version shutdown_versions[] = { { 3, 2 },
	                                               { 3, 1 },
	                                               { 3, 0 },
	                                               { 1, 0 } };
static const struct ic_version timesync_versions[] = { { 4, 0 }, { 3, 0 }, { 1, 0 } };
static const struct ic_version kvp_versions[] = { { 4, 0 }, { 3, 0 }, { 1, 0 } };
static const struct ic_version vss_versions[] = { { 5, 0 } };
static const struct ic_version fcopy_versions[] = { { 1, 1 } };

const struct ic_versions ic_heartbeat_versions = {
	.framework = framework_versions,
	.framework_count = ARRAY_COUNT(framework_versions),
	.message = heartbeat_versions,
	.message_count = ARRAY_COUNT(heartbeat_versions),
};

const struct ic_versions ic_shutdown_versions = {
	.framework = framework_versions,
	.framework_count = ARRAY_COUNT(framework_versions),
	.message = shutdown_versions,
	.message_count = ARRAY_COUNT(shutdown_versions),
};

const struct ic_versions ic_timesync_versions = {
	.framework = framework_versions,
	.framework_count = ARRAY_COUNT(framework_versions),
	.message = timesync_versions,
	.message_count = ARRAY_COUNT(timesync_versions),
};

const struct ic_versions ic_kvp_versions = {
	.framework = framework_versions,
	.framework_count = ARRAY_COUNT(framework_versions),
	.message = kvp_versions,
	.message_count = ARRAY_COUNT(kvp_versions),
};

const struct ic_versions ic_vss_versions = {
	.framework = framework_versions,
	.framework_count = ARRAY_COUNT(framework_versions),
	.message = vss_versions,
	.message_count = ARRAY_COUNT(vss_versions),
};

const struct ic_versions ic_fcopy_versions = {
	.framework = framework_versions,
	.framework_count = ARRAY_COUNT(framework_versions),
	.message = fcopy_versions,
	.message_count = ARRAY_COUNT(fcopy_versions),
};

bool ic_decode(struct ic_message *message, const void *payload, uint32_t payload_bytes)
{
	struct cursor c = cursor_over(payload, payload_bytes);
	struct ic_pipe_header pipe;

	cursor_copy(&c, &pipe, sizeof(pipe));
	cursor_copy(&c, &message->header, sizeof(message->header));
	message->body_bytes = message->header.body_bytes;
	message->body = cursor_take(&c, message->body_bytes);
	/* What follows the body is padding. */
	return !c.overrun && pipe.type == IC_PIPE_DATA &&
	       pipe.bytes >= sizeof(message->header) + message->body_bytes;
}

/* ---- Server ---- */

uint32_t ic_encode_heads(void *packet, enum ic_message_type type,
                         const struct ic_agreement *agreed, uint8_t transaction_id,
                         uint32_t body_bytes)
{
	const struct ic_pipe_header pipe = {
		.type = IC_PIPE_DATA,
		.bytes = (uint32_t)sizeof(struct ic_header) + body_bytes,
	};
	const struct ic_header header = {
		.framework = agreed->framework,
		.type = (uint16_t)type,
		.message = agreed->message,
		.body_bytes = (uint16_t)body_bytes,
		.transaction_id = transaction_id,
		.flags = IC_FLAG_TRANSACTION | IC_FLAG_REQUEST,
	};

	memcpy(packet, &pipe, sizeof(pipe));
	memcpy((uint8_t *)packet + sizeof(pipe), &header, sizeof(header));
	return IC_HEADERS_BYTES + body_bytes;
}

static uint32_t encode(void *packet, enum ic_message_type type,
                       const struct ic_agreement *agreed, uint8_t transaction_id,
                       const void *body, uint32_t body_bytes)
{
	memcpy((uint8_t *)packet + IC_HEADERS_BYTES, body, body_bytes);
	return ic_encode_heads(packet, type, agreed, transaction_id, body_bytes);
}

uint32_t ic_encode_negotiate(void *packet, const struct ic_versions *versions,
                             uint8_t transaction_id)
{
	const struct ic_negotiate negotiate = {
		.framework_count = versions->framework_count,
		.message_count = versions->message_count,
	};
	const struct ic_agreement none = { .framework = { 0, 0 } };
	uint32_t framework_bytes =
		versions->framework_count * (uint32_t)sizeof(struct ic_version);
	uint32_t message_bytes =
		versions->message_count * (uint32_t)sizeof(struct ic_version);
	uint8_t body[sizeof(negotiate) + IC_VERSIONS_MAX * sizeof(struct ic_version)];

	if (versions->framework_count + versions->message_count > IC_VERSIONS_MAX)
		return 0;
	memcpy(body, &negotiate, sizeof(negotiate));
	memcpy(body + sizeof(negotiate), versions->framework, framework_bytes);
	memcpy(body + sizeof(negotiate) + framework_bytes, versions->message,
	       message_bytes);
	return encode(packet, IC_NEGOTIATE, &none, transaction_id, body,
	              (uint32_t)sizeof(negotiate) + framework_bytes + message_bytes);
}

uint32_t ic_encode_heartbeat(void *packet, const struct ic_agreement *agreed,
                             uint8_t transaction_id, uint64_t sequence)
{
	const struct ic_heartbeat body = { .sequence = sequence };

	return encode(packet, IC_HEARTBEAT, agreed, transaction_id, &body, sizeof(body));
}

uint32_t ic_encode_shutdown(void *packet, const struct ic_agreement *agreed,
                            uint8_t transaction_id, uint32_t flags,
                            uint32_t timeout_seconds, const char *text)
{
	struct ic_shutdown body = { .flags = flags, .timeout_seconds = timeout_seconds };

	/* The last byte stays 0. */
	for (uint32_t i = 0; text && text[i] != '\0' && i < IC_SHUTDOWN_TEXT_BYTES - 1;
	     i++)
		body.text[i] = (uint8_t)text[i];
	return encode(packet, IC_SHUTDOWN, agreed, transaction_id, &body, sizeof(body));
}

uint32_t ic_encode_timesync(void *packet, const struct ic_agreement *agreed,
                            uint8_t transaction_id, uint8_t flags,
                            uint64_t parent_time_100ns, uint64_t reference_time_100ns)
{
	const struct ic_timesync body = {
		.parent_time_100ns = parent_time_100ns,
		.reference_time_100ns = reference_time_100ns,
		.flags = flags,
	};
	const struct ic_timesync_old old = {
		.parent_time_100ns = parent_time_100ns,
		.flags = flags,
	};

	if (agreed->message.major < 4)
		return encode(packet, IC_TIMESYNC, agreed, transaction_id, &old,
		              sizeof(old));
	return encode(packet, IC_TIMESYNC, agreed, transaction_id, &body, sizeof(body));
}

uint32_t ic_encode_vss(void *packet, const struct ic_agreement *agreed,
                       uint8_t transaction_id, enum ic_vss_operation operation)
{
	const struct ic_vss body = { .operation = (uint8_t)operation };

	return encode(packet, IC_VSS, agreed, transaction_id, &body, sizeof(body));
}

bool ic_is_answer(const struct ic_message *message, enum ic_message_type type)
{
	return message->header.type == type && (message->header.flags & IC_FLAG_RESPONSE);
}

static bool same_version(struct ic_version a, struct ic_version b)
{
	return a.major == b.major && a.minor == b.minor;
}

static bool on_list(const struct ic_version *list, uint16_t count,
                    struct ic_version version)
{
	for (uint16_t i = 0; i < count; i++) {
		if (same_version(list[i], version))
			return true;
	}
	return false;
}

bool ic_decode_agreement(const struct ic_message *message,
                         const struct ic_versions *versions, struct ic_agreement *agreed)
{
	struct cursor c = cursor_over(message->body, message->body_bytes);
	struct ic_negotiate negotiate;

	cursor_copy(&c, &negotiate, sizeof(negotiate));
	cursor_copy(&c, &agreed->framework, sizeof(agreed->framework));
	cursor_copy(&c, &agreed->message, sizeof(agreed->message));
	return !c.overrun && ic_is_answer(message, IC_NEGOTIATE) &&
	       negotiate.framework_count == 1 && negotiate.message_count == 1 &&
	       on_list(versions->framework, versions->framework_count,
	               agreed->framework) &&
	       on_list(versions->message, versions->message_count, agreed->message);
}

bool ic_decode_heartbeat(const struct ic_message *message, uint64_t *sequence)
{
	struct cursor c = cursor_over(message->body, message->body_bytes);

	*sequence = cursor_le64(&c);
	return !c.overrun && message->header.type == IC_HEARTBEAT;
}

/* ---- Client ---- */

void ic_answer(void *packet, uint32_t status)
{
	uint8_t *at = (uint8_t *)packet + sizeof(struct ic_pipe_header);
	struct ic_header header;

	memcpy(&header, at, sizeof(header));
	header.status = status;
	header.flags = IC_FLAG_TRANSACTION | IC_FLAG_RESPONSE;
	memcpy(at, &header, sizeof(header));
}

/* Step over `count` versions at the cursor and find the newest of ours among them. */
static bool choose(struct cursor *c, uint16_t count, const struct ic_version *ours,
                   uint16_t our_count, struct ic_version *chosen)
{
	uint16_t best = our_count;

	for (uint16_t i = 0; i < count; i++) {
		struct ic_version theirs;

		cursor_copy(c, &theirs, sizeof(theirs));
		for (uint16_t j = 0; j < best; j++) {
			if (same_version(ours[j], theirs))
				best = j;
		}
	}
	if (best == our_count || c->overrun)
		return false;
	*chosen = ours[best];
	return true;
}

/* Write the choice, or none, where the lists were; the body has room for it. */
static void write_choice(void *packet, const struct ic_agreement *agreed, bool found)
{
	const struct ic_negotiate negotiate = { .framework_count = found,
		                                .message_count = found };
	uint8_t *body = (uint8_t *)packet + IC_HEADERS_BYTES;

	memcpy(body, &negotiate, sizeof(negotiate));
	if (found)
		memcpy(body + sizeof(negotiate), agreed, sizeof(*agreed));
	ic_answer(packet, IC_STATUS_OK);
}

bool ic_answer_negotiate(void *packet, uint32_t packet_bytes,
                         const struct ic_versions *versions, struct ic_agreement *agreed)
{
	struct ic_message message;
	struct ic_negotiate negotiate;
	struct cursor c;
	bool found;

	if (!ic_decode(&message, packet, packet_bytes) ||
	    message.header.type != IC_NEGOTIATE ||
	    message.body_bytes < sizeof(negotiate) + sizeof(*agreed))
		return false;
	c = cursor_over(message.body, message.body_bytes);
	cursor_copy(&c, &negotiate, sizeof(negotiate));
	found = negotiate.framework_count <= IC_VERSIONS_MAX &&
	        negotiate.message_count <= IC_VERSIONS_MAX &&
	        choose(&c, negotiate.framework_count, versions->framework,
	               versions->framework_count, &agreed->framework) &&
	        choose(&c, negotiate.message_count, versions->message,
	               versions->message_count, &agreed->message);
	write_choice(packet, agreed, found);
	return found;
}

bool ic_answer_heartbeat(void *packet, uint32_t packet_bytes)
{
	struct ic_message message;
	uint64_t sequence;

	if (!ic_decode(&message, packet, packet_bytes) ||
	    !ic_decode_heartbeat(&message, &sequence))
		return false;
	sequence++;
	memcpy((uint8_t *)packet + IC_HEADERS_BYTES, &sequence, sizeof(sequence));
	ic_answer(packet, IC_STATUS_OK);
	return true;
}

bool ic_decode_shutdown(const struct ic_message *message, uint32_t *flags,
                        uint32_t *timeout_seconds)
{
	struct ic_shutdown body;

	if (message->header.type != IC_SHUTDOWN || message->body_bytes < sizeof(body))
		return false;
	memcpy(&body, message->body, sizeof(body));
	*flags = body.flags;
	*timeout_seconds = body.timeout_seconds;
	return true;
}

bool ic_decode_vss(const struct ic_message *message, uint8_t *operation)
{
	if (message->header.type != IC_VSS || message->body_bytes < sizeof(struct ic_vss))
		return false;
	*operation = message->body[0];
	return true;
}

bool ic_decode_timesync(const struct ic_message *message,
                        const struct ic_agreement *agreed, uint8_t *flags,
                        uint64_t *parent_time_100ns)
{
	struct cursor c = cursor_over(message->body, message->body_bytes);

	*parent_time_100ns = cursor_le64(&c);
	cursor_skip(&c, agreed->message.major < 4 ? 16 : 8); /* other times */
	*flags = cursor_u8(&c);
	return !c.overrun && message->header.type == IC_TIMESYNC;
}
