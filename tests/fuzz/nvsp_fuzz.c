/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NVSP messages and ranges of the receive buffer: what is let through is in bounds. */
#include <stdlib.h>
#include <viridis/base/bits.h>
#include <viridis/base/cursor.h>
#include "vmbus/class/nvsp.h"
#include "vmbus/core/xfer_pages.h"

#define BUFFER_BYTES 65536u
#define CHANNELS     3u

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static void check(bool true_always)
{
	if (!true_always)
		abort();
}

static void check_part(const struct nvsp_message *message)
{
	struct nvsp_receive_part part;

	if (!nvsp_receive_part_read(message, BUFFER_BYTES, &part))
		return;
	check(part.offset == 0 && part.section_count != 0);
	check((uint64_t)part.section_bytes * part.section_count <= BUFFER_BYTES);
}

static void check_table(const uint8_t *payload, uint32_t bytes)
{
	uint32_t entries[NVSP_INDIRECTION_ENTRIES];

	if (!nvsp_table_read(payload, bytes, CHANNELS, entries))
		return;
	for (unsigned int i = 0; i < ARRAY_COUNT(entries); i++)
		check(entries[i] < CHANNELS);
}

static void check_ranges(const uint8_t *header, uint32_t bytes)
{
	struct vmbus_xfer_range ranges[4];
	struct xfer_list list = { .ranges = ranges, .range_capacity = 4 };

	if (!xfer_pages_parse(&list, header, bytes, BUFFER_BYTES))
		return;
	check(list.range_count >= 1 && list.range_count <= 4);
	for (uint32_t i = 0; i < list.range_count; i++)
		check((uint64_t)ranges[i].offset + ranges[i].bytes <= BUFFER_BYTES);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct cursor c = cursor_over(input, size);

	while (cursor_left(&c) != 0 && !c.overrun) {
		uint32_t bytes = cursor_u8(&c) % 128;
		const uint8_t *payload = cursor_take(&c, bytes);
		struct nvsp_message message;
		uint32_t version;

		if (!payload)
			break;
		check_table(payload, bytes);
		check_ranges(payload, bytes);
		if (!nvsp_read(&message, payload, bytes))
			continue;
		check_part(&message);
		version = nvsp_choose_version(message.body.init.version_min,
		                              message.body.init.version_max);
		check(version == 0 || (version >= message.body.init.version_min &&
		                       version <= message.body.init.version_max));
	}
	return 0;
}
