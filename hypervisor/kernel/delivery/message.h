/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages and event flags to a VP's SINTs. A slot takes one message at a time; the next is tried at EOM, at
 * EOI and when a register opens the way. What waits meanwhile: objects/message_source.h
 */
#pragma once

#include "hypervisor/kernel/objects/vp.h"

/*
 * Queue a message at the source, and try to deliver at `target`, or where the source is linked already.
 * INVALID_VP_INDEX: NULL, and not linked; INSUFFICIENT_BUFFERS: the queue is full.
 */
enum hv_status message_post(struct message_source *source, struct vp *target,
                            const struct hv_message *message);

/* The owner of `vp`: whether anything waits for a slot. */
static inline bool messages_wait(const struct vp *vp)
{
	return vp->messages.waiting_sints || vp->stimers.waiting;
}

/* The owner of `vp`: try what waits for these SINTs again, one bit each; its timers' messages too. */
void messages_retry(struct vp *vp, uint16_t sints);

/* The owner of `vp`: its synthetic timers' due expirations become interrupts and messages. TLFS 12.3 */
void message_timers_expire(struct vp *vp);

/* Straight into the slot, or INSUFFICIENT_BUFFERS when it is taken or the SynIC is off. */
enum hv_status message_post_direct(struct vp *vp, unsigned int sint,
                                   const struct hv_message *message) MUST_CHECK;

/* Raise an event flag and the SINT's interrupt. */
enum hv_status event_signal(struct vp *vp, unsigned int sint, unsigned int flag,
                            uint8_t *newly_signaled) MUST_CHECK;
