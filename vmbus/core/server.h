/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The server of one partition's VMBus: versions, offers, GPADLs, open and close,
 * rescind, unload. Bytes of the guest's messages go in; what is to be done comes out as
 * calls of server_ops and as messages that the owner fetches and delivers one at a
 * time.
 *
 * The owner embeds struct server in a structure of its own, supplies all memory and is
 * the only thread that calls in. An operation that ends later is ended by a
 * server_*_complete() call; it may be made from inside the operation.
 *
 * Invariants, cited in server*.c:
 *   SERVER-1  Nothing of a channel is told to be over (GPADL_TORNDOWN, RESCIND_OFFER,
 *       UNLOAD_RESPONSE, the answer to a new INITIATE_CONTACT) before its provider has
 *       let go of every page concerned.
 *   SERVER-2  A relid is offered again only after RELID_RELEASED or the end of the connection.
 *   SERVER-3  An answer owed has room: a message is taken in only while the queue has a free
 *       slot for each channel, each GPADL and itself.
 *   SERVER-4  Each of OPEN, GPADL_HEADER, GPADL_TEARDOWN, UNLOAD, INITIATE_CONTACT that makes
 *       sense gets exactly one answer, unless the connection ends first.
 *   SERVER-5  A channel's rings stay lent while its provider may touch them: a teardown of
 *       the ring GPADL waits for the close.
 *   SERVER-6  A provider speaks only after OPEN_RESULT was delivered: ops->channel_opened.
 */
#ifndef VIRIDIS_VMBUS_CORE_SERVER_H
#define VIRIDIS_VMBUS_CORE_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <viridis/abi/vmbus.h>
#include "vmbus/core/gpadl.h"

/* A channel is named by its relid, 1..channel_capacity. */
struct server_offer {
	struct vmbus_guid type;
	struct vmbus_guid instance;
	uint32_t relid;         /* the one it is to have; 0: the first that is free */
	uint32_t connection_id; /* the guest signals its flag 0; one per channel */
	uint16_t flags;         /* VMBUS_OFFER_* */
	uint16_t mmio_megabytes;
	uint16_t sub_channel_index;
	uint8_t user_data[VMBUS_USER_DATA_BYTES];
};

/* The client's view of an offer. */
enum server_offer_state {
	SERVER_OFFER_NONE,   /* the slot is free */
	SERVER_OFFER_HIDDEN, /* the client is not connected or did not ask yet */
	SERVER_OFFER_DUE,    /* OFFER_CHANNEL is to be sent */
	SERVER_OFFER_MADE,
	SERVER_OFFER_DECLINED, /* the client released it; hidden until it connects anew */
	SERVER_OFFER_RESCINDING,  /* waiting for the provider, SERVER-1 */
	SERVER_OFFER_RESCIND_DUE, /* RESCIND_OFFER is to be sent */
	SERVER_OFFER_RESCINDED,   /* waiting for RELID_RELEASED, SERVER-2 */
};

/* The provider's view of a channel. */
enum server_channel_state {
	SERVER_CHANNEL_CLOSED,
	SERVER_CHANNEL_OPENING, /* from ops->channel_open to server_open_complete() */
	SERVER_CHANNEL_OPEN,
	SERVER_CHANNEL_CLOSING, /* from ops->channel_close to server_close_complete() */
};

struct server_channel {
	struct server_offer offer; /* constant while the slot is in use */
	enum server_offer_state offer_state;
	bool announced; /* the client knows the relid, SERVER-2 */
	enum server_channel_state state;
	bool close_wanted; /* the client closed it, or it must go */
	bool open_wanted;  /* an OPEN_CHANNEL waits for the close before it */
	bool started;      /* ops->channel_opened was called, SERVER-6 */
	struct vmbus_open_channel open; /* the request being served or waiting */
	uint32_t ring_gpadl;            /* while not CLOSED, SERVER-5 */
	uint32_t target_vp;             /* likewise */
};

/* The rings of a channel about to open, checked for form. */
struct server_rings {
	const uint64_t *pfns;      /* until this call returns */
	uint32_t upstream_pages;   /* guest to host: the first of them */
	uint32_t downstream_pages; /* host to guest: the rest */
	uint32_t target_vp;        /* interrupts go there; VMBUS_VP_NONE: nowhere */
	const uint8_t *user_data;  /* VMBUS_USER_DATA_BYTES, until this call returns */
};

struct server;

/* What the owner does. Context of every call: inside a server_* function. */
struct server_ops {
	/* Are all pages the partition's RAM? If so they must stay until released. */
	bool (*gpadl_accept)(struct server *server, uint32_t relid,
	                     const struct gpadl *gpadl, const uint64_t *pfns);
	/* The provider must let go of the pages; server_release_complete() ends it. */
	void (*gpadl_release)(struct server *server, uint32_t relid, uint32_t gpadl_id);
	/* Map the rings, start the provider; server_open_complete() ends it. */
	void (*channel_open)(struct server *server, uint32_t relid,
	                     const struct server_rings *rings);
	/* The client has been told; packets and signals may begin, SERVER-6. */
	void (*channel_opened)(struct server *server, uint32_t relid);
	/* Stop the provider, unmap the rings; server_close_complete() ends it. */
	void (*channel_close)(struct server *server, uint32_t relid);
	/* From the return on, interrupts of the channel go to the new VP only. */
	void (*channel_retarget)(struct server *server, uint32_t relid,
	                         uint32_t target_vp);
	/* The slot is free again, after server_rescind(). */
	void (*channel_gone)(struct server *server, uint32_t relid);
	/* All is let go and quiet, after server_reset(). */
	void (*reset_complete)(struct server *server);
	/* A line for the owner's rate-limited log; `text` lives for ever. */
	void (*log)(struct server *server, uint32_t relid, const char *text);
};

struct server_message {
	uint32_t target_vp;
	uint32_t bytes;
	uint8_t payload[VMBUS_MESSAGE_BYTES_MAX];
};

/* The owner's memory and limits; constant. */
struct server_config {
	const struct server_ops *ops;
	struct server_channel *channels;
	uint32_t channel_capacity; /* at most VMBUS_RELID_MAX */
	struct gpadl *gpadls;
	uint32_t gpadl_capacity;
	uint64_t *pfn_pool;
	uint32_t pfn_pool_pages;
	struct server_message *queue;
	uint32_t queue_capacity; /* SERVER_QUEUE_CAPACITY() at least */
	uint32_t vp_count;
	uint32_t version_max; /* 0: the newest we know */
};

/* SERVER-3: an answer per channel and GPADL, one for the message at hand, some to run ahead. */
#define SERVER_QUEUE_CAPACITY(channels, gpadls) ((channels) + (gpadls) + 16u)

enum server_state {
	SERVER_DISCONNECTED,
	SERVER_CONNECTED,
	SERVER_RESETTING, /* the old connection's providers are letting go */
};

/* What follows once a reset is through; of UNLOAD and CONTACT the later one counts. */
#define SERVER_AFTER_UNLOAD  0x1u /* answer UNLOAD */
#define SERVER_AFTER_CONTACT 0x2u /* take up the INITIATE_CONTACT kept in `contact` */
#define SERVER_AFTER_OWNER   0x4u /* tell the owner */

struct server {
	struct server_config config; /* constant */

	enum server_state state;
	uint32_t version;
	uint32_t message_vp; /* where messages are delivered */
	bool offers_requested;
	bool all_offers_due;
	uint32_t after_reset; /* SERVER_AFTER_* */
	struct vmbus_initiate_contact contact;

	struct gpadl_table gpadls;

	bool settling;  /* server_settle() is on the stack */
	bool unsettled; /* something changed meanwhile */

	uint32_t queue_head;
	uint32_t queue_count;
	bool head_fetched; /* server_next_message() gave the head out */
};

enum server_status {
	SERVER_OK,
	SERVER_BUSY, /* queue too full: keep the message, deliver some first, SERVER-3 */
	SERVER_IGNORED, /* not a message that means anything now; logged */
	SERVER_INVALID, /* our own caller's arguments */
	SERVER_FULL,    /* no channel slot left */
};

MUST_CHECK enum server_status server_init(struct server *server,
                                          const struct server_config *config);

/* ---- From the guest, to the guest ---- */

/* One message as it was posted; `bytes` of private memory. */
MUST_CHECK enum server_status server_receive(struct server *server, const void *message,
                                             uint32_t bytes);

/*
 * The message to deliver next, on SINT VMBUS_SINT; false when there is none. Until
 * server_message_done() says that it was delivered the same one is given again, unless
 * the connection ended: so ask again before each attempt.
 */
MUST_CHECK bool server_next_message(struct server *server,
                                    struct server_message *message);
void server_message_done(struct server *server);

/* ---- From the owner ---- */

/* Offer a device, at any time. SERVER_INVALID: the relid that it is to have is taken, or there is none such. */
MUST_CHECK enum server_status
server_offer(struct server *server, const struct server_offer *offer, uint32_t *relid);
/* Withdraw an offer; ops->channel_gone tells the end. */
MUST_CHECK enum server_status server_rescind(struct server *server, uint32_t relid);
/* The partition was reset or has ended; ops->reset_complete follows. */
void server_reset(struct server *server);

void server_open_complete(struct server *server, uint32_t relid,
                          enum vmbus_status status);
void server_close_complete(struct server *server, uint32_t relid);
void server_release_complete(struct server *server, uint32_t relid, uint32_t gpadl_id);

/* ---- For providers and statistics ---- */

/* NULL when the relid names no offer. */
const struct server_channel *server_channel(const struct server *server, uint32_t relid);
/* The rings of a channel that is OPENING, OPEN or CLOSING, as ops->channel_open had them; false: it is CLOSED. */
MUST_CHECK bool server_channel_rings(struct server *server, uint32_t relid,
                                     struct server_rings *rings);
/* A READY GPADL of the channel and its pages, or NULL. */
const struct gpadl *server_gpadl(struct server *server, uint32_t relid, uint32_t gpadl_id,
                                 const uint64_t **pfns);

#endif
