/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Overlay pages: overlay.h */
#include "hypervisor/kernel/objects/overlay.h"
#include <viridis/abi/hv_msr.h>
#include <viridis/base/mem.h>
#include "hypervisor/arch/x86/paging.h"
#include "hypervisor/arch/x86/time.h"
#include "hypervisor/kernel/memory/frames.h"
#include "hypervisor/kernel/objects/partition.h"

static void hide_locked(struct partition *partition, struct overlay_page *overlay)
{
	enum hv_status status;

	if (!overlay->shown)
		return;
	overlay->shown = false;
	if (partition->is_root)
		frames_drop(overlay->gpa / PAGE_4K, 1);
	/* The table is there since the overlay was shown: neither call can want memory. */
	status = npt_set(&partition->npt, overlay->gpa, overlay->hidden_hpa, NPT_LEVEL_4K,
	                 overlay->hides ? overlay->hidden_flags : 0);
	ASSERT(status == HV_STATUS_SUCCESS);
}

/*
 * The root's only go where its own RAM is, which is held meanwhile: it can be neither deposited nor is it a
 * page of someone's deposit that shows there, and the tables for its split were reserved at boot.
 */
static bool show_locked(struct partition *partition, struct overlay_page *overlay,
                        uint64_t gpa, uint32_t flags)
{
	struct npt_leaf leaf;
	enum hv_status status;

	overlay->hides = npt_lookup(&partition->npt, gpa, &leaf);
	if (overlay->hides && (leaf.flags & OVERLAY_MARK))
		return false; /* two on one page: the second is refused */
	if (partition->is_root && !frames_hold(gpa / PAGE_4K, 1))
		return false;
	overlay->hidden_hpa = leaf.hpa;
	overlay->hidden_flags = leaf.flags;
	partition->tables = &partition->table_pool;
	status = npt_set(&partition->npt, gpa, frame_map_hpa(overlay->page), NPT_LEVEL_4K,
	                 flags | OVERLAY_MARK);
	partition->tables = &partition->pool;
	ASSERT(status == HV_STATUS_SUCCESS || !partition->is_root);
	if (status != HV_STATUS_SUCCESS)
		return false;
	overlay->gpa = gpa;
	overlay->shown = true;
	return true;
}

/*
 * One that no table is left for comes back to where it was, which needs none. Before the guest sees the
 * change on another CPU, that CPU must flush; the VP that wrote the register is not entered before.
 */
bool overlay_set(struct partition *partition, struct overlay_page *overlay, uint64_t *msr,
                 uint64_t value, uint32_t flags)
{
	uint64_t gpa = HV_MSR_PAGE_GPA(value);
	bool enable = (value & HV_MSR_PAGE_ENABLE) != 0;
	bool was_shown = overlay->shown;
	uint64_t old_gpa = overlay->gpa;
	bool done = true;

	if (enable && gpa >= NPT_GPA_LIMIT)
		return false;
	if (enable != was_shown || (enable && gpa != old_gpa)) {
		SPIN_HOLD(&partition->lock);
		hide_locked(partition, overlay);
		if (enable && !show_locked(partition, overlay, gpa, flags)) {
			done = false;
			if (was_shown)
				(void)show_locked(partition, overlay, old_gpa, flags);
		}
		this_cpu()->current->wait_epoch = epoch_advance();
	}
	if (done)
		*msr = value;
	return done;
}

bool overlay_set_guest_os_id(struct partition *partition, uint64_t value)
{
	partition->guest_os_id = value;
	return value != 0 ||
	       overlay_set(partition, &partition->hypercall_overlay,
	                   &partition->hypercall_msr,
	                   partition->hypercall_msr & ~HV_MSR_PAGE_ENABLE, 0);
}

bool overlay_set_hypercall(struct partition *partition, uint64_t value)
{
	if (partition->hypercall_msr & HV_MSR_HYPERCALL_LOCKED)
		return true; /* read-only until reset: TLFS 3.13 */
	if (value & HV_MSR_HYPERCALL_RESERVED)
		return false;
	if (partition->guest_os_id == 0)
		value &= ~HV_MSR_PAGE_ENABLE;
	return overlay_set(partition, &partition->hypercall_overlay,
	                   &partition->hypercall_msr, value, NPT_READ | NPT_EXECUTE);
}

void overlays_hide_vp(struct vp *vp)
{
	for (unsigned int i = 0; i < VP_OVERLAYS; i++)
		hide_locked(vp->partition, &vp->overlays[i]);
}

void overlays_hide_partition(struct partition *partition)
{
	hide_locked(partition, &partition->hypercall_overlay);
	hide_locked(partition, &partition->tsc_overlay);
}

struct overlay_page *overlay_at(struct partition *partition, uint64_t gpa)
{
	if (partition->hypercall_overlay.shown && partition->hypercall_overlay.gpa == gpa)
		return &partition->hypercall_overlay;
	if (partition->tsc_overlay.shown && partition->tsc_overlay.gpa == gpa)
		return &partition->tsc_overlay;
	for (uint32_t i = 0; i < partition->vp_count; i++) {
		struct vp *vp = partition_vp(partition, i);

		for (unsigned int k = 0; vp && k < VP_OVERLAYS; k++) {
			if (vp->overlays[k].shown && vp->overlays[k].gpa == gpa)
				return &vp->overlays[k];
		}
	}
	return NULL;
}

bool overlay_is_at(const struct partition *partition, uint64_t gpa)
{
	struct npt_leaf leaf;

	return npt_lookup(&partition->npt, gpa, &leaf) && (leaf.flags & OVERLAY_MARK);
}

/* ENDBR64; VMMCALL; RET, and INT3 to the end. TLFS 3.13 */
void overlay_fill_pages(struct partition *partition)
{
	static const uint8_t code[] = { 0xf3, 0x0f, 0x1e, 0xfa, 0x0f, 0x01, 0xd9, 0xc3 };
	struct hv_reference_tsc_page *tsc = partition->tsc_overlay.page;

	memset(partition->hypercall_overlay.page, 0xcc, PAGE_4K);
	memcpy(partition->hypercall_overlay.page, code, sizeof(code));
	tsc->scale = tsc_scale_100ns;
	tsc->offset = -(int64_t)tsc_to_100ns(partition->tsc_origin);
	tsc->sequence = 1;
}
