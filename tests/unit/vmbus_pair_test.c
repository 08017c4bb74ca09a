/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Our client against our server: whole conversations, every version, and what a hostile
 * server can tell the client.
 */
#include <viridis/base/bits.h>
#include "tests/unit/unit.h"
#include "tests/unit/vmbus_owner.h"
#include "vmbus/core/client.h"

#define GUEST_CHANNELS 3u
#define GUEST_GPADLS   4u
#define RING_PAGES     80u /* a header and two bodies */

static struct owner owner;

static struct guest {
	struct client client;
	struct client_channel channels[GUEST_CHANNELS];
	struct client_gpadl gpadls[GUEST_GPADLS];
	uint32_t connection_id; /* of the last message */
	bool deaf;              /* posting fails */
} guest;

static const struct vmbus_guid scsi = VMBUS_TYPE_SCSI;
static uint64_t pfns[VMBUS_GPADL_PAGES_MAX];

static bool guest_post(struct client *client, uint32_t connection_id, const void *payload,
                       uint32_t bytes)
{
	struct guest *self = LIST_OWNER(client, struct guest, client);

	self->connection_id = connection_id;
	return !self->deaf && server_receive(&owner.server, payload, bytes) == SERVER_OK;
}

static void guest_init(uint32_t version_max)
{
	static const struct client_ops ops = { .post = guest_post };
	const struct client_config config = {
		.ops = &ops,
		.channels = guest.channels,
		.channel_capacity = GUEST_CHANNELS,
		.gpadls = guest.gpadls,
		.gpadl_capacity = GUEST_GPADLS,
		.message_vp = 1,
		.version_max = version_max,
	};

	client_init(&guest.client, &config);
}

static void setup(void)
{
	ck_assert(owner_init(&owner));
	memset(&guest, 0, sizeof(guest));
	guest_init(0);
	for (uint32_t i = 0; i < ARRAY_COUNT(pfns); i++)
		pfns[i] = i + 1;
}

/* Deliver what the server has to say. */
static void deliver(void)
{
	struct server_message message;

	while (server_next_message(&owner.server, &message)) {
		server_message_done(&owner.server);
		client_receive(&guest.client, message.payload, message.bytes);
	}
}

static struct client_channel *connect(void)
{
	struct client_channel *channel;

	(void)owner_offer(&owner, 1);
	ck_assert_int_eq(client_connect(&guest.client), CLIENT_OK);
	deliver();
	ck_assert_int_eq(guest.client.state, CLIENT_CONNECTED);
	ck_assert_int_eq(client_request_offers(&guest.client), CLIENT_OK);
	deliver();
	ck_assert(guest.client.all_offers_delivered);
	channel = client_find(&guest.client, &scsi, 0);
	ck_assert_ptr_nonnull(channel);
	return channel;
}

static struct client_gpadl *open(struct client_channel *channel)
{
	struct client_gpadl *gpadl;

	ck_assert_int_eq(client_gpadl_create(&guest.client, channel, pfns, RING_PAGES,
	                                     &gpadl),
	                 CLIENT_OK);
	deliver();
	ck_assert_int_eq(gpadl->state, CLIENT_GPADL_READY);
	ck_assert_int_eq(client_open(&guest.client, channel, gpadl, RING_PAGES / 2, 0),
	                 CLIENT_OK);
	deliver();
	ck_assert_int_eq(channel->state, CLIENT_CHANNEL_OPEN);
	return gpadl;
}

START_TEST(a_whole_conversation_in_every_version)
{
	static const uint32_t versions[] = {
		VMBUS_VERSION_2_4, VMBUS_VERSION_3_0, VMBUS_VERSION_4_0,
		VMBUS_VERSION_4_1, VMBUS_VERSION_5_0, VMBUS_VERSION_5_1,
		VMBUS_VERSION_5_2, VMBUS_VERSION_5_3,
	};
	struct client_channel *channel;
	struct client_gpadl *gpadl;

	guest_init(versions[_i]);
	channel = connect();
	ck_assert_uint_eq(guest.client.version, versions[_i]);
	gpadl = open(channel);
	ck_assert_uint_eq(guest.connection_id, versions[_i] >= VMBUS_VERSION_5_0 ? 4 : 1);
	ck_assert_int_eq(client_close(&guest.client, channel), CLIENT_OK);
	ck_assert_int_eq(client_gpadl_teardown(&guest.client, gpadl), CLIENT_OK);
	deliver();
	ck_assert_int_eq(gpadl->state, CLIENT_GPADL_ABSENT);
	(void)open(channel);
	ck_assert_int_eq(client_unload(&guest.client), CLIENT_OK);
	deliver();
	ck_assert_int_eq(guest.client.state, CLIENT_DISCONNECTED);
	ck_assert_uint_eq(owner.closes, 2);
	ck_assert_uint_eq(owner.releases, 2);
	ck_assert_uint_eq(guest.client.ignored, 0);
	ck_assert_uint_eq(owner.lines, 0);
}
END_TEST

START_TEST(the_client_goes_down_to_a_version_the_server_has)
{
	owner.server.config.version_max = VMBUS_VERSION_4_1;
	(void)connect();
	ck_assert_uint_eq(guest.client.version, VMBUS_VERSION_4_1);
	ck_assert_uint_eq(guest.client.ignored, 0);
}
END_TEST

START_TEST(no_version_in_common_is_refused)
{
	owner.server.config.version_max = VMBUS_VERSION(1, 1);
	ck_assert_int_eq(client_connect(&guest.client), CLIENT_OK);
	deliver();
	ck_assert_int_eq(guest.client.state, CLIENT_REFUSED);
	ck_assert_uint_eq(guest.client.ignored, 0);
}
END_TEST

START_TEST(the_server_sees_the_pages_the_client_lent)
{
	struct client_channel *channel = connect();
	struct client_gpadl *gpadl = open(channel);
	const uint64_t *seen;
	const struct gpadl *lent =
		server_gpadl(&owner.server, channel->offer.relid, gpadl->id, &seen);

	ck_assert_ptr_nonnull(lent);
	ck_assert_uint_eq(lent->page_count, RING_PAGES);
	ck_assert_mem_eq(seen, pfns, RING_PAGES * sizeof(pfns[0]));
	ck_assert_uint_eq(owner.rings.upstream_pages, RING_PAGES / 2);
}
END_TEST

START_TEST(pages_that_are_refused_fail_and_can_be_forgotten)
{
	struct client_channel *channel = connect();
	struct client_gpadl *gpadl;

	pfns[50] = OWNER_RAM_PFNS;
	ck_assert_int_eq(client_gpadl_create(&guest.client, channel, pfns, 8191, &gpadl),
	                 CLIENT_INVALID);
	ck_assert_int_eq(client_gpadl_create(&guest.client, channel, pfns, 0, &gpadl),
	                 CLIENT_INVALID);
	ck_assert_int_eq(client_gpadl_create(&guest.client, channel, pfns, 60, &gpadl),
	                 CLIENT_OK);
	deliver();
	ck_assert_int_eq(gpadl->state, CLIENT_GPADL_FAILED);
	ck_assert_int_eq(client_gpadl_teardown(&guest.client, gpadl), CLIENT_OK);
	ck_assert_int_eq(gpadl->state, CLIENT_GPADL_ABSENT);
}
END_TEST

START_TEST(a_rescind_ends_in_a_release_and_a_new_offer)
{
	struct client_channel *channel = connect();
	uint32_t relid = channel->offer.relid;

	(void)open(channel);
	ck_assert_int_eq(server_rescind(&owner.server, relid), SERVER_OK);
	deliver();
	ck_assert(channel->rescinded);
	ck_assert_ptr_null(client_find(&guest.client, &scsi, 0));
	ck_assert_int_eq(client_release(&guest.client, channel), CLIENT_WRONG_STATE);
	ck_assert_int_eq(client_close(&guest.client, channel), CLIENT_OK);
	ck_assert_int_eq(client_release(&guest.client, channel), CLIENT_OK);
	ck_assert_uint_eq(owner.gone, 1);
	ck_assert_uint_eq(owner_offer(&owner, 1), relid);
	deliver();
	channel = client_find(&guest.client, &scsi, 0);
	ck_assert_ptr_nonnull(channel);
	(void)open(channel);
}
END_TEST

START_TEST(a_rescind_ends_every_wait)
{
	struct client_channel *channel = connect();
	struct client_gpadl *gpadl = open(channel);

	ck_assert_int_eq(client_close(&guest.client, channel), CLIENT_OK);
	owner.hold = true;
	ck_assert_int_eq(client_open(&guest.client, channel, gpadl, 2, 0), CLIENT_OK);
	ck_assert_int_eq(server_rescind(&owner.server, channel->offer.relid), SERVER_OK);
	owner.hold = false;
	server_open_complete(&owner.server, channel->offer.relid, VMBUS_STATUS_FAILURE);
	deliver();
	ck_assert_int_eq(channel->state, CLIENT_CHANNEL_OPEN_FAILED);
	ck_assert(channel->rescinded);
	ck_assert_int_eq(client_release(&guest.client, channel), CLIENT_OK);
}
END_TEST

START_TEST(a_retarget_is_answered_in_5_3)
{
	struct client_channel *channel = connect();

	(void)open(channel);
	ck_assert_int_eq(client_retarget(&guest.client, channel, 1), CLIENT_OK);
	ck_assert(channel->modifying);
	deliver();
	ck_assert(!channel->modifying);
	ck_assert_uint_eq(channel->status, VMBUS_STATUS_OK);
	ck_assert_uint_eq(owner.target_vp, 1);
}
END_TEST

START_TEST(offers_beyond_the_client_s_memory_are_counted)
{
	for (uint8_t i = 2; i <= OWNER_CHANNELS; i++)
		ck_assert_uint_ne(owner_offer(&owner, i), 0);
	(void)connect();
	ck_assert_uint_eq(guest.client.dropped_offers, OWNER_CHANNELS - GUEST_CHANNELS);
}
END_TEST

START_TEST(calls_out_of_turn_are_refused)
{
	struct client_channel *channel = &guest.channels[0];
	struct client_gpadl *gpadl = &guest.gpadls[0];

	ck_assert_int_eq(client_request_offers(&guest.client), CLIENT_WRONG_STATE);
	ck_assert_int_eq(client_unload(&guest.client), CLIENT_WRONG_STATE);
	ck_assert_int_eq(client_open(&guest.client, channel, gpadl, 2, 0),
	                 CLIENT_WRONG_STATE);
	ck_assert_int_eq(client_close(&guest.client, channel), CLIENT_WRONG_STATE);
	ck_assert_int_eq(client_release(&guest.client, channel), CLIENT_WRONG_STATE);
	ck_assert_int_eq(client_gpadl_teardown(&guest.client, gpadl), CLIENT_WRONG_STATE);
	ck_assert_int_eq(client_retarget(&guest.client, channel, 0), CLIENT_UNSUPPORTED);
	channel = connect();
	ck_assert_int_eq(client_connect(&guest.client), CLIENT_WRONG_STATE);
	ck_assert_int_eq(client_open(&guest.client, channel, gpadl, 2, 0),
	                 CLIENT_INVALID);
}
END_TEST

START_TEST(a_failing_post_is_reported)
{
	guest.deaf = true;
	ck_assert_int_eq(client_connect(&guest.client), CLIENT_POST_FAILED);
}
END_TEST

START_TEST(messages_that_mean_nothing_change_nothing)
{
	struct client_channel *channel = connect();
	uint8_t message[VMBUS_MESSAGE_BYTES_MAX];
	struct client_channel before;
	unsigned int count = 0;

	(void)open(channel);
	before = *channel;
	memset(message, 0xff, sizeof(message));
	for (uint32_t type = 0; type < 64; type++) {
		memcpy(message, &type, sizeof(type));
		if (type == VMBUS_ALL_OFFERS_DELIVERED)
			continue;
		for (uint32_t bytes = 0; bytes <= sizeof(message); bytes += 4, count++)
			client_receive(&guest.client, message, bytes);
	}
	ck_assert_uint_eq(guest.client.ignored, count);
	ck_assert_mem_eq(channel, &before, sizeof(before));
}
END_TEST

START_TEST(an_answer_nobody_waits_for_is_ignored)
{
	struct client_channel *channel = connect();
	struct client_gpadl *gpadl = open(channel);
	const struct vmbus_gpadl_torndown torndown = {
		.header.type = VMBUS_GPADL_TORNDOWN,
		.gpadl = gpadl->id,
	};

	/* The pages would be used for something else while the server writes to them. */
	client_receive(&guest.client, &torndown, sizeof(torndown));
	ck_assert_int_eq(gpadl->state, CLIENT_GPADL_READY);
	ck_assert_uint_eq(guest.client.ignored, 1);
}
END_TEST

static Suite *vmbus_pair_suite(void)
{
	Suite *suite = suite_create("vmbus_pair");
	TCase *tc = tcase_create("vmbus_pair");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_loop_test(tc, a_whole_conversation_in_every_version, 0, 8);
	tcase_add_test(tc, the_client_goes_down_to_a_version_the_server_has);
	tcase_add_test(tc, no_version_in_common_is_refused);
	tcase_add_test(tc, the_server_sees_the_pages_the_client_lent);
	tcase_add_test(tc, pages_that_are_refused_fail_and_can_be_forgotten);
	tcase_add_test(tc, a_rescind_ends_in_a_release_and_a_new_offer);
	tcase_add_test(tc, a_rescind_ends_every_wait);
	tcase_add_test(tc, a_retarget_is_answered_in_5_3);
	tcase_add_test(tc, offers_beyond_the_client_s_memory_are_counted);
	tcase_add_test(tc, calls_out_of_turn_are_refused);
	tcase_add_test(tc, a_failing_post_is_reported);
	tcase_add_test(tc, messages_that_mean_nothing_change_nothing);
	tcase_add_test(tc, an_answer_nobody_waits_for_is_ignored);
	suite_add_tcase(suite, tc);
	return suite;
}

UNIT_MAIN(vmbus_pair_suite)
