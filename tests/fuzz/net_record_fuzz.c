/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The record that a network provider leaves to the next, with anything in it: it is refused, or what comes out of it is in
 * bounds and its sections are whole.
 */
#include <stdlib.h>
#include <string.h>
#include <viridis/base/cursor.h>

#include "vsp/net/core/net_record.h"

#define CHANNEL  1u
#define SECTIONS 24u

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static struct net_record record;
static struct net_state state;

static void check(bool true_always)
{
	if (!true_always)
		abort();
}

static const struct net_settings settings = {
	.mac = { 0x02, 0x00, 0x5e, 0x10, 0x00, 0x01 },
	.mtu = 1500,
	.queues = 4,
	.capabilities = { .checksum_tx = true, .checksum_rx = true, .lso = true },
};

/* An adapter at work, whose receive buffer has so many sections that the guest has some of. */
static void make(struct cursor *c)
{
	struct net_buffer_status *buffer = &state.device.buffers[NET_RECEIVE_BUFFER];

	memset(&state, 0, sizeof(state));
	net_device_init(&state.device, &settings);
	*buffer = (struct net_buffer_status){
		.state = NET_BUFFER_MAPPED,
		.section_bytes = net_device_receive_section(&state.device),
		.section_count = SECTIONS,
	};
	net_record_init(&record);
	net_sections_init(&record.sections, SECTIONS);
	net_record_open(&record, 0, CHANNEL, cursor_le32(c), &state);
	for (uint32_t i = cursor_u8(c) % SECTIONS; i != 0; i--)
		(void)net_sections_take(&record.sections, 1);
}

/* Where, and which byte; of the heads more often than of the rest. */
static void damage(struct cursor *c)
{
	uint8_t *bytes = (uint8_t *)&record;

	while (cursor_left(c) >= 4) {
		uint32_t at = cursor_u8(c) & 1 ? 0 : cursor_u8(c) << 8;

		bytes[(at + cursor_u8(c)) % sizeof(record)] = cursor_u8(c);
	}
}

static void check_sections(void)
{
	static bool seen[NET_SECTIONS_MAX];
	const struct net_sections *sections = &record.sections;
	uint32_t ours = 0;

	memset(seen, 0, sizeof(seen));
	check(sections->count <= NET_SECTIONS_MAX);
	check(sections->free_count <= sections->count);
	for (uint32_t i = 0; i < sections->free_count; i++) {
		uint32_t section = net_sections_peek(sections, i);

		check(section < sections->count && !seen[section]);
		check(sections->state[section] == NET_SECTION_FREE);
		seen[section] = true;
	}
	for (uint32_t i = 0; i < sections->count; i++)
		ours += sections->state[i] == NET_SECTION_FREE;
	check(ours == sections->free_count);
}

static void check_state(void)
{
	const struct net_device *device = &state.device;

	check(device->mtu >= NET_MTU_MIN && device->mtu <= settings.mtu);
	check(device->sub_channels < NET_QUEUES_MAX);
	check(device->multicast_count <= NET_MULTICAST_MAX);
	check(state.answer_bytes <= sizeof(state.answer));
	check(!device->offloads.rsc && !device->offloads.ipv4_checksum_tx);
	for (uint32_t i = 0; i < device->rss.entry_count; i++)
		check(device->rss.entries[i] < settings.queues);
	if (state.asked == NET_ASKED_LOAN)
		check(device->buffers[state.asked_buffer].state == NET_BUFFER_MAPPING);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct cursor c = cursor_over(input, size);
	uint32_t write = cursor_le32(&c);

	make(&c);
	damage(&c);
	if (!net_record_resume(&record, &settings, &state))
		return 0;
	check_state();
	check_sections();
	for (uint32_t i = 0; i < NET_QUEUES_MAX; i++) {
		net_record_resume_queue(&record, i, write, &state);
		check(record.queues[i].completion.bytes <= sizeof(struct nvsp_message));
	}
	check_state();
	check_sections();
	for (uint64_t id = 0; id <= record.sections.count; id++)
		if (net_sections_return(&record.sections, id))
			check_sections();
	check(record.sections.free_count == record.sections.count);
	return 0;
}
