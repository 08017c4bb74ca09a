/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ports and connections of a partition, and the queue of a message port. TLFS 11.10. PURE: the
 * caller gives the memory of every object, locks the lists, and resolves partition ids.
 *
 * A connection names a port of another (or the same) partition; a port names who may connect. Both
 * are made by a parent: a guest holds them as capabilities and cannot forge one.
 */
#pragma once

#include <viridis/abi/hv_hypercall.h>
#include <viridis/abi/hv_status.h>
#include <viridis/base/list.h>

#define PORTS_QUEUE_MESSAGES 16 /* of a port: they fill one page */
ASSERT_SIZE(struct hv_message, 4096 / PORTS_QUEUE_MESSAGES);

/* A ring of messages in memory of the caller's. */
struct message_queue {
	struct hv_message *slots;
	uint32_t size;
	uint32_t first, count;
};

enum ports_kind { PORTS_PORT, PORTS_CONNECTION };

/* A port or a connection. */
struct port {
	struct list node; /* of its partition's */
	/* constant while it is on the list */
	enum ports_kind kind;
	uint32_t id;              /* no other of its kind in its partition has it */
	uint64_t peer;            /* the partition of the other end */
	uint32_t peer_port;       /* a connection's: the port it leads to */
	struct hv_port_info info; /* a connection's has the type alone */
	/* a connection's: that port, NULL once it is gone */
	struct port *end;
};

/* NULL: the list has none. */
struct port *ports_find(const struct list *ports, enum ports_kind kind, uint32_t id);

/*
 * Checks of hypercall input, of everything that can be checked without the lists; on SUCCESS the new
 * object is filled. vp_count bounds the port's VP index.
 */
enum hv_status ports_check_create(const struct hv_input_create_port *in,
                                  uint32_t vp_count, struct port *port) MUST_CHECK;
enum hv_status ports_check_connect(const struct hv_input_connect_port *in,
                                   struct port *connection) MUST_CHECK;
enum hv_status ports_check_post(const struct hv_input_post_message *in) MUST_CHECK;

/* Whether a partition may hold this connection to this port: ACCESS_DENIED, INVALID_PARAMETER when the types
 * differ. */
enum hv_status ports_check_pair(const struct port *port, const struct port *connection,
                                uint64_t from) MUST_CHECK;

/* The SIEFP flag that flag_number of an event port stands for; INVALID_PARAMETER when it has none. */
enum hv_status ports_event_flag(const struct port *port, uint16_t flag_number,
                                unsigned int *flag) MUST_CHECK;

/* INSUFFICIENT_BUFFERS when all slots are taken. */
enum hv_status message_queue_put(struct message_queue *queue,
                                 const struct hv_message *message) MUST_CHECK;
/* Take the oldest off, slots[first], once it is delivered; there is one. */
void message_queue_drop(struct message_queue *queue);
