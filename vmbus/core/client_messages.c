/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The client of VMBus: what the server tells us. Each handler says whether the message
 * meant anything; one that did not has changed nothing.
 */
#include "vmbus/core/client.h"
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "vmbus/core/client_internal.h"
#include "vmbus/core/versions.h"

static struct client_channel *find_channel(struct client *client, uint32_t relid)
{
	for (uint32_t i = 0; i < client->config.channel_capacity; i++) {
		struct client_channel *channel = &client->config.channels[i];

		if (channel->state != CLIENT_CHANNEL_ABSENT &&
		    channel->offer.relid == relid)
			return channel;
	}
	return NULL;
}

/* Our GPADL ids are unique, so the relid need not be looked at. */
static struct client_gpadl *find_gpadl(struct client *client, uint32_t id,
                                       enum client_gpadl_state state)
{
	for (uint32_t i = 0; i < client->config.gpadl_capacity; i++) {
		struct client_gpadl *gpadl = &client->config.gpadls[i];

		if (gpadl->state == state && gpadl->id == id)
			return gpadl;
	}
	return NULL;
}

static bool version_response(struct client *client, const void *message)
{
	struct vmbus_version_response in;
	uint32_t version;

	if (client->state != CLIENT_CONNECTING)
		return false;
	memcpy(&in, message, sizeof(in));
	version = vmbus_versions[client->version_index];
	/* From 5.0 on the server names the connection, and 0 names none. */
	if (!in.supported ||
	    (version >= VMBUS_VERSION_5_0 && in.message_connection == 0)) {
		client->version_index++;
		(void)client_try_version(client); /* its outcome is in client->state */
		return true;
	}
	client->state = CLIENT_CONNECTED;
	client->version = version;
	if (version >= VMBUS_VERSION_5_0)
		client->message_connection = in.message_connection;
	return true;
}

static bool unload_response(struct client *client, const void *message)
{
	(void)message; /* a header and nothing else */
	if (client->state != CLIENT_UNLOADING)
		return false;
	client_forget_all(client);
	return true;
}

static bool offer_channel(struct client *client, const void *message)
{
	struct vmbus_offer_channel in;

	memcpy(&in, message, sizeof(in));
	if (in.relid == 0 || in.relid > VMBUS_RELID_MAX || find_channel(client, in.relid))
		return false;
	for (uint32_t i = 0; i < client->config.channel_capacity; i++) {
		struct client_channel *channel = &client->config.channels[i];

		if (channel->state != CLIENT_CHANNEL_ABSENT)
			continue;
		*channel = (struct client_channel){
			.state = CLIENT_CHANNEL_OFFERED,
			.offer = in,
		};
		return true;
	}
	client->dropped_offers++;
	return true;
}

static bool all_offers_delivered(struct client *client, const void *message)
{
	(void)message; /* a header and nothing else */
	client->all_offers_delivered = true;
	return true;
}

/* Ends every wait for an answer about the channel. */
static bool rescind_offer(struct client *client, const void *message)
{
	struct vmbus_relid_message in;
	struct client_channel *channel;

	memcpy(&in, message, sizeof(in));
	channel = find_channel(client, in.relid);
	if (!channel || channel->rescinded)
		return false;
	channel->rescinded = true;
	channel->modifying = false;
	if (channel->state == CLIENT_CHANNEL_OPENING)
		channel->state = CLIENT_CHANNEL_OPEN_FAILED;
	for (uint32_t i = 0; i < client->config.gpadl_capacity; i++) {
		struct client_gpadl *gpadl = &client->config.gpadls[i];

		if (gpadl->relid != in.relid)
			continue;
		if (gpadl->state == CLIENT_GPADL_CREATING)
			gpadl->state = CLIENT_GPADL_FAILED;
		else if (gpadl->state == CLIENT_GPADL_TEARING_DOWN)
			gpadl->state = CLIENT_GPADL_ABSENT;
	}
	return true;
}

static bool open_result(struct client *client, const void *message)
{
	struct vmbus_open_result in;
	struct client_channel *channel;

	memcpy(&in, message, sizeof(in));
	channel = find_channel(client, in.relid);
	if (!channel || channel->state != CLIENT_CHANNEL_OPENING ||
	    in.open_id != in.relid)
		return false;
	channel->status = in.status;
	channel->state = in.status == VMBUS_STATUS_OK ? CLIENT_CHANNEL_OPEN :
	                                                CLIENT_CHANNEL_OPEN_FAILED;
	return true;
}

static bool modify_channel_response(struct client *client, const void *message)
{
	struct vmbus_modify_channel_response in;
	struct client_channel *channel;

	memcpy(&in, message, sizeof(in));
	channel = find_channel(client, in.relid);
	if (!channel || !channel->modifying)
		return false;
	channel->modifying = false;
	channel->status = in.status;
	return true;
}

static bool gpadl_created(struct client *client, const void *message)
{
	struct vmbus_gpadl_created in;
	struct client_gpadl *gpadl;

	memcpy(&in, message, sizeof(in));
	gpadl = find_gpadl(client, in.gpadl, CLIENT_GPADL_CREATING);
	if (!gpadl || gpadl->relid != in.relid)
		return false;
	gpadl->state = in.status == VMBUS_STATUS_OK ? CLIENT_GPADL_READY :
	                                              CLIENT_GPADL_FAILED;
	return true;
}

static bool gpadl_torndown(struct client *client, const void *message)
{
	struct vmbus_gpadl_torndown in;
	struct client_gpadl *gpadl;

	memcpy(&in, message, sizeof(in));
	gpadl = find_gpadl(client, in.gpadl, CLIENT_GPADL_TEARING_DOWN);
	if (!gpadl)
		return false;
	gpadl->state = CLIENT_GPADL_ABSENT;
	return true;
}

struct message_kind {
	uint32_t bytes_min;
	bool connected; /* means something only while CONNECTED */
	bool (*handle)(struct client *client, const void *message);
};

static const struct message_kind kinds[] = {
	[VMBUS_OFFER_CHANNEL] = { sizeof(struct vmbus_offer_channel), true,
	                          offer_channel },
	[VMBUS_RESCIND_OFFER] = { sizeof(struct vmbus_relid_message), true,
	                          rescind_offer },
	[VMBUS_ALL_OFFERS_DELIVERED] = { sizeof(struct vmbus_message_header), true,
	                                 all_offers_delivered },
	[VMBUS_OPEN_RESULT] = { sizeof(struct vmbus_open_result), true, open_result },
	[VMBUS_GPADL_CREATED] = { sizeof(struct vmbus_gpadl_created), true,
	                          gpadl_created },
	[VMBUS_GPADL_TORNDOWN] = { sizeof(struct vmbus_gpadl_torndown), true,
	                           gpadl_torndown },
	[VMBUS_VERSION_RESPONSE] = { sizeof(struct vmbus_version_response), false,
	                             version_response },
	[VMBUS_UNLOAD_RESPONSE] = { sizeof(struct vmbus_message_header), false,
	                            unload_response },
	[VMBUS_MODIFY_CHANNEL_RESPONSE] = { sizeof(struct vmbus_modify_channel_response),
	                                    true, modify_channel_response },
};

static bool receive(struct client *client, const void *message, uint32_t bytes)
{
	struct vmbus_message_header header;
	const struct message_kind *kind;

	if (bytes < sizeof(header))
		return false;
	memcpy(&header, message, sizeof(header));
	if (header.type >= ARRAY_COUNT(kinds) || !kinds[header.type].handle)
		return false;
	kind = &kinds[header.type];
	if (bytes < kind->bytes_min ||
	    (kind->connected && client->state != CLIENT_CONNECTED))
		return false;
	return kind->handle(client, message);
}

void client_receive(struct client *client, const void *message, uint32_t bytes)
{
	if (!receive(client, message, bytes))
		client->ignored++;
}
