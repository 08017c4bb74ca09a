// SPDX-License-Identifier: GPL-2.0-or-later
/* Routes of GSIs and the eventfds bound to them: irq.h. The message's format: SDM3 11.11, APM2 16 */
#include "abi.h"
#include "irq.h"

#include "compat.h"
#include "hypercall.h"
#include "partition.h"
#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/poll.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#define IRQFDS_MAX 2048u

#define ADDRESS_LOGICAL BIT32(2)
#define ADDRESS_DESTINATION \
	0xffu /* from bit 12 on; with the high half's bits 31:8 for the rest */
#define DATA_VECTOR   0xffu
#define DATA_DELIVERY 0x7u /* from bit 8 on */
#define DATA_LEVEL    BIT32(15)

struct irq_route {
	bool given;
	u32 vector;
	u64 control, destination; /* as ASSERT_VIRTUAL_INTERRUPT wants them */
};

/* RCU; replaced as a whole under the partition's lock. */
struct irq_table {
	struct rcu_head rcu;
	u32 count;
	struct irq_route routes[];
};

/* In the partition's list: changed under its lock, read under RCU. */
struct irqfd {
	struct list_head node;
	struct viridis_partition *partition;
	struct eventfd_ctx *eventfd;
	struct eventfd_ctx *resample; /* or NULL */
	u32 gsi;
	bool closed; /* set under the eventfd's lock: its last descriptor is gone */
	wait_queue_entry_t wait;
	poll_table table;
	struct rcu_head rcu;
};

/* ---- Routes ---- */

static struct irq_route irq_decode(const struct mshv_user_irq_entry *entry)
{
	u64 control = entry->data >> 8 & DATA_DELIVERY;

	if (entry->data & DATA_LEVEL)
		control |= HV_INTERRUPT_LEVEL;
	if (entry->address_lo & ADDRESS_LOGICAL)
		control |= HV_INTERRUPT_LOGICAL;
	return (struct irq_route){
		.given = true,
		.vector = entry->data & DATA_VECTOR,
		.control = control,
		.destination = (entry->address_lo >> 12 & ADDRESS_DESTINATION) |
		               (entry->address_hi & ~ADDRESS_DESTINATION),
	};
}

/* Each GSI once. */
static int irq_fill_table(struct irq_table *table,
                          const struct mshv_user_irq_entry __user *user, u32 count)
{
	struct mshv_user_irq_entry entry;
	u32 i;

	for (i = 0; i < count; i++) {
		if (copy_from_user(&entry, user + i, sizeof(entry)))
			return -EFAULT;
		if (entry.gsi >= MSHV_IRQ_MAX || table->routes[entry.gsi].given)
			return -EINVAL;
		table->routes[entry.gsi] = irq_decode(&entry);
		table->count = max(table->count, entry.gsi + 1);
	}
	return 0;
}

/* The new table as long as its highest GSI wants, which is known when it is filled. */
static struct irq_table *irq_make_table(const struct mshv_user_irq_entry __user *user,
                                        u32 count)
{
	struct irq_table *whole, *table;
	int result;

	whole = kvzalloc(struct_size(whole, routes, MSHV_IRQ_MAX), GFP_KERNEL_ACCOUNT);
	if (!whole)
		return ERR_PTR(-ENOMEM);
	result = irq_fill_table(whole, user, count);
	table = result ? ERR_PTR(result) :
	                 kvmalloc(struct_size(table, routes, whole->count),
	                          GFP_KERNEL_ACCOUNT);
	if (!IS_ERR_OR_NULL(table))
		memcpy(table, whole, struct_size(table, routes, whole->count));
	kvfree(whole);
	return table ? table : ERR_PTR(-ENOMEM);
}

long irq_set_routes(struct viridis_partition *partition, const void __user *argument)
{
	const struct mshv_user_irq_table __user *user = argument;
	struct mshv_user_irq_table request;
	struct irq_table *table, *old;

	if (copy_from_user(&request, argument, sizeof(request)))
		return -EFAULT;
	if (request.reserved || request.count > MSHV_IRQ_MAX)
		return -EINVAL;
	table = irq_make_table((const void __user *)(user + 1), request.count);
	if (IS_ERR(table))
		return PTR_ERR(table);
	if (mutex_lock_killable(&partition->lock)) {
		kvfree(table);
		return -EINTR;
	}
	old = rcu_replace_pointer(partition->irq_table, table,
	                          lockdep_is_held(&partition->lock));
	mutex_unlock(&partition->lock);
	if (old)
		kvfree_rcu(old, rcu);
	return 0;
}

/* ---- Eventfds ---- */

/* A GSI's route, under RCU; NULL: it has none. */
static const struct irq_route *irq_route_of(const struct viridis_partition *partition,
                                            u32 gsi)
{
	const struct irq_table *table = rcu_dereference(partition->irq_table);

	return table && gsi < table->count && table->routes[gsi].given ?
	               &table->routes[gsi] :
	               NULL;
}

/* Any context. A message that no vp takes is lost, as on a bus. */
static void irqfd_send(const struct irqfd *irqfd)
{
	struct hv_input_assert_virtual_interrupt input = {
		.partition_id = irqfd->partition->id,
	};
	const struct irq_route *route;

	rcu_read_lock();
	route = irq_route_of(irqfd->partition, irqfd->gsi);
	if (route) {
		input.control = route->control;
		input.destination = route->destination;
		input.vector = route->vector;
	}
	rcu_read_unlock();
	if (route)
		(void)hypercall_simple(HVCALL_ASSERT_VIRTUAL_INTERRUPT, &input,
		                       sizeof(input));
}

/* Under the eventfd's lock, interrupts off. We take the count, or writers would block one day. */
static int irqfd_wake(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct irqfd *irqfd = container_of(wait, struct irqfd, wait);
	__poll_t events = key_to_poll(key);
	u64 count;

	if (events & EPOLLIN) {
		eventfd_ctx_do_read(irqfd->eventfd, &count);
		irqfd_send(irqfd);
	}
	if (events & EPOLLHUP)
		WRITE_ONCE(irqfd->closed, true);
	return 0;
}

static void irqfd_queue(struct file *file, wait_queue_head_t *head, poll_table *table)
{
	struct irqfd *irqfd = container_of(table, struct irqfd, table);

	add_wait_queue(head, &irqfd->wait);
}

/* From now on it sends nothing; who walks the list may still see it. */
static void irqfd_detach_locked(struct viridis_partition *partition, struct irqfd *irqfd)
{
	u64 count;

	(void)eventfd_ctx_remove_wait_queue(irqfd->eventfd, &irqfd->wait, &count);
	list_del_rcu(&irqfd->node);
	partition->irqfd_count--;
}

/* Whoever walks the list may stand at it until a grace period is over. */
static void irqfd_free(struct irqfd *irqfd)
{
	if (irqfd->resample)
		eventfd_ctx_put(irqfd->resample);
	eventfd_ctx_put(irqfd->eventfd);
	kfree_rcu(irqfd, rcu);
}

/* Its resampler may be signalled until then. */
static void irqfd_remove_locked(struct viridis_partition *partition, struct irqfd *irqfd)
{
	irqfd_detach_locked(partition, irqfd);
	if (irqfd->resample)
		synchronize_rcu();
	irqfd_free(irqfd);
}

static void irqfd_reap_locked(struct viridis_partition *partition)
{
	struct irqfd *irqfd, *next;

	list_for_each_entry_safe(irqfd, next, &partition->irqfds, node) {
		if (READ_ONCE(irqfd->closed))
			irqfd_remove_locked(partition, irqfd);
	}
}

static struct irqfd *irqfd_find_locked(struct viridis_partition *partition,
                                       const struct eventfd_ctx *eventfd)
{
	struct irqfd *irqfd;

	list_for_each_entry(irqfd, &partition->irqfds, node) {
		if (irqfd->eventfd == eventfd)
			return irqfd;
	}
	return NULL;
}

/* Takes over the eventfds, also where it fails. */
static int irqfd_assign_locked(struct viridis_partition *partition, struct file *file,
                               struct irqfd *irqfd)
{
	if (irqfd_find_locked(partition, irqfd->eventfd))
		return -EBUSY;
	irqfd_reap_locked(partition);
	if (partition->irqfd_count == IRQFDS_MAX)
		return -ENOSPC;
	init_waitqueue_func_entry(&irqfd->wait, irqfd_wake);
	init_poll_funcptr(&irqfd->table, irqfd_queue);
	list_add_tail_rcu(&irqfd->node, &partition->irqfds);
	partition->irqfd_count++;
	if (vfs_poll(file, &irqfd->table) & EPOLLIN) /* written before we came */
		irqfd_send(irqfd);
	return 0;
}

static struct irqfd *irqfd_create(struct viridis_partition *partition, struct file *file,
                                  const struct mshv_user_irqfd *request)
{
	struct irqfd *irqfd = kzalloc(sizeof(*irqfd), GFP_KERNEL_ACCOUNT);
	long result;

	if (!irqfd)
		return ERR_PTR(-ENOMEM);
	irqfd->partition = partition;
	irqfd->gsi = request->gsi;
	irqfd->eventfd = eventfd_ctx_fileget(file);
	result = PTR_ERR_OR_ZERO(irqfd->eventfd);
	if (result)
		goto free_irqfd;
	if (!(request->flags & MSHV_IRQFD_RESAMPLE))
		return irqfd;
	irqfd->resample = eventfd_ctx_fdget(request->resample_fd);
	result = PTR_ERR_OR_ZERO(irqfd->resample);
	if (!result)
		return irqfd;
	eventfd_ctx_put(irqfd->eventfd);
free_irqfd:
	kfree(irqfd);
	return ERR_PTR(result);
}

static int irqfd_assign(struct viridis_partition *partition, struct file *file,
                        const struct mshv_user_irqfd *request)
{
	struct irqfd *irqfd = irqfd_create(partition, file, request);
	int result = -EINTR;

	if (IS_ERR(irqfd))
		return PTR_ERR(irqfd);
	if (!mutex_lock_killable(&partition->lock)) {
		result = irqfd_assign_locked(partition, file, irqfd);
		mutex_unlock(&partition->lock);
	}
	if (result)
		irqfd_free(irqfd);
	return result;
}

/* One that is not there is no fault: a VMM ends what its device may have ended. */
static int irqfd_deassign(struct viridis_partition *partition, struct file *file,
                          const struct mshv_user_irqfd *request)
{
	struct eventfd_ctx *eventfd = eventfd_ctx_fileget(file);
	struct irqfd *irqfd;
	int result = -EINTR;

	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);
	if (!mutex_lock_killable(&partition->lock)) {
		irqfd = irqfd_find_locked(partition, eventfd);
		if (irqfd && irqfd->gsi == request->gsi)
			irqfd_remove_locked(partition, irqfd);
		mutex_unlock(&partition->lock);
		result = 0;
	}
	eventfd_ctx_put(eventfd);
	return result;
}

long irq_set_eventfd(struct viridis_partition *partition, const void __user *argument)
{
	struct mshv_user_irqfd request;
	struct file *file;
	long result;

	if (copy_from_user(&request, argument, sizeof(request)))
		return -EFAULT;
	if (request.flags & ~(MSHV_IRQFD_DEASSIGN | MSHV_IRQFD_RESAMPLE) ||
	    request.gsi >= MSHV_IRQ_MAX)
		return -EINVAL;
	file = eventfd_fget(request.fd);
	if (IS_ERR(file))
		return PTR_ERR(file);
	if (request.flags & MSHV_IRQFD_DEASSIGN)
		result = irqfd_deassign(partition, file, &request);
	else
		result = irqfd_assign(partition, file, &request);
	fput(file);
	return result;
}

/* Whose device still asks writes to its eventfd again. */
void irq_ended(struct viridis_partition *partition, u32 vector)
{
	const struct irq_route *route;
	struct irqfd *irqfd;

	rcu_read_lock();
	list_for_each_entry_rcu(irqfd, &partition->irqfds, node)
	{
		route = irqfd->resample ? irq_route_of(partition, irqfd->gsi) : NULL;
		if (route && route->vector == vector &&
		    route->control & HV_INTERRUPT_LEVEL)
			compat_eventfd_signal(irqfd->resample);
	}
	rcu_read_unlock();
}

void irq_remove_all(struct viridis_partition *partition)
{
	struct irqfd *irqfd, *next;

	list_for_each_entry_safe(irqfd, next, &partition->irqfds, node) {
		irqfd_detach_locked(partition, irqfd);
		irqfd_free(irqfd);
	}
	kvfree(rcu_dereference_protected(partition->irq_table, true));
}
