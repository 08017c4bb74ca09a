/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports and connections at work. Invariants O1-O3: kernel/ports.h */
#include "hypervisor/kernel/ports.h"
#include "hypervisor/kernel/message.h"
#include "hypervisor/kernel/partition.h"

/* Objects freed in one call of ports_destroy. */
#define DESTROY_BUDGET 64

struct port_object {
	struct port port;
	struct message_source source; /* message ports */
	void *buffers;                /* message ports: a frame */
};
_Static_assert(sizeof(struct port_object) <= SLAB_OBJECT_BYTES,
               "a port is one small object");
_Static_assert(sizeof(struct connection) <= SLAB_OBJECT_BYTES,
               "a connection is one small object");

static struct port_object *find_port_locked(struct partition *owner, uint32_t id)
{
	struct ports_entry *entry = ports_find(&owner->ports->ports, id);

	assert_locked(&owner->ports_lock);
	return entry ? LIST_OWNER(entry, struct port_object, port.entry) : NULL;
}

static struct connection *find_connection_locked(struct partition *owner, uint32_t id)
{
	struct ports_entry *entry = ports_find(&owner->ports->connections, id);

	assert_locked(&owner->ports_lock);
	return entry ? LIST_OWNER(entry, struct connection, entry) : NULL;
}

/*
 * What is made between FINALIZE's look at the table and its change of the state, on
 * another CPU, keeps memory in use, so that DELETE refuses until FINALIZE was called
 * again.
 */
static bool is_finalized(const struct partition *partition)
{
	return __atomic_load_n(&partition->state, __ATOMIC_RELAXED) ==
	       PARTITION_FINALIZED;
}

/* ---- A message port as a source of messages: O2 ---- */

static bool front(struct message_source *source, struct hv_message *message)
{
	struct port_object *object = LIST_OWNER(source, struct port_object, source);

	return ports_queue_front(&object->port, message);
}

static bool next(struct message_source *source)
{
	struct port_object *object = LIST_OWNER(source, struct port_object, source);

	ports_queue_drop(&object->port.queue);
	return object->port.queue.count != 0;
}

/* ---- Making and unmaking ---- */

static enum hv_status allocate_port_locked(struct partition *owner, uint32_t type,
                                           struct port_object **out)
{
	struct port_object *object = slab_allocate(&owner->slab);

	if (!object)
		return HV_STATUS_INSUFFICIENT_MEMORY;
	if (type == HV_PORT_MESSAGE) {
		object->buffers = pool_allocate(&owner->pool);
		if (!object->buffers)
			goto free_object;
	}
	*out = object;
	return HV_STATUS_SUCCESS;

free_object:
	slab_free(&owner->slab, object);
	return HV_STATUS_INSUFFICIENT_MEMORY;
}

static enum hv_status create_locked(struct partition *owner, const struct port *port)
{
	struct port_object *object;
	enum hv_status status;

	if (is_finalized(owner))
		return HV_STATUS_INVALID_PARTITION_STATE;
	if (find_port_locked(owner, port->entry.id))
		return HV_STATUS_INVALID_PORT_ID;
	status = allocate_port_locked(owner, port->type, &object);
	if (status != HV_STATUS_SUCCESS)
		return status;
	object->port = *port;
	list_init(&object->port.entry.node);
	ports_queue_init(&object->port.queue, object->buffers);
	object->source.front = front;
	object->source.next = next;
	list_init(&object->source.node);
	ports_insert(&owner->ports->ports, &object->port.entry);
	return HV_STATUS_SUCCESS;
}

enum hv_status port_create(struct partition *owner, const struct port *port)
{
	enum hv_status status;

	spin_lock(&owner->ports_lock);
	status = create_locked(owner, port);
	spin_unlock(&owner->ports_lock);
	return status;
}

static void remove_port_locked(struct partition *owner, struct port_object *object)
{
	ports_remove(&owner->ports->ports, &object->port.entry);
	message_withdraw(&object->source);
	pool_free(&owner->pool, object->buffers);
	slab_free(&owner->slab, object);
}

enum hv_status port_delete(struct partition *owner, uint32_t port_id)
{
	struct port_object *object;

	spin_lock(&owner->ports_lock);
	object = find_port_locked(owner, port_id);
	if (object)
		remove_port_locked(owner, object);
	spin_unlock(&owner->ports_lock);
	return object ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_PORT_ID;
}

static enum hv_status connect_locked(struct partition *from,
                                     const struct connection *connection)
{
	struct connection *object;

	if (is_finalized(from))
		return HV_STATUS_INVALID_PARTITION_STATE;
	if (find_connection_locked(from, connection->entry.id))
		return HV_STATUS_INVALID_CONNECTION_ID;
	object = slab_allocate(&from->slab);
	if (!object)
		return HV_STATUS_INSUFFICIENT_MEMORY;
	*object = *connection;
	list_init(&object->entry.node);
	ports_insert(&from->ports->connections, &object->entry);
	return HV_STATUS_SUCCESS;
}

enum hv_status port_connect(struct partition *from, struct partition *owner,
                            const struct connection *connection)
{
	struct port_object *object;
	enum hv_status status = HV_STATUS_INVALID_PORT_ID;

	spin_lock(&owner->ports_lock);
	object = find_port_locked(owner, connection->port_id);
	if (object)
		status = ports_check_pair(&object->port, connection, from->id);
	spin_unlock(&owner->ports_lock);
	if (status != HV_STATUS_SUCCESS)
		return status;
	spin_lock(&from->ports_lock); /* O1: the port may be gone again */
	status = connect_locked(from, connection);
	spin_unlock(&from->ports_lock);
	return status;
}

static void remove_connection_locked(struct partition *from,
                                     struct connection *connection)
{
	ports_remove(&from->ports->connections, &connection->entry);
	slab_free(&from->slab, connection);
}

enum hv_status port_disconnect(struct partition *from, uint32_t connection_id)
{
	struct connection *connection;

	spin_lock(&from->ports_lock);
	connection = find_connection_locked(from, connection_id);
	if (connection)
		remove_connection_locked(from, connection);
	spin_unlock(&from->ports_lock);
	return connection ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_CONNECTION_ID;
}

bool ports_destroy(struct partition *partition)
{
	struct ports_table *table = partition->ports;
	struct ports_entry *entry;
	bool done;

	spin_lock(&partition->ports_lock);
	for (unsigned int i = 0; i < DESTROY_BUDGET; i++) {
		if ((entry = ports_any(&table->connections)) != NULL)
			remove_connection_locked(
				partition, LIST_OWNER(entry, struct connection, entry));
		else if ((entry = ports_any(&table->ports)) != NULL)
			remove_port_locked(partition,
			                   LIST_OWNER(entry, struct port_object,
			                              port.entry));
	}
	done = table->ports.count == 0 && table->connections.count == 0;
	spin_unlock(&partition->ports_lock);
	return done;
}

/* O1: who posts to a port here reads its source's target under the same lock. */
void ports_forget_vp(struct vp *vp)
{
	spin_lock(&vp->partition->ports_lock);
	messages_drain(vp);
	spin_unlock(&vp->partition->ports_lock);
}

/* ---- Sending ---- */

/* Where a sender's connection leads: a copy of it, and the port's partition. */
struct route {
	struct connection connection;
	uint64_t from_id;
	struct partition *owner;
};

static enum hv_status find_route(struct partition *from, uint32_t connection_id,
                                 uint32_t type, struct route *route)
{
	const struct connection *found;

	spin_lock(&from->ports_lock);
	found = find_connection_locked(from, connection_id);
	if (found)
		route->connection = *found;
	spin_unlock(&from->ports_lock);
	if (!found || route->connection.type != type)
		return HV_STATUS_INVALID_CONNECTION_ID;
	route->from_id = from->id;
	route->owner = partition_find(from, route->connection.port_partition);
	return route->owner ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_CONNECTION_ID;
}

/* O1: the port that is there now may be another than the one that was connected. */
static struct port_object *route_end_locked(const struct route *route)
{
	struct port_object *object =
		find_port_locked(route->owner, route->connection.port_id);

	if (!object || ports_check_pair(&object->port, &route->connection,
	                                route->from_id) != HV_STATUS_SUCCESS)
		return NULL;
	return object;
}

/* A port for any VP: the root's on this CPU, which needs no kick; a child's first. */
static struct vp *choose_vp(const struct partition *owner, const struct port *port)
{
	struct vp *here;

	if (port->vp_index != HV_VP_INDEX_ANY)
		return partition_vp(owner, port->vp_index);
	here = owner->is_root ? partition_vp(owner, this_cpu()->index) : NULL;
	return here ? here : partition_vp(owner, 0);
}

/* A port with messages waiting stays with the VP they wait for: O2 */
static struct vp *post_target(const struct partition *owner,
                              const struct port_object *object)
{
	struct vp *linked = message_target(&object->source);

	return linked ? linked : choose_vp(owner, &object->port);
}

static enum hv_status post_locked(const struct route *route,
                                  const struct hv_input_post_message *in)
{
	struct port_object *object = route_end_locked(route);
	enum hv_status status;
	struct vp *target;

	if (!object)
		return HV_STATUS_INVALID_CONNECTION_ID;
	target = post_target(route->owner, object);
	if (!target)
		return HV_STATUS_INVALID_VP_INDEX;
	spin_lock(&target->messages.lock); /* O2 */
	status = ports_queue_put(&object->port.queue, in);
	spin_unlock(&target->messages.lock);
	if (status == HV_STATUS_SUCCESS)
		message_offer(&object->source, target, object->port.sint);
	return status;
}

enum hv_status port_post(struct partition *from, const struct hv_input_post_message *in)
{
	struct route route;
	enum hv_status status =
		find_route(from, in->connection_id, HV_PORT_MESSAGE, &route);

	if (status != HV_STATUS_SUCCESS)
		return status;
	spin_lock(&route.owner->ports_lock);
	status = post_locked(&route, in);
	spin_unlock(&route.owner->ports_lock);
	return status;
}

struct event_target {
	struct vp *vp;
	unsigned int sint, flag;
};

static enum hv_status find_event_locked(const struct route *route, uint16_t flag_number,
                                        struct event_target *target)
{
	const struct port_object *object = route_end_locked(route);

	if (!object)
		return HV_STATUS_INVALID_CONNECTION_ID;
	target->vp = choose_vp(route->owner, &object->port);
	if (!target->vp)
		return HV_STATUS_INVALID_VP_INDEX;
	target->sint = object->port.sint;
	return ports_event_flag(&object->port, flag_number, &target->flag);
}

enum hv_status port_signal(struct partition *from, const struct hv_input_signal_event *in)
{
	struct event_target target;
	struct route route;
	enum hv_status status =
		find_route(from, in->connection_id, HV_PORT_EVENT, &route);
	bool newly_signaled;

	if (status != HV_STATUS_SUCCESS)
		return status;
	spin_lock(&route.owner->ports_lock);
	status = find_event_locked(&route, in->flag_number, &target);
	spin_unlock(&route.owner->ports_lock);
	if (status != HV_STATUS_SUCCESS)
		return status;
	/* partition.h L1: the VP stays whole without the lock. */
	return event_signal(target.vp, target.sint, target.flag, &newly_signaled);
}
