/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client of VMBus: what we ask of the server. Its messages: client_messages.c. */
#include "vmbus/core/client.h"
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "vmbus/core/client_internal.h"
#include "vmbus/core/versions.h"

#define GPADL_ID_FIRST 0x1000u

void client_init(struct client *client, const struct client_config *config)
{
	*client = (struct client){ .config = *config, .next_gpadl_id = GPADL_ID_FIRST };
	client_forget_all(client);
}

void client_forget_all(struct client *client)
{
	memset(client->config.channels, 0,
	       client->config.channel_capacity * sizeof(client->config.channels[0]));
	memset(client->config.gpadls, 0,
	       client->config.gpadl_capacity * sizeof(client->config.gpadls[0]));
	client->state = CLIENT_DISCONNECTED;
	client->version = 0;
	client->all_offers_delivered = false;
}

static enum client_status post_message(struct client *client, const void *message,
                                       uint32_t bytes)
{
	return client->config.ops->post(client, client->message_connection, message,
	                                bytes) ?
	               CLIENT_OK :
	               CLIENT_POST_FAILED;
}

static enum client_status post_relid(struct client *client, enum vmbus_message_type type,
                                     uint32_t relid)
{
	const struct vmbus_relid_message message = { .header.type = type,
		                                     .relid = relid };

	return post_message(client, &message, sizeof(message));
}

/* ---- Connection ---- */

enum client_status client_try_version(struct client *client)
{
	struct vmbus_initiate_contact message = {
		.header.type = VMBUS_INITIATE_CONTACT,
		.target_vp = client->config.message_vp,
	};

	while (client->version_index < ARRAY_COUNT(vmbus_versions) &&
	       client->config.version_max != 0 &&
	       vmbus_versions[client->version_index] > client->config.version_max)
		client->version_index++;
	if (client->version_index == ARRAY_COUNT(vmbus_versions)) {
		client->state = CLIENT_REFUSED;
		return CLIENT_UNSUPPORTED;
	}
	message.version = vmbus_versions[client->version_index];
	client->message_connection = VMBUS_MESSAGE_CONNECTION_OLD;
	if (message.version >= VMBUS_VERSION_5_0) {
		client->message_connection = VMBUS_MESSAGE_CONNECTION;
		message.sint = VMBUS_SINT;
	}
	client->state = CLIENT_CONNECTING;
	return post_message(client, &message, sizeof(message));
}

enum client_status client_connect(struct client *client)
{
	if (client->state != CLIENT_DISCONNECTED && client->state != CLIENT_REFUSED)
		return CLIENT_WRONG_STATE;
	client->version_index = 0;
	return client_try_version(client);
}

enum client_status client_request_offers(struct client *client)
{
	const struct vmbus_message_header message = { .type = VMBUS_REQUEST_OFFERS };

	if (client->state != CLIENT_CONNECTED)
		return CLIENT_WRONG_STATE;
	client->all_offers_delivered = false;
	return post_message(client, &message, sizeof(message));
}

enum client_status client_unload(struct client *client)
{
	const struct vmbus_message_header message = { .type = VMBUS_UNLOAD };

	if (client->state != CLIENT_CONNECTED)
		return CLIENT_WRONG_STATE;
	client->state = CLIENT_UNLOADING;
	return post_message(client, &message, sizeof(message));
}

/* ---- Channels ---- */

struct client_channel *client_find(struct client *client, const struct vmbus_guid *type,
                                   uint32_t nth)
{
	for (uint32_t i = 0; i < client->config.channel_capacity; i++) {
		struct client_channel *channel = &client->config.channels[i];

		if (channel->state == CLIENT_CHANNEL_ABSENT || channel->rescinded ||
		    memcmp(&channel->offer.type, type, sizeof(*type)) != 0)
			continue;
		if (nth-- == 0)
			return channel;
	}
	return NULL;
}

/* May messages about this channel be sent? */
static bool is_usable(const struct client *client, const struct client_channel *channel)
{
	return client->state == CLIENT_CONNECTED &&
	       channel->state != CLIENT_CHANNEL_ABSENT && !channel->rescinded;
}

enum client_status client_open(struct client *client, struct client_channel *channel,
                               const struct client_gpadl *rings, uint32_t downstream_page,
                               uint32_t target_vp)
{
	const struct vmbus_open_channel message = {
		.header.type = VMBUS_OPEN_CHANNEL,
		.relid = channel->offer.relid,
		.open_id = channel->offer.relid,
		.gpadl = rings->id,
		.target_vp = target_vp,
		.downstream_pages = downstream_page,
	};

	if (!is_usable(client, channel) || (channel->state != CLIENT_CHANNEL_OFFERED &&
	                                    channel->state != CLIENT_CHANNEL_OPEN_FAILED))
		return CLIENT_WRONG_STATE;
	if (rings->state != CLIENT_GPADL_READY || rings->relid != channel->offer.relid)
		return CLIENT_INVALID;
	channel->state = CLIENT_CHANNEL_OPENING;
	return post_message(client, &message, sizeof(message));
}

enum client_status client_close(struct client *client, struct client_channel *channel)
{
	if (client->state != CLIENT_CONNECTED || channel->state != CLIENT_CHANNEL_OPEN)
		return CLIENT_WRONG_STATE;
	channel->state = CLIENT_CHANNEL_OFFERED;
	channel->modifying = false;
	return post_relid(client, VMBUS_CLOSE_CHANNEL, channel->offer.relid);
}

enum client_status client_retarget(struct client *client, struct client_channel *channel,
                                   uint32_t target_vp)
{
	const struct vmbus_modify_channel message = {
		.header.type = VMBUS_MODIFY_CHANNEL,
		.relid = channel->offer.relid,
		.target_vp = target_vp,
	};

	if (client->version < VMBUS_VERSION_4_1)
		return CLIENT_UNSUPPORTED;
	if (!is_usable(client, channel) || channel->state != CLIENT_CHANNEL_OPEN ||
	    channel->modifying)
		return CLIENT_WRONG_STATE;
	channel->modifying = client->version >= VMBUS_VERSION_5_3;
	return post_message(client, &message, sizeof(message));
}

enum client_status client_release(struct client *client, struct client_channel *channel)
{
	uint32_t relid = channel->offer.relid;

	if (client->state != CLIENT_CONNECTED || !channel->rescinded ||
	    channel->state == CLIENT_CHANNEL_OPEN)
		return CLIENT_WRONG_STATE;
	for (uint32_t i = 0; i < client->config.gpadl_capacity; i++) {
		if (client->config.gpadls[i].relid == relid)
			client->config.gpadls[i].state = CLIENT_GPADL_ABSENT;
	}
	*channel = (struct client_channel){ .state = CLIENT_CHANNEL_ABSENT };
	return post_relid(client, VMBUS_RELID_RELEASED, relid);
}

/* ---- GPADLs ---- */

static struct client_gpadl *find_absent_gpadl(struct client *client)
{
	for (uint32_t i = 0; i < client->config.gpadl_capacity; i++) {
		if (client->config.gpadls[i].state == CLIENT_GPADL_ABSENT)
			return &client->config.gpadls[i];
	}
	return NULL;
}

/* A message that starts with `head` and goes on with page numbers. */
static enum client_status post_pfns(struct client *client, const void *head,
                                    uint32_t head_bytes, const uint64_t *pfns,
                                    uint32_t count)
{
	uint8_t message[VMBUS_MESSAGE_BYTES_MAX];

	memcpy(message, head, head_bytes);
	memcpy(message + head_bytes, pfns, count * sizeof(pfns[0]));
	return post_message(client, message,
	                    head_bytes + count * (uint32_t)sizeof(pfns[0]));
}

static uint32_t at_most(uint32_t value, uint32_t limit)
{
	return value < limit ? value : limit;
}

static enum client_status post_page_list(struct client *client,
                                         const struct client_gpadl *gpadl,
                                         const uint64_t *pfns, uint32_t page_count)
{
	const struct vmbus_gpadl_header header = {
		.header.type = VMBUS_GPADL_HEADER,
		.relid = gpadl->relid,
		.gpadl = gpadl->id,
		.range_buffer_bytes =
			(uint16_t)(sizeof(struct vmbus_gpa_range) + page_count * 8u),
		.range_count = 1,
		.range_bytes = page_count * VMBUS_PAGE_BYTES,
	};
	struct vmbus_gpadl_body body = {
		.header.type = VMBUS_GPADL_BODY,
		.gpadl = gpadl->id,
	};
	uint32_t sent = at_most(page_count, VMBUS_GPADL_HEADER_PFNS);
	enum client_status status =
		post_pfns(client, &header, sizeof(header), pfns, sent);

	while (status == CLIENT_OK && sent < page_count) {
		uint32_t count = at_most(page_count - sent, VMBUS_GPADL_BODY_PFNS);

		body.message_number++;
		status = post_pfns(client, &body, sizeof(body), pfns + sent, count);
		sent += count;
	}
	return status;
}

enum client_status client_gpadl_create(struct client *client,
                                       const struct client_channel *channel,
                                       const uint64_t *pfns, uint32_t page_count,
                                       struct client_gpadl **gpadl)
{
	struct client_gpadl *entry = find_absent_gpadl(client);

	if (!is_usable(client, channel))
		return CLIENT_WRONG_STATE;
	if (page_count == 0 || page_count > VMBUS_GPADL_PAGES_MAX)
		return CLIENT_INVALID;
	if (!entry)
		return CLIENT_NO_ROOM;
	*entry = (struct client_gpadl){
		.state = CLIENT_GPADL_CREATING,
		.id = client->next_gpadl_id++,
		.relid = channel->offer.relid,
	};
	*gpadl = entry;
	return post_page_list(client, entry, pfns, page_count);
}

enum client_status client_gpadl_teardown(struct client *client,
                                         struct client_gpadl *gpadl)
{
	const struct vmbus_gpadl_teardown message = {
		.header.type = VMBUS_GPADL_TEARDOWN,
		.relid = gpadl->relid,
		.gpadl = gpadl->id,
	};

	if (gpadl->state == CLIENT_GPADL_FAILED) {
		gpadl->state = CLIENT_GPADL_ABSENT;
		return CLIENT_OK;
	}
	if (client->state != CLIENT_CONNECTED || gpadl->state != CLIENT_GPADL_READY)
		return CLIENT_WRONG_STATE;
	gpadl->state = CLIENT_GPADL_TEARING_DOWN;
	return post_message(client, &message, sizeof(message));
}
