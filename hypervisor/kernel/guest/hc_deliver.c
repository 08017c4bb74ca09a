/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hypercalls by which a parent raises interrupts, events and messages in a child, with no
 * port between. Codes 0x94, 0xc0, 0xc1.
 */
#include <viridis/base/mem.h>
#include "hypervisor/kernel/delivery/apic.h"
#include "hypervisor/kernel/guest/hypercall.h"
#include "hypervisor/kernel/objects/partition.h"

#define CONTROL_TYPE  UINT64_C(0xffffffff)
#define CONTROL_FLAGS (HV_INTERRUPT_LEVEL | HV_INTERRUPT_LOGICAL)

_Static_assert((int)HV_INTERRUPT_LOWEST_PRIORITY == (int)VLAPIC_LOWEST_PRIORITY &&
                       (int)HV_INTERRUPT_NMI == (int)VLAPIC_NMI &&
                       (int)HV_INTERRUPT_INIT == (int)VLAPIC_INIT &&
                       (int)HV_INTERRUPT_SIPI == (int)VLAPIC_STARTUP,
               "types are an ICR's delivery modes");

/*
 * A virtual machine has no SMM, and its 8259 is its VMM's business: no SMI, no ExtINT.
 *
 * The call does not say how wide the destination is. The width only decides which value
 * means every VP: 0xff is no VP's id (they are below MAX_VPS), so one that fits 8 bits is
 * taken as 8 bits.
 */
static enum hv_status decode_interrupt(const struct hv_input_assert_virtual_interrupt *in,
                                       struct vlapic_ipi *ipi)
{
	uint32_t type = (uint32_t)(in->control & CONTROL_TYPE);

	if ((in->control & ~(CONTROL_TYPE | CONTROL_FLAGS)) || type > HV_INTERRUPT_SIPI ||
	    type == VLAPIC_SMI || type == VLAPIC_REMOTE_READ || in->vector > 0xff ||
	    in->destination > UINT32_MAX || in->target_vtl != 0)
		return HV_STATUS_INVALID_PARAMETER;
	*ipi = (struct vlapic_ipi){
		.delivery = (enum vlapic_delivery)type,
		.shorthand = VLAPIC_TO_DESTINATION,
		.vector = (uint8_t)in->vector,
		.logical = in->control & HV_INTERRUPT_LOGICAL,
		.level = in->control & HV_INTERRUPT_LEVEL,
		.wide = in->destination > 0xff,
		.destination = (uint32_t)in->destination,
	};
	return HV_STATUS_SUCCESS;
}
_Static_assert(MAX_VPS <= 0xff, "0xff is no APIC id of a child's");

enum hv_status hc_assert_virtual_interrupt(struct hypercall *call)
{
	struct vlapic_ipi ipi;
	enum hv_status status = decode_interrupt(call->input, &ipi);

	return status == HV_STATUS_SUCCESS ? apic_deliver(call->target, &ipi) : status;
}

enum hv_status hc_signal_event_direct(struct hypercall *call)
{
	const struct hv_input_signal_event_direct *in = call->input;
	struct hv_output_signal_event_direct *out = call->output;
	enum hv_status status;

	if (in->vtl != 0 || in->sint >= HV_SINT_COUNT ||
	    in->flag_number >= HV_EVENT_FLAGS_PER_SINT)
		return HV_STATUS_INVALID_PARAMETER;
	status = event_signal(call->target_vp, in->sint, in->flag_number,
	                      &out->newly_signaled);
	if (status == HV_STATUS_SUCCESS)
		stat_count(call->vp->stats, VIRIDIS_VP_STAT_EVENTS_SIGNALED);
	return status;
}

/*
 * Type and sender are the parent's to choose: to its child it speaks for the
 * hypervisor.
 */
enum hv_status hc_post_message_direct(struct hypercall *call)
{
	const struct hv_input_post_message_direct *in = call->input;
	struct hv_message message;
	enum hv_status status;

	memcpy(&message, &in->message, sizeof(message));
	if (in->vtl != 0 || in->padding != 0 || in->sint >= HV_SINT_COUNT ||
	    message.type == HV_MESSAGE_NONE ||
	    message.payload_size > HV_MESSAGE_PAYLOAD_BYTES)
		return HV_STATUS_INVALID_PARAMETER;
	status = message_post_direct(call->target_vp, in->sint, &message);
	if (status == HV_STATUS_SUCCESS)
		stat_count(call->vp->stats, VIRIDIS_VP_STAT_MESSAGES_POSTED);
	return status;
}
