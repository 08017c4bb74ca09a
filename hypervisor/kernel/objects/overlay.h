/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Overlay pages (TLFS 5.2.1, D11): while a register enables one, a page of the partition's deposit shows
 * over the guest's own at the register's address; the page keeps its content when it moves, the
 * guest's memory comes back as it was. Each register write that is refused changes nothing: false.
 */
#pragma once

#include "hypervisor/core/npt.h"
#include "hypervisor/kernel/objects/vp.h"

bool overlay_set_guest_os_id(struct vp *vp, uint64_t value) MUST_CHECK;
bool overlay_set_hypercall(struct vp *vp, uint64_t value) MUST_CHECK;

/* Any: its page moves to where `value` says, or hides, and *msr becomes `value`. Tables are the VP's to give. */
bool overlay_set(struct vp *vp, struct overlay_page *overlay, uint64_t *msr,
                 uint64_t value, uint32_t flags) MUST_CHECK;

/* Marks the leaf of an overlay, so that the parent's map and unmap leave it alone. */
#define OVERLAY_MARK NPT_MARK

/* Partition lock held. The guest's own memory shows again. */
void overlays_hide_vp(struct vp *vp);
void overlays_hide_partition(struct partition *partition);

/* Partition lock held: the overlay shown at `gpa`, for the parent that changes what lies beneath. */
struct overlay_page *overlay_at(struct partition *partition, uint64_t gpa);

/* Does an overlay show at `gpa`? */
bool overlay_is_at(const struct partition *partition, uint64_t gpa);

/* Fill the partition's own pages: the hypercall page's code, the reference TSC's numbers. */
void overlay_fill_pages(struct partition *partition);
