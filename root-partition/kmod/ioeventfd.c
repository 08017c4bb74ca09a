// SPDX-License-Identifier: GPL-2.0-or-later
/* Writes that signal eventfds: ioeventfd.h */
#include "abi.h"
#include "ioeventfd.h"

#include "compat.h"
#include "partition.h"
#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#define IOEVENTFDS_MAX 2048u

/* In the partition's list: changed under its lock, read under RCU. */
struct ioeventfd {
	struct list_head node;
	struct eventfd_ctx *eventfd;
	u64 address, match;
	u32 bytes; /* 0: a write of any size */
	bool port, matches;
};

static bool ioeventfd_same_place(const struct ioeventfd *a, const struct ioeventfd *b)
{
	return a->port == b->port && a->address == b->address;
}

/* Where both would take a write. */
static bool ioeventfd_collides(const struct ioeventfd *a, const struct ioeventfd *b)
{
	return ioeventfd_same_place(a, b) &&
	       (!a->bytes || !b->bytes || a->bytes == b->bytes) &&
	       (!a->matches || !b->matches || a->match == b->match);
}

static int ioeventfd_assign_locked(struct viridis_partition *partition,
                                   struct ioeventfd *new)
{
	struct ioeventfd *one;

	list_for_each_entry(one, &partition->ioeventfds, node) {
		if (ioeventfd_collides(one, new))
			return -EEXIST;
	}
	if (partition->ioeventfd_count == IOEVENTFDS_MAX)
		return -ENOSPC;
	list_add_tail_rcu(&new->node, &partition->ioeventfds);
	partition->ioeventfd_count++;
	return 0;
}

/* Only exactly what was assigned. */
static struct ioeventfd *ioeventfd_take_locked(struct viridis_partition *partition,
                                               const struct ioeventfd *like)
{
	struct ioeventfd *one;

	list_for_each_entry(one, &partition->ioeventfds, node) {
		if (one->eventfd != like->eventfd || !ioeventfd_same_place(one, like) ||
		    one->bytes != like->bytes || one->matches != like->matches ||
		    (one->matches && one->match != like->match))
			continue;
		list_del_rcu(&one->node);
		partition->ioeventfd_count--;
		return one;
	}
	return NULL;
}

static void ioeventfd_free(struct ioeventfd *one)
{
	eventfd_ctx_put(one->eventfd);
	kfree(one);
}

static bool request_valid(const struct mshv_user_ioeventfd *request)
{
	const u32 known = MSHV_IOEVENTFD_DATAMATCH | MSHV_IOEVENTFD_PIO |
	                  MSHV_IOEVENTFD_DEASSIGN;
	u64 limit = request->flags & MSHV_IOEVENTFD_PIO ? U16_MAX : U64_MAX;
	bool matches = request->flags & MSHV_IOEVENTFD_DATAMATCH;

	if (request->flags & ~known || memchr_inv(request->reserved, 0, 4) ||
	    request->address > limit)
		return false;
	if (!request->bytes)
		return !matches;
	return (request->bytes == 1 || request->bytes == 2 || request->bytes == 4 ||
	        request->bytes == 8) &&
	       request->bytes - 1 <= limit - request->address;
}

long ioeventfd_set(struct viridis_partition *partition, const void __user *argument)
{
	struct mshv_user_ioeventfd request;
	struct ioeventfd *new, *gone = NULL;
	long result;

	if (copy_from_user(&request, argument, sizeof(request)))
		return -EFAULT;
	if (!request_valid(&request))
		return -EINVAL;
	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;
	new->address = request.address;
	new->bytes = request.bytes;
	new->match = request.match;
	new->port = request.flags &MSHV_IOEVENTFD_PIO;
	new->matches = request.flags &MSHV_IOEVENTFD_DATAMATCH;
	new->eventfd = eventfd_ctx_fdget(request.fd);
	if (IS_ERR(new->eventfd)) {
		result = PTR_ERR(new->eventfd);
		kfree(new);
		return result;
	}
	result = -EINTR;
	if (mutex_lock_killable(&partition->lock))
		goto free_new;
	if (request.flags & MSHV_IOEVENTFD_DEASSIGN) {
		gone = ioeventfd_take_locked(partition, new);
		result = gone ? 0 : -ENOENT;
	} else {
		result = ioeventfd_assign_locked(partition, new);
		new = result ? new : NULL;
	}
	mutex_unlock(&partition->lock);
	if (gone) {
		synchronize_rcu();
		ioeventfd_free(gone);
	}
free_new:
	if (new)
		ioeventfd_free(new);
	return result;
}

bool ioeventfd_is_at(const struct viridis_partition *partition, bool port, u64 address)
{
	const struct ioeventfd like = { .address = address, .port = port };
	const struct ioeventfd *one;
	bool found = false;

	rcu_read_lock();
	list_for_each_entry_rcu(one, &partition->ioeventfds, node)
		found |= ioeventfd_same_place(one, &like);
	rcu_read_unlock();
	return found;
}

/* The first that takes it: they do not collide. */
bool ioeventfd_signal(const struct viridis_partition *partition, bool port, u64 address,
                      u32 bytes, u64 value)
{
	const struct ioeventfd write = {
		.address = address,
		.match = bytes < 8 ? value & (BIT64(8 * bytes) - 1) : value,
		.bytes = bytes,
		.port = port,
		.matches = true,
	};
	const struct ioeventfd *one;
	bool found = false;

	rcu_read_lock();
	list_for_each_entry_rcu(one, &partition->ioeventfds, node)
	{
		found = ioeventfd_collides(one, &write);
		if (found) {
			compat_eventfd_signal(one->eventfd);
			break;
		}
	}
	rcu_read_unlock();
	return found;
}

void ioeventfd_remove_all(struct viridis_partition *partition)
{
	struct ioeventfd *one, *next;

	list_for_each_entry_safe(one, next, &partition->ioeventfds, node) {
		list_del(&one->node);
		ioeventfd_free(one);
	}
}
