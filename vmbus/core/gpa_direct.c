/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rest of a GPA_DIRECT header:
 *
 *   u32 reserved, u32 range count, per range { u32 bytes, u32 offset, u64 pfn[] }
 */
#include "vmbus/core/gpa_direct.h"
#include <viridis/base/bits.h>
#include <viridis/base/cursor.h>

static enum gpa_direct_status parse_range(struct gpa_list *list, struct cursor *c)
{
	uint32_t bytes = cursor_le32(c);
	uint32_t offset = cursor_le32(c);
	uint64_t pages;

	if (c->overrun || bytes == 0 || offset >= VMBUS_PAGE_BYTES)
		return GPA_DIRECT_MALFORMED;
	pages = round_up((uint64_t)offset + bytes, VMBUS_PAGE_BYTES) / VMBUS_PAGE_BYTES;
	if (pages > cursor_left(c) / 8)
		return GPA_DIRECT_MALFORMED;
	if (pages > list->pfn_capacity - list->pfn_count)
		return GPA_DIRECT_TOO_LONG;
	list->ranges[list->range_count++] = (struct gpa_range){
		.bytes = bytes,
		.offset = offset,
		.first_pfn = list->pfn_count,
		.page_count = (uint32_t)pages,
	};
	cursor_copy(c, &list->pfns[list->pfn_count], pages * 8);
	list->pfn_count += (uint32_t)pages;
	list->bytes += bytes;
	return GPA_DIRECT_OK;
}

enum gpa_direct_status gpa_direct_parse(struct gpa_list *list, const void *header,
                                        uint32_t header_bytes)
{
	struct cursor c = cursor_over(header, header_bytes);
	enum gpa_direct_status status = GPA_DIRECT_OK;
	uint32_t count;

	list->range_count = 0;
	list->pfn_count = 0;
	list->bytes = 0;
	cursor_skip(&c, 4); /* reserved; Linux leaves it as it finds it */
	count = cursor_le32(&c);
	if (c.overrun || count == 0)
		return GPA_DIRECT_MALFORMED;
	if (count > list->range_capacity)
		return GPA_DIRECT_TOO_LONG;
	for (uint32_t i = 0; i < count && status == GPA_DIRECT_OK; i++)
		status = parse_range(list, &c);
	return status;
}
