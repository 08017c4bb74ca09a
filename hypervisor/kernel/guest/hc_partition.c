/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hypercalls on partitions and their properties. TLFS "Virtualization Host"; codes 0x40-0x47 */
#include "hypervisor/arch/x86/context.h"
#include "hypervisor/arch/x86/time.h"
#include "hypervisor/kernel/delivery/ports.h"
#include "hypervisor/kernel/guest/hypercall.h"
#include "hypervisor/kernel/objects/partition.h"

/*
 * Flags and hints that Linux's VMMs set and that we have nothing to do for are accepted. The caller is the root: the
 * privilege is nobody else's, and cannot be granted.
 */
enum hv_status hc_create_partition(struct hypercall *call)
{
	const struct hv_input_create_partition *in = call->input;
	struct hv_partition_id_block *out = call->output;

	if (in->isolation != 0 || in->reserved != 0)
		return HV_STATUS_INVALID_PARAMETER;
	call->settle = true; /* what it could not use comes back */
	return partition_create(&out->partition_id);
}

enum hv_status hc_initialize_partition(struct hypercall *call)
{
	return partition_initialize(call->target);
}

enum hv_status hc_finalize_partition(struct hypercall *call)
{
	call->settle = true;
	call->again = !partition_end(call->target) || !ports_destroy(call->target) ||
	              !partition_finalize(call->target);
	return HV_STATUS_SUCCESS;
}

enum hv_status hc_delete_partition(struct hypercall *call)
{
	call->settle = true;
	return partition_delete(call->target);
}

enum hv_status hc_get_partition_id(struct hypercall *call)
{
	struct hv_partition_id_block *out = call->output;

	out->partition_id = call->partition->id;
	return HV_STATUS_SUCCESS;
}

enum hv_status hc_get_partition_property(struct hypercall *call)
{
	const struct hv_input_get_partition_property *in = call->input;
	struct hv_output_get_partition_property *out = call->output;
	const struct partition *partition = call->target;

	const struct {
		uint64_t code, value;
	} properties[] = {
		{ HV_PROPERTY_PRIVILEGE_FLAGS, partition->privileges },
		{ HV_PROPERTY_CPU_WEIGHT, partition->weight },
		{ HV_PROPERTY_TIME_FREEZE, partition->frozen_tsc != 0 },
		{ HV_PROPERTY_SUSPEND, partition->frozen_tsc != 0 },
		{ HV_PROPERTY_REFERENCE_TIME, partition_reference_time(partition) },
		{ HV_PROPERTY_PROCESSOR_VENDOR, virt->processor_vendor },
		{ HV_PROPERTY_PHYSICAL_ADDRESS_WIDTH, 48 }, /* of nested translations */
		{ HV_PROPERTY_XSAVE_STATES, context_xcr0_allowed },
		{ HV_PROPERTY_PROCESSOR_CLOCK_FREQUENCY, tsc_hz },
		{ HV_PROPERTY_UNIMPLEMENTED_MSR_ACTION, partition->ignores_msrs },
		{ HV_PROPERTY_LEVEL_AS_EDGE, partition->level_as_edge },
		{ HV_PROPERTY_GUEST_OS_ID, partition->guest_os_id },
	};

	for (unsigned int i = 0; i < ARRAY_COUNT(properties); i++) {
		if (properties[i].code == in->code) {
			out->value = properties[i].value;
			return HV_STATUS_SUCCESS;
		}
	}
	return HV_STATUS_UNKNOWN_PROPERTY;
}

/* Only what a guest may be granted at all; before its VPs exist. */
static enum hv_status set_privileges(struct partition *partition, uint64_t value)
{
	const uint64_t grantable = bits_mask(0, 16) | HV_PRIVILEGE_POST_MESSAGES |
	                           HV_PRIVILEGE_SIGNAL_EVENTS |
	                           HV_PRIVILEGE_ACCESS_PARTITION_ID;

	if (value & ~grantable)
		return HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE;
	if (partition->vp_count != 0)
		return HV_STATUS_INVALID_PARTITION_STATE;
	partition->privileges = value;
	return HV_STATUS_SUCCESS;
}

enum hv_status hc_set_partition_property(struct hypercall *call)
{
	const struct hv_input_set_partition_property *in = call->input;
	struct partition *partition = call->target;

	switch (in->code) {
	case HV_PROPERTY_PRIVILEGE_FLAGS:
		return set_privileges(partition, in->value);
	case HV_PROPERTY_CPU_WEIGHT:
		if (in->value < 1 || in->value > HV_CPU_WEIGHT_MAX)
			return HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE;
		partition_set_weight(partition, (uint32_t)in->value);
		return HV_STATUS_SUCCESS;
	case HV_PROPERTY_UNIMPLEMENTED_MSR_ACTION:
		if (in->value > HV_UNIMPLEMENTED_MSR_IGNORE)
			return HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE;
		partition->ignores_msrs = in->value;
		return HV_STATUS_SUCCESS;
	case HV_PROPERTY_LEVEL_AS_EDGE:
		if (in->value > 1)
			return HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE;
		if (partition->vp_count != 0)
			return HV_STATUS_INVALID_PARTITION_STATE;
		partition->level_as_edge = in->value;
		return HV_STATUS_SUCCESS;
	case HV_PROPERTY_GPA_PAGE_ACCESS_TRACKING: /* it always works */
		return in->value > 1 ? HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE :
		                       HV_STATUS_SUCCESS;
	case HV_PROPERTY_TIME_FREEZE:
	case HV_PROPERTY_SUSPEND:
		if (in->value > 1)
			return HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE;
		call->again = !partition_freeze(partition, in->value);
		return HV_STATUS_SUCCESS;
	default:
		return HV_STATUS_UNKNOWN_PROPERTY;
	}
}
