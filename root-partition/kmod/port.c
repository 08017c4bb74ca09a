// SPDX-License-Identifier: GPL-2.0-or-later
/* Hypercalls on ports and connections. */
#include "abi.h"
#include "port.h"

#include "partition.h"
#include "synic.h"
#include <linux/printk.h>

static int port_create(const struct viridis_partition *child, u32 port_id,
                       const struct hv_port_info *info)
{
	struct hv_input_create_port input = {
		.port_partition = pool_root.partition_id,
		.port_id = port_id,
		.connection_partition = child->id,
		.info = *info,
	};

	return pool_call_simple(&pool_root, HVCALL_CREATE_PORT, &input, sizeof(input));
}

int port_create_message(const struct viridis_partition *child, u32 port_id,
                        const struct synic_home *home)
{
	struct hv_port_info info = {
		.type = HV_PORT_MESSAGE,
		.sint = HV_SINT_VMBUS,
		.vp_index = home->vp_index,
	};

	return port_create(child, port_id, &info);
}

int port_create_event(const struct viridis_partition *child, u32 port_id, u16 flag)
{
	struct hv_port_info info = {
		.type = HV_PORT_EVENT,
		.sint = HV_SINT_VMBUS + flag / HV_EVENT_FLAGS_PER_SINT,
		.vp_index = HV_VP_INDEX_ANY,
		.base_flag = flag % HV_EVENT_FLAGS_PER_SINT,
		.flag_count = 1,
	};

	return port_create(child, port_id, &info);
}

void port_delete(u32 port_id)
{
	struct hv_input_delete_port input = {
		.port_partition = pool_root.partition_id,
		.port_id = port_id,
	};
	enum hv_status status =
		hypercall_simple(HVCALL_DELETE_PORT, &input, sizeof(input));

	if (status != HV_STATUS_SUCCESS)
		pr_err("port %u: not deleted: status %#x\n", port_id, status);
}

int port_connect(struct viridis_partition *child, u32 port_type, u32 connection_id,
                 u32 port_id)
{
	struct hv_input_connect_port input = {
		.connection_partition = child->id,
		.connection_id = connection_id,
		.port_partition = pool_root.partition_id,
		.port_id = port_id,
		.info.type = port_type,
	};
	struct hypercall call = {
		.code = HVCALL_CONNECT_PORT,
		.header = &input,
		.header_bytes = sizeof(input),
	};
	enum hv_status status = pool_call(&child->pool, &call);

	/* Our ids are all in range: this one is taken. */
	return status == HV_STATUS_INVALID_CONNECTION_ID ? -EEXIST :
	                                                   hypercall_errno(status);
}

enum hv_status port_disconnect(u64 child_id, u32 connection_id)
{
	struct hv_input_disconnect_port input = {
		.connection_partition = child_id,
		.connection_id = connection_id,
	};

	return hypercall_simple(HVCALL_DISCONNECT_PORT, &input, sizeof(input));
}

void port_disconnect_or_log(const struct viridis_partition *child, u32 connection_id)
{
	enum hv_status status = port_disconnect(child->id, connection_id);

	if (status != HV_STATUS_SUCCESS)
		pr_err("p%llu connection %u: not removed: status %#x\n", child->id,
		       connection_id, status);
}
