/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hypercalls on ports and connections, and what is sent through them. TLFS 11.10; codes
 * 0x58, 0x5b-0x5d, 0x95, 0x96.
 *
 * A parent makes both ends, for itself and its children; a partition may be connected to
 * itself.
 */
#include "hypervisor/kernel/hypercall.h"
#include "hypervisor/kernel/partition.h"
#include "hypervisor/kernel/ports.h"
#include "hypervisor/kernel/stats.h"

enum hv_status hc_create_port(struct hypercall *call)
{
	const struct hv_input_create_port *in = call->input;
	struct partition *owner = call->target, *connector;
	struct port port;
	enum hv_status status =
		hypercall_partition(call, in->connection_partition, &connector);

	if (status != HV_STATUS_SUCCESS)
		return status;
	/* Acquire pairs with the release where a VP is added: its index has a VP. */
	status = ports_check_create(
		in, __atomic_load_n(&owner->vp_count, __ATOMIC_ACQUIRE), &port);
	if (status != HV_STATUS_SUCCESS)
		return status;
	port.connection_partition = connector->id;
	port.owner = call->partition->id;
	return port_create(owner, &port);
}

enum hv_status hc_delete_port(struct hypercall *call)
{
	const struct hv_input_delete_port *in = call->input;

	if (in->reserved != 0)
		return HV_STATUS_INVALID_PARAMETER;
	return port_delete(call->target, in->port_id);
}

enum hv_status hc_connect_port(struct hypercall *call)
{
	const struct hv_input_connect_port *in = call->input;
	struct connection connection;
	struct partition *owner;
	enum hv_status status = hypercall_partition(call, in->port_partition, &owner);

	if (status == HV_STATUS_SUCCESS)
		status = ports_check_connect(in, &connection);
	if (status != HV_STATUS_SUCCESS)
		return status;
	connection.port_partition = owner->id; /* may have come as SELF */
	return port_connect(call->target, owner, &connection);
}

enum hv_status hc_disconnect_port(struct hypercall *call)
{
	const struct hv_input_disconnect_port *in = call->input;

	if (in->is_doorbell != 0)
		return HV_STATUS_INVALID_PARAMETER;
	return port_disconnect(call->target, in->connection_id);
}

/* TLFS 11.10.1: accepted when it is in the port's queue. */
enum hv_status hc_post_message(struct hypercall *call)
{
	const struct hv_input_post_message *in = call->input;
	enum hv_status status = ports_check_post(in);

	if (status != HV_STATUS_SUCCESS)
		return status;
	status = port_post(call->partition, in);
	if (status == HV_STATUS_SUCCESS)
		stat_count(call->vp->stats, VIRIDIS_VP_STAT_MESSAGES_POSTED);
	return status;
}

/* TLFS 11.10.2: a flag that is up already stays up, and nothing is lost. */
enum hv_status hc_signal_event(struct hypercall *call)
{
	const struct hv_input_signal_event *in = call->input;
	enum hv_status status = ports_check_signal(in);

	if (status != HV_STATUS_SUCCESS)
		return status;
	status = port_signal(call->partition, in);
	if (status == HV_STATUS_SUCCESS)
		stat_count(call->vp->stats, VIRIDIS_VP_STAT_EVENTS_SIGNALED);
	return status;
}
