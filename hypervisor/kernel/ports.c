/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ports and connections at work: the hypercalls that make them (codes 0x58, 0x5b, 0x95, 0x96) and those
 * that send through them (0x5c, 0x5d). Invariants O1-O3: kernel/ports.h
 *
 * A parent makes both ends, for itself and its children; a partition may be connected to itself.
 */
#include "hypervisor/kernel/ports.h"
#include <viridis/base/mem.h>
#include "hypervisor/kernel/hypercall.h"
#include "hypervisor/kernel/message.h"
#include "hypervisor/kernel/partition.h"
#include "hypervisor/kernel/stats.h"

/* Objects freed in one call of ports_destroy. */
#define DESTROY_BUDGET 64

/* Each of these, and each connection, is a frame of its partition's deposit. O3 */
struct port_object {
	struct port port;
	struct message_source source; /* its slots: a frame, of a message port */
};
_Static_assert(sizeof(struct port_object) <= PAGE_4K, "a port is one frame");

static struct port_object *find_port_locked(const struct partition *owner, uint32_t id)
{
	struct ports_entry *entry = ports_find(&owner->ports->ports, id);

	assert_locked(&owner->ports_lock);
	return entry ? LIST_OWNER(entry, struct port_object, port.entry) : NULL;
}

static struct connection *find_connection_locked(const struct partition *owner,
                                                 uint32_t id)
{
	struct ports_entry *entry = ports_find(&owner->ports->connections, id);

	assert_locked(&owner->ports_lock);
	return entry ? LIST_OWNER(entry, struct connection, entry) : NULL;
}

/* ---- Making and unmaking ---- */

static struct port_object *allocate_port(struct pool *pool, uint32_t type)
{
	struct port_object *object = pool_allocate(pool);
	void *slots;

	if (!object)
		return NULL;
	message_source_init(&object->source, NULL, 0);
	if (type != HV_PORT_MESSAGE)
		return object;
	slots = pool_allocate(pool);
	message_source_init(&object->source, slots, PORTS_QUEUE_MESSAGES);
	if (slots)
		return object;
	pool_free(pool, object);
	return NULL;
}

enum hv_status hc_create_port(struct hypercall *call)
{
	const struct hv_input_create_port *in = call->input;
	struct partition *owner = call->target, *connector;
	struct port_object *object;
	struct port port;
	enum hv_status status =
		hypercall_partition(call, in->connection_partition, &connector);

	/* Acquire pairs with the release where a VP is added: its index has a VP. */
	if (status == HV_STATUS_SUCCESS)
		status = ports_check_create(
			in, __atomic_load_n(&owner->vp_count, __ATOMIC_ACQUIRE), &port);
	if (status != HV_STATUS_SUCCESS)
		return status;
	SPIN_HOLD(&owner->ports_lock);
	if (owner->ports_closed)
		return HV_STATUS_INVALID_PARTITION_STATE;
	if (find_port_locked(owner, port.entry.id))
		return HV_STATUS_INVALID_PORT_ID;
	object = allocate_port(&owner->pool, port.info.type);
	if (!object)
		return HV_STATUS_INSUFFICIENT_MEMORY;
	object->port = port;
	object->port.connection_partition = connector->id; /* may have come as SELF */
	ports_insert(&owner->ports->ports, &object->port.entry);
	return HV_STATUS_SUCCESS;
}

static void remove_port_locked(struct partition *owner, struct port_object *object)
{
	list_remove(&object->port.entry.node);
	message_withdraw(&object->source);
	pool_free(&owner->pool, object->source.queue.slots);
	pool_free(&owner->pool, object);
}

enum hv_status hc_delete_port(struct hypercall *call)
{
	const struct hv_input_delete_port *in = call->input;
	struct port_object *object;

	if (in->reserved != 0)
		return HV_STATUS_INVALID_PARAMETER;
	SPIN_HOLD(&call->target->ports_lock);
	object = find_port_locked(call->target, in->port_id);
	if (!object)
		return HV_STATUS_INVALID_PORT_ID;
	remove_port_locked(call->target, object);
	return HV_STATUS_SUCCESS;
}

static enum hv_status check_port(const struct connection *connection,
                                 struct partition *owner, uint64_t from)
{
	const struct port_object *object;

	SPIN_HOLD(&owner->ports_lock);
	object = find_port_locked(owner, connection->port_id);
	return object ? ports_check_pair(&object->port, connection, from) :
	                HV_STATUS_INVALID_PORT_ID;
}

enum hv_status hc_connect_port(struct hypercall *call)
{
	const struct hv_input_connect_port *in = call->input;
	struct partition *from = call->target, *owner;
	struct connection connection, *object;
	enum hv_status status = hypercall_partition(call, in->port_partition, &owner);

	if (status == HV_STATUS_SUCCESS)
		status = ports_check_connect(in, &connection);
	if (status == HV_STATUS_SUCCESS)
		status = check_port(&connection, owner, from->id);
	if (status != HV_STATUS_SUCCESS)
		return status;
	connection.port_partition = owner->id; /* may have come as SELF */
	SPIN_HOLD(&from->ports_lock);          /* O1: the port may be gone again */
	if (from->ports_closed)
		return HV_STATUS_INVALID_PARTITION_STATE;
	if (find_connection_locked(from, connection.entry.id))
		return HV_STATUS_INVALID_CONNECTION_ID;
	object = pool_allocate(&from->pool);
	if (!object)
		return HV_STATUS_INSUFFICIENT_MEMORY;
	*object = connection;
	ports_insert(&from->ports->connections, &object->entry);
	return HV_STATUS_SUCCESS;
}

static void remove_connection_locked(struct partition *from,
                                     struct connection *connection)
{
	list_remove(&connection->entry.node);
	pool_free(&from->pool, connection);
}

enum hv_status hc_disconnect_port(struct hypercall *call)
{
	const struct hv_input_disconnect_port *in = call->input;
	struct connection *connection;

	if (in->is_doorbell != 0)
		return HV_STATUS_INVALID_PARAMETER;
	SPIN_HOLD(&call->target->ports_lock);
	connection = find_connection_locked(call->target, in->connection_id);
	if (!connection)
		return HV_STATUS_INVALID_CONNECTION_ID;
	remove_connection_locked(call->target, connection);
	return HV_STATUS_SUCCESS;
}

bool ports_destroy(struct partition *partition)
{
	struct ports_table *table = partition->ports;

	SPIN_HOLD(&partition->ports_lock);
	partition->ports_closed = true;
	for (unsigned int i = 0; i < DESTROY_BUDGET; i++) {
		struct ports_entry *connection = ports_any(&table->connections);
		struct ports_entry *port = ports_any(&table->ports);

		if (connection)
			remove_connection_locked(partition,
			                         LIST_OWNER(connection, struct connection,
			                                    entry));
		else if (port)
			remove_port_locked(partition, LIST_OWNER(port, struct port_object,
			                                         port.entry));
		else
			return true;
	}
	return false;
}

/* O1: who posts to a port here reads its source's target under the same lock. */
void ports_forget_vp(struct vp *vp)
{
	SPIN_HOLD(&vp->partition->ports_lock);
	messages_drain(vp);
}

/* ---- Sending ---- */

/* A copy of a sender's connection, and the partition of the port it leads to. */
static enum hv_status find_route(struct partition *from, uint32_t connection_id,
                                 uint32_t type, struct connection *connection,
                                 struct partition **owner)
{
	const struct connection *found;

	SPIN_HOLD(&from->ports_lock);
	found = find_connection_locked(from, connection_id);
	if (!found || found->type != type)
		return HV_STATUS_INVALID_CONNECTION_ID;
	*connection = *found;
	*owner = partition_find(from, connection->port_partition);
	return *owner ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_CONNECTION_ID;
}

/* O1: the port that is there now may be another than the one that was connected. */
static struct port_object *route_end_locked(const struct partition *from,
                                            const struct connection *connection,
                                            const struct partition *owner)
{
	struct port_object *object = find_port_locked(owner, connection->port_id);

	return object && ports_check_pair(&object->port, connection, from->id) ==
	                               HV_STATUS_SUCCESS ?
	               object :
	               NULL;
}

/* A port for any VP: the root's on this CPU, which needs no kick; a child's first. */
static struct vp *choose_vp(const struct partition *owner, const struct port *port)
{
	struct vp *here;

	if (port->info.vp_index != HV_VP_INDEX_ANY)
		return partition_vp(owner, port->info.vp_index);
	here = owner->is_root ? partition_vp(owner, this_cpu()->index) : NULL;
	return here ? here : partition_vp(owner, 0);
}

/* TLFS 11.10.1: accepted when it is in the port's queue. */
enum hv_status hc_post_message(struct hypercall *call)
{
	const struct hv_input_post_message *in = call->input;
	struct hv_message message = { .type = in->message_type,
		                      .payload_size = (uint8_t)in->payload_size };
	struct connection connection;
	struct port_object *object;
	struct partition *owner;
	enum hv_status status = ports_check_post(in);

	if (status == HV_STATUS_SUCCESS)
		status = find_route(call->partition, in->connection_id, HV_PORT_MESSAGE,
		                    &connection, &owner);
	if (status != HV_STATUS_SUCCESS)
		return status;
	SPIN_HOLD(&owner->ports_lock);
	object = route_end_locked(call->partition, &connection, owner);
	if (!object)
		return HV_STATUS_INVALID_CONNECTION_ID;
	message.sender = connection.port_id;
	memcpy(message.payload, in->payload, in->payload_size);
	status = message_post(&object->source, choose_vp(owner, &object->port),
	                      object->port.info.sint, &message);
	if (status == HV_STATUS_SUCCESS)
		stat_count(call->vp->stats, VIRIDIS_VP_STAT_MESSAGES_POSTED);
	return status;
}

/* TLFS 11.10.2: a flag that is up already stays up, and nothing is lost. */
enum hv_status hc_signal_event(struct hypercall *call)
{
	const struct hv_input_signal_event *in = call->input;
	const struct port_object *object;
	struct connection connection;
	struct partition *owner;
	enum hv_status status;
	bool newly_signaled;
	unsigned int flag;
	struct vp *vp;

	if (in->reserved != 0)
		return HV_STATUS_INVALID_PARAMETER;
	status = find_route(call->partition, in->connection_id, HV_PORT_EVENT,
	                    &connection, &owner);
	if (status != HV_STATUS_SUCCESS)
		return status;
	SPIN_HOLD(&owner->ports_lock);
	object = route_end_locked(call->partition, &connection, owner);
	if (!object)
		return HV_STATUS_INVALID_CONNECTION_ID;
	vp = choose_vp(owner, &object->port);
	if (!vp)
		return HV_STATUS_INVALID_VP_INDEX;
	status = ports_event_flag(&object->port, in->flag_number, &flag);
	if (status == HV_STATUS_SUCCESS)
		status = event_signal(vp, object->port.info.sint, flag, &newly_signaled);
	if (status == HV_STATUS_SUCCESS)
		stat_count(call->vp->stats, VIRIDIS_VP_STAT_EVENTS_SIGNALED);
	return status;
}
