/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks of the messages between worker and provider, by one table of their shapes. */
#include "vsp/lib/core/protocol.h"

#include <viridis/base/mem.h>

enum tail { TAIL_NONE, TAIL_TEXT, TAIL_PAGES, TAIL_PAGES_OR_NONE, TAIL_RANGES };

static const struct tail_shape {
	uint32_t unit_bytes;
	uint32_t count_min;
	uint32_t count_max;
} tails[] = {
	[TAIL_NONE] = { 0, 0, 0 },
	[TAIL_TEXT] = { 1, 0, VSP_TEXT_BYTES_MAX },
	[TAIL_PAGES] = { sizeof(uint64_t), 1, VSP_PAGES_MAX },
	[TAIL_PAGES_OR_NONE] = { sizeof(uint64_t), 0, VSP_PAGES_MAX },
	[TAIL_RANGES] = { sizeof(struct vsp_range), 1, VSP_MAP_RANGES_MAX },
};

/* Fields a message uses beside its tail; the others must be 0. */
#define CHANNEL 1u
#define NUMBER  2u
#define OFFSET  4u

static const struct message_shape {
	const char *name;
	enum vsp_side sender;
	unsigned int fields;
	enum tail tail;
	unsigned int descriptors;
} shapes[VSP_MESSAGE_TYPES] = {
	[VSP_HELLO] = { "HELLO", VSP_WORKER, NUMBER | OFFSET, TAIL_RANGES, 3 },
	[VSP_CONFIG] = { "CONFIG", VSP_WORKER, 0, TAIL_TEXT, 0 },
	[VSP_OPEN] = { "OPEN", VSP_WORKER, CHANNEL | NUMBER | OFFSET, TAIL_PAGES, 2 },
	[VSP_RESUME] = { "RESUME", VSP_WORKER, CHANNEL | NUMBER | OFFSET, TAIL_PAGES, 2 },
	[VSP_START] = { "START", VSP_WORKER, CHANNEL, TAIL_NONE, 0 },
	[VSP_CLOSE] = { "CLOSE", VSP_WORKER, CHANNEL, TAIL_NONE, 0 },
	[VSP_COMMAND] = { "COMMAND", VSP_WORKER, NUMBER, TAIL_TEXT, 0 },
	[VSP_LEND] = { "LEND", VSP_WORKER, CHANNEL | NUMBER, TAIL_PAGES_OR_NONE, 0 },
	[VSP_RECLAIM] = { "RECLAIM", VSP_WORKER, CHANNEL | NUMBER, TAIL_NONE, 0 },
	[VSP_OFFERED] = { "OFFERED", VSP_WORKER, CHANNEL | NUMBER, TAIL_NONE, 0 },
	[VSP_READY] = { "READY", VSP_PROVIDER, NUMBER, TAIL_TEXT, 0 },
	[VSP_OPENED] = { "OPENED", VSP_PROVIDER, CHANNEL | NUMBER, TAIL_NONE, 0 },
	[VSP_CLOSED] = { "CLOSED", VSP_PROVIDER, CHANNEL, TAIL_NONE, 0 },
	[VSP_EVENT] = { "EVENT", VSP_PROVIDER, NUMBER, TAIL_TEXT, 0 },
	[VSP_LOG] = { "LOG", VSP_PROVIDER, NUMBER, TAIL_TEXT, 0 },
	[VSP_BORROW] = { "BORROW", VSP_PROVIDER, CHANNEL | NUMBER, TAIL_NONE, 0 },
	[VSP_RETURNED] = { "RETURNED", VSP_PROVIDER, CHANNEL | NUMBER, TAIL_NONE, 0 },
	[VSP_OFFER] = { "OFFER", VSP_PROVIDER, CHANNEL | NUMBER, TAIL_NONE, 0 },
};

static bool text_without_nul(const uint8_t *text, uint32_t bytes)
{
	for (uint32_t i = 0; i < bytes; i++)
		if (text[i] == 0)
			return false;
	return true;
}

static bool unused_fields_zero(const struct vsp_wire *wire, unsigned int fields)
{
	return ((fields & CHANNEL) || wire->channel == 0) &&
	       ((fields & NUMBER) || wire->number == 0) &&
	       ((fields & OFFSET) || wire->offset == 0);
}

/* What only some messages demand of their values. */
static bool values_valid(const struct vsp_wire *wire)
{
	switch (wire->type) {
	case VSP_HELLO:
		return wire->offset - VSP_USER_FIRST < VSP_USERS;
	case VSP_OPEN:
	case VSP_RESUME: /* two rings, each a control page and a data page at least */
		return wire->count >= 4 && wire->offset >= 2 &&
		       wire->offset <= wire->count - 2 && wire->number < VSP_CHANNELS_MAX;
	case VSP_OFFER:
		return wire->number - 1 < VSP_CHANNELS_MAX - 1;
	case VSP_OFFERED:
		return wire->number < VSP_CHANNELS_MAX;
	case VSP_LOG:
		return wire->number < VSP_LOG_LEVELS;
	default:
		return true;
	}
}

bool vsp_message_decode(const void *datagram, size_t bytes, unsigned int descriptors,
                        enum vsp_side sender, struct vsp_message *out)
{
	const uint8_t *tail = (const uint8_t *)datagram + sizeof(struct vsp_wire);
	const struct tail_shape *shape;
	struct vsp_wire wire;

	if (bytes < sizeof(wire) || bytes > VSP_DATAGRAM_BYTES_MAX)
		return false;
	memcpy(&wire, datagram, sizeof(wire));
	if (wire.type == 0 || wire.type >= VSP_MESSAGE_TYPES || wire.bytes != bytes)
		return false;
	if (shapes[wire.type].sender != sender ||
	    shapes[wire.type].descriptors != descriptors)
		return false;
	if (!unused_fields_zero(&wire, shapes[wire.type].fields))
		return false;
	shape = &tails[shapes[wire.type].tail];
	if (wire.count < shape->count_min || wire.count > shape->count_max)
		return false;
	if (bytes - sizeof(wire) != (size_t)wire.count * shape->unit_bytes)
		return false;
	if (!values_valid(&wire))
		return false;
	if (shapes[wire.type].tail == TAIL_TEXT && !text_without_nul(tail, wire.count))
		return false;
	*out = (struct vsp_message){
		.type = wire.type,
		.channel = wire.channel,
		.number = wire.number,
		.offset = wire.offset,
		.count = wire.count,
		.tail = tail,
	};
	return true;
}

struct vsp_wire vsp_message_header(const struct vsp_message *message)
{
	uint32_t unit = tails[shapes[message->type].tail].unit_bytes;

	return (struct vsp_wire){
		.type = message->type,
		.bytes = (uint32_t)(sizeof(struct vsp_wire) + message->count * unit),
		.channel = message->channel,
		.number = message->number,
		.offset = message->offset,
		.count = message->count,
	};
}

uint32_t vsp_user_of(uint64_t partition_id)
{
	return VSP_USER_FIRST + (uint32_t)((partition_id >> 16) % VSP_USERS);
}

const char *vsp_message_name(enum vsp_message_type type)
{
	if (type == 0 || type >= VSP_MESSAGE_TYPES)
		return "unknown";
	return shapes[type].name;
}
