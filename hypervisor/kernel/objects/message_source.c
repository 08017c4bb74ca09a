/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sources of messages: message_source.h */
#include "hypervisor/kernel/objects/message_source.h"
#include "hypervisor/kernel/objects/vp.h"

struct spinlock ports_lock = SPINLOCK(LOCK_PORTS);

void message_inbox_init(struct message_inbox *inbox)
{
	inbox->lock = SPINLOCK(LOCK_MESSAGES);
	list_init(&inbox->waiting);
}

void message_source_init(struct message_source *source, unsigned int sint,
                         struct hv_message *slots, uint32_t size)
{
	*source = (struct message_source){ .queue = { .slots = slots, .size = size },
		                           .sint = sint };
	list_init(&source->node);
}

struct vp *message_source_target(const struct message_source *source)
{
	/* Acquire pairs with the release in unlink: the last list to hold it has let go. */
	return __atomic_load_n(&source->target, __ATOMIC_ACQUIRE);
}

void message_source_unlink_locked(struct message_source *source)
{
	list_remove(&source->node);
	__atomic_store_n(&source->target, NULL, __ATOMIC_RELEASE);
}

void message_source_withdraw(struct message_source *source)
{
	struct vp *target = message_source_target(source);

	if (!target)
		return;
	SPIN_HOLD(&target->messages.lock);
	message_source_unlink_locked(source);
}

void message_inbox_close(struct message_inbox *inbox)
{
	SPIN_HOLD(&ports_lock);
	while (!list_empty(&inbox->waiting))
		message_source_withdraw(
			LIST_OWNER(inbox->waiting.next, struct message_source, node));
}
