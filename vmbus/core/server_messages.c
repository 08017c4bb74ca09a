/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The server's side of each message a client can send: decode and check all of it, then
 * say what is wanted. See server.h for the invariants SERVER-1..SERVER-6.
 */
#include "vmbus/core/server_internal.h"
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "vmbus/core/versions.h"

void server_log(struct server *server, uint32_t relid, const char *text)
{
	server->config.ops->log(server, relid, text);
}

static enum server_status ignore_message(struct server *server, uint32_t relid,
                                         const char *why)
{
	server_log(server, relid, why);
	return SERVER_IGNORED;
}

/* ---- Contact ---- */

static bool version_known(const struct server *server, uint32_t version)
{
	uint32_t newest = server->config.version_max;

	if (newest != 0 && version > newest)
		return false;
	for (unsigned int i = 0; i < ARRAY_COUNT(vmbus_versions); i++) {
		if (vmbus_versions[i] == version)
			return true;
	}
	return false;
}

/* May we serve this client as it asks? Half a pair of monitor pages is a mistake. */
static bool contact_ok(const struct server *server,
                       const struct vmbus_initiate_contact *contact)
{
	if (!version_known(server, contact->version))
		return false;
	if ((contact->monitor_page1_gpa == 0) != (contact->monitor_page2_gpa == 0))
		return false;
	if (contact->version >= VMBUS_VERSION_3_0 &&
	    contact->target_vp >= server->config.vp_count)
		return false;
	return contact->version < VMBUS_VERSION_5_0 ||
	       (contact->sint == VMBUS_SINT && contact->vtl == 0);
}

void server_answer_contact(struct server *server)
{
	const struct vmbus_initiate_contact *contact = &server->contact;
	bool supported = contact_ok(server, contact);

	/* Below 3.0 a client cannot choose: its messages come to VP 0. */
	server->message_vp = contact->version >= VMBUS_VERSION_3_0 &&
	                                     contact->target_vp <
	                                             server->config.vp_count ?
	                             contact->target_vp :
	                             0;
	if (supported) {
		server->state = SERVER_CONNECTED;
		server->version = contact->version;
	}
	server_send_version_response(server, supported);
}

static enum server_status initiate_contact(struct server *server, const void *message,
                                           uint32_t bytes)
{
	(void)bytes; /* at least sizeof(contact), by the table */
	memcpy(&server->contact, message, sizeof(server->contact));
	/* A client that was connected before has been reset, or unloaded by a crash. */
	server_begin_reset(server, SERVER_AFTER_CONTACT);
	return SERVER_OK;
}

static enum server_status unload(struct server *server, const void *message,
                                 uint32_t bytes)
{
	(void)message; /* a header and nothing else */
	(void)bytes;
	server_begin_reset(server, SERVER_AFTER_UNLOAD);
	return SERVER_OK;
}

/* ---- Offers ---- */

static enum server_status request_offers(struct server *server, const void *message,
                                         uint32_t bytes)
{
	(void)message; /* a header and nothing else */
	(void)bytes;
	for (uint32_t i = 0; i < server->config.channel_capacity; i++) {
		struct server_channel *channel = &server->config.channels[i];

		if (channel->offer_state ==
		    SERVER_OFFER_HIDDEN) /* SERVER-2: not those made before */
			channel->offer_state = SERVER_OFFER_DUE;
	}
	server->offers_requested = true;
	server->all_offers_due = true;
	return SERVER_OK;
}

static enum server_status relid_released(struct server *server, const void *message,
                                         uint32_t bytes)
{
	struct vmbus_relid_message in;
	struct server_channel *channel;

	(void)bytes;
	memcpy(&in, message, sizeof(in));
	channel = server_slot(server, in.relid);
	if (!channel)
		return ignore_message(server, in.relid,
		                      "release of a relid that is not offered");
	if (channel->offer_state == SERVER_OFFER_RESCINDED) {
		server_free_slot(server, channel);
		return SERVER_OK;
	}
	if (channel->offer_state != SERVER_OFFER_MADE ||
	    channel->state != SERVER_CHANNEL_CLOSED)
		return ignore_message(server, in.relid, "release of a relid in use");
	channel->offer_state = SERVER_OFFER_DECLINED;
	channel->announced = false;
	server_drop_gpadls(server, in.relid);
	return SERVER_OK;
}

/* ---- GPADLs ---- */

/* The channel that a client may use, or NULL. */
static struct server_channel *usable_channel(const struct server *server, uint32_t relid)
{
	struct server_channel *channel = server_slot(server, relid);

	return channel && channel->offer_state == SERVER_OFFER_MADE ? channel : NULL;
}

static enum server_status refuse_gpadl(struct server *server, uint32_t relid, uint32_t id,
                                       enum vmbus_status status)
{
	server_log(server, relid, "GPADL refused");
	server_send_gpadl_created(server, relid, id, status); /* SERVER-4 */
	return SERVER_OK;
}

/* The list is whole; are the pages the partition's to lend? */
static enum server_status accept_gpadl(struct server *server, struct gpadl *gpadl)
{
	uint32_t relid = gpadl->relid;
	uint32_t id = gpadl->id;

	if (!server->config.ops->gpadl_accept(server, relid, gpadl,
	                                      gpadl_pfns(&server->gpadls, gpadl))) {
		gpadl_remove(&server->gpadls, gpadl);
		return refuse_gpadl(server, relid, id, VMBUS_STATUS_FAILURE);
	}
	server_send_gpadl_created(server, relid, id, VMBUS_STATUS_OK); /* SERVER-4 */
	return SERVER_OK;
}

static enum server_status gpadl_header(struct server *server, const void *message,
                                       uint32_t bytes)
{
	struct vmbus_gpadl_header in;
	struct gpadl *gpadl;

	memcpy(&in, message, sizeof(in));
	if (!usable_channel(server, in.relid))
		return refuse_gpadl(server, in.relid, in.gpadl, VMBUS_STATUS_FAILURE);
	switch (gpadl_begin(&server->gpadls, message, bytes, &gpadl)) {
	case GPADL_COMPLETE:
		return accept_gpadl(server, gpadl);
	case GPADL_MORE:
		return SERVER_OK;
	case GPADL_NO_ROOM:
		return refuse_gpadl(server, in.relid, in.gpadl,
		                    VMBUS_STATUS_LOW_RESOURCES);
	case GPADL_MALFORMED:
	case GPADL_DUPLICATE:
	case GPADL_UNKNOWN:
		break;
	}
	return refuse_gpadl(server, in.relid, in.gpadl, VMBUS_STATUS_FAILURE);
}

static enum server_status gpadl_body(struct server *server, const void *message,
                                     uint32_t bytes)
{
	struct gpadl *gpadl;
	uint32_t relid, id;

	switch (gpadl_continue(&server->gpadls, message, bytes, &gpadl)) {
	case GPADL_COMPLETE:
		return accept_gpadl(server, gpadl);
	case GPADL_MORE:
		return SERVER_OK;
	case GPADL_MALFORMED:
		relid = gpadl->relid;
		id = gpadl->id;
		gpadl_remove(&server->gpadls, gpadl);
		return refuse_gpadl(server, relid, id, VMBUS_STATUS_FAILURE);
	case GPADL_NO_ROOM:
	case GPADL_DUPLICATE:
	case GPADL_UNKNOWN:
		break;
	}
	return ignore_message(server, 0, "GPADL body that belongs to nothing");
}

static enum server_status gpadl_teardown(struct server *server, const void *message,
                                         uint32_t bytes)
{
	struct vmbus_gpadl_teardown in;
	const struct server_channel *channel;
	struct gpadl *gpadl;

	(void)bytes;
	memcpy(&in, message, sizeof(in));
	channel = server_slot(server, in.relid);
	gpadl = gpadl_find(&server->gpadls, in.relid, in.gpadl);
	if (gpadl && gpadl->state != GPADL_ASSEMBLING) {
		if (gpadl->torndown_owed)
			return ignore_message(server, in.relid,
			                      "second teardown of a GPADL");
		gpadl->state = GPADL_TEARING_DOWN;
		gpadl->torndown_owed = true;
		return SERVER_OK;
	}
	if (gpadl)
		gpadl_remove(&server->gpadls, gpadl);
	else if (!channel || channel->offer_state < SERVER_OFFER_RESCINDING)
		return ignore_message(server, in.relid, "teardown of an unknown GPADL");
	/* A rescind took the GPADL before, and the client could not know. */
	server_send_gpadl_torndown(server, in.gpadl); /* SERVER-4 */
	return SERVER_OK;
}

/* ---- Open, close, modify ---- */

static bool vp_ok(const struct server *server, uint32_t vp)
{
	return vp < server->config.vp_count || vp == VMBUS_VP_NONE;
}

static void describe_rings(const struct vmbus_open_channel *open,
                           const struct gpadl *gpadl, struct server_rings *rings)
{
	rings->upstream_pages = open->downstream_pages;
	rings->downstream_pages = gpadl->page_count - open->downstream_pages;
	rings->target_vp = open->target_vp;
	rings->user_data = open->user_data;
}

/* Each ring is whole pages: a control page and data. */
static bool find_rings(struct server *server, const struct vmbus_open_channel *open,
                       struct server_rings *rings)
{
	const struct gpadl *gpadl =
		server_gpadl(server, open->relid, open->gpadl, &rings->pfns);

	if (!gpadl || gpadl->offset != 0 || gpadl->bytes % VMBUS_PAGE_BYTES != 0)
		return false;
	if (gpadl->page_count < 4 || open->downstream_pages < 2 ||
	    open->downstream_pages > gpadl->page_count - 2)
		return false;
	describe_rings(open, gpadl, rings);
	return vp_ok(server, open->target_vp);
}

/* SERVER-5: its GPADL stays while it is not closed, whether the client wants it back or not. */
bool server_channel_rings(struct server *server, uint32_t relid,
                          struct server_rings *rings)
{
	const struct server_channel *channel = server_slot(server, relid);
	const struct gpadl *gpadl;

	if (!channel || channel->state == SERVER_CHANNEL_CLOSED)
		return false;
	gpadl = gpadl_find(&server->gpadls, relid, channel->ring_gpadl);
	if (!gpadl)
		return false;
	rings->pfns = gpadl_pfns(&server->gpadls, gpadl);
	describe_rings(&channel->open, gpadl, rings);
	rings->target_vp = channel->target_vp;
	return true;
}

void server_start_open(struct server *server, struct server_channel *channel)
{
	struct server_rings rings;

	if (!find_rings(server, &channel->open, &rings)) {
		server_log(server, channel->open.relid,
		           "open refused: no such rings or VP");
		server_send_open_result(server, &channel->open,
		                        VMBUS_STATUS_FAILURE); /* SERVER-4 */
		return;
	}
	channel->state = SERVER_CHANNEL_OPENING;
	channel->started = false;
	channel->ring_gpadl = channel->open.gpadl;
	channel->target_vp = channel->open.target_vp;
	server->config.ops->channel_open(server, channel->open.relid, &rings);
}

static enum server_status open_channel(struct server *server, const void *message,
                                       uint32_t bytes)
{
	struct vmbus_open_channel in;
	struct server_channel *channel;

	(void)bytes;
	memcpy(&in, message, sizeof(in));
	channel = usable_channel(server, in.relid);
	if (!channel) {
		server_log(server, in.relid, "open of a relid that is not offered");
		server_send_open_result(server, &in, VMBUS_STATUS_FAILURE); /* SERVER-4 */
		return SERVER_OK;
	}
	/* While OPENING, the one answer there is room for is owed already, SERVER-3. */
	if (channel->open_wanted || channel->state == SERVER_CHANNEL_OPENING ||
	    channel->state == SERVER_CHANNEL_OPEN)
		return ignore_message(server, in.relid, "open of an open channel");
	channel->open = in;
	channel->open_wanted = true;
	return SERVER_OK;
}

static enum server_status close_channel(struct server *server, const void *message,
                                        uint32_t bytes)
{
	struct vmbus_relid_message in;
	struct server_channel *channel;

	(void)bytes;
	memcpy(&in, message, sizeof(in));
	channel = server_slot(server, in.relid);
	if (!channel || (channel->state == SERVER_CHANNEL_CLOSED &&
	                 channel->offer_state < SERVER_OFFER_RESCINDING))
		return ignore_message(server, in.relid, "close of a closed channel");
	if (channel->open_wanted) {
		channel->open_wanted = false;
		server_send_open_result(server, &channel->open,
		                        VMBUS_STATUS_FAILURE); /* SERVER-4 */
	}
	channel->close_wanted = channel->state != SERVER_CHANNEL_CLOSED;
	return SERVER_OK;
}

static enum server_status modify_channel(struct server *server, const void *message,
                                         uint32_t bytes)
{
	struct vmbus_modify_channel in;
	struct server_channel *channel;
	bool can;

	(void)bytes;
	memcpy(&in, message, sizeof(in));
	channel = usable_channel(server, in.relid);
	can = channel && channel->state == SERVER_CHANNEL_OPEN &&
	      vp_ok(server, in.target_vp);
	if (can) {
		channel->target_vp = in.target_vp;
		server->config.ops->channel_retarget(server, in.relid, in.target_vp);
	} else {
		server_log(server, in.relid,
		           "modify refused: channel not open, or no such VP");
	}
	if (server->version >= VMBUS_VERSION_5_3)
		server_send_modify_response(server, in.relid,
		                            can ? VMBUS_STATUS_OK : VMBUS_STATUS_FAILURE);
	return SERVER_OK;
}

/* ---- The table ---- */

struct message_kind {
	uint32_t bytes_min;
	uint32_t version_min;
	bool starts_over; /* needs no connection */
	enum server_status (*handle)(struct server *server, const void *message,
	                             uint32_t bytes);
};

static const struct message_kind kinds[] = {
	[VMBUS_REQUEST_OFFERS] = { .bytes_min = sizeof(struct vmbus_message_header),
	                           .handle = request_offers },
	[VMBUS_OPEN_CHANNEL] = { .bytes_min = sizeof(struct vmbus_open_channel),
	                         .handle = open_channel },
	[VMBUS_CLOSE_CHANNEL] = { .bytes_min = sizeof(struct vmbus_relid_message),
	                          .handle = close_channel },
	[VMBUS_GPADL_HEADER] = { .bytes_min = sizeof(struct vmbus_gpadl_header),
	                         .handle = gpadl_header },
	[VMBUS_GPADL_BODY] = { .bytes_min = sizeof(struct vmbus_gpadl_body),
	                       .handle = gpadl_body },
	[VMBUS_GPADL_TEARDOWN] = { .bytes_min = sizeof(struct vmbus_gpadl_teardown),
	                           .handle = gpadl_teardown },
	[VMBUS_RELID_RELEASED] = { .bytes_min = sizeof(struct vmbus_relid_message),
	                           .handle = relid_released },
	[VMBUS_INITIATE_CONTACT] = { .bytes_min = sizeof(struct vmbus_initiate_contact),
	                             .starts_over = true,
	                             .handle = initiate_contact },
	[VMBUS_UNLOAD] = { .bytes_min = sizeof(struct vmbus_message_header),
	                   .starts_over = true,
	                   .handle = unload },
	[VMBUS_MODIFY_CHANNEL] = { .bytes_min = sizeof(struct vmbus_modify_channel),
	                           .version_min = VMBUS_VERSION_4_1,
	                           .handle = modify_channel },
};

enum server_status server_receive(struct server *server, const void *message,
                                  uint32_t bytes)
{
	struct vmbus_message_header header;
	const struct message_kind *kind;
	enum server_status status;

	if (bytes < sizeof(header) || bytes > VMBUS_MESSAGE_BYTES_MAX)
		return ignore_message(server, 0, "message of an impossible size");
	memcpy(&header, message, sizeof(header));
	if (header.type >= ARRAY_COUNT(kinds) || !kinds[header.type].handle)
		return ignore_message(server, 0, "message of an unknown type");
	kind = &kinds[header.type];
	if (bytes < kind->bytes_min)
		return ignore_message(server, 0, "message too short for its type");
	if (!kind->starts_over) {
		if (server->state != SERVER_CONNECTED)
			return ignore_message(server, 0, "message without a connection");
		if (server->version < kind->version_min)
			return ignore_message(server, 0, "message of a newer version");
		if (!server_queue_has_room(server)) /* SERVER-3 */
			return SERVER_BUSY;
	}
	status = kind->handle(server, message, bytes);
	server_settle(server);
	return status;
}
