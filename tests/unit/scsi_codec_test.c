/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vstor packets from client to server and back; hostile requests. */
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "vmbus/class/scsi.h"
#include "tests/unit/unit.h"

#define MAX_TRANSFER (1u << 20)

static struct vstor_server server;
static struct storvsc_packet packet, answer;
static struct vstor_request request;

static void setup(void)
{
	vstor_server_init(&server, 3, MAX_TRANSFER);
}

static enum vstor_action receive(uint64_t buffer_bytes)
{
	return vstor_server_receive(&server, &packet, buffer_bytes, &request, &answer);
}

static uint32_t command(enum storvsc_operation operation)
{
	vstor_command(operation, &packet);
	ck_assert_int_eq(receive(0), VSTOR_ANSWER);
	ck_assert_uint_eq(answer.operation, STORVSC_COMPLETE_IO);
	return answer.status;
}

static uint32_t query(uint16_t version)
{
	vstor_query_version(version, &packet);
	ck_assert_int_eq(receive(0), VSTOR_ANSWER);
	return answer.status;
}

static void make_ready(void)
{
	ck_assert_uint_eq(command(STORVSC_BEGIN_INITIALIZATION), NTSTATUS_SUCCESS);
	ck_assert_uint_eq(query(STORVSC_VERSION_6_2), NTSTATUS_SUCCESS);
	ck_assert_uint_eq(command(STORVSC_END_INITIALIZATION), NTSTATUS_SUCCESS);
}

static void make_read(uint32_t bytes)
{
	const struct vstor_request read = {
		.lun = 5,
		.cdb = { 0x28 },
		.cdb_length = 10,
		.direction = STORVSC_DATA_IN,
		.transfer_bytes = bytes,
	};

	vstor_execute(&read, &packet);
}

START_TEST(initialisation_goes_the_way_linux_goes_it)
{
	ck_assert_uint_eq(command(STORVSC_BEGIN_INITIALIZATION), NTSTATUS_SUCCESS);
	ck_assert_uint_eq(query(STORVSC_VERSION(7, 0)), NTSTATUS_REVISION_MISMATCH);
	ck_assert_uint_eq(query(STORVSC_VERSION_6_2), NTSTATUS_SUCCESS);
	ck_assert_uint_eq(server.version, STORVSC_VERSION_6_2);
	ck_assert_uint_eq(command(STORVSC_QUERY_PROPERTIES), NTSTATUS_SUCCESS);
	ck_assert_uint_eq(answer.body.properties.max_transfer_bytes, MAX_TRANSFER);
	ck_assert_uint_eq(answer.body.properties.sub_channels_max, 3);
	ck_assert_uint_eq(answer.body.properties.flags, STORVSC_PROPERTY_MULTI_CHANNEL);
	ck_assert_uint_eq(command(STORVSC_END_INITIALIZATION), NTSTATUS_SUCCESS);
	ck_assert_int_eq(server.state, VSTOR_READY);
}
END_TEST

START_TEST(steps_out_of_turn_are_refused)
{
	ck_assert_uint_eq(query(STORVSC_VERSION_6_2), NTSTATUS_INVALID_DEVICE_STATE);
	ck_assert_uint_eq(command(STORVSC_QUERY_PROPERTIES),
	                  NTSTATUS_INVALID_DEVICE_STATE);
	ck_assert_uint_eq(command(STORVSC_END_INITIALIZATION),
	                  NTSTATUS_INVALID_DEVICE_STATE);
	make_read(512);
	ck_assert_int_eq(receive(512), VSTOR_ANSWER);
	ck_assert_uint_eq(answer.status, NTSTATUS_INVALID_DEVICE_STATE);
	ck_assert_int_eq(server.state, VSTOR_IDLE);
}
END_TEST

START_TEST(begin_starts_over)
{
	make_ready();
	ck_assert_uint_eq(command(STORVSC_BEGIN_INITIALIZATION), NTSTATUS_SUCCESS);
	make_read(512);
	ck_assert_int_eq(receive(512), VSTOR_ANSWER);
	ck_assert_uint_eq(answer.status, NTSTATUS_INVALID_DEVICE_STATE);
}
END_TEST

START_TEST(an_unknown_operation_is_refused)
{
	static const uint32_t operations[] = { 0, 1, 2, 11, 12, 14, 15, 0xffffffff };

	make_ready();
	ck_assert_uint_eq(command((enum storvsc_operation)operations[_i]),
	                  NTSTATUS_NOT_SUPPORTED);
}
END_TEST

START_TEST(a_request_arrives_as_it_was_sent)
{
	make_ready();
	make_read(4096);
	ck_assert_int_eq(receive(4096), VSTOR_EXECUTE);
	ck_assert_uint_eq(request.lun, 5);
	ck_assert_uint_eq(request.cdb[0], 0x28);
	ck_assert_uint_eq(request.cdb_length, 10);
	ck_assert_int_eq(request.direction, STORVSC_DATA_IN);
	ck_assert_uint_eq(request.transfer_bytes, 4096);
}
END_TEST

START_TEST(a_request_beyond_its_bounds_is_invalid)
{
	make_ready();
	make_read(4096);
	switch (_i) {
	case 0:
		packet.body.srb.cdb_length = 17;
		break;
	case 1:
		packet.body.srb.cdb_length = 0;
		break;
	case 2:
		packet.body.srb.data_in = 3;
		break;
	case 3:
		packet.body.srb.data_transfer_length = 4097; /* more than its pages */
		break;
	default:
		packet.body.srb.data_transfer_length = 0xffffffff;
		break;
	}
	ck_assert_int_eq(receive(4096), VSTOR_ANSWER);
	ck_assert_uint_eq(answer.body.srb.srb_status, STORVSC_SRB_INVALID_REQUEST);
	ck_assert_uint_eq(answer.body.srb.data_transfer_length, 0);
}
END_TEST

START_TEST(a_transfer_above_the_announced_limit_is_invalid)
{
	make_ready();
	make_read(MAX_TRANSFER + 1);
	ck_assert_int_eq(receive(UINT64_MAX), VSTOR_ANSWER);
	ck_assert_uint_eq(answer.body.srb.srb_status, STORVSC_SRB_INVALID_REQUEST);
}
END_TEST

START_TEST(a_request_without_data_has_no_length)
{
	make_ready();
	make_read(4096);
	packet.body.srb.data_in = STORVSC_DATA_NONE;
	ck_assert_int_eq(receive(0), VSTOR_EXECUTE);
	ck_assert_uint_eq(request.transfer_bytes, 0);
}
END_TEST

START_TEST(a_result_comes_back_with_its_sense_data)
{
	const struct vstor_result sent = {
		.srb_status = STORVSC_SRB_ERROR,
		.scsi_status = 2,
		.sense_length = 18,
		.sense = { 0x70, 0, 5 },
	};
	struct vstor_result received;

	make_read(4096);
	vstor_complete(&packet, &sent, &answer);
	ck_assert_uint_eq(answer.body.srb.srb_status,
	                  STORVSC_SRB_ERROR | STORVSC_SRB_AUTOSENSE_VALID);
	ck_assert(vstor_result_read(&answer, &received));
	ck_assert_mem_eq(&received, &sent, sizeof(sent));
}
END_TEST

START_TEST(sense_data_is_cut_to_its_field)
{
	struct vstor_result result = { .srb_status = STORVSC_SRB_ERROR,
		                       .sense_length = 255 };

	make_read(4096);
	vstor_complete(&packet, &result, &answer);
	ck_assert_uint_eq(answer.body.srb.sense_length, STORVSC_SENSE_BYTES);
	answer.body.srb.sense_length = 21;
	ck_assert(!vstor_result_read(&answer, &result));
}
END_TEST

START_TEST(a_reset_names_its_path)
{
	make_ready();
	vstor_command(STORVSC_RESET_BUS, &packet);
	packet.body.srb.path = 3;
	ck_assert_int_eq(receive(0), VSTOR_RESET);
	ck_assert_uint_eq(request.path, 3);
	ck_assert(vstor_succeeded(&answer));
}
END_TEST

START_TEST(sub_channels_are_granted_up_to_the_limit)
{
	vstor_create_sub_channels(3, &packet);
	ck_assert_int_eq(receive(0), VSTOR_ANSWER);
	ck_assert(!vstor_succeeded(&answer));
	make_ready();
	vstor_create_sub_channels(4, &packet);
	ck_assert_int_eq(receive(0), VSTOR_ANSWER);
	ck_assert_uint_eq(answer.status, NTSTATUS_INVALID_PARAMETER);
	vstor_create_sub_channels(3, &packet);
	ck_assert_int_eq(receive(0), VSTOR_SUB_CHANNELS);
	ck_assert_uint_eq(request.sub_channels, 3);
	ck_assert(vstor_succeeded(&answer));
}
END_TEST

START_TEST(a_short_packet_is_not_read)
{
	uint8_t bytes[64] = { 0 };

	ck_assert(!vstor_packet_read(&packet, bytes, 63));
	ck_assert(vstor_packet_read(&packet, bytes, 64));
}
END_TEST

static Suite *scsi_codec_suite(void)
{
	Suite *suite = suite_create("scsi_codec");
	TCase *tc = tcase_create("scsi_codec");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, initialisation_goes_the_way_linux_goes_it);
	tcase_add_test(tc, steps_out_of_turn_are_refused);
	tcase_add_test(tc, begin_starts_over);
	tcase_add_loop_test(tc, an_unknown_operation_is_refused, 0, 8);
	tcase_add_test(tc, a_request_arrives_as_it_was_sent);
	tcase_add_loop_test(tc, a_request_beyond_its_bounds_is_invalid, 0, 5);
	tcase_add_test(tc, a_transfer_above_the_announced_limit_is_invalid);
	tcase_add_test(tc, a_request_without_data_has_no_length);
	tcase_add_test(tc, a_result_comes_back_with_its_sense_data);
	tcase_add_test(tc, sense_data_is_cut_to_its_field);
	tcase_add_test(tc, a_reset_names_its_path);
	tcase_add_test(tc, sub_channels_are_granted_up_to_the_limit);
	tcase_add_test(tc, a_short_packet_is_not_read);
	suite_add_tcase(suite, tc);
	return suite;
}

UNIT_MAIN(scsi_codec_suite)
