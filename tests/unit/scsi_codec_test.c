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

/* The packet as it came, but for operation, flags and status. */
static void assert_echo(uint32_t status)
{
	struct storvsc_packet expected = packet;

	expected.operation = STORVSC_COMPLETE_IO;
	expected.flags = 0;
	expected.status = status;
	ck_assert_mem_eq(&answer, &expected, sizeof(expected));
}

START_TEST(every_version_we_speak_is_taken_and_echoed)
{
	static const uint16_t versions[] = { 0x0602, 0x0600, 0x0501 };

	ck_assert_uint_eq(command(STORVSC_BEGIN_INITIALIZATION), NTSTATUS_SUCCESS);
	assert_echo(NTSTATUS_SUCCESS);
	ck_assert_uint_eq(query(0x0601), NTSTATUS_REVISION_MISMATCH);
	assert_echo(NTSTATUS_REVISION_MISMATCH);
	ck_assert_int_eq(server.state, VSTOR_BEGUN);
	ck_assert_uint_eq(query(versions[_i]), NTSTATUS_SUCCESS);
	assert_echo(NTSTATUS_SUCCESS);
	ck_assert_uint_eq(server.version, versions[_i]);
	ck_assert_int_eq(server.state, VSTOR_VERSIONED);
	ck_assert_uint_eq(command(STORVSC_END_INITIALIZATION), NTSTATUS_SUCCESS);
	assert_echo(NTSTATUS_SUCCESS);
}
END_TEST

START_TEST(each_step_has_its_state)
{
	static const struct {
		enum vstor_server_state state;
		bool query, properties, end, sub_channels, execute;
	} cases[] = {
		{ VSTOR_IDLE, false, false, false, false, false },
		{ VSTOR_BEGUN, true, false, false, false, false },
		{ VSTOR_VERSIONED, false, true, true, false, false },
		{ VSTOR_READY, false, true, false, true, true },
	};

	server.state = cases[_i].state;
	ck_assert_int_eq(query(STORVSC_VERSION_6_2) == NTSTATUS_SUCCESS, cases[_i].query);
	if (!cases[_i].query)
		assert_echo(NTSTATUS_INVALID_DEVICE_STATE);
	server.state = cases[_i].state;
	ck_assert_int_eq(command(STORVSC_QUERY_PROPERTIES) == NTSTATUS_SUCCESS,
	                 cases[_i].properties);
	if (!cases[_i].properties)
		assert_echo(NTSTATUS_INVALID_DEVICE_STATE);
	ck_assert_int_eq(command(STORVSC_END_INITIALIZATION) == NTSTATUS_SUCCESS,
	                 cases[_i].end);
	if (!cases[_i].end)
		assert_echo(NTSTATUS_INVALID_DEVICE_STATE);
	server.state = cases[_i].state;
	vstor_create_sub_channels(1, &packet);
	ck_assert_int_eq(receive(0),
	                 cases[_i].sub_channels ? VSTOR_SUB_CHANNELS : VSTOR_ANSWER);
	if (!cases[_i].sub_channels)
		assert_echo(NTSTATUS_INVALID_DEVICE_STATE);
	make_read(512);
	ck_assert_int_eq(receive(512), cases[_i].execute ? VSTOR_EXECUTE : VSTOR_ANSWER);
	if (!cases[_i].execute)
		assert_echo(NTSTATUS_INVALID_DEVICE_STATE);
}
END_TEST

START_TEST(properties_say_no_more_than_they_should)
{
	struct storvsc_packet expected = { .operation = STORVSC_COMPLETE_IO };

	vstor_server_init(&server, _i == 0 ? 0 : 3, MAX_TRANSFER);
	ck_assert_int_eq(server.state, VSTOR_IDLE);
	make_ready();
	vstor_command(STORVSC_QUERY_PROPERTIES, &packet);
	memset(&packet.body, 0xff, sizeof(packet.body));
	ck_assert_int_eq(receive(0), VSTOR_ANSWER);
	expected.body.properties.max_transfer_bytes = MAX_TRANSFER;
	expected.body.properties.sub_channels_max = _i == 0 ? 0 : 3;
	expected.body.properties.flags = _i == 0 ? 0 : 1;
	ck_assert_mem_eq(&answer, &expected, sizeof(expected));
}
END_TEST

START_TEST(sub_channels_are_some_and_not_too_many)
{
	static const struct {
		uint16_t count;
		bool good;
	} cases[] = { { 0, false }, { 1, true }, { 3, true }, { 4, false } };

	make_ready();
	vstor_create_sub_channels(cases[_i].count, &packet);
	ck_assert_int_eq(receive(0), cases[_i].good ? VSTOR_SUB_CHANNELS : VSTOR_ANSWER);
	assert_echo(cases[_i].good ? NTSTATUS_SUCCESS : NTSTATUS_INVALID_PARAMETER);
	ck_assert_uint_eq(request.sub_channels, cases[_i].good ? cases[_i].count : 0);
}
END_TEST

START_TEST(every_reset_names_its_device)
{
	static const enum storvsc_operation resets[] = { STORVSC_RESET_LUN,
		                                         STORVSC_RESET_ADAPTER,
		                                         STORVSC_RESET_BUS };

	vstor_command(resets[_i], &packet);
	packet.body.srb.path = 1;
	packet.body.srb.target = 2;
	packet.body.srb.lun = 3;
	ck_assert_int_eq(receive(0), VSTOR_RESET);
	ck_assert_uint_eq(request.path, 1);
	ck_assert_uint_eq(request.target, 2);
	ck_assert_uint_eq(request.lun, 3);
	assert_echo(NTSTATUS_SUCCESS);
}
END_TEST

START_TEST(a_request_at_its_bounds_is_taken)
{
	static const struct {
		uint8_t cdb_length, data_in;
		uint32_t transfer;
		uint64_t buffer;
		bool good;
	} cases[] = {
		{ 1, 1, 512, 512, true },
		{ 16, 0, 512, 512, true },
		{ 16, 0, 513, 512, false },
		{ 16, 2, 513, 512, true },
		{ 17, 1, 512, 512, false },
		{ 0, 1, 512, 512, false },
		{ 16, 3, 512, 512, false },
		{ 16, 1, MAX_TRANSFER, UINT64_MAX, true },
		{ 16, 1, MAX_TRANSFER + 1, UINT64_MAX, false },
		{ 16, 1, MAX_TRANSFER, MAX_TRANSFER - 1, false },
	};
	struct storvsc_srb *srb = &packet.body.srb;

	make_ready();
	make_read(512);
	srb->path = 1;
	srb->target = 2;
	srb->lun = 3;
	srb->cdb_length = cases[_i].cdb_length;
	srb->data_in = cases[_i].data_in;
	srb->data_transfer_length = cases[_i].transfer;
	srb->timeout_seconds = 77;
	srb->area[0] = 0x88;
	srb->area[15] = 0x99;
	ck_assert_int_eq(receive(cases[_i].buffer),
	                 cases[_i].good ? VSTOR_EXECUTE : VSTOR_ANSWER);
	if (!cases[_i].good) {
		ck_assert_uint_eq(answer.body.srb.srb_status,
		                  STORVSC_SRB_INVALID_REQUEST);
		ck_assert_uint_eq(answer.body.srb.sense_length, 0);
		return;
	}
	ck_assert_uint_eq(request.path, 1);
	ck_assert_uint_eq(request.target, 2);
	ck_assert_uint_eq(request.lun, 3);
	ck_assert_uint_eq(request.cdb_length, cases[_i].cdb_length);
	ck_assert_uint_eq(request.cdb[0], 0x88);
	ck_assert_uint_eq(request.cdb[15], cases[_i].cdb_length == 16 ? 0x99 : 0);
	ck_assert_int_eq(request.direction, cases[_i].data_in);
	ck_assert_uint_eq(request.transfer_bytes,
	                  cases[_i].data_in == 2 ? 0 : cases[_i].transfer);
	ck_assert_uint_eq(request.timeout_seconds, 77);
}
END_TEST

START_TEST(what_the_client_sends_is_whole)
{
	static const uint32_t flags[] = { 0x8a, 0x4a, 0x0a };
	struct vstor_request from = {
		.path = 1,
		.target = 2,
		.lun = 3,
		.cdb_length = 16,
		.cdb = { 0x8a, [15] = 9 },
		.direction = (enum storvsc_data_direction)_i,
		.transfer_bytes = 4096,
		.timeout_seconds = 5,
	};
	struct storvsc_packet expected = {
		.operation = STORVSC_EXECUTE_SRB,
		.flags = 1,
		.body.srb = {
			.length = 52,
			.path = 1,
			.target = 2,
			.lun = 3,
			.cdb_length = 16,
			.sense_length = 20,
			.data_in = (uint8_t)_i,
			.data_transfer_length = 4096,
			.area = { 0x8a, [15] = 9 },
			.queue_action = 0x20,
			.srb_flags = flags[_i],
			.timeout_seconds = 5,
		},
	};

	memset(&packet, 0xff, sizeof(packet));
	vstor_execute(&from, &packet);
	ck_assert_mem_eq(&packet, &expected, sizeof(expected));
	from.timeout_seconds = 0;
	vstor_execute(&from, &packet);
	ck_assert_uint_eq(packet.body.srb.timeout_seconds, 60);
	expected = (struct storvsc_packet){ .operation = 9, .flags = 1 };
	expected.body.version.version = 0x0602;
	vstor_query_version(0x0602, &packet);
	ck_assert_mem_eq(&packet, &expected, sizeof(expected));
	expected = (struct storvsc_packet){ .operation = 13, .flags = 1 };
	expected.body.sub_channel_count = 7;
	vstor_create_sub_channels(7, &packet);
	ck_assert_mem_eq(&packet, &expected, sizeof(expected));
	expected = (struct storvsc_packet){ .operation = 11 };
	vstor_notify(STORVSC_ENUMERATE_BUS, &packet);
	ck_assert_mem_eq(&packet, &expected, sizeof(expected));
}
END_TEST

START_TEST(a_completion_is_the_request_with_its_outcome)
{
	static const uint8_t lengths[] = { 0, 1, 19, 20, 21 };
	uint8_t length = lengths[_i], kept = length < 20 ? length : 20;
	struct vstor_result result = {
		.srb_status = STORVSC_SRB_SUCCESS,
		.scsi_status = 8,
		.sense_length = length,
		.transferred_bytes = 1234,
	};
	struct storvsc_packet expected;

	memset(result.sense, 0x77, sizeof(result.sense));
	make_read(4096);
	expected = packet;
	expected.operation = STORVSC_COMPLETE_IO;
	expected.flags = 0;
	expected.body.srb.srb_status = length == 0 ? 0x01 : 0x81;
	expected.body.srb.scsi_status = 8;
	expected.body.srb.data_transfer_length = 1234;
	expected.body.srb.sense_length = kept;
	memset(expected.body.srb.area, 0, 20);
	memset(expected.body.srb.area, 0x77, kept);
	vstor_complete(&packet, &result, &answer);
	ck_assert_mem_eq(&answer, &expected, sizeof(expected));
}
END_TEST

START_TEST(an_outcome_is_read_from_an_answer_only)
{
	struct vstor_result result;

	make_read(4096);
	vstor_complete(&packet,
	               &(struct vstor_result){ .srb_status = STORVSC_SRB_ERROR,
	                                       .scsi_status = 2,
	                                       .sense_length = 20,
	                                       .transferred_bytes = 5 },
	               &answer);
	ck_assert(vstor_result_read(&answer, &result));
	ck_assert_uint_eq(result.sense_length, 20);
	ck_assert_uint_eq(result.transferred_bytes, 5);
	ck_assert_uint_eq(result.scsi_status, 2);
	answer.body.srb.sense_length = 21;
	ck_assert(!vstor_result_read(&answer, &result));
	answer.body.srb.srb_status = STORVSC_SRB_ERROR; /* no sense data, so no matter */
	ck_assert(vstor_result_read(&answer, &result));
	ck_assert_uint_eq(result.srb_status, STORVSC_SRB_ERROR);
	ck_assert_uint_eq(result.sense_length, 0);
	answer.status = NTSTATUS_NOT_SUPPORTED;
	ck_assert(!vstor_succeeded(&answer));
	ck_assert(!vstor_result_read(&answer, &result));
	answer.status = NTSTATUS_SUCCESS;
	answer.operation = STORVSC_EXECUTE_SRB;
	ck_assert(!vstor_succeeded(&answer));
	ck_assert(!vstor_result_read(&answer, &result));
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
	tcase_add_loop_test(tc, every_version_we_speak_is_taken_and_echoed, 0, 3);
	tcase_add_loop_test(tc, each_step_has_its_state, 0, 4);
	tcase_add_loop_test(tc, properties_say_no_more_than_they_should, 0, 2);
	tcase_add_loop_test(tc, sub_channels_are_some_and_not_too_many, 0, 4);
	tcase_add_loop_test(tc, every_reset_names_its_device, 0, 3);
	tcase_add_loop_test(tc, a_request_at_its_bounds_is_taken, 0, 10);
	tcase_add_loop_test(tc, what_the_client_sends_is_whole, 0, 3);
	tcase_add_loop_test(tc, a_completion_is_the_request_with_its_outcome, 0, 5);
	tcase_add_test(tc, an_outcome_is_read_from_an_answer_only);
	suite_add_tcase(suite, tc);
	return suite;
}

UNIT_MAIN(scsi_codec_suite)
