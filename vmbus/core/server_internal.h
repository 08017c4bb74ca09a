/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the server's files share; SERVER-1..SERVER-6 are the invariants in server.h. */
#ifndef VIRIDIS_VMBUS_CORE_SERVER_INTERNAL_H
#define VIRIDIS_VMBUS_CORE_SERVER_INTERNAL_H

#include "vmbus/core/server.h"

/* ---- server.c ---- */

/* NULL when the relid names no offer. */
struct server_channel *server_slot(const struct server *server, uint32_t relid);
uint32_t server_relid(const struct server *server, const struct server_channel *channel);

/* Take every step that has become possible. */
void server_settle(struct server *server);

/* End the connection; `after` is a SERVER_AFTER_* bit. */
void server_begin_reset(struct server *server, uint32_t after);

/* The channel's GPADLs must go; what the client waits for it still gets. */
void server_drop_gpadls(struct server *server, uint32_t relid);

/* Free the slot of an offer that client and provider are done with. */
void server_free_slot(struct server *server, struct server_channel *channel);

/* ---- server_messages.c ---- */

void server_log(struct server *server, uint32_t relid, const char *text);

/* Serve channel->open; the channel is CLOSED. */
void server_start_open(struct server *server, struct server_channel *channel);

/* Answer the INITIATE_CONTACT in server->contact; the server is DISCONNECTED. */
void server_answer_contact(struct server *server);

/* ---- server_queue.c ---- */

/* SERVER-3: is there room for every answer that could be owed, and one more? */
bool server_queue_has_room(const struct server *server);
void server_queue_clear(struct server *server);

void server_send_simple(struct server *server, enum vmbus_message_type type);
void server_send_version_response(struct server *server, bool supported);
void server_send_open_result(struct server *server, const struct vmbus_open_channel *open,
                             enum vmbus_status status);
void server_send_gpadl_created(struct server *server, uint32_t relid, uint32_t gpadl_id,
                               enum vmbus_status status);
void server_send_gpadl_torndown(struct server *server, uint32_t gpadl_id);
void server_send_modify_response(struct server *server, uint32_t relid,
                                 enum vmbus_status status);

#endif
