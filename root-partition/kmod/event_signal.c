// SPDX-License-Identifier: GPL-2.0-or-later
/* From the child: HvSignalEvent on a connection raises a flag of the root, and that an eventfd. */
#include "abi.h"
#include "event.h"

#include "compat.h"
#include "partition.h"
#include "port.h"
#include "synic.h"
#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uidgid.h>

#define SIGNALS_MAX 2048u

/* In the partition's list, under its lock. */
struct signal {
	struct list_head node;
	struct viridis_partition *partition;
	const void *maker;
	u32 connection_id;
	u32 port_id;
	u16 flag;
	struct eventfd_ctx *eventfd;
};

static struct signal *signal_find_locked(struct viridis_partition *partition,
                                         u32 connection_id)
{
	struct signal *signal;

	list_for_each_entry(signal, &partition->signals, node) {
		if (signal->connection_id == connection_id)
			return signal;
	}
	return NULL;
}

static int signal_wire(const struct signal *signal)
{
	int result = port_create_event(signal->partition, signal->port_id, signal->flag);

	if (result)
		return result;
	result = port_connect(signal->partition, HV_PORT_EVENT, signal->connection_id,
	                      signal->port_id);
	if (result)
		port_delete(signal->port_id);
	return result;
}

static int signal_connect(struct signal *signal)
{
	bool of_root = uid_eq(signal->partition->creator_user, GLOBAL_ROOT_UID);
	int result;

	synic_ports_lock();
	result = synic_flag_get_locked(signal->eventfd, of_root, &signal->flag);
	if (result)
		goto unlock;
	result = synic_port_get(NULL, &signal->port_id);
	if (result)
		goto put_flag;
	result = signal_wire(signal);
	if (!result)
		goto unlock;
	synic_port_put(signal->port_id);
put_flag:
	synic_flag_put_locked(signal->flag);
unlock:
	synic_ports_unlock();
	if (result)
		synchronize_rcu(); /* ARRIVAL-1 */
	return result;
}

static void signal_disconnect(struct signal *signal)
{
	synic_ports_lock();
	port_disconnect_or_log(signal->partition, signal->connection_id);
	port_delete(signal->port_id);
	synic_port_put(signal->port_id);
	synic_flag_put_locked(signal->flag);
	synic_ports_unlock();
}

/* After the grace period of ARRIVAL-1. */
static void signal_free(struct signal *signal)
{
	eventfd_ctx_put(signal->eventfd);
	kfree(signal);
}

static int signal_add_locked(struct viridis_partition *partition, const void *maker,
                             u32 connection_id, int eventfd)
{
	struct signal *signal;
	int result;

	if (signal_find_locked(partition, connection_id))
		return -EEXIST;
	if (partition->signal_count == SIGNALS_MAX)
		return -ENOSPC;
	signal = kzalloc(sizeof(*signal), GFP_KERNEL);
	if (!signal)
		return -ENOMEM;
	signal->partition = partition;
	signal->maker = maker;
	signal->connection_id = connection_id;
	signal->eventfd = eventfd_ctx_fdget(eventfd);
	if (IS_ERR(signal->eventfd)) {
		result = PTR_ERR(signal->eventfd);
		goto free_signal;
	}
	result = signal_connect(signal);
	if (result)
		goto put_eventfd;
	list_add_tail(&signal->node, &partition->signals);
	partition->signal_count++;
	return 0;

put_eventfd:
	eventfd_ctx_put(signal->eventfd);
free_signal:
	kfree(signal);
	return result;
}

static void signal_end_locked(struct viridis_partition *partition, struct signal *signal)
{
	signal_disconnect(signal);
	list_del(&signal->node);
	partition->signal_count--;
	synchronize_rcu(); /* ARRIVAL-1 */
	signal_free(signal);
}

static int signal_remove_locked(struct viridis_partition *partition, const void *maker,
                                u32 connection_id)
{
	struct signal *signal = signal_find_locked(partition, connection_id);

	if (!signal || signal->maker != maker)
		return -ENOENT;
	signal_end_locked(partition, signal);
	return 0;
}

void event_remove_made_by(struct viridis_partition *partition, const void *maker)
{
	struct signal *signal, *next;

	mutex_lock(&partition->lock);
	list_for_each_entry_safe(signal, next, &partition->signals, node) {
		if (signal->maker == maker)
			signal_end_locked(partition, signal);
	}
	event_remove_flags_locked(partition, maker);
	mutex_unlock(&partition->lock);
}

long event_signal_set(struct viridis_partition *partition, const void *maker,
                      const void __user *argument)
{
	struct viridis_signal_eventfd request;
	long result;

	if (copy_from_user(&request, argument, sizeof(request)))
		return -EFAULT;
	if (request.connection_id & ~HV_CONNECTION_ID_MASK || request.eventfd < -1)
		return -EINVAL;
	if (mutex_lock_killable(&partition->lock))
		return -EINTR;
	if (request.eventfd < 0)
		result = signal_remove_locked(partition, maker, request.connection_id);
	else
		result = signal_add_locked(partition, maker, request.connection_id,
		                           request.eventfd);
	mutex_unlock(&partition->lock);
	return result;
}

void event_remove_signals(struct viridis_partition *partition)
{
	struct signal *signal, *next;

	if (list_empty(&partition->signals))
		return;
	list_for_each_entry(signal, &partition->signals, node)
		signal_disconnect(signal);
	synchronize_rcu(); /* ARRIVAL-1, one for all */
	list_for_each_entry_safe(signal, next, &partition->signals, node) {
		list_del(&signal->node);
		signal_free(signal);
	}
}
