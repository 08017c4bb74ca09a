/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a controller leaves to the next process: what is taken, what is answered, and in which order. */
#include "unit.h"

#include <string.h>

#include "vsp/storage/core/in_flight.h"

#define ID    7u
#define OTHER 8u

static struct in_flight_table table;
static struct in_flight_channel *channel;
static uint16_t slots[IN_FLIGHT_SLOTS];
static uint32_t answered;

static void set_up(void)
{
	memset(&table, 0, sizeof(table));
	ck_assert(!in_flight_init(&table));
	channel = in_flight_open(&table, ID, 96);
	ck_assert_ptr_nonnull(channel);
}

static uint32_t resume(uint32_t write_index)
{
	ck_assert(in_flight_init(&table));
	ck_assert_ptr_eq(in_flight_find(&table, ID), channel);
	return in_flight_resume(&table, channel, write_index, slots, &answered);
}

static void take(uint32_t slot, uint32_t behind)
{
	in_flight_take(channel, &table.slots[slot], behind);
}

START_TEST(what_is_taken_and_not_answered_is_taken_up_in_its_order)
{
	take(200, 104);
	take(3, 112);
	take(90, 120);
	in_flight_answer(channel, 3, 88);
	in_flight_answered(&table, channel, 3);
	take(3, 128);
	ck_assert_uint_eq(resume(88), 3);
	ck_assert_uint_eq(slots[0], 200);
	ck_assert_uint_eq(slots[1], 90);
	ck_assert_uint_eq(slots[2], 3);
	ck_assert_uint_eq(answered, IN_FLIGHT_SLOTS);
	ck_assert_uint_eq(in_flight_read_index(channel), 128);
	/* And once more, should the next one die as well. */
	ck_assert_uint_eq(resume(88), 3);
}
END_TEST

/* The death may come between the two stores of in_flight_take(). */
START_TEST(what_is_not_taken_yet_is_in_the_ring_and_nowhere_else)
{
	take(0, 104);
	table.slots[1].channel = ID;
	table.slots[1].sequence = table.slots[0].sequence + 1;
	table.slots[1].busy = 1;
	ck_assert_uint_eq(resume(0), 1);
	ck_assert_uint_eq(slots[0], 0);
	ck_assert(!table.slots[1].busy);
	ck_assert_uint_eq(in_flight_read_index(channel), 104);
}
END_TEST

/* F2: on either side of the one store that shows the answer to the guest. */
START_TEST(an_answer_is_given_once_whenever_its_giver_dies)
{
	take(5, 104);
	take(6, 112);
	in_flight_answer(channel, 5, 880);
	if (_i == 0) { /* before it */
		ck_assert_uint_eq(resume(792), 2);
		ck_assert_uint_eq(slots[0], 5);
		ck_assert_uint_eq(answered, IN_FLIGHT_SLOTS);
	} else { /* behind it */
		ck_assert_uint_eq(resume(880), 1);
		ck_assert_uint_eq(slots[0], 6);
		ck_assert_uint_eq(answered, 5);
		ck_assert(!table.slots[5].busy);
	}
	/* The next owner's answers count anew. */
	ck_assert_uint_eq(resume(880), _i == 0 ? 2 : 1);
	ck_assert_uint_eq(answered, IN_FLIGHT_SLOTS);
}
END_TEST

START_TEST(a_slot_used_again_is_not_taken_for_the_answered_one)
{
	take(5, 104);
	in_flight_answer(channel, 5, 880);
	in_flight_answered(&table, channel, 5);
	take(5, 112);
	ck_assert_uint_eq(resume(880), 1);
	ck_assert_uint_eq(slots[0], 5);
}
END_TEST

START_TEST(an_answer_that_found_no_room_is_none_whatever_else_was_put)
{
	take(5, 104);
	in_flight_answer(channel, 5, 880);
	in_flight_answer_has_no_room(channel);
	ck_assert_uint_eq(resume(880), 1);
}
END_TEST

START_TEST(a_packet_nobody_waits_for_leaves_no_slot)
{
	in_flight_skip(channel, 104);
	take(1, 112);
	in_flight_skip(channel, 120);
	ck_assert_uint_eq(resume(0), 1);
	ck_assert_uint_eq(slots[0], 1);
	ck_assert_uint_eq(in_flight_read_index(channel), 120);
}
END_TEST

START_TEST(channels_do_not_see_each_others_requests)
{
	struct in_flight_channel *other = in_flight_open(&table, OTHER, 0);

	take(1, 104);
	in_flight_take(other, &table.slots[2], 8);
	in_flight_answer(channel, 2, 880); /* not its own: nonsense */
	ck_assert_uint_eq(resume(880), 1);
	ck_assert_uint_eq(slots[0], 1);
	ck_assert_uint_eq(answered, IN_FLIGHT_SLOTS);
	ck_assert(table.slots[2].busy);
	in_flight_close(&table, other);
	ck_assert(!table.slots[2].busy);
	ck_assert_ptr_null(in_flight_find(&table, OTHER));
	ck_assert(table.slots[1].busy);
}
END_TEST

START_TEST(a_channel_opened_anew_has_nothing_of_its_past)
{
	take(1, 104);
	in_flight_answer(channel, 1, 880);
	ck_assert_ptr_eq(in_flight_open(&table, ID, 40), channel);
	ck_assert_uint_eq(in_flight_read_index(channel), 40);
	ck_assert_uint_eq(resume(880), 0);
	ck_assert_uint_eq(answered, IN_FLIGHT_SLOTS);
}
END_TEST

START_TEST(the_order_holds_where_numbers_begin_anew)
{
	channel->taken = UINT64_C(0xfffffffe) << 32 | 96;
	take(9, 104);
	take(2, 112);
	take(5, 120);
	ck_assert_uint_eq(table.slots[5].sequence, 1);
	ck_assert_uint_eq(resume(0), 3);
	ck_assert_uint_eq(slots[0], 9);
	ck_assert_uint_eq(slots[1], 2);
	ck_assert_uint_eq(slots[2], 5);
}
END_TEST

START_TEST(there_are_so_many_channels_and_none_is_number_0)
{
	for (uint32_t id = 100; id < 100 + IN_FLIGHT_CHANNELS - 1; id++)
		ck_assert_ptr_nonnull(in_flight_open(&table, id, 0));
	ck_assert_ptr_null(in_flight_open(&table, 99, 0));
	ck_assert_ptr_null(in_flight_open(&table, 0, 0));
	ck_assert_ptr_nonnull(in_flight_open(&table, 100, 8));
}
END_TEST

/* Whatever stands there, what comes out is within bounds. */
START_TEST(a_table_that_a_hostile_owner_wrote_yields_slots_and_nothing_else)
{
	static const uint32_t evil[] = { 0, 1, 0x7fffffff, 0x80000000, 0xffffffff };
	uint32_t count;

	for (uint32_t i = 0; i < IN_FLIGHT_SLOTS; i++) {
		table.slots[i].busy = evil[(i + 1) % 5];
		table.slots[i].channel = i % 3 ? ID : OTHER;
		table.slots[i].sequence = evil[i % 5] + i;
	}
	channel->taken = (uint64_t)evil[_i] << 32 | evil[(_i + 1) % 5];
	channel->answering = (uint64_t)evil[_i] << 32 | evil[(_i + 2) % 5];
	count = resume(evil[(_i + 2) % 5]);
	ck_assert_uint_le(count, IN_FLIGHT_SLOTS);
	ck_assert_uint_le(answered, IN_FLIGHT_SLOTS);
	for (uint32_t i = 0; i < count; i++) {
		ck_assert_uint_lt(slots[i], IN_FLIGHT_SLOTS);
		ck_assert_uint_eq(table.slots[slots[i]].channel, ID);
		for (uint32_t j = 0; j < i; j++)
			ck_assert_uint_ne(slots[i], slots[j]);
	}
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("in_flight");
	TCase *tcase = tcase_create("in_flight");

	tcase_add_checked_fixture(tcase, set_up, NULL);
	tcase_add_test(tcase, what_is_taken_and_not_answered_is_taken_up_in_its_order);
	tcase_add_test(tcase, what_is_not_taken_yet_is_in_the_ring_and_nowhere_else);
	tcase_add_loop_test(tcase, an_answer_is_given_once_whenever_its_giver_dies, 0, 2);
	tcase_add_test(tcase, a_slot_used_again_is_not_taken_for_the_answered_one);
	tcase_add_test(tcase, an_answer_that_found_no_room_is_none_whatever_else_was_put);
	tcase_add_test(tcase, a_packet_nobody_waits_for_leaves_no_slot);
	tcase_add_test(tcase, channels_do_not_see_each_others_requests);
	tcase_add_test(tcase, a_channel_opened_anew_has_nothing_of_its_past);
	tcase_add_test(tcase, the_order_holds_where_numbers_begin_anew);
	tcase_add_test(tcase, there_are_so_many_channels_and_none_is_number_0);
	tcase_add_loop_test(
		tcase, a_table_that_a_hostile_owner_wrote_yields_slots_and_nothing_else,
		0, 5);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
