/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table that storage leaves to its next process. First a controller that dies between any two steps, beside a
 * model: nothing taken is lost, nothing answered is taken up. Then a table with anything in it: what comes out of it is in
 * bounds.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <viridis/base/cursor.h>

#include "vsp/storage/core/in_flight.h"

#define ID        7u
#define OTHER     8u
#define FIRST     96u
#define NO_ANSWER UINT32_MAX

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static struct in_flight_table table;

/* What the guest has seen and waits for. */
static struct model {
	uint32_t order
		[IN_FLIGHT_SLOTS]; /* slots that were taken and not answered, the oldest first */
	uint32_t count;
	uint32_t read_index;
	uint32_t write_index;
	uint32_t answering; /* whose answer is noted; NO_ANSWER: of none */
	bool put;           /* and the guest has it */
} model;

static void check(bool true_always)
{
	if (!true_always)
		abort();
}

static void forget(uint32_t slot)
{
	uint32_t at = 0;

	while (at < model.count && model.order[at] != slot)
		at++;
	check(at < model.count);
	model.count--;
	memmove(&model.order[at], &model.order[at + 1],
	        (model.count - at) * sizeof(model.order[0]));
}

static void take(struct in_flight_channel *channel, uint32_t slot)
{
	if (table.slots[slot].busy)
		return;
	model.read_index += 8;
	in_flight_take(channel, &table.slots[slot], model.read_index);
	model.order[model.count++] = slot;
}

/* The steps of one answer come one after the other (F3), and the owner may die after each. */
static void answer(struct in_flight_channel *channel, uint8_t which)
{
	if (model.answering == NO_ANSWER) {
		if (model.count == 0)
			return;
		model.answering = model.order[which % model.count];
		model.put = false;
		in_flight_answer(channel, model.answering, model.write_index + 16);
	} else if (!model.put && which % 4 == 0) {
		in_flight_answer_has_no_room(channel);
		model.answering = NO_ANSWER;
	} else if (!model.put) {
		model.write_index += 16;
		model.put = true;
	} else {
		in_flight_answered(&table, channel, model.answering);
		forget(model.answering);
		model.answering = NO_ANSWER;
	}
}

static struct in_flight_channel *die(void)
{
	static uint16_t slots[IN_FLIGHT_SLOTS];
	struct in_flight_channel *channel;
	uint32_t answered;

	check(in_flight_init(&table));
	channel = in_flight_find(&table, ID);
	check(channel && in_flight_read_index(channel) == model.read_index);
	if (model.answering != NO_ANSWER && model.put)
		forget(model.answering);
	check(in_flight_resume(&table, channel, model.write_index, slots, &answered) ==
	      model.count);
	check(answered == (model.answering != NO_ANSWER && model.put ? model.answering :
	                                                               IN_FLIGHT_SLOTS));
	for (uint32_t i = 0; i < model.count; i++)
		check(slots[i] == model.order[i]);
	model.answering = NO_ANSWER;
	return channel;
}

static void live(struct cursor *c)
{
	struct in_flight_channel *channel, *other;

	table.magic = 0; /* all else may be left of the run before */
	model = (struct model){ .read_index = FIRST, .answering = NO_ANSWER };
	check(!in_flight_init(&table));
	channel = in_flight_open(&table, ID, FIRST);
	other = in_flight_open(&table, OTHER, 0);
	check(channel && other);
	in_flight_take(other, &table.slots[0], 8); /* which stays as it is */
	while (cursor_left(c) != 0) {
		uint8_t what = cursor_u8(c);

		if (what < 0x60)
			take(channel, cursor_u8(c));
		else if (what < 0xc0)
			answer(channel, what);
		else if (what < 0xe0)
			in_flight_skip(channel, model.read_index += 8);
		else
			channel = die();
		check(table.slots[0].busy && table.slots[0].channel == OTHER);
	}
}

/* The bytes are the table's heads, over and over. */
static void fill(const uint8_t *input, size_t size)
{
	size_t at = 0;
	uint8_t *head = (uint8_t *)&table;

	for (size_t i = 0; i < offsetof(struct in_flight_table, slots); i++)
		head[i] = input[at++ % size];
	for (uint32_t slot = 0; slot < IN_FLIGHT_SLOTS; slot++) {
		head = (uint8_t *)&table.slots[slot];
		for (size_t i = 0; i < offsetof(struct in_flight_slot, bytes); i++)
			head[i] = input[at++ % size];
	}
}

static void inherit(const uint8_t *input, size_t size, uint32_t id, uint32_t write_index)
{
	static uint16_t slots[IN_FLIGHT_SLOTS];
	struct in_flight_channel *channel;
	uint32_t count, answered;
	bool seen[IN_FLIGHT_SLOTS] = { false };

	fill(input, size);
	table.magic = 0;
	check(!in_flight_init(&table)); /* and now it is a table */
	fill(input, size);
	channel = in_flight_find(&table, id);
	if (!channel || id == 0)
		return;
	count = in_flight_resume(&table, channel, write_index, slots, &answered);
	check(count <= IN_FLIGHT_SLOTS && answered <= IN_FLIGHT_SLOTS);
	for (uint32_t i = 0; i < count; i++) {
		check(slots[i] < IN_FLIGHT_SLOTS && !seen[slots[i]]);
		seen[slots[i]] = true;
		check(table.slots[slots[i]].busy && table.slots[slots[i]].channel == id);
	}
	check(answered == IN_FLIGHT_SLOTS || !seen[answered]);
	in_flight_close(&table, channel);
	for (uint32_t i = 0; i < IN_FLIGHT_SLOTS; i++)
		check(!table.slots[i].busy || table.slots[i].channel != id);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct cursor c = cursor_over(input, size);
	bool hostile = cursor_u8(&c) & 1;
	uint32_t id, write_index;

	if (!hostile) {
		live(&c);
		return 0;
	}
	id = cursor_le32(&c);
	write_index = cursor_le32(&c);
	if (cursor_left(&c) != 0)
		inherit(input + c.at, size - c.at, id, write_index);
	return 0;
}
