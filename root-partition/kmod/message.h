/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages between a child and the process that serves it. */
#ifndef VIRIDIS_KMOD_MESSAGE_H
#define VIRIDIS_KMOD_MESSAGE_H

#include "abi.h"
#include <linux/list.h>

struct message_queue;
struct viridis_partition;

/*
 * VIRIDIS_MESSAGE_FD: a descriptor or a negative errno. `made`: an attachment's list, under its lock, which the queue
 * goes into until it is closed or ended; NULL for the owner.
 */
long message_fd_create(struct viridis_partition *partition, struct list_head *made,
                       const void __user *argument);

/*
 * Ends every queue of an attachment's list: readers see the end of file, and no reference to the partition is left.
 * Context: the attachment's lock.
 */
void message_end_all(struct list_head *made);

/* VIRIDIS_POST_MESSAGE */
long message_post(struct viridis_partition *partition, const void __user *argument);

/* From the interrupt, under RCU: a message from the queue's port. */
void message_queue_put(struct message_queue *queue, const struct hv_message *message);

#endif
