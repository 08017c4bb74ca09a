/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hypercalls that flush translations of the caller's own VPs (0x02, 0x03). TLFS 9.4
 *
 * A VP that does not run gets a new tag when it does, and nobody waits for it. One that runs on another CPU is made to
 * leave the guest, and the caller goes on when nobody can use a stale translation any more (kernel/run/run.c). VPs that
 * do not exist are left out.
 */
#include "hypervisor/kernel/guest/hypercall.h"
#include "hypervisor/kernel/objects/partition.h"

_Static_assert(MAX_VPS <= 64, "a mask names every VP");

enum hv_status hc_flush_address_space(struct hypercall *call)
{
	const struct hv_input_flush_address_space *in = call->input;
	uint64_t mask = in->flags & HV_FLUSH_ALL_PROCESSORS ? ~UINT64_C(0) : in->vp_mask;

	if (in->flags & ~HV_FLUSH_KNOWN_FLAGS)
		return HV_STATUS_INVALID_PARAMETER;
	for (; mask != 0; mask &= mask - 1) {
		struct vp *vp =
			partition_vp(call->partition, (uint32_t)__builtin_ctzll(mask));

		if (vp) /* pairs with uses_removed() */
			__atomic_store_n(&vp->flush_asked, true, __ATOMIC_SEQ_CST);
	}
	stat_count(call->vp->stats, VIRIDIS_VP_STAT_FLUSHES);
	call->settle = call->vp->flushes = true;
	return HV_STATUS_SUCCESS;
}

/* All addresses go at once, and with them every rep. */
enum hv_status hc_flush_address_list(struct hypercall *call)
{
	enum hv_status status = hc_flush_address_space(call);

	if (status == HV_STATUS_SUCCESS)
		call->rep = call->control.rep_count - 1;
	return status;
}
