/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hypercalls on VPs and their registers. TLFS 7, "Virtualization Host"; codes
 * 0x4e-0x51
 */
#include "hypervisor/kernel/hypercall.h"
#include "hypervisor/kernel/intercept.h"
#include "hypervisor/kernel/partition.h"
#include "hypervisor/kernel/registers.h"

/* Nodes and proximity are hints. */
enum hv_status hc_create_vp(struct hypercall *call)
{
	const struct hv_input_create_vp *in = call->input;
	struct partition *partition;
	enum hv_status status =
		partition_child(call->partition, in->partition_id, &partition);

	if (status != HV_STATUS_SUCCESS)
		return status;
	if (in->reserved[0] != 0 || in->reserved[1] != 0 || in->reserved[2] != 0 ||
	    in->subnode_type != 0 || in->flags != 0)
		return HV_STATUS_INVALID_PARAMETER;
	return partition_add_vp(partition, in->vp_index);
}

enum hv_status hc_delete_vp(struct hypercall *call)
{
	const struct hv_input_delete_vp *in = call->input;
	enum hv_status status;
	struct vp *vp;

	if (in->reserved != 0)
		return HV_STATUS_INVALID_PARAMETER;
	vp = hypercall_stopped_vp(call, in->partition_id, in->vp_index, &status);
	if (!vp)
		return status;
	call->settle = true;
	return partition_delete_vp(vp->partition, in->vp_index);
}

/* Both register calls have the same block. */
static bool block_ok(const struct hv_input_get_vp_registers *in)
{
	return in->input_vtl == 0 && in->reserved[0] == 0 && in->reserved[1] == 0 &&
	       in->reserved[2] == 0;
}
ASSERT_SIZE(struct hv_input_set_vp_registers, sizeof(struct hv_input_get_vp_registers));

static bool names_caller(const struct hypercall *call, uint64_t partition_id)
{
	return partition_id == HV_PARTITION_ID_SELF ||
	       partition_id == call->partition->id;
}

/* Of itself a VP may ask for what it could as well read from an MSR or by CPUID. */
static bool readable_by_itself(uint32_t name)
{
	switch (name) {
	case HV_X64_REGISTER_HYPERCALL:
	case HV_REGISTER_GUEST_OS_ID:
	case HV_REGISTER_VP_ASSIST_PAGE:
	case HV_REGISTER_REFERENCE_TSC:
	case HV_X64_REGISTER_INITIAL_APIC_ID:
		return true;
	default:
		return false;
	}
}

static enum hv_status get_own(struct hypercall *call, uint32_t vp_index, uint32_t name)
{
	if ((vp_index != HV_VP_INDEX_SELF && vp_index != call->vp->index) ||
	    !readable_by_itself(name))
		return HV_STATUS_ACCESS_DENIED;
	return registers_get(call->vp, name, call->rep_output);
}

enum hv_status hc_get_vp_registers(struct hypercall *call)
{
	const struct hv_input_get_vp_registers *in = call->input;
	uint32_t name = *(const uint32_t *)call->rep_input;
	enum hv_status status;
	struct vp *vp;

	if (!block_ok(in))
		return HV_STATUS_INVALID_PARAMETER;
	if (names_caller(call, in->partition_id))
		return get_own(call, in->vp_index, name);
	if (registers_is_suspend(name))
		vp = hypercall_vp(call, in->partition_id, in->vp_index, &status);
	else
		vp = hypercall_stopped_vp(call, in->partition_id, in->vp_index, &status);
	return vp ? registers_get(vp, name, call->rep_output) : status;
}

static bool waits_for_parent(const struct vp *vp)
{
	return (__atomic_load_n(&vp->suspend, __ATOMIC_SEQ_CST) & SUSPEND_INTERCEPT) != 0;
}

/*
 * The parent answers an intercept. The VP may still be on its way off the CPU, as the
 * parent was told before that; then the registers it marked dirty are loaded when it is
 * off.
 */
static enum hv_status take_answer(struct hypercall *call)
{
	const struct hv_input_set_vp_registers *in = call->input;
	enum hv_status status;
	struct vp *vp =
		hypercall_stopped_vp(call, in->partition_id, in->vp_index, &status);

	if (vp && vp->register_page_shown)
		registers_load_page(vp);
	return status;
}

/* A parent that watches for the VP's next intercept lends it this CPU meanwhile. */
static enum hv_status resume(struct hypercall *call, struct vp *vp, uint32_t name)
{
	uint32_t bit = SUSPEND_EXPLICIT;

	if (name == HV_REGISTER_INTERCEPT_SUSPEND)
		bit = SUSPEND_INTERCEPT;
	if (bit == SUSPEND_INTERCEPT && waits_for_parent(vp)) {
		enum hv_status status = take_answer(call);

		if (status != HV_STATUS_SUCCESS || call->again)
			return status;
	}
	__atomic_store_n(&vp->resumed_by, call->vp->index, __ATOMIC_RELAXED);
	if (intercept_is_watched(vp))
		vp_resume_lending(vp, bit);
	else
		vp_resume(vp, bit);
	return HV_STATUS_SUCCESS;
}

/*
 * A running VP may be stopped, and the call returns when it is off its CPU: what
 * INTERCEPT_SUSPEND reads then is final, and a message goes with it or none does. D10
 */
static enum hv_status set_suspend(struct hypercall *call, struct vp *vp,
                                  const struct hv_register_assoc *assoc)
{
	enum hv_status status;

	if (assoc->value.reg64 == 0)
		return resume(call, vp, assoc->name);
	status = registers_set(vp, assoc->name, &assoc->value);
	if (status != HV_STATUS_SUCCESS)
		return status;
	(void)hypercall_stopped_vp(call, vp->partition->id, vp->index,
	                           &status); /* sets again */
	return status;
}

enum hv_status hc_set_vp_registers(struct hypercall *call)
{
	const struct hv_input_set_vp_registers *in = call->input;
	const struct hv_register_assoc *assoc = call->rep_input;
	enum hv_status status;
	struct vp *vp;

	if (!block_ok(call->input))
		return HV_STATUS_INVALID_PARAMETER;
	if (names_caller(call, in->partition_id))
		return HV_STATUS_ACCESS_DENIED;
	if (registers_is_suspend(assoc->name)) {
		vp = hypercall_vp(call, in->partition_id, in->vp_index, &status);
		return vp ? set_suspend(call, vp, assoc) : status;
	}
	vp = hypercall_stopped_vp(call, in->partition_id, in->vp_index, &status);
	return vp ? registers_set(vp, assoc->name, &assoc->value) : status;
}
