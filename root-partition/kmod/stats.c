// SPDX-License-Identifier: GPL-2.0-or-later
/* Our three own hypercalls, and the account of memory. */
#include "abi.h"
#include "stats.h"

#include "partition.h"
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

/* ---- Counters ---- */

long stats_get(void __user *argument, const u64 *partition_id)
{
	struct viridis_get_stats *request = memdup_user(argument, sizeof(*request));
	struct viridis_output_get_stats *output;
	struct viridis_input_get_stats input;
	struct hypercall call = {
		.code = HVCALL_VIRIDIS_GET_STATS,
		.header = &input,
		.header_bytes = sizeof(input),
		.output_bytes = sizeof(*output),
	};
	long result = -ENOMEM;

	if (IS_ERR(request))
		return PTR_ERR(request);
	output = kmalloc(sizeof(*output), GFP_KERNEL);
	if (!output)
		goto free_request;
	call.output = output;
	if (partition_id)
		request->partition_id = *partition_id;
	input.partition_id = request->partition_id;
	input.object = request->object;
	input.index = request->index;
	result = hypercall_errno(hypercall(&call));
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

/* ---- Log and trace ---- */

static int stats_read_call(struct viridis_read *request, u16 code,
                           struct viridis_output_read *output)
{
	struct viridis_input_read input = {
		.sequence = request->sequence,
		.cpu = request->cpu,
		.bytes_max = min_t(u32, request->bytes, sizeof(output->data)),
	};
	struct hypercall call = {
		.code = code,
		.header = &input,
		.header_bytes = sizeof(input),
		.output = output,
		.output_bytes = sizeof(*output),
	};
	int result = hypercall_errno(hypercall(&call));

	if (result)
		return result;
	request->sequence = output->next_sequence;
	request->bytes = min(output->bytes, input.bytes_max);
	request->lost = output->lost;
	return 0;
}

long stats_read(void __user *argument, u16 code)
{
	struct viridis_output_read *output;
	struct viridis_read request;
	void __user *buffer;
	long result;

	if (copy_from_user(&request, argument, sizeof(request)))
		return -EFAULT;
	if (request.reserved)
		return -EINVAL;
	output = kmalloc(sizeof(*output), GFP_KERNEL);
	if (!output)
		return -ENOMEM;
	buffer = (void __user *)(unsigned long)request.buffer;
	result = stats_read_call(&request, code, output);
	if (!result && (copy_to_user(buffer, output->data, request.bytes) ||
	                copy_to_user(argument, &request, sizeof(request))))
		result = -EFAULT;
	kfree(output);
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
