/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The server's state: offers, channels and the GPADLs they hold, and how a connection
 * ends. Whoever changes something says what is wanted and calls server_settle(), which
 * takes the steps in the order that SERVER-1 and SERVER-5 ask for. See server.h for the invariants
 * SERVER-1..SERVER-6.
 */
#include "vmbus/core/server_internal.h"
#include <viridis/base/mem.h>

#define CONNECTION_ID_MAX 0xffffffu

enum server_status server_init(struct server *server, const struct server_config *config)
{
	if (config->channel_capacity == 0 || config->channel_capacity > VMBUS_RELID_MAX ||
	    config->vp_count == 0 ||
	    config->queue_capacity < SERVER_QUEUE_CAPACITY(config->channel_capacity,
	                                                   config->gpadl_capacity))
		return SERVER_INVALID;
	*server = (struct server){ .config = *config, .state = SERVER_DISCONNECTED };
	gpadl_table_init(&server->gpadls, config->gpadls, config->gpadl_capacity,
	                 config->pfn_pool, config->pfn_pool_pages);
	memset(config->channels, 0,
	       config->channel_capacity * sizeof(config->channels[0]));
	return SERVER_OK;
}

struct server_channel *server_slot(const struct server *server, uint32_t relid)
{
	struct server_channel *channel;

	if (relid == 0 || relid > server->config.channel_capacity)
		return NULL;
	channel = &server->config.channels[relid - 1];
	return channel->offer_state == SERVER_OFFER_NONE ? NULL : channel;
}

uint32_t server_relid(const struct server *server, const struct server_channel *channel)
{
	return (uint32_t)(channel - server->config.channels) + 1;
}

void server_free_slot(struct server *server, struct server_channel *channel)
{
	memset(channel, 0, sizeof(*channel));
	server->config.ops->channel_gone(server, server_relid(server, channel));
}

/* ---- Steps ---- */

static void step_channel(struct server *server, struct server_channel *channel)
{
	uint32_t relid = server_relid(server, channel);

	if (channel->state == SERVER_CHANNEL_OPEN && channel->close_wanted) {
		channel->state = SERVER_CHANNEL_CLOSING;
		server->config.ops->channel_close(server, relid);
	} else if (channel->state == SERVER_CHANNEL_CLOSED && channel->open_wanted) {
		channel->open_wanted = false;
		server_start_open(server, channel);
	}
}

/* SERVER-5: may the provider still touch it as the channel's rings? */
static bool rings_in_use(const struct server *server, const struct gpadl *gpadl)
{
	const struct server_channel *channel = server_slot(server, gpadl->relid);

	return channel && channel->state != SERVER_CHANNEL_CLOSED &&
	       channel->ring_gpadl == gpadl->id;
}

static void step_gpadl(struct server *server, struct gpadl *gpadl)
{
	if (gpadl->state != GPADL_TEARING_DOWN || gpadl->release_asked ||
	    rings_in_use(server, gpadl))
		return;
	gpadl->release_asked = true;
	server->config.ops->gpadl_release(server, gpadl->relid, gpadl->id);
}

static void step_rescind(struct server *server, struct server_channel *channel)
{
	if (channel->offer_state != SERVER_OFFER_RESCINDING ||
	    channel->state != SERVER_CHANNEL_CLOSED ||
	    gpadl_next(&server->gpadls, server_relid(server, channel),
	               NULL)) /* SERVER-1 */
		return;
	if (channel->announced)
		channel->offer_state = SERVER_OFFER_RESCIND_DUE;
	else
		server_free_slot(server, channel);
}

/* With the connection ends what the client knows of relids (SERVER-2), and the sub-channels that it asked for. */
static void forget_announcements(struct server *server)
{
	for (uint32_t i = 0; i < server->config.channel_capacity; i++) {
		struct server_channel *channel = &server->config.channels[i];

		switch (channel->offer_state) {
		case SERVER_OFFER_NONE:
			break;
		case SERVER_OFFER_RESCINDING:
		case SERVER_OFFER_RESCIND_DUE:
		case SERVER_OFFER_RESCINDED:
			server_free_slot(server, channel);
			break;
		case SERVER_OFFER_HIDDEN:
		case SERVER_OFFER_DUE:
		case SERVER_OFFER_MADE:
		case SERVER_OFFER_DECLINED:
			channel->offer_state = SERVER_OFFER_HIDDEN;
			channel->announced = false;
			if (channel->offer.sub_channel_index != 0)
				server_free_slot(server, channel);
			break;
		}
	}
}

static void step_reset(struct server *server)
{
	uint32_t after = server->after_reset;

	/* SERVER-1; a channel that is not closed has its rings' GPADL, SERVER-5. */
	if (server->state != SERVER_RESETTING || !gpadl_table_empty(&server->gpadls))
		return;
	server->state = SERVER_DISCONNECTED;
	server->after_reset = 0;
	forget_announcements(server);
	if (after & SERVER_AFTER_UNLOAD)
		server_send_simple(server, VMBUS_UNLOAD_RESPONSE);
	if (after & SERVER_AFTER_CONTACT)
		server_answer_contact(server);
	if (after & SERVER_AFTER_OWNER)
		server->config.ops->reset_complete(server);
}

static void step_all(struct server *server)
{
	for (uint32_t i = 0; i < server->config.channel_capacity; i++)
		step_channel(server, &server->config.channels[i]);
	for (uint32_t i = 0; i < server->gpadls.capacity; i++)
		step_gpadl(server, &server->gpadls.entries[i]);
	for (uint32_t i = 0; i < server->config.channel_capacity; i++)
		step_rescind(server, &server->config.channels[i]);
	step_reset(server);
}

/*
 * An operation may be completed from inside, which calls this again: the outer call
 * then goes round once more. Each round's steps are taken once only, so the rounds come
 * to an end.
 */
void server_settle(struct server *server)
{
	server->unsettled = true;
	if (server->settling)
		return;
	server->settling = true;
	while (server->unsettled) {
		server->unsettled = false;
		step_all(server);
	}
	server->settling = false;
}

/* ---- The end of a connection ---- */

void server_drop_gpadls(struct server *server, uint32_t relid)
{
	struct gpadl *gpadl = NULL;

	while ((gpadl = gpadl_next(&server->gpadls, relid, gpadl)) != NULL) {
		if (gpadl->state == GPADL_ASSEMBLING)
			gpadl_remove(&server->gpadls, gpadl);
		else
			gpadl->state = GPADL_TEARING_DOWN;
	}
}

void server_begin_reset(struct server *server, uint32_t after)
{
	if (after != SERVER_AFTER_OWNER)
		after |= server->after_reset & SERVER_AFTER_OWNER;
	server->after_reset = after;
	server->state = SERVER_RESETTING;
	server->version = 0;
	server->offers_requested = false;
	server->all_offers_due = false;
	server_queue_clear(server);
	for (uint32_t i = 0; i < server->config.channel_capacity; i++) {
		struct server_channel *channel = &server->config.channels[i];

		channel->open_wanted = false;
		channel->close_wanted = channel->state != SERVER_CHANNEL_CLOSED;
		server_drop_gpadls(server, i + 1);
	}
	for (uint32_t i = 0; i < server->gpadls.capacity; i++)
		server->gpadls.entries[i].torndown_owed = false;
}

void server_reset(struct server *server)
{
	server_begin_reset(server, SERVER_AFTER_OWNER);
	server_settle(server);
}

/* ---- The owner's offers ---- */

static bool same_device(const struct server_offer *a, const struct server_offer *b)
{
	return memcmp(&a->type, &b->type, sizeof(a->type)) == 0 &&
	       memcmp(&a->instance, &b->instance, sizeof(a->instance)) == 0 &&
	       a->sub_channel_index == b->sub_channel_index;
}

static bool is_for(const struct server *server, const struct server_channel *slot,
                   const struct server_offer *offer)
{
	return slot->offer_state == SERVER_OFFER_NONE &&
	       (offer->relid == 0 || offer->relid == server_relid(server, slot));
}

enum server_status server_offer(struct server *server, const struct server_offer *offer,
                                uint32_t *relid)
{
	struct server_channel *free_slot = NULL;

	if (offer->connection_id == 0 || offer->connection_id > CONNECTION_ID_MAX)
		return SERVER_INVALID;
	for (uint32_t i = 0; i < server->config.channel_capacity; i++) {
		struct server_channel *channel = &server->config.channels[i];

		if (is_for(server, channel, offer))
			free_slot = free_slot ? free_slot : channel;
		else if (channel->offer_state != SERVER_OFFER_NONE &&
		         same_device(&channel->offer, offer)) /* SERVER-2 */
			return SERVER_INVALID;
	}
	if (!free_slot)
		return offer->relid ? SERVER_INVALID : SERVER_FULL;
	free_slot->offer = *offer;
	free_slot->offer_state = server->offers_requested ? SERVER_OFFER_DUE :
	                                                    SERVER_OFFER_HIDDEN;
	*relid = server_relid(server, free_slot);
	return SERVER_OK;
}

enum server_status server_rescind(struct server *server, uint32_t relid)
{
	struct server_channel *channel = server_slot(server, relid);

	if (!channel || channel->offer_state >= SERVER_OFFER_RESCINDING)
		return SERVER_INVALID;
	channel->offer_state = SERVER_OFFER_RESCINDING;
	channel->close_wanted = channel->state != SERVER_CHANNEL_CLOSED;
	if (channel->open_wanted) {
		channel->open_wanted = false;
		server_send_open_result(server, &channel->open,
		                        VMBUS_STATUS_FAILURE); /* SERVER-4 */
	}
	server_drop_gpadls(server, relid);
	server_settle(server);
	return SERVER_OK;
}

/* ---- The owner's completions ---- */

void server_open_complete(struct server *server, uint32_t relid, enum vmbus_status status)
{
	struct server_channel *channel = server_slot(server, relid);

	if (!channel || channel->state != SERVER_CHANNEL_OPENING)
		return;
	channel->state = status == VMBUS_STATUS_OK ? SERVER_CHANNEL_OPEN :
	                                             SERVER_CHANNEL_CLOSED;
	if (status != VMBUS_STATUS_OK)
		channel->close_wanted = false;
	if (server->state == SERVER_CONNECTED)
		server_send_open_result(server, &channel->open, status); /* SERVER-4 */
	server_settle(server);
}

void server_close_complete(struct server *server, uint32_t relid)
{
	struct server_channel *channel = server_slot(server, relid);

	if (!channel || channel->state != SERVER_CHANNEL_CLOSING)
		return;
	channel->state = SERVER_CHANNEL_CLOSED;
	channel->close_wanted = false;
	server_settle(server);
}

void server_release_complete(struct server *server, uint32_t relid, uint32_t gpadl_id)
{
	struct gpadl *gpadl = gpadl_find(&server->gpadls, relid, gpadl_id);

	if (!gpadl || !gpadl->release_asked)
		return;
	if (gpadl->torndown_owed)
		server_send_gpadl_torndown(server, gpadl_id); /* SERVER-1 SERVER-4 */
	gpadl_remove(&server->gpadls, gpadl);
	server_settle(server);
}

/* ---- Looking ---- */

const struct server_channel *server_channel(const struct server *server, uint32_t relid)
{
	return server_slot(server, relid);
}

const struct gpadl *server_gpadl(struct server *server, uint32_t relid, uint32_t gpadl_id,
                                 const uint64_t **pfns)
{
	const struct gpadl *gpadl = gpadl_find(&server->gpadls, relid, gpadl_id);

	if (!gpadl || gpadl->state != GPADL_READY)
		return NULL;
	*pfns = gpadl_pfns(&server->gpadls, gpadl);
	return gpadl;
}
