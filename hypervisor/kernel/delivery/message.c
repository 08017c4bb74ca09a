/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Delivery of messages and event flags. Invariant M1: message.h. TLFS 11.8, 11.9 */
#include "hypervisor/kernel/delivery/message.h"
#include "hypervisor/kernel/objects/partition.h"
#include "hypervisor/kernel/objects/trace.h"

void messages_init(struct vp *vp)
{
	spin_init(&vp->messages.lock, LOCK_MESSAGES);
	for (unsigned int sint = 0; sint < HV_SINT_COUNT; sint++)
		list_init(&vp->messages.waiting[sint]);
}

static void raise_sint(struct vp *vp, unsigned int sint)
{
	uint8_t vector;

	if (synic_vector(&vp->synic, sint, &vector))
		vp_post_interrupt(vp, vector, false);
}

static bool post_locked(struct vp *vp, unsigned int sint,
                        const struct hv_message *message, bool more)
{
	struct hv_message_page *page = vp->overlays[OVERLAY_SIMP].page;

	assert_locked(&vp->messages.lock);
	if (!synic_takes_messages(&vp->synic) ||
	    !synic_slot_post(&page->slot[sint], message, more))
		return false;
	trace(VIRIDIS_TRACE_MESSAGE, vp, sint, message->type);
	stat_count(vp->stats, VIRIDIS_VP_STAT_MESSAGES_DELIVERED);
	raise_sint(vp, sint);
	return true;
}

/* The last touch: from here on it may be linked elsewhere. M2 */
static void unlink_locked(struct message_source *source)
{
	list_remove(&source->node);
	__atomic_store_n(&source->target, NULL, __ATOMIC_RELEASE);
}

/* M3 */
static void mark_waiting_locked(struct vp *vp, unsigned int sint, bool waits)
{
	uint16_t sints = vp->messages.waiting_sints & (uint16_t)~BIT32(sint);

	__atomic_store_n(&vp->messages.waiting_sints,
	                 sints | (uint16_t)(waits ? BIT32(sint) : 0), __ATOMIC_SEQ_CST);
}

/* Deliver what the slot takes: one message, as a rule. */
static void try_deliver_locked(struct vp *vp, unsigned int sint)
{
	struct list *waiting = &vp->messages.waiting[sint];

	while (!list_empty(waiting)) {
		struct message_source *source =
			LIST_OWNER(waiting->next, struct message_source, node);
		bool more = source->node.next != waiting;

		if (!post_locked(vp, sint, &source->queue.slots[source->queue.first],
		                 more))
			return;
		message_queue_drop(&source->queue);
		if (source->queue.count == 0) {
			unlink_locked(source); /* M1 */
		} else {
			list_remove(&source->node);
			list_append(waiting, &source->node); /* others first */
		}
	}
	mark_waiting_locked(vp, sint, false);
}

void message_source_init(struct message_source *source, struct hv_message *slots,
                         uint32_t size)
{
	*source = (struct message_source){ .queue = { .slots = slots, .size = size } };
	list_init(&source->node);
}

/* The VP it is linked to, or NULL. Only a post makes it another's: M2 */
static struct vp *target_of(const struct message_source *source)
{
	/* Acquire pairs with the release in unlink_locked: the last list to hold it has let go. */
	return __atomic_load_n(&source->target, __ATOMIC_ACQUIRE);
}

/* M2: one that is linked may have been unlinked since, but by nobody linked anew. */
enum hv_status message_post(struct message_source *source, struct vp *target,
                            unsigned int sint, const struct hv_message *message)
{
	struct vp *linked = target_of(source);
	enum hv_status status;

	if (linked)
		target = linked;
	if (!target)
		return HV_STATUS_INVALID_VP_INDEX;
	SPIN_HOLD(&target->messages.lock);
	status = message_queue_put(&source->queue, message);
	if (list_empty(&source->node) && source->queue.count != 0) {
		__atomic_store_n(&source->target, target, __ATOMIC_RELAXED);
		list_append(&target->messages.waiting[sint], &source->node);
		mark_waiting_locked(target, sint, true);
	}
	try_deliver_locked(target, sint);
	return status;
}

void message_withdraw(struct message_source *source)
{
	struct vp *target = target_of(source);

	if (!target)
		return;
	SPIN_HOLD(&target->messages.lock);
	unlink_locked(source);
}

void messages_drain(struct vp *vp)
{
	SPIN_HOLD(&vp->messages.lock);
	for (unsigned int sint = 0; sint < HV_SINT_COUNT; sint++) {
		struct list *waiting = &vp->messages.waiting[sint];

		while (!list_empty(waiting))
			unlink_locked(
				LIST_OWNER(waiting->next, struct message_source, node));
	}
}

uint16_t messages_waiting(const struct vp *vp)
{
	return __atomic_load_n(&vp->messages.waiting_sints, __ATOMIC_RELAXED);
}

void messages_rescan(struct vp *vp, uint16_t sints)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* M3 */
	sints &= messages_waiting(vp);
	if (sints == 0)
		return;
	SPIN_HOLD(&vp->messages.lock);
	for (unsigned int sint = 0; sint < HV_SINT_COUNT; sint++) {
		if (sints & BIT32(sint))
			try_deliver_locked(vp, sint);
	}
}

enum hv_status message_post_direct(struct vp *vp, unsigned int sint,
                                   const struct hv_message *message)
{
	SPIN_HOLD(&vp->messages.lock);
	return post_locked(vp, sint, message, false) ? HV_STATUS_SUCCESS :
	                                               HV_STATUS_INSUFFICIENT_BUFFERS;
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
		raise_sint(vp, sint);
	}
	return HV_STATUS_SUCCESS;
}
