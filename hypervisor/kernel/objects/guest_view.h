/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory as the code of a VP sees it: through its own page tables; and the instructions in it. */
#pragma once

#include <viridis/abi/hv_hypercall.h>
#include "hypervisor/core/decode_access.h"

struct vp;

/* Of 48 bits or, with five levels of tables, 57, sign-extended. APM2 1.1.3 */
bool guest_is_canonical(uint64_t gva, unsigned int levels);

/* Up to `max` instruction bytes at CS:RIP; returns how many could be had. vp->state is of now. */
size_t guest_fetch(const struct vp *vp, uint8_t *to, size_t max);

/*
 * The instruction at RIP touched a page that the hypervisor models: the virtual APIC's, or the root's IOAPICs.
 * RIP is past it then, and what it does to the page the caller's. False: we do not know it, and raise #UD.
 */
bool guest_decode_access(struct vp *vp, struct decode_access *access) MUST_CHECK;
