/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hypercalls that make ports and connections and send through them (codes 0x58, 0x5b-0x5d, 0x95, 0x96), and
 * those by which a parent raises interrupts, events and messages in a child with no port between (0x94, 0xc0,
 * 0xc1). TLFS 11.10
 */
#include <viridis/base/mem.h>
#include "hypervisor/kernel/delivery/apic.h"
#include "hypervisor/kernel/delivery/message.h"
#include "hypervisor/kernel/delivery/ports.h"
#include "hypervisor/kernel/guest/hypercall.h"
#include "hypervisor/kernel/objects/partition.h"

/* The other end's partition may have come as SELF. */
static enum hv_status add_checked(struct hypercall *call, struct port *port)
{
	struct partition *peer;
	enum hv_status status = hypercall_partition(call, port->peer, &peer);

	if (status != HV_STATUS_SUCCESS)
		return status;
	port->peer = peer->id;
	return ports_add(call->target, port);
}

enum hv_status hc_create_port(struct hypercall *call)
{
	/* Acquire pairs with the release where a VP is added: its index has a VP. */
	uint32_t vp_count = __atomic_load_n(&call->target->vp_count, __ATOMIC_ACQUIRE);
	struct port port;
	enum hv_status status = ports_check_create(call->input, vp_count, &port);

	return status == HV_STATUS_SUCCESS ? add_checked(call, &port) : status;
}

enum hv_status hc_connect_port(struct hypercall *call)
{
	struct port connection;
	enum hv_status status = ports_check_connect(call->input, &connection);

	return status == HV_STATUS_SUCCESS ? add_checked(call, &connection) : status;
}

enum hv_status hc_delete_port(struct hypercall *call)
{
	const struct hv_input_delete_port *in = call->input;

	if (in->reserved != 0)
		return HV_STATUS_INVALID_PARAMETER;
	call->settle = true; /* its pages come back */
	return ports_remove(call->target, PORTS_PORT, in->port_id);
}

/* There are no doorbells. */
enum hv_status hc_disconnect_port(struct hypercall *call)
{
	const struct hv_input_disconnect_port *in = call->input;

	if (in->is_doorbell != 0)
		return HV_STATUS_INVALID_PARAMETER;
	call->settle = true; /* its page comes back */
	return ports_remove(call->target, PORTS_CONNECTION, in->connection_id);
}

static enum hv_status counted(const struct hypercall *call, enum hv_status status,
                              enum viridis_vp_stat stat)
{
	if (status == HV_STATUS_SUCCESS)
		stat_count(call->vp->stats, stat);
	return status;
}

/* TLFS 11.10.1: accepted when it is in the port's queue. */
enum hv_status hc_post_message(struct hypercall *call)
{
	const struct hv_input_post_message *in = call->input;
	struct hv_message message = { .type = in->message_type,
		                      .payload_size = (uint8_t)in->payload_size };
	enum hv_status status = ports_check_post(in);

	if (status != HV_STATUS_SUCCESS)
		return status;
	memcpy(message.payload, in->payload, in->payload_size);
	return counted(call, ports_send(call->partition, in->connection_id, &message, 0),
	               VIRIDIS_VP_STAT_MESSAGES_POSTED);
}

/* TLFS 11.10.2: a flag that is up already stays up, and nothing is lost. */
enum hv_status hc_signal_event(struct hypercall *call)
{
	const struct hv_input_signal_event *in = call->input;

	if (in->reserved != 0)
		return HV_STATUS_INVALID_PARAMETER;
	return counted(call,
	               ports_send(call->partition, in->connection_id, NULL,
	                          in->flag_number),
	               VIRIDIS_VP_STAT_EVENTS_SIGNALED);
}

#define CONTROL_TYPE  UINT64_C(0xffffffff)
#define CONTROL_FLAGS (HV_INTERRUPT_LEVEL | HV_INTERRUPT_LOGICAL)

/*
 * There is no SMM, and so no SMI. An ExtINT comes from the VMM's 8259: with any vector, and nobody is told of its end.
 *
 * The call does not say how wide the destination is. The width only decides which value
 * means every VP: 0xff is no VP's id (they are below MAX_VPS), so one that fits 8 bits is
 * taken as 8 bits.
 */
static enum hv_status decode_interrupt(const struct hv_input_assert_virtual_interrupt *in,
                                       struct vlapic_ipi *ipi)
{
	uint32_t type = (uint32_t)(in->control & CONTROL_TYPE);

	if ((in->control & ~(CONTROL_TYPE | CONTROL_FLAGS)) ||
	    type > HV_INTERRUPT_EXTINT || type == VLAPIC_SMI ||
	    type == VLAPIC_REMOTE_READ || in->vector > 0xff ||
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

	if (in->vtl != 0 || in->sint >= HV_SINT_COUNT ||
	    in->flag_number >= HV_EVENT_FLAGS_PER_SINT)
		return HV_STATUS_INVALID_PARAMETER;
	return counted(call,
	               event_signal(call->target_vp, in->sint, in->flag_number,
	                            &out->newly_signaled),
	               VIRIDIS_VP_STAT_EVENTS_SIGNALED);
}

/*
 * Type and sender are the parent's to choose: to its child it speaks for the
 * hypervisor.
 */
enum hv_status hc_post_message_direct(struct hypercall *call)
{
	const struct hv_input_post_message_direct *in = call->input;
	struct hv_message message;

	memcpy(&message, &in->message, sizeof(message));
	if (in->vtl != 0 || in->padding != 0 || in->sint >= HV_SINT_COUNT ||
	    message.type == HV_MESSAGE_NONE ||
	    message.payload_size > HV_MESSAGE_PAYLOAD_BYTES)
		return HV_STATUS_INVALID_PARAMETER;
	return counted(call, message_post_direct(call->target_vp, in->sint, &message),
	               VIRIDIS_VP_STAT_MESSAGES_POSTED);
}
