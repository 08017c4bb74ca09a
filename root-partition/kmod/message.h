/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages between a child and the process that serves it. */
#ifndef VIRIDIS_KMOD_MESSAGE_H
#define VIRIDIS_KMOD_MESSAGE_H

#include "abi.h"

struct message_queue;
struct viridis_partition;

/* VIRIDIS_MESSAGE_FD: a descriptor or a negative errno. */
long message_fd_create(struct viridis_partition *partition, const void __user *argument);

/* VIRIDIS_POST_MESSAGE */
long message_post(struct viridis_partition *partition, const void __user *argument);

/* From the interrupt, under RCU: a message from the queue's port. */
void message_queue_put(struct message_queue *queue, const struct hv_message *message);

#endif
