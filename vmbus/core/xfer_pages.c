/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rest of an XFER_PAGES header:
 *
 *   u16 page set, u8 sender owns, u8 reserved, u32 range count, { u32 bytes, u32 offset }[]
 */
#include "vmbus/core/xfer_pages.h"
#include <viridis/base/cursor.h>

bool xfer_pages_parse(struct xfer_list *list, const void *header, uint32_t header_bytes,
                      uint32_t memory_bytes)
{
	struct cursor c = cursor_over(header, header_bytes);

	list->page_set = cursor_le16(&c);
	cursor_skip(&c, 2);
	list->range_count = cursor_le32(&c);
	if (c.overrun || list->range_count == 0 ||
	    list->range_count > list->range_capacity)
		return false;
	for (uint32_t i = 0; i < list->range_count; i++) {
		struct vmbus_xfer_range *range = &list->ranges[i];

		range->bytes = cursor_le32(&c);
		range->offset = cursor_le32(&c);
		if (range->offset > memory_bytes ||
		    range->bytes > memory_bytes - range->offset)
			return false;
	}
	return !c.overrun;
}
