// SPDX-License-Identifier: GPL-2.0-or-later
/* State transfers go through a buffer of ours: the caller's pages need not be pinned for them. */
#include "abi.h"
#include "vp_state.h"

#include "partition.h"
#include "vp.h"
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/uaccess.h>

#define STATE_PAGES_MAX (MSHV_VP_STATE_BYTES_MAX / PAGE_SIZE)

static const u32 hv_state_types[] = {
	[MSHV_VP_STATE_LAPIC] = HV_VP_STATE_LAPIC,
	[MSHV_VP_STATE_XSAVE] = HV_VP_STATE_XSAVE,
	[MSHV_VP_STATE_SIMP] = HV_VP_STATE_SIM_PAGE,
	[MSHV_VP_STATE_SIEFP] = HV_VP_STATE_SIEF_PAGE,
	[MSHV_VP_STATE_STIMERS] = HV_VP_STATE_STIMERS,
};

static long vp_state_call(struct viridis_vp *vp, u16 code, u32 type, void *buffer,
                          u32 bytes)
{
	struct hv_input_vp_state header = {
		.partition_id = vp->partition->id,
		.vp_index = vp->index,
		.type = type,
	};
	u64 pfns[STATE_PAGES_MAX];
	struct hypercall call = {
		.code = code,
		.reps = bytes / PAGE_SIZE,
		.header = &header,
		.header_bytes = sizeof(header),
		.list = pfns,
		.list_bytes = bytes / PAGE_SIZE * sizeof(pfns[0]),
	};
	u64 first = virt_to_phys(buffer) >> PAGE_SHIFT;
	u32 i;

	for (i = 0; i < call.reps; i++)
		pfns[i] = first + i;
	return hypercall_errno(pool_call(&vp->partition->pool, &call));
}

long vp_state_transfer(struct viridis_vp *vp, void __user *argument, u16 code)
{
	struct mshv_get_set_vp_state request;
	void __user *user;
	void *buffer;
	long result;

	if (copy_from_user(&request, argument, sizeof(request)))
		return -EFAULT;
	if (request.type >= ARRAY_SIZE(hv_state_types) ||
	    memchr_inv(request.reserved, 0, sizeof(request.reserved)) ||
	    !request.buffer_bytes || request.buffer_bytes % PAGE_SIZE ||
	    request.buffer_bytes > MSHV_VP_STATE_BYTES_MAX)
		return -EINVAL;
	buffer = alloc_pages_exact(request.buffer_bytes, GFP_KERNEL | __GFP_ZERO);
	if (!buffer)
		return -ENOMEM;

	user = (void __user *)(unsigned long)request.buffer;
	result = 0;
	if (code == HVCALL_SET_VP_STATE &&
	    copy_from_user(buffer, user, request.buffer_bytes))
		result = -EFAULT;
	if (!result)
		result = vp_state_call(vp, code, hv_state_types[request.type], buffer,
		                       request.buffer_bytes);
	if (!result && code == HVCALL_GET_VP_STATE &&
	    copy_to_user(user, buffer, request.buffer_bytes))
		result = -EFAULT;
	free_pages_exact(buffer, request.buffer_bytes);
	return result;
}
