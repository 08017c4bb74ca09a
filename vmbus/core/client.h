/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The client of VMBus: the guest's side, for guests that have no driver of their own.
 * Bytes of the server's messages go in; messages to post come out through client_ops.
 * States are there to be looked at: start something, feed messages in, watch the state.
 *
 * The server may be hostile. Messages that are short, name nothing we know or come out
 * of turn are counted in `ignored` and change nothing.
 */
#ifndef VIRIDIS_VMBUS_CORE_CLIENT_H
#define VIRIDIS_VMBUS_CORE_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <viridis/abi/vmbus.h>

enum client_state {
	CLIENT_DISCONNECTED,
	CLIENT_CONNECTING, /* INITIATE_CONTACT posted; retries older versions */
	CLIENT_CONNECTED,
	CLIENT_REFUSED, /* no version in common */
	CLIENT_UNLOADING,
};

enum client_channel_state {
	CLIENT_CHANNEL_ABSENT,
	CLIENT_CHANNEL_OFFERED,
	CLIENT_CHANNEL_OPENING,
	CLIENT_CHANNEL_OPEN,
	CLIENT_CHANNEL_OPEN_FAILED, /* may be opened again */
};

struct client_channel {
	enum client_channel_state state;
	bool rescinded;  /* close it, then client_release() it */
	bool modifying;  /* MODIFY_CHANNEL posted, its response is to come */
	uint32_t status; /* of the last OPEN_RESULT or MODIFY_CHANNEL_RESPONSE */
	struct vmbus_offer_channel offer;
};

enum client_gpadl_state {
	CLIENT_GPADL_ABSENT,
	CLIENT_GPADL_CREATING,
	CLIENT_GPADL_READY,
	CLIENT_GPADL_FAILED,
	CLIENT_GPADL_TEARING_DOWN, /* the pages are the host's until this is over */
};

struct client_gpadl {
	enum client_gpadl_state state;
	uint32_t id;
	uint32_t relid;
};

struct client;

struct client_ops {
	/* Posts a message, again as long as the host has no buffers; false: it cannot be posted. */
	bool (*post)(struct client *client, uint32_t connection_id, const void *payload,
	             uint32_t bytes);
};

/* The owner's memory; constant. */
struct client_config {
	const struct client_ops *ops;
	struct client_channel *channels;
	uint32_t channel_capacity;
	struct client_gpadl *gpadls;
	uint32_t gpadl_capacity;
	uint32_t message_vp;  /* the VP that messages are to come to */
	uint32_t version_max; /* 0: the newest we know */
};

struct client {
	struct client_config config; /* constant */
	enum client_state state;
	uint32_t version;
	uint32_t version_index; /* which one INITIATE_CONTACT asked for */
	uint32_t message_connection;
	uint32_t next_gpadl_id;
	bool all_offers_delivered;
	uint32_t dropped_offers; /* for want of channel slots */
	uint32_t ignored;
};

enum client_status {
	CLIENT_OK,
	CLIENT_WRONG_STATE,
	CLIENT_NO_ROOM, /* no GPADL slot */
	CLIENT_INVALID,
	CLIENT_POST_FAILED,
	CLIENT_UNSUPPORTED, /* by the version in use */
};

void client_init(struct client *client, const struct client_config *config);

/* Payload of a SynIC message of type VMBUS_MESSAGE_TYPE; private memory. */
void client_receive(struct client *client, const void *message, uint32_t bytes);

/* Ends in CLIENT_CONNECTED or CLIENT_REFUSED. */
MUST_CHECK enum client_status client_connect(struct client *client);
/* Offers come in until all_offers_delivered, and singly later. */
MUST_CHECK enum client_status client_request_offers(struct client *client);
/* Ends in CLIENT_DISCONNECTED; every page lent is ours again then. */
MUST_CHECK enum client_status client_unload(struct client *client);

/* The nth offer of a type, not rescinded, or NULL. */
struct client_channel *client_find(struct client *client, const struct vmbus_guid *type,
                                   uint32_t nth);

/* Lend whole pages to a channel; ends in READY or FAILED. */
MUST_CHECK enum client_status client_gpadl_create(struct client *client,
                                                  const struct client_channel *channel,
                                                  const uint64_t *pfns,
                                                  uint32_t page_count,
                                                  struct client_gpadl **gpadl);
/* Ends in ABSENT; for one that FAILED, at once. */
MUST_CHECK enum client_status client_gpadl_teardown(struct client *client,
                                                    struct client_gpadl *gpadl);

/* The rings lie in the GPADL, ours to the host first; control pages are zeroed before. */
MUST_CHECK enum client_status client_open(struct client *client,
                                          struct client_channel *channel,
                                          const struct client_gpadl *rings,
                                          uint32_t downstream_page, uint32_t target_vp);
MUST_CHECK enum client_status client_close(struct client *client,
                                           struct client_channel *channel);
/* From version 4.1; below 5.3 nothing tells when it is done. */
MUST_CHECK enum client_status client_retarget(struct client *client,
                                              struct client_channel *channel,
                                              uint32_t target_vp);
/* Acknowledge a rescind: the channel and its GPADLs are ABSENT at once. */
MUST_CHECK enum client_status client_release(struct client *client,
                                             struct client_channel *channel);

#endif
