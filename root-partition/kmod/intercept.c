// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Intercepts that a VMM asks for: intercept.h
 *
 * A child's port accesses go to its VMM always, as do those to memory that is not mapped: what QEMU, Cloud Hypervisor
 * and viridis-vm live on. The hypervisor answers CPUID from registered results, one of which may say that the VMM
 * answers that leaf. Unknown MSRs raise #GP; hypercalls and unknown connections, which OpenVMM asks for, are the
 * hypervisor's to answer.
 */
#include "abi.h"
#include "intercept.h"

#include "hypercall.h"
#include "partition.h"
#include <linux/limits.h>

/* They come anyway, and cannot be told not to. */
static enum hv_status intercept_port(const struct hv_input_install_intercept *in)
{
	if (in->parameter > U16_MAX || !in->access_mask ||
	    in->access_mask & ~(HV_INTERCEPT_MASK_READ | HV_INTERCEPT_MASK_WRITE))
		return HV_STATUS_INVALID_PARAMETER;
	return HV_STATUS_SUCCESS;
}

static enum hv_status intercept_leaf(struct viridis_partition *partition,
                                     const struct hv_input_install_intercept *in)
{
	const struct hv_input_register_intercept_result leaf = {
		.partition_id = partition->id,
		.vp_index = HV_VP_INDEX_ANY,
		.type = HV_INTERCEPT_X64_CPUID,
		.eax = in->parameter,
		.intercepted = 1,
	};

	if (in->parameter > U32_MAX || in->access_mask & ~HV_INTERCEPT_MASK_EXECUTE)
		return HV_STATUS_INVALID_PARAMETER;
	if (in->access_mask)
		return hypercall_simple(HVCALL_REGISTER_INTERCEPT_RESULT, &leaf,
		                        sizeof(leaf));
	return hypercall_simple(HVCALL_UNREGISTER_INTERCEPT_RESULT, &leaf,
	                        sizeof(struct hv_input_unregister_intercept_result));
}

enum hv_status intercept_install(struct viridis_partition *partition, const void *input,
                                 void *output)
{
	const struct hv_input_install_intercept *in = input;

	(void)output;
	if (in->type == HV_INTERCEPT_X64_IO_PORT)
		return intercept_port(in);
	return in->type == HV_INTERCEPT_X64_CPUID ? intercept_leaf(partition, in) :
	                                            HV_STATUS_INVALID_PARAMETER;
}
