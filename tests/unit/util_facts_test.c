/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rounds of questions about a guest, which the test plays. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "vsp/util/core/util_facts.h"

#define MAC_A "52:54:00:00:00:0a"
#define MAC_B "52:54:00:00:00:0b"

static struct util_service service;
static struct util_facts facts;
static struct kvp_request request;
static uint8_t packet[UTIL_PACKET_BYTES];
static uint32_t packet_bytes;

static void set_up(void)
{
	struct ic_agreement agreed;

	memset(&facts, 0, sizeof(facts));
	util_init(&service, UTIL_KVP);
	packet_bytes = util_open(&service, packet);
	ck_assert(ic_answer_negotiate(packet, packet_bytes, &ic_kvp_versions, &agreed));
	ck_assert_int_eq(util_receive(&service, packet, packet_bytes, 0),
	                 UTIL_EVENT_READY);
	ck_assert(util_facts_add_adapter(&facts, MAC_A));
	ck_assert(util_facts_add_adapter(&facts, MAC_B));
}

/* False: the round is over. */
static bool next(void)
{
	struct ic_message message;

	packet_bytes = util_facts_next(&facts, &service, 0, packet);
	if (packet_bytes == 0)
		return false;
	ck_assert(ic_decode(&message, packet, packet_bytes));
	ck_assert(kvp_decode_request(&message, &request));
	return true;
}

static void answered(void)
{
	util_facts_answered(&facts, util_receive(&service, packet, packet_bytes, 0),
	                    packet, packet_bytes);
}

/* A guest with so many items in each pool, that knows the addresses of MAC_A alone. */
static void answer(unsigned int names, unsigned int items)
{
	struct kvp_item item;
	const struct kvp_adapter adapter = { .addresses = "10.0.2.15" };
	bool adapters = request.operation == KVP_GET_ADDRESSES;

	snprintf(item.key, sizeof(item.key), "key %u", request.index);
	snprintf(item.value, sizeof(item.value), "of pool %u", request.pool);
	if (adapters && strcmp(request.mac, "52:54:00:00:00:0A") == 0)
		kvp_answer_adapter(packet, &adapter);
	else if (adapters ||
	         request.index >= (request.pool == KVP_POOL_AUTO ? names : items))
		ic_answer(packet, 0x80070103);
	else
		kvp_answer_item(packet, &item);
	answered();
}

static unsigned int round_of(unsigned int names, unsigned int items)
{
	unsigned int questions = 0;

	util_facts_begin(&facts);
	for (; next(); questions++)
		answer(names, items);
	return questions;
}

START_TEST(a_guest_nobody_asks_about_is_not_asked)
{
	ck_assert(!next());
	ck_assert(!service.pending);
}
END_TEST

START_TEST(a_round_asks_for_all_there_is)
{
	ck_assert_uint_eq(round_of(10, 2), 11 + 3 + 2);
	ck_assert_uint_eq(facts.names.count, 10);
	ck_assert_str_eq(facts.names.item[9].key, "key 9");
	ck_assert_str_eq(facts.names.item[9].value, "of pool 2");
	ck_assert_uint_eq(facts.items.count, 2);
	ck_assert_str_eq(facts.items.item[1].value, "of pool 1");
	ck_assert(facts.adapters[0].known);
	ck_assert_str_eq(facts.adapters[0].told.addresses, "10.0.2.15");
	ck_assert(!facts.adapters[1].known);
	ck_assert(!next());
}
END_TEST

START_TEST(the_next_round_tells_what_is_gone)
{
	(void)round_of(10, 2);
	ck_assert_uint_eq(round_of(3, 0), 4 + 1 + 2);
	ck_assert_uint_eq(facts.names.count, 3);
	ck_assert_uint_eq(facts.items.count, 0);
}
END_TEST

START_TEST(a_guest_with_no_end_of_items_is_cut_off)
{
	ck_assert_uint_eq(round_of(1000000, 1000000), 2 * UTIL_ITEMS_MAX + 2);
	ck_assert_uint_eq(facts.names.count, UTIL_ITEMS_MAX);
	ck_assert_uint_eq(facts.items.count, UTIL_ITEMS_MAX);
}
END_TEST

START_TEST(an_answer_to_something_else_ends_the_list)
{
	struct ic_message message;

	util_facts_begin(&facts);
	ck_assert(next());
	packet[IC_HEADERS_BYTES] =
		KVP_GET_ADDRESSES; /* the request's number, another's answer */
	ic_answer(packet, IC_STATUS_OK);
	ck_assert(ic_decode(&message, packet, packet_bytes));
	answered();
	ck_assert_uint_eq(facts.names.count, 0);
	ck_assert(next());
	ck_assert_uint_eq(request.pool, KVP_POOL_GUEST);
}
END_TEST

START_TEST(a_silent_guest_ends_the_round_and_leaves_its_facts)
{
	(void)round_of(10, 2);
	util_facts_begin(&facts);
	ck_assert(next());
	util_facts_answered(&facts, UTIL_EVENT_SILENT, NULL, 0);
	ck_assert_int_eq(facts.step, UTIL_STEP_NONE);
	ck_assert(!next());
	ck_assert_uint_eq(facts.names.count, 10);
}
END_TEST

START_TEST(a_round_that_is_under_way_goes_on)
{
	util_facts_begin(&facts);
	ck_assert(next());
	answer(10, 0);
	util_facts_begin(&facts);
	ck_assert(next());
	ck_assert_uint_eq(request.index, 1);
}
END_TEST

START_TEST(a_guest_that_does_not_listen_is_not_asked)
{
	util_close(&service);
	util_facts_begin(&facts);
	ck_assert(!next());
	ck_assert_int_eq(facts.step, UTIL_STEP_NONE);
}
END_TEST

/* They change while MAC_A is asked for: its answer is no other's, and is asked for again. */
START_TEST(adapters_change_and_keep_what_they_told)
{
	static struct util_facts before;

	util_facts_begin(&facts);
	while (next() && request.operation != KVP_GET_ADDRESSES)
		answer(1, 0);
	before = facts;
	util_facts_forget_adapters(&facts);
	util_facts_keep_adapter(&facts, &before, MAC_B);
	util_facts_keep_adapter(&facts, &before, MAC_A);
	answer(1, 0);
	ck_assert(!facts.adapters[0].known && !facts.adapters[1].known);
	ck_assert_uint_eq(facts.index, 0);
	while (next())
		answer(1, 0);
	ck_assert(!facts.adapters[0].known && facts.adapters[1].known);
	before = facts;
	util_facts_forget_adapters(&facts);
	ck_assert_uint_eq(facts.adapter_count, 0);
	util_facts_keep_adapter(&facts, &before, MAC_A);
	ck_assert_uint_eq(facts.adapter_count, 1);
	ck_assert_str_eq(facts.adapters[0].told.addresses, "10.0.2.15");
	ck_assert_uint_eq(round_of(1, 0), 4);
}
END_TEST

START_TEST(adapters_are_macs_and_few)
{
	ck_assert(!util_facts_add_adapter(&facts, "52:54:00:00:00:0"));
	ck_assert(!util_facts_add_adapter(&facts, "52:54:00:00:00:0a0"));
	ck_assert(!util_facts_add_adapter(&facts, ""));
	ck_assert_uint_eq(facts.adapter_count, 2);
	while (facts.adapter_count < UTIL_ADAPTERS_MAX)
		ck_assert(util_facts_add_adapter(&facts, MAC_A));
	ck_assert(!util_facts_add_adapter(&facts, MAC_A));
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("util_facts");
	TCase *tcase = tcase_create("rounds");

	tcase_add_checked_fixture(tcase, set_up, NULL);
	tcase_add_test(tcase, a_guest_nobody_asks_about_is_not_asked);
	tcase_add_test(tcase, a_round_asks_for_all_there_is);
	tcase_add_test(tcase, the_next_round_tells_what_is_gone);
	tcase_add_test(tcase, a_guest_with_no_end_of_items_is_cut_off);
	tcase_add_test(tcase, an_answer_to_something_else_ends_the_list);
	tcase_add_test(tcase, a_silent_guest_ends_the_round_and_leaves_its_facts);
	tcase_add_test(tcase, a_round_that_is_under_way_goes_on);
	tcase_add_test(tcase, a_guest_that_does_not_listen_is_not_asked);
	tcase_add_test(tcase, adapters_change_and_keep_what_they_told);
	tcase_add_test(tcase, adapters_are_macs_and_few);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
