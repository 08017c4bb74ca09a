/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions about the machine's memory as the boot found it. */
#include "hypervisor/core/boot_info.h"

#include <viridis/base/bits.h>

static bool meets(uint64_t start, uint64_t end, uint64_t other_start, uint64_t other_end)
{
	return start < other_end && other_start < end;
}

/*
 * If something other than free RAM lies in [start, end), lower *limit to where that begins: no
 * block that reaches past there can do.
 */
static bool lower_limit(const struct boot_info *info, uint64_t start, uint64_t end,
                        uint64_t *limit)
{
	uint64_t lowest = UINT64_MAX;

	for (unsigned int i = 0; i < info->range_count; i++) {
		const struct memory_range *r = &info->ranges[i];

		if (r->type != MEMORY_RAM && meets(start, end, r->start, r->end))
			lowest = r->start < lowest ? r->start : lowest;
	}
	for (unsigned int i = 0; i < info->module_count; i++) {
		const struct boot_module *m = &info->modules[i];

		if (meets(start, end, m->start, m->end))
			lowest = m->start < lowest ? m->start : lowest;
	}
	if (meets(start, end, info->image_start, info->image_end))
		lowest = info->image_start < lowest ? info->image_start : lowest;
	if (meets(start, end, info->reserve_start, info->reserve_end))
		lowest = info->reserve_start < lowest ? info->reserve_start : lowest;
	*limit = lowest;
	return lowest != UINT64_MAX;
}

/* The highest fitting block within one range of RAM, or 0. Each turn passes one obstacle. */
static uint64_t find_in_range(const struct boot_info *info,
                              const struct memory_range *range, uint64_t bytes,
                              uint64_t align, uint64_t low, uint64_t limit)
{
	uint64_t floor = range->start > low ? range->start : low;
	uint64_t top = range->end < limit ? range->end : limit;
	uint64_t obstacle;

	while (top > floor && bytes <= top - floor) {
		uint64_t start = round_down(top - bytes, align);

		if (start < floor)
			return 0;
		if (!lower_limit(info, start, start + bytes, &obstacle))
			return start;
		top = obstacle;
	}
	return 0;
}

uint64_t boot_info_find_free(const struct boot_info *info, uint64_t bytes, uint64_t align,
                             uint64_t low, uint64_t limit)
{
	uint64_t best = 0;

	if (bytes == 0)
		return 0;
	for (unsigned int i = 0; i < info->range_count; i++) {
		if (info->ranges[i].type != MEMORY_RAM)
			continue;
		uint64_t start =
			find_in_range(info, &info->ranges[i], bytes, align, low, limit);

		best = start > best ? start : best;
	}
	return best;
}

uint64_t boot_info_ram_bytes(const struct boot_info *info)
{
	uint64_t bytes = 0;

	for (unsigned int i = 0; i < info->range_count; i++)
		if (info->ranges[i].type == MEMORY_RAM)
			bytes += info->ranges[i].end - info->ranges[i].start;
	return bytes;
}

/* The ranges are sorted, so a GiB already counted is the last one counted. */
uint64_t boot_info_ram_gibs(const struct boot_info *info)
{
	uint64_t gibs = 0, next = 0;

	for (unsigned int i = 0; i < info->range_count; i++) {
		const struct memory_range *range = &info->ranges[i];
		uint64_t first = range->start / PAGE_1G;
		uint64_t end = (range->end - 1) / PAGE_1G + 1;

		if (range->type != MEMORY_RAM || end <= next)
			continue;
		gibs += end - (first > next ? first : next);
		next = end;
	}
	return gibs;
}
