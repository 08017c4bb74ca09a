// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * To the child: whoever writes to an eventfd raises an event flag of the child, at once and from
 * the writer's context, through a wait queue entry of ours on the eventfd.
 */
#include "abi.h"
#include "event.h"

#include "partition.h"
#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#define FLAGS_MAX 2048u

/* Where it goes, in one word so that a retarget is seen whole: 47:32 flag, 31:24 SINT, 23:0 vp */
#define TARGET(vp, sint, flag) ((u64)(flag) << 32 | (u64)(sint) << 24 | (vp))
#define TARGET_VP(target)      ((u32)(target)&0xffffffu)
#define TARGET_SINT(target)    ((u8)((target) >> 24))
#define TARGET_FLAG(target)    ((u16)((target) >> 32))

/* In the partition's list, under its lock. */
struct eventfd_flag {
	struct list_head node;
	struct eventfd_ctx *eventfd;
	const void *maker;
	u64 partition_id;
	u64 target;  /* written under the lock, read by the writer of the eventfd */
	bool closed; /* set under the eventfd's lock: its last descriptor is gone */
	wait_queue_entry_t wait;
	poll_table table;
};

/* Any context. A vp that is not there, or a guest without SynIC, loses the event: no harm. */
static void flag_raise(const struct eventfd_flag *flag)
{
	u64 target = READ_ONCE(flag->target);
	struct hv_input_signal_event_direct input = {
		.partition_id = flag->partition_id,
		.vp_index = TARGET_VP(target),
		.sint = TARGET_SINT(target),
		.flag_number = TARGET_FLAG(target),
	};
	u64 registers[2];

	memcpy(registers, &input, sizeof(registers));
	(void)hypercall_fast(HVCALL_SIGNAL_EVENT_DIRECT, registers);
}

/* Under the eventfd's lock, interrupts off. We take the count, or writers would block one day. */
static int flag_wake(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct eventfd_flag *flag = container_of(wait, struct eventfd_flag, wait);
	__poll_t events = key_to_poll(key);
	u64 count;

	if (events & EPOLLIN) {
		eventfd_ctx_do_read(flag->eventfd, &count);
		flag_raise(flag);
	}
	if (events & EPOLLHUP)
		WRITE_ONCE(flag->closed, true);
	return 0;
}

static void flag_queue(struct file *file, wait_queue_head_t *head, poll_table *table)
{
	struct eventfd_flag *flag = container_of(table, struct eventfd_flag, table);

	add_wait_queue(head, &flag->wait);
}

/* The eventfd outlives its descriptors by our reference, and so does its wait queue. */
static void flag_remove_locked(struct viridis_partition *partition,
                               struct eventfd_flag *flag)
{
	u64 count;

	(void)eventfd_ctx_remove_wait_queue(flag->eventfd, &flag->wait, &count);
	eventfd_ctx_put(flag->eventfd);
	list_del(&flag->node);
	partition->eventfd_flag_count--;
	kfree(flag);
}

static struct eventfd_flag *flag_find_locked(struct viridis_partition *partition,
                                             const struct eventfd_ctx *eventfd)
{
	struct eventfd_flag *flag;

	list_for_each_entry(flag, &partition->eventfd_flags, node) {
		if (flag->eventfd == eventfd)
			return flag;
	}
	return NULL;
}

static void flag_reap_locked(struct viridis_partition *partition)
{
	struct eventfd_flag *flag, *next;

	list_for_each_entry_safe(flag, next, &partition->eventfd_flags, node) {
		if (READ_ONCE(flag->closed))
			flag_remove_locked(partition, flag);
	}
}

static int flag_assign_locked(struct viridis_partition *partition, const void *maker,
                              struct file *file, u64 target)
{
	struct eventfd_ctx *eventfd = eventfd_ctx_fileget(file);
	struct eventfd_flag *flag;
	int result = -EEXIST;

	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);
	if (flag_find_locked(partition, eventfd))
		goto put_eventfd;
	flag_reap_locked(partition);
	result = -ENOSPC;
	if (partition->eventfd_flag_count == FLAGS_MAX)
		goto put_eventfd;
	result = -ENOMEM;
	flag = kzalloc(sizeof(*flag), GFP_KERNEL);
	if (!flag)
		goto put_eventfd;

	flag->eventfd = eventfd;
	flag->maker = maker;
	flag->partition_id = partition->id;
	flag->target = target;
	init_waitqueue_func_entry(&flag->wait, flag_wake);
	init_poll_funcptr(&flag->table, flag_queue);
	list_add_tail(&flag->node, &partition->eventfd_flags);
	partition->eventfd_flag_count++;
	if (vfs_poll(file, &flag->table) & EPOLLIN) /* written before we came */
		flag_raise(flag);
	return 0;

put_eventfd:
	eventfd_ctx_put(eventfd);
	return result;
}

static int flag_change_locked(struct viridis_partition *partition, const void *maker,
                              struct file *file,
                              const struct viridis_eventfd_flag *request, u64 target)
{
	struct eventfd_ctx *eventfd = eventfd_ctx_fileget(file);
	struct eventfd_flag *flag;

	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);
	flag = flag_find_locked(partition, eventfd);
	eventfd_ctx_put(eventfd); /* compared, not used */
	if (!flag || flag->maker != maker)
		return -ENOENT;
	if (request->op == VIRIDIS_EVENTFD_FLAG_RETARGET)
		WRITE_ONCE(flag->target, target);
	else
		flag_remove_locked(partition, flag);
	return 0;
}

static bool request_valid(const struct viridis_eventfd_flag *request)
{
	if (request->op > VIRIDIS_EVENTFD_FLAG_RETARGET || request->reserved)
		return false;
	if (request->op == VIRIDIS_EVENTFD_FLAG_DEASSIGN)
		return true;
	return request->vp < MSHV_VP_MAX && request->sint < HV_SINT_COUNT &&
	       request->flag < HV_EVENT_FLAGS_PER_SINT;
}

long event_flag_set(struct viridis_partition *partition, const void *maker,
                    const void __user *argument)
{
	struct viridis_eventfd_flag request;
	struct file *file;
	long result = -EINTR;
	u64 target;

	if (copy_from_user(&request, argument, sizeof(request)))
		return -EFAULT;
	if (!request_valid(&request))
		return -EINVAL;
	target = TARGET(request.vp, request.sint, request.flag);
	file = eventfd_fget(request.eventfd);
	if (IS_ERR(file))
		return PTR_ERR(file);
	if (mutex_lock_killable(&partition->lock))
		goto put_file;
	if (request.op == VIRIDIS_EVENTFD_FLAG_ASSIGN)
		result = flag_assign_locked(partition, maker, file, target);
	else
		result = flag_change_locked(partition, maker, file, &request, target);
	mutex_unlock(&partition->lock);

put_file:
	fput(file);
	return result;
}

void event_remove_flags_locked(struct viridis_partition *partition, const void *maker)
{
	struct eventfd_flag *flag, *next;

	list_for_each_entry_safe(flag, next, &partition->eventfd_flags, node) {
		if (flag->maker == maker)
			flag_remove_locked(partition, flag);
	}
}

void event_remove_flags(struct viridis_partition *partition)
{
	struct eventfd_flag *flag, *next;

	list_for_each_entry_safe(flag, next, &partition->eventfd_flags, node)
		flag_remove_locked(partition, flag);
}
