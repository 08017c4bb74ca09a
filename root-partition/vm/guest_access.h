/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The child's memory as one of its VPs sees it: linear addresses through its page tables, to RAM
 * or to a device. The VP stands still, but others may change tables and RAM as we look.
 */
#ifndef VIRIDIS_VM_GUEST_ACCESS_H
#define VIRIDIS_VM_GUEST_ACCESS_H

#include "root-partition/vm/vp.h"

/*
 * bytes: 1, 2, 4 or 8, with the rights of the VP's privilege level. False: the VP gets the #PF or #GP of
 * its instruction, where it stands. What is stored in two pages is stored in both or in none.
 */
bool guest_load(struct vp *vp, uint64_t gva, unsigned int bytes, uint64_t *value);
bool guest_store(struct vp *vp, uint64_t gva, unsigned int bytes, uint64_t value);

/* Whether guest_store() would do it; for before something is read that can be read only once. */
bool guest_may_store(struct vp *vp, uint64_t gva, unsigned int bytes);

/* The bytes of the instruction that intercepted; returns how many could be read, up to DECODE_MAX_BYTES. */
size_t guest_fetch(struct vp *vp, const struct hv_x64_intercept_header *header,
                   uint8_t bytes[DECODE_MAX_BYTES]);

#endif
