/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NVSP messages from one end to the other, and those that are too short or lie. */
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "vmbus/class/nvsp.h"
#include "vmbus/core/ring.h"
#include "vmbus/core/xfer_pages.h"
#include "tests/unit/unit.h"

static struct nvsp_message message, read;

static bool arrives(uint32_t bytes)
{
	return nvsp_read(&read, &message, bytes);
}

START_TEST(the_newest_common_version_is_chosen)
{
	ck_assert_uint_eq(nvsp_choose_version(0x60001, 0x60001), NVSP_VERSION_6_1);
	ck_assert_uint_eq(nvsp_choose_version(2, 0x60000), NVSP_VERSION_6);
	ck_assert_uint_eq(nvsp_choose_version(2, 0xffffffff), NVSP_VERSION_6_1);
	ck_assert_uint_eq(nvsp_choose_version(2, 2), NVSP_VERSION_1);
	ck_assert_uint_eq(nvsp_choose_version(3, 0x30001), 0);
	ck_assert_uint_eq(nvsp_choose_version(0x60000, 2), 0);
}
END_TEST

START_TEST(a_message_arrives_as_it_was_sent)
{
	message = nvsp_init(NVSP_VERSION_5);
	ck_assert(arrives(sizeof(message)));
	ck_assert_uint_eq(read.type, NVSP_INIT);
	ck_assert_uint_eq(read.body.init.version_max, NVSP_VERSION_5);
	message = nvsp_buffer(NVSP_RECEIVE_BUFFER, 0xe1e10, NVSP_RECEIVE_BUFFER_ID);
	ck_assert(arrives(sizeof(message)));
	ck_assert_uint_eq(read.body.buffer.gpadl, 0xe1e10);
	ck_assert_uint_eq(read.body.buffer.id, NVSP_RECEIVE_BUFFER_ID);
	message = nvsp_rndis_packet(NVSP_CHANNEL_CONTROL, 7, 100);
	ck_assert(arrives(sizeof(message)));
	ck_assert_uint_eq(read.body.rndis_packet.section, 7);
	ck_assert_uint_eq(read.body.rndis_packet.section_bytes, 100);
	message = nvsp_ndis_config(1514, NVSP_CAPABILITY_RSC);
	ck_assert(arrives(sizeof(message)));
	ck_assert_uint_eq(read.body.ndis_config.capabilities, NVSP_CAPABILITY_RSC);
}
END_TEST

START_TEST(linux_may_leave_out_what_its_messages_do_not_use)
{
	message = nvsp_rndis_complete(NVSP_STATUS_SUCCESS);
	ck_assert(arrives(8));
	ck_assert_uint_eq(read.body.status, NVSP_STATUS_SUCCESS);
	ck_assert_uint_eq(read.body.words[1], 0);
}
END_TEST

START_TEST(a_message_that_is_too_short_is_refused)
{
	static const struct {
		uint32_t type;
		uint32_t bytes;
	} shortest[] = {
		{ NVSP_INIT, 12 },
		{ NVSP_INIT_COMPLETE, 16 },
		{ NVSP_NDIS_VERSION, 12 },
		{ NVSP_RECEIVE_BUFFER, 10 },
		{ NVSP_RECEIVE_BUFFER_COMPLETE, 12 },
		{ NVSP_REVOKE_RECEIVE_BUFFER, 6 },
		{ NVSP_SEND_BUFFER, 10 },
		{ NVSP_SEND_BUFFER_COMPLETE, 12 },
		{ NVSP_REVOKE_SEND_BUFFER, 6 },
		{ NVSP_RNDIS_PACKET, 16 },
		{ NVSP_RNDIS_PACKET_COMPLETE, 8 },
		{ NVSP_NDIS_CONFIG, 20 },
		{ NVSP_SWITCH_DATA_PATH, 8 },
		{ NVSP_SUBCHANNELS, 12 },
		{ 4711, 4 },
	};

	message = (struct nvsp_message){ .type = shortest[_i].type };
	ck_assert(arrives(shortest[_i].bytes));
	ck_assert_uint_eq(read.type, shortest[_i].type);
	ck_assert(!arrives(shortest[_i].bytes - 1));
	ck_assert(!arrives(0));
}
END_TEST
#define SHORTEST_COUNT 15

START_TEST(a_receive_buffer_is_divided_into_one_part)
{
	struct nvsp_receive_part part;

	message = nvsp_receive_buffer_complete(NVSP_STATUS_SUCCESS, 8192, 2048);
	ck_assert(nvsp_receive_part_read(&message, 16u << 20, &part));
	ck_assert_uint_eq(part.section_bytes, 8192);
	ck_assert_uint_eq(part.section_count, 2048);
	ck_assert_uint_eq(part.end_offset, 16u << 20);
	ck_assert(!nvsp_receive_part_read(&message, (16u << 20) - 1, &part));
}
END_TEST

START_TEST(a_client_takes_no_division_that_is_none)
{
	struct nvsp_receive_part part;

	message = nvsp_receive_buffer_complete(NVSP_STATUS_FAILURE, 8192, 2048);
	ck_assert(!nvsp_receive_part_read(&message, 16u << 20, &part));
	message = nvsp_receive_buffer_complete(NVSP_STATUS_SUCCESS, 67, 1);
	ck_assert(!nvsp_receive_part_read(&message, 16u << 20, &part));
	message = nvsp_receive_buffer_complete(NVSP_STATUS_SUCCESS, 8192, 0);
	ck_assert(!nvsp_receive_part_read(&message, 16u << 20, &part));
	message = nvsp_receive_buffer_complete(NVSP_STATUS_SUCCESS, 0x80000000, 2);
	ck_assert(!nvsp_receive_part_read(&message, 16u << 20, &part));
	message = nvsp_receive_buffer_complete(NVSP_STATUS_SUCCESS, 8192, 8);
	message.body.receive_buffer_complete.part.offset = 8;
	ck_assert(!nvsp_receive_part_read(&message, 16u << 20, &part));
	message = nvsp_send_buffer_complete(NVSP_STATUS_SUCCESS, 6144);
	ck_assert(!nvsp_receive_part_read(&message, 16u << 20, &part));
}
END_TEST

START_TEST(the_indirection_table_names_channels_that_exist)
{
	uint32_t entries[NVSP_INDIRECTION_ENTRIES];
	struct nvsp_table_message table;

	nvsp_table_build(&table, 3);
	ck_assert(nvsp_table_read(&table, sizeof(table), 3, entries));
	ck_assert_uint_eq(entries[0], 0);
	ck_assert_uint_eq(entries[5], 2);
	ck_assert(!nvsp_table_read(&table, sizeof(table), 2, entries));
	ck_assert(!nvsp_table_read(&table, sizeof(table) - 1, 3, entries));
	table.head.body.indirection_table.offset = 8; /* into itself */
	ck_assert(!nvsp_table_read(&table, sizeof(table), 3, entries));
	table.head.body.indirection_table.offset = 0xffffffff;
	ck_assert(!nvsp_table_read(&table, sizeof(table), 3, entries));
	table.head.body.indirection_table.offset = 40;
	table.head.body.indirection_table.count = 17;
	ck_assert(!nvsp_table_read(&table, sizeof(table), 3, entries));
}
END_TEST

/* ---- Ranges of the receive buffer ---- */

static struct vmbus_ring_control control;
static uint8_t data[8192];
static const struct ring_memory memory = { &control, data, sizeof(data) };

START_TEST(ranges_of_the_receive_buffer_go_through_a_ring)
{
	static const struct vmbus_xfer_range sent[] = { { 1514, 0 }, { 60, 8192 } };
	_Alignas(8) uint8_t buffer[256];
	struct vmbus_xfer_range got[2];
	struct xfer_list list = { .ranges = got, .range_capacity = 2 };
	struct ring_producer out;
	struct ring_consumer in;
	struct ring_received packet;
	bool signal = false;

	ck_assert_int_eq(ring_producer_init(&out, &memory), RING_OK);
	ck_assert_int_eq(ring_consumer_init(&in, &memory), RING_OK);
	message = nvsp_rndis_packet(NVSP_CHANNEL_DATA, NVSP_SECTION_NONE, 0);
	ck_assert_int_eq(ring_put_xfer_pages(&out, 77, NVSP_RECEIVE_BUFFER_ID, sent, 2,
	                                     &message, sizeof(message), &signal),
	                 RING_OK);
	ck_assert(signal);
	ck_assert_int_eq(ring_get(&in, buffer, sizeof(buffer), &packet), RING_OK);
	ck_assert_uint_eq(packet.type, VMBUS_PACKET_XFER_PAGES);
	ck_assert_uint_eq(packet.flags, VMBUS_PACKET_WANTS_COMPLETION);
	ck_assert_uint_eq(packet.transaction_id, 77);
	ck_assert(xfer_pages_parse(&list, packet.header, packet.header_bytes, 8252));
	ck_assert_uint_eq(list.page_set, NVSP_RECEIVE_BUFFER_ID);
	ck_assert_uint_eq(list.range_count, 2);
	ck_assert_mem_eq(got, sent, sizeof(sent));
	ck_assert(nvsp_read(&read, packet.payload, packet.payload_bytes));
	ck_assert_uint_eq(read.type, NVSP_RNDIS_PACKET);
}
END_TEST

START_TEST(ranges_outside_the_buffer_are_refused)
{
	struct {
		struct vmbus_xfer_pages_header header;
		struct vmbus_xfer_range ranges[3];
	} sent = { .header = { .page_set = NVSP_RECEIVE_BUFFER_ID, .range_count = 2 },
		   .ranges = { { 100, 0 }, { 100, 4096 } } };
	struct vmbus_xfer_range got[2];
	struct xfer_list list = { .ranges = got, .range_capacity = 2 };

	ck_assert(xfer_pages_parse(&list, &sent, sizeof(sent), 4196));
	ck_assert(!xfer_pages_parse(&list, &sent, sizeof(sent), 4195));
	ck_assert(!xfer_pages_parse(&list, &sent, sizeof(sent.header) + 15, 4196));
	ck_assert(!xfer_pages_parse(&list, &sent, 7, 4196));
	sent.header.range_count = 3; /* more than is taken */
	ck_assert(!xfer_pages_parse(&list, &sent, sizeof(sent), 65536));
	sent.header.range_count = 0;
	ck_assert(!xfer_pages_parse(&list, &sent, sizeof(sent), 65536));
	sent.header.range_count = 1;
	sent.ranges[0] = (struct vmbus_xfer_range){ 0xffffffff, 1 };
	ck_assert(!xfer_pages_parse(&list, &sent, sizeof(sent), 65536));
	sent.ranges[0] = (struct vmbus_xfer_range){ 1, 0xffffffff };
	ck_assert(!xfer_pages_parse(&list, &sent, sizeof(sent), 65536));
}
END_TEST

static Suite *nvsp_suite(void)
{
	Suite *suite = suite_create("nvsp");
	TCase *messages = tcase_create("messages");
	TCase *ranges = tcase_create("ranges");

	tcase_add_test(messages, the_newest_common_version_is_chosen);
	tcase_add_test(messages, a_message_arrives_as_it_was_sent);
	tcase_add_test(messages, linux_may_leave_out_what_its_messages_do_not_use);
	tcase_add_loop_test(messages, a_message_that_is_too_short_is_refused, 0,
	                    SHORTEST_COUNT);
	tcase_add_test(messages, a_receive_buffer_is_divided_into_one_part);
	tcase_add_test(messages, a_client_takes_no_division_that_is_none);
	tcase_add_test(messages, the_indirection_table_names_channels_that_exist);
	suite_add_tcase(suite, messages);
	tcase_add_test(ranges, ranges_of_the_receive_buffer_go_through_a_ring);
	tcase_add_test(ranges, ranges_outside_the_buffer_are_refused);
	suite_add_tcase(suite, ranges);
	return suite;
}

UNIT_MAIN(nvsp_suite)
