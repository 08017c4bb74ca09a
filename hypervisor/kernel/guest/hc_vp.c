/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hypercalls on VPs and their registers. TLFS 7, "Virtualization Host"; codes
 * 0x4e-0x51
 */
#include "hypervisor/kernel/guest/hypercall.h"
#include "hypervisor/kernel/objects/partition.h"
#include "hypervisor/kernel/guest/registers.h"

/* Nodes and proximity are hints. */
enum hv_status hc_create_vp(struct hypercall *call)
{
	const struct hv_input_create_vp *in = call->input;

	if (in->subnode_type != 0 || in->flags != 0)
		return HV_STATUS_INVALID_PARAMETER;
	call->settle = true; /* what it could not use comes back */
	return partition_add_vp(call->target, in->vp_index);
}

enum hv_status hc_delete_vp(struct hypercall *call)
{
	const struct hv_input_delete_vp *in = call->input;

	if (in->reserved != 0)
		return HV_STATUS_INVALID_PARAMETER;
	call->settle = true;
	partition_delete_vp(call->target_vp);
	call->claimed = false; /* for good: whoever found it before cannot claim it */
	return HV_STATUS_SUCCESS;
}

/* Any register of a VP that is stopped; what suspends it, of any VP. */
static enum hv_status stop_for(struct hypercall *call, uint32_t name)
{
	return registers_suspend_bit(name) ? HV_STATUS_SUCCESS : hypercall_stop_vp(call);
}

enum hv_status hc_get_vp_registers(struct hypercall *call)
{
	const struct hv_input_get_vp_registers *in = call->input;
	uint32_t name = *(const uint32_t *)call->rep_input;
	enum hv_status status;

	if (in->input_vtl != 0)
		return HV_STATUS_INVALID_PARAMETER;
	status = stop_for(call, name);
	if (status != HV_STATUS_SUCCESS || call->again)
		return status;
	return registers_get(call->target_vp, name, call->rep_output);
}

/*
 * A parent that answers an intercept may do so while the VP is still on its way off the CPU, as it was told before
 * that; the registers it marked dirty are loaded when the VP is off. One that watches for the VP's next intercept, and
 * does nothing else on its CPU, lends it that meanwhile.
 */
static enum hv_status resume(struct hypercall *call, uint32_t bit)
{
	struct vp *vp = call->target_vp;
	uint32_t suspend = __atomic_load_n(&vp->suspend, __ATOMIC_SEQ_CST);
	bool answers = bit & suspend & SUSPEND_INTERCEPT;
	enum hv_status status = answers ? hypercall_stop_vp(call) : HV_STATUS_SUCCESS;

	if (status != HV_STATUS_SUCCESS || call->again)
		return status;
	if (answers && vp->page_shown[HV_VP_STATE_PAGE_REGISTERS])
		registers_load_page(vp);
	hypercall_release_vp(call); /* `bit` still holds it */
	__atomic_store_n(&vp->resumed_by, call->vp->index, __ATOMIC_RELAXED);
	bool lends = __atomic_load_n(&vp->intercept_page->watched, __ATOMIC_RELAXED);
	vp_resume_on(vp, bit, lends ? SCHED_LEND : SCHED_WAKE);
	return HV_STATUS_SUCCESS;
}

/* A fast call of it comes from the gate at once: hypercall.c */
enum hv_status hc_resume_vp(struct hypercall *call)
{
	const struct hv_input_resume_vp *in = call->input;

	return in->reserved ? HV_STATUS_INVALID_PARAMETER :
	                      resume(call, SUSPEND_INTERCEPT);
}

/*
 * A running VP may be stopped, and the call returns when it is off its CPU: what
 * INTERCEPT_SUSPEND reads then is final, and a message goes with it or none does. D10
 */
enum hv_status hc_set_vp_registers(struct hypercall *call)
{
	const struct hv_input_set_vp_registers *in = call->input;
	const struct hv_register_assoc *assoc = call->rep_input;
	uint32_t bit = registers_suspend_bit(assoc->name);
	enum hv_status status;

	if (in->input_vtl != 0)
		return HV_STATUS_INVALID_PARAMETER;
	if (bit && assoc->value.reg64 == 0)
		return resume(call, bit);
	status = stop_for(call, assoc->name);
	if (status == HV_STATUS_SUCCESS && !call->again)
		status = registers_set(call->target_vp, assoc->name, &assoc->value);
	if (status == HV_STATUS_SUCCESS && bit)
		status = hypercall_stop_vp(call); /* else it is set again */
	else if (status == HV_STATUS_SUCCESS && !call->again)
		/* What it halted for may have come. */
		vp_raise(call->target_vp, EVENTS_STOP);
	return status;
}
