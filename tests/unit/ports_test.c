/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports, connections and message queues. TLFS 11.10 */
#include "hypervisor/core/ports.h"

#include <string.h>
#include <viridis/base/bits.h>
#include "tests/unit/unit.h"

#define VPS 4

static struct list ports;

static void setup(void)
{
	list_init(&ports);
}

static struct hv_input_create_port event_port(void)
{
	return (struct hv_input_create_port){
		.port_partition = 1,
		.port_id = 0x10,
		.connection_partition = 2,
		.info = { .type = HV_PORT_EVENT,
		          .sint = 2,
		          .vp_index = 3,
		          .base_flag = 2000,
		          .flag_count = 48 },
	};
}

static struct hv_input_create_port message_port(void)
{
	return (struct hv_input_create_port){
		.port_partition = 1,
		.port_id = 0x11,
		.connection_partition = 2,
		.info = { .type = HV_PORT_MESSAGE,
		          .sint = 5,
		          .vp_index = HV_VP_INDEX_ANY },
	};
}

static enum hv_status create_status(struct hv_input_create_port in)
{
	struct port port;

	return ports_check_create(&in, VPS, &port);
}

START_TEST(objects_are_found_by_id_and_only_while_inserted)
{
	static struct port made[500];

	for (uint32_t i = 0; i < 500; i++) {
		made[i].id = i * 64;
		list_append(&ports, &made[i].node);
	}
	for (uint32_t i = 0; i < 500; i++)
		ck_assert_ptr_eq(ports_find(&ports, PORTS_PORT, i * 64), &made[i]);
	ck_assert_ptr_null(ports_find(&ports, PORTS_PORT, 1));
	ck_assert_ptr_null(ports_find(&ports, PORTS_PORT, 0xffffffff));
	ck_assert_ptr_null(ports_find(&ports, PORTS_CONNECTION, 64));
	made[8].kind = PORTS_CONNECTION;
	ck_assert_ptr_null(ports_find(&ports, PORTS_PORT, 8 * 64));
	ck_assert_ptr_eq(ports_find(&ports, PORTS_CONNECTION, 8 * 64), &made[8]);
	list_remove(&made[7].node);
	ck_assert_ptr_null(ports_find(&ports, PORTS_PORT, 7 * 64));
}
END_TEST

START_TEST(a_checked_port_has_what_was_asked_for)
{
	struct hv_input_create_port in = event_port();
	unsigned int flag;
	struct port port;

	ck_assert_int_eq(ports_check_create(&in, VPS, &port), HV_STATUS_SUCCESS);
	ck_assert_uint_eq(port.id, 0x10);
	ck_assert_uint_eq(port.peer, 2);
	ck_assert_int_eq(ports_event_flag(&port, 47, &flag), HV_STATUS_SUCCESS);
	ck_assert_uint_eq(flag, 2047);
	ck_assert_int_eq(ports_event_flag(&port, 48, &flag), HV_STATUS_INVALID_PARAMETER);
	ck_assert_int_eq(ports_event_flag(&port, 0xffff, &flag),
	                 HV_STATUS_INVALID_PARAMETER);
	ck_assert_int_eq(create_status(message_port()), HV_STATUS_SUCCESS);
}
END_TEST

/* Each line spoils one field of a good request. */
#define SPOILED(base, field, value, expected)                   \
	do {                                                    \
		struct hv_input_create_port in_ = base();       \
                                                                \
		in_.field = (value);                            \
		ck_assert_int_eq(create_status(in_), expected); \
	} while (0)

START_TEST(a_hostile_port_is_refused)
{
	SPOILED(event_port, port_id, 0x01000000, HV_STATUS_INVALID_PORT_ID);
	SPOILED(event_port, port_vtl, 1, HV_STATUS_INVALID_PARAMETER);
	SPOILED(event_port, min_connection_vtl, 1, HV_STATUS_INVALID_PARAMETER);
	SPOILED(event_port, reserved, 1, HV_STATUS_INVALID_PARAMETER);
	SPOILED(event_port, info.type, 0, HV_STATUS_INVALID_PARAMETER);
	SPOILED(event_port, info.type, 3, HV_STATUS_INVALID_PARAMETER);
	SPOILED(event_port, info.type, 0xffffffff, HV_STATUS_INVALID_PARAMETER);
	SPOILED(event_port, info.reserved, 1, HV_STATUS_INVALID_PARAMETER);
	SPOILED(event_port, info.reserved2, 1, HV_STATUS_INVALID_PARAMETER);
	SPOILED(event_port, info.sint, 0, HV_STATUS_INVALID_PARAMETER);
	SPOILED(event_port, info.sint, 16, HV_STATUS_INVALID_PARAMETER);
	SPOILED(event_port, info.vp_index, VPS, HV_STATUS_INVALID_VP_INDEX);
	SPOILED(event_port, info.vp_index, HV_VP_INDEX_SELF, HV_STATUS_INVALID_VP_INDEX);
	SPOILED(event_port, info.base_flag, 2001, HV_STATUS_INVALID_PARAMETER);
	SPOILED(event_port, info.base_flag, 0xffff, HV_STATUS_INVALID_PARAMETER);
	SPOILED(event_port, info.flag_count, 0, HV_STATUS_INVALID_PARAMETER);
	SPOILED(event_port, info.flag_count, 0xffff, HV_STATUS_INVALID_PARAMETER);
	SPOILED(message_port, info.base_flag, 1, HV_STATUS_INVALID_PARAMETER);
	SPOILED(message_port, info.flag_count, 1, HV_STATUS_INVALID_PARAMETER);
}
END_TEST

static struct hv_input_connect_port connect_input(void)
{
	return (struct hv_input_connect_port){
		.connection_partition = 2,
		.connection_id = 4,
		.port_partition = 1,
		.port_id = 0x11,
		.info = { .type = HV_PORT_MESSAGE },
	};
}

#define SPOILED_CONNECT(field, value, expected)                             \
	do {                                                                \
		struct hv_input_connect_port in_ = connect_input();         \
		struct port c_;                                             \
                                                                            \
		in_.field = (value);                                        \
		ck_assert_int_eq(ports_check_connect(&in_, &c_), expected); \
	} while (0)

START_TEST(a_hostile_connection_is_refused)
{
	SPOILED_CONNECT(connection_id, 4, HV_STATUS_SUCCESS);
	SPOILED_CONNECT(connection_id, 0xff000004, HV_STATUS_INVALID_CONNECTION_ID);
	SPOILED_CONNECT(port_id, 0xff000004, HV_STATUS_INVALID_PORT_ID);
	SPOILED_CONNECT(connection_vtl, 1, HV_STATUS_INVALID_PARAMETER);
	SPOILED_CONNECT(connection_vtl, BIT32(31), HV_STATUS_INVALID_PARAMETER);
	SPOILED_CONNECT(reserved2, 1, HV_STATUS_INVALID_PARAMETER);
	SPOILED_CONNECT(info.type, 4, HV_STATUS_INVALID_PARAMETER);
	SPOILED_CONNECT(info.reserved, 4, HV_STATUS_INVALID_PARAMETER);
	SPOILED_CONNECT(info.reserved2[0], 1, HV_STATUS_INVALID_PARAMETER);
	SPOILED_CONNECT(info.reserved2[1], 1, HV_STATUS_INVALID_PARAMETER);
	SPOILED_CONNECT(info.reserved2[2], 1, HV_STATUS_INVALID_PARAMETER);
}
END_TEST

START_TEST(only_the_named_partition_connects_and_only_by_the_same_type)
{
	struct hv_input_create_port create = message_port();
	struct hv_input_connect_port connect = connect_input();
	struct port port, c;

	ck_assert_int_eq(ports_check_create(&create, VPS, &port), HV_STATUS_SUCCESS);
	ck_assert_int_eq(ports_check_connect(&connect, &c), HV_STATUS_SUCCESS);
	ck_assert_int_eq(ports_check_pair(&port, &c, 2), HV_STATUS_SUCCESS);
	ck_assert_int_eq(ports_check_pair(&port, &c, 3), HV_STATUS_ACCESS_DENIED);
	c.info.type = HV_PORT_EVENT;
	ck_assert_int_eq(ports_check_pair(&port, &c, 2), HV_STATUS_INVALID_PARAMETER);
}
END_TEST

START_TEST(a_hostile_message_is_refused)
{
	struct hv_input_post_message in = { .connection_id = 1, .message_type = 1 };

	ck_assert_int_eq(ports_check_post(&in), HV_STATUS_SUCCESS);
	in.payload_size = 240;
	ck_assert_int_eq(ports_check_post(&in), HV_STATUS_SUCCESS);
	in.payload_size = 241;
	ck_assert_int_eq(ports_check_post(&in), HV_STATUS_INVALID_PARAMETER);
	in.payload_size = 0xffffffff;
	ck_assert_int_eq(ports_check_post(&in), HV_STATUS_INVALID_PARAMETER);
	in.payload_size = 0;
	in.message_type = HV_MESSAGE_TIMER_EXPIRED;
	ck_assert_int_eq(ports_check_post(&in), HV_STATUS_INVALID_PARAMETER);
	in.message_type = HV_MESSAGE_NONE;
	ck_assert_int_eq(ports_check_post(&in), HV_STATUS_INVALID_PARAMETER);
}
END_TEST

static struct hv_message slots[PORTS_QUEUE_MESSAGES];

static struct hv_message numbered(uint32_t n)
{
	struct hv_message message = { .type = n, .payload_size = 240, .sender = 0x77 };

	memset(message.payload, (int)n, sizeof(message.payload));
	return message;
}

START_TEST(a_queue_holds_sixteen_messages_in_order)
{
	struct message_queue queue = { .slots = slots, .size = PORTS_QUEUE_MESSAGES };
	uint32_t put = 0, got = 0;

	for (unsigned int round = 0; round < 5; round++) {
		struct hv_message in = numbered(put + 1);

		while (message_queue_put(&queue, &in) == HV_STATUS_SUCCESS)
			in = numbered(++put + 1);
		ck_assert_uint_eq(queue.count, PORTS_QUEUE_MESSAGES);
		for (unsigned int i = 0; i < 7 + round; i++) {
			in = numbered(++got);
			ck_assert_mem_eq(&queue.slots[queue.first], &in, sizeof(in));
			message_queue_drop(&queue);
		}
	}
}
END_TEST

START_TEST(a_queue_of_one_slot_takes_a_message_at_a_time)
{
	struct hv_message slot, in = numbered(1), second = numbered(2);
	struct message_queue queue = { .slots = &slot, .size = 1 };

	for (unsigned int round = 0; round < 3; round++) {
		ck_assert_int_eq(message_queue_put(&queue, &in), HV_STATUS_SUCCESS);
		ck_assert_int_eq(message_queue_put(&queue, &second),
		                 HV_STATUS_INSUFFICIENT_BUFFERS);
		ck_assert_uint_eq(queue.slots[queue.first].type, 1);
		message_queue_drop(&queue);
		ck_assert_uint_eq(queue.count, 0);
	}
}
END_TEST

START_TEST(a_queue_without_slots_is_always_full)
{
	struct message_queue queue = { .size = 0 };
	struct hv_message in = numbered(1);

	ck_assert_int_eq(message_queue_put(&queue, &in), HV_STATUS_INSUFFICIENT_BUFFERS);
	ck_assert_uint_eq(queue.count, 0);
}
END_TEST

static Suite *ports_suite(void)
{
	Suite *suite = suite_create("ports");
	TCase *tcase = tcase_create("ports");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, objects_are_found_by_id_and_only_while_inserted);
	tcase_add_test(tcase, a_checked_port_has_what_was_asked_for);
	tcase_add_test(tcase, a_hostile_port_is_refused);
	tcase_add_test(tcase, a_hostile_connection_is_refused);
	tcase_add_test(tcase,
	               only_the_named_partition_connects_and_only_by_the_same_type);
	tcase_add_test(tcase, a_hostile_message_is_refused);
	tcase_add_test(tcase, a_queue_holds_sixteen_messages_in_order);
	tcase_add_test(tcase, a_queue_of_one_slot_takes_a_message_at_a_time);
	tcase_add_test(tcase, a_queue_without_slots_is_always_full);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(ports_suite)
