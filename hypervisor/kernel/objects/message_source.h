/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sources of messages, and where they wait: a port with queued messages, or a VP of a child with an intercept.
 * A source is linked to its target VP while it has something to say; delivery/message.h delivers.
 *
 * MESSAGE-1 A source on a list has a message; it leaves the list under the lock when its last is delivered.
 * MESSAGE-2 A source has one offerer at a time: the owner of the VP whose intercept it is, or who holds
 *    the ports lock. While it is linked it stays at its target, whichever one a later offer names, unless
 *    that takes no messages any more.
 * MESSAGE-3 A SINT's bit in waiting_sints is set before its slot and the SynIC's registers are looked at. Who
 *    has freed the slot or changed a register looks at the bit after that: one of the two delivers.
 */
#pragma once

#include "hypervisor/core/ports.h"
#include "hypervisor/kernel/base/spinlock.h"

struct message_source {
	struct list node;  /* messages lock of `target` */
	struct vp *target; /* atomic: the VP it is linked to; NULL: none. MESSAGE-2 */
	struct message_queue queue;
	unsigned int sint; /* constant */
};

/* Of a VP: sources that wait for its slots, the longest waiting first. */
struct message_inbox {
	struct spinlock lock;
	struct list waiting;
	uint16_t waiting_sints; /* written under the lock. MESSAGE-3 */
};

void message_inbox_init(struct message_inbox *inbox);

/* `size` slots for messages on their way to that SINT. */
void message_source_init(struct message_source *source, unsigned int sint,
                         struct hv_message *slots, uint32_t size);

/* The VP it is linked to, or NULL. Only a post makes it another's: MESSAGE-2 */
struct vp *message_source_target(const struct message_source *source);

/* The last touch: from here on it may be linked elsewhere. The target's messages lock; MESSAGE-2 */
void message_source_unlink_locked(struct message_source *source);

/* Take a source off whatever it is linked to; its queue stays. */
void message_source_withdraw(struct message_source *source);

/* Take every source off the VP, for good: it is out of its partition's table, where ports find it. */
void message_inbox_close(struct message_inbox *inbox);

/* Ports and connections, of all partitions: delivery/ports.h. */
extern struct spinlock ports_lock;
