/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ranges that an XFER_PAGES packet names, taken out of its header into an array of
 * bounded size: pieces of memory that the receiver had lent to the sender.
 */
#ifndef VIRIDIS_VMBUS_CORE_XFER_PAGES_H
#define VIRIDIS_VMBUS_CORE_XFER_PAGES_H

#include <stdbool.h>
#include <stdint.h>
#include <viridis/abi/vmbus.h>

/* The array is the caller's; xfer_pages_parse() sets the rest. */
struct xfer_list {
	struct vmbus_xfer_range *ranges;
	uint32_t range_capacity;
	uint32_t range_count; /* at least 1 */
	uint16_t page_set;
};

/*
 * `header` is ring_received.header, private memory. False: too short for its count, more
 * ranges than the caller takes, or one that is not within the `memory_bytes` lent.
 */
MUST_CHECK bool xfer_pages_parse(struct xfer_list *list, const void *header,
                                 uint32_t header_bytes, uint32_t memory_bytes);

#endif
