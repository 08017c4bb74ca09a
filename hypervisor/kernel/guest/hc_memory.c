/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hypercalls on memory: deposits (0x48-0x4a) and a child's guest physical address space (0x4b, 0x4c, 0xc9). D2
 *
 * A deposited frame leaves the root's tables before anything else happens to it, and comes back zeroed. A
 * child's RAM is the root's own memory, held by a count while a child maps it.
 */
#include "hypervisor/arch/x86/paging.h"
#include "hypervisor/kernel/memory/frames.h"
#include "hypervisor/kernel/guest/hypercall.h"
#include "hypervisor/kernel/objects/guest_memory.h"
#include "hypervisor/kernel/objects/overlay.h"
#include "hypervisor/kernel/objects/partition.h"
#include "hypervisor/kernel/objects/trace.h"

#define MAP_FLAGS                                                                   \
	(HV_MAP_GPA_READABLE | HV_MAP_GPA_WRITABLE | HV_MAP_GPA_KERNEL_EXECUTABLE | \
	 HV_MAP_GPA_USER_EXECUTABLE | HV_MAP_GPA_LARGE_PAGE)
#define LARGE_FRAMES (PAGE_2M / PAGE_4K)

enum hv_status hc_deposit_memory(struct hypercall *call)
{
	uint64_t pfn = *(const uint64_t *)call->rep_input;

	call->settle = true;
	if (partition_is_ending(call->target))
		return HV_STATUS_INVALID_PARTITION_STATE;
	if (pfn == 0 || !frames_deposit(pfn))
		return HV_STATUS_INVALID_PARAMETER;
	partition_map_root(pfn * PAGE_4K, NPT_LEVEL_4K, 0);
	pool_deposit(&call->target->pool, pfn);
	trace(VIRIDIS_TRACE_DEPOSIT, call->vp, pfn, 1);
	return HV_STATUS_SUCCESS;
}

/* The number is told before the frame is given: none is lost by an output page that cannot be written. */
enum hv_status hc_withdraw_memory(struct hypercall *call)
{
	struct pool *pool = &call->target->pool;
	uint64_t to = call->words[2] + call->rep * sizeof(uint64_t);
	uint64_t available, in_use, pfn;
	void *frame = pool_allocate(pool);

	if (!frame) { /* none, or not yet: POOL-1 */
		pool_balance(pool, &available, &in_use);
		call->settle = call->again = available != 0;
		return HV_STATUS_NO_RESOURCES;
	}
	pfn = frame_map_hpa(frame) / PAGE_4K;
	if (!guest_write(call->partition, to, &pfn, sizeof(pfn))) {
		pool_free(pool, frame);
		return HV_STATUS_INVALID_PARAMETER;
	}
	pool_withdraw(pool);
	frame_map_hide(pfn);
	/* It is the root's when its tables have it again, and not before. */
	partition_map_root(pfn * PAGE_4K, NPT_LEVEL_4K, NPT_ALL);
	frames_withdraw(pfn);
	*(uint64_t *)call->rep_output = pfn;
	return HV_STATUS_SUCCESS;
}

enum hv_status hc_get_memory_balance(struct hypercall *call)
{
	struct hv_output_get_memory_balance *out = call->output;

	pool_balance(&call->target->pool, &out->pages_available, &out->pages_in_use);
	return HV_STATUS_SUCCESS;
}

static uint32_t npt_flags(uint32_t map_flags)
{
	bool executable = map_flags &
	                  (HV_MAP_GPA_KERNEL_EXECUTABLE | HV_MAP_GPA_USER_EXECUTABLE);

	return NPT_READ | (map_flags & HV_MAP_GPA_WRITABLE ? NPT_WRITE : 0) |
	       (executable ? NPT_EXECUTE : 0);
}

/* The place of this rep's page; both inputs begin alike. False: beyond what can be mapped. */
static bool rep_gpa(const struct hypercall *call, uint64_t step, uint64_t *gpa)
{
	const struct hv_input_unmap_gpa_pages *in = call->input;
	const uint64_t limit = NPT_GPA_LIMIT / PAGE_4K; /* of whole steps */
	uint64_t gpfn = in->gpfn_base + step * call->rep;

	*gpa = gpfn * PAGE_4K;
	return in->reserved == 0 && in->gpfn_base % step == 0 && in->gpfn_base < limit &&
	       gpfn < limit;
}

/* How many pages are free in the block around gpa, or 0. An overlay that hides nothing leaves room beneath it. */
static uint64_t free_at(struct partition *partition, uint64_t gpa, bool *overlaid)
{
	struct npt_leaf leaf;

	if (!npt_lookup(&partition->npt, gpa, &leaf))
		return npt_level_bytes(leaf.level) / PAGE_4K;
	if (!(leaf.flags & OVERLAY_MARK) || overlay_at(partition, gpa)->hidden_flags)
		return 0;
	*overlaid = true;
	return 1;
}

/* A frame that is to show when the overlay goes; or now. */
static enum hv_status map_page(struct partition *partition, uint64_t gpa, uint64_t hpa,
                               enum npt_level level, uint32_t flags)
{
	struct overlay_page *overlay;

	if (!overlay_is_at(partition, gpa))
		return npt_set(&partition->npt, gpa, hpa, level, flags);
	overlay = overlay_at(partition, gpa);
	overlay->hidden_hpa = hpa;
	overlay->hidden_flags = flags;
	return HV_STATUS_SUCCESS;
}

/*
 * Nothing may be mapped there yet: a change of mapping is an unmap and a map, so that a frame is never let
 * go of before the TLBs are. Where an overlay shows, a large page is mapped as small ones: their table is there.
 */
enum hv_status hc_map_gpa_pages(struct hypercall *call)
{
	const struct hv_input_map_gpa_pages *in = call->input;
	bool large = (in->flags & HV_MAP_GPA_LARGE_PAGE) != 0;
	uint64_t gpa, room, count = large ? LARGE_FRAMES : 1;
	uint64_t pfn = *(const uint64_t *)call->rep_input;
	struct partition *partition = call->target;
	bool overlaid = false;
	enum hv_status status = HV_STATUS_SUCCESS;
	enum npt_level level;

	if ((in->flags & ~MAP_FLAGS) || !(in->flags & HV_MAP_GPA_READABLE) ||
	    pfn % count != 0 || !rep_gpa(call, count, &gpa))
		return HV_STATUS_INVALID_PARAMETER;
	SPIN_HOLD(&partition->lock);
	if (partition->state != PARTITION_ACTIVE)
		return HV_STATUS_INVALID_PARTITION_STATE;
	for (uint64_t i = 0; i < count; i += room) {
		room = free_at(partition, gpa + i * PAGE_4K, &overlaid);
		if (room == 0)
			return HV_STATUS_OBJECT_IN_USE;
	}
	if (!frames_hold(pfn, count))
		return HV_STATUS_INVALID_PARAMETER;
	level = large && !overlaid ? NPT_LEVEL_2M : NPT_LEVEL_4K;
	room = npt_level_bytes(level) / PAGE_4K;
	for (uint64_t i = 0; i < count && status == HV_STATUS_SUCCESS; i += room)
		status = map_page(partition, gpa + i * PAGE_4K, (pfn + i) * PAGE_4K,
		                  level, npt_flags(in->flags));
	if (status != HV_STATUS_SUCCESS)
		frames_drop(pfn, count);
	return status;
}

/*
 * A whole leaf of level `most` or below, or what of a larger one; how much that was. Beneath an overlay the guest's
 * page goes, and the overlay stays.
 */
static enum hv_status unmap_locked(struct partition *partition, uint64_t gpa,
                                   enum npt_level most, uint64_t *bytes)
{
	struct overlay_page *overlay;
	struct npt_leaf leaf;
	bool mapped = npt_lookup(&partition->npt, gpa, &leaf);
	enum npt_level level = leaf.level < most ? leaf.level : most;
	enum hv_status status;

	*bytes = npt_level_bytes(level);
	if (!mapped)
		return HV_STATUS_SUCCESS;
	if (leaf.flags & OVERLAY_MARK) {
		overlay = overlay_at(partition, gpa);
		if (overlay->hidden_flags)
			frames_drop(overlay->hidden_hpa / PAGE_4K, 1);
		overlay->hidden_flags = 0;
		return HV_STATUS_SUCCESS;
	}
	status = npt_set(&partition->npt, gpa, 0, level, 0);
	if (status == HV_STATUS_SUCCESS)
		frames_drop(leaf.hpa / PAGE_4K, *bytes / PAGE_4K);
	return status;
}

/*
 * 4 KiB pages, or a 2 MiB one whole. A frame is let go at once; the caller does not get past the call
 * before every CPU has dropped the translation, and a deposit waits for its own epoch, which is later.
 */
enum hv_status hc_unmap_gpa_pages(struct hypercall *call)
{
	const struct hv_input_unmap_gpa_pages *in = call->input;
	bool large = (in->flags & HV_UNMAP_GPA_LARGE_PAGE) != 0;
	enum npt_level most = large ? NPT_LEVEL_2M : NPT_LEVEL_4K;
	uint64_t gpa, step, bytes = npt_level_bytes(most);
	struct partition *partition = call->target;
	enum hv_status status = HV_STATUS_SUCCESS;

	call->settle = true;
	if ((in->flags & ~HV_UNMAP_GPA_LARGE_PAGE) ||
	    !rep_gpa(call, bytes / PAGE_4K, &gpa))
		return HV_STATUS_INVALID_PARAMETER;
	SPIN_HOLD(&partition->lock);
	if (partition->state != PARTITION_ACTIVE)
		return HV_STATUS_INVALID_PARTITION_STATE;
	for (uint64_t at = 0; at < bytes && status == HV_STATUS_SUCCESS; at += step)
		status = unmap_locked(partition, gpa + at, most, &step);
	return status;
}
_Static_assert(__builtin_offsetof(struct hv_input_map_gpa_pages, reserved) ==
                       __builtin_offsetof(struct hv_input_unmap_gpa_pages, reserved),
               "the inputs are alike");

/* When the call returns no CPU writes through an older translation to a page whose bit was cleared. */
enum hv_status hc_get_gpa_pages_access_states(struct hypercall *call)
{
	const struct hv_input_get_gpa_pages_access_states *in = call->input;
	bool clear = in->flags == HV_GPA_ACCESS_CLEAR_DIRTY;
	bool set = in->flags == HV_GPA_ACCESS_SET_DIRTY, dirty;
	uint64_t gpfn = in->gpfn_base + call->rep;
	struct partition *partition = call->target;
	enum hv_status status;

	if ((in->flags && !clear && !set) || gpfn >= NPT_GPA_LIMIT / PAGE_4K)
		return HV_STATUS_INVALID_PARAMETER;
	call->settle = clear;
	SPIN_HOLD(&partition->lock);
	if (partition->state != PARTITION_ACTIVE)
		return HV_STATUS_INVALID_PARTITION_STATE;
	status = npt_dirty(&partition->npt, gpfn * PAGE_4K,
	                   clear ? NPT_DIRTY_CLEAR :
	                   set   ? NPT_DIRTY_SET :
	                           NPT_DIRTY_LOOK,
	                   &dirty);
	*(uint8_t *)call->rep_output = HV_GPA_ACCESS_ACCESSED |
	                               (dirty ? HV_GPA_ACCESS_DIRTY : 0);
	return status;
}
