/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The root's end of the synthetic interrupt controller: on every CPU a message page and an event
 * flag page, SINT0 for intercepts of children's VPs, SINT2 for messages and events from ports of
 * ours, all on the kernel's Hyper-V vector. TLFS 11
 *
 * S1 A port's id or a flag's owner is looked up in interrupt context under RCU; whoever takes it
 *    away waits a grace period before the object goes.
 * S2 Port ids are handed out in a circle of 2^24, so that a late message does not find a new
 *    port; a late flag may, and an eventfd signalled once too often is no harm.
 */
#ifndef VIRIDIS_KMOD_SYNIC_H
#define VIRIDIS_KMOD_SYNIC_H

#include "abi.h"
#include <linux/types.h>

struct eventfd_ctx;
struct message_queue;

int synic_init(void);
void synic_exit(void);

/*
 * The CPU that a port of ours delivers to. One for the port's life: messages that went to several CPUs
 * could overtake one another. A CPU that is some port's home does not go offline.
 */
struct synic_home {
	unsigned int cpu;
	u32 vp_index;
};

/* Chooses the CPU that is home to the fewest ports. */
int synic_home_get(struct synic_home *home);
void synic_home_put(const struct synic_home *home);

/* One event flag of SINT2 on one CPU of the root. */
struct synic_flag {
	struct synic_home home;
	u16 number;
};

/* Chooses a free flag, and a home with it; from now on it signals the eventfd. */
int synic_flag_get(struct eventfd_ctx *eventfd, struct synic_flag *flag);
/* S1 The caller waits a grace period before it lets go of the eventfd. */
void synic_flag_put(const struct synic_flag *flag);

/* A port id of the root; messages from that port go to the queue (NULL for an event port). */
int synic_port_get(struct message_queue *queue, u32 *port_id);
/* S1 The caller waits a grace period before it frees the queue. */
void synic_port_put(u32 port_id);

#endif
