/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The server's offers, its answers to a contact, and what it makes of senseless messages, whole. How
 * a connection goes is vmbus_server_test's. S1..S6: vmbus/core/server.h
 */
#include <viridis/base/bits.h>
#include "tests/unit/unit.h"
#include "tests/unit/vmbus_talk.h"

/* ---- Its owner ---- */

START_TEST(a_server_needs_channels_vps_and_a_queue)
{
	static struct server_channel channels[VMBUS_RELID_MAX];
	struct server_config config = owner.server.config;
	struct server other;

	config.channels = channels;
	config.channel_capacity = VMBUS_RELID_MAX;
	config.queue_capacity = SERVER_QUEUE_CAPACITY(VMBUS_RELID_MAX, OWNER_GPADLS);
	memset(channels, 0xff, sizeof(channels));
	ck_assert_int_eq(server_init(&other, &config), SERVER_OK);
	ck_assert_ptr_null(server_channel(&other, VMBUS_RELID_MAX));
	config.queue_capacity--;
	ck_assert_int_eq(server_init(&other, &config), SERVER_INVALID);
	config.queue_capacity += 2;
	config.channel_capacity++;
	ck_assert_int_eq(server_init(&other, &config), SERVER_INVALID);
	config.channel_capacity = 0;
	ck_assert_int_eq(server_init(&other, &config), SERVER_INVALID);
	config.channel_capacity = 1;
	ck_assert_int_eq(server_init(&other, &config), SERVER_OK);
	config.vp_count = 0;
	ck_assert_int_eq(server_init(&other, &config), SERVER_INVALID);
}
END_TEST

START_TEST(devices_differ_by_type_instance_or_number)
{
	struct server_offer offer = { .type = VMBUS_TYPE_SCSI, .connection_id = 1 };
	uint32_t relid;

	ck_assert_int_eq(server_offer(server, &offer, &relid), SERVER_OK);
	ck_assert_uint_eq(relid, 1);
	ck_assert_int_eq(server_offer(server, &offer, &relid), SERVER_INVALID);
	offer.type.bytes[15] ^= 1;
	ck_assert_int_eq(server_offer(server, &offer, &relid), SERVER_OK);
	offer.instance.bytes[15] = 1;
	ck_assert_int_eq(server_offer(server, &offer, &relid), SERVER_OK);
	offer.sub_channel_index = 1;
	ck_assert_int_eq(server_offer(server, &offer, &relid), SERVER_OK);
	ck_assert_uint_eq(relid, 4);
	ck_assert_int_eq(server_offer(server, &offer, &relid), SERVER_INVALID);
	offer.sub_channel_index = 2;
	ck_assert_int_eq(server_offer(server, &offer, &relid), SERVER_FULL);
}
END_TEST

START_TEST(a_device_has_the_relid_that_it_is_to_have_or_none)
{
	struct server_offer offer = { .type = VMBUS_TYPE_SCSI,
		                      .connection_id = 1,
		                      .relid = 3 };
	uint32_t relid;

	ck_assert_int_eq(server_offer(server, &offer, &relid), SERVER_OK);
	ck_assert_uint_eq(relid, 3);
	offer.instance.bytes[0] = 1;
	ck_assert_int_eq(server_offer(server, &offer, &relid), SERVER_INVALID);
	offer.relid = 5; /* there are four */
	ck_assert_int_eq(server_offer(server, &offer, &relid), SERVER_INVALID);
	offer.relid = 0;
	ck_assert_int_eq(server_offer(server, &offer, &relid), SERVER_OK);
	ck_assert_uint_eq(relid, 1);
}
END_TEST

START_TEST(a_connection_id_has_24_bits_and_is_not_0)
{
	static const uint32_t ids[] = { 0, 1, 0xffffff, 0x1000000 };
	const struct server_offer offer = { .connection_id = ids[_i] };
	uint32_t relid;

	ck_assert_int_eq(server_offer(server, &offer, &relid),
	                 _i == 1 || _i == 2 ? SERVER_OK : SERVER_INVALID);
}
END_TEST

START_TEST(an_offer_goes_out_whole)
{
	struct server_offer offer = {
		.type = VMBUS_TYPE_NET,
		.instance.bytes = { 7, 8, 9 },
		.connection_id = 0x10203,
		.flags = 0x2011,
		.mmio_megabytes = 300,
		.sub_channel_index = 2,
		.user_data = { 5, 6, [119] = 7 },
	};
	struct vmbus_offer_channel expected = {
		.header.type = VMBUS_OFFER_CHANNEL,
		.type = offer.type,
		.instance = offer.instance,
		.flags = 0x2011,
		.mmio_megabytes = 300,
		.user_data = { 5, 6, [119] = 7 },
		.sub_channel_index = 2,
		.relid = 2,
		.is_dedicated = 1,
		.connection_id = 0x10203,
	};
	uint32_t relid;

	connect_to_offers(1);
	ck_assert_int_eq(server_offer(server, &offer, &relid), SERVER_OK);
	ck_assert(server_next_message(server, &out));
	ck_assert_uint_eq(out.bytes, sizeof(expected));
	ck_assert_uint_eq(out.target_vp, 1);
	ck_assert_mem_eq(out.payload, &expected, sizeof(expected));
}
END_TEST

START_TEST(a_rescind_names_its_relid)
{
	connect_to_offers(2);
	ck_assert_int_eq(server_rescind(server, 2), SERVER_OK);
	assert_answer(3, VMBUS_RESCIND_OFFER, 2, 0, 0);
	ck_assert_int_eq(server_rescind(server, 2), SERVER_INVALID);
	ck_assert_int_eq(server_rescind(server, 0), SERVER_INVALID);
	ck_assert_int_eq(server_rescind(server, 3), SERVER_INVALID);
	ck_assert_int_eq(server_rescind(server, OWNER_CHANNELS + 1), SERVER_INVALID);
	ck_assert_int_eq(say(VMBUS_RELID_RELEASED, 2, 0, 3), SERVER_OK);
	ck_assert_uint_eq(owner.gone, 1);
	ck_assert_uint_eq(owner.relid, 2);
	assert_silence();
}
END_TEST

START_TEST(an_offer_withdrawn_before_it_was_asked_for_is_never_told)
{
	ck_assert_uint_eq(owner_offer(&owner, 1), 1);
	ck_assert_uint_eq(owner_offer(&owner, 2), 2);
	ck_assert_int_eq(server_rescind(server, 1), SERVER_OK);
	ck_assert_uint_eq(owner.gone, 1);
	ck_assert_ptr_null(server_channel(server, 1));
	ck_assert_ptr_nonnull(server_channel(server, 2));
}
END_TEST

/* ---- Contact ---- */

START_TEST(a_contact_s_fields_count_from_their_versions_on)
{
	static const struct {
		uint32_t version, target_vp;
		uint8_t sint, vtl;
		uint64_t page1, page2;
		bool good;
	} cases[] = {
		{ 0x50000, 1, 2, 0, 0, 0, true },
		{ 0x50000, 1, 2, 0, 0x1000, 0x2000, true },
		{ 0x50000, 1, 2, 0, 0x1000, 0, false },
		{ 0x50000, 1, 2, 0, 0, 0x2000, false },
		{ 0x50000, 2, 2, 0, 0, 0, false },
		{ 0x50000, 1, 3, 0, 0, 0, false },
		{ 0x50000, 1, 2, 1, 0, 0, false },
		{ 0x40001, 1, 3, 1, 0, 0, true },
		{ 0x30000, 2, 0, 0, 0, 0, false },
		{ 0x20004, 2, 0, 0, 0, 0, true },
		{ 0x20004, 1, 0, 0, 0x1000, 0, false },
	};
	struct vmbus_initiate_contact message = contact(cases[_i].version);
	uint32_t version = cases[_i].version;

	message.target_vp = cases[_i].target_vp;
	message.sint = cases[_i].sint;
	message.vtl = cases[_i].vtl;
	message.monitor_page1_gpa = cases[_i].page1;
	message.monitor_page2_gpa = cases[_i].page2;
	ck_assert_int_eq(say_contact(&message), SERVER_OK);
	assert_answer(4, VMBUS_VERSION_RESPONSE, cases[_i].good,
	              !cases[_i].good    ? 0 :
	              version >= 0x50000 ? 4 :
	                                   version,
	              0);
	ck_assert_uint_eq(out.target_vp,
	                  version >= 0x30000 && message.target_vp == 1 ? 1 : 0);
	ck_assert_int_eq(server->state,
	                 cases[_i].good ? SERVER_CONNECTED : SERVER_DISCONNECTED);
}
END_TEST

START_TEST(the_owner_may_set_the_newest_version)
{
	static const struct {
		uint32_t newest, version;
		bool good;
	} cases[] = { { 0, 0x50003, true },        { 0x50003, 0x50003, true },
		      { 0x50002, 0x50003, false }, { 0x50002, 0x50002, true },
		      { 0x50002, 0x20004, true },  { 1, 0x20004, false } };
	const struct vmbus_initiate_contact message = contact(cases[_i].version);

	server->config.version_max = cases[_i].newest;
	ck_assert_int_eq(say_contact(&message), SERVER_OK);
	ck_assert_int_eq(server->state,
	                 cases[_i].good ? SERVER_CONNECTED : SERVER_DISCONNECTED);
}
END_TEST

/* ---- Messages that mean nothing ---- */

START_TEST(a_message_is_as_long_as_its_type_asks)
{
	static const struct {
		uint32_t type, bytes;
	} kinds[] = {
		{ VMBUS_OPEN_CHANNEL, 148 },    { VMBUS_CLOSE_CHANNEL, 12 },
		{ VMBUS_GPADL_HEADER, 28 },     { VMBUS_GPADL_BODY, 16 },
		{ VMBUS_GPADL_TEARDOWN, 16 },   { VMBUS_RELID_RELEASED, 12 },
		{ VMBUS_INITIATE_CONTACT, 40 }, { VMBUS_MODIFY_CHANNEL, 16 },
	};
	uint32_t message[VMBUS_MESSAGE_BYTES_MAX / 4 + 1] = { kinds[_i].type };

	connect();
	for (uint32_t bytes = 0; bytes < 8; bytes++)
		assert_ignored(server_receive(server, message, bytes), 0,
		               "message of an impossible size");
	for (uint32_t bytes = 8; bytes < kinds[_i].bytes; bytes++)
		assert_ignored(server_receive(server, message, bytes), 0,
		               "message too short for its type");
	assert_ignored(server_receive(server, message, 241), 0,
	               "message of an impossible size");
	owner.line = "";
	ck_assert_int_ne(server_receive(server, message, 240), SERVER_INVALID);
	ck_assert_int_ne(server_receive(server, message, kinds[_i].bytes),
	                 SERVER_INVALID);
	ck_assert_str_ne(owner.line, "message of an impossible size");
	ck_assert_str_ne(owner.line, "message too short for its type");
}
END_TEST

START_TEST(what_makes_no_sense_is_logged_with_its_reason)
{
	const struct vmbus_initiate_contact old = contact(VMBUS_VERSION_4_0);

	connect_to_offers(2);
	for (uint32_t type = 0; type < 40; type++) {
		const uint32_t known =
			1u << VMBUS_REQUEST_OFFERS | 1u << VMBUS_UNLOAD |
			1u << VMBUS_OPEN_CHANNEL | 1u << VMBUS_CLOSE_CHANNEL |
			1u << VMBUS_GPADL_HEADER | 1u << VMBUS_GPADL_BODY |
			1u << VMBUS_GPADL_TEARDOWN | 1u << VMBUS_RELID_RELEASED |
			1u << VMBUS_INITIATE_CONTACT | 1u << VMBUS_MODIFY_CHANNEL;

		if (type >= 32 || !(known & 1u << type))
			assert_ignored(say(type, 0, 0, 4), 0,
			               "message of an unknown type");
	}
	assert_ignored(say(VMBUS_RELID_RELEASED, 3, 0, 3), 3,
	               "release of a relid that is not offered");
	assert_ignored(say(VMBUS_GPADL_BODY, 1, 7, 4), 0,
	               "GPADL body that belongs to nothing");
	assert_ignored(say(VMBUS_GPADL_TEARDOWN, 2, 7, 4), 2,
	               "teardown of an unknown GPADL");
	assert_ignored(say(VMBUS_CLOSE_CHANNEL, 2, 0, 3), 2, "close of a closed channel");
	assert_ignored(say(VMBUS_CLOSE_CHANNEL, 3, 0, 3), 3, "close of a closed channel");
	open_channel(2, 7);
	assert_ignored(say(VMBUS_RELID_RELEASED, 2, 0, 3), 2,
	               "release of a relid in use");
	assert_ignored(say_open(2, 7, 4, 1), 2, "open of an open channel");
	owner.hold = true;
	ck_assert_int_eq(say(VMBUS_GPADL_TEARDOWN, 2, 7, 4), SERVER_OK);
	assert_ignored(say(VMBUS_GPADL_TEARDOWN, 2, 7, 4), 2,
	               "second teardown of a GPADL");
	owner.hold = false;
	ck_assert_int_eq(say(VMBUS_CLOSE_CHANNEL, 2, 0, 3), SERVER_OK);
	assert_answer(3, VMBUS_GPADL_TORNDOWN, 7, 0, 0);
	ck_assert_int_eq(say_contact(&old), SERVER_OK);
	assert_answer(4, VMBUS_VERSION_RESPONSE, 1, VMBUS_VERSION_4_0, 0);
	assert_ignored(say(VMBUS_MODIFY_CHANNEL, 2, 1, 4), 0,
	               "message of a newer version");
	ck_assert_int_eq(say(VMBUS_UNLOAD, 0, 0, 2), SERVER_OK);
	assert_answer(2, VMBUS_UNLOAD_RESPONSE, 0, 0, 0);
	assert_ignored(say(VMBUS_REQUEST_OFFERS, 0, 0, 2), 0,
	               "message without a connection");
}
END_TEST

static TCase *server_case(void)
{
	TCase *tc = tcase_create("server");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, a_server_needs_channels_vps_and_a_queue);
	tcase_add_test(tc, devices_differ_by_type_instance_or_number);
	tcase_add_test(tc, a_device_has_the_relid_that_it_is_to_have_or_none);
	tcase_add_loop_test(tc, a_connection_id_has_24_bits_and_is_not_0, 0, 4);
	tcase_add_test(tc, an_offer_goes_out_whole);
	tcase_add_test(tc, a_rescind_names_its_relid);
	tcase_add_test(tc, an_offer_withdrawn_before_it_was_asked_for_is_never_told);
	tcase_add_loop_test(tc, a_contact_s_fields_count_from_their_versions_on, 0, 11);
	tcase_add_loop_test(tc, the_owner_may_set_the_newest_version, 0, 6);
	tcase_add_loop_test(tc, a_message_is_as_long_as_its_type_asks, 0, 8);
	tcase_add_test(tc, what_makes_no_sense_is_logged_with_its_reason);
	return tc;
}

static Suite *make_suite(void)
{
	Suite *suite = suite_create("vmbus_answers");

	suite_add_tcase(suite, server_case());
	return suite;
}

UNIT_MAIN(make_suite)
