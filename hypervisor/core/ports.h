/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ports and connections of a partition, and the queue of a message port. TLFS 11.10. PURE: the
 * caller gives the memory of every node, locks the table, and resolves partition ids.
 *
 * A connection names a port of another (or the same) partition; a port names who may connect. Both
 * are made by a parent: a guest holds them as capabilities and cannot forge one.
 */
#ifndef VIRIDIS_HYPERVISOR_CORE_PORTS_H
#define VIRIDIS_HYPERVISOR_CORE_PORTS_H

#include <viridis/abi/hv_hypercall.h>
#include <viridis/abi/hv_status.h>
#include <viridis/base/list.h>

#define PORTS_BUCKETS        64
#define PORTS_QUEUE_MESSAGES 16 /* of a port: they fill one page */
ASSERT_SIZE(struct hv_message, 4096 / PORTS_QUEUE_MESSAGES);

/* A ring of messages in memory of the caller's. */
struct message_queue {
	struct hv_message *slots;
	uint32_t size;
	uint32_t first, count;
};

/* A port or a connection in its map, found by its id. */
struct ports_entry {
	struct list node;
	uint32_t id; /* constant after insertion */
};

struct port {
	struct ports_entry entry;
	/* constant after insertion */
	struct hv_port_info info;
	uint64_t connection_partition; /* who may connect */
};

struct connection {
	struct ports_entry entry;
	/* constant after insertion */
	uint32_t type;
	uint32_t port_id;
	uint64_t port_partition;
};

struct ports_map {
	struct list bucket[PORTS_BUCKETS];
};

struct ports_table {
	struct ports_map ports;
	struct ports_map connections;
};

void ports_init(struct ports_table *table);

struct ports_entry *ports_find(const struct ports_map *map, uint32_t id);
/* The id is free; off again by list_remove(). */
void ports_insert(struct ports_map *map, struct ports_entry *entry);
/* Any one, for taking a partition down; NULL when there is none. */
struct ports_entry *ports_any(const struct ports_map *map);

/*
 * Checks of hypercall input, of everything that can be checked without the table; on SUCCESS the new
 * object's constant fields are filled. vp_count bounds the port's VP index.
 */
enum hv_status ports_check_create(const struct hv_input_create_port *in,
                                  uint32_t vp_count, struct port *port) MUST_CHECK;
enum hv_status ports_check_connect(const struct hv_input_connect_port *in,
                                   struct connection *c) MUST_CHECK;
enum hv_status ports_check_post(const struct hv_input_post_message *in) MUST_CHECK;

/* Whether partition may hold this connection to this port: ACCESS_DENIED, INVALID_PARAMETER when the
 * types differ. */
enum hv_status ports_check_pair(const struct port *port, const struct connection *c,
                                uint64_t connection_partition) MUST_CHECK;

/* The SIEFP flag that flag_number of an event port stands for; INVALID_PARAMETER when it has none. */
enum hv_status ports_event_flag(const struct port *port, uint16_t flag_number,
                                unsigned int *flag) MUST_CHECK;

/* INSUFFICIENT_BUFFERS when all slots are taken. */
enum hv_status message_queue_put(struct message_queue *queue,
                                 const struct hv_message *message) MUST_CHECK;
/* Take the oldest off, slots[first], once it is delivered; there is one. */
void message_queue_drop(struct message_queue *queue);

#endif
