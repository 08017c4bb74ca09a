/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions about the machine's memory as the boot found it. */
#include "hypervisor/core/boot_info.h"

#include <viridis/base/bits.h>

bool boot_info_add(struct boot_info *info, uint64_t start, uint64_t end, uint32_t type)
{
	if (start >= end)
		return true;
	if (info->range_count == BOOT_MAX_RANGES)
		return false;
	info->ranges[info->range_count++] = (struct memory_range){ start, end, type };
	return true;
}

static bool meets(const struct memory_range *range, uint64_t start, uint64_t end)
{
	return start < range->end && range->start < end;
}

static bool is_free(const struct boot_info *info, uint64_t start, uint64_t end)
{
	bool in_ram = false;

	for (unsigned int i = 0; i < info->range_count; i++) {
		const struct memory_range *range = &info->ranges[i];

		if (range->type == MEMORY_RAM)
			in_ram |= start >= range->start && end <= range->end;
		else if (meets(range, start, end))
			return false;
	}
	return in_ram;
}

/* The highest block that fits ends below the limit, the end of RAM, or the start of something else. */
uint64_t boot_info_find_free(const struct boot_info *info, uint64_t bytes, uint64_t align,
                             uint64_t low, uint64_t limit)
{
	uint64_t best = 0;

	for (unsigned int i = 0; bytes != 0 && i < info->range_count; i++) {
		const struct memory_range *range = &info->ranges[i];
		uint64_t top = range->type == MEMORY_RAM ? range->end : range->start;

		top = top < limit ? top : limit;
		if (top <= low || bytes > top - low)
			continue;
		uint64_t start = round_down(top - bytes, align);

		if (start >= low && start > best && is_free(info, start, start + bytes))
			best = start;
	}
	return best;
}

uint64_t boot_info_ram_gibs(const struct boot_info *info)
{
	uint64_t gibs = 0;

	for (uint64_t gib = 0; gib < BOOT_MAX_GIBS; gib++) {
		bool found = false;

		for (unsigned int i = 0; !found && i < info->range_count; i++)
			found = info->ranges[i].type == MEMORY_RAM &&
			        meets(&info->ranges[i], gib * PAGE_1G,
			              (gib + 1) * PAGE_1G);
		gibs += found;
	}
	return gibs;
}
