/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports, connections, and the message queue of a port. */
#include "hypervisor/core/ports.h"

#define MESSAGE_TYPE_HYPERVISOR BIT32(31) /* set in the hypervisor's own messages alone */

struct port *ports_find(const struct list *ports, enum ports_kind kind, uint32_t id)
{
	LIST_FOR_EACH(node, ports)
	{
		struct port *port = LIST_OWNER(node, struct port, node);

		if (port->id == id && port->kind == kind)
			return port;
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
		.kind = PORTS_PORT,
		.id = in->port_id,
		.peer = in->connection_partition,
		.info = in->info,
	};
	return HV_STATUS_SUCCESS;
}

enum hv_status ports_check_connect(const struct hv_input_connect_port *in,
                                   struct port *connection)
{
	if (!id_ok(in->connection_id))
		return HV_STATUS_INVALID_CONNECTION_ID;
	if (!id_ok(in->port_id))
		return HV_STATUS_INVALID_PORT_ID;
	if (in->connection_vtl != 0 || in->reserved2 != 0 || !type_ok(in->info.type) ||
	    in->info.reserved != 0 || in->info.reserved2[0] != 0 ||
	    in->info.reserved2[1] != 0 || in->info.reserved2[2] != 0)
		return HV_STATUS_INVALID_PARAMETER;
	*connection = (struct port){
		.kind = PORTS_CONNECTION,
		.id = in->connection_id,
		.peer = in->port_partition,
		.peer_port = in->port_id,
		.info.type = in->info.type,
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

enum hv_status ports_check_pair(const struct port *port, const struct port *connection,
                                uint64_t from)
{
	if (port->peer != from)
		return HV_STATUS_ACCESS_DENIED;
	return port->info.type == connection->info.type ? HV_STATUS_SUCCESS :
	                                                  HV_STATUS_INVALID_PARAMETER;
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
