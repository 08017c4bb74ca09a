/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A child partition as the root holds it.
 *
 * PARTITION-1 The partition's descriptor, each of its vp and message descriptors, attachments, and a report in
 *    progress hold a reference; the last one to go takes the partition down, in this order: vps
 *    stopped, ports and eventfds gone, vps deleted, memory unmapped and unpinned, FINALIZE,
 *    WITHDRAW, DELETE.
 * PARTITION-2 No page goes back to Linux while the hypervisor may still have it: where it refuses to let
 *    go of something, that is leaked, said in the log and seen in the totals.
 * PARTITION-3 Interrupts find partition and vp under RCU; both are freed after a grace period.
 *
 * Locks, outermost first: a waiter's, a passthrough buffer's, attach_lock, an attachment's, queue_lists_lock, partition->lock,
 * vp->run_lock, a vp_answer's, queue->read_lock, the CPU hotplug lock, synic_lock, queue->port_lock, pool->lock. Spinlocks
 * (an eventfd's, queue->lock) are leaves.
 */
#ifndef VIRIDIS_KMOD_PARTITION_H
#define VIRIDIS_KMOD_PARTITION_H

#include "abi.h"
#include "passthrough.h"
#include "pool.h"
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/types.h>
#include <linux/uidgid.h>

struct viridis_vp;

struct viridis_partition {
	/* constant after create */
	u64 id;
	u32 creator_pid;
	u64 disabled_features[2];
	kuid_t creator_user;

	struct kref references;           /* PARTITION-1 */
	struct rcu_head rcu;              /* PARTITION-3 */
	struct pool pool;                 /* has its own lock */
	struct passthrough_buffer buffer; /* has its own */

	/* attach_lock */
	bool owner_gone;
	bool writes_tracked;
	unsigned int tracking_calls; /* that are about to change it */
	struct list_head attachments;

	struct mutex lock; /* guards what follows; killable where a caller waits for it */
	struct list_head regions;
	unsigned int region_count;
	unsigned long pinned_pages; /* read without the lock for reports */
	struct list_head signals;
	unsigned int signal_count;
	struct list_head eventfd_flags;
	unsigned int eventfd_flag_count;
	unsigned int queue_count;
	struct irq_table __rcu *irq_table;
	struct list_head irqfds; /* read under RCU, as are ioeventfds */
	unsigned int irqfd_count;
	struct list_head ioeventfds;
	unsigned int ioeventfd_count;
	unsigned int vp_count;                     /* read without the lock for reports */
	struct viridis_vp __rcu *vps[MSHV_VP_MAX]; /* read under RCU: PARTITION-3 */
};

/* MSHV_CREATE_PARTITION: a descriptor or a negative errno. */
long partition_create(const void __user *argument);
void partition_put(struct viridis_partition *partition);
void partition_get(struct viridis_partition *partition);

/* From now on there are no new ones. How many there are, which their processes' ends make fewer. */
unsigned int partition_close(void);
unsigned int partition_count(void);

/* Under rcu_read_lock; NULL when there is none. */
struct viridis_partition *partition_find(u64 id);

/* The partition with the lowest id from `id` on, with a reference; NULL when there is none. */
struct viridis_partition *partition_get_next(u64 id);

unsigned long partition_total_pinned(void);
void partition_account_pinned(struct viridis_partition *partition, long pages);

#endif
