/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The server's messages to the client. Answers wait in a queue; offers and rescinds
 * wait as states of their channels and are made into messages when the queue is empty,
 * so that no number of devices can overflow it.
 */
#include "vmbus/core/server_internal.h"
#include <viridis/base/mem.h>

bool server_queue_has_room(const struct server *server)
{
	const struct server_config *config = &server->config;

	return config->queue_capacity - server->queue_count >
	       config->channel_capacity + config->gpadl_capacity;
}

void server_queue_clear(struct server *server)
{
	server->queue_count = 0;
	server->head_fetched = false;
}

static void send_message(struct server *server, const void *payload, uint32_t bytes)
{
	struct server_message *message;
	uint32_t tail;

	if (server->queue_count == server->config.queue_capacity) {
		server_log(server, 0, "message queue overflow"); /* SERVER-3 is broken */
		return;
	}
	tail = (server->queue_head + server->queue_count) % server->config.queue_capacity;
	message = &server->config.queue[tail];
	*message = (struct server_message){ .target_vp = server->message_vp,
		                            .bytes = bytes };
	memcpy(message->payload, payload, bytes);
	server->queue_count++;
}

void server_send_simple(struct server *server, enum vmbus_message_type type)
{
	const struct vmbus_message_header message = { .type = type };

	send_message(server, &message, sizeof(message));
}

void server_send_version_response(struct server *server, bool supported)
{
	struct vmbus_version_response message = {
		.header.type = VMBUS_VERSION_RESPONSE,
		.supported = supported,
	};

	if (supported)
		message.message_connection = server->version >= VMBUS_VERSION_5_0 ?
		                                     VMBUS_MESSAGE_CONNECTION :
		                                     server->version;
	send_message(server, &message, sizeof(message));
}

void server_send_open_result(struct server *server, const struct vmbus_open_channel *open,
                             enum vmbus_status status)
{
	const struct vmbus_open_result message = {
		.header.type = VMBUS_OPEN_RESULT,
		.relid = open->relid,
		.open_id = open->open_id,
		.status = status,
	};

	send_message(server, &message, sizeof(message));
}

void server_send_gpadl_created(struct server *server, uint32_t relid, uint32_t gpadl_id,
                               enum vmbus_status status)
{
	const struct vmbus_gpadl_created message = {
		.header.type = VMBUS_GPADL_CREATED,
		.relid = relid,
		.gpadl = gpadl_id,
		.status = status,
	};

	send_message(server, &message, sizeof(message));
}

void server_send_gpadl_torndown(struct server *server, uint32_t gpadl_id)
{
	const struct vmbus_gpadl_torndown message = {
		.header.type = VMBUS_GPADL_TORNDOWN,
		.gpadl = gpadl_id,
	};

	send_message(server, &message, sizeof(message));
}

void server_send_modify_response(struct server *server, uint32_t relid,
                                 enum vmbus_status status)
{
	const struct vmbus_modify_channel_response message = {
		.header.type = VMBUS_MODIFY_CHANNEL_RESPONSE,
		.relid = relid,
		.status = status,
	};

	send_message(server, &message, sizeof(message));
}

static void send_offer(struct server *server, struct server_channel *channel)
{
	const struct server_offer *offer = &channel->offer;
	struct vmbus_offer_channel message = {
		.header.type = VMBUS_OFFER_CHANNEL,
		.type = offer->type,
		.instance = offer->instance,
		.flags = offer->flags,
		.mmio_megabytes = offer->mmio_megabytes,
		.sub_channel_index = offer->sub_channel_index,
		.relid = server_relid(server, channel),
		.is_dedicated = 1,
		.connection_id = offer->connection_id,
	};

	memcpy(message.user_data, offer->user_data, sizeof(message.user_data));
	channel->offer_state = SERVER_OFFER_MADE;
	channel->announced = true;
	send_message(server, &message, sizeof(message));
}

static void send_rescind(struct server *server, struct server_channel *channel)
{
	const struct vmbus_relid_message message = {
		.header.type = VMBUS_RESCIND_OFFER,
		.relid = server_relid(server, channel),
	};

	channel->offer_state = SERVER_OFFER_RESCINDED;
	send_message(server, &message, sizeof(message));
}

static struct server_channel *find_due(const struct server *server,
                                       enum server_offer_state state)
{
	for (uint32_t i = 0; i < server->config.channel_capacity; i++) {
		if (server->config.channels[i].offer_state == state)
			return &server->config.channels[i];
	}
	return NULL;
}

/*
 * Make one message of what is due; the queue is empty. Of a connection that ends nothing is due any more: its
 * client may be another kernel by now, which waits for the answer to its contact.
 */
static void refill_queue(struct server *server)
{
	struct server_channel *channel;

	if (server->state != SERVER_CONNECTED)
		return;
	channel = find_due(server, SERVER_OFFER_RESCIND_DUE);
	if (channel) {
		send_rescind(server, channel);
		return;
	}
	channel = find_due(server, SERVER_OFFER_DUE);
	if (channel) {
		send_offer(server, channel);
	} else if (server->all_offers_due) {
		server->all_offers_due = false;
		server_send_simple(server, VMBUS_ALL_OFFERS_DELIVERED);
	}
}

bool server_next_message(struct server *server, struct server_message *message)
{
	if (server->queue_count == 0)
		refill_queue(server);
	if (server->queue_count == 0)
		return false;
	*message = server->config.queue[server->queue_head];
	server->head_fetched = true;
	return true;
}

/* Is the channel's success to be told yet? One that was closed and opened again has more than one. */
static bool success_waits(const struct server *server, uint32_t relid)
{
	struct vmbus_open_result result;

	for (uint32_t i = 0; i < server->queue_count; i++) {
		uint32_t at = (server->queue_head + i) % server->config.queue_capacity;

		memcpy(&result, server->config.queue[at].payload, sizeof(result));
		if (result.header.type == VMBUS_OPEN_RESULT && result.relid == relid &&
		    result.status == VMBUS_STATUS_OK)
			return true;
	}
	return false;
}

/* SERVER-6: a channel whose OPEN_RESULT was delivered, the last one, may start, if it is open still. */
static void start_channel(struct server *server, const struct server_message *message)
{
	struct vmbus_open_result result;
	struct server_channel *channel;

	memcpy(&result, message->payload, sizeof(result));
	if (result.header.type != VMBUS_OPEN_RESULT || result.status != VMBUS_STATUS_OK)
		return;
	channel = server_slot(server, result.relid);
	if (!channel || channel->state != SERVER_CHANNEL_OPEN || channel->started ||
	    success_waits(server, result.relid))
		return;
	channel->started = true;
	server->config.ops->channel_opened(server, result.relid);
}

void server_message_done(struct server *server)
{
	const struct server_message *head = &server->config.queue[server->queue_head];

	if (!server->head_fetched) /* the connection ended meanwhile */
		return;
	server->head_fetched = false;
	server->queue_head = (server->queue_head + 1) % server->config.queue_capacity;
	server->queue_count--;
	start_channel(server, head);
}
