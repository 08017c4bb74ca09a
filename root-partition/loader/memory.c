/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The root's memory: what is free now, and the map that its kernel is given. */
#include "root-partition/loader/loader.h"
#include <viridis/base/bits.h>

#define LOW_MEMORY_END UINT64_C(0x100000)

/* Cut [start, end) out of the free ranges. */
static void cut(struct loader_memory *memory, uint64_t start, uint64_t end)
{
	for (size_t i = 0; i < memory->free_count; i++) {
		struct bzimage_range *range = &memory->free[i];

		if (end <= range->start || start >= range->end)
			continue;
		if (start > range->start && end < range->end &&
		    memory->free_count < ARRAY_COUNT(memory->free))
			memory->free[memory->free_count++] =
				(struct bzimage_range){ .start = end, .end = range->end };
		if (start > range->start)
			range->end = start;
		else
			range->start = end < range->end ? end : range->end;
	}
}

static void find_free(const struct boot_info *info, struct loader_memory *memory)
{
	for (unsigned int i = 0; i < info->range_count; i++) {
		const struct memory_range *range = &info->ranges[i];
		uint64_t start = range->start < LOW_MEMORY_END ? LOW_MEMORY_END :
		                                                 range->start;
		uint64_t end = range->end > MAPPED_END ? MAPPED_END : range->end;

		if (range->type == MEMORY_RAM && start < end)
			memory->free[memory->free_count++] =
				(struct bzimage_range){ .start = start, .end = end };
	}
	for (unsigned int i = 0; i < ROOT_LOADER_TAKEN; i++)
		cut(memory, HANDOFF->taken[i].start, HANDOFF->taken[i].end);
	for (unsigned int i = 0; i < info->range_count; i++)
		if (info->ranges[i].type != MEMORY_RAM)
			cut(memory, round_down(info->ranges[i].start, PAGE_4K),
			    round_up(info->ranges[i].end, PAGE_4K));
}

static void add_e820(struct loader_memory *memory, uint64_t start, uint64_t end,
                     uint32_t type)
{
	if (start >= end)
		return;
	if (memory->e820_count == BP_E820_MAX)
		loader_stop("the memory map has too many pieces");
	memory->e820[memory->e820_count++] = (struct bzimage_e820){ .start = start,
		                                                    .bytes = end - start,
		                                                    .type = type };
}

/* Sets [from, to), if it lies in [*start, end), apart, and goes on behind it. */
static void set_apart(struct loader_memory *memory, uint64_t *start, uint64_t end,
                      struct root_loader_range part, uint32_t type)
{
	if (part.start < *start || part.end > end)
		return;
	add_e820(memory, *start, part.start, E820_RAM);
	add_e820(memory, part.start, part.end, type);
	*start = part.end;
}

/* A range of RAM, with the RSDP's copy and what the hypervisor took, in rising order. */
static void add_ram(struct loader_memory *memory, uint64_t start, uint64_t end,
                    uint64_t rsdp)
{
	const struct root_loader_range copy = { rsdp, rsdp + PAGE_4K };

	if (rsdp != 0)
		set_apart(memory, &start, end, copy, E820_ACPI);
	for (unsigned int i = 0; i < ROOT_LOADER_TAKEN; i++)
		set_apart(memory, &start, end, HANDOFF->taken[i], E820_RESERVED);
	add_e820(memory, start, end, E820_RAM);
}

void loader_read_memory(const struct boot_info *info, uint64_t rsdp,
                        struct loader_memory *memory)
{
	find_free(info, memory);
	for (unsigned int i = 0; i < info->range_count; i++) {
		const struct memory_range *range = &info->ranges[i];

		if (range->type == MEMORY_RAM)
			add_ram(memory, range->start, range->end, rsdp);
		else if (range->type != MEMORY_TAKEN)
			add_e820(memory, range->start, range->end,
			         range->type <= MEMORY_BAD ? range->type : E820_RESERVED);
	}
}
