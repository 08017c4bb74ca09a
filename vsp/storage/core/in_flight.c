/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each step is one store, and what it depends on is stored before it. The next owner is another process that
 * looks when this one is dead: release order keeps the compiler to it, and nothing has to pair with it.
 */
#include "vsp/storage/core/in_flight.h"

#include <stddef.h>
#include <viridis/base/mem.h>

#define MAGIC UINT64_C(0x3154484746494e49) /* "INIFGHT1" */

#define STORE(to, value) __atomic_store_n(&(to), value, __ATOMIC_RELEASE)

static uint64_t pair(uint32_t high, uint32_t low)
{
	return (uint64_t)high << 32 | low;
}

static uint32_t last_sequence(const struct in_flight_channel *channel)
{
	return (uint32_t)(channel->taken >> 32);
}

bool in_flight_init(struct in_flight_table *table)
{
	if (table->magic == MAGIC)
		return true;
	memset(table, 0, offsetof(struct in_flight_table, slots));
	memset(table->disks, 0, sizeof(table->disks));
	for (uint32_t i = 0; i < IN_FLIGHT_SLOTS; i++)
		table->slots[i].busy = 0;
	STORE(table->magic, MAGIC);
	return false;
}

static void free_slots(struct in_flight_table *table, uint32_t id)
{
	for (uint32_t i = 0; i < IN_FLIGHT_SLOTS; i++)
		if (table->slots[i].channel == id)
			STORE(table->slots[i].busy, 0u);
}

struct in_flight_channel *in_flight_find(struct in_flight_table *table, uint32_t id)
{
	for (uint32_t i = 0; i < IN_FLIGHT_CHANNELS; i++)
		if (table->channels[i].id == id)
			return &table->channels[i];
	return NULL;
}

struct in_flight_channel *in_flight_open(struct in_flight_table *table, uint32_t id,
                                         uint32_t read_index)
{
	struct in_flight_channel *channel = in_flight_find(table, id);

	if (id == 0)
		return NULL;
	if (!channel)
		channel = in_flight_find(table, 0);
	if (!channel)
		return NULL;
	free_slots(table, id);
	*channel = (struct in_flight_channel){ .taken = pair(0, read_index) };
	STORE(channel->id, id);
	return channel;
}

void in_flight_close(struct in_flight_table *table, struct in_flight_channel *channel)
{
	free_slots(table, channel->id);
	STORE(channel->id, 0u);
}

uint32_t in_flight_read_index(const struct in_flight_channel *channel)
{
	return (uint32_t)channel->taken;
}

void in_flight_take(struct in_flight_channel *channel, struct in_flight_slot *slot,
                    uint32_t index_behind)
{
	uint32_t sequence = last_sequence(channel) + 1;

	slot->channel = channel->id;
	slot->sequence = sequence;
	STORE(slot->busy, 1u);
	STORE(channel->taken, pair(sequence, index_behind)); /* F1 */
}

void in_flight_skip(struct in_flight_channel *channel, uint32_t index_behind)
{
	STORE(channel->taken, pair(last_sequence(channel), index_behind));
}

void in_flight_answer(struct in_flight_channel *channel, uint32_t slot,
                      uint32_t index_behind)
{
	STORE(channel->answering, pair(slot + 1, index_behind)); /* F2 */
}

void in_flight_answer_has_no_room(struct in_flight_channel *channel)
{
	STORE(channel->answering, UINT64_C(0)); /* F3 */
}

void in_flight_answered(struct in_flight_table *table, struct in_flight_channel *channel,
                        uint32_t slot)
{
	STORE(table->slots[slot].busy, 0u);
	STORE(channel->answering, UINT64_C(0));
}

/* The busy slot whose answer stands in the ring already; F2. */
static uint32_t find_answered(const struct in_flight_table *table,
                              const struct in_flight_channel *channel,
                              uint32_t write_index)
{
	uint32_t slot = (uint32_t)(channel->answering >> 32) - 1;

	if (channel->answering == 0 || (uint32_t)channel->answering != write_index ||
	    slot >= IN_FLIGHT_SLOTS || !table->slots[slot].busy ||
	    table->slots[slot].channel != channel->id)
		return IN_FLIGHT_SLOTS;
	return slot;
}

/* F1: one that is not taken yet is in the ring, too. */
static bool is_taken(const struct in_flight_channel *channel,
                     const struct in_flight_slot *slot)
{
	return (int32_t)(last_sequence(channel) - slot->sequence) >= 0;
}

/* By their order in the ring; there are few. */
static void insert(const struct in_flight_table *table, uint16_t *slots, uint32_t count,
                   uint16_t added)
{
	uint32_t at = count;

	while (at > 0 && (int32_t)(table->slots[slots[at - 1]].sequence -
	                           table->slots[added].sequence) > 0) {
		slots[at] = slots[at - 1];
		at--;
	}
	slots[at] = added;
}

uint32_t in_flight_resume(struct in_flight_table *table,
                          struct in_flight_channel *channel, uint32_t write_index,
                          uint16_t slots[IN_FLIGHT_SLOTS], uint32_t *answered)
{
	uint32_t count = 0;

	*answered = find_answered(table, channel, write_index);
	for (uint32_t i = 0; i < IN_FLIGHT_SLOTS; i++) {
		struct in_flight_slot *slot = &table->slots[i];

		if (!slot->busy || slot->channel != channel->id)
			continue;
		if (i == *answered || !is_taken(channel, slot))
			STORE(slot->busy, 0u);
		else
			insert(table, slots, count++, (uint16_t)i);
	}
	STORE(channel->answering, UINT64_C(0));
	return count;
}
