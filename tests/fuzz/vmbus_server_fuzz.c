/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A client that sends anything, an owner that completes, offers, rescinds and resets at
 * any time. Checked throughout, from vmbus/core/server.h: S1 (no page is lent while the
 * client is told it is not), S3 (the queue never overflows), S5 (rings outlive their
 * use), S6 (no channel starts before its last answer); and that devices are told of within a
 * connection only.
 */
#include <stdlib.h>
#include <viridis/base/cursor.h>
#include "tests/unit/vmbus_owner.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static struct owner owner;

static void check(bool true_always)
{
	if (!true_always)
		abort();
}

static bool anything_lent(void)
{
	return !gpadl_table_empty(&owner.server.gpadls);
}

static bool success_waits(uint32_t relid)
{
	struct vmbus_open_result result;

	for (uint32_t i = 0; i < owner.server.queue_count; i++) {
		memcpy(&result,
		       owner.queue[(owner.server.queue_head + i) % OWNER_QUEUE].payload,
		       sizeof(result));
		if (result.header.type == VMBUS_OPEN_RESULT && result.relid == relid &&
		    result.status == VMBUS_STATUS_OK)
			return true;
	}
	return false;
}

static void check_state(void)
{
	check(owner.server.queue_count <= OWNER_QUEUE);
	for (uint32_t i = 0; i < OWNER_CHANNELS; i++) {
		const struct server_channel *channel = &owner.channels[i];

		if (channel->offer_state == SERVER_OFFER_NONE)
			check(channel->state == SERVER_CHANNEL_CLOSED);
		if (channel->state != SERVER_CHANNEL_CLOSED) /* S5 */
			check(gpadl_find(&owner.server.gpadls, i + 1,
			                 channel->ring_gpadl));
		if (channel->state == SERVER_CHANNEL_OPEN && channel->started) /* S6 */
			check(!success_waits(i + 1));
	}
}

static void deliver(bool done)
{
	struct server_message message;
	struct vmbus_message_header header;

	if (!server_next_message(&owner.server, &message))
		return;
	check(message.bytes >= sizeof(header) &&
	      message.bytes <= VMBUS_MESSAGE_BYTES_MAX);
	check(message.target_vp < OWNER_VPS);
	memcpy(&header, message.payload, sizeof(header));
	if (header.type == VMBUS_UNLOAD_RESPONSE) /* S1 */
		check(!anything_lent() || owner.server.state != SERVER_DISCONNECTED);
	if (header.type == VMBUS_OFFER_CHANNEL || header.type == VMBUS_RESCIND_OFFER ||
	    header.type == VMBUS_ALL_OFFERS_DELIVERED)
		check(owner.server.state == SERVER_CONNECTED);
	if (done)
		server_message_done(&owner.server);
}

/* Complete whatever the owner was asked to do for channel and GPADL `index`. */
static void complete(uint8_t index)
{
	const struct gpadl *gpadl = &owner.gpadls[index % OWNER_GPADLS];
	uint32_t relid = index % OWNER_CHANNELS + 1;

	server_open_complete(&owner.server, relid,
	                     index & 0x80 ? VMBUS_STATUS_FAILURE : VMBUS_STATUS_OK);
	server_close_complete(&owner.server, relid);
	if (gpadl->state != GPADL_ABSENT)
		server_release_complete(&owner.server, gpadl->relid, gpadl->id);
}

static void send(const void *message, uint32_t bytes)
{
	(void)!server_receive(&owner.server, message, bytes); /* any status will do */
}

/* Messages that fit each other, so that channels come to be opened. */
static void send_gpadl(uint8_t which)
{
	struct {
		struct vmbus_gpadl_header head;
		uint32_t pfns[2 * 4];
	} message = {
		.head.header.type = VMBUS_GPADL_HEADER,
		.head.relid = which % (OWNER_CHANNELS + 1),
		.head.gpadl = which / 8 % 4,
		.head.range_buffer_bytes = 8 + 8 * 4,
		.head.range_count = 1,
		.head.range_bytes = 4 * VMBUS_PAGE_BYTES,
	};

	send(&message, sizeof(message));
}

static void send_open(uint8_t which)
{
	const struct vmbus_open_channel message = {
		.header.type = VMBUS_OPEN_CHANNEL,
		.relid = which % (OWNER_CHANNELS + 1),
		.gpadl = which / 8 % 4,
		.downstream_pages = 2,
	};

	send(&message, sizeof(message));
}

/* TEARDOWN, CLOSE, RELID_RELEASED, MODIFY, REQUEST_OFFERS, UNLOAD: relid and an id. */
static void send_short(uint8_t which)
{
	static const uint32_t types[] = {
		VMBUS_GPADL_TEARDOWN, VMBUS_CLOSE_CHANNEL,  VMBUS_RELID_RELEASED,
		VMBUS_MODIFY_CHANNEL, VMBUS_REQUEST_OFFERS, VMBUS_UNLOAD,
	};
	const struct vmbus_gpadl_teardown message = {
		.header.type = types[which / 32 % 6],
		.relid = which % (OWNER_CHANNELS + 1),
		.gpadl = which / 8 % 4,
	};

	send(&message, sizeof(message));
}

static void step(struct cursor *c)
{
	uint8_t action = cursor_u8(c);
	uint8_t argument = cursor_u8(c);
	const uint8_t *message;

	owner.hold = action & 0x80;
	owner.refuse_open = action & 0x40;
	switch (action & 0x0f) {
	case 0:
		(void)owner_offer(&owner, argument); /* full or twice: fine */
		break;
	case 1:
		(void)!server_rescind(&owner.server, argument);
		break;
	case 2:
		server_reset(&owner.server);
		break;
	case 3:
	case 4:
		complete(argument);
		break;
	case 5:
	case 6:
		deliver(argument & 1);
		break;
	case 7:
	case 8:
		send_gpadl(argument);
		break;
	case 9:
		send_open(argument);
		break;
	case 10:
	case 11:
		send_short(argument);
		break;
	default:
		message = cursor_take(c, argument);
		if (message)
			send(message, argument);
		break;
	}
}

/* Everything the owner still owes is done: then a reset comes to its end. */
static void finish(void)
{
	unsigned int resets = owner.resets;

	server_reset(&owner.server);
	for (unsigned int round = 0; round < 8; round++) {
		for (uint8_t i = 0; i < OWNER_CHANNELS * OWNER_GPADLS; i++)
			complete(i);
	}
	check(owner.resets == resets + 1 && !anything_lent());
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct cursor c = cursor_over(input, size);
	const struct vmbus_initiate_contact contact = {
		.header.type = VMBUS_INITIATE_CONTACT,
		.version = VMBUS_VERSION_5_3,
		.sint = VMBUS_SINT,
	};
	const struct vmbus_message_header request = { .type = VMBUS_REQUEST_OFFERS };

	check(owner_init(&owner));
	(void)owner_offer(&owner, 1); /* there is room */
	check(server_receive(&owner.server, &contact, sizeof(contact)) == SERVER_OK);
	check(server_receive(&owner.server, &request, sizeof(request)) == SERVER_OK);
	while (cursor_left(&c) != 0 && !c.overrun) {
		step(&c);
		check_state();
	}
	finish();
	return 0;
}
