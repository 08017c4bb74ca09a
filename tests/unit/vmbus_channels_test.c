/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The server's channels: page lists, rings, and that many channels are each treated as one is. S1..S6:
 * vmbus/core/server.h
 */
#include <viridis/base/bits.h>
#include "tests/unit/unit.h"
#include "tests/unit/vmbus_talk.h"

/* ---- GPADLs ---- */

START_TEST(a_refused_list_has_one_answer)
{
	struct page_list list = list_of(2, 7, 4);
	struct vmbus_gpadl_body body = { .header.type = VMBUS_GPADL_BODY, .gpadl = 9 };

	connect_to_offers(2);
	list.head.range_count = 2;
	ck_assert_int_eq(say_list(&list, 4), SERVER_OK);
	assert_answer(5, VMBUS_GPADL_CREATED, 2, 7, VMBUS_STATUS_FAILURE);
	ck_assert_str_eq(owner.line, "GPADL refused");
	ck_assert_uint_eq(owner.line_relid, 2);
	lend(2, 7, 4);
	list = list_of(2, 7, 4);
	ck_assert_int_eq(say_list(&list, 4), SERVER_OK);
	assert_answer(5, VMBUS_GPADL_CREATED, 2, 7, VMBUS_STATUS_FAILURE);
	list = list_of(2, 9, 30);
	ck_assert_int_eq(say_list(&list, 26), SERVER_OK);
	assert_silence();
	ck_assert_int_eq(server_receive(server, &body, sizeof(body)), SERVER_OK);
	assert_answer(5, VMBUS_GPADL_CREATED, 2, 9, VMBUS_STATUS_FAILURE);
	list = list_of(3, 8, 4); /* no such relid */
	ck_assert_int_eq(say_list(&list, 4), SERVER_OK);
	assert_answer(5, VMBUS_GPADL_CREATED, 3, 8, VMBUS_STATUS_FAILURE);
	list = list_of(2, 10, OWNER_PAGES + 1);
	ck_assert_int_eq(say_list(&list, 26), SERVER_OK);
	assert_answer(5, VMBUS_GPADL_CREATED, 2, 10, VMBUS_STATUS_LOW_RESOURCES);
	ck_assert_uint_eq(owner.accepts, 1);
	assert_silence();
}
END_TEST

START_TEST(a_list_in_pieces_is_accepted_when_it_is_whole)
{
	const struct page_list list = list_of(1, 9, 28);
	struct {
		struct vmbus_gpadl_body head;
		uint64_t pfns[2];
	} body = { { .header.type = VMBUS_GPADL_BODY, .gpadl = 9 }, { 1, 2 } };
	const uint64_t *pfns;

	connect_to_offers(1);
	ck_assert_int_eq(say_list(&list, 26), SERVER_OK);
	ck_assert_ptr_null(server_gpadl(server, 1, 9, &pfns));
	ck_assert_int_eq(server_receive(server, &body, 24), SERVER_OK);
	assert_silence();
	body.pfns[0] = OWNER_RAM_PFNS; /* it is the last page now */
	ck_assert_int_eq(server_receive(server, &body, 24), SERVER_OK);
	assert_answer(5, VMBUS_GPADL_CREATED, 1, 9, VMBUS_STATUS_FAILURE);
	ck_assert_int_eq(say_list(&list, 26), SERVER_OK);
	body.pfns[0] = 1;
	ck_assert_int_eq(server_receive(server, &body, 32), SERVER_OK);
	assert_answer(5, VMBUS_GPADL_CREATED, 1, 9, VMBUS_STATUS_OK);
	ck_assert_ptr_nonnull(server_gpadl(server, 1, 9, &pfns));
	ck_assert_uint_eq(pfns[27], 2);
}
END_TEST

START_TEST(a_list_that_is_not_whole_is_torn_down_at_once)
{
	const struct page_list list = list_of(1, 9, 30);

	connect_to_offers(1);
	ck_assert_int_eq(say_list(&list, 26), SERVER_OK);
	ck_assert_int_eq(say(VMBUS_GPADL_TEARDOWN, 1, 9, 4), SERVER_OK);
	assert_answer(3, VMBUS_GPADL_TORNDOWN, 9, 0, 0);
	ck_assert_uint_eq(owner.releases, 0);
	ck_assert(gpadl_table_empty(&server->gpadls));
}
END_TEST

START_TEST(pages_are_let_go_by_relid_and_id)
{
	connect_to_offers(2);
	lend(1, 7, 4);
	lend(2, 7, 4);
	lend(2, 8, 4);
	ck_assert_int_eq(say(VMBUS_GPADL_TEARDOWN, 2, 8, 4), SERVER_OK);
	ck_assert_uint_eq(owner.relid, 2);
	ck_assert_uint_eq(owner.gpadl_id, 8);
	assert_answer(3, VMBUS_GPADL_TORNDOWN, 8, 0, 0);
	owner.hold = true;
	ck_assert_int_eq(say(VMBUS_GPADL_TEARDOWN, 1, 7, 4), SERVER_OK);
	ck_assert_uint_eq(owner.releases, 2);
	ck_assert_uint_eq(owner.relid, 1);
	server_release_complete(server, 2, 7);
	assert_silence();
	server_release_complete(server, 1, 7);
	assert_answer(3, VMBUS_GPADL_TORNDOWN, 7, 0, 0);
	ck_assert_uint_eq(owner.releases, 2);
}
END_TEST

/* ---- Rings ---- */

START_TEST(rings_are_a_page_of_control_and_one_of_data_each)
{
	static const struct {
		uint32_t pages, downstream, target_vp;
		bool good;
	} cases[] = {
		{ 4, 2, 0, true },
		{ 3, 2, 0, false },
		{ 3, 1, 0, false },
		{ 4, 1, 0, false },
		{ 4, 3, 0, false },
		{ 10, 2, 0, true },
		{ 10, 8, 0, true },
		{ 10, 9, 0, false },
		{ 10, UINT32_MAX, 0, false },
		{ 10, 4, 1, true },
		{ 10, 4, 2, false },
		{ 10, 4, VMBUS_VP_NONE, true },
		{ 10, 4, VMBUS_VP_NONE - 1, false },
	};
	static const uint8_t user_data[VMBUS_USER_DATA_BYTES] = { 1, 2, 3, [119] = 4 };

	connect_to_offers(1);
	lend(1, 7, cases[_i].pages);
	ck_assert_int_eq(say_open(1, 7, cases[_i].downstream, cases[_i].target_vp),
	                 SERVER_OK);
	assert_answer(5, VMBUS_OPEN_RESULT, 1, 71,
	              cases[_i].good ? VMBUS_STATUS_OK : VMBUS_STATUS_FAILURE);
	ck_assert_uint_eq(owner.opens, cases[_i].good);
	ck_assert_uint_eq(owner.starts, cases[_i].good);
	if (!cases[_i].good) {
		ck_assert_str_eq(owner.line, "open refused: no such rings or VP");
		return;
	}
	ck_assert_uint_eq(owner.rings.upstream_pages, cases[_i].downstream);
	ck_assert_uint_eq(owner.rings.downstream_pages,
	                  cases[_i].pages - cases[_i].downstream);
	ck_assert_uint_eq(owner.rings.target_vp, cases[_i].target_vp);
	ck_assert_uint_eq(server_channel(server, 1)->target_vp, cases[_i].target_vp);
	ck_assert_mem_eq(owner.user_data, user_data, sizeof(user_data));
}
END_TEST

START_TEST(rings_are_whole_pages_of_their_own_channel)
{
	struct page_list list = list_of(1, 7, 5);

	connect_to_offers(2);
	list.head.range_bytes = 4 * VMBUS_PAGE_BYTES;
	list.head.range_offset = 8; /* so there are five pages */
	ck_assert_int_eq(say_list(&list, 5), SERVER_OK);
	assert_answer(5, VMBUS_GPADL_CREATED, 1, 7, VMBUS_STATUS_OK);
	ck_assert_int_eq(say_open(1, 7, 2, 1), SERVER_OK);
	assert_answer(5, VMBUS_OPEN_RESULT, 1, 71, VMBUS_STATUS_FAILURE);
	list = list_of(1, 8, 5);
	list.head.range_bytes -= 8;
	ck_assert_int_eq(say_list(&list, 5), SERVER_OK);
	assert_answer(5, VMBUS_GPADL_CREATED, 1, 8, VMBUS_STATUS_OK);
	ck_assert_int_eq(say_open(1, 8, 2, 1), SERVER_OK);
	assert_answer(5, VMBUS_OPEN_RESULT, 1, 71, VMBUS_STATUS_FAILURE);
	lend(2, 9, 5);
	ck_assert_int_eq(say_open(1, 9, 2, 1), SERVER_OK);
	assert_answer(5, VMBUS_OPEN_RESULT, 1, 71, VMBUS_STATUS_FAILURE);
	ck_assert_int_eq(say_open(3, 9, 2, 1), SERVER_OK);
	assert_answer(5, VMBUS_OPEN_RESULT, 3, 73, VMBUS_STATUS_FAILURE);
	ck_assert_str_eq(owner.line, "open of a relid that is not offered");
	ck_assert_uint_eq(owner.opens, 0);
}
END_TEST

START_TEST(an_open_that_waits_is_answered_when_it_is_closed_or_withdrawn)
{
	connect_to_offers(2);
	open_channel(1, 7);
	open_channel(2, 8);
	owner.hold = true;
	for (uint32_t relid = 1; relid <= 2; relid++) {
		ck_assert_int_eq(say(VMBUS_CLOSE_CHANNEL, relid, 0, 3), SERVER_OK);
		ck_assert_int_eq(say_open(relid, relid + 6, 4, 1), SERVER_OK);
		assert_ignored(say_open(relid, relid + 6, 4, 1), relid,
		               "open of an open channel");
		assert_silence();
	}
	ck_assert_int_eq(say(VMBUS_CLOSE_CHANNEL, 1, 0, 3), SERVER_OK);
	assert_answer(5, VMBUS_OPEN_RESULT, 1, 71, VMBUS_STATUS_FAILURE);
	ck_assert_int_eq(server_rescind(server, 2), SERVER_OK);
	assert_answer(5, VMBUS_OPEN_RESULT, 2, 72, VMBUS_STATUS_FAILURE);
	ck_assert_int_eq(say(VMBUS_CLOSE_CHANNEL, 1, 0, 3), SERVER_OK);
	assert_silence();
	server_close_complete(server, 1);
	ck_assert_uint_eq(owner.opens, 2);
}
END_TEST

START_TEST(a_retarget_needs_an_open_channel_and_a_vp)
{
	connect_to_offers(2);
	ck_assert_int_eq(say(VMBUS_MODIFY_CHANNEL, 2, 1, 4), SERVER_OK);
	assert_answer(4, VMBUS_MODIFY_CHANNEL_RESPONSE, 2, VMBUS_STATUS_FAILURE, 0);
	ck_assert_str_eq(owner.line, "modify refused: channel not open, or no such VP");
	open_channel(2, 7);
	ck_assert_int_eq(say(VMBUS_MODIFY_CHANNEL, 2, 0, 4), SERVER_OK);
	assert_answer(4, VMBUS_MODIFY_CHANNEL_RESPONSE, 2, VMBUS_STATUS_OK, 0);
	ck_assert_uint_eq(owner.relid, 2);
	ck_assert_uint_eq(server_channel(server, 2)->target_vp, 0);
	ck_assert_int_eq(say(VMBUS_MODIFY_CHANNEL, 2, VMBUS_VP_NONE, 4), SERVER_OK);
	assert_answer(4, VMBUS_MODIFY_CHANNEL_RESPONSE, 2, VMBUS_STATUS_OK, 0);
	ck_assert_int_eq(say(VMBUS_MODIFY_CHANNEL, 2, 2, 4), SERVER_OK);
	assert_answer(4, VMBUS_MODIFY_CHANNEL_RESPONSE, 2, VMBUS_STATUS_FAILURE, 0);
	ck_assert_int_eq(say(VMBUS_MODIFY_CHANNEL, 3, 0, 4), SERVER_OK);
	assert_answer(4, VMBUS_MODIFY_CHANNEL_RESPONSE, 3, VMBUS_STATUS_FAILURE, 0);
	ck_assert_uint_eq(owner.retargets, 2);
	server->version = VMBUS_VERSION_4_1;
	ck_assert_int_eq(say(VMBUS_MODIFY_CHANNEL, 2, 0, 4), SERVER_OK);
	ck_assert_uint_eq(owner.retargets, 3);
	assert_silence();
}
END_TEST

START_TEST(a_declined_offer_gives_its_pages_back)
{
	connect_to_offers(2);
	lend(2, 7, 4);
	ck_assert_int_eq(say(VMBUS_RELID_RELEASED, 2, 0, 3), SERVER_OK);
	ck_assert_uint_eq(owner.releases, 1);
	ck_assert(!server_channel(server, 2)->announced);
	assert_silence();
	ck_assert_int_eq(say_open(2, 7, 2, 1), SERVER_OK);
	assert_answer(5, VMBUS_OPEN_RESULT, 2, 72, VMBUS_STATUS_FAILURE);
	ck_assert_int_eq(server_rescind(server, 2), SERVER_OK);
	ck_assert_uint_eq(owner.gone, 1); /* nobody knows it */
	assert_silence();
}
END_TEST

/* ---- All channels ---- */

/* Channels 1 and 4 are open; the last one lets go last. */
START_TEST(a_connection_ends_when_every_channel_is_quiet)
{
	connect_to_offers(OWNER_CHANNELS);
	open_channel(1, 7);
	open_channel(OWNER_CHANNELS, 8);
	lend(2, 9, 4);
	owner.hold = true;
	ck_assert_int_eq(say(VMBUS_UNLOAD, 0, 0, 2), SERVER_OK);
	ck_assert_uint_eq(owner.closes, 2);
	ck_assert_uint_eq(owner.releases, 1);
	server_release_complete(server, 2, 9);
	server_close_complete(server, 1);
	server_release_complete(server, 1, 7);
	assert_silence();
	server_close_complete(server, OWNER_CHANNELS);
	assert_silence();
	server_release_complete(server, OWNER_CHANNELS, 8);
	assert_answer(2, VMBUS_UNLOAD_RESPONSE, 0, 0, 0);
	for (uint32_t relid = 1; relid <= OWNER_CHANNELS; relid++) {
		ck_assert_int_eq(server_channel(server, relid)->offer_state,
		                 SERVER_OFFER_HIDDEN);
		ck_assert(!server_channel(server, relid)->announced);
	}
	ck_assert_uint_eq(owner.gone, 0);
}
END_TEST

/* Who waits for the answer to its UNLOAD or its contact is not told of devices of the connection before. */
START_TEST(a_connection_that_ends_has_no_more_offers_and_rescinds)
{
	const struct vmbus_initiate_contact again = contact(VMBUS_VERSION_5_3);

	connect_to_offers(2);
	open_channel(1, 7);
	ck_assert_uint_eq(owner_offer(&owner, 3), 3); /* due */
	ck_assert_int_eq(server_rescind(server, 2), SERVER_OK);
	owner.hold = true;
	if (_i == 0)
		ck_assert_int_eq(say_contact(&again), SERVER_OK);
	else
		ck_assert_int_eq(say(VMBUS_UNLOAD, 0, 0, 2), SERVER_OK);
	assert_silence();
	server_close_complete(server, 1);
	assert_silence();
	ck_assert_uint_eq(owner_offer(&owner, 4), 4);
	assert_silence();
	server_release_complete(server, 1, 7);
	if (_i == 0)
		assert_answer(4, VMBUS_VERSION_RESPONSE, 1, 4, 0);
	else
		assert_answer(2, VMBUS_UNLOAD_RESPONSE, 0, 0, 0);
	assert_silence();
	ck_assert_int_eq(server_channel(server, 3)->offer_state, SERVER_OFFER_HIDDEN);
	ck_assert(!server_channel(server, 3)->announced);
	ck_assert_ptr_null(server_channel(server, 2));
}
END_TEST

/* Whoever connects anew has asked for none. */
START_TEST(sub_channels_end_with_the_connection)
{
	struct server_offer offer;
	uint32_t sub;

	connect_to_offers(1);
	offer = server_channel(server, 1)->offer;
	offer.sub_channel_index = 1;
	offer.connection_id += 100;
	ck_assert_int_eq(server_offer(server, &offer, &sub), SERVER_OK);
	ck_assert_int_eq(say(VMBUS_UNLOAD, 0, 0, 2), SERVER_OK);
	ck_assert_uint_eq(owner.gone, 1);
	ck_assert_ptr_null(server_channel(server, sub));
	ck_assert_ptr_nonnull(server_channel(server, 1));
}
END_TEST

START_TEST(an_owner_s_reset_is_told_whatever_the_client_does_then)
{
	const struct vmbus_initiate_contact message = contact(VMBUS_VERSION_5_3);

	connect_to_offers(2);
	open_channel(2, 7);
	owner.hold = true;
	server_reset(server);
	if (_i == 0)
		ck_assert_int_eq(say(VMBUS_UNLOAD, 0, 0, 2), SERVER_OK);
	else
		ck_assert_int_eq(say_contact(&message), SERVER_OK);
	ck_assert_uint_eq(owner.resets, 0);
	server_close_complete(server, 2);
	server_release_complete(server, 2, 7);
	ck_assert_uint_eq(owner.resets, 1);
	if (_i == 0)
		assert_answer(2, VMBUS_UNLOAD_RESPONSE, 0, 0, 0);
	else
		assert_answer(4, VMBUS_VERSION_RESPONSE, 1, 4, 0);
	assert_silence();
	server_reset(server);
	ck_assert_uint_eq(owner.resets, 2);
	ck_assert_uint_eq(server->after_reset, 0);
}
END_TEST

START_TEST(a_client_that_is_gone_hears_no_more_of_its_requests)
{
	const struct page_list part = list_of(1, 9, 30);

	connect_to_offers(2);
	open_channel(2, 7);
	lend(1, 8, 4);
	ck_assert_int_eq(say_list(&part, 26), SERVER_OK);
	owner.hold = true;
	ck_assert_int_eq(say(VMBUS_GPADL_TEARDOWN, 1, 8, 4), SERVER_OK);
	ck_assert_int_eq(say(VMBUS_GPADL_TEARDOWN, 2, 7, 4), SERVER_OK);
	ck_assert_int_eq(say(VMBUS_CLOSE_CHANNEL, 2, 0, 3), SERVER_OK);
	ck_assert_int_eq(say_open(2, 7, 4, 1), SERVER_OK);
	server_reset(server);
	ck_assert_uint_eq(server->version, 0);
	server_release_complete(server, 1, 8);
	server_close_complete(server, 2);
	ck_assert_uint_eq(owner.opens, 1);
	server_release_complete(server, 2, 7);
	ck_assert_uint_eq(owner.resets, 1);
	ck_assert(gpadl_table_empty(&server->gpadls));
	ck_assert(!server->offers_requested);
	assert_silence();
	ck_assert_uint_ne(owner_offer(&owner, 9), 0);
	assert_silence();
}
END_TEST

START_TEST(an_open_that_fails_while_it_is_closed_needs_no_close)
{
	connect_to_offers(1);
	lend(1, 7, 10);
	owner.hold = true;
	ck_assert_int_eq(say_open(1, 7, 4, 1), SERVER_OK);
	ck_assert_int_eq(say(VMBUS_CLOSE_CHANNEL, 1, 0, 3), SERVER_OK);
	server_open_complete(server, 1, VMBUS_STATUS_LOW_RESOURCES);
	assert_answer(5, VMBUS_OPEN_RESULT, 1, 71, VMBUS_STATUS_LOW_RESOURCES);
	ck_assert_uint_eq(owner.closes, 0);
	ck_assert(!server_channel(server, 1)->close_wanted);
	owner.hold = false;
	ck_assert_int_eq(say_open(1, 7, 4, 1), SERVER_OK);
	assert_answer(5, VMBUS_OPEN_RESULT, 1, 71, VMBUS_STATUS_OK);
	ck_assert_uint_eq(owner.closes, 0);
}
END_TEST

/* S6: neither another answer about its relid nor an older one starts it. */
START_TEST(a_channel_starts_with_the_answer_to_its_open_and_no_other)
{
	const struct page_list list = list_of(1, 8, 4);

	connect_to_offers(1);
	lend(1, 7, 10);
	owner.hold = true;
	ck_assert_int_eq(say_open(1, 7, 4, 1), SERVER_OK);
	server_open_complete(server, 1, VMBUS_STATUS_FAILURE);
	ck_assert_int_eq(say_list(&list, 4), SERVER_OK);
	ck_assert_int_eq(say_open(1, 7, 4, 1), SERVER_OK);
	server_open_complete(server, 1, VMBUS_STATUS_OK);
	ck_assert_int_eq(server_channel(server, 1)->state, SERVER_CHANNEL_OPEN);
	assert_answer(5, VMBUS_OPEN_RESULT, 1, 71, VMBUS_STATUS_FAILURE);
	assert_answer(5, VMBUS_GPADL_CREATED, 1, 8, VMBUS_STATUS_OK);
	ck_assert_uint_eq(owner.starts, 0);
	assert_answer(5, VMBUS_OPEN_RESULT, 1, 71, VMBUS_STATUS_OK);
	ck_assert_uint_eq(owner.starts, 1);
}
END_TEST

/* S6: nor does the answer to an open that was closed before it was delivered. */
START_TEST(a_channel_opened_twice_starts_with_the_second_answer)
{
	connect_to_offers(1);
	lend(1, 7, 10);
	for (unsigned int i = 0; i < 2; i++) {
		ck_assert_int_eq(say_open(1, 7, 4, 1), SERVER_OK);
		if (i == 0)
			ck_assert_int_eq(say(VMBUS_CLOSE_CHANNEL, 1, 0, 3), SERVER_OK);
	}
	ck_assert_int_eq(server_channel(server, 1)->state, SERVER_CHANNEL_OPEN);
	assert_answer(5, VMBUS_OPEN_RESULT, 1, 71, VMBUS_STATUS_OK);
	ck_assert_uint_eq(owner.starts, 0);
	assert_answer(5, VMBUS_OPEN_RESULT, 1, 71, VMBUS_STATUS_OK);
	ck_assert_uint_eq(owner.starts, 1);
}
END_TEST

START_TEST(rescinds_go_before_offers_and_those_before_the_end_of_offers)
{
	for (uint8_t i = 1; i <= 3; i++)
		ck_assert_uint_eq(owner_offer(&owner, i), i);
	connect();
	ck_assert_int_eq(say(VMBUS_REQUEST_OFFERS, 0, 0, 2), SERVER_OK);
	ck_assert(server_next_message(server, &out));
	server_message_done(server);
	ck_assert_int_eq(server_rescind(server, 1), SERVER_OK);
	assert_answer(3, VMBUS_RESCIND_OFFER, 1, 0, 0);
	for (uint32_t relid = 2; relid <= 3; relid++) {
		ck_assert(server_next_message(server, &out));
		ck_assert_uint_eq(out.payload[184], relid);
		server_message_done(server);
	}
	assert_answer(2, VMBUS_ALL_OFFERS_DELIVERED, 0, 0, 0);
	assert_silence();
}
END_TEST

START_TEST(a_message_is_given_again_until_it_is_done)
{
	connect_to_offers(1);
	for (unsigned int i = 0; i < 3 * OWNER_QUEUE; i++) {
		lend(1, 7, 1);
		ck_assert_int_eq(say(VMBUS_GPADL_TEARDOWN, 1, 7, 4), SERVER_OK);
		ck_assert(server_next_message(server, &out));
		ck_assert_uint_eq(out.payload[0], VMBUS_GPADL_TORNDOWN);
		assert_answer(3, VMBUS_GPADL_TORNDOWN, 7, 0, 0);
		server_message_done(server); /* there is none */
		assert_silence();
	}
}
END_TEST

START_TEST(room_is_kept_for_every_answer_that_may_be_owed)
{
	const struct page_list list = list_of(1, 7, 1);

	connect_to_offers(1);
	lend(1, 7, 1);
	for (unsigned int i = 0; i < 16; i++)
		ck_assert_int_eq(say_list(&list, 1), SERVER_OK); /* a second one */
	ck_assert_int_eq(say_list(&list, 1), SERVER_BUSY);
	ck_assert_int_eq(say(VMBUS_REQUEST_OFFERS, 0, 0, 2), SERVER_BUSY);
	assert_answer(5, VMBUS_GPADL_CREATED, 1, 7, VMBUS_STATUS_FAILURE);
	ck_assert_int_eq(say_list(&list, 1), SERVER_OK);
	ck_assert_int_eq(say_list(&list, 1), SERVER_BUSY);
}
END_TEST

static TCase *channels_case(void)
{
	TCase *tc = tcase_create("channels");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, a_refused_list_has_one_answer);
	tcase_add_test(tc, a_list_in_pieces_is_accepted_when_it_is_whole);
	tcase_add_test(tc, a_list_that_is_not_whole_is_torn_down_at_once);
	tcase_add_test(tc, pages_are_let_go_by_relid_and_id);
	tcase_add_loop_test(tc, rings_are_a_page_of_control_and_one_of_data_each, 0, 13);
	tcase_add_test(tc, rings_are_whole_pages_of_their_own_channel);
	tcase_add_test(tc, an_open_that_waits_is_answered_when_it_is_closed_or_withdrawn);
	tcase_add_test(tc, a_retarget_needs_an_open_channel_and_a_vp);
	tcase_add_test(tc, a_declined_offer_gives_its_pages_back);
	tcase_add_test(tc, a_connection_ends_when_every_channel_is_quiet);
	tcase_add_loop_test(tc, a_connection_that_ends_has_no_more_offers_and_rescinds, 0,
	                    2);
	tcase_add_test(tc, sub_channels_end_with_the_connection);
	tcase_add_loop_test(tc, an_owner_s_reset_is_told_whatever_the_client_does_then, 0,
	                    2);
	tcase_add_test(tc, a_client_that_is_gone_hears_no_more_of_its_requests);
	tcase_add_test(tc, an_open_that_fails_while_it_is_closed_needs_no_close);
	tcase_add_test(tc, a_channel_starts_with_the_answer_to_its_open_and_no_other);
	tcase_add_test(tc, a_channel_opened_twice_starts_with_the_second_answer);
	tcase_add_test(tc, rescinds_go_before_offers_and_those_before_the_end_of_offers);
	tcase_add_test(tc, a_message_is_given_again_until_it_is_done);
	tcase_add_test(tc, room_is_kept_for_every_answer_that_may_be_owed);
	return tc;
}

static Suite *make_suite(void)
{
	Suite *suite = suite_create("vmbus_channels");

	suite_add_tcase(suite, channels_case());
	return suite;
}

UNIT_MAIN(make_suite)
