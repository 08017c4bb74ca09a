/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports and connections at work. PORTS-1 to 3: ports.h */
#include "hypervisor/kernel/delivery/ports.h"
#include "hypervisor/kernel/delivery/message.h"
#include "hypervisor/kernel/objects/partition.h"
#include "hypervisor/kernel/objects/sched.h"

/* Objects freed in one call of ports_destroy. */
#define DESTROY_BUDGET 16

/* A frame of its owner's deposit. PORTS-3 */
struct port_object {
	struct port port;
	struct partition *owner;
	struct message_source source; /* its slots: a frame, of a message port */
	unsigned int cpu; /* ports_lock: the root's event port for any VP went there last */
};
_Static_assert(sizeof(struct port_object) <= PAGE_4K, "a port is one frame");

static struct port_object *object_of(struct port *port)
{
	return LIST_OWNER(port, struct port_object, port);
}

static enum hv_status bad_id(enum ports_kind kind)
{
	return kind == PORTS_PORT ? HV_STATUS_INVALID_PORT_ID :
	                            HV_STATUS_INVALID_CONNECTION_ID;
}

static enum hv_status find_end_locked(struct partition *from, struct port *connection)
{
	const struct partition *owner = partition_find(from, connection->peer);

	if (owner)
		connection->end =
			ports_find(&owner->ports, PORTS_PORT, connection->peer_port);
	return connection->end ? ports_check_pair(connection->end, connection, from->id) :
	                         HV_STATUS_INVALID_PORT_ID;
}

static enum hv_status make_locked(struct partition *owner, const struct port *model)
{
	bool queue = model->kind == PORTS_PORT && model->info.type == HV_PORT_MESSAGE;
	struct port_object *object = pool_allocate(&owner->pool);
	void *slots = object && queue ? pool_allocate(&owner->pool) : NULL;

	if (!object || (queue && !slots)) {
		pool_free(&owner->pool, object);
		return HV_STATUS_INSUFFICIENT_MEMORY;
	}
	object->port = *model;
	object->owner = owner;
	object->cpu = model->id % cpu_count;
	message_source_init(&object->source, model->info.sint, slots,
	                    PORTS_QUEUE_MESSAGES);
	list_append(&owner->ports, &object->port.node);
	return HV_STATUS_SUCCESS;
}

enum hv_status ports_add(struct partition *owner, struct port *model)
{
	enum hv_status status = HV_STATUS_SUCCESS;

	SPIN_HOLD(&ports_lock);
	if (model->kind == PORTS_CONNECTION)
		status = find_end_locked(owner, model);
	if (status != HV_STATUS_SUCCESS)
		return status;
	if (partition_is_ending(owner))
		return HV_STATUS_INVALID_PARTITION_STATE;
	if (ports_find(&owner->ports, model->kind, model->id))
		return bad_id(model->kind);
	return make_locked(owner, model);
}

/* What leads to a port is on the list of the partition that may connect. PORTS-1 */
static void cut_connections_locked(const struct port_object *object)
{
	struct partition *from = partition_find(object->owner, object->port.peer);

	if (!from || object->port.kind != PORTS_PORT)
		return;
	LIST_FOR_EACH(node, &from->ports)
	{
		struct port *connection = LIST_OWNER(node, struct port, node);

		if (connection->end == &object->port)
			connection->end = NULL;
	}
}

static void remove_locked(struct port_object *object)
{
	list_remove(&object->port.node);
	cut_connections_locked(object);
	message_source_withdraw(&object->source);
	pool_free(&object->owner->pool, object->source.queue.slots);
	pool_free(&object->owner->pool, object);
}

enum hv_status ports_remove(struct partition *owner, enum ports_kind kind, uint32_t id)
{
	struct port *port;

	SPIN_HOLD(&ports_lock);
	port = ports_find(&owner->ports, kind, id);
	if (!port)
		return bad_id(kind);
	remove_locked(object_of(port));
	return HV_STATUS_SUCCESS;
}

bool ports_destroy(struct partition *partition)
{
	SPIN_HOLD(&ports_lock);
	for (unsigned int i = 0; i < DESTROY_BUDGET; i++) {
		if (list_empty(&partition->ports))
			return true;
		remove_locked(
			object_of(LIST_OWNER(partition->ports.next, struct port, node)));
	}
	return false;
}

static bool takes_events(const struct cpu *cpu)
{
	return synic_takes_events(&cpu->root_vp->synic);
}

/* Whether nobody has to leave that CPU for a signal to its root's VP, which runs, or could at once. */
static bool is_free(const struct cpu *cpu)
{
	const struct vp *current = __atomic_load_n(&cpu->current, __ATOMIC_RELAXED);

	return (!current || current == cpu->root_vp) && takes_events(cpu);
}

/* The first CPU that is so, from the one that the port's last signal went to on; else this one. */
static struct cpu *find_cpu_locked(const struct port_object *port,
                                   bool (*is_so)(const struct cpu *cpu))
{
	for (unsigned int i = 0; i < cpu_count; i++) {
		struct cpu *cpu = cpus[(port->cpu + i) % cpu_count];

		if (is_so(cpu))
			return cpu;
	}
	return this_cpu();
}

/* Where no child is in the way of a signal, as far as that is known; else here: it begins a grace. D15 */
static struct vp *choose_root_vp_locked(struct port_object *port)
{
	struct cpu *cpu = cpus[port->cpu];

	if (!is_free(cpu))
		cpu = sched_some_cpu_idles() ? find_cpu_locked(port, is_free) :
		                               this_cpu();
	if (!takes_events(cpu))
		cpu = find_cpu_locked(port, takes_events);
	port->cpu = cpu->index;
	return cpu->root_vp;
}

/* A port for any VP: a child's first; the root's on this CPU for messages, so that they come in their order. */
static struct vp *choose_vp_locked(struct port_object *object, bool is_event)
{
	const struct partition *owner = object->owner;

	if (object->port.info.vp_index != HV_VP_INDEX_ANY)
		return partition_vp(owner, object->port.info.vp_index);
	if (!owner->is_root)
		return partition_vp(owner, 0);
	return is_event ? choose_root_vp_locked(object) : this_cpu()->root_vp;
}

enum hv_status ports_send(struct partition *from, uint32_t connection_id,
                          struct hv_message *message, uint16_t flag_number)
{
	struct port_object *end;
	struct port *connection;
	enum hv_status status;
	uint8_t newly_signaled;
	unsigned int flag;
	struct vp *vp;

	SPIN_HOLD(&ports_lock);
	connection = ports_find(&from->ports, PORTS_CONNECTION, connection_id);
	if (!connection || !connection->end ||
	    connection->info.type != (message ? HV_PORT_MESSAGE : HV_PORT_EVENT))
		return HV_STATUS_INVALID_CONNECTION_ID;
	if (from->ports.next != &connection->node) { /* the next is likely for it, too */
		list_remove(&connection->node);
		list_insert_before(from->ports.next, &connection->node);
	}
	end = object_of(connection->end);
	vp = choose_vp_locked(end, !message);
	if (message) {
		message->sender = end->port.id;
		return message_post(&end->source, vp, message);
	}
	if (!vp)
		return HV_STATUS_INVALID_VP_INDEX;
	status = ports_event_flag(&end->port, flag_number, &flag);
	return status == HV_STATUS_SUCCESS ?
	               event_signal(vp, end->port.info.sint, flag, &newly_signaled) :
	               status;
}
