/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages on their way to a VP's SINTs. Each source is linked to the target's SINT while it has
 * something to say: a port with queued messages, a VP of a child with an intercept, the target's own
 * timers. A slot takes one at a time; the next is tried at EOM, at EOI and when a register
 * opens the way.
 *
 * M1 A source on a list has a message; it leaves the list under the lock when its last is delivered.
 * M2 A source has one offerer at a time: the owner of the VP whose intercept it is, or who holds the
 *    ports lock. While it is linked it stays at its target, whichever one a later offer names.
 * M3 A SINT's bit in waiting_sints is set before its slot and the SynIC's registers are looked at. Who has
 *    freed the slot or changed a register looks at the bit after that: one of the two delivers.
 */
#ifndef VIRIDIS_KERNEL_MESSAGE_H
#define VIRIDIS_KERNEL_MESSAGE_H

#include "hypervisor/core/ports.h"
#include "hypervisor/kernel/base/spinlock.h"

struct message_source {
	struct list node;  /* messages lock of `target` */
	struct vp *target; /* atomic: the VP it is linked to; NULL: none. M2 */
	struct message_queue queue;
};

struct message_queues {
	struct spinlock lock;
	struct list waiting[HV_SINT_COUNT];
	uint16_t waiting_sints; /* written under the lock: lists that may not be empty. M3 */
};

void messages_init(struct vp *vp);

/* `size` slots for messages on their way. */
void message_source_init(struct message_source *source, struct hv_message *slots,
                         uint32_t size);

/*
 * Queue a message at the source, and try to deliver at `target`, or where the source is linked already.
 * INVALID_VP_INDEX: NULL, and not linked; INSUFFICIENT_BUFFERS: the queue is full.
 */
enum hv_status message_post(struct message_source *source, struct vp *target,
                            unsigned int sint, const struct hv_message *message);

/* Take a source off whatever it is linked to. */
void message_withdraw(struct message_source *source);

/* Take every source off the VP. */
void messages_drain(struct vp *vp);

/* SINTs at which messages may wait, one bit each. */
uint16_t messages_waiting(const struct vp *vp);

/* Try again: one bit a SINT. Owner of `vp`, or anyone. */
void messages_rescan(struct vp *vp, uint16_t sints);

/* Straight into the slot, or INSUFFICIENT_BUFFERS when it is taken or the SynIC is off. */
enum hv_status message_post_direct(struct vp *vp, unsigned int sint,
                                   const struct hv_message *message) MUST_CHECK;

/* Raise an event flag and the SINT's interrupt. */
enum hv_status event_signal(struct vp *vp, unsigned int sint, unsigned int flag,
                            uint8_t *newly_signaled) MUST_CHECK;

#endif
