// SPDX-License-Identifier: GPL-2.0-or-later
/* The bits that the processor sets where a child stores: dirty.h. The hypervisor tells a byte for each page. */
#include "abi.h"
#include "dirty.h"

#include "partition.h"
#include "pool.h"
#include <linux/bitmap.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#define STEP_PAGES 2048u /* a call: whole bytes of the bitmap */

struct dirty_step {
	u8 states[STEP_PAGES];
	u8 bitmap[STEP_PAGES / 8];
};

/* No more is told than the type; that pages were read is not kept, and they count as read. */
static bool dirty_request_ok(const struct mshv_gpap_access_bitmap *request)
{
	bool accessed = request->access_type == MSHV_GPAP_ACCESS_TYPE_ACCESSED;

	return request->access_type <= MSHV_GPAP_ACCESS_TYPE_DIRTY &&
	       request->access_op <= MSHV_GPAP_ACCESS_OP_SET &&
	       !(accessed && request->access_op != MSHV_GPAP_ACCESS_OP_NOOP) &&
	       !memchr_inv(request->reserved, 0, sizeof(request->reserved)) &&
	       request->page_count && request->bitmap;
}

static int dirty_call(struct viridis_partition *partition,
                      const struct mshv_gpap_access_bitmap *request, u64 first,
                      unsigned int count, struct dirty_step *step)
{
	static const u64 flags[] = { 0, HV_GPA_ACCESS_CLEAR_DIRTY,
		                     HV_GPA_ACCESS_SET_DIRTY };
	const struct hv_input_get_gpa_pages_access_states input = {
		.partition_id = partition->id,
		.flags = flags[request->access_op],
		.gpfn_base = request->gpfn + first,
	};
	struct hypercall call = {
		.code = HVCALL_GET_GPA_PAGES_ACCESS_STATES,
		.reps = (u16)count,
		.header = &input,
		.header_bytes = sizeof(input),
		.output = step->states,
		.output_bytes = count,
	};

	return hypercall_errno(pool_call(&partition->pool, &call));
}

static void dirty_fill(struct dirty_step *step, u8 type, unsigned int count)
{
	u8 mask = type == MSHV_GPAP_ACCESS_TYPE_DIRTY ? HV_GPA_ACCESS_DIRTY :
	                                                HV_GPA_ACCESS_ACCESSED;
	unsigned int i;

	memset(step->bitmap, 0, sizeof(step->bitmap));
	for (i = 0; i < count; i++)
		if (step->states[i] & mask)
			step->bitmap[i / 8] |= 1u << i % 8;
}

/* What is cleared before an error has been told: what is left of it can be asked for again. */
static long dirty_walk(struct viridis_partition *partition,
                       const struct mshv_gpap_access_bitmap *request,
                       struct dirty_step *step)
{
	u8 __user *user = (u8 __user *)(unsigned long)request->bitmap;
	u64 at = 0;
	int result;

	while (at < request->page_count) {
		unsigned int count =
			(unsigned int)min_t(u64, request->page_count - at, STEP_PAGES);

		if (fatal_signal_pending(current))
			return -EINTR;
		result = dirty_call(partition, request, at, count, step);
		if (result)
			return result;
		dirty_fill(step, request->access_type, count);
		if (copy_to_user(user + at / 8, step->bitmap, DIV_ROUND_UP(count, 8)))
			return -EFAULT;
		at += count;
		cond_resched();
	}
	return 0;
}

long dirty_get_bitmap(struct viridis_partition *partition, const void __user *argument)
{
	struct mshv_gpap_access_bitmap request;
	struct dirty_step *step;
	long result;

	if (copy_from_user(&request, argument, sizeof(request)))
		return -EFAULT;
	if (!dirty_request_ok(&request))
		return -EINVAL;
	step = kmalloc(sizeof(*step), GFP_KERNEL_ACCOUNT);
	if (!step)
		return -ENOMEM;
	result = dirty_walk(partition, &request, step);
	kfree(step);
	return result;
}
