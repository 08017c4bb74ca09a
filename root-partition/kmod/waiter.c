// SPDX-License-Identifier: GPL-2.0-or-later
/* A task that signals a child and waits for news, by one call: waiter.h */
#include "abi.h"
#include "waiter.h"

#include "compat.h"
#include "vp_watch.h"
#include <linux/anon_inodes.h>
#include <linux/bitops.h>
#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/irqflags.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#define NEWS       (EPOLLIN | EPOLLERR | EPOLLHUP)
#define HALT_TICKS 2
#define PAUSE_MAX  64u

#define HALT_NS_WORTH (1 * NSEC_PER_MSEC)

/* Behind the bits of the watches: a descriptor was closed, WAITER-1. */
#define ENDED VIRIDIS_WATCHES_MAX

enum waiter_state { WAITER_AWAKE, WAITER_HALTED, WAITER_ASLEEP };

/* Under the waiter's lock, but for what watch_wake() has. */
struct watch {
	struct waiter *waiter; /* constant, as is the number */
	unsigned int number;
	struct file *file; /* NULL: there is none */
	struct eventfd_ctx *signal;
	wait_queue_head_t *head; /* NULL: not in its queue, or no longer */
	wait_queue_entry_t entry;
	poll_table table;
	unsigned int queues; /* that its file has; only one can be watched */
};

struct waiter {
	struct mutex lock; /* held while its task rests, too */

	/* written once, under the lock, by the first watch */
	struct task_struct *task;
	fl_owner_t owner;

	/* under the lock */
	bool ended;
	unsigned long edges; /* watches that are told of once each time */
	unsigned long again; /* others that were told of, and may have more */
	u64 halted_ns;       /* in all; read without the lock */
	unsigned int pause; /* rests without a halt behind the last one that was too long */
	unsigned int paused; /* how many of them are to come */

	/* atomic: WAITER-2 */
	unsigned long ready;
	enum waiter_state state;

	struct watch watches[VIRIDIS_WATCHES_MAX];
};

/* ---- News ---- */

/* True: the task sleeps. */
static bool waiter_tell(struct waiter *waiter, unsigned int number)
{
	set_bit(number, &waiter->ready);
	smp_mb__after_atomic(); /* WAITER-2 */
	switch (READ_ONCE(waiter->state)) {
	case WAITER_AWAKE:
		return false;
	case WAITER_HALTED: /* on this CPU the interrupt has ended it */
		kick_process(waiter->task);
		return false;
	case WAITER_ASLEEP:
		return true;
	}
	return false;
}

/* Under the lock of the queue, interrupts off. */
static int watch_wake(wait_queue_entry_t *entry, unsigned int mode, int sync, void *key)
{
	struct watch *watch = container_of(entry, struct watch, entry);
	__poll_t events = key_to_poll(key);

	if (events & POLLFREE) { /* the queue goes before its file does */
		list_del_init(&entry->entry);
		/* Pairs with watch_leave(). */
		smp_store_release(&watch->head, NULL);
		return 0;
	}
	if (events && !(events & NEWS))
		return 0;
	return waiter_tell(watch->waiter, watch->number) ?
	               default_wake_function(entry, mode, sync, key) :
	               0;
}

/* ---- Watches ---- */

static void watch_queue(struct file *file, wait_queue_head_t *head, poll_table *table)
{
	struct watch *watch = container_of(table, struct watch, table);

	if (watch->queues++)
		return;
	watch->head = head;
	add_wait_queue(head, &watch->entry);
}

/* A queue that goes before its file does is freed by RCU, as poll and epoll need it. */
static void watch_leave(struct watch *watch)
{
	wait_queue_head_t *head;

	rcu_read_lock();
	head = smp_load_acquire(&watch->head);
	if (head)
		remove_wait_queue(head, &watch->entry);
	rcu_read_unlock();
}

static void watch_end_locked(struct watch *watch)
{
	struct waiter *waiter = watch->waiter;

	if (!watch->file)
		return;
	watch_leave(watch);
	clear_bit(watch->number, &waiter->ready);
	waiter->edges &= ~BIT(watch->number);
	waiter->again &= ~BIT(watch->number);
	if (watch->signal)
		eventfd_ctx_put(watch->signal);
	fput(watch->file);
	watch->file = NULL;
}

static int watch_enter_locked(struct watch *watch, bool edges)
{
	struct waiter *waiter = watch->waiter;

	watch->head = NULL;
	watch->queues = 0;
	init_waitqueue_func_entry(&watch->entry, watch_wake);
	watch->entry.private = waiter->task;
	init_poll_funcptr(&watch->table, watch_queue);
	if (edges)
		waiter->edges |= BIT(watch->number);
	if (vfs_poll(watch->file, &watch->table) & NEWS)
		set_bit(watch->number, &waiter->ready);
	if (watch->queues == 1)
		return 0;
	watch_end_locked(watch);
	return -EPERM;
}

static int watch_begin_locked(struct watch *watch, const struct viridis_watch *request)
{
	struct eventfd_ctx *signal = NULL;

	if (watch->file)
		return -EEXIST;
	if (request->signal != -1) {
		signal = eventfd_ctx_fdget(request->signal);
		if (IS_ERR(signal))
			return PTR_ERR(signal);
	}
	watch->file = fget(request->fd);
	if (!watch->file) {
		if (signal)
			eventfd_ctx_put(signal);
		return -EBADF;
	}
	watch->signal = signal;
	return watch_enter_locked(watch, request->flags & VIRIDIS_WATCH_EDGES);
}

static long waiter_watch_locked(struct waiter *waiter, const void __user *argument)
{
	struct viridis_watch request;
	struct watch *watch;

	if (copy_from_user(&request, argument, sizeof(request)))
		return -EFAULT;
	if (request.number >= VIRIDIS_WATCHES_MAX || request.flags & ~VIRIDIS_WATCH_EDGES)
		return -EINVAL;
	watch = &waiter->watches[request.number];
	if (request.fd != -1)
		return watch_begin_locked(watch, &request);
	if (!watch->file)
		return -ENOENT;
	watch_end_locked(watch);
	return 0;
}

/* ---- Rest ---- */

static bool waiter_may_halt(const struct waiter *waiter)
{
	return !READ_ONCE(waiter->ready) && !need_resched() && single_task_running() &&
	       !signal_pending(current);
}

/* With interrupts off between the look and the halt, which turns them on: none comes in between and is slept through. */
static void waiter_halt_cpu(const struct waiter *waiter)
{
	local_irq_disable();
	if (waiter_may_halt(waiter))
		safe_halt();
	else
		local_irq_enable();
}

/* WAITER-3 */
static void waiter_judge_locked(struct waiter *waiter, u64 ns)
{
	WRITE_ONCE(waiter->halted_ns, waiter->halted_ns + ns);
	waiter->pause = ns < HALT_NS_WORTH ? 0 : clamp(2 * waiter->pause, 1u, PAUSE_MAX);
	waiter->paused = waiter->pause;
}

static void waiter_halt_locked(struct waiter *waiter)
{
	unsigned long end = jiffies + HALT_TICKS;
	u64 begin = ktime_get_ns();

	smp_store_mb(waiter->state, WAITER_HALTED); /* WAITER-2 */
	while (waiter_may_halt(waiter) && time_before(jiffies, end))
		waiter_halt_cpu(waiter);
	WRITE_ONCE(waiter->state, WAITER_AWAKE);
	waiter_judge_locked(waiter, ktime_get_ns() - begin);
}

static bool waiter_halt_pays_locked(struct waiter *waiter)
{
	if (!vp_watch_lends() || !waiter_may_halt(waiter))
		return false;
	if (!waiter->paused)
		return true;
	waiter->paused--;
	return false;
}

static long waiter_sleep(struct waiter *waiter)
{
	long result = 0;

	WRITE_ONCE(waiter->state, WAITER_ASLEEP);
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE); /* WAITER-2: a full barrier */
		if (READ_ONCE(waiter->ready))
			break;
		if (signal_pending(current)) {
			result = -EINTR;
			break;
		}
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	WRITE_ONCE(waiter->state, WAITER_AWAKE);
	return result;
}

/* 0: there may be news. */
static long waiter_rest_locked(struct waiter *waiter)
{
	if (waiter_halt_pays_locked(waiter))
		waiter_halt_locked(waiter);
	return READ_ONCE(waiter->ready) ? 0 : waiter_sleep(waiter);
}

/* ---- Waiting ---- */

static void waiter_signal_locked(const struct waiter *waiter, unsigned long signals)
{
	unsigned int number;

	for_each_set_bit(number, &signals, VIRIDIS_WATCHES_MAX)
	{
		const struct watch *watch = &waiter->watches[number];

		if (watch->file && watch->signal)
			compat_eventfd_signal(watch->signal);
	}
}

/* The watches that there is news of. Of those that were told of it before one may still hold some. */
static unsigned long waiter_look_locked(struct waiter *waiter)
{
	unsigned long came = waiter->again, news;
	unsigned int number;

	if (READ_ONCE(waiter->ready))
		came |= xchg(&waiter->ready, 0);
	news = came & (waiter->edges | BIT(ENDED));
	came &= ~news;
	for_each_set_bit(number, &came, VIRIDIS_WATCHES_MAX)
	{
		struct file *file = waiter->watches[number].file;

		if (file && vfs_poll(file, NULL) & NEWS)
			news |= BIT(number);
	}
	waiter->again = news & ~waiter->edges;
	return news;
}

static long waiter_wait_locked(struct waiter *waiter, unsigned long signals)
{
	unsigned long news;
	long result = 0;

	if (signals >> VIRIDIS_WATCHES_MAX)
		return -EINVAL;
	waiter_signal_locked(waiter, signals);
	for (news = waiter_look_locked(waiter); !news && !result;
	     news = waiter_look_locked(waiter))
		result = waiter_rest_locked(waiter);
	if (news & BIT(ENDED))
		return -ESHUTDOWN;
	return news ? (long)news : result;
}

/* ---- The descriptor ---- */

/* WAITER-1 Whose it is it stays, so nobody else need wait for the lock to learn that. */
static bool waiter_is_ours(const struct waiter *waiter)
{
	const struct task_struct *task = READ_ONCE(waiter->task);

	return !task || task == current;
}

static int is_file(const void *file, struct file *other, unsigned int fd)
{
	return file == other;
}

/*
 * WAITER-1 Another thread may have closed the descriptor that this call came by, before waiter_flush() could see whose it is:
 * a table that no longer has it will not tell us of its end.
 */
static void waiter_begin_locked(struct waiter *waiter, const struct file *file)
{
	WRITE_ONCE(waiter->owner, current->files);
	WRITE_ONCE(waiter->task, get_task_struct(current));
	smp_mb(); /* Pairs with the table's lock, which is taken before a flush. */
	waiter->ended = !iterate_fd(current->files, 0, is_file, file);
}

static long waiter_call_locked(struct file *file, unsigned int command,
                               unsigned long value)
{
	struct waiter *waiter = file->private_data;

	if (!waiter->task && !waiter->ended && command == VIRIDIS_WATCH)
		waiter_begin_locked(waiter, file);
	if (waiter->ended)
		return -ESHUTDOWN;
	if (waiter->task != current)
		return -EPERM;
	switch (command) {
	case VIRIDIS_WATCH:
		return waiter_watch_locked(waiter, (const void __user *)value);
	case VIRIDIS_WAIT:
		return waiter_wait_locked(waiter, value);
	}
	return -ENOTTY;
}

static long waiter_ioctl(struct file *file, unsigned int command, unsigned long value)
{
	struct waiter *waiter = file->private_data;
	long result;

	if (!waiter_is_ours(waiter))
		return -EPERM;
	if (mutex_lock_killable(&waiter->lock))
		return -EINTR;
	result = waiter_call_locked(file, command, value);
	mutex_unlock(&waiter->lock);
	return result;
}

static void waiter_end_watches_locked(struct waiter *waiter)
{
	unsigned int number;

	for (number = 0; number < VIRIDIS_WATCHES_MAX; number++)
		watch_end_locked(&waiter->watches[number]);
}

/* Its task, another thread of this process, may hold the lock and rest: it is woken. */
static int waiter_flush(struct file *file, fl_owner_t id)
{
	struct waiter *waiter = file->private_data;

	if (READ_ONCE(waiter->owner) != id)
		return 0;
	if (waiter_tell(waiter, ENDED))
		wake_up_process(waiter->task);
	mutex_lock(&waiter->lock);
	waiter->ended = true;
	waiter_end_watches_locked(waiter);
	mutex_unlock(&waiter->lock);
	return 0;
}

static int waiter_release(struct inode *inode, struct file *file)
{
	struct waiter *waiter = file->private_data;

	waiter_end_watches_locked(waiter); /* nobody else has it any more */
	if (waiter->task)
		put_task_struct(waiter->task);
	kfree(waiter);
	return 0;
}

/* The scheduler takes the task for one that runs meanwhile; who wants to know what it did needs to know this. */
static void waiter_show(struct seq_file *out, struct file *file)
{
	const struct waiter *waiter = file->private_data;

	seq_printf(out, "halted-ns:\t%llu\n", READ_ONCE(waiter->halted_ns));
}

static const struct file_operations waiter_operations = {
	.owner = THIS_MODULE,
	.show_fdinfo = waiter_show,
	.unlocked_ioctl = waiter_ioctl,
	.flush = waiter_flush,
	.release = waiter_release,
};

long waiter_create(void)
{
	struct waiter *waiter = kzalloc(sizeof(*waiter), GFP_KERNEL_ACCOUNT);
	unsigned int number;
	int fd;

	if (!waiter)
		return -ENOMEM;
	mutex_init(&waiter->lock);
	for (number = 0; number < VIRIDIS_WATCHES_MAX; number++) {
		waiter->watches[number].waiter = waiter;
		waiter->watches[number].number = number;
	}
	fd = anon_inode_getfd("mshv_waiter", &waiter_operations, waiter,
	                      O_RDWR | O_CLOEXEC);
	if (fd < 0)
		kfree(waiter);
	return fd;
}
