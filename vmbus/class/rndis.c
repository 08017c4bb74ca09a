/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RNDIS messages: see rndis.h. The layouts are in abi/rndis.h. */
#include "vmbus/class/rndis.h"
#include <viridis/base/bits.h>
#include <viridis/base/cursor.h>
#include <viridis/base/mem.h>

#define HEADER_BYTES ((uint32_t)sizeof(struct rndis_header))
#define PACKET_BYTES ((uint32_t)sizeof(struct rndis_packet))
#define PPI_BYTES    ((uint32_t)sizeof(struct rndis_ppi))
#define VALUE_BYTES  ((uint32_t)sizeof(uint32_t))

/* All per-packet information that we know; each has a value of 32 bits. */
static const struct known_ppi {
	uint32_t type;
	uint32_t has;
	uint32_t value_at; /* in struct rndis_frame */
} known_ppis[] = {
	{ RNDIS_PPI_CHECKSUM, RNDIS_HAS_CHECKSUM,
	  __builtin_offsetof(struct rndis_frame, checksum) },
	{ RNDIS_PPI_LSO, RNDIS_HAS_LSO, __builtin_offsetof(struct rndis_frame, lso) },
	{ RNDIS_PPI_8021Q, RNDIS_HAS_8021Q,
	  __builtin_offsetof(struct rndis_frame, vlan) },
	{ RNDIS_PPI_HASH, RNDIS_HAS_HASH, __builtin_offsetof(struct rndis_frame, hash) },
	{ RNDIS_PPI_PIECE, RNDIS_HAS_PIECE,
	  __builtin_offsetof(struct rndis_frame, piece) },
};
_Static_assert(PACKET_BYTES + ARRAY_COUNT(known_ppis) * (PPI_BYTES + VALUE_BYTES) <=
                       RNDIS_FRAME_HEAD_BYTES,
               "all that can be said of a frame fits before it");

/* [offset, offset + bytes) of a message, by an offset as bodies have them. */
static bool lies_within(uint32_t message_bytes, uint32_t from, uint32_t offset,
                        uint32_t bytes)
{
	return offset <= message_bytes - RNDIS_OFFSET_BASE &&
	       offset + RNDIS_OFFSET_BASE >= from &&
	       bytes <= message_bytes - RNDIS_OFFSET_BASE - offset;
}

/* ---- Frames ---- */

/* One entry at the cursor; false: it does not fit together. Unknown ones are left out. */
static bool read_ppi(struct rndis_frame *frame, struct cursor *c)
{
	struct cursor entry = *c;
	uint32_t bytes = cursor_le32(&entry);
	uint32_t type = cursor_le32(&entry);
	uint32_t offset = cursor_le32(&entry);

	if (entry.overrun || bytes < PPI_BYTES || bytes > cursor_left(c))
		return false;
	for (unsigned int i = 0; i < ARRAY_COUNT(known_ppis); i++) {
		if (known_ppis[i].type != type)
			continue;
		if (offset < PPI_BYTES || offset > bytes || bytes - offset < VALUE_BYTES)
			return false;
		memcpy((uint8_t *)frame + known_ppis[i].value_at,
		       c->bytes + c->at + offset, VALUE_BYTES);
		frame->has |= known_ppis[i].has;
	}
	cursor_skip(c, bytes);
	return true;
}

static bool read_ppis(struct rndis_frame *frame, const void *head, uint32_t head_bytes,
                      const struct rndis_packet *packet)
{
	struct cursor c;

	if (packet->ppi_bytes == 0)
		return true;
	if (!lies_within(head_bytes, PACKET_BYTES, packet->ppi_offset, packet->ppi_bytes))
		return false;
	c = cursor_over((const uint8_t *)head + RNDIS_OFFSET_BASE + packet->ppi_offset,
	                packet->ppi_bytes);
	while (cursor_left(&c) != 0)
		if (!read_ppi(frame, &c))
			return false;
	return true;
}

bool rndis_frame_read(struct rndis_frame *frame, const void *head, uint32_t head_bytes,
                      uint32_t available_bytes)
{
	struct cursor c = cursor_over(head, head_bytes);
	struct rndis_packet packet;

	memset(frame, 0, sizeof(*frame));
	cursor_copy(&c, &packet, sizeof(packet));
	if (c.overrun || packet.header.type != RNDIS_PACKET ||
	    packet.header.bytes < PACKET_BYTES || packet.header.bytes > available_bytes ||
	    !lies_within(packet.header.bytes, PACKET_BYTES, packet.data_offset,
	                 packet.data_bytes))
		return false;
	frame->message_bytes = packet.header.bytes;
	frame->data_offset = packet.data_offset + RNDIS_OFFSET_BASE;
	frame->data_bytes = packet.data_bytes;
	if (head_bytes > packet.header.bytes)
		head_bytes = packet.header.bytes;
	return read_ppis(frame, head, head_bytes, &packet);
}

void rndis_frame_write(const struct rndis_frame *frame, void *head)
{
	struct rndis_packet packet = {
		.header = { .type = RNDIS_PACKET, .bytes = frame->message_bytes },
		.data_offset = frame->data_offset - RNDIS_OFFSET_BASE,
		.data_bytes = frame->data_bytes,
	};
	uint32_t at = PACKET_BYTES;

	memset(head, 0, RNDIS_FRAME_HEAD_BYTES);
	for (unsigned int i = 0; i < ARRAY_COUNT(known_ppis); i++) {
		const struct rndis_ppi ppi = {
			.bytes = PPI_BYTES + VALUE_BYTES,
			.type = known_ppis[i].type,
			.value_offset = PPI_BYTES,
		};

		if (!(frame->has & known_ppis[i].has))
			continue;
		memcpy((uint8_t *)head + at, &ppi, PPI_BYTES);
		memcpy((uint8_t *)head + at + PPI_BYTES,
		       (const uint8_t *)frame + known_ppis[i].value_at, VALUE_BYTES);
		at += PPI_BYTES + VALUE_BYTES;
	}
	if (at != PACKET_BYTES)
		packet.ppi_offset = PACKET_BYTES - RNDIS_OFFSET_BASE;
	packet.ppi_bytes = at - PACKET_BYTES;
	memcpy(head, &packet, sizeof(packet));
}

/* ---- Server: requests ---- */

static bool read_oid_request(struct rndis_request *request, struct cursor *c,
                             uint32_t message_bytes)
{
	uint32_t offset;

	request->oid = cursor_le32(c);
	request->information_bytes = cursor_le32(c);
	offset = cursor_le32(c);
	cursor_skip(c, 4); /* a handle that nobody uses */
	if (c->overrun)
		return false;
	if (request->information_bytes == 0)
		return true;
	if (!lies_within(message_bytes, sizeof(struct rndis_request_oid), offset,
	                 request->information_bytes))
		return false;
	request->information = c->bytes + RNDIS_OFFSET_BASE + offset;
	return true;
}

bool rndis_request_read(struct rndis_request *request, const void *message,
                        uint32_t message_bytes)
{
	struct cursor c = cursor_over(message, message_bytes);
	uint32_t type = cursor_le32(&c);
	uint32_t bytes = cursor_le32(&c);

	*request = (struct rndis_request){ .type = (enum rndis_type)type };
	request->request_id = cursor_le32(&c);
	if (c.overrun || bytes > message_bytes || bytes < sizeof(struct rndis_plain))
		return false;
	c.size = bytes;
	switch (type) {
	case RNDIS_INITIALIZE:
		cursor_skip(&c, sizeof(struct rndis_initialize) - c.at);
		return !c.overrun;
	case RNDIS_QUERY:
	case RNDIS_SET:
		return read_oid_request(request, &c, bytes);
	case RNDIS_HALT:
	case RNDIS_RESET:
	case RNDIS_KEEPALIVE:
		return true;
	default:
		return false;
	}
}

static uint32_t put(void *message, const void *answer, uint32_t bytes)
{
	memcpy(message, answer, bytes);
	return bytes;
}

uint32_t rndis_answer_initialize(void *message, uint32_t request_id,
                                 const struct rndis_limits *limits)
{
	const struct rndis_initialize_answer answer = {
		.header = { RNDIS_INITIALIZE | RNDIS_ANSWER, sizeof(answer) },
		.request_id = request_id,
		.status = RNDIS_STATUS_SUCCESS,
		.version_major = RNDIS_VERSION_MAJOR,
		.version_minor = RNDIS_VERSION_MINOR,
		.device_flags = RNDIS_DEVICE_CONNECTIONLESS,
		.medium = RNDIS_MEDIUM_802_3,
		.packets_max = limits->packets_max,
		.transfer_bytes_max = limits->transfer_bytes_max,
		.alignment_shift = limits->alignment_shift,
	};

	return put(message, &answer, sizeof(answer));
}

uint32_t rndis_answer_query(void *message, uint32_t request_id, uint32_t status,
                            const void *information, uint32_t information_bytes)
{
	struct rndis_query_answer answer = {
		.header = { RNDIS_QUERY | RNDIS_ANSWER, sizeof(answer) },
		.request_id = request_id,
		.status = status,
	};

	if (status == RNDIS_STATUS_SUCCESS && information_bytes != 0) {
		answer.information_bytes = information_bytes;
		answer.information_offset = sizeof(answer) - RNDIS_OFFSET_BASE;
		answer.header.bytes += information_bytes;
		memcpy((uint8_t *)message + sizeof(answer), information,
		       information_bytes);
	}
	(void)put(message, &answer, sizeof(answer)); /* its length is part of the whole */
	return answer.header.bytes;
}

uint32_t rndis_answer_status(void *message, enum rndis_type type, uint32_t request_id,
                             uint32_t status)
{
	const struct rndis_status_answer answer = {
		.header = { (uint32_t)type | RNDIS_ANSWER, sizeof(answer) },
		.request_id = request_id,
		.status = status,
	};

	return put(message, &answer, sizeof(answer));
}

uint32_t rndis_answer_reset(void *message, uint32_t status, bool filter_lost)
{
	const struct rndis_reset_answer answer = {
		.header = { RNDIS_RESET | RNDIS_ANSWER, sizeof(answer) },
		.status = status,
		.filter_lost = filter_lost,
	};

	return put(message, &answer, sizeof(answer));
}

uint32_t rndis_indicate(void *message, uint32_t status)
{
	const struct rndis_indicate indicate = {
		.header = { RNDIS_INDICATE, sizeof(indicate) },
		.status = status,
	};

	return put(message, &indicate, sizeof(indicate));
}

/* ---- Client ---- */

uint32_t rndis_initialize(void *message, uint32_t request_id, uint32_t transfer_bytes_max)
{
	const struct rndis_initialize request = {
		.header = { RNDIS_INITIALIZE, sizeof(request) },
		.request_id = request_id,
		.version_major = RNDIS_VERSION_MAJOR,
		.version_minor = RNDIS_VERSION_MINOR,
		.transfer_bytes_max = transfer_bytes_max,
	};

	return put(message, &request, sizeof(request));
}

uint32_t rndis_plain(void *message, enum rndis_type type, uint32_t request_id)
{
	const struct rndis_plain request = {
		.header = { (uint32_t)type, sizeof(request) },
		.request_id = request_id,
	};

	return put(message, &request, sizeof(request));
}

uint32_t rndis_request(void *message, enum rndis_type type, uint32_t request_id,
                       uint32_t oid, const void *information, uint32_t information_bytes)
{
	const struct rndis_request_oid request = {
		.header = { (uint32_t)type, sizeof(request) + information_bytes },
		.request_id = request_id,
		.oid = oid,
		.information_bytes = information_bytes,
		.information_offset = sizeof(request) - RNDIS_OFFSET_BASE,
	};

	if (information_bytes != 0)
		memcpy((uint8_t *)message + sizeof(request), information,
		       information_bytes);
	(void)put(message, &request, sizeof(request)); /* likewise */
	return request.header.bytes;
}

/* What follows the status in an answer to QUERY and in an INDICATE. */
static bool read_information(struct rndis_answer *answer, struct cursor *c)
{
	uint32_t offset;

	answer->information_bytes = cursor_le32(c);
	offset = cursor_le32(c);
	if (c->overrun)
		return false;
	if (answer->information_bytes == 0)
		return true;
	if (!lies_within((uint32_t)c->size, (uint32_t)c->at, offset,
	                 answer->information_bytes))
		return false;
	answer->information = c->bytes + RNDIS_OFFSET_BASE + offset;
	return true;
}

static bool read_limits(struct rndis_answer *answer, struct cursor *c)
{
	cursor_skip(c, 16); /* version, flags, medium */
	answer->limits.packets_max = cursor_le32(c);
	answer->limits.transfer_bytes_max = cursor_le32(c);
	answer->limits.alignment_shift = cursor_le32(c);
	return !c->overrun && answer->limits.alignment_shift < 32;
}

bool rndis_answer_read(struct rndis_answer *answer, const void *message,
                       uint32_t message_bytes)
{
	struct cursor c = cursor_over(message, message_bytes);
	uint32_t bytes;

	*answer = (struct rndis_answer){ .type = cursor_le32(&c) };
	bytes = cursor_le32(&c);
	if (c.overrun || bytes > message_bytes || bytes < HEADER_BYTES)
		return false;
	c.size = bytes;
	if (answer->type != RNDIS_INDICATE &&
	    answer->type != (RNDIS_RESET | RNDIS_ANSWER))
		answer->request_id = cursor_le32(&c);
	answer->status = cursor_le32(&c);
	switch (answer->type) {
	case RNDIS_INITIALIZE | RNDIS_ANSWER:
		return read_limits(answer, &c);
	case RNDIS_INDICATE:
	case RNDIS_QUERY | RNDIS_ANSWER:
		return read_information(answer, &c);
	case RNDIS_SET | RNDIS_ANSWER:
	case RNDIS_RESET | RNDIS_ANSWER:
	case RNDIS_KEEPALIVE | RNDIS_ANSWER:
		return !c.overrun;
	default:
		return false;
	}
}
