/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hypercalls on the state of a VP: its pages that the parent sees (0xe1), and what the parent takes in
 * bulk, and gives to another VP (0xe3, 0xe4: abi/hv_vp_state.h). What registers hold goes by their names (0x50,
 * 0x51), APIC_BASE before the APIC's state. The pages are the guest's to write, whatever is in them; everything
 * else is checked before it is used.
 */
#include "hypervisor/arch/x86/context.h"
#include "hypervisor/kernel/delivery/apic.h"
#include "hypervisor/kernel/objects/guest_memory.h"
#include "hypervisor/kernel/guest/hypercall.h"
#include "hypervisor/kernel/objects/partition.h"

/* ---- State pages: frames of the child's deposit, shown in the root's tables ---- */

/* Where the page lies is ours to say: a location that the parent provides is refused. It stays to the VP's end. */
enum hv_status hc_map_vp_state_page(struct hypercall *call)
{
	const struct hv_input_vp_state_page *in = call->input;
	struct hv_output_map_vp_state_page *out = call->output;

	if (in->vtl != 0 || in->flags != 0 ||
	    in->type > HV_VP_STATE_PAGE_INTERCEPT_MESSAGE)
		return HV_STATUS_INVALID_PARAMETER;
	out->pfn = vp_show_page(call->target_vp, in->type, true) / PAGE_4K;
	return HV_STATUS_SUCCESS;
}

/* ---- In bulk ---- */

/* Copies to or from the caller's page that the call names. */
static bool copy_page(const struct hypercall *call, bool set, void *ours, size_t bytes)
{
	const struct hv_input_vp_state *in = call->input;
	uint64_t pfn = *(const uint64_t *)(in + 1);

	if (call->control.variable != 1 || pfn >= NPT_GPA_LIMIT / PAGE_4K)
		return false;
	return set ? guest_read(call->partition, pfn * PAGE_4K, ours, bytes) :
	             guest_write(call->partition, pfn * PAGE_4K, ours, bytes);
}

/*
 * What is told has in it all that came since the VP was stopped; the VP is left as it is. No mark that spares an EOI
 * stays set: whoever goes on with the state does not know of it.
 */
static bool copy_lapic(const struct hypercall *call, bool set)
{
	struct hv_local_interrupt_controller_state state;
	struct vp *vp = call->target_vp;
	uint64_t now = partition_tsc(vp->partition);
	struct vlapic lapic;

	apic_withdraw_assist(vp);
	if (set)
		return copy_page(call, set, &state, sizeof(state)) &&
		       vlapic_load(&vp->lapic, &state, now);
	lapic = vp->lapic;
	for (unsigned int i = 0; i < VLAPIC_WORDS; i++) /* bad ones are lost */
		(void)vlapic_merge(&lapic, i, vp->posted[i], vp->posted_level[i]);
	(void)vlapic_timer_fire(&lapic, now); /* its effect is wanted */
	vlapic_save(&lapic, now, &state);
	return copy_page(call, set, &state, sizeof(state));
}

static bool copy_state(const struct hypercall *call, bool set)
{
	const struct hv_input_vp_state *in = call->input;
	struct vp *vp = call->target_vp;

	switch (in->type) {
	case HV_VP_STATE_LAPIC:
		return copy_lapic(call, set);
	case HV_VP_STATE_XSAVE:
		if (set) /* the output is private, and the call has none */
			return copy_page(call, set, call->output, PAGE_4K) &&
			       context_set_area(vp, call->output);
		return copy_page(call, set, vp->arch.extended_state, PAGE_4K);
	case HV_VP_STATE_SIM_PAGE:
		return copy_page(call, set, vp->overlays[OVERLAY_SIMP].page, PAGE_4K);
	case HV_VP_STATE_SIEF_PAGE:
		return copy_page(call, set, vp->overlays[OVERLAY_SIEFP].page, PAGE_4K);
	default:
		return false;
	}
}

static enum hv_status transfer(const struct hypercall *call, bool set)
{
	const struct hv_input_vp_state *in = call->input;
	uint64_t xfem = in->type == HV_VP_STATE_XSAVE ? context_xcr0_allowed : 0;

	if (in->input_vtl != 0 || in->reserved != 0 || in->xsave_flags != 0 ||
	    in->xfem != xfem || !copy_state(call, set))
		return HV_STATUS_INVALID_PARAMETER;
	if (set)
		/* It is to look at all of it: timers, and messages that wait for a slot. */
		vp_raise(call->target_vp, EVENTS_TIMER);
	return HV_STATUS_SUCCESS;
}

enum hv_status hc_get_vp_state(struct hypercall *call)
{
	return transfer(call, false);
}

enum hv_status hc_set_vp_state(struct hypercall *call)
{
	return transfer(call, true);
}
