/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Order in the firmware's memory map. */
#include "root-partition/loader/core/memory_map.h"

/* Insertion sort: the firmware's map is short and all but sorted. */
void memory_map_sort(struct boot_info *info)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < info->range_count; i++) {
		struct memory_range range = info->ranges[i];
		unsigned int at = kept;

		if (range.start >= range.end)
			continue;
		for (; at > 0 && info->ranges[at - 1].start > range.start; at--)
			info->ranges[at] = info->ranges[at - 1];
		info->ranges[at] = range;
		kept++;
	}
	info->range_count = kept;
}
