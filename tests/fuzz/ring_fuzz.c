/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A ring whose peer writes what the input says between any two calls: both ends on one
 * memory, the GPA_DIRECT parser behind the consumer. Reads and writes stay inside the
 * ring (the sanitizer sees to that), private indexes stay in bounds, corruption stays
 * reported.
 */
#include <stdlib.h>
#include <viridis/base/bits.h>
#include <viridis/base/cursor.h>
#include "vmbus/core/gpa_direct.h"
#include "vmbus/core/ring.h"

#define DATA_BYTES 4096u

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

struct world {
	struct vmbus_ring_control control;
	uint8_t data[DATA_BYTES];
};

static void check(bool true_always)
{
	if (!true_always)
		abort();
}

static void parse_ranges(const struct ring_received *packet)
{
	struct gpa_range ranges[4];
	uint64_t pfns[64];
	struct gpa_list list = {
		.ranges = ranges,
		.range_capacity = ARRAY_COUNT(ranges),
		.pfns = pfns,
		.pfn_capacity = ARRAY_COUNT(pfns),
	};

	if (gpa_direct_parse(&list, packet->header, packet->header_bytes) !=
	    GPA_DIRECT_OK)
		return;
	check(list.range_count <= ARRAY_COUNT(ranges) &&
	      list.pfn_count <= ARRAY_COUNT(pfns));
	for (uint32_t i = 0; i < list.range_count; i++)
		check(ranges[i].page_count <= list.pfn_count - ranges[i].first_pfn);
}

/* A buffer of its own size, so that one byte too many is seen. */
static void consume(struct ring_consumer *rx, uint32_t buffer_bytes)
{
	uint8_t *buffer = malloc(buffer_bytes);
	struct ring_received packet;
	bool was_corrupt = rx->corrupt;
	enum ring_status status = ring_peek(rx, buffer, buffer_bytes, &packet);

	check(!was_corrupt || status == RING_CORRUPT);
	if (status == RING_OK) {
		check(packet.header_bytes + packet.payload_bytes <= buffer_bytes);
		parse_ranges(&packet);
	}
	if (status == RING_OK || status == RING_TOO_LONG)
		ring_advance(rx);
	check(rx->read < DATA_BYTES && rx->read % 8 == 0);
	free(buffer);
}

static void produce(struct ring_producer *tx, uint32_t payload_bytes)
{
	static const uint8_t payload[DATA_BYTES];
	bool signal = false;
	bool was_corrupt = tx->corrupt;
	enum ring_status status = ring_put_inband(
		tx, 1, 0, payload, payload_bytes % (DATA_BYTES + 1), &signal);

	check(!was_corrupt || status == RING_CORRUPT);
	check(tx->write < DATA_BYTES && tx->write % 8 == 0);
}

static void step(struct cursor *c, struct world *world, struct ring_producer *tx,
                 struct ring_consumer *rx)
{
	uint8_t action = cursor_u8(c);
	uint16_t argument = cursor_le16(c);

	switch (action % 10) {
	case 0:
		world->control.write_index = cursor_le32(c);
		break;
	case 1:
		world->control.read_index = cursor_le32(c);
		break;
	case 2:
		world->control.pending_send_bytes = cursor_le32(c);
		break;
	case 3: /* a well-placed index */
		world->control.write_index = argument * 8u % DATA_BYTES;
		break;
	case 4: /* bytes where the consumer will read */
		for (uint32_t i = 0; i < argument % 64; i++)
			world->data[(rx->read + i) % DATA_BYTES] = cursor_u8(c);
		break;
	case 5:
		consume(rx, argument % 5000);
		break;
	case 6:
		produce(tx, argument);
		break;
	case 7:
		if (ring_release(rx))
			check(!rx->corrupt);
		break;
	case 8:
		if (ring_drain_end(rx))
			check(world->control.interrupt_mask == 1);
		break;
	default: /* a successor takes over */
		if (ring_consumer_init(rx, &rx->memory) != RING_OK)
			check(rx->corrupt);
		if (ring_producer_init(tx, &tx->memory) != RING_OK)
			check(tx->corrupt);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct cursor c = cursor_over(input, size);
	struct world *world = calloc(1, sizeof(*world));
	const struct ring_memory memory = {
		.control = &world->control,
		.data = world->data,
		.data_bytes = DATA_BYTES,
	};
	struct ring_producer tx;
	struct ring_consumer rx;

	check(ring_producer_init(&tx, &memory) == RING_OK);
	check(ring_consumer_init(&rx, &memory) == RING_OK);
	while (cursor_left(&c) != 0 && !c.overrun)
		step(&c, world, &tx, &rx);
	free(world);
	return 0;
}
