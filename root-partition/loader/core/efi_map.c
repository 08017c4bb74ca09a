/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A descriptor: type u32, 0 u32, start u64, virtual start u64, pages u64, attributes u64, and what a later EFI adds. */
#include "root-partition/loader/core/efi_map.h"

#include <viridis/base/bits.h>
#include <viridis/base/cursor.h>
#include <viridis/base/mem.h>

enum { TYPE_AT = 0, START_AT = 8, PAGES_AT = 24, DESCRIPTOR_MAX_BYTES = 4096 };

struct writer {
	uint8_t *to;
	size_t count, room;        /* bytes written, and for how many there is room */
	const uint8_t *descriptor; /* what is cut */
	uint32_t descriptor_bytes;
};

size_t efi_map_room(const struct efi_map *map, unsigned int cut_count)
{
	if (map->descriptor_bytes < EFI_DESCRIPTOR_MIN_BYTES ||
	    map->descriptor_bytes > DESCRIPTOR_MAX_BYTES)
		return 0;
	/* A cut makes three of one, where it lies within; where it meets several, each of them is cut at one end. */
	return (map->byte_count / map->descriptor_bytes + 2 * (size_t)cut_count) *
	       map->descriptor_bytes;
}

static uint64_t field(const uint8_t *descriptor, unsigned int at, size_t bytes)
{
	struct cursor c = cursor_over(descriptor + at, bytes);

	return cursor_le(&c, bytes);
}

static void put(uint8_t *to, uint64_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		to[i] = (uint8_t)(value >> (8 * i));
}

/*
 * A descriptor like that which is cut, for the part [start, end) of its memory. Only descriptors that meet each other need
 * more room than there is; memory of which nothing is said is nobody's.
 */
static void write_part(struct writer *writer, uint64_t start, uint64_t end, uint32_t type)
{
	uint8_t *to = writer->to + writer->count;

	if (start >= end || writer->room - writer->count < writer->descriptor_bytes)
		return;
	memcpy(to, writer->descriptor, writer->descriptor_bytes);
	put(to + TYPE_AT, type, 4);
	put(to + START_AT, start, 8);
	put(to + PAGES_AT, (end - start) / PAGE_4K, 8);
	writer->count += writer->descriptor_bytes;
}

static void cut_descriptor(struct writer *writer, const struct efi_cut *cuts,
                           unsigned int cut_count)
{
	uint32_t type = (uint32_t)field(writer->descriptor, TYPE_AT, 4);
	uint64_t start = field(writer->descriptor, START_AT, 8);
	uint64_t pages = field(writer->descriptor, PAGES_AT, 8);
	uint64_t end;

	if (pages >
	    (UINT64_MAX - start) / PAGE_4K) /* firmware's nonsense: nobody's memory */
		return;
	end = start + pages * PAGE_4K;
	for (unsigned int i = 0; type == EFI_CONVENTIONAL && i < cut_count; i++) {
		uint64_t from = cuts[i].start > start ? cuts[i].start : start;
		uint64_t to = cuts[i].end < end ? cuts[i].end : end;

		if (from >= to)
			continue;
		write_part(writer, start, from, type);
		write_part(writer, from, to, cuts[i].type);
		start = to;
	}
	write_part(writer, start, end, type);
}

size_t efi_map_cut(const struct efi_map *map, const struct efi_cut *cuts,
                   unsigned int cut_count, uint8_t *to)
{
	struct writer writer = { .to = to,
		                 .room = efi_map_room(map, cut_count),
		                 .descriptor_bytes = map->descriptor_bytes };

	for (size_t at = 0;
	     writer.room != 0 && map->byte_count - at >= map->descriptor_bytes;
	     at += map->descriptor_bytes) {
		writer.descriptor = map->bytes + at;
		cut_descriptor(&writer, cuts, cut_count);
	}
	return writer.count;
}
