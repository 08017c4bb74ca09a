// SPDX-License-Identifier: GPL-2.0-or-later
/* Our own hypercall, the rings that it tells of, and the account of memory. */
#include "abi.h"
#include "stats.h"

#include "partition.h"
#include <linux/io.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

/* ---- Counters ---- */

/* request says what; output is the caller's, for it is large. */
static int stats_call(const struct viridis_input_get_stats *input,
                      struct viridis_output_get_stats *output)
{
	struct hypercall call = {
		.code = HVCALL_VIRIDIS_GET_STATS,
		.header = input,
		.header_bytes = sizeof(*input),
		.output = output,
		.output_bytes = sizeof(*output),
	};

	return hypercall_errno(hypercall(&call));
}

long stats_get(void __user *argument, const u64 *partition_id)
{
	struct viridis_get_stats *request = memdup_user(argument, sizeof(*request));
	struct viridis_output_get_stats *output;
	struct viridis_input_get_stats input;
	long result = -ENOMEM;

	if (IS_ERR(request))
		return PTR_ERR(request);
	output = kmalloc(sizeof(*output), GFP_KERNEL);
	if (!output)
		goto free_request;
	if (partition_id)
		request->partition_id = *partition_id;
	input.partition_id = request->partition_id;
	input.object = request->object;
	input.index = request->index;
	result = request->object > VIRIDIS_STATS_VP ? -EINVAL :
	                                              stats_call(&input, output);
	if (result)
		goto free_output;
	request->count = min_t(u32, output->count, VIRIDIS_STATS_MAX);
	memcpy(request->counter, output->counter, sizeof(request->counter));
	if (copy_to_user(argument, request, sizeof(*request)))
		result = -EFAULT;

free_output:
	kfree(output);
free_request:
	kfree(request);
	return result;
}

/* ---- Log and trace: rings that the hypervisor shows us ---- */

struct stats_ring {
	struct viridis_input_get_stats which;
	u64 items, item_bytes;
	struct viridis_ring now;
};

static struct stats_ring stats_ring_of(u32 object, u32 cpu)
{
	struct stats_ring ring = { .which = { .object = object, .index = cpu } };

	ring.items = object == VIRIDIS_STATS_LOG ? VIRIDIS_LOG_BYTES :
	                                           VIRIDIS_TRACE_RECORDS;
	ring.item_bytes =
		object == VIRIDIS_STATS_LOG ? 1 : sizeof(struct viridis_trace_record);
	return ring;
}

static int stats_look(struct stats_ring *ring)
{
	struct viridis_output_get_stats *output = kmalloc(sizeof(*output), GFP_KERNEL);
	int result;

	if (!output)
		return -ENOMEM;
	result = stats_call(&ring->which, output);
	memcpy(&ring->now, output->counter, sizeof(ring->now));
	kfree(output);
	return result;
}

/* The first item that no writer can be at. */
static u64 stats_oldest(const struct stats_ring *ring)
{
	u64 kept = ring->items - VIRIDIS_RING_AHEAD;

	return ring->now.end > kept ? ring->now.end - kept : 0;
}

static void stats_copy(const struct stats_ring *ring, u8 *to, const u8 *from, u64 at,
                       u64 count)
{
	u64 place = at % ring->items, first = min(count, ring->items - place);

	memcpy(to, from + place * ring->item_bytes, first * ring->item_bytes);
	memcpy(to + first * ring->item_bytes, from, (count - first) * ring->item_bytes);
}

/* So often the writer may overtake us before the reader is told that all is lost. */
#define STATS_TRIES 4

/*
 * From request->sequence on; a reader that is ahead of the ring (it was started anew) begins at the oldest. What was
 * overwritten while it was copied is lost, too: then we come again, each time further from the writer, which writes at
 * every look of ours.
 */
static int stats_take(struct stats_ring *ring, struct viridis_read *request, u8 *to,
                      const u8 *from)
{
	u64 at = request->sequence, room = request->bytes / ring->item_bytes, count = 0;
	u64 ahead = 0;
	int result = 0;

	for (unsigned int tries = 0; tries < STATS_TRIES; tries++) {
		u64 least = min(stats_oldest(ring) + ahead, ring->now.end);

		at = at > ring->now.end ? least : max(at, least);
		count = min(ring->now.end - at, room);
		stats_copy(ring, to, from, at, count);
		result = stats_look(ring);
		if (result || at >= stats_oldest(ring))
			break;
		count = 0;
		ahead += ring->items / STATS_TRIES;
	}
	request->lost =
		at > request->sequence ? min_t(u64, at - request->sequence, U32_MAX) : 0;
	request->sequence = at + count;
	request->bytes = count * ring->item_bytes;
	return result;
}

static int stats_read_ring(u32 object, struct viridis_read *request, u8 *to)
{
	struct stats_ring ring = stats_ring_of(object, request->cpu);
	int result = stats_look(&ring);
	u8 *from;

	if (result)
		return result;
	from = memremap(ring.now.hpa, ring.items * ring.item_bytes, MEMREMAP_WB);
	if (!from)
		return -ENOMEM;
	result = stats_take(&ring, request, to, from);
	memunmap(from);
	return result;
}

long stats_read(void __user *argument, u32 object)
{
	struct viridis_read request;
	long result;
	u8 *copy;

	if (copy_from_user(&request, argument, sizeof(request)))
		return -EFAULT;
	if (request.reserved)
		return -EINVAL;
	request.bytes = min_t(u32, request.bytes, VIRIDIS_READ_BYTES_MAX);
	copy = kmalloc(VIRIDIS_READ_BYTES_MAX, GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	result = stats_read_ring(object, &request, copy);
	if (!result && (copy_to_user((void __user *)(unsigned long)request.buffer, copy,
	                             request.bytes) ||
	                copy_to_user(argument, &request, sizeof(request))))
		result = -EFAULT;
	kfree(copy);
	return result;
}

/* ---- Memory ---- */

static u64 stats_pages_in_use(u64 partition_id)
{
	struct hv_input_withdraw_memory input = { .partition_id = partition_id };
	struct hv_output_get_memory_balance balance;
	struct hypercall call = {
		.code = HVCALL_GET_MEMORY_BALANCE,
		.header = &input,
		.header_bytes = sizeof(input),
		.output = &balance,
		.output_bytes = sizeof(balance),
	};

	return hypercall(&call) == HV_STATUS_SUCCESS ? balance.pages_in_use : 0;
}

static void stats_describe(struct viridis_partition *partition,
                           struct viridis_partition_info *info)
{
	info->partition_id = partition->id;
	info->deposited_pages = READ_ONCE(partition->pool.pages);
	info->in_use_pages = stats_pages_in_use(partition->id);
	info->pinned_pages = READ_ONCE(partition->pinned_pages);
	info->vp_count = READ_ONCE(partition->vp_count);
	info->creator_pid = partition->creator_pid;
}

static int stats_list(struct viridis_info *info)
{
	struct viridis_partition_info __user *entries =
		(void __user *)(unsigned long)info->partitions;
	struct viridis_partition *partition;
	struct viridis_partition_info entry;
	u64 id = 0;

	info->count = 0;
	while ((partition = partition_get_next(id))) {
		stats_describe(partition, &entry);
		id = partition->id + 1;
		partition_put(partition);
		if (info->count < info->capacity &&
		    copy_to_user(&entries[info->count], &entry, sizeof(entry)))
			return -EFAULT;
		info->count++;
		cond_resched();
	}
	return 0;
}

long stats_info(void __user *argument)
{
	struct viridis_info info;
	int result;

	if (copy_from_user(&info, argument, sizeof(info)))
		return -EFAULT;
	if (info.capacity > VIRIDIS_INFO_CAPACITY_MAX)
		return -EINVAL;
	result = stats_list(&info);
	if (result)
		return result;
	info.deposited_pages = pool_total_pages();
	info.pinned_pages = partition_total_pinned();
	info.root_deposited_pages = READ_ONCE(pool_root.pages);
	return copy_to_user(argument, &info, sizeof(info)) ? -EFAULT : 0;
}
