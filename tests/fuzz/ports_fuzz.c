/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ports and connections: any input block is judged as a second telling of TLFS 11.10's rules judges it;
 * a list, through any inserts and removals, holds what a plain array of ids holds; a queue gives back
 * what was put in, in order.
 */
#include "hypervisor/core/ports.h"
#include <string.h>
#include <viridis/base/bits.h>
#include <viridis/base/cursor.h>

#define CHECK(condition)                  \
	do {                              \
		if (!(condition))         \
			__builtin_trap(); \
	} while (0)

#define IDS        48u
#define VP_COUNT   3u
#define QUEUE_SIZE 5u
#define ANY_VP     0xffffffffu

static uint32_t some_id(struct cursor *in)
{
	uint8_t how = cursor_u8(in);

	if (how & 0x80)
		return cursor_le32(in);
	return how % IDS * (how & 0x40 ? 0x40001 : 1);
}

static void some_info(struct cursor *in, struct hv_port_info *info)
{
	uint8_t how = cursor_u8(in);

	cursor_copy(in, info, sizeof(*info));
	if (how & 1)
		info->type = 1 + info->type % 2;
	if (how & 2)
		info->reserved = info->reserved2 = 0;
	if (how & 4)
		info->sint %= 20;
	if (how & 8)
		info->vp_index = info->vp_index & 1 ? ANY_VP : info->vp_index % 5;
	if (how & 16)
		info->base_flag = info->flag_count = 0;
	if (how & 32) {
		info->base_flag %= 2200;
		info->flag_count %= 2200;
	}
}

static bool flags_fit(const struct hv_port_info *info)
{
	if (info->type == 1)
		return !info->base_flag && !info->flag_count;
	return info->flag_count > 0 && info->base_flag + info->flag_count <= 2048;
}

static enum hv_status expected_create(const struct hv_input_create_port *in)
{
	const struct hv_port_info *info = &in->info;

	if (in->port_id > 0xffffff)
		return HV_STATUS_INVALID_PORT_ID;
	if (in->port_vtl || in->min_connection_vtl || in->reserved || info->reserved ||
	    info->reserved2 || info->type < 1 || info->type > 2 || info->sint < 1 ||
	    info->sint > 15 || !flags_fit(info))
		return HV_STATUS_INVALID_PARAMETER;
	if (info->vp_index >= VP_COUNT && info->vp_index != ANY_VP)
		return HV_STATUS_INVALID_VP_INDEX;
	return HV_STATUS_SUCCESS;
}

static bool create(struct cursor *in, struct port *port)
{
	struct hv_input_create_port input = { 0 };
	uint8_t how = cursor_u8(in);
	enum hv_status status;

	input.port_id = some_id(in);
	input.connection_partition = cursor_u8(in) % 3;
	if (how & 1)
		input.port_vtl = cursor_u8(in);
	if (how & 2)
		input.min_connection_vtl = cursor_u8(in);
	if (how & 4)
		input.reserved = cursor_le16(in);
	some_info(in, &input.info);
	status = ports_check_create(&input, VP_COUNT, port);
	CHECK(status == expected_create(&input));
	if (status != HV_STATUS_SUCCESS)
		return false;
	CHECK(port->kind == PORTS_PORT && port->id == input.port_id &&
	      port->peer == input.connection_partition &&
	      !memcmp(&port->info, &input.info, sizeof(port->info)));
	return true;
}

static bool connect(struct cursor *in, struct port *connection)
{
	struct hv_input_connect_port input = { 0 };
	const uint8_t *blank = (const uint8_t *)&input.info.reserved;
	uint8_t how = cursor_u8(in);
	bool reserved = false;
	enum hv_status status;

	input.connection_id = some_id(in);
	input.port_id = some_id(in);
	input.port_partition = cursor_le64(in);
	input.info.type = how & 1 ? 1 + (how >> 1) % 2 : cursor_le32(in);
	if (how & 0x80) { /* one byte of the reserved ones */
		uint8_t at = cursor_u8(in), value = cursor_u8(in);
		uint8_t *fields[] = { (uint8_t *)&input.connection_vtl + at % 4,
			              (uint8_t *)&input.reserved2 + at % 4,
			              (uint8_t *)&input.info.reserved + at % 28 };

		*fields[at / 28 % ARRAY_COUNT(fields)] = value;
	}
	for (unsigned int i = 0; i < 28; i++)
		reserved |= blank[i] != 0;
	reserved |= input.connection_vtl || input.reserved2;
	status = ports_check_connect(&input, connection);
	if (input.connection_id > 0xffffff)
		CHECK(status == HV_STATUS_INVALID_CONNECTION_ID);
	else if (input.port_id > 0xffffff)
		CHECK(status == HV_STATUS_INVALID_PORT_ID);
	else if (reserved || input.info.type < 1 || input.info.type > 2)
		CHECK(status == HV_STATUS_INVALID_PARAMETER);
	else
		CHECK(status == HV_STATUS_SUCCESS);
	if (status != HV_STATUS_SUCCESS)
		return false;
	CHECK(connection->kind == PORTS_CONNECTION &&
	      connection->id == input.connection_id &&
	      connection->peer_port == input.port_id &&
	      connection->peer == input.port_partition &&
	      connection->info.type == input.info.type);
	return true;
}

static void pair(struct cursor *in, const struct port *port,
                 const struct port *connection)
{
	uint64_t caller = cursor_u8(in) % 3;
	enum hv_status status = ports_check_pair(port, connection, caller);
	uint16_t number = cursor_le16(in);
	unsigned int flag = ~0u;

	if (port->peer != caller)
		CHECK(status == HV_STATUS_ACCESS_DENIED);
	else if (port->info.type != connection->info.type)
		CHECK(status == HV_STATUS_INVALID_PARAMETER);
	else
		CHECK(status == HV_STATUS_SUCCESS);
	status = ports_event_flag(port, number, &flag);
	CHECK((status == HV_STATUS_SUCCESS) ==
	      (port->info.type == 2 && number < port->info.flag_count));
	if (status == HV_STATUS_SUCCESS)
		CHECK(flag == (unsigned int)port->info.base_flag + number && flag < 2048);
}

static void post(struct cursor *in)
{
	struct hv_input_post_message input = { .connection_id = cursor_le32(in) };
	uint8_t how = cursor_u8(in);
	bool good;

	input.message_type = how & 1 ? cursor_le32(in) : how;
	input.payload_size = how & 2 ? cursor_le32(in) : cursor_u8(in);
	input.reserved = how & 4 ? cursor_le32(in) : 0;
	good = input.payload_size <= 240 && input.reserved == 0 &&
	       input.message_type >= 1 && input.message_type <= 0x7fffffff;
	CHECK(ports_check_post(&input) ==
	      (good ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_PARAMETER));
}

/* The objects of one kind on the list, beside a plain array of them. */
struct both {
	struct list *list;
	enum ports_kind kind;
	struct port entry[IDS];
	bool in[IDS];
};

static unsigned int slot_of(const struct both *both, uint32_t id)
{
	for (unsigned int i = 0; i < IDS; i++)
		if (both->in[i] && both->entry[i].id == id)
			return i;
	return IDS;
}

static void insert(struct both *both, uint32_t id)
{
	for (unsigned int i = 0; i < IDS; i++) {
		if (both->in[i])
			continue;
		both->in[i] = true;
		both->entry[i].id = id;
		both->entry[i].kind = both->kind;
		list_append(both->list, &both->entry[i].node);
		return;
	}
}

static void change_map(struct both *both, uint32_t id, bool take_out)
{
	unsigned int slot = slot_of(both, id);
	struct port *found = ports_find(both->list, both->kind, id);

	CHECK(found == (slot < IDS ? &both->entry[slot] : NULL));
	if (!found && !take_out) {
		insert(both, id);
	} else if (found && take_out) {
		list_remove(&found->node);
		both->in[slot] = false;
		CHECK(!ports_find(both->list, both->kind, id));
	}
}

struct queue_test {
	struct message_queue queue;
	struct hv_message slots[QUEUE_SIZE];
	uint64_t put, taken;
};

static void change_queue(struct queue_test *test, uint8_t how)
{
	struct hv_message message = { .type = 1, .sender = test->put };
	bool full = test->put - test->taken == QUEUE_SIZE;

	if (how & 1) {
		CHECK(message_queue_put(&test->queue, &message) ==
		      (full ? HV_STATUS_INSUFFICIENT_BUFFERS : HV_STATUS_SUCCESS));
		test->put += !full;
	} else if (test->taken < test->put) {
		message_queue_drop(&test->queue);
		test->taken++;
	}
	CHECK(test->queue.count == test->put - test->taken);
	if (test->queue.count)
		CHECK(test->queue.slots[test->queue.first].sender == test->taken);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor in = cursor_over(data, size);
	struct list list;
	struct both ports = { .list = &list, .kind = PORTS_PORT };
	struct both connections = { .list = &list, .kind = PORTS_CONNECTION };
	struct queue_test queue = { .queue = { .size = QUEUE_SIZE } };
	struct port connection = { .info = { .type = 1 } };
	struct port port = { .info = { .type = 1 } };

	queue.queue.slots = queue.slots;
	list_init(&list);
	while (!in.overrun && cursor_left(&in) > 0) {
		uint8_t how = cursor_u8(&in);

		if (how % 6 == 0)
			post(&in);
		else if (how % 6 == 1 && create(&in, &port))
			change_map(&ports, port.id, false);
		else if (how % 6 == 2 && connect(&in, &connection))
			change_map(&connections, connection.id, false);
		else if (how % 6 == 3)
			change_map(how & 0x80 ? &ports : &connections, some_id(&in),
			           how & 0x40);
		else if (how % 6 == 4)
			change_queue(&queue, how >> 4);
		else
			pair(&in, &port, &connection);
	}
	return 0;
}
