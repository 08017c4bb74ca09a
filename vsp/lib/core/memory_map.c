/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guest physical addresses to memfd offsets: making, checking and looking up the map. */
#include "vsp/lib/core/memory_map.h"

#include <viridis/base/bits.h>

void vsp_map_for_ram(struct vsp_map *map, uint64_t bytes)
{
	uint64_t low = bytes < VSP_LOW_RAM_MAX ? bytes : VSP_LOW_RAM_MAX;

	*map = (struct vsp_map){ .count = 1 };
	map->range[0].bytes = low;
	if (bytes > low) {
		map->range[1] = (struct vsp_range){
			.gpa = VSP_HIGH_RAM_GPA,
			.bytes = bytes - low,
			.offset = low,
		};
		map->count = 2;
	}
}

static bool range_valid(const struct vsp_range *range, uint64_t file_bytes)
{
	return range->bytes != 0 &&
	       is_aligned(range->gpa | range->bytes | range->offset, PAGE_4K) && /* M2 */
	       range->bytes <= UINT64_MAX - range->gpa &&                        /* M3 */
	       range->offset <= file_bytes && range->bytes <= file_bytes - range->offset;
}

static void sort_ranges(struct vsp_range *ranges, uint32_t count)
{
	for (uint32_t i = 1; i < count; i++) {
		struct vsp_range range = ranges[i];
		uint32_t at = i;

		for (; at > 0 && ranges[at - 1].gpa > range.gpa; at--)
			ranges[at] = ranges[at - 1];
		ranges[at] = range;
	}
}

/* The part of a range that lies in [from, to). */
static struct vsp_range clipped(const struct vsp_range *range, uint64_t from, uint64_t to)
{
	uint64_t skip = range->gpa < from ? from - range->gpa : 0;
	struct vsp_range part = { 0 };

	if (skip >= range->bytes || range->gpa + skip >= to)
		return part;
	part.gpa = range->gpa + skip;
	part.bytes = range->bytes - skip;
	part.offset = range->offset + skip;
	if (part.bytes > to - part.gpa)
		part.bytes = to - part.gpa;
	return part;
}

static bool append(struct vsp_map *map, struct vsp_range part)
{
	struct vsp_range *last = map->count ? &map->range[map->count - 1] : NULL;

	if (part.bytes == 0)
		return true;
	if (last && part.gpa < last->gpa + last->bytes)
		return false;
	if (last && part.gpa == last->gpa + last->bytes &&
	    part.offset == last->offset + last->bytes) {
		last->bytes += part.bytes;
		return true;
	}
	if (map->count == VSP_MAP_RANGES_MAX)
		return false;
	map->range[map->count++] = part;
	return true;
}

bool vsp_map_for_pc(struct vsp_map *map, struct vsp_range *ranges, uint32_t count)
{
	*map = (struct vsp_map){ 0 };
	sort_ranges(ranges, count);
	for (uint32_t i = 0; i < count; i++)
		if (!range_valid(&ranges[i], UINT64_MAX) ||
		    !append(map, clipped(&ranges[i], 0, VSP_PC_HOLE)) ||
		    !append(map, clipped(&ranges[i], VSP_PC_HOLE_END, UINT64_MAX)))
			return false;
	return true;
}

bool vsp_map_valid(const struct vsp_map *map, uint64_t file_bytes)
{
	uint64_t free_from = 0;

	if (map->count == 0 || map->count > VSP_MAP_RANGES_MAX)
		return false;
	for (uint32_t i = 0; i < map->count; i++) {
		const struct vsp_range *range = &map->range[i];

		if (!range_valid(range, file_bytes) || range->gpa < free_from) /* M1 */
			return false;
		free_from = range->gpa + range->bytes;
	}
	return true;
}

bool vsp_map_around(const struct vsp_map *map, uint64_t gpa, struct vsp_range *range)
{
	for (uint32_t i = 0; i < map->count; i++) {
		*range = map->range[i];
		if (gpa >= range->gpa && gpa - range->gpa < range->bytes)
			return true;
	}
	return false;
}

bool vsp_map_find(const struct vsp_map *map, uint64_t gpa, uint64_t bytes,
                  uint64_t *offset)
{
	struct vsp_range range;
	uint64_t at;

	if (!vsp_map_around(map, gpa, &range))
		return false;
	at = gpa - range.gpa;
	if (bytes > range.bytes - at)
		return false;
	*offset = range.offset + at;
	return true;
}

bool vsp_map_pages_valid(const struct vsp_map *map, const uint64_t *pfn, uint32_t count)
{
	uint64_t offset;

	for (uint32_t i = 0; i < count; i++) {
		if (pfn[i] > UINT64_MAX >> PAGE_SHIFT_4K)
			return false;
		if (!vsp_map_find(map, pfn[i] << PAGE_SHIFT_4K, PAGE_4K, &offset))
			return false;
	}
	return true;
}
