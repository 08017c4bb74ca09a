// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A kernel that ends leaves nothing behind: children's processes are ended, and with their descriptors their
 * partitions go in the usual way (PARTITION-1); then every deposited page is taken back and the SynIC's pages are let go of.
 * A kernel that kexec begins finds all of its memory.
 */
#include "abi.h"
#include "reboot.h"

#include "partition.h"
#include "synic.h"
#include <linux/delay.h>
#include <linux/fdtable.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>
#include <linux/reboot.h>
#include <linux/sched/signal.h>

#define END_PERIOD_MS 10
#define END_LIMIT     (30 * HZ)

static int file_is_ours(const void *unused, struct file *file, unsigned int fd)
{
	return file->f_op->owner == THIS_MODULE;
}

static bool holds_us(struct task_struct *task)
{
	bool holds;

	task_lock(task);
	holds = task->files && iterate_fd(task->files, 0, file_is_ours, NULL);
	task_unlock(task);
	return holds;
}

/* Descriptors are handed on, so who made a partition need not be who has it. */
static void end_processes(void)
{
	struct task_struct *task;

	rcu_read_lock();
	for_each_process(task)
	{
		if (task->group_leader != current->group_leader && holds_us(task))
			send_sig(SIGKILL, task, 1);
	}
	rcu_read_unlock();
}

static int on_reboot(struct notifier_block *block, unsigned long action, void *unused)
{
	unsigned int children = partition_close();
	unsigned long limit = jiffies + END_LIMIT;

	while (partition_count() && time_before(jiffies, limit)) {
		end_processes(); /* again: one may have been handed a descriptor meanwhile */
		msleep(END_PERIOD_MS);
	}
	synic_shutdown();
	(void)pool_withdraw(&pool_root);
	pr_info("%u children were ended, %u not; %lu deposited and %lu pinned pages stay\n",
	        children - partition_count(), partition_count(), pool_total_pages(),
	        partition_total_pinned());
	return NOTIFY_DONE;
}

static struct notifier_block reboot_block = { .notifier_call = on_reboot };

int reboot_init(void)
{
	return register_reboot_notifier(&reboot_block);
}

void reboot_exit(void)
{
	unregister_reboot_notifier(&reboot_block);
}
