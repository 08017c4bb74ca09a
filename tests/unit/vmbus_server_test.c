/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The server as a client meets it, message by message. S1..S6: vmbus/core/server.h */
#include <viridis/base/bits.h>
#include "tests/unit/unit.h"
#include "tests/unit/vmbus_owner.h"

static struct owner owner;
static struct server *const server = &owner.server;
static struct server_message out;

static void setup(void)
{
	ck_assert(owner_init(&owner));
}

/* ---- What a client sends ---- */

static enum server_status send_simple(uint32_t type)
{
	const struct vmbus_message_header message = { .type = type };

	return server_receive(server, &message, sizeof(message));
}

static enum server_status send_relid(uint32_t type, uint32_t relid)
{
	const struct vmbus_relid_message message = { .header.type = type,
		                                     .relid = relid };

	return server_receive(server, &message, sizeof(message));
}

static enum server_status send_contact(uint32_t version, uint32_t target_vp)
{
	const struct vmbus_initiate_contact message = {
		.header.type = VMBUS_INITIATE_CONTACT,
		.version = version,
		.target_vp = target_vp,
		.sint = VMBUS_SINT,
		.monitor_page1_gpa = 0x1000,
		.monitor_page2_gpa = 0x2000,
	};

	return server_receive(server, &message, sizeof(message));
}

/* All pages are `pfn`. */
static enum server_status send_gpadl(uint32_t relid, uint32_t id, uint32_t pages,
                                     uint64_t pfn)
{
	struct vmbus_gpadl_header head = {
		.header.type = VMBUS_GPADL_HEADER,
		.relid = relid,
		.gpadl = id,
		.range_buffer_bytes = (uint16_t)(8 + 8 * pages),
		.range_count = 1,
		.range_bytes = pages * VMBUS_PAGE_BYTES,
	};
	uint8_t message[VMBUS_MESSAGE_BYTES_MAX];
	uint32_t bytes = sizeof(head);

	memcpy(message, &head, sizeof(head));
	for (uint32_t i = 0; i < pages && i < VMBUS_GPADL_HEADER_PFNS; i++, bytes += 8)
		memcpy(message + bytes, &pfn, sizeof(pfn));
	return server_receive(server, message, bytes);
}

static enum server_status send_teardown(uint32_t relid, uint32_t id)
{
	const struct vmbus_gpadl_teardown message = {
		.header.type = VMBUS_GPADL_TEARDOWN,
		.relid = relid,
		.gpadl = id,
	};

	return server_receive(server, &message, sizeof(message));
}

static enum server_status send_open(uint32_t relid, uint32_t gpadl, uint32_t downstream)
{
	const struct vmbus_open_channel message = {
		.header.type = VMBUS_OPEN_CHANNEL,
		.relid = relid,
		.open_id = relid,
		.gpadl = gpadl,
		.downstream_pages = downstream,
	};

	return server_receive(server, &message, sizeof(message));
}

static enum server_status send_modify(uint32_t relid, uint32_t target_vp)
{
	const struct vmbus_modify_channel message = {
		.header.type = VMBUS_MODIFY_CHANNEL,
		.relid = relid,
		.target_vp = target_vp,
	};

	return server_receive(server, &message, sizeof(message));
}

/* ---- What it hears ---- */

/* The next message's type, 0 for none; the message is in `out`. */
static uint32_t next(void)
{
	struct vmbus_message_header header;

	if (!server_next_message(server, &out))
		return 0;
	server_message_done(server);
	memcpy(&header, out.payload, sizeof(header));
	return header.type;
}

/* A status word lies at 16 in OPEN_RESULT and GPADL_CREATED, at 12 in MODIFY. */
static uint32_t status_at(uint32_t offset)
{
	uint32_t status;

	memcpy(&status, out.payload + offset, sizeof(status));
	return status;
}

static void connect(uint32_t version)
{
	struct vmbus_version_response response;

	ck_assert_int_eq(send_contact(version, 1), SERVER_OK);
	ck_assert_uint_eq(next(), VMBUS_VERSION_RESPONSE);
	memcpy(&response, out.payload, sizeof(response));
	ck_assert_uint_eq(response.supported, 1);
}

/* Connected, one offer made. */
static uint32_t connect_to_offer(void)
{
	uint32_t relid = owner_offer(&owner, 1);

	connect(VMBUS_VERSION_5_3);
	ck_assert_int_eq(send_simple(VMBUS_REQUEST_OFFERS), SERVER_OK);
	ck_assert_uint_eq(next(), VMBUS_OFFER_CHANNEL);
	ck_assert_uint_eq(next(), VMBUS_ALL_OFFERS_DELIVERED);
	ck_assert_uint_eq(next(), 0);
	return relid;
}

/* And its channel opened on GPADL 7. */
static uint32_t open_channel(void)
{
	uint32_t relid = connect_to_offer();

	ck_assert_int_eq(send_gpadl(relid, 7, 10, 5), SERVER_OK);
	ck_assert_uint_eq(next(), VMBUS_GPADL_CREATED);
	ck_assert_uint_eq(status_at(16), VMBUS_STATUS_OK);
	ck_assert_int_eq(send_open(relid, 7, 4), SERVER_OK);
	ck_assert_uint_eq(next(), VMBUS_OPEN_RESULT);
	ck_assert_uint_eq(status_at(16), VMBUS_STATUS_OK);
	return relid;
}

/* ---- Contact ---- */

START_TEST(every_version_we_speak_is_accepted)
{
	static const uint32_t versions[] = {
		VMBUS_VERSION_2_4, VMBUS_VERSION_3_0, VMBUS_VERSION_4_0,
		VMBUS_VERSION_4_1, VMBUS_VERSION_5_0, VMBUS_VERSION_5_1,
		VMBUS_VERSION_5_2, VMBUS_VERSION_5_3,
	};
	struct vmbus_version_response response;

	connect(versions[_i]);
	memcpy(&response, out.payload, sizeof(response));
	ck_assert_uint_eq(out.bytes, 16);
	ck_assert_uint_eq(response.message_connection,
	                  versions[_i] >= VMBUS_VERSION_5_0 ? 4 : versions[_i]);
	ck_assert_uint_eq(out.target_vp, versions[_i] >= VMBUS_VERSION_3_0 ? 1 : 0);
	ck_assert_uint_eq(server->version, versions[_i]);
}
END_TEST

START_TEST(other_versions_are_refused_and_the_client_may_try_again)
{
	static const uint32_t versions[] = {
		VMBUS_VERSION_6_0,    VMBUS_VERSION(6, 1), VMBUS_VERSION(1, 1),
		VMBUS_VERSION(0, 13), VMBUS_VERSION(5, 4), 0,
		0xffffffff,
	};

	ck_assert_int_eq(send_contact(versions[_i], 0), SERVER_OK);
	ck_assert_uint_eq(next(), VMBUS_VERSION_RESPONSE);
	ck_assert_uint_eq(out.payload[8], 0);
	ck_assert_int_eq(server->state, SERVER_DISCONNECTED);
	connect(VMBUS_VERSION_5_3);
}
END_TEST

START_TEST(a_contact_that_asks_for_what_is_not_there_is_refused)
{
	struct vmbus_initiate_contact message = {
		.header.type = VMBUS_INITIATE_CONTACT,
		.version = VMBUS_VERSION_5_3,
		.sint = VMBUS_SINT,
	};

	switch (_i) {
	case 0:
		message.target_vp = OWNER_VPS;
		break;
	case 1:
		message.vtl = 1;
		break;
	case 2:
		message.sint = 3;
		break;
	default:
		message.monitor_page1_gpa = 0x1000; /* half a pair */
		break;
	}
	ck_assert_int_eq(server_receive(server, &message, sizeof(message)), SERVER_OK);
	ck_assert_uint_eq(next(), VMBUS_VERSION_RESPONSE);
	ck_assert_uint_eq(out.payload[8], 0);
	ck_assert_uint_eq(out.target_vp, 0);
}
END_TEST

START_TEST(nothing_but_a_contact_is_heard_before_the_contact)
{
	for (uint32_t type = 0; type < 40; type++) {
		uint8_t message[VMBUS_MESSAGE_BYTES_MAX] = { (uint8_t)type };

		if (type == VMBUS_INITIATE_CONTACT || type == VMBUS_UNLOAD)
			continue;
		ck_assert_int_eq(server_receive(server, message, sizeof(message)),
		                 SERVER_IGNORED);
		ck_assert_uint_eq(next(), 0);
	}
}
END_TEST

START_TEST(cut_messages_are_ignored)
{
	uint8_t message[VMBUS_MESSAGE_BYTES_MAX + 1] = { 0 };

	(void)open_channel();
	for (uint8_t type = 5; type < 25; type++) {
		message[0] = type;
		for (uint32_t bytes = 0; bytes < 8; bytes++)
			ck_assert_int_eq(server_receive(server, message, bytes),
			                 SERVER_IGNORED);
	}
	message[0] = VMBUS_OPEN_CHANNEL;
	ck_assert_int_eq(server_receive(server, message, 147), SERVER_IGNORED);
	ck_assert_int_eq(server_receive(server, message, 241), SERVER_IGNORED);
	ck_assert_uint_eq(next(), 0);
}
END_TEST

/* ---- Offers ---- */

START_TEST(an_offer_says_what_the_owner_said)
{
	uint32_t relid = owner_offer(&owner, 9);
	static const struct vmbus_guid scsi = VMBUS_TYPE_SCSI;
	struct vmbus_offer_channel offer;

	connect(VMBUS_VERSION_5_3);
	ck_assert_uint_eq(next(), 0);
	ck_assert_int_eq(send_simple(VMBUS_REQUEST_OFFERS), SERVER_OK);
	ck_assert_uint_eq(next(), VMBUS_OFFER_CHANNEL);
	ck_assert_uint_eq(out.bytes, 196);
	memcpy(&offer, out.payload, sizeof(offer));
	ck_assert_mem_eq(&offer.type, &scsi, sizeof(scsi));
	ck_assert_uint_eq(offer.instance.bytes[0], 9);
	ck_assert_uint_eq(offer.relid, relid);
	ck_assert_uint_eq(offer.connection_id, 0x10009);
	ck_assert_uint_eq(offer.is_dedicated, 1);
	ck_assert_uint_eq(offer.monitor_allocated, 0);
}
END_TEST

START_TEST(a_late_offer_comes_at_once)
{
	(void)connect_to_offer();
	ck_assert_uint_ne(owner_offer(&owner, 2), 0);
	ck_assert_uint_eq(next(), VMBUS_OFFER_CHANNEL);
	ck_assert_uint_eq(next(), 0);
}
END_TEST

START_TEST(offers_are_not_repeated_within_a_connection)
{
	(void)connect_to_offer();
	ck_assert_int_eq(send_simple(VMBUS_REQUEST_OFFERS), SERVER_OK);
	ck_assert_uint_eq(next(), VMBUS_ALL_OFFERS_DELIVERED);
	connect(VMBUS_VERSION_4_0);
	ck_assert_int_eq(send_simple(VMBUS_REQUEST_OFFERS), SERVER_OK);
	ck_assert_uint_eq(next(), VMBUS_OFFER_CHANNEL);
}
END_TEST

START_TEST(a_device_is_offered_once_and_slots_are_bounded)
{
	for (uint8_t i = 1; i <= OWNER_CHANNELS; i++)
		ck_assert_uint_ne(owner_offer(&owner, i), 0);
	ck_assert_uint_eq(owner_offer(&owner, 99), 0);
	ck_assert_int_eq(server_rescind(server, 2), SERVER_OK);
	ck_assert_uint_eq(owner_offer(&owner, 1), 0);
	ck_assert_uint_eq(owner_offer(&owner, 99), 2);
}
END_TEST

/* ---- GPADLs ---- */

START_TEST(pages_that_are_not_the_partition_s_are_refused)
{
	uint32_t relid = connect_to_offer();

	ck_assert_int_eq(send_gpadl(relid, 7, 4, OWNER_RAM_PFNS), SERVER_OK);
	ck_assert_uint_eq(next(), VMBUS_GPADL_CREATED);
	ck_assert_uint_eq(status_at(16), VMBUS_STATUS_FAILURE);
	ck_assert(gpadl_table_empty(&server->gpadls));
	ck_assert_uint_eq(owner.releases, 0);
}
END_TEST

START_TEST(a_gpadl_of_a_channel_not_offered_is_refused)
{
	static const uint32_t relids[] = { 0, 2, OWNER_CHANNELS + 1, 0xffffffff };

	(void)connect_to_offer();
	ck_assert_int_eq(send_gpadl(relids[_i], 7, 4, 5), SERVER_OK);
	ck_assert_uint_eq(next(), VMBUS_GPADL_CREATED);
	ck_assert_uint_eq(status_at(16), VMBUS_STATUS_FAILURE);
	ck_assert_uint_eq(owner.accepts, 0);
}
END_TEST

START_TEST(too_many_gpadls_are_low_resources)
{
	uint32_t relid = connect_to_offer();

	for (uint32_t id = 0; id < OWNER_GPADLS; id++) {
		ck_assert_int_eq(send_gpadl(relid, id, 4, 5), SERVER_OK);
		ck_assert_uint_eq(next(), VMBUS_GPADL_CREATED);
		ck_assert_uint_eq(status_at(16), VMBUS_STATUS_OK);
	}
	ck_assert_int_eq(send_gpadl(relid, 99, 4, 5), SERVER_OK);
	ck_assert_uint_eq(next(), VMBUS_GPADL_CREATED);
	ck_assert_uint_eq(status_at(16), VMBUS_STATUS_LOW_RESOURCES);
}
END_TEST

START_TEST(a_teardown_is_answered_when_the_provider_let_go)
{
	uint32_t relid = connect_to_offer();

	ck_assert_int_eq(send_gpadl(relid, 7, 4, 5), SERVER_OK);
	ck_assert_uint_eq(next(), VMBUS_GPADL_CREATED);
	owner.hold = true;
	ck_assert_int_eq(send_teardown(relid, 7), SERVER_OK);
	ck_assert_uint_eq(owner.releases, 1);
	ck_assert_uint_eq(next(), 0); /* S1 */
	ck_assert_int_eq(send_teardown(relid, 7), SERVER_IGNORED);
	server_release_complete(server, relid, 7);
	ck_assert_uint_eq(next(), VMBUS_GPADL_TORNDOWN);
	ck_assert_uint_eq(next(), 0); /* S4 */
	ck_assert_int_eq(send_teardown(relid, 7), SERVER_IGNORED);
}
END_TEST

START_TEST(the_rings_stay_lent_until_the_close)
{
	uint32_t relid = open_channel();

	owner.hold = true;
	ck_assert_int_eq(send_teardown(relid, 7), SERVER_OK);
	ck_assert_uint_eq(owner.releases, 0); /* S5 */
	ck_assert_int_eq(send_relid(VMBUS_CLOSE_CHANNEL, relid), SERVER_OK);
	ck_assert_uint_eq(owner.closes, 1);
	ck_assert_uint_eq(owner.releases, 0);
	server_close_complete(server, relid);
	ck_assert_uint_eq(owner.releases, 1);
	server_release_complete(server, relid, 7);
	ck_assert_uint_eq(next(), VMBUS_GPADL_TORNDOWN);
}
END_TEST

/* ---- Open, close, modify ---- */

START_TEST(an_open_hands_over_the_rings_and_starts_when_told)
{
	uint32_t relid = connect_to_offer();

	ck_assert_int_eq(send_gpadl(relid, 7, 10, 5), SERVER_OK);
	ck_assert_uint_eq(next(), VMBUS_GPADL_CREATED);
	ck_assert_int_eq(send_open(relid, 7, 4), SERVER_OK);
	ck_assert_uint_eq(owner.opens, 1);
	ck_assert_uint_eq(owner.rings.upstream_pages, 4);
	ck_assert_uint_eq(owner.rings.downstream_pages, 6);
	ck_assert(server_next_message(server, &out));
	ck_assert_uint_eq(owner.starts, 0); /* S6 */
	server_message_done(server);
	ck_assert_uint_eq(owner.starts, 1);
}
END_TEST

START_TEST(an_open_without_sound_rings_fails)
{
	static const struct {
		uint32_t gpadl, downstream;
	} bad[] = { { 8, 4 }, { 7, 0 }, { 7, 1 }, { 7, 9 }, { 7, 10 }, { 7, ~0u } };
	uint32_t relid = connect_to_offer();

	ck_assert_int_eq(send_gpadl(relid, 7, 10, 5), SERVER_OK);
	ck_assert_uint_eq(next(), VMBUS_GPADL_CREATED);
	ck_assert_int_eq(send_open(relid, bad[_i].gpadl, bad[_i].downstream), SERVER_OK);
	ck_assert_uint_eq(next(), VMBUS_OPEN_RESULT);
	ck_assert_uint_eq(status_at(16), VMBUS_STATUS_FAILURE);
	ck_assert_uint_eq(owner.opens, 0);
	ck_assert_int_eq(send_open(relid, 7, 4), SERVER_OK);
	ck_assert_uint_eq(next(), VMBUS_OPEN_RESULT);
	ck_assert_uint_eq(status_at(16), VMBUS_STATUS_OK);
}
END_TEST

START_TEST(an_open_that_the_provider_refuses_may_be_tried_again)
{
	uint32_t relid = connect_to_offer();

	ck_assert_int_eq(send_gpadl(relid, 7, 10, 5), SERVER_OK);
	ck_assert_uint_eq(next(), VMBUS_GPADL_CREATED);
	owner.refuse_open = true;
	ck_assert_int_eq(send_open(relid, 7, 4), SERVER_OK);
	ck_assert_uint_eq(next(), VMBUS_OPEN_RESULT);
	ck_assert_uint_eq(status_at(16), VMBUS_STATUS_FAILURE);
	ck_assert_uint_eq(owner.starts, 0);
	owner.refuse_open = false;
	ck_assert_int_eq(send_open(relid, 7, 4), SERVER_OK);
	ck_assert_uint_eq(next(), VMBUS_OPEN_RESULT);
	ck_assert_uint_eq(status_at(16), VMBUS_STATUS_OK);
}
END_TEST

START_TEST(a_second_open_is_ignored)
{
	uint32_t relid = open_channel();

	ck_assert_int_eq(send_open(relid, 7, 4), SERVER_IGNORED);
	ck_assert_uint_eq(next(), 0);
	ck_assert_uint_eq(owner.opens, 1);
}
END_TEST

START_TEST(an_open_during_a_close_waits_for_it)
{
	uint32_t relid = open_channel();

	owner.hold = true;
	ck_assert_int_eq(send_relid(VMBUS_CLOSE_CHANNEL, relid), SERVER_OK);
	ck_assert_int_eq(send_open(relid, 7, 4), SERVER_OK);
	ck_assert_uint_eq(owner.opens, 1);
	server_close_complete(server, relid);
	ck_assert_uint_eq(owner.opens, 2);
	server_open_complete(server, relid, VMBUS_STATUS_OK);
	ck_assert_uint_eq(next(), VMBUS_OPEN_RESULT);
	ck_assert_uint_eq(owner.starts, 2);
}
END_TEST

START_TEST(a_close_during_an_open_closes_after_it)
{
	uint32_t relid = connect_to_offer();

	ck_assert_int_eq(send_gpadl(relid, 7, 10, 5), SERVER_OK);
	ck_assert_uint_eq(next(), VMBUS_GPADL_CREATED);
	owner.hold = true;
	ck_assert_int_eq(send_open(relid, 7, 4), SERVER_OK);
	ck_assert_int_eq(send_relid(VMBUS_CLOSE_CHANNEL, relid), SERVER_OK);
	ck_assert_int_eq(send_open(relid, 7, 4), SERVER_IGNORED);
	ck_assert_uint_eq(owner.closes, 0);
	server_open_complete(server, relid, VMBUS_STATUS_OK);
	ck_assert_uint_eq(owner.closes, 1);
	server_close_complete(server, relid);
	ck_assert_uint_eq(next(), VMBUS_OPEN_RESULT);
	ck_assert_uint_eq(owner.starts, 0); /* it is closed already */
}
END_TEST

START_TEST(completions_that_nobody_waits_for_change_nothing)
{
	uint32_t relid = open_channel();

	server_open_complete(server, relid, VMBUS_STATUS_FAILURE);
	server_close_complete(server, relid);
	server_release_complete(server, relid, 7);
	server_open_complete(server, 0, VMBUS_STATUS_OK);
	server_close_complete(server, 0xffffffff);
	ck_assert_uint_eq(next(), 0);
	ck_assert_int_eq(server_channel(server, relid)->state, SERVER_CHANNEL_OPEN);
}
END_TEST

START_TEST(a_channel_moves_to_another_vp)
{
	uint32_t relid = open_channel();

	ck_assert_int_eq(send_modify(relid, 1), SERVER_OK);
	ck_assert_uint_eq(owner.retargets, 1);
	ck_assert_uint_eq(owner.target_vp, 1);
	ck_assert_uint_eq(next(), VMBUS_MODIFY_CHANNEL_RESPONSE);
	ck_assert_uint_eq(status_at(12), VMBUS_STATUS_OK);
	ck_assert_int_eq(send_modify(relid, OWNER_VPS), SERVER_OK);
	ck_assert_uint_eq(next(), VMBUS_MODIFY_CHANNEL_RESPONSE);
	ck_assert_uint_eq(status_at(12), VMBUS_STATUS_FAILURE);
	ck_assert_uint_eq(owner.retargets, 1);
}
END_TEST

START_TEST(modify_belongs_to_4_1_and_its_response_to_5_3)
{
	(void)owner_offer(&owner, 1);
	connect(VMBUS_VERSION_4_0);
	ck_assert_int_eq(send_modify(1, 1), SERVER_IGNORED);
	connect(VMBUS_VERSION_5_2);
	ck_assert_int_eq(send_modify(1, 1), SERVER_OK);
	ck_assert_uint_eq(next(), 0);
}
END_TEST

/* ---- Rescind ---- */

START_TEST(a_rescind_is_told_after_the_provider_stopped)
{
	uint32_t relid = open_channel();

	owner.hold = true;
	ck_assert_int_eq(server_rescind(server, relid), SERVER_OK);
	ck_assert_uint_eq(next(), 0);
	server_close_complete(server, relid);
	ck_assert_uint_eq(owner.releases, 1);
	ck_assert_uint_eq(next(), 0); /* S1: the GPADL is lent still */
	server_release_complete(server, relid, 7);
	ck_assert_uint_eq(next(), VMBUS_RESCIND_OFFER);
	ck_assert_uint_eq(next(), 0);
	ck_assert_int_eq(server_rescind(server, relid), SERVER_INVALID);
}
END_TEST

START_TEST(a_rescinded_channel_s_late_messages_are_borne)
{
	uint32_t relid = open_channel();

	ck_assert_int_eq(server_rescind(server, relid), SERVER_OK);
	ck_assert_uint_eq(next(), VMBUS_RESCIND_OFFER);
	ck_assert_int_eq(send_relid(VMBUS_CLOSE_CHANNEL, relid), SERVER_OK);
	ck_assert_int_eq(send_teardown(relid, 7), SERVER_OK);
	ck_assert_uint_eq(next(), VMBUS_GPADL_TORNDOWN);
	ck_assert_int_eq(send_open(relid, 7, 4), SERVER_OK);
	ck_assert_uint_eq(next(), VMBUS_OPEN_RESULT);
	ck_assert_uint_eq(status_at(16), VMBUS_STATUS_FAILURE);
	ck_assert_uint_eq(owner.gone, 0);
	ck_assert_int_eq(send_relid(VMBUS_RELID_RELEASED, relid), SERVER_OK);
	ck_assert_uint_eq(owner.gone, 1);
	ck_assert_ptr_null(server_channel(server, relid));
}
END_TEST

START_TEST(a_relid_is_offered_again_only_after_its_release)
{
	uint32_t relid = open_channel();
	uint32_t other;

	ck_assert_int_eq(server_rescind(server, relid), SERVER_OK);
	ck_assert_uint_eq(owner_offer(&owner, 1), 0); /* S2: the instance */
	other = owner_offer(&owner, 2);
	ck_assert_uint_ne(other, relid); /* S2: the relid */
	ck_assert_uint_eq(next(), VMBUS_RESCIND_OFFER);
	ck_assert_uint_eq(next(), VMBUS_OFFER_CHANNEL);
	ck_assert_int_eq(send_relid(VMBUS_RELID_RELEASED, relid), SERVER_OK);
	ck_assert_uint_eq(owner_offer(&owner, 1), relid);
}
END_TEST

START_TEST(an_offer_that_nobody_saw_goes_silently)
{
	uint32_t relid = owner_offer(&owner, 1);

	ck_assert_int_eq(server_rescind(server, relid), SERVER_OK);
	ck_assert_uint_eq(owner.gone, 1);
	connect(VMBUS_VERSION_5_3);
	ck_assert_int_eq(send_simple(VMBUS_REQUEST_OFFERS), SERVER_OK);
	ck_assert_uint_eq(next(), VMBUS_ALL_OFFERS_DELIVERED);
}
END_TEST

START_TEST(a_declined_offer_comes_back_with_the_next_connection)
{
	uint32_t relid = connect_to_offer();

	ck_assert_int_eq(send_relid(VMBUS_RELID_RELEASED, relid), SERVER_OK);
	ck_assert_int_eq(send_simple(VMBUS_REQUEST_OFFERS), SERVER_OK);
	ck_assert_uint_eq(next(), VMBUS_ALL_OFFERS_DELIVERED);
	connect(VMBUS_VERSION_5_3);
	ck_assert_int_eq(send_simple(VMBUS_REQUEST_OFFERS), SERVER_OK);
	ck_assert_uint_eq(next(), VMBUS_OFFER_CHANNEL);
}
END_TEST

START_TEST(a_channel_in_use_is_not_released)
{
	uint32_t relid = open_channel();

	ck_assert_int_eq(send_relid(VMBUS_RELID_RELEASED, relid), SERVER_IGNORED);
	ck_assert_int_eq(send_relid(VMBUS_RELID_RELEASED, 0), SERVER_IGNORED);
	ck_assert_int_eq(send_relid(VMBUS_RELID_RELEASED, 0xffffffff), SERVER_IGNORED);
}
END_TEST

/* ---- The end of a connection ---- */

START_TEST(unload_is_answered_when_all_is_let_go)
{
	uint32_t relid = open_channel();

	owner.hold = true;
	ck_assert_int_eq(send_simple(VMBUS_UNLOAD), SERVER_OK);
	ck_assert_uint_eq(owner.closes, 1);
	server_close_complete(server, relid);
	ck_assert_uint_eq(next(), 0); /* S1 */
	server_release_complete(server, relid, 7);
	ck_assert_uint_eq(next(), VMBUS_UNLOAD_RESPONSE);
	ck_assert_uint_eq(out.target_vp, 1);
	ck_assert_uint_eq(next(), 0);
	ck_assert_int_eq(server->state, SERVER_DISCONNECTED);
	ck_assert(gpadl_table_empty(&server->gpadls));
}
END_TEST

START_TEST(a_new_contact_ends_the_old_connection_first)
{
	uint32_t relid = open_channel();

	owner.hold = true;
	ck_assert_int_eq(send_contact(VMBUS_VERSION_4_0, 0), SERVER_OK);
	ck_assert_uint_eq(next(), 0);
	ck_assert_int_eq(send_simple(VMBUS_REQUEST_OFFERS), SERVER_IGNORED);
	/* The new client is impatient, and tries another version. */
	ck_assert_int_eq(send_contact(VMBUS_VERSION_3_0, 0), SERVER_OK);
	server_close_complete(server, relid);
	server_release_complete(server, relid, 7);
	ck_assert_uint_eq(next(), VMBUS_VERSION_RESPONSE);
	ck_assert_uint_eq(next(), 0);
	ck_assert_uint_eq(server->version, VMBUS_VERSION_3_0);
}
END_TEST

START_TEST(an_opening_channel_is_closed_before_a_reset_is_through)
{
	uint32_t relid = connect_to_offer();

	ck_assert_int_eq(send_gpadl(relid, 7, 10, 5), SERVER_OK);
	ck_assert_uint_eq(next(), VMBUS_GPADL_CREATED);
	owner.hold = true;
	ck_assert_int_eq(send_open(relid, 7, 4), SERVER_OK);
	server_reset(server);
	server_open_complete(server, relid, VMBUS_STATUS_OK);
	ck_assert_uint_eq(owner.closes, 1);
	server_close_complete(server, relid);
	ck_assert_uint_eq(owner.resets, 0);
	server_release_complete(server, relid, 7);
	ck_assert_uint_eq(owner.resets, 1);
	ck_assert_uint_eq(next(), 0);
}
END_TEST

START_TEST(an_unload_without_a_connection_is_answered)
{
	ck_assert_int_eq(send_simple(VMBUS_UNLOAD), SERVER_OK);
	ck_assert_uint_eq(next(), VMBUS_UNLOAD_RESPONSE);
}
END_TEST

START_TEST(rescinded_slots_are_free_after_a_reset)
{
	uint32_t relid = open_channel();

	ck_assert_int_eq(server_rescind(server, relid), SERVER_OK);
	server_reset(server);
	ck_assert_uint_eq(owner.gone, 1);
	ck_assert_uint_eq(owner.resets, 1);
	ck_assert_ptr_null(server_channel(server, relid));
}
END_TEST

START_TEST(a_message_fetched_before_a_reset_is_not_taken_for_delivered)
{
	(void)connect_to_offer();
	ck_assert_int_eq(send_simple(VMBUS_REQUEST_OFFERS), SERVER_OK);
	ck_assert(server_next_message(server, &out)); /* it is being delivered */
	ck_assert_int_eq(send_simple(VMBUS_UNLOAD), SERVER_OK);
	server_message_done(server);
	ck_assert_uint_eq(next(), VMBUS_UNLOAD_RESPONSE);
}
END_TEST

START_TEST(a_client_that_does_not_listen_is_held_back)
{
	uint32_t relid = connect_to_offer();
	enum server_status status;
	unsigned int taken = 0;

	do
		status = send_gpadl(relid, 99, 1,
		                    OWNER_RAM_PFNS); /* refused: an answer each */
	while (status == SERVER_OK && ++taken < 1000);
	ck_assert_int_eq(status, SERVER_BUSY);
	ck_assert_uint_eq(taken, 16); /* S3 */
	ck_assert_uint_eq(next(), VMBUS_GPADL_CREATED);
	ck_assert_int_eq(send_gpadl(relid, 99, 1, OWNER_RAM_PFNS), SERVER_OK);
	ck_assert_int_eq(send_simple(VMBUS_UNLOAD), SERVER_OK); /* always heard */
	ck_assert_uint_eq(next(), VMBUS_UNLOAD_RESPONSE);
}
END_TEST

static TCase *connection_case(void)
{
	TCase *tc = tcase_create("connection");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_loop_test(tc, every_version_we_speak_is_accepted, 0, 8);
	tcase_add_loop_test(tc, other_versions_are_refused_and_the_client_may_try_again,
	                    0, 7);
	tcase_add_loop_test(tc, a_contact_that_asks_for_what_is_not_there_is_refused, 0,
	                    4);
	tcase_add_test(tc, nothing_but_a_contact_is_heard_before_the_contact);
	tcase_add_test(tc, cut_messages_are_ignored);
	tcase_add_test(tc, an_offer_says_what_the_owner_said);
	tcase_add_test(tc, a_late_offer_comes_at_once);
	tcase_add_test(tc, offers_are_not_repeated_within_a_connection);
	tcase_add_test(tc, a_device_is_offered_once_and_slots_are_bounded);
	tcase_add_test(tc, unload_is_answered_when_all_is_let_go);
	tcase_add_test(tc, a_new_contact_ends_the_old_connection_first);
	tcase_add_test(tc, an_opening_channel_is_closed_before_a_reset_is_through);
	tcase_add_test(tc, an_unload_without_a_connection_is_answered);
	tcase_add_test(tc, rescinded_slots_are_free_after_a_reset);
	tcase_add_test(tc, a_message_fetched_before_a_reset_is_not_taken_for_delivered);
	tcase_add_test(tc, a_client_that_does_not_listen_is_held_back);
	return tc;
}

static TCase *channel_case(void)
{
	TCase *tc = tcase_create("channel");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, pages_that_are_not_the_partition_s_are_refused);
	tcase_add_loop_test(tc, a_gpadl_of_a_channel_not_offered_is_refused, 0, 4);
	tcase_add_test(tc, too_many_gpadls_are_low_resources);
	tcase_add_test(tc, a_teardown_is_answered_when_the_provider_let_go);
	tcase_add_test(tc, the_rings_stay_lent_until_the_close);
	tcase_add_test(tc, an_open_hands_over_the_rings_and_starts_when_told);
	tcase_add_loop_test(tc, an_open_without_sound_rings_fails, 0, 6);
	tcase_add_test(tc, an_open_that_the_provider_refuses_may_be_tried_again);
	tcase_add_test(tc, a_second_open_is_ignored);
	tcase_add_test(tc, an_open_during_a_close_waits_for_it);
	tcase_add_test(tc, a_close_during_an_open_closes_after_it);
	tcase_add_test(tc, completions_that_nobody_waits_for_change_nothing);
	tcase_add_test(tc, a_channel_moves_to_another_vp);
	tcase_add_test(tc, modify_belongs_to_4_1_and_its_response_to_5_3);
	tcase_add_test(tc, a_rescind_is_told_after_the_provider_stopped);
	tcase_add_test(tc, a_rescinded_channel_s_late_messages_are_borne);
	tcase_add_test(tc, a_relid_is_offered_again_only_after_its_release);
	tcase_add_test(tc, an_offer_that_nobody_saw_goes_silently);
	tcase_add_test(tc, a_declined_offer_comes_back_with_the_next_connection);
	tcase_add_test(tc, a_channel_in_use_is_not_released);
	return tc;
}

static Suite *vmbus_server_suite(void)
{
	Suite *suite = suite_create("vmbus_server");

	suite_add_tcase(suite, connection_case());
	suite_add_tcase(suite, channel_case());
	return suite;
}

UNIT_MAIN(vmbus_server_suite)
