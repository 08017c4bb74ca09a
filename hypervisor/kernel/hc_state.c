/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hypercalls that set up what a parent sees of a VP and what it decides for it: state
 * pages (0xe1, 0xe2), CPUID results (0x91), intercepts (0x4d).
 */
#include "hypervisor/arch/x86/paging.h"
#include "hypervisor/kernel/hypercall.h"
#include "hypervisor/kernel/partition.h"

/* ---- State pages: frames of the child's deposit, shown in the root's tables ---- */

struct state_page {
	uint64_t hpa;
	bool *shown; /* root's partition lock */
};

/* Where the page lies is ours to say: a location that the parent provides is refused. */
static enum hv_status find_state_page(const struct hypercall *call,
                                      struct state_page *page)
{
	const struct hv_input_vp_state_page *in = call->input;
	struct vp *vp = call->target_vp;

	if (in->vtl != 0 || in->flags != 0)
		return HV_STATUS_INVALID_PARAMETER;
	switch (in->type) {
	case HV_VP_STATE_PAGE_REGISTERS:
		*page = (struct state_page){ frame_map_hpa(vp->register_page),
			                     &vp->register_page_shown };
		return HV_STATUS_SUCCESS;
	case HV_VP_STATE_PAGE_INTERCEPT_MESSAGE:
		*page = (struct state_page){ frame_map_hpa(vp->intercept_page),
			                     &vp->intercept_page_shown };
		return HV_STATUS_SUCCESS;
	default:
		return HV_STATUS_INVALID_PARAMETER;
	}
}

enum hv_status hc_map_vp_state_page(struct hypercall *call)
{
	struct hv_output_map_vp_state_page *out = call->output;
	struct state_page page;
	enum hv_status status = find_state_page(call, &page);

	if (status != HV_STATUS_SUCCESS)
		return status;
	SPIN_HOLD(&root_partition->lock);
	if (call->target_vp->state_pages_closed)
		return HV_STATUS_INVALID_VP_INDEX; /* deleted since it was found */
	if (!*page.shown)
		status = npt_map(&root_partition->npt, page.hpa, page.hpa, NPT_LEVEL_4K,
		                 NPT_READ | NPT_WRITE);
	if (status != HV_STATUS_SUCCESS)
		return status;
	*page.shown = true;
	out->pfn = page.hpa / PAGE_4K;
	return HV_STATUS_SUCCESS;
}

enum hv_status hc_unmap_vp_state_page(struct hypercall *call)
{
	struct state_page page;
	enum hv_status status = find_state_page(call, &page);

	if (status != HV_STATUS_SUCCESS)
		return status;
	call->settle = true;
	SPIN_HOLD(&root_partition->lock);
	if (*page.shown)
		status = npt_unmap(&root_partition->npt, page.hpa, NPT_LEVEL_4K);
	if (status == HV_STATUS_SUCCESS)
		*page.shown = false;
	return status;
}

/* ---- CPUID results ---- */

static bool same_key(const struct hv_input_register_intercept_result *a,
                     const struct hv_input_register_intercept_result *b)
{
	return a->vp_index == b->vp_index && a->eax == b->eax && a->ecx == b->ecx &&
	       a->subleaf_specific == b->subleaf_specific;
}

/*
 * VPs read without the lock: a new entry is whole before it is counted. One that is
 * replaced under a running VP may be read half new; the parent that does so has not
 * decided yet.
 */
static enum hv_status
put_result_locked(struct cpuid_results *results,
                  const struct hv_input_register_intercept_result *result)
{
	uint32_t i = 0;

	while (i < results->count && !same_key(&results->result[i], result))
		i++;
	if (i == MAX_CPUID_RESULTS)
		return HV_STATUS_NO_RESOURCES;
	results->result[i] = *result;
	if (i == results->count) /* release pairs with the acquire in cpuid.c */
		__atomic_store_n(&results->count, i + 1, __ATOMIC_RELEASE);
	return HV_STATUS_SUCCESS;
}
_Static_assert(sizeof(struct cpuid_results) <= PAGE_4K, "the results are one frame");

enum hv_status hc_register_intercept_result(struct hypercall *call)
{
	struct hv_input_register_intercept_result result =
		*(const struct hv_input_register_intercept_result *)call->input;
	struct partition *partition = call->target;

	if (result.type != HV_INTERCEPT_X64_CPUID || result.subleaf_specific > 1 ||
	    result.always_override > 1 || result.reserved != 0)
		return HV_STATUS_INVALID_PARAMETER;
	if (result.vp_index >= MAX_VPS && result.vp_index != HV_VP_INDEX_ANY)
		return HV_STATUS_INVALID_VP_INDEX;
	if (!result.subleaf_specific)
		result.ecx = 0;
	SPIN_HOLD(&partition->lock);
	if (partition->state == PARTITION_FINALIZED)
		return HV_STATUS_INVALID_PARTITION_STATE;
	if (!partition->cpuid) {
		void *page = pool_allocate(&partition->pool);

		if (!page)
			return HV_STATUS_INSUFFICIENT_MEMORY;
		/* Release pairs with the acquire in cpuid.c: zeroed before it is seen. */
		__atomic_store_n(&partition->cpuid, page, __ATOMIC_RELEASE);
	}
	return put_result_locked(partition->cpuid, &result);
}

/* ---- Intercepts ---- */

#define ACCESS_READ_WRITE 3u

/*
 * A child's port accesses go to its parent always, as do those to memory that is not
 * mapped: what QEMU, Cloud Hypervisor and viridis-vm live on, and the one type that can
 * be asked for. CPUID is answered here, from the results above; unknown MSRs raise #GP;
 * hypercalls and unknown connections, which OpenVMM asks for, are answered here as well.
 */
enum hv_status hc_install_intercept(struct hypercall *call)
{
	const struct hv_input_install_intercept *in = call->input;

	if (in->type != HV_INTERCEPT_X64_IO_PORT || in->parameter > UINT16_MAX)
		return HV_STATUS_INVALID_PARAMETER;
	if (in->access_mask == 0 || (in->access_mask & ~ACCESS_READ_WRITE))
		return HV_STATUS_INVALID_PARAMETER; /* it cannot be taken out */
	return HV_STATUS_SUCCESS;
}
