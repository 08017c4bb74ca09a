// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Message queues. A child's connection leads to a port of the root, whose messages all arrive in
 * one slot of a CPU's message page: that slot is shared by every child and must be emptied at
 * once, or one child's flood would hold up the others. So a queue that runs full gives notice
 * at its high mark: the child's connection is taken away (its HvPostMessage then fails with
 * INVALID_CONNECTION_ID, which guests know from Hyper-V as "too fast, try again") until the
 * reader has come down to the low mark.
 *
 * INBOX-1 Above the high mark there is room for all that the port has accepted already: the 16
 *    buffers that the hypervisor gives a port, and the slot.
 */
#include "abi.h"
#include "message.h"

#include "partition.h"
#include "port.h"
#include "synic.h"
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>

#define QUEUE_MESSAGES       64u
#define QUEUE_HIGH           40u /* INBOX-1 */
#define QUEUE_LOW            8u
#define QUEUES_PER_PARTITION 8u

struct message_queue {
	/* constant after create */
	struct viridis_partition *partition; /* the descriptor's reference, until `ended` */
	u32 connection_id;
	u32 port_id;

	/* queue_lists_lock */
	struct list_head node; /* empty: the owner's, or ended */

	struct synic_home home; /* ARRIVAL-3 */
	bool ended;             /* queue_lists_lock; read without it */
	bool has_port;          /* ARRIVAL-3; false: a move has failed */
	struct mutex port_lock; /* from the claim to connect until it is done */
	struct mutex read_lock; /* one reader at a time: it alone takes messages out */
	wait_queue_head_t wait;
	struct rcu_head rcu;

	spinlock_t lock; /* taken in the interrupt; guards what follows */
	bool connected;
	bool moving; /* to another CPU: not to be connected */
	unsigned int head;
	unsigned int count;
	struct hv_message ring[QUEUE_MESSAGES];
};

/* Of attachments' lists: a queue may be closed while its attachment ends. */
static DEFINE_MUTEX(queue_lists_lock);

/* ---- In: the interrupt ---- */

void message_queue_put(struct message_queue *queue, const struct hv_message *message)
{
	unsigned long flags;
	unsigned int at;

	spin_lock_irqsave(&queue->lock, flags);
	if (queue->count < QUEUE_MESSAGES) {
		at = (queue->head + queue->count++) % QUEUE_MESSAGES;
		memcpy(&queue->ring[at], message, sizeof(*message));
		queue->ring[at].sender = queue->connection_id;
	} else {
		pr_err_ratelimited("p%llu connection %u: message lost\n",
		                   queue->partition->id, queue->connection_id);
	}
	if (queue->count >= QUEUE_HIGH && queue->connected) {
		queue->connected = false;
		(void)port_disconnect(queue->partition->id, queue->connection_id);
	}
	spin_unlock_irqrestore(&queue->lock, flags);
	wake_up_interruptible(&queue->wait);
}

/* ---- Out: the descriptor ---- */

static bool queue_peek(struct message_queue *queue, struct hv_message *message)
{
	bool any;

	spin_lock_irq(&queue->lock);
	any = queue->count > 0;
	if (any)
		*message = queue->ring[queue->head];
	spin_unlock_irq(&queue->lock);
	return any;
}

static void queue_pop(struct message_queue *queue)
{
	spin_lock_irq(&queue->lock);
	queue->head = (queue->head + 1) % QUEUE_MESSAGES;
	queue->count--;
	spin_unlock_irq(&queue->lock);
}

/* Marked connected first: INBOX-1, what is still to come does not reach the mark from here. */
static bool queue_claim_reconnect(struct message_queue *queue)
{
	bool claim;

	spin_lock_irq(&queue->lock);
	claim = !queue->connected && !queue->moving && queue->count <= QUEUE_LOW;
	if (claim)
		queue->connected = true;
	spin_unlock_irq(&queue->lock);
	return claim;
}

static void queue_reconnect_locked(struct message_queue *queue)
{
	int result;

	if (!queue_claim_reconnect(queue))
		return;
	result = port_connect(queue->partition, HV_PORT_MESSAGE, queue->connection_id,
	                      queue->port_id);
	if (!result)
		return;
	pr_err_ratelimited("p%llu connection %u: not restored: %d\n",
	                   queue->partition->id, queue->connection_id, result);
	spin_lock_irq(&queue->lock);
	queue->connected = false; /* the next read tries again */
	spin_unlock_irq(&queue->lock);
}

/* Most reads find nothing to be restored. */
static void queue_reconnect(struct message_queue *queue)
{
	if (READ_ONCE(queue->connected))
		return;
	mutex_lock(&queue->port_lock);
	queue_reconnect_locked(queue);
	mutex_unlock(&queue->port_lock);
}

static ssize_t queue_read_locked(struct message_queue *queue, char __user *buffer,
                                 size_t bytes)
{
	struct hv_message message;
	size_t done = 0;

	queue_reconnect(queue);
	while (bytes - done >= sizeof(message) && queue_peek(queue, &message)) {
		if (copy_to_user(buffer + done, &message, sizeof(message)))
			return done ? done : -EFAULT;
		done += sizeof(message);
		queue_pop(queue);
		queue_reconnect(queue);
	}
	return done;
}

static bool queue_has_messages(struct message_queue *queue)
{
	return READ_ONCE(queue->count) > 0;
}

static bool queue_readable(struct message_queue *queue)
{
	return queue_has_messages(queue) || READ_ONCE(queue->ended);
}

static ssize_t queue_read(struct file *file, char __user *buffer, size_t bytes,
                          loff_t *offset)
{
	struct message_queue *queue = file->private_data;
	ssize_t result;
	bool ended;

	if (bytes < sizeof(struct hv_message))
		return -EINVAL;
	for (;;) {
		if (mutex_lock_interruptible(&queue->read_lock))
			return -ERESTARTSYS;
		ended = READ_ONCE(queue->ended);
		result = queue_read_locked(queue, buffer, bytes);
		mutex_unlock(&queue->read_lock);
		if (result || ended)
			return result;
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		if (wait_event_interruptible(queue->wait, queue_readable(queue)))
			return -ERESTARTSYS;
	}
}

static __poll_t queue_poll(struct file *file, poll_table *table)
{
	struct message_queue *queue = file->private_data;

	poll_wait(file, &queue->wait, table);
	if (READ_ONCE(queue->ended))
		return EPOLLIN | EPOLLRDNORM | EPOLLHUP;
	return queue_has_messages(queue) ? EPOLLIN | EPOLLRDNORM : 0;
}

static void queue_disconnect(struct message_queue *queue)
{
	bool connected;

	spin_lock_irq(&queue->lock);
	connected = queue->connected;
	queue->connected = false;
	spin_unlock_irq(&queue->lock);
	if (connected)
		port_disconnect_or_log(queue->partition, queue->connection_id);
}

static void queue_set_moving(struct message_queue *queue, bool moving)
{
	spin_lock_irq(&queue->lock);
	queue->moving = moving;
	spin_unlock_irq(&queue->lock);
}

static void queue_detach(struct synic_home *home)
{
	struct message_queue *queue = container_of(home, struct message_queue, home);

	mutex_lock(&queue->port_lock);
	queue_set_moving(queue, true);
	queue_disconnect(queue);
	mutex_unlock(&queue->port_lock);
}

static void queue_attach(struct synic_home *home)
{
	struct message_queue *queue = container_of(home, struct message_queue, home);
	int result;

	if (queue->has_port)
		port_delete(queue->port_id);
	synic_home_move_locked(home);
	result = port_create_message(queue->partition, queue->port_id, home);
	queue->has_port = !result;
	if (result) {
		pr_err("p%llu connection %u: not moved: %d\n", queue->partition->id,
		       queue->connection_id, result);
		return;
	}
	mutex_lock(&queue->port_lock);
	queue_set_moving(queue, false);
	queue_reconnect_locked(queue);
	mutex_unlock(&queue->port_lock);
}

static const struct synic_mover queue_mover = { queue_detach, queue_attach };

/* Nor will a reader connect it again, which finds it moving for good. */
static void queue_cut_off(struct message_queue *queue)
{
	synic_ports_lock();
	queue_detach(&queue->home);
	if (queue->has_port)
		port_delete(queue->port_id);
	synic_port_put(queue->port_id);
	synic_home_put_locked(&queue->home);
	synic_ports_unlock();
}

/* ARRIVAL-1 The interrupt may still be at the queue: it goes after a grace period. */
static void queue_destroy(struct message_queue *queue)
{
	queue_cut_off(queue);
	kvfree_rcu(queue, rcu);
}

/* Once; the reference goes next. */
static void queue_end(struct message_queue *queue)
{
	struct viridis_partition *partition = queue->partition;

	WRITE_ONCE(queue->ended, true);
	queue_cut_off(queue);
	wake_up_interruptible(&queue->wait);
	mutex_lock(&partition->lock);
	partition->queue_count--;
	mutex_unlock(&partition->lock);
}

/* The attachment's own reference is left, so none of these is the last. */
void message_end_all(struct list_head *made)
{
	struct message_queue *queue, *next;

	mutex_lock(&queue_lists_lock);
	list_for_each_entry_safe(queue, next, made, node) {
		list_del_init(&queue->node);
		queue_end(queue);
		partition_put(queue->partition);
	}
	mutex_unlock(&queue_lists_lock);
}

static int queue_release(struct inode *inode, struct file *file)
{
	struct message_queue *queue = file->private_data;
	struct viridis_partition *partition = NULL;

	mutex_lock(&queue_lists_lock);
	list_del_init(&queue->node);
	if (!queue->ended) {
		partition = queue->partition;
		queue_end(queue);
	}
	mutex_unlock(&queue_lists_lock);
	kvfree_rcu(queue, rcu); /* ARRIVAL-1 */
	if (partition)
		partition_put(partition);
	return 0;
}

static const struct file_operations queue_operations = {
	.owner = THIS_MODULE,
	.read = queue_read,
	.poll = queue_poll,
	.release = queue_release,
};

/* ---- Creation ---- */

static int queue_connect(struct message_queue *queue)
{
	int result;

	synic_ports_lock();
	result = synic_home_get_locked(&queue->home, &queue_mover);
	if (result)
		goto unlock;
	result = synic_port_get(queue, &queue->port_id);
	if (result)
		goto put_home;
	result = port_create_message(queue->partition, queue->port_id, &queue->home);
	if (result)
		goto put_port;
	result = port_connect(queue->partition, HV_PORT_MESSAGE, queue->connection_id,
	                      queue->port_id);
	if (result)
		goto delete_port;
	queue->has_port = true;
	goto unlock;

delete_port:
	port_delete(queue->port_id);
put_port:
	synic_port_put(queue->port_id);
put_home:
	synic_home_put_locked(&queue->home);
unlock:
	synic_ports_unlock();
	if (result)
		synchronize_rcu(); /* ARRIVAL-1 */
	return result;
}

static struct message_queue *queue_create_locked(struct viridis_partition *partition,
                                                 u32 connection_id)
{
	struct message_queue *queue;
	int result;

	if (partition->queue_count == QUEUES_PER_PARTITION)
		return ERR_PTR(-ENOSPC);
	queue = kvzalloc(sizeof(*queue), GFP_KERNEL);
	if (!queue)
		return ERR_PTR(-ENOMEM);
	queue->partition = partition;
	queue->connection_id = connection_id;
	INIT_LIST_HEAD(&queue->node);
	mutex_init(&queue->port_lock);
	mutex_init(&queue->read_lock);
	init_waitqueue_head(&queue->wait);
	spin_lock_init(&queue->lock);
	queue->connected = true;
	result = queue_connect(queue);
	if (result) {
		kvfree(queue);
		return ERR_PTR(result);
	}
	partition->queue_count++;
	return queue;
}

static struct file *queue_open(struct viridis_partition *partition, u32 connection_id)
{
	struct message_queue *queue;
	struct file *file;

	if (mutex_lock_killable(&partition->lock))
		return ERR_PTR(-EINTR);
	queue = queue_create_locked(partition, connection_id);
	if (IS_ERR(queue)) {
		file = ERR_CAST(queue);
		goto unlock;
	}
	file = anon_inode_getfile("mshv_messages", &queue_operations, queue, O_RDONLY);
	if (IS_ERR(file)) {
		queue_destroy(queue);
		partition->queue_count--;
		goto unlock;
	}
	partition_get(partition); /* the descriptor's: PARTITION-1 */

unlock:
	mutex_unlock(&partition->lock);
	return file;
}

/* Not under the partition's lock, which is taken inside of the lists'. */
static void queue_note(struct message_queue *queue, struct list_head *made)
{
	if (!made)
		return;
	mutex_lock(&queue_lists_lock);
	list_add_tail(&queue->node, made);
	mutex_unlock(&queue_lists_lock);
}

long message_fd_create(struct viridis_partition *partition, struct list_head *made,
                       const void __user *argument)
{
	struct viridis_message_fd request;
	struct file *file;
	int fd;

	if (copy_from_user(&request, argument, sizeof(request)))
		return -EFAULT;
	if (request.reserved || request.connection_id & ~HV_CONNECTION_ID_MASK)
		return -EINVAL;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	file = queue_open(partition, request.connection_id);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	queue_note(file->private_data, made);
	fd_install(fd, file);
	return fd;
}

/* ---- The other way ---- */

long message_post(struct viridis_partition *partition, const void __user *argument)
{
	struct hv_input_post_message_direct input = { .partition_id = partition->id };
	struct viridis_post_message request;

	if (copy_from_user(&request, argument, sizeof(request)))
		return -EFAULT;
	if (request.sint >= HV_SINT_COUNT || request.vp >= MSHV_VP_MAX ||
	    request.message.payload_size > HV_MESSAGE_PAYLOAD_BYTES)
		return -EINVAL;
	input.vp_index = request.vp;
	input.sint = request.sint;
	memcpy(&input.message, &request.message, sizeof(input.message));
	return pool_call_simple(&partition->pool, HVCALL_POST_MESSAGE_DIRECT, &input,
	                        sizeof(input));
}
