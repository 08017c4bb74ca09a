/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Delivery of messages and event flags. MESSAGE-1 to 3: message_source.h. TLFS 11.8, 11.9 */
#include "hypervisor/kernel/delivery/message.h"
#include "hypervisor/kernel/objects/partition.h"
#include "hypervisor/kernel/objects/trace.h"

static void raise_sint(struct vp *vp, unsigned int sint, enum sched_wake how)
{
	uint8_t vector;

	if (synic_vector(&vp->synic, sint, &vector))
		vp_post_interrupt(vp, vector, false, how);
}

static bool post_locked(struct vp *vp, unsigned int sint,
                        const struct hv_message *message)
{
	struct hv_message_page *page = vp->overlays[OVERLAY_SIMP].page;

	assert_locked(&vp->messages.lock);
	if (!synic_takes_messages(&vp->synic) ||
	    !synic_slot_post(&page->slot[sint], message))
		return false;
	trace(VIRIDIS_TRACE_MESSAGE, vp, sint, message->type);
	stat_count(vp->stats, VIRIDIS_VP_STAT_MESSAGES_DELIVERED);
	raise_sint(vp, sint, SCHED_WAKE);
	return true;
}

/* MESSAGE-3 */
static void set_waiting_locked(struct message_inbox *inbox, unsigned int sints)
{
	__atomic_store_n(&inbox->waiting_sints, (uint16_t)sints, __ATOMIC_SEQ_CST);
}

/*
 * What the slots of these SINTs take: one message each, as a rule. A source with more to say goes behind the
 * others, and is tried again: that finds the slot taken and marks it, for the guest to write EOM.
 */
static void deliver_locked(struct vp *vp, unsigned int sints)
{
	struct message_inbox *inbox = &vp->messages;
	struct list *node = inbox->waiting.next, *next;
	unsigned int left = 0;

	for (; node != &inbox->waiting; node = next) {
		struct message_source *source =
			LIST_OWNER(node, struct message_source, node);
		struct message_queue *queue = &source->queue;
		unsigned int bit = BIT32(source->sint);

		next = node->next;
		if (!(sints & bit & ~left) ||
		    !post_locked(vp, source->sint, &queue->slots[queue->first])) {
			left |= bit;
			continue;
		}
		message_queue_drop(queue);
		if (queue->count == 0) {
			message_source_unlink_locked(source); /* MESSAGE-1 */
			continue;
		}
		list_remove(node);
		list_append(&inbox->waiting, node);
		if (next == &inbox->waiting)
			next = node;
	}
	set_waiting_locked(inbox, left);
}

/* MESSAGE-2: one that is linked may have been unlinked since, but by nobody linked anew. */
enum hv_status message_post(struct message_source *source, struct vp *target,
                            const struct hv_message *message)
{
	struct vp *linked = message_source_target(source);
	enum hv_status status;

	if (linked && (!target || synic_takes_messages(&linked->synic)))
		target = linked;
	else
		message_source_withdraw(source);
	if (!target)
		return HV_STATUS_INVALID_VP_INDEX;
	SPIN_HOLD(&target->messages.lock);
	status = message_queue_put(&source->queue, message);
	if (list_empty(&source->node) && source->queue.count != 0) {
		__atomic_store_n(&source->target, target, __ATOMIC_RELAXED);
		list_append(&target->messages.waiting, &source->node);
		set_waiting_locked(&target->messages,
		                   target->messages.waiting_sints | BIT32(source->sint));
	}
	deliver_locked(target, BIT32(source->sint));
	return status;
}

enum hv_status message_post_direct(struct vp *vp, unsigned int sint,
                                   const struct hv_message *message)
{
	SPIN_HOLD(&vp->messages.lock);
	return post_locked(vp, sint, message) ? HV_STATUS_SUCCESS :
	                                        HV_STATUS_INSUFFICIENT_BUFFERS;
}

static void post_timer(struct vp *vp, unsigned int index)
{
	uint64_t now = partition_reference_time(vp->partition);
	struct hv_message message;
	unsigned int sint = stimers_message(&vp->stimers, index, now, &message);

	if (message_post_direct(vp, sint, &message) != HV_STATUS_SUCCESS)
		return; /* the slot's msg_pending brings an EOM */
	stimers_delivered(&vp->stimers, index);
	stat_count(vp->stats, VIRIDIS_VP_STAT_TIMERS_EXPIRED);
}

void messages_retry(struct vp *vp, uint16_t sints)
{
	unsigned int timers = stimers_waiting(&vp->stimers, sints);

	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* MESSAGE-3 */
	if (sints & __atomic_load_n(&vp->messages.waiting_sints, __ATOMIC_RELAXED)) {
		SPIN_HOLD(&vp->messages.lock);
		deliver_locked(vp, sints);
	}
	for (; timers != 0; timers &= timers - 1)
		post_timer(vp, (unsigned int)__builtin_ctz(timers));
}

void message_timers_expire(struct vp *vp)
{
	uint8_t vectors[HV_STIMER_COUNT];
	uint64_t now = partition_reference_time(vp->partition);
	unsigned int count = stimers_expire(&vp->stimers, now, vectors);

	for (unsigned int i = 0; i < count; i++) {
		vlapic_accept(&vp->lapic, vectors[i], false);
		stat_count(vp->stats, VIRIDIS_VP_STAT_TIMERS_EXPIRED);
	}
	messages_retry(vp, SYNIC_ALL_SINTS);
}

enum hv_status event_signal(struct vp *vp, unsigned int sint, unsigned int flag,
                            uint8_t *newly_signaled)
{
	*newly_signaled = false;
	if (!synic_takes_events(&vp->synic))
		return HV_STATUS_INVALID_SYNIC_STATE;
	*newly_signaled = synic_flag_set(vp->overlays[OVERLAY_SIEFP].page, sint, flag);
	if (*newly_signaled) {
		trace(VIRIDIS_TRACE_EVENT, vp, sint, flag);
		stat_count(vp->stats, VIRIDIS_VP_STAT_EVENTS_RECEIVED);
		raise_sint(vp, sint, SCHED_SIGNAL);
	}
	return HV_STATUS_SUCCESS;
}
