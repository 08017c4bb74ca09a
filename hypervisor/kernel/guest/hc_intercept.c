/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hypercalls by which a parent decides what CPUID answers, or that it answers itself (0x91, 0x92). */
#include "hypervisor/kernel/guest/hypercall.h"
#include "hypervisor/kernel/objects/partition.h"

static bool same_key(const struct hv_input_register_intercept_result *a,
                     const struct hv_input_register_intercept_result *b)
{
	return a->eax == b->eax && a->ecx == b->ecx &&
	       a->subleaf_specific == b->subleaf_specific &&
	       a->intercepted == b->intercepted;
}

/*
 * VPs read without the lock: a new entry is whole before it is counted. One that is replaced or removed under a
 * running VP may be read half new; the parent that does so has not decided yet.
 */
static enum hv_status change_result(struct partition *partition,
                                    struct hv_input_register_intercept_result result,
                                    bool remove)
{
	bool of_all = result.vp_index == HV_VP_INDEX_ANY;
	struct cpuid_results **pages = &partition->cpuid;
	uint32_t limit = (of_all ? 1 : CPUID_PAGES) * CPUID_PER_PAGE, i = 0, count;

	if (result.type != HV_INTERCEPT_X64_CPUID || result.subleaf_specific > 1 ||
	    result.always_override > 1 || result.intercepted > 1)
		return HV_STATUS_INVALID_PARAMETER;
	if (!result.subleaf_specific)
		result.ecx = 0;
	SPIN_HOLD(&partition->lock);
	if (partition_is_ending(partition))
		return HV_STATUS_INVALID_PARTITION_STATE;
	/* The root has the allow-list alone: its VPs have no pages for results of their own. */
	if (!of_all && (partition->is_root || !partition_vp(partition, result.vp_index)))
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

	return change_result(call->target, *in, false);
}

/* The input begins as the other's, with the key. */
enum hv_status hc_unregister_intercept_result(struct hypercall *call)
{
	const struct hv_input_register_intercept_result *in = call->input;

	return change_result(call->target, *in, true);
}
