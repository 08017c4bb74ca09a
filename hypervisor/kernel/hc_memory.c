/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hypercalls on memory: deposits (0x48-0x4a) and a child's guest physical address space (0x4b, 0x4c). D2
 *
 * A deposited frame leaves the root's tables before anything else happens to it, and comes back zeroed. A
 * child's RAM is the root's own memory, held by a count while a child maps it.
 */
#include "hypervisor/arch/x86/paging.h"
#include "hypervisor/kernel/epoch.h"
#include "hypervisor/kernel/frames.h"
#include "hypervisor/kernel/hypercall.h"
#include "hypervisor/kernel/overlay.h"
#include "hypervisor/kernel/partition.h"
#include "hypervisor/kernel/trace.h"

#define MAP_FLAGS                                                                   \
	(HV_MAP_GPA_READABLE | HV_MAP_GPA_WRITABLE | HV_MAP_GPA_KERNEL_EXECUTABLE | \
	 HV_MAP_GPA_USER_EXECUTABLE | HV_MAP_GPA_LARGE_PAGE)
#define LARGE_FRAMES (PAGE_2M / PAGE_4K)

/* The root's tables for its RAM were reserved at boot: neither call can want memory. */
static void unmap_from_root(uint64_t pfn)
{
	enum hv_status status;

	spin_lock(&root_partition->lock);
	status = npt_unmap(&root_partition->npt, pfn * PAGE_4K, NPT_LEVEL_4K);
	spin_unlock(&root_partition->lock);
	ASSERT(status == HV_STATUS_SUCCESS);
}

static void map_into_root(uint64_t pfn)
{
	enum hv_status status;

	spin_lock(&root_partition->lock);
	status = npt_map(&root_partition->npt, pfn * PAGE_4K, pfn * PAGE_4K, NPT_LEVEL_4K,
	                 NPT_READ | NPT_WRITE | NPT_EXECUTE);
	spin_unlock(&root_partition->lock);
	ASSERT(status == HV_STATUS_SUCCESS);
}

enum hv_status hc_deposit_memory(struct hypercall *call)
{
	const struct hv_input_deposit_memory *in = call->input;
	uint64_t pfn = *(const uint64_t *)call->rep_input;
	struct partition *partition;
	enum hv_status status =
		partition_for_parent(call->partition, in->partition_id, &partition);

	if (status != HV_STATUS_SUCCESS)
		return status;
	if (pfn == 0 || !frames_deposit(pfn, partition->slot))
		return HV_STATUS_INVALID_PARAMETER;
	unmap_from_root(pfn);
	pool_deposit(&partition->pool, pfn, epoch_advance());
	trace(VIRIDIS_TRACE_DEPOSIT, call->vp, pfn, 1);
	call->settle = true;
	return HV_STATUS_SUCCESS;
}

enum hv_status hc_withdraw_memory(struct hypercall *call)
{
	const struct hv_input_withdraw_memory *in = call->input;
	struct partition *partition;
	enum hv_status status =
		partition_for_parent(call->partition, in->partition_id, &partition);
	void *frame;
	uint64_t pfn;

	if (status != HV_STATUS_SUCCESS)
		return status;
	partition_reap(partition);
	frame = pool_withdraw(&partition->pool);
	if (!frame)
		return HV_STATUS_NO_RESOURCES;
	pfn = frame_map_hpa(frame) / PAGE_4K;
	frame_map_hide(pfn);
	frames_withdraw(pfn);
	map_into_root(pfn);
	*(uint64_t *)call->rep_output = pfn;
	return HV_STATUS_SUCCESS;
}

enum hv_status hc_get_memory_balance(struct hypercall *call)
{
	const struct hv_input_withdraw_memory *in = call->input;
	struct hv_output_get_memory_balance *out = call->output;
	struct partition *partition;
	enum hv_status status =
		partition_for_parent(call->partition, in->partition_id, &partition);

	if (status != HV_STATUS_SUCCESS)
		return status;
	partition_reap(partition);
	pool_balance(&partition->pool, &out->pages_available, &out->pages_in_use);
	return HV_STATUS_SUCCESS;
}

/* Hold `count` frames of the root's from pfn on, all or none. */
static bool hold_frames(uint64_t pfn, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		if (frames_hold(pfn + i))
			continue;
		while (i-- > 0)
			frames_drop(pfn + i);
		return false;
	}
	return true;
}

static void drop_frames(uint64_t pfn, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		frames_drop(pfn + i);
}

static uint32_t npt_flags(uint32_t map_flags)
{
	uint32_t flags = NPT_READ;

	if (map_flags & HV_MAP_GPA_WRITABLE)
		flags |= NPT_WRITE;
	if (map_flags & (HV_MAP_GPA_KERNEL_EXECUTABLE | HV_MAP_GPA_USER_EXECUTABLE))
		flags |= NPT_EXECUTE;
	return flags;
}

/*
 * Nothing may be mapped there yet: a change of mapping is an unmap and a map, so that a frame is never let
 * go of before the TLBs are.
 */
static enum hv_status map_locked(struct partition *partition, uint64_t gpa, uint64_t pfn,
                                 enum npt_level level, uint32_t flags)
{
	uint64_t count = npt_level_bytes(level) / PAGE_4K;
	uint64_t at = gpa;
	unsigned int budget = 2048;
	struct npt_leaf leaf;
	enum hv_status status;

	if (partition->state != PARTITION_ACTIVE)
		return HV_STATUS_INVALID_PARTITION_STATE;
	if (npt_next_leaf(&partition->npt, &at, gpa + npt_level_bytes(level), &budget,
	                  &leaf) != NPT_WALK_END)
		return HV_STATUS_OBJECT_IN_USE;
	if (!hold_frames(pfn, count))
		return HV_STATUS_INVALID_PARAMETER;
	status = npt_map(&partition->npt, gpa, pfn * PAGE_4K, level, flags);
	if (status != HV_STATUS_SUCCESS)
		drop_frames(pfn, count);
	return status;
}

static enum hv_status check_gpfn(uint64_t gpfn_base, uint64_t step, uint64_t rep,
                                 uint64_t *gpa)
{
	const uint64_t limit = NPT_GPA_LIMIT / PAGE_4K;

	/* rep is below 4096 and step at most 512. */
	if (gpfn_base % step != 0 || gpfn_base >= limit ||
	    step * (rep + 1) > limit - gpfn_base)
		return HV_STATUS_INVALID_PARAMETER;
	*gpa = (gpfn_base + step * rep) * PAGE_4K;
	return HV_STATUS_SUCCESS;
}

enum hv_status hc_map_gpa_pages(struct hypercall *call)
{
	const struct hv_input_map_gpa_pages *in = call->input;
	uint64_t pfn = *(const uint64_t *)call->rep_input;
	bool large = (in->flags & HV_MAP_GPA_LARGE_PAGE) != 0;
	uint64_t step = large ? LARGE_FRAMES : 1;
	struct partition *partition;
	enum hv_status status =
		partition_child(call->partition, in->partition_id, &partition);
	uint64_t gpa;

	if (status != HV_STATUS_SUCCESS)
		return status;
	if ((in->flags & ~MAP_FLAGS) || !(in->flags & HV_MAP_GPA_READABLE) ||
	    in->reserved != 0 || pfn % step != 0)
		return HV_STATUS_INVALID_PARAMETER;
	status = check_gpfn(in->gpfn_base, step, call->rep, &gpa);
	if (status != HV_STATUS_SUCCESS)
		return status;
	spin_lock(&partition->lock);
	status = map_locked(partition, gpa, pfn, large ? NPT_LEVEL_2M : NPT_LEVEL_4K,
	                    npt_flags(in->flags));
	spin_unlock(&partition->lock);
	return status;
}

/* Beneath an overlay the guest's page goes, and the overlay stays. Returns the frame to let go, or 0. */
static uint64_t unmap_page_locked(struct partition *partition, uint64_t gpa)
{
	struct npt_leaf leaf;
	uint64_t pfn = 0;

	if (!npt_lookup(&partition->npt, gpa, &leaf))
		return 0;
	if ((leaf.flags & NPT_TAG_MASK) == OVERLAY_TAG) {
		struct overlay_page *overlay = overlay_at(partition, gpa);

		ASSERT(overlay);
		if (overlay->hides)
			pfn = overlay->hidden_hpa / PAGE_4K;
		overlay->hides = false;
		return pfn;
	}
	if (leaf.level != NPT_LEVEL_4K ||
	    npt_unmap(&partition->npt, gpa, NPT_LEVEL_4K) != 0)
		return 0;
	return leaf.hpa / PAGE_4K;
}

/*
 * One 4 KiB page, or the 2 MiB at gpa whole. A frame is let go at once; the caller is not entered before
 * every CPU has dropped the translation, and a deposit waits for its own epoch, which is later.
 */
static enum hv_status unmap_locked(struct partition *partition, uint64_t gpa, bool large)
{
	struct npt_leaf leaf;
	uint64_t pfn;

	if (partition->state != PARTITION_ACTIVE)
		return HV_STATUS_INVALID_PARTITION_STATE;
	if (large && npt_lookup(&partition->npt, gpa, &leaf) &&
	    leaf.level == NPT_LEVEL_2M) {
		enum hv_status status = npt_unmap(&partition->npt, gpa, NPT_LEVEL_2M);

		if (status == HV_STATUS_SUCCESS)
			drop_frames(leaf.hpa / PAGE_4K, LARGE_FRAMES);
		return status;
	}
	for (uint64_t i = 0; i < (large ? LARGE_FRAMES : 1); i++) {
		pfn = unmap_page_locked(partition, gpa + i * PAGE_4K);
		if (pfn != 0)
			frames_drop(pfn);
	}
	return HV_STATUS_SUCCESS;
}

enum hv_status hc_unmap_gpa_pages(struct hypercall *call)
{
	const struct hv_input_unmap_gpa_pages *in = call->input;
	bool large = (in->flags & HV_UNMAP_GPA_LARGE_PAGE) != 0;
	struct partition *partition;
	enum hv_status status =
		partition_child(call->partition, in->partition_id, &partition);
	uint64_t gpa;

	if (status != HV_STATUS_SUCCESS)
		return status;
	if ((in->flags & ~HV_UNMAP_GPA_LARGE_PAGE) || in->reserved != 0)
		return HV_STATUS_INVALID_PARAMETER;
	status = check_gpfn(in->gpfn_base, large ? LARGE_FRAMES : 1, call->rep, &gpa);
	if (status != HV_STATUS_SUCCESS)
		return status;
	spin_lock(&partition->lock);
	status = unmap_locked(partition, gpa, large);
	spin_unlock(&partition->lock);
	call->settle = true;
	return status;
}
