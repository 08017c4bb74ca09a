/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports, connections, and the message queue of a port. */
#include "hypervisor/core/ports.h"

/* Multiplicative hashing by the golden ratio: ids are often consecutive or spaced by powers of 2. */
#define HASH_FACTOR 0x9e3779b1u
#define HASH_SHIFT  26
_Static_assert(PORTS_BUCKETS == 1 << (32 - HASH_SHIFT), "the hash yields a bucket");

#define MESSAGE_TYPE_HYPERVISOR BIT32(31) /* set in the hypervisor's own messages alone */

static unsigned int bucket_of(uint32_t id)
{
	return (id * HASH_FACTOR) >> HASH_SHIFT;
}

void ports_init(struct ports_table *table)
{
	for (unsigned int i = 0; i < PORTS_BUCKETS; i++) {
		list_init(&table->ports.bucket[i]);
		list_init(&table->connections.bucket[i]);
	}
}

struct ports_entry *ports_find(const struct ports_map *map, uint32_t id)
{
	LIST_FOR_EACH(node, &map->bucket[bucket_of(id)])
	{
		struct ports_entry *entry = LIST_OWNER(node, struct ports_entry, node);

		if (entry->id == id)
			return entry;
	}
	return NULL;
}

void ports_insert(struct ports_map *map, struct ports_entry *entry)
{
	list_append(&map->bucket[bucket_of(entry->id)], &entry->node);
}

struct ports_entry *ports_any(const struct ports_map *map)
{
	for (unsigned int i = 0; i < PORTS_BUCKETS; i++) {
		if (!list_empty(&map->bucket[i]))
			return LIST_OWNER(map->bucket[i].next, struct ports_entry, node);
	}
	return NULL;
}

/* Ids have 24 bits, the rest is reserved. */
static bool id_ok(uint32_t id)
{
	return (id & ~HV_CONNECTION_ID_MASK) == 0;
}

static bool type_ok(uint32_t type)
{
	return type == HV_PORT_MESSAGE || type == HV_PORT_EVENT;
}

/* Message ports have no flags; the flags of an event port lie within its SINT's 2048. */
static bool flags_ok(const struct hv_port_info *info)
{
	if (info->type == HV_PORT_MESSAGE)
		return info->base_flag == 0 && info->flag_count == 0;
	return info->flag_count != 0 && info->base_flag < HV_EVENT_FLAGS_PER_SINT &&
	       info->flag_count <= HV_EVENT_FLAGS_PER_SINT - info->base_flag;
}

/* SINT0 is the hypervisor's: a port there could forge what the root takes for an intercept. */
static enum hv_status check_info(const struct hv_port_info *info, uint32_t vp_count)
{
	if (!type_ok(info->type) || info->reserved != 0 || info->reserved2 != 0 ||
	    info->sint == HV_SINT_INTERCEPT || info->sint >= HV_SINT_COUNT ||
	    !flags_ok(info))
		return HV_STATUS_INVALID_PARAMETER;
	if (info->vp_index >= vp_count && info->vp_index != HV_VP_INDEX_ANY)
		return HV_STATUS_INVALID_VP_INDEX;
	return HV_STATUS_SUCCESS;
}

enum hv_status ports_check_create(const struct hv_input_create_port *in,
                                  uint32_t vp_count, struct port *port)
{
	enum hv_status status;

	if (!id_ok(in->port_id))
		return HV_STATUS_INVALID_PORT_ID;
	if (in->port_vtl != 0 || in->min_connection_vtl != 0 || in->reserved != 0)
		return HV_STATUS_INVALID_PARAMETER;
	status = check_info(&in->info, vp_count);
	if (status != HV_STATUS_SUCCESS)
		return status;
	*port = (struct port){
		.entry.id = in->port_id,
		.info = in->info,
		.connection_partition = in->connection_partition,
	};
	return HV_STATUS_SUCCESS;
}

enum hv_status ports_check_connect(const struct hv_input_connect_port *in,
                                   struct connection *c)
{
	if (!id_ok(in->connection_id))
		return HV_STATUS_INVALID_CONNECTION_ID;
	if (!id_ok(in->port_id))
		return HV_STATUS_INVALID_PORT_ID;
	if (in->connection_vtl != 0 || in->reserved2 != 0 || !type_ok(in->info.type) ||
	    in->info.reserved != 0 || in->info.reserved2[0] != 0 ||
	    in->info.reserved2[1] != 0 || in->info.reserved2[2] != 0)
		return HV_STATUS_INVALID_PARAMETER;
	*c = (struct connection){
		.entry.id = in->connection_id,
		.type = in->info.type,
		.port_partition = in->port_partition,
		.port_id = in->port_id,
	};
	return HV_STATUS_SUCCESS;
}

enum hv_status ports_check_post(const struct hv_input_post_message *in)
{
	if (in->reserved != 0 || in->payload_size > HV_MESSAGE_PAYLOAD_BYTES ||
	    in->message_type == HV_MESSAGE_NONE ||
	    (in->message_type & MESSAGE_TYPE_HYPERVISOR))
		return HV_STATUS_INVALID_PARAMETER;
	return HV_STATUS_SUCCESS;
}

enum hv_status ports_check_pair(const struct port *port, const struct connection *c,
                                uint64_t connection_partition)
{
	if (port->connection_partition != connection_partition)
		return HV_STATUS_ACCESS_DENIED;
	if (port->info.type != c->type)
		return HV_STATUS_INVALID_PARAMETER;
	return HV_STATUS_SUCCESS;
}

enum hv_status ports_event_flag(const struct port *port, uint16_t flag_number,
                                unsigned int *flag)
{
	if (port->info.type != HV_PORT_EVENT || flag_number >= port->info.flag_count)
		return HV_STATUS_INVALID_PARAMETER;
	*flag = (unsigned int)port->info.base_flag + flag_number;
	return HV_STATUS_SUCCESS;
}

enum hv_status message_queue_put(struct message_queue *queue,
                                 const struct hv_message *message)
{
	if (queue->count == queue->size)
		return HV_STATUS_INSUFFICIENT_BUFFERS;
	queue->slots[(queue->first + queue->count++) % queue->size] = *message;
	return HV_STATUS_SUCCESS;
}

void message_queue_drop(struct message_queue *queue)
{
	queue->first = (queue->first + 1) % queue->size;
	queue->count--;
}
