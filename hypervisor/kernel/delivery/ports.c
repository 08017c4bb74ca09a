/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ports and connections at work: the hypercalls that make them (codes 0x58, 0x5b, 0x95, 0x96) and those
 * that send through them (0x5c, 0x5d). The tables and checks: core/ports.h. TLFS 11.10, D5
 *
 * A parent makes both ends, for itself and its children; a partition may be connected to itself.
 *
 * O1 An object is found, used and freed under the ports lock of the partition whose table
 *    it is in. No two of these locks are held at once: a sender copies its connection,
 *    lets go, and then looks up the port. A port that has gone since, or is another's
 *    now, is no connection.
 * O2 The queue of a message port changes under the messages lock of the VP its source is
 *    linked to, or is being linked to under the ports lock.
 * O3 The memory of an object is the deposit of the partition whose table it is in.
 */
#include <viridis/base/mem.h>
#include "hypervisor/kernel/guest/hypercall.h"
#include "hypervisor/kernel/objects/partition.h"

/* Objects freed in one call of ports_destroy. */
#define DESTROY_BUDGET 64

/* A port or a connection: a frame of its partition's deposit. O3 */
struct port_object {
	union {
		struct ports_entry entry;
		struct port port;
		struct connection connection;
	};
	struct message_source source; /* its slots: a frame, of a message port */
};
_Static_assert(sizeof(struct port_object) <= PAGE_4K, "a port is one frame");
_Static_assert(offsetof(struct port, entry) == 0 &&
                       offsetof(struct connection, entry) == 0,
               "both begin with their entry");

static struct port_object *find_locked(const struct partition *owner,
                                       const struct ports_map *map, uint32_t id)
{
	struct ports_entry *entry = ports_find(map, id);

	assert_locked(&owner->ports_lock);
	return entry ? LIST_OWNER(entry, struct port_object, entry) : NULL;
}

/* ---- Making and unmaking ---- */

/* A new object in a table of the owner's, as `model` is, and one with a queue of messages. */
static enum hv_status add_object(struct partition *owner, struct ports_map *map,
                                 const struct port_object *model, bool queue,
                                 enum hv_status id_taken)
{
	struct port_object *object;
	void *slots;

	SPIN_HOLD(&owner->ports_lock);
	if (owner->ports_closed)
		return HV_STATUS_INVALID_PARTITION_STATE;
	if (find_locked(owner, map, model->entry.id))
		return id_taken;
	object = pool_allocate(&owner->pool);
	slots = object && queue ? pool_allocate(&owner->pool) : NULL;
	if (!object || (queue && !slots)) {
		pool_free(&owner->pool, object);
		return HV_STATUS_INSUFFICIENT_MEMORY;
	}
	*object = *model;
	message_source_init(&object->source, slots, PORTS_QUEUE_MESSAGES);
	ports_insert(map, &object->entry);
	return HV_STATUS_SUCCESS;
}

enum hv_status hc_create_port(struct hypercall *call)
{
	const struct hv_input_create_port *in = call->input;
	struct partition *owner = call->target, *connector;
	struct port_object new = { 0 };
	enum hv_status status =
		hypercall_partition(call, in->connection_partition, &connector);

	/* Acquire pairs with the release where a VP is added: its index has a VP. */
	if (status == HV_STATUS_SUCCESS)
		status = ports_check_create(
			in, __atomic_load_n(&owner->vp_count, __ATOMIC_ACQUIRE),
			&new.port);
	if (status != HV_STATUS_SUCCESS)
		return status;
	new.port.connection_partition = connector->id; /* may have come as SELF */
	return add_object(owner, &owner->ports->ports, &new,
	                  in->info.type == HV_PORT_MESSAGE, HV_STATUS_INVALID_PORT_ID);
}

static void remove_locked(struct partition *owner, struct port_object *object)
{
	list_remove(&object->entry.node);
	message_withdraw(&object->source);
	pool_free(&owner->pool, object->source.queue.slots);
	pool_free(&owner->pool, object);
}

static enum hv_status remove_object(struct hypercall *call, const struct ports_map *map,
                                    enum hv_status absent)
{
	const struct hv_input_delete_port *in = call->input;
	struct port_object *object;

	if (in->reserved != 0)
		return HV_STATUS_INVALID_PARAMETER;
	SPIN_HOLD(&call->target->ports_lock);
	object = find_locked(call->target, map, in->port_id);
	if (!object)
		return absent;
	remove_locked(call->target, object);
	return HV_STATUS_SUCCESS;
}

enum hv_status hc_delete_port(struct hypercall *call)
{
	return remove_object(call, &call->target->ports->ports,
	                     HV_STATUS_INVALID_PORT_ID);
}

/* A connection is named as a port is; doorbells there are none. */
enum hv_status hc_disconnect_port(struct hypercall *call)
{
	return remove_object(call, &call->target->ports->connections,
	                     HV_STATUS_INVALID_CONNECTION_ID);
}
_Static_assert(__builtin_offsetof(struct hv_input_disconnect_port, is_doorbell) ==
                       __builtin_offsetof(struct hv_input_delete_port, reserved),
               "the inputs are alike");

/*
 * The port at the end of a connection of the partition `from`. O1: it may be another than the one that
 * was connected.
 */
static enum hv_status find_end_locked(const struct partition *owner,
                                      const struct connection *connection, uint64_t from,
                                      struct port_object **out)
{
	*out = find_locked(owner, &owner->ports->ports, connection->port_id);
	return *out ? ports_check_pair(&(*out)->port, connection, from) :
	              HV_STATUS_INVALID_PORT_ID;
}

static enum hv_status check_port(const struct connection *connection,
                                 struct partition *owner, uint64_t from)
{
	struct port_object *object;

	SPIN_HOLD(&owner->ports_lock);
	return find_end_locked(owner, connection, from, &object);
}

/* O1: the port may be gone again when the connection is there. */
enum hv_status hc_connect_port(struct hypercall *call)
{
	const struct hv_input_connect_port *in = call->input;
	struct partition *from = call->target, *owner;
	struct port_object new = { 0 };
	enum hv_status status = hypercall_partition(call, in->port_partition, &owner);

	if (status == HV_STATUS_SUCCESS)
		status = ports_check_connect(in, &new.connection);
	if (status == HV_STATUS_SUCCESS)
		status = check_port(&new.connection, owner, from->id);
	if (status != HV_STATUS_SUCCESS)
		return status;
	new.connection.port_partition = owner->id; /* may have come as SELF */
	return add_object(from, &from->ports->connections, &new, false,
	                  HV_STATUS_INVALID_CONNECTION_ID);
}

bool ports_destroy(struct partition *partition)
{
	struct ports_table *table = partition->ports;

	SPIN_HOLD(&partition->ports_lock);
	partition->ports_closed = true;
	for (unsigned int i = 0; i < DESTROY_BUDGET; i++) {
		struct ports_entry *entry = ports_any(&table->connections);

		if (!entry)
			entry = ports_any(&table->ports);
		if (!entry)
			return true;
		remove_locked(partition, LIST_OWNER(entry, struct port_object, entry));
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
	const struct port_object *found;

	SPIN_HOLD(&from->ports_lock);
	found = find_locked(from, &from->ports->connections, connection_id);
	if (!found || found->connection.type != type)
		return HV_STATUS_INVALID_CONNECTION_ID;
	*connection = found->connection;
	*owner = partition_find(from, connection->port_partition);
	return *owner ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_CONNECTION_ID;
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

/* A message, or NULL: the event of that flag. */
static enum hv_status send(struct partition *from, uint32_t connection_id,
                           struct hv_message *message, uint16_t flag_number)
{
	struct connection connection;
	struct port_object *object;
	struct partition *owner;
	enum hv_status status = find_route(from, connection_id,
	                                   message ? HV_PORT_MESSAGE : HV_PORT_EVENT,
	                                   &connection, &owner);
	uint8_t newly_signaled;
	unsigned int flag;
	struct vp *vp;

	if (status != HV_STATUS_SUCCESS)
		return status;
	SPIN_HOLD(&owner->ports_lock);
	if (find_end_locked(owner, &connection, from->id, &object) != HV_STATUS_SUCCESS)
		return HV_STATUS_INVALID_CONNECTION_ID;
	vp = choose_vp(owner, &object->port);
	if (message) {
		message->sender = connection.port_id;
		return message_post(&object->source, vp, object->port.info.sint, message);
	}
	if (!vp)
		return HV_STATUS_INVALID_VP_INDEX;
	status = ports_event_flag(&object->port, flag_number, &flag);
	return status == HV_STATUS_SUCCESS ?
	               event_signal(vp, object->port.info.sint, flag, &newly_signaled) :
	               status;
}

/* TLFS 11.10.1: accepted when it is in the port's queue. */
enum hv_status hc_post_message(struct hypercall *call)
{
	const struct hv_input_post_message *in = call->input;
	struct hv_message message = { .type = in->message_type,
		                      .payload_size = (uint8_t)in->payload_size };
	enum hv_status status = ports_check_post(in);

	if (status != HV_STATUS_SUCCESS)
		return status;
	memcpy(message.payload, in->payload, in->payload_size);
	status = send(call->partition, in->connection_id, &message, 0);
	if (status == HV_STATUS_SUCCESS)
		stat_count(call->vp->stats, VIRIDIS_VP_STAT_MESSAGES_POSTED);
	return status;
}

/* TLFS 11.10.2: a flag that is up already stays up, and nothing is lost. */
enum hv_status hc_signal_event(struct hypercall *call)
{
	const struct hv_input_signal_event *in = call->input;
	enum hv_status status;

	if (in->reserved != 0)
		return HV_STATUS_INVALID_PARAMETER;
	status = send(call->partition, in->connection_id, NULL, in->flag_number);
	if (status == HV_STATUS_SUCCESS)
		stat_count(call->vp->stats, VIRIDIS_VP_STAT_EVENTS_SIGNALED);
	return status;
}
