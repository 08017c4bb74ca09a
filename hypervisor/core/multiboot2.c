/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The boot information is a length, a reserved word, and tags aligned to 8 bytes, each with its
 * type and its length. Multiboot2 3.4. It is read through a cursor: a loader's mistake is told,
 * not followed.
 *
 *   type  tag                      body used here
 *   3     module                   start u32, end u32, text
 *   6     memory map               entry bytes u32, version u32, {base u64, length u64, type u32, 0}
 *   14,15 RSDP, ACPI 1.0 and 2.0   a copy of it
 */
#include "hypervisor/core/multiboot2.h"

#include <viridis/base/bits.h>
#include <viridis/base/cursor.h>

enum {
	TAG_END = 0,
	TAG_MODULE = 3,
	TAG_MEMORY_MAP = 6,
	TAG_RSDP = 14,
	TAG_RSDP_NEW = 15
};
enum { HEADER_BYTES = 8, TAG_ALIGN = 8, MAP_ENTRY_BYTES = 24, RSDP_OLD_BYTES = 20 };

static const char truncated[] = "a tag reaches past the end";
static const char bad_tag[] = "a tag is malformed";
static const char too_many[] = "too many memory ranges or modules";

static const char *read_module(struct cursor *tag, struct boot_info *info)
{
	uint32_t start = cursor_le32(tag);
	uint32_t end = cursor_le32(tag);
	size_t bytes = cursor_left(tag);
	const char *text = (const char *)cursor_take(tag, bytes);

	if (!text || bytes == 0 || text[bytes - 1] != 0 || end < start)
		return bad_tag;
	if (info->module_count == BOOT_MAX_MODULES ||
	    !boot_info_add(info, start, end, MEMORY_TAKEN))
		return too_many;
	info->modules[info->module_count++] = (struct boot_module){ start, end, text };
	return NULL;
}

static const char *read_memory_map(struct cursor *tag, struct boot_info *info)
{
	uint32_t entry_bytes = cursor_le32(tag);

	cursor_skip(tag, 4); /* version: entries grow at their end only */
	if (tag->overrun || entry_bytes < MAP_ENTRY_BYTES)
		return bad_tag;
	while (cursor_left(tag) >= entry_bytes) {
		uint64_t base = cursor_le64(tag);
		uint64_t length = cursor_le64(tag);
		uint64_t end = length <= UINT64_MAX - base ? base + length : UINT64_MAX;

		if (!boot_info_add(info, base, end, cursor_le32(tag)))
			return too_many;
		cursor_skip(tag, entry_bytes - 20);
	}
	return NULL;
}

/* A newer RSDP is a superset of an older one: the longer wins, whatever their order. */
static const char *read_rsdp(struct cursor *tag, struct boot_info *info)
{
	unsigned int bytes = cursor_left(tag) < BOOT_RSDP_BYTES ? RSDP_OLD_BYTES :
	                                                          BOOT_RSDP_BYTES;

	if (cursor_left(tag) < bytes)
		return bad_tag;
	if (bytes > info->rsdp_bytes) {
		cursor_copy(tag, info->rsdp, bytes);
		info->rsdp_bytes = bytes;
	}
	return NULL;
}

static const char *read_tag(uint32_t type, struct cursor *tag, struct boot_info *info)
{
	switch (type) {
	case TAG_MODULE:
		return read_module(tag, info);
	case TAG_MEMORY_MAP:
		return read_memory_map(tag, info);
	case TAG_RSDP:
	case TAG_RSDP_NEW:
		return read_rsdp(tag, info);
	default:
		return NULL; /* tags we have no use for */
	}
}

/* Every turn takes at least a tag's header from the cursor, which bounds the loop. */
const char *multiboot2_read(const void *copy, size_t bytes, struct boot_info *info)
{
	struct cursor all = cursor_over(copy, bytes);
	uint32_t total = cursor_le32(&all);

	cursor_skip(&all, 4); /* reserved; a reader must ignore it */
	if (all.overrun || total < HEADER_BYTES || total > bytes)
		return truncated;
	all.size = total;
	for (;;) {
		uint32_t type = cursor_le32(&all);
		uint32_t tag_bytes = cursor_le32(&all);
		const char *fault;

		if (all.overrun || tag_bytes < HEADER_BYTES)
			return truncated;
		if (type == TAG_END)
			return boot_info_ram_gibs(info) ? NULL : "no RAM in a memory map";
		tag_bytes -= HEADER_BYTES;
		struct cursor tag = cursor_over(cursor_take(&all, tag_bytes), tag_bytes);

		if (all.overrun)
			return truncated;
		fault = read_tag(type, &tag, info);
		if (fault)
			return fault;
		cursor_skip(&all, round_up(all.at, TAG_ALIGN) - all.at);
	}
}
