/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hypercalls by which a parent decides what comes to it: intercepts (0x4d), results of CPUID (0x91, 0x92). */
#include "hypervisor/kernel/guest/hypercall.h"
#include "hypervisor/kernel/objects/partition.h"

/* ---- CPUID results ---- */

static bool same_key(const struct hv_input_register_intercept_result *a,
                     const struct hv_input_register_intercept_result *b)
{
	return a->eax == b->eax && a->ecx == b->ecx &&
	       a->subleaf_specific == b->subleaf_specific && a->reserved == b->reserved;
}

/*
 * Marked as intercepted it only says that the parent answers the leaf. VPs read without the
 * lock: a new entry is whole before it is counted. One that is replaced or removed under a
 * running VP may be read half new; the parent that does so has not decided yet.
 */
static enum hv_status change_result(struct partition *partition,
                                    struct hv_input_register_intercept_result result,
                                    bool remove, bool intercepted)
{
	bool of_all = result.vp_index == HV_VP_INDEX_ANY;
	struct cpuid_results **pages = &partition->cpuid;
	uint32_t limit = (of_all ? 1 : CPUID_PAGES) * CPUID_PER_PAGE, i = 0, count;

	if (result.type != HV_INTERCEPT_X64_CPUID || result.subleaf_specific > 1 ||
	    result.always_override > 1 || result.reserved != 0)
		return HV_STATUS_INVALID_PARAMETER;
	if (!result.subleaf_specific)
		result.ecx = 0;
	result.reserved = intercepted;
	SPIN_HOLD(&partition->lock);
	if (partition_is_ending(partition))
		return HV_STATUS_INVALID_PARTITION_STATE;
	if (!of_all && !partition_vp(partition, result.vp_index))
		return HV_STATUS_INVALID_VP_INDEX;
	if (!of_all)
		pages = partition_vp(partition, result.vp_index)->cpuid;
	count = pages[0]->count;
	while (i < count && !same_key(cpuid_result(pages, i), &result))
		i++;
	if (remove && i == count)
		return HV_STATUS_NOT_FOUND;
	if (i == limit)
		return HV_STATUS_NO_RESOURCES;
	if (remove)
		for (count--; i < count; i++)
			*cpuid_result(pages, i) = *cpuid_result(pages, i + 1);
	else
		*cpuid_result(pages, i) = result;
	if (!remove && i == count)
		count++;
	/* Release pairs with the acquire in cpuid.c. */
	__atomic_store_n(&pages[0]->count, count, __ATOMIC_RELEASE);
	return HV_STATUS_SUCCESS;
}

enum hv_status hc_register_intercept_result(struct hypercall *call)
{
	const struct hv_input_register_intercept_result *in = call->input;

	return change_result(call->target, *in, false, false);
}

/* The input begins as the other's, with the key. */
enum hv_status hc_unregister_intercept_result(struct hypercall *call)
{
	const struct hv_input_register_intercept_result *in = call->input;

	return change_result(call->target, *in, true, false);
}

/* ---- Intercepts ---- */

/*
 * A child's port accesses go to its parent always, as do those to memory that is not
 * mapped: what QEMU, Cloud Hypervisor and viridis-vm live on. CPUID's leaves are answered
 * here, from the results above, but for those installed. Unknown MSRs raise #GP; hypercalls
 * and unknown connections, which OpenVMM asks for, are answered here as well.
 */
enum hv_status hc_install_intercept(struct hypercall *call)
{
	const struct hv_input_install_intercept *in = call->input;
	const struct hv_input_register_intercept_result leaf = {
		.vp_index = HV_VP_INDEX_ANY,
		.type = HV_INTERCEPT_X64_CPUID,
		.eax = (uint32_t)in->parameter,
	};

	if (in->type == HV_INTERCEPT_X64_CPUID && in->parameter <= UINT32_MAX &&
	    !(in->access_mask & ~HV_INTERCEPT_MASK_EXECUTE))
		return change_result(call->target, leaf, in->access_mask == 0, true);
	if (in->type != HV_INTERCEPT_X64_IO_PORT || in->parameter > UINT16_MAX ||
	    in->access_mask == 0 ||
	    (in->access_mask & ~(HV_INTERCEPT_MASK_READ | HV_INTERCEPT_MASK_WRITE)))
		return HV_STATUS_INVALID_PARAMETER; /* a port's cannot be taken out */
	return HV_STATUS_SUCCESS;
}
