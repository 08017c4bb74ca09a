// SPDX-License-Identifier: GPL-2.0-or-later
/* Signals that come between two calls of RUN_VP, by the kernel's own trace of their delivery: vp_kick.h */
#include "abi.h"
#include "vp_kick.h"

#include <linux/errno.h>
#include <linux/hashtable.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/tracepoint.h>

struct k_sigaction;
struct kernel_siginfo;

#define RUNNERS_BITS 7

static DEFINE_HASHTABLE(runners, RUNNERS_BITS);
/* Innermost: a probe takes it under the signals' own lock. */
static DEFINE_RAW_SPINLOCK(runners_lock);
static struct tracepoint *delivery;

static struct hlist_head *runners_of(const struct task_struct *task)
{
	return &runners[hash_min((unsigned long)task, RUNNERS_BITS)];
}

/* The thread itself, on its way to the handler. It put itself into the table, or is not there: no lock to see that. */
static void on_delivery(void *unused, int signal, struct kernel_siginfo *info,
                        struct k_sigaction *action)
{
	struct hlist_head *bucket = runners_of(current);
	struct vp_kick *kick;
	unsigned long flags;

	if (hlist_empty(bucket))
		return;
	raw_spin_lock_irqsave(&runners_lock, flags);
	hlist_for_each_entry(kick, bucket, node)
	{
		if (kick->runner == current)
			WRITE_ONCE(kick->came, true);
	}
	raw_spin_unlock_irqrestore(&runners_lock, flags);
}

void vp_kick_move(struct vp_kick *kick)
{
	vp_kick_forget(kick);
	raw_spin_lock_irq(&runners_lock);
	kick->runner = current;
	hlist_add_head(&kick->node, runners_of(current));
	raw_spin_unlock_irq(&runners_lock);
}

void vp_kick_forget(struct vp_kick *kick)
{
	raw_spin_lock_irq(&runners_lock);
	hlist_del_init(&kick->node);
	kick->runner = NULL;
	raw_spin_unlock_irq(&runners_lock);
}

static void note_delivery(struct tracepoint *tracepoint, void *unused)
{
	if (!strcmp(tracepoint->name, "signal_deliver"))
		delivery = tracepoint;
}

int vp_kick_init(void)
{
	for_each_kernel_tracepoint(note_delivery, NULL);
	return delivery ? tracepoint_probe_register(delivery, on_delivery, NULL) :
	                  -EOPNOTSUPP;
}

void vp_kick_exit(void)
{
	(void)tracepoint_probe_unregister(delivery, on_delivery, NULL); /* it is there */
	tracepoint_synchronize_unregister();
}
