/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NVSP's messages: see nvsp.h. The layouts are in abi/nvsp.h. */
#include "vmbus/class/nvsp.h"
#include <viridis/base/bits.h>
#include <viridis/base/cursor.h>
#include <viridis/base/mem.h>

#define TYPE_BYTES ((uint32_t)sizeof(uint32_t))
/* Linux takes no smaller section. */
#define SECTION_BYTES_MIN 68u

/* What a message has to bring behind its type; an answer that failed may be shorter. */
static uint32_t body_bytes(uint32_t type)
{
	switch (type) {
	case NVSP_INIT:
	case NVSP_NDIS_VERSION:
	case NVSP_SUBCHANNELS:
	case NVSP_INDIRECTION_TABLE:
	case NVSP_VF_ASSOCIATION:
	case NVSP_SEND_BUFFER_COMPLETE:
	case NVSP_RECEIVE_BUFFER_COMPLETE:
		return 8;
	case NVSP_INIT_COMPLETE:
	case NVSP_RNDIS_PACKET:
		return 12;
	case NVSP_NDIS_CONFIG:
		return 16;
	case NVSP_RECEIVE_BUFFER:
	case NVSP_SEND_BUFFER:
		return 6; /* the id is its last field */
	case NVSP_REVOKE_RECEIVE_BUFFER:
	case NVSP_REVOKE_SEND_BUFFER:
		return 2;
	case NVSP_RNDIS_PACKET_COMPLETE:
	case NVSP_SWITCH_DATA_PATH:
		return 4;
	default:
		return 0;
	}
}

bool nvsp_read(struct nvsp_message *message, const void *payload, uint32_t payload_bytes)
{
	uint32_t taken = payload_bytes < sizeof(*message) ? payload_bytes :
	                                                    (uint32_t)sizeof(*message);

	memset(message, 0, sizeof(*message));
	if (payload_bytes < TYPE_BYTES)
		return false;
	memcpy(message, payload, taken);
	return payload_bytes - TYPE_BYTES >= body_bytes(message->type);
}

/* ---- Server ---- */

uint32_t nvsp_choose_version(uint32_t version_min, uint32_t version_max)
{
	static const uint32_t versions[] = {
		NVSP_VERSION_6_1, NVSP_VERSION_6, NVSP_VERSION_5,
		NVSP_VERSION_4,   NVSP_VERSION_2, NVSP_VERSION_1,
	};

	for (unsigned int i = 0; i < ARRAY_COUNT(versions); i++)
		if (versions[i] >= version_min && versions[i] <= version_max)
			return versions[i];
	return 0;
}

struct nvsp_message nvsp_init_complete(uint32_t version, enum nvsp_status status)
{
	struct nvsp_message message = { .type = NVSP_INIT_COMPLETE };

	message.body.init_complete.version = version;
	message.body.init_complete.mdl_chain_max = 34; /* as Hyper-V says; nobody looks */
	message.body.init_complete.status = status;
	return message;
}

struct nvsp_message nvsp_receive_buffer_complete(enum nvsp_status status,
                                                 uint32_t section_bytes, uint32_t count)
{
	struct nvsp_message message = { .type = NVSP_RECEIVE_BUFFER_COMPLETE };
	struct nvsp_receive_buffer_complete *body = &message.body.receive_buffer_complete;

	body->status = status;
	if (status != NVSP_STATUS_SUCCESS)
		return message;
	body->part_count = 1;
	body->part.section_bytes = section_bytes;
	body->part.section_count = count;
	body->part.end_offset = section_bytes * count;
	return message;
}

struct nvsp_message nvsp_send_buffer_complete(enum nvsp_status status,
                                              uint32_t section_bytes)
{
	struct nvsp_message message = { .type = NVSP_SEND_BUFFER_COMPLETE };

	message.body.send_buffer_complete.status = status;
	message.body.send_buffer_complete.section_bytes = section_bytes;
	return message;
}

struct nvsp_message nvsp_subchannels_complete(enum nvsp_status status, uint32_t count)
{
	struct nvsp_message message = { .type = NVSP_SUBCHANNELS };

	message.body.subchannels.operation_or_status = status;
	message.body.subchannels.count = count;
	return message;
}

void nvsp_table_build(struct nvsp_table_message *message, uint32_t channels)
{
	memset(message, 0, sizeof(*message));
	message->head.type = NVSP_INDIRECTION_TABLE;
	message->head.body.indirection_table.count = NVSP_INDIRECTION_ENTRIES;
	message->head.body.indirection_table.offset = sizeof(message->head);
	for (uint32_t i = 0; i < NVSP_INDIRECTION_ENTRIES; i++)
		message->entries[i] = i % channels;
}

/* ---- Client ---- */

struct nvsp_message nvsp_init(uint32_t version)
{
	struct nvsp_message message = { .type = NVSP_INIT };

	message.body.init.version_min = version;
	message.body.init.version_max = version;
	return message;
}

struct nvsp_message nvsp_ndis_version(uint32_t major, uint32_t minor)
{
	struct nvsp_message message = { .type = NVSP_NDIS_VERSION };

	message.body.ndis_version.major = major;
	message.body.ndis_version.minor = minor;
	return message;
}

struct nvsp_message nvsp_ndis_config(uint32_t mtu, uint32_t capabilities)
{
	struct nvsp_message message = { .type = NVSP_NDIS_CONFIG };

	message.body.ndis_config.mtu = mtu;
	message.body.ndis_config.capabilities = capabilities;
	return message;
}

struct nvsp_message nvsp_buffer(enum nvsp_type type, uint32_t gpadl, uint16_t id)
{
	struct nvsp_message message = { .type = type };

	message.body.buffer.gpadl = gpadl;
	message.body.buffer.id = id;
	return message;
}

struct nvsp_message nvsp_revoke(enum nvsp_type type, uint16_t id)
{
	struct nvsp_message message = { .type = type };

	message.body.revoke.id = id;
	return message;
}

struct nvsp_message nvsp_subchannels(uint32_t count)
{
	struct nvsp_message message = { .type = NVSP_SUBCHANNELS };

	message.body.subchannels.operation_or_status = NVSP_SUBCHANNELS_ALLOCATE;
	message.body.subchannels.count = count;
	return message;
}

bool nvsp_receive_part_read(const struct nvsp_message *answer, uint32_t buffer_bytes,
                            struct nvsp_receive_part *part)
{
	const struct nvsp_receive_buffer_complete *body =
		&answer->body.receive_buffer_complete;

	*part = body->part;
	return answer->type == NVSP_RECEIVE_BUFFER_COMPLETE &&
	       body->status == NVSP_STATUS_SUCCESS && body->part_count == 1 &&
	       part->offset == 0 && part->section_bytes >= SECTION_BYTES_MIN &&
	       part->section_count != 0 &&
	       part->section_count <= buffer_bytes / part->section_bytes;
}

bool nvsp_table_read(const void *payload, uint32_t payload_bytes, uint32_t channels,
                     uint32_t entries[NVSP_INDIRECTION_ENTRIES])
{
	struct cursor c = cursor_over(payload, payload_bytes);
	uint32_t type = cursor_le32(&c);
	uint32_t count = cursor_le32(&c);
	uint32_t offset = cursor_le32(&c);

	if (c.overrun || type != NVSP_INDIRECTION_TABLE ||
	    count != NVSP_INDIRECTION_ENTRIES || offset < c.at)
		return false;
	cursor_skip(&c, offset - c.at);
	for (uint32_t i = 0; i < count; i++) {
		entries[i] = cursor_le32(&c);
		if (c.overrun || entries[i] >= channels)
			return false;
	}
	return true;
}

/* ---- Both ---- */

struct nvsp_message nvsp_rndis_packet(enum nvsp_channel channel, uint32_t section,
                                      uint32_t section_bytes)
{
	struct nvsp_message message = { .type = NVSP_RNDIS_PACKET };

	message.body.rndis_packet.channel = channel;
	message.body.rndis_packet.section = section;
	message.body.rndis_packet.section_bytes = section_bytes;
	return message;
}

struct nvsp_message nvsp_rndis_complete(enum nvsp_status status)
{
	struct nvsp_message message = { .type = NVSP_RNDIS_PACKET_COMPLETE };

	message.body.status = status;
	return message;
}
