/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest pages that a GPA_DIRECT packet names, taken out of its header into arrays of
 * bounded size. Page numbers are copied, not checked: whoever maps them knows where the
 * guest's RAM is.
 */
#ifndef VIRIDIS_VMBUS_CORE_GPA_DIRECT_H
#define VIRIDIS_VMBUS_CORE_GPA_DIRECT_H

#include <stdint.h>
#include <viridis/abi/vmbus.h>

struct gpa_range {
	uint32_t bytes;     /* at least 1 */
	uint32_t offset;    /* into the first page, less than its size */
	uint32_t first_pfn; /* in gpa_list.pfns */
	uint32_t page_count;
};

/* The arrays and their sizes are the caller's; gpa_direct_parse() sets the rest. */
struct gpa_list {
	struct gpa_range *ranges;
	uint32_t range_capacity;
	uint64_t *pfns;
	uint32_t pfn_capacity;

	uint32_t range_count;
	uint32_t pfn_count;
	uint64_t bytes; /* of all ranges */
};

enum gpa_direct_status {
	GPA_DIRECT_OK,
	GPA_DIRECT_MALFORMED, /* too short for its counts, empty range, bad offset */
	GPA_DIRECT_TOO_LONG,  /* more ranges or pages than the caller takes */
};

/* How many of the `count` page numbers follow one another, from the first on: at least 1. */
static inline uint32_t gpa_run_length(const uint64_t *pfns, uint32_t count)
{
	uint32_t run = 1;

	while (run < count && pfns[run] == pfns[0] + run)
		run++;
	return run;
}

/*
 * `header` is ring_received.header, private memory. Bytes after the last range are
 * ignored: Linux sends a descriptor with room for 32 pages however few it uses.
 */
MUST_CHECK enum gpa_direct_status
gpa_direct_parse(struct gpa_list *list, const void *header, uint32_t header_bytes);

#endif
