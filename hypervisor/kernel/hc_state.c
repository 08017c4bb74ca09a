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
	struct vp *vp;
	uint64_t hpa;
	bool *shown; /* root's partition lock */
};

/* Where the page lies is ours to say: a location that the parent provides is refused. */
static enum hv_status find_state_page(struct hypercall *call, struct state_page *page)
{
	const struct hv_input_vp_state_page *in = call->input;
	enum hv_status status;

	if (in->vtl != 0 || in->flags != 0)
		return HV_STATUS_INVALID_PARAMETER;
	if (in->type != HV_VP_STATE_PAGE_REGISTERS &&
	    in->type != HV_VP_STATE_PAGE_INTERCEPT_MESSAGE)
		return HV_STATUS_INVALID_PARAMETER;
	page->vp = hypercall_stopped_vp(call, in->partition_id, in->vp_index, &status);
	if (!page->vp)
		return status;
	if (in->type == HV_VP_STATE_PAGE_REGISTERS) {
		page->hpa = frame_map_hpa(page->vp->register_page);
		page->shown = &page->vp->register_page_shown;
	} else {
		page->hpa = frame_map_hpa(page->vp->intercept_page);
		page->shown = &page->vp->intercept_page_shown;
	}
	return HV_STATUS_SUCCESS;
}

static enum hv_status show_locked(const struct state_page *page)
{
	enum hv_status status;

	if (page->vp->state_pages_closed)
		return HV_STATUS_INVALID_VP_INDEX; /* deleted since it was found */
	if (*page->shown)
		return HV_STATUS_SUCCESS;
	status = npt_map(&root_partition->npt, page->hpa, page->hpa, NPT_LEVEL_4K,
	                 NPT_READ | NPT_WRITE);
	if (status == HV_STATUS_SUCCESS)
		*page->shown = true;
	return status;
}

enum hv_status hc_map_vp_state_page(struct hypercall *call)
{
	struct hv_output_map_vp_state_page *out = call->output;
	struct state_page page;
	enum hv_status status = find_state_page(call, &page);

	if (status != HV_STATUS_SUCCESS || call->again)
		return status;
	spin_lock(&root_partition->lock);
	status = show_locked(&page);
	spin_unlock(&root_partition->lock);
	if (status == HV_STATUS_SUCCESS)
		out->pfn = page.hpa / PAGE_4K;
	return status;
}

static enum hv_status hide_locked(const struct state_page *page)
{
	enum hv_status status;

	if (!*page->shown)
		return HV_STATUS_SUCCESS;
	status = npt_unmap(&root_partition->npt, page->hpa, NPT_LEVEL_4K);
	if (status == HV_STATUS_SUCCESS)
		*page->shown = false;
	return status;
}

enum hv_status hc_unmap_vp_state_page(struct hypercall *call)
{
	struct state_page page;
	enum hv_status status = find_state_page(call, &page);

	if (status != HV_STATUS_SUCCESS || call->again)
		return status;
	spin_lock(&root_partition->lock);
	status = hide_locked(&page);
	spin_unlock(&root_partition->lock);
	call->settle = true;
	return status;
}

/* ---- CPUID results ---- */

static enum hv_status decode_result(const struct hv_input_register_intercept_result *in,
                                    struct cpuid_result *result)
{
	if (in->type != HV_INTERCEPT_X64_CPUID || in->subleaf_specific > 1 ||
	    in->always_override > 1 || in->reserved != 0)
		return HV_STATUS_INVALID_PARAMETER;
	if (in->vp_index >= MAX_VPS && in->vp_index != HV_VP_INDEX_ANY)
		return HV_STATUS_INVALID_VP_INDEX;
	*result = (struct cpuid_result){
		.vp_index = in->vp_index,
		.leaf = in->eax,
		.subleaf = in->subleaf_specific ? in->ecx : 0,
		.subleaf_specific = in->subleaf_specific,
	};
	for (unsigned int i = 0; i < ARRAY_COUNT(result->value); i++) {
		result->value[i] = in->result[i].value;
		result->mask[i] = in->result[i].mask;
	}
	return HV_STATUS_SUCCESS;
}

static bool same_key(const struct cpuid_result *a, const struct cpuid_result *b)
{
	return a->vp_index == b->vp_index && a->leaf == b->leaf &&
	       a->subleaf == b->subleaf && a->subleaf_specific == b->subleaf_specific;
}

/*
 * VPs read without the lock: a new entry is whole before it is counted. One that is
 * replaced under a running VP may be read half new; the parent that does so has not
 * decided yet.
 */
static enum hv_status put_result_locked(struct partition *partition,
                                        const struct cpuid_result *result)
{
	struct cpuid_results *results = partition->cpuid;
	uint32_t i;

	for (i = 0; i < results->count; i++) {
		if (same_key(&results->result[i], result))
			break;
	}
	if (i == MAX_CPUID_RESULTS)
		return HV_STATUS_NO_RESOURCES;
	results->result[i] = *result;
	if (i == results->count) /* release pairs with the acquire in cpuid.c */
		__atomic_store_n(&results->count, i + 1, __ATOMIC_RELEASE);
	return HV_STATUS_SUCCESS;
}

static enum hv_status register_result_locked(struct partition *partition,
                                             const struct cpuid_result *result)
{
	struct cpuid_results *page;

	if (partition->state == PARTITION_FINALIZED)
		return HV_STATUS_INVALID_PARTITION_STATE;
	if (!partition->cpuid) {
		page = pool_allocate(&partition->pool);
		if (!page)
			return HV_STATUS_INSUFFICIENT_MEMORY;
		/* Release pairs with the acquire in cpuid.c: zeroed before it is seen. */
		__atomic_store_n(&partition->cpuid, page, __ATOMIC_RELEASE);
	}
	return put_result_locked(partition, result);
}
_Static_assert(sizeof(struct cpuid_results) <= PAGE_4K, "the results are one frame");

enum hv_status hc_register_intercept_result(struct hypercall *call)
{
	const struct hv_input_register_intercept_result *in = call->input;
	struct partition *partition;
	struct cpuid_result result;
	enum hv_status status =
		partition_child(call->partition, in->partition_id, &partition);

	if (status == HV_STATUS_SUCCESS)
		status = decode_result(in, &result);
	if (status != HV_STATUS_SUCCESS)
		return status;
	spin_lock(&partition->lock);
	status = register_result_locked(partition, &result);
	spin_unlock(&partition->lock);
	return status;
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
	struct partition *partition;
	enum hv_status status =
		partition_child(call->partition, in->partition_id, &partition);

	if (status != HV_STATUS_SUCCESS)
		return status;
	if (in->type != HV_INTERCEPT_X64_IO_PORT || in->parameter > UINT16_MAX)
		return HV_STATUS_INVALID_PARAMETER;
	if (in->access_mask == 0 || (in->access_mask & ~ACCESS_READ_WRITE))
		return HV_STATUS_INVALID_PARAMETER; /* it cannot be taken out */
	return HV_STATUS_SUCCESS;
}
