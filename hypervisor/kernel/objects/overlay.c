/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Overlay pages: overlay.h */
#include "hypervisor/kernel/objects/overlay.h"
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
	status = npt_set(&partition->npt, overlay->gpa, overlay->hidden_hpa, NPT_LEVEL_4K,
	                 overlay->hidden_flags);
	ASSERT(status == HV_STATUS_SUCCESS); /* the table is there since it was shown */
}

/*
 * Only where no overlay is yet. The root's overlays go over its own RAM alone, which is held meanwhile: it cannot be
 * deposited, and no page of a deposit shows there. The tables for splitting its large page were reserved at boot.
 */
static bool show_locked(struct vp *vp, struct overlay_page *overlay, uint64_t gpa,
                        uint32_t flags)
{
	struct partition *partition = vp->partition;
	struct npt_leaf hidden = { 0 };
	enum hv_status status;

	if (npt_lookup(&partition->npt, gpa, &hidden) && (hidden.flags & OVERLAY_MARK))
		return false;
	if (partition->is_root && !frames_hold(gpa / PAGE_4K, 1))
		return false;
	partition->showing = partition->is_root ? NULL : vp;
	status = npt_set(&partition->npt, gpa, frame_map_hpa(overlay->page), NPT_LEVEL_4K,
	                 flags | OVERLAY_MARK);
	partition->showing = NULL;
	ASSERT(status == HV_STATUS_SUCCESS || !partition->is_root);
	*overlay = (struct overlay_page){ .page = overlay->page,
		                          .gpa = gpa,
		                          .shown = status == HV_STATUS_SUCCESS,
		                          .hidden_hpa = hidden.hpa,
		                          .hidden_flags = hidden.flags };
	return overlay->shown;
}

/*
 * Shown at its new place first, which may want tables. Before the guest sees the change on another CPU, that
 * CPU must flush; the VP that wrote the register is not entered before.
 */
bool overlay_set(struct vp *vp, struct overlay_page *overlay, uint64_t *msr,
                 uint64_t value, uint32_t flags)
{
	uint64_t gpa = HV_MSR_PAGE_GPA(value);
	bool enable = (value & HV_MSR_PAGE_ENABLE) != 0;
	struct overlay_page moved = { .page = overlay->page };

	if (enable && gpa >= NPT_GPA_LIMIT)
		return false;
	SPIN_HOLD(&vp->partition->lock);
	if (enable != overlay->shown || (enable && gpa != overlay->gpa)) {
		if (enable && !show_locked(vp, &moved, gpa, flags))
			return false;
		hide_locked(vp->partition, overlay);
		*overlay = moved;
		vp_await_epoch(this_cpu()->current);
	}
	*msr = value;
	return true;
}

bool overlay_set_guest_os_id(struct vp *vp, uint64_t value)
{
	struct partition *partition = vp->partition;

	partition->guest_os_id = value;
	return value != 0 ||
	       overlay_set(vp, &partition->hypercall_overlay, &partition->hypercall_msr,
	                   partition->hypercall_msr & ~HV_MSR_PAGE_ENABLE, 0);
}

bool overlay_set_hypercall(struct vp *vp, uint64_t value)
{
	struct partition *partition = vp->partition;

	if (partition->hypercall_msr & HV_MSR_HYPERCALL_LOCKED)
		return true; /* read-only until reset: TLFS 3.13 */
	if (value & HV_MSR_HYPERCALL_RESERVED)
		return false;
	if (partition->guest_os_id == 0)
		value &= ~HV_MSR_PAGE_ENABLE;
	return overlay_set(vp, &partition->hypercall_overlay, &partition->hypercall_msr,
	                   value, NPT_READ | NPT_EXECUTE);
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

/* ENDBR64; the hypercall; RET, and INT3 to the end. TLFS 3.13 */
void overlay_fill_pages(struct partition *partition)
{
	const uint8_t *call = virt->hypercall;
	const uint8_t code[] = { 0xf3, 0x0f, 0x1e, 0xfa, call[0], call[1], call[2], 0xc3 };
	struct hv_reference_tsc_page *tsc = partition->tsc_overlay.page;

	memset(partition->hypercall_overlay.page, 0xcc, PAGE_4K);
	memcpy(partition->hypercall_overlay.page, code, sizeof(code));
	tsc->scale = tsc_scale_100ns;
	tsc->offset = -(int64_t)tsc_to_100ns(partition->tsc_origin);
	tsc->sequence = 1;
}
