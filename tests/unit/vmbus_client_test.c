/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client of VMBus alone: every message it posts, whole, and what it makes of each it hears. */
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "tests/unit/unit.h"
#include "vmbus/core/client.h"

#define CHANNELS 3u
#define GPADLS   3u
#define POSTS    400u

static struct client client;
static struct client_channel channels[CHANNELS];
static struct client_gpadl gpadls[GPADLS];

static struct post {
	uint32_t connection_id, bytes;
	uint8_t payload[VMBUS_MESSAGE_BYTES_MAX];
} posts[POSTS];
static unsigned int post_count, posts_until_deaf;

static const struct vmbus_guid scsi = VMBUS_TYPE_SCSI, net = VMBUS_TYPE_NET;

static bool note(struct client *from, uint32_t connection_id, const void *payload,
                 uint32_t bytes)
{
	struct post *post = &posts[post_count];

	(void)from;
	if (post_count == posts_until_deaf)
		return false;
	ck_assert_uint_lt(post_count++, POSTS);
	post->connection_id = connection_id;
	post->bytes = bytes;
	memcpy(post->payload, payload, bytes);
	return true;
}

static void init(uint32_t version_max)
{
	static const struct client_ops ops = { .post = note };
	const struct client_config config = {
		.ops = &ops,
		.channels = channels,
		.channel_capacity = CHANNELS,
		.gpadls = gpadls,
		.gpadl_capacity = GPADLS,
		.message_vp = 3,
		.version_max = version_max,
	};

	memset(channels, 0xff, sizeof(channels));
	memset(gpadls, 0xff, sizeof(gpadls));
	post_count = 0;
	posts_until_deaf = POSTS;
	client_init(&client, &config);
}

static void setup(void)
{
	init(0);
}

/* ---- What it posts ---- */

static void assert_post(unsigned int number, uint32_t connection_id, const void *payload,
                        uint32_t bytes)
{
	ck_assert_uint_lt(number, post_count);
	ck_assert_uint_eq(posts[number].connection_id, connection_id);
	ck_assert_uint_eq(posts[number].bytes, bytes);
	ck_assert_mem_eq(posts[number].payload, payload, bytes);
}

static void assert_last_post(const void *payload, uint32_t bytes)
{
	assert_post(post_count - 1, client.message_connection, payload, bytes);
}

/* ---- What it hears; true: it meant something ---- */

static bool hear(const void *message, uint32_t bytes)
{
	uint32_t before = client.ignored;

	client_receive(&client, message, bytes);
	ck_assert_uint_le(client.ignored - before, 1);
	return client.ignored == before;
}

static bool hear_words(uint32_t type, uint32_t a, uint32_t b, uint32_t c, uint32_t words)
{
	const uint32_t message[] = { type, 0, a, b, c };

	return hear(message, 4 * words);
}

static bool hear_version(bool supported, uint32_t connection)
{
	return hear_words(VMBUS_VERSION_RESPONSE, supported, connection, 0, 4);
}

static bool hear_offer(uint32_t relid, const struct vmbus_guid *type)
{
	const struct vmbus_offer_channel offer = {
		.header.type = VMBUS_OFFER_CHANNEL,
		.type = *type,
		.relid = relid,
		.connection_id = 0x10000 + relid,
	};

	return hear(&offer, sizeof(offer));
}

static bool hear_rescind(uint32_t relid)
{
	return hear_words(VMBUS_RESCIND_OFFER, relid, 0, 0, 3);
}

static void connect(void)
{
	ck_assert_int_eq(client_connect(&client), CLIENT_OK);
	ck_assert(hear_version(true, 4));
	ck_assert_int_eq(client.state, CLIENT_CONNECTED);
}

static struct client_channel *connect_to_offer(uint32_t relid)
{
	connect();
	ck_assert(hear_offer(relid, &scsi));
	return client_find(&client, &scsi, 0);
}

static struct client_gpadl *create(const struct client_channel *channel)
{
	static const uint64_t pfns[] = { 0x1111, 0x2222, 0x3333, 0x4444 };
	struct client_gpadl *gpadl;

	ck_assert_int_eq(client_gpadl_create(&client, channel, pfns, 4, &gpadl),
	                 CLIENT_OK);
	ck_assert_int_eq(gpadl->state, CLIENT_GPADL_CREATING);
	return gpadl;
}

static bool hear_created(const struct client_gpadl *gpadl, uint32_t status)
{
	return hear_words(VMBUS_GPADL_CREATED, gpadl->relid, gpadl->id, status, 5);
}

static struct client_gpadl *lend(const struct client_channel *channel)
{
	struct client_gpadl *gpadl = create(channel);

	ck_assert(hear_created(gpadl, 0));
	ck_assert_int_eq(gpadl->state, CLIENT_GPADL_READY);
	return gpadl;
}

static bool hear_open_result(const struct client_channel *channel, uint32_t status)
{
	return hear_words(VMBUS_OPEN_RESULT, channel->offer.relid, channel->offer.relid,
	                  status, 5);
}

static struct client_channel *open_channel(void)
{
	struct client_channel *channel = connect_to_offer(5);

	ck_assert_int_eq(client_open(&client, channel, lend(channel), 2, 1), CLIENT_OK);
	ck_assert(hear_open_result(channel, 0));
	ck_assert_int_eq(channel->state, CLIENT_CHANNEL_OPEN);
	return channel;
}

/* ---- Connection ---- */

START_TEST(a_contact_is_tried_from_the_newest_version_down)
{
	static const uint32_t versions[] = {
		0x50003, 0x50002, 0x50001, 0x50000, 0x40001, 0x40000, 0x30000, 0x20004,
	};

	ck_assert_int_eq(client_connect(&client), CLIENT_OK);
	for (unsigned int i = 0; i < 8; i++) {
		const struct vmbus_initiate_contact contact = {
			.header.type = VMBUS_INITIATE_CONTACT,
			.version = versions[i],
			.target_vp = 3,
			.sint = versions[i] >= 0x50000 ? 2 : 0,
		};

		ck_assert_uint_eq(post_count, i + 1);
		assert_post(i, versions[i] >= 0x50000 ? 4 : 1, &contact, sizeof(contact));
		ck_assert_int_eq(client.state, CLIENT_CONNECTING);
		ck_assert(hear_version(false, 4));
	}
	ck_assert_uint_eq(post_count, 8);
	ck_assert_int_eq(client.state, CLIENT_REFUSED);
	ck_assert(!hear_version(true, 4));
	ck_assert_int_eq(client_connect(&client), CLIENT_OK); /* all over again */
	ck_assert_uint_eq(client.version_index, 0);
	ck_assert(hear_version(true, 4));
	ck_assert_uint_eq(client.version, 0x50003);
}
END_TEST

START_TEST(no_version_is_tried_above_the_limit)
{
	static const struct {
		uint32_t limit, first;
	} cases[] = { { 0x50003, 0x50003 }, { 0x50002, 0x50002 }, { 0x4ffff, 0x40001 },
		      { 0x20004, 0x20004 }, { 0x20003, 0 },       { 1, 0 } };
	uint32_t version;

	init(cases[_i].limit);
	ck_assert_int_eq(client_connect(&client),
	                 cases[_i].first ? CLIENT_OK : CLIENT_UNSUPPORTED);
	ck_assert_uint_eq(post_count, cases[_i].first != 0);
	memcpy(&version, posts[0].payload + 8, 4);
	if (cases[_i].first)
		ck_assert_uint_eq(version, cases[_i].first);
	else
		ck_assert_int_eq(client.state, CLIENT_REFUSED);
}
END_TEST

START_TEST(from_5_0_on_the_server_names_the_connection)
{
	connect();
	ck_assert_int_eq(client_request_offers(&client), CLIENT_OK);
	ck_assert_uint_eq(posts[1].connection_id, 4);
	init(0x50000);
	ck_assert_int_eq(client_connect(&client), CLIENT_OK);
	ck_assert(hear_version(true, 77));
	ck_assert_int_eq(client_request_offers(&client), CLIENT_OK);
	ck_assert_uint_eq(posts[1].connection_id, 77);
	init(0x50000);
	ck_assert_int_eq(client_connect(&client), CLIENT_OK);
	ck_assert(hear_version(true, 0)); /* none: then an older version */
	ck_assert_int_eq(client.state, CLIENT_CONNECTING);
	ck_assert_uint_eq(client.version, 0);
	ck_assert(hear_version(true, 0));
	ck_assert_int_eq(client.state, CLIENT_CONNECTED);
	ck_assert_uint_eq(client.version, 0x40001);
	ck_assert_int_eq(client_request_offers(&client), CLIENT_OK);
	ck_assert_uint_eq(posts[2].connection_id, 1);
}
END_TEST

START_TEST(requests_without_arguments_are_a_header)
{
	static const uint32_t offers[2] = { VMBUS_REQUEST_OFFERS },
			      unload[2] = { VMBUS_UNLOAD };

	connect();
	ck_assert(hear_words(VMBUS_ALL_OFFERS_DELIVERED, 0, 0, 0, 2));
	ck_assert(client.all_offers_delivered);
	ck_assert_int_eq(client_request_offers(&client), CLIENT_OK);
	ck_assert(!client.all_offers_delivered);
	assert_last_post(offers, sizeof(offers));
	ck_assert_int_eq(client_unload(&client), CLIENT_OK);
	assert_last_post(unload, sizeof(unload));
	ck_assert_int_eq(client.state, CLIENT_UNLOADING);
	ck_assert_int_eq(client_unload(&client), CLIENT_WRONG_STATE);
}
END_TEST

START_TEST(after_an_unload_all_is_forgotten)
{
	(void)open_channel();
	ck_assert(hear_words(VMBUS_ALL_OFFERS_DELIVERED, 0, 0, 0, 2));
	ck_assert(!hear_words(VMBUS_UNLOAD_RESPONSE, 0, 0, 0, 2));
	ck_assert_int_eq(client_unload(&client), CLIENT_OK);
	ck_assert(!hear_offer(6, &scsi));
	ck_assert(hear_words(VMBUS_UNLOAD_RESPONSE, 0, 0, 0, 2));
	ck_assert_int_eq(client.state, CLIENT_DISCONNECTED);
	ck_assert_uint_eq(client.version, 0);
	ck_assert(!client.all_offers_delivered);
	for (unsigned int i = 0; i < CHANNELS; i++)
		ck_assert_int_eq(channels[i].state, CLIENT_CHANNEL_ABSENT);
	for (unsigned int i = 0; i < GPADLS; i++)
		ck_assert_int_eq(gpadls[i].state, CLIENT_GPADL_ABSENT);
	connect();
}
END_TEST

START_TEST(calls_need_a_connection)
{
	static const enum client_state states[] = { CLIENT_DISCONNECTED,
		                                    CLIENT_CONNECTING, CLIENT_REFUSED,
		                                    CLIENT_UNLOADING };
	struct client_channel *channel = open_channel();
	struct client_gpadl *gpadl = lend(channel), *other;
	const uint64_t pfn = 1;

	client.state = states[_i];
	ck_assert_int_eq(client_request_offers(&client), CLIENT_WRONG_STATE);
	ck_assert_int_eq(client_unload(&client), CLIENT_WRONG_STATE);
	ck_assert_int_eq(client_close(&client, channel), CLIENT_WRONG_STATE);
	ck_assert_int_eq(client_retarget(&client, channel, 1), CLIENT_WRONG_STATE);
	ck_assert_int_eq(client_gpadl_teardown(&client, gpadl), CLIENT_WRONG_STATE);
	ck_assert_int_eq(client_gpadl_create(&client, channel, &pfn, 1, &other),
	                 CLIENT_WRONG_STATE);
	channel->state = CLIENT_CHANNEL_OFFERED;
	ck_assert_int_eq(client_open(&client, channel, gpadl, 2, 1), CLIENT_WRONG_STATE);
	channel->rescinded = true;
	ck_assert_int_eq(client_release(&client, channel), CLIENT_WRONG_STATE);
	if (states[_i] == CLIENT_CONNECTING || states[_i] == CLIENT_UNLOADING)
		ck_assert_int_eq(client_connect(&client), CLIENT_WRONG_STATE);
	else
		ck_assert_int_eq(client_connect(&client), CLIENT_OK);
}
END_TEST

/* ---- Offers and channels ---- */

START_TEST(offers_are_found_by_type_and_number)
{
	connect();
	ck_assert(hear_offer(1, &scsi));
	ck_assert(hear_offer(VMBUS_RELID_MAX, &net));
	ck_assert(hear_offer(2, &scsi));
	ck_assert_ptr_eq(client_find(&client, &scsi, 0), &channels[0]);
	ck_assert_ptr_eq(client_find(&client, &scsi, 1), &channels[2]);
	ck_assert_ptr_eq(client_find(&client, &net, 0), &channels[1]);
	ck_assert_ptr_null(client_find(&client, &scsi, 2));
	ck_assert_ptr_null(client_find(&client, &net, 1));
	ck_assert_uint_eq(channels[1].offer.connection_id, 0x10000 + VMBUS_RELID_MAX);
	ck_assert(hear_rescind(1));
	ck_assert_ptr_eq(client_find(&client, &scsi, 0), &channels[2]);
	ck_assert(hear_offer(3, &scsi)); /* no room */
	ck_assert_uint_eq(client.dropped_offers, 1);
}
END_TEST

START_TEST(offers_that_cannot_be_are_ignored)
{
	static const uint32_t relids[] = { 0, VMBUS_RELID_MAX + 1, UINT32_MAX, 5, 6 };

	(void)connect_to_offer(5);
	ck_assert(hear_offer(6, &net));
	ck_assert(!hear_offer(relids[_i], &scsi));
	ck_assert_int_eq(channels[2].state, CLIENT_CHANNEL_ABSENT);
	ck_assert_uint_eq(client.dropped_offers, 0);
}
END_TEST

START_TEST(an_open_says_all_it_was_told)
{
	struct client_channel *channel = connect_to_offer(5);
	struct client_gpadl *gpadl = lend(channel);
	const struct vmbus_open_channel open = {
		.header.type = VMBUS_OPEN_CHANNEL,
		.relid = 5,
		.open_id = 5,
		.gpadl = 0x1000,
		.target_vp = 9,
		.downstream_pages = 2,
	};

	ck_assert_int_eq(client_open(&client, channel, gpadl, 2, 9), CLIENT_OK);
	assert_last_post(&open, sizeof(open));
	ck_assert_int_eq(channel->state, CLIENT_CHANNEL_OPENING);
	ck_assert_int_eq(client_open(&client, channel, gpadl, 2, 9), CLIENT_WRONG_STATE);
	ck_assert(hear_open_result(channel, 7));
	ck_assert_int_eq(channel->state, CLIENT_CHANNEL_OPEN_FAILED);
	ck_assert_uint_eq(channel->status, 7);
	ck_assert_int_eq(client_open(&client, channel, gpadl, 2, 9), CLIENT_OK);
	ck_assert(hear_open_result(channel, 0));
	ck_assert_int_eq(channel->state, CLIENT_CHANNEL_OPEN);
	ck_assert(!hear_open_result(channel, 0));
	ck_assert_int_eq(client_open(&client, channel, gpadl, 2, 9), CLIENT_WRONG_STATE);
}
END_TEST

START_TEST(an_open_needs_rings_of_its_channel_that_are_lent)
{
	struct client_channel *channel = connect_to_offer(5);
	struct client_gpadl *gpadl = create(channel);

	ck_assert_int_eq(client_open(&client, channel, gpadl, 2, 1), CLIENT_INVALID);
	ck_assert(hear_created(gpadl, 0));
	gpadl->relid = 6;
	ck_assert_int_eq(client_open(&client, channel, gpadl, 2, 1), CLIENT_INVALID);
	gpadl->relid = 5;
	channel->rescinded = true;
	ck_assert_int_eq(client_open(&client, channel, gpadl, 2, 1), CLIENT_WRONG_STATE);
	channel->rescinded = false;
	channel->state = CLIENT_CHANNEL_ABSENT;
	ck_assert_int_eq(client_open(&client, channel, gpadl, 2, 1), CLIENT_WRONG_STATE);
	ck_assert_uint_eq(post_count, 2);
}
END_TEST

START_TEST(an_open_s_result_names_its_channel_twice)
{
	struct client_channel *channel = connect_to_offer(5);

	ck_assert_int_eq(client_open(&client, channel, lend(channel), 2, 1), CLIENT_OK);
	ck_assert(!hear_words(VMBUS_OPEN_RESULT, 5, 6, 0, 5));
	ck_assert(!hear_words(VMBUS_OPEN_RESULT, 6, 5, 0, 5));
	ck_assert(!hear_words(VMBUS_OPEN_RESULT, 6, 6, 0, 5));
	ck_assert_int_eq(channel->state, CLIENT_CHANNEL_OPENING);
}
END_TEST

START_TEST(a_close_and_a_release_name_the_channel)
{
	static const uint32_t close[3] = { VMBUS_CLOSE_CHANNEL, 0, 5 },
			      release[3] = { VMBUS_RELID_RELEASED, 0, 5 };
	struct client_channel *channel = open_channel();

	ck_assert_int_eq(client_release(&client, channel), CLIENT_WRONG_STATE);
	channel->modifying = true;
	ck_assert_int_eq(client_close(&client, channel), CLIENT_OK);
	assert_last_post(close, sizeof(close));
	ck_assert_int_eq(channel->state, CLIENT_CHANNEL_OFFERED);
	ck_assert(!channel->modifying);
	ck_assert_int_eq(client_close(&client, channel), CLIENT_WRONG_STATE);
	ck_assert_int_eq(client_release(&client, channel), CLIENT_WRONG_STATE);
	ck_assert(hear_rescind(5));
	ck_assert_int_eq(client_release(&client, channel), CLIENT_OK);
	assert_last_post(release, sizeof(release));
	ck_assert_int_eq(channel->state, CLIENT_CHANNEL_ABSENT);
	ck_assert(!channel->rescinded);
}
END_TEST

START_TEST(a_release_frees_the_pages_of_its_channel)
{
	struct client_channel *channel = connect_to_offer(5);

	ck_assert(hear_offer(6, &net));
	(void)lend(channel);
	(void)lend(client_find(&client, &net, 0));
	(void)lend(channel);
	ck_assert(hear_rescind(5));
	ck_assert_int_eq(client_release(&client, channel), CLIENT_OK);
	ck_assert_int_eq(gpadls[0].state, CLIENT_GPADL_ABSENT);
	ck_assert_int_eq(gpadls[1].state, CLIENT_GPADL_READY);
	ck_assert_int_eq(gpadls[2].state, CLIENT_GPADL_ABSENT);
}
END_TEST

START_TEST(a_retarget_waits_for_its_answer_where_there_is_one)
{
	static const struct {
		uint32_t version;
		enum client_status status;
		bool answered;
	} cases[] = { { 0x50003, CLIENT_OK, true },
		      { 0x50002, CLIENT_OK, false },
		      { 0x40001, CLIENT_OK, false },
		      { 0x40000, CLIENT_UNSUPPORTED, false } };
	static const uint32_t modify[4] = { VMBUS_MODIFY_CHANNEL, 0, 5, 9 };
	struct client_channel *channel;

	init(cases[_i].version);
	channel = open_channel();
	ck_assert_int_eq(client_retarget(&client, channel, 9), cases[_i].status);
	if (cases[_i].status == CLIENT_OK)
		assert_last_post(modify, sizeof(modify));
	ck_assert_int_eq(channel->modifying, cases[_i].answered);
	if (cases[_i].answered)
		ck_assert_int_eq(client_retarget(&client, channel, 9),
		                 CLIENT_WRONG_STATE);
	ck_assert(!hear_words(VMBUS_MODIFY_CHANNEL_RESPONSE, 6, 2, 0, 4));
	ck_assert_int_eq(hear_words(VMBUS_MODIFY_CHANNEL_RESPONSE, 5, 2, 0, 4),
	                 cases[_i].answered);
	ck_assert(!channel->modifying);
	ck_assert_uint_eq(channel->status, cases[_i].answered ? 2 : 0);
	channel->state = CLIENT_CHANNEL_OFFERED;
	ck_assert_int_ne(client_retarget(&client, channel, 9), CLIENT_OK);
	channel->state = CLIENT_CHANNEL_OPEN;
	channel->rescinded = true;
	ck_assert_int_ne(client_retarget(&client, channel, 9), CLIENT_OK);
}
END_TEST

START_TEST(a_rescind_ends_what_its_channel_waits_for_and_no_other)
{
	struct client_channel *channel = connect_to_offer(5), *other;

	ck_assert(hear_offer(6, &net));
	other = client_find(&client, &net, 0);
	(void)lend(channel);
	(void)create(channel);
	(void)lend(other);
	channel->state = CLIENT_CHANNEL_OPENING;
	other->state = CLIENT_CHANNEL_OPENING;
	channel->modifying = other->modifying = true;
	gpadls[0].state = CLIENT_GPADL_TEARING_DOWN;
	gpadls[2].state = CLIENT_GPADL_CREATING;
	ck_assert(!hear_rescind(7));
	ck_assert(hear_rescind(5));
	ck_assert(!hear_rescind(5));
	ck_assert(channel->rescinded && !channel->modifying);
	ck_assert_int_eq(channel->state, CLIENT_CHANNEL_OPEN_FAILED);
	ck_assert_int_eq(gpadls[0].state, CLIENT_GPADL_ABSENT);
	ck_assert_int_eq(gpadls[1].state, CLIENT_GPADL_FAILED);
	ck_assert(!other->rescinded && other->modifying);
	ck_assert_int_eq(other->state, CLIENT_CHANNEL_OPENING);
	ck_assert_int_eq(gpadls[2].state, CLIENT_GPADL_CREATING);
	gpadls[2].state = CLIENT_GPADL_READY;
	other->state = CLIENT_CHANNEL_OPEN;
	ck_assert(hear_rescind(6));
	ck_assert_int_eq(gpadls[2].state, CLIENT_GPADL_READY); /* lent still */
	ck_assert_int_eq(other->state, CLIENT_CHANNEL_OPEN);
	ck_assert_int_eq(client_release(&client, other), CLIENT_WRONG_STATE);
}
END_TEST

/* ---- GPADLs ---- */

START_TEST(a_page_list_goes_in_a_header_and_bodies)
{
	static const uint32_t counts[] = { 1, 26, 27, 54, 55, VMBUS_GPADL_PAGES_MAX };
	static uint64_t pfns[VMBUS_GPADL_PAGES_MAX];
	uint32_t count = counts[_i], sent = count < 26 ? count : 26, number = 1;
	struct client_channel *channel = connect_to_offer(5);
	const struct vmbus_gpadl_header header = {
		.header.type = VMBUS_GPADL_HEADER,
		.relid = 5,
		.gpadl = 0x1000,
		.range_buffer_bytes = (uint16_t)(8 + 8 * count),
		.range_count = 1,
		.range_bytes = count * 4096,
	};
	struct client_gpadl *gpadl;

	for (uint32_t i = 0; i < count; i++)
		pfns[i] = 0x123456789a00 + i;
	ck_assert_int_eq(client_gpadl_create(&client, channel, pfns, count, &gpadl),
	                 CLIENT_OK);
	ck_assert_uint_eq(posts[1].bytes, 28 + 8 * sent);
	ck_assert_uint_eq(posts[1].connection_id, 4);
	ck_assert_mem_eq(posts[1].payload, &header, sizeof(header));
	ck_assert_mem_eq(posts[1].payload + 28, pfns, 8 * sent);
	for (; sent < count; number++) {
		uint32_t more = count - sent < 28 ? count - sent : 28;
		const uint32_t body[4] = { VMBUS_GPADL_BODY, 0, number, 0x1000 };

		ck_assert_uint_eq(posts[1 + number].bytes, 16 + 8 * more);
		ck_assert_mem_eq(posts[1 + number].payload, body, sizeof(body));
		ck_assert_mem_eq(posts[1 + number].payload + 16, pfns + sent, 8 * more);
		sent += more;
	}
	ck_assert_uint_eq(post_count, 1 + number);
}
END_TEST

START_TEST(a_page_list_has_pages_and_room)
{
	static const uint64_t pfns[VMBUS_GPADL_PAGES_MAX + 1];
	struct client_channel *channel = connect_to_offer(5);
	struct client_gpadl *gpadl;

	ck_assert_int_eq(client_gpadl_create(&client, channel, pfns, 0, &gpadl),
	                 CLIENT_INVALID);
	ck_assert_int_eq(client_gpadl_create(&client, channel, pfns,
	                                     VMBUS_GPADL_PAGES_MAX + 1, &gpadl),
	                 CLIENT_INVALID);
	for (uint32_t i = 0; i < GPADLS; i++) {
		gpadl = lend(channel);
		ck_assert_ptr_eq(gpadl, &gpadls[i]);
		ck_assert_uint_eq(gpadl->id, 0x1000 + i);
		ck_assert_uint_eq(gpadl->relid, 5);
	}
	ck_assert_int_eq(client_gpadl_create(&client, channel, pfns, 1, &gpadl),
	                 CLIENT_NO_ROOM);
	gpadls[1].state = CLIENT_GPADL_ABSENT;
	ck_assert_ptr_eq(create(channel), &gpadls[1]);
	ck_assert_uint_eq(gpadls[1].id, 0x1003);
	channel->rescinded = true;
	ck_assert_int_eq(client_gpadl_create(&client, channel, pfns, 1, &gpadl),
	                 CLIENT_WRONG_STATE);
}
END_TEST

START_TEST(a_page_list_that_cannot_be_posted_is_not_gone_on_with)
{
	static const uint64_t pfns[100];
	struct client_channel *channel = connect_to_offer(5);
	struct client_gpadl *gpadl;

	posts_until_deaf = 2; /* the contact and the header */
	ck_assert_int_eq(client_gpadl_create(&client, channel, pfns, 100, &gpadl),
	                 CLIENT_POST_FAILED);
	ck_assert_uint_eq(post_count, 2);
}
END_TEST

START_TEST(an_answer_about_pages_names_them)
{
	struct client_channel *channel = connect_to_offer(5);
	struct client_gpadl *first = create(channel), *second = create(channel);
	static const uint32_t teardown[4] = { VMBUS_GPADL_TEARDOWN, 0, 5, 0x1001 };

	ck_assert(!hear_words(VMBUS_GPADL_CREATED, 6, second->id, 0, 5));
	ck_assert(!hear_words(VMBUS_GPADL_CREATED, 5, 0x1002, 0, 5));
	ck_assert(hear_created(second, 0));
	ck_assert(!hear_created(second, 0));
	ck_assert_int_eq(first->state, CLIENT_GPADL_CREATING);
	ck_assert(hear_created(first, 2));
	ck_assert_int_eq(first->state, CLIENT_GPADL_FAILED);
	ck_assert(!hear_words(VMBUS_GPADL_TORNDOWN, second->id, 0, 0, 3));
	ck_assert_int_eq(client_gpadl_teardown(&client, second), CLIENT_OK);
	assert_last_post(teardown, sizeof(teardown));
	ck_assert_int_eq(second->state, CLIENT_GPADL_TEARING_DOWN);
	ck_assert_int_eq(client_gpadl_teardown(&client, second), CLIENT_WRONG_STATE);
	ck_assert(!hear_words(VMBUS_GPADL_TORNDOWN, first->id, 0, 0, 3));
	ck_assert(hear_words(VMBUS_GPADL_TORNDOWN, second->id, 0, 0, 3));
	ck_assert_int_eq(second->state, CLIENT_GPADL_ABSENT);
	ck_assert_int_eq(client_gpadl_teardown(&client, first), CLIENT_OK);
	ck_assert_int_eq(first->state, CLIENT_GPADL_ABSENT);
	ck_assert_int_eq(client_gpadl_teardown(&client, first), CLIENT_WRONG_STATE);
}
END_TEST

/* ---- Sizes ---- */

/* What is awaited, so that each message means something when it is long enough. */
static void await_all(void)
{
	struct client_channel *channel;

	init(0);
	channel = connect_to_offer(5);
	(void)create(channel);
	(void)create(channel);
	gpadls[1].state = CLIENT_GPADL_TEARING_DOWN;
	channel->state = CLIENT_CHANNEL_OPENING;
	channel->modifying = true;
}

START_TEST(a_message_is_as_long_as_its_type_asks)
{
	static const struct {
		uint32_t words[5], bytes;
		enum client_state state;
	} cases[] = {
		{ { VMBUS_OFFER_CHANNEL }, 196, CLIENT_CONNECTED },
		{ { VMBUS_RESCIND_OFFER, 0, 5 }, 12, CLIENT_CONNECTED },
		{ { VMBUS_ALL_OFFERS_DELIVERED }, 8, CLIENT_CONNECTED },
		{ { VMBUS_OPEN_RESULT, 0, 5, 5 }, 20, CLIENT_CONNECTED },
		{ { VMBUS_GPADL_CREATED, 0, 5, 0x1000 }, 20, CLIENT_CONNECTED },
		{ { VMBUS_GPADL_TORNDOWN, 0, 0x1001 }, 12, CLIENT_CONNECTED },
		{ { VMBUS_MODIFY_CHANNEL_RESPONSE, 0, 5 }, 16, CLIENT_CONNECTED },
		{ { VMBUS_VERSION_RESPONSE, 0, 1, 4 }, 16, CLIENT_CONNECTING },
		{ { VMBUS_UNLOAD_RESPONSE }, 8, CLIENT_UNLOADING },
	};
	uint8_t message[VMBUS_MESSAGE_BYTES_MAX] = { 0 };
	const uint32_t relid = 9;

	memcpy(message, cases[_i].words, sizeof(cases[_i].words));
	if (_i == 0)
		memcpy(message + 184, &relid, 4);
	for (int state = CLIENT_DISCONNECTED; state <= CLIENT_UNLOADING; state++) {
		await_all();
		client.state = (enum client_state)state;
		for (uint32_t bytes = 0; bytes < cases[_i].bytes; bytes++)
			ck_assert(!hear(message, bytes));
		ck_assert_int_eq(hear(message, cases[_i].bytes),
		                 cases[_i].state == (enum client_state)state);
	}
	await_all();
	client.state = cases[_i].state;
	ck_assert(hear(message, sizeof(message)));
}
END_TEST

START_TEST(types_that_there_are_not_are_ignored)
{
	connect();
	for (uint32_t type = 0; type < 64; type++)
		if (type != VMBUS_ALL_OFFERS_DELIVERED)
			ck_assert(!hear_words(type, 0, 0, 0, 2));
	ck_assert(!hear_words(UINT32_MAX, 0, 0, 0, 5));
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("vmbus_client");
	TCase *tc = tcase_create("client");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, a_contact_is_tried_from_the_newest_version_down);
	tcase_add_loop_test(tc, no_version_is_tried_above_the_limit, 0, 6);
	tcase_add_test(tc, from_5_0_on_the_server_names_the_connection);
	tcase_add_test(tc, requests_without_arguments_are_a_header);
	tcase_add_test(tc, after_an_unload_all_is_forgotten);
	tcase_add_loop_test(tc, calls_need_a_connection, 0, 4);
	tcase_add_test(tc, offers_are_found_by_type_and_number);
	tcase_add_loop_test(tc, offers_that_cannot_be_are_ignored, 0, 5);
	tcase_add_test(tc, an_open_says_all_it_was_told);
	tcase_add_test(tc, an_open_needs_rings_of_its_channel_that_are_lent);
	tcase_add_test(tc, an_open_s_result_names_its_channel_twice);
	tcase_add_test(tc, a_close_and_a_release_name_the_channel);
	tcase_add_test(tc, a_release_frees_the_pages_of_its_channel);
	tcase_add_loop_test(tc, a_retarget_waits_for_its_answer_where_there_is_one, 0, 4);
	tcase_add_test(tc, a_rescind_ends_what_its_channel_waits_for_and_no_other);
	tcase_add_loop_test(tc, a_page_list_goes_in_a_header_and_bodies, 0, 6);
	tcase_add_test(tc, a_page_list_has_pages_and_room);
	tcase_add_test(tc, a_page_list_that_cannot_be_posted_is_not_gone_on_with);
	tcase_add_test(tc, an_answer_about_pages_names_them);
	tcase_add_loop_test(tc, a_message_is_as_long_as_its_type_asks, 0, 9);
	tcase_add_test(tc, types_that_there_are_not_are_ignored);
	suite_add_tcase(suite, tc);
	return suite;
}

UNIT_MAIN(make_suite)
