/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The root's end of the synthetic interrupt controller: on every CPU a message page and an event
 * flag page, SINT0 for intercepts of children's VPs, SINT2 for messages, it and the next ones for events from ports of
 * ours, all on the kernel's Hyper-V vector. TLFS 11
 *
 * ARRIVAL-1 A port's id or a flag's owner is looked up in interrupt context under RCU; whoever takes it
 *    away waits a grace period before the object goes.
 * ARRIVAL-2 Port ids are handed out in a circle of 2^24, so that a late message does not find a new
 *    port; a late flag may, and an eventfd signalled once too often is no harm.
 * ARRIVAL-3 Ports are made, moved and taken away with the ports locked. A CPU that goes offline holds that lock while it
 *    moves those it is home to; then it signals every flag's owner, for what may have come to its page meanwhile.
 *    A flag that came to the page behind its last look stays up in it until the CPU is back, which clears them all.
 */
#ifndef VIRIDIS_KMOD_SYNIC_H
#define VIRIDIS_KMOD_SYNIC_H

#include "abi.h"
#include <linux/types.h>

struct eventfd_ctx;
struct message_queue;

int synic_init(void);
void synic_exit(void);

/* The machine goes down or another kernel begins, and no port is left: every CPU lets go of its pages. */
void synic_shutdown(void);

void synic_ports_lock(void);
void synic_ports_unlock(void);

struct synic_home;

/*
 * How a port leaves a CPU that goes offline, with the ports locked: first nothing more is sent to it, and what was
 * sent arrives; then it is deleted and made anew at a home that it gets by synic_home_move_locked().
 */
struct synic_mover {
	void (*detach)(struct synic_home *home);
	void (*attach)(struct synic_home *home);
};

/*
 * The CPU that a port of ours delivers to: one at a time, as messages that went to several CPUs could overtake one
 * another.
 */
struct synic_home {
	unsigned int cpu;
	u32 vp_index;
	struct list_head node; /* of those with this home; ARRIVAL-3 */
	const struct synic_mover *mover;
};

/* Chooses the CPU that is home to the fewest ports. */
int synic_home_get_locked(struct synic_home *home, const struct synic_mover *mover);
void synic_home_move_locked(struct synic_home *home);
void synic_home_put_locked(struct synic_home *home);

/*
 * An event flag, the same on every CPU of the root, as the hypervisor chooses one for each signal: on which no child has to
 * stop for it. Numbered from SINT2's first flag on, through the SINTs behind it. From now on it signals the eventfd.
 * `of_root`: for a partition of root's; others leave a quarter to these.
 */
int synic_flag_get_locked(struct eventfd_ctx *eventfd, bool of_root, u16 *number);
/* ARRIVAL-1 The caller waits a grace period before it lets go of the eventfd. */
void synic_flag_put_locked(u16 number);

/* A port id of the root; messages from that port go to the queue (NULL for an event port). */
int synic_port_get(struct message_queue *queue, u32 *port_id);
/* ARRIVAL-1 The caller waits a grace period before it frees the queue. */
void synic_port_put(u32 port_id);

#endif
