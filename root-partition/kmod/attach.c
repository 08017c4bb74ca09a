// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * VIRIDIS_ATTACH: another's partition, for its VMBus alone. What an owner may do besides (run VPs, map memory, make
 * hypercalls) an attachment may not.
 */
#include "abi.h"
#include "attach.h"

#include "event.h"
#include "memory.h"
#include "message.h"
#include "partition.h"
#include "stats.h"
#include <linux/anon_inodes.h>
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/poll.h>
#include <linux/rwsem.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

struct attachment {
	struct rw_semaphore lock; /* A2; outside of every other lock but attach_lock */
	struct viridis_partition *partition; /* A1; NULL once the owner is gone */
	struct list_head queues;             /* message descriptors made through it */
	struct list_head node;               /* attach_lock */
	wait_queue_head_t wait;
};

/* Who is attached, and whether owners still are. Outermost. */
static DEFINE_MUTEX(attach_lock);

/* ---- The end ---- */

static void attachment_end_locked(struct attachment *attachment)
{
	struct viridis_partition *partition;

	list_del_init(&attachment->node);
	down_write(&attachment->lock);
	partition = attachment->partition;
	attachment->partition = NULL;
	message_end_all(&attachment->queues);
	event_remove_made_by(partition, attachment);
	up_write(&attachment->lock);
	wake_up_interruptible_poll(&attachment->wait, EPOLLHUP);
	partition_put(partition);
}

void attach_end_all(struct viridis_partition *partition)
{
	struct attachment *attachment, *next;

	mutex_lock(&attach_lock);
	partition->owner_gone = true;
	list_for_each_entry_safe(attachment, next, &partition->attachments, node)
		attachment_end_locked(attachment);
	mutex_unlock(&attach_lock);
}

/* Message descriptors are separate files: those left have been ended and only want to be freed. */
static int attachment_release(struct inode *inode, struct file *file)
{
	struct attachment *attachment = file->private_data;

	mutex_lock(&attach_lock);
	if (attachment->partition)
		attachment_end_locked(attachment);
	mutex_unlock(&attach_lock);
	kfree(attachment);
	return 0;
}

/* ---- The descriptor ---- */

static long attachment_call(struct attachment *attachment, unsigned int command,
                            void __user *argument)
{
	struct viridis_partition *partition = attachment->partition;

	switch (command) {
	case VIRIDIS_PARTITION_ID:
		return copy_to_user(argument, &partition->id, sizeof(partition->id)) ?
		               -EFAULT :
		               0;
	case VIRIDIS_SIGNAL_EVENTFD:
		return event_signal_set(partition, attachment, argument);
	case VIRIDIS_EVENTFD_FLAG:
		return event_flag_set(partition, attachment, argument);
	case VIRIDIS_MESSAGE_FD:
		return message_fd_create(partition, &attachment->queues, argument);
	case VIRIDIS_POST_MESSAGE:
		return message_post(partition, argument);
	case VIRIDIS_GET_STATS:
		return stats_get(argument, &partition->id);
	case VIRIDIS_ATTACHED_MEMORY:
		return memory_show(partition, argument);
	}
	return -ENOTTY;
}

static long attachment_ioctl(struct file *file, unsigned int command, unsigned long value)
{
	struct attachment *attachment = file->private_data;
	long result = -ESHUTDOWN;

	if (down_read_killable(&attachment->lock))
		return -EINTR;
	if (attachment->partition)
		result = attachment_call(attachment, command, (void __user *)value);
	up_read(&attachment->lock);
	return result;
}

static __poll_t attachment_poll(struct file *file, poll_table *table)
{
	struct attachment *attachment = file->private_data;

	poll_wait(file, &attachment->wait, table);
	return READ_ONCE(attachment->partition) ? 0 : EPOLLHUP;
}

static const struct file_operations attachment_operations = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = attachment_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.poll = attachment_poll,
	.release = attachment_release,
};

int attach_track_begin(struct viridis_partition *partition, bool on)
{
	int result = 0;

	mutex_lock(&attach_lock);
	if (partition->tracking_calls || (on && !list_empty(&partition->attachments)))
		result = -EBUSY;
	else
		partition->tracking_calls++;
	mutex_unlock(&attach_lock);
	return result;
}

void attach_track_end(struct viridis_partition *partition, bool on, bool done)
{
	mutex_lock(&attach_lock);
	partition->tracking_calls--;
	if (done)
		partition->writes_tracked = on;
	mutex_unlock(&attach_lock);
}

/* ---- The beginning ---- */

static bool may_attach(const struct viridis_partition *partition)
{
	return uid_eq(current_euid(), partition->creator_user) || capable(CAP_SYS_ADMIN);
}

/* With a reference. A process that made several partitions is none that one could mean. */
static struct viridis_partition *partition_of(const struct viridis_attach *request)
{
	struct viridis_partition *partition, *found = NULL;
	u64 id = 0;

	while ((partition = partition_get_next(id))) {
		id = partition->id + 1;
		if (request->partition_id ?
		            partition->id != request->partition_id :
		            partition->creator_pid != request->creator_pid) {
			partition_put(partition);
			continue;
		}
		if (found) {
			partition_put(found);
			partition_put(partition);
			return ERR_PTR(-ENOTUNIQ);
		}
		found = partition;
	}
	return found ? found : ERR_PTR(-ESRCH);
}

static int attachment_begin(struct attachment *attachment,
                            struct viridis_partition *partition)
{
	int result = 0;

	mutex_lock(&attach_lock);
	if (partition->owner_gone)
		result = -ESRCH;
	else if (partition->writes_tracked || partition->tracking_calls)
		result = -EBUSY;
	if (!result) {
		attachment->partition = partition;
		list_add_tail(&attachment->node, &partition->attachments);
	}
	mutex_unlock(&attach_lock);
	return result;
}

static struct attachment *attachment_create(const struct viridis_attach *request)
{
	struct viridis_partition *partition = partition_of(request);
	struct attachment *attachment;
	int result = -EPERM;

	if (IS_ERR(partition))
		return ERR_CAST(partition);
	if (!may_attach(partition))
		goto put_partition;
	result = -ENOMEM;
	attachment = kzalloc(sizeof(*attachment), GFP_KERNEL);
	if (!attachment)
		goto put_partition;
	init_rwsem(&attachment->lock);
	init_waitqueue_head(&attachment->wait);
	INIT_LIST_HEAD(&attachment->queues);
	INIT_LIST_HEAD(&attachment->node);
	result = attachment_begin(attachment, partition);
	if (!result)
		return attachment;
	kfree(attachment);
put_partition:
	partition_put(partition);
	return ERR_PTR(result);
}

long attach_create(void __user *argument)
{
	struct viridis_attach request;
	struct attachment *attachment;
	int fd;

	if (copy_from_user(&request, argument, sizeof(request)))
		return -EFAULT;
	if (request.reserved || !request.partition_id == !request.creator_pid)
		return -EINVAL;
	attachment = attachment_create(&request);
	if (IS_ERR(attachment))
		return PTR_ERR(attachment);
	fd = anon_inode_getfd("mshv_attachment", &attachment_operations, attachment,
	                      O_RDWR | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	mutex_lock(&attach_lock);
	if (attachment->partition)
		attachment_end_locked(attachment);
	mutex_unlock(&attach_lock);
	kfree(attachment);
	return fd;
}
