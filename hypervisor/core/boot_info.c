/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions about the machine's memory as the boot found it. */
#include "hypervisor/core/boot_info.h"

#include <viridis/base/bits.h>

#define RAM_LIMIT (BOOT_MAX_GIBS * PAGE_1G)

/* Insertion sort: the firmware's map is short and all but sorted. */
bool boot_info_add(struct boot_info *info, uint64_t start, uint64_t end, uint32_t type)
{
	unsigned int at = info->range_count;

	if (start >= end)
		return true;
	if (at == BOOT_MAX_RANGES)
		return false;
	for (; at > 0 && info->ranges[at - 1].start > start; at--)
		info->ranges[at] = info->ranges[at - 1];
	info->ranges[at] = (struct memory_range){ start, end, type };
	info->range_count++;
	return true;
}

static bool is_free(const struct boot_info *info, uint64_t start, uint64_t end)
{
	bool in_ram = false;

	for (unsigned int i = 0; i < info->range_count; i++) {
		const struct memory_range *range = &info->ranges[i];

		if (range->type == MEMORY_RAM)
			in_ram |= start >= range->start && end <= range->end;
		else if (start < range->end && range->start < end)
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

unsigned int boot_info_address_bits(uint32_t sizes_eax, uint32_t encryption_eax,
                                    uint32_t encryption_ebx, bool encrypts)
{
	unsigned int bits = sizes_eax & 0xff;

	if ((encryption_eax & 1) && encrypts)
		bits -= (unsigned int)bits_get(encryption_ebx, 6, 6);
	return bits;
}

/*
 * For each 2 MiB and each GiB, aligned, that have RAM: a page of the frame table, of the frame map's tables, and
 * of the root's nested tables when its large pages are split. A range meets at most one more of each than fits in
 * twice over. For each GiB or 512 GiB of addresses: a page of the root's nested tables.
 */
uint64_t boot_info_reserve_bytes(const struct boot_info *info, unsigned int address_bits,
                                 bool has_1g_pages)
{
	uint64_t pages = BOOT_RESERVE_BASE_BYTES / PAGE_4K;

	for (unsigned int i = 0; i < info->range_count; i++) {
		const struct memory_range *range = &info->ranges[i];
		uint64_t end = range->end < RAM_LIMIT ? range->end : RAM_LIMIT;

		if (range->type == MEMORY_RAM && range->start < end)
			pages += 3 * ((end - range->start) / PAGE_2M + 2) +
			         3 * ((end - range->start) / PAGE_1G + 2);
	}
	pages += (UINT64_C(1) << address_bits) / (has_1g_pages ? 512 * PAGE_1G : PAGE_1G);
	return round_up(pages * PAGE_4K, PAGE_2M);
}
