/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The boot information is a length, a reserved word, and tags aligned to 8 bytes, each with its
 * type and its length. Multiboot2 3.4. It is read through a cursor: a loader's mistake is told,
 * not followed.
 *
 *   type  tag                      body used here
 *   1     boot command line        text
 *   3     module                   start u32, end u32, text
 *   6     memory map               entry bytes u32, version u32, {base u64, length u64, type u32, 0}
 *   14,15 RSDP, ACPI 1.0 and 2.0   a copy of it
 */
#include "hypervisor/boot/core/multiboot2.h"

#include <viridis/base/bits.h>
#include <viridis/base/cursor.h>
#include "hypervisor/boot/core/memory_map.h"

enum tag_type {
	TAG_END = 0,
	TAG_COMMAND_LINE = 1,
	TAG_MODULE = 3,
	TAG_MEMORY_MAP = 6,
	TAG_RSDP_OLD = 14,
	TAG_RSDP_NEW = 15,
};

enum { HEADER_BYTES = 8, TAG_ALIGN = 8, MAP_ENTRY_BYTES = 24, RSDP_OLD_BYTES = 20 };

/* The rest of the tag as text; NULL when it has no final NUL. */
static const char *read_text(struct cursor *tag)
{
	size_t bytes = cursor_left(tag);
	const uint8_t *text = cursor_take(tag, bytes);

	if (!text || bytes == 0 || text[bytes - 1] != 0)
		return NULL;
	return (const char *)text;
}

static enum multiboot2_status read_module(struct cursor *tag, struct boot_info *info)
{
	uint32_t start = cursor_le32(tag);
	uint32_t end = cursor_le32(tag);
	const char *command_line = read_text(tag);

	if (!command_line || end < start)
		return MULTIBOOT2_BAD_TAG;
	if (info->module_count == BOOT_MAX_MODULES)
		return MULTIBOOT2_TOO_MANY;
	info->modules[info->module_count++] = (struct boot_module){
		.start = start,
		.end = end,
		.command_line = command_line,
	};
	return MULTIBOOT2_OK;
}

static enum multiboot2_status read_memory_map(struct cursor *tag, struct boot_info *info)
{
	uint32_t entry_bytes = cursor_le32(tag);

	cursor_skip(tag, 4); /* version: entries grow at their end only */
	if (tag->overrun || entry_bytes < MAP_ENTRY_BYTES)
		return MULTIBOOT2_BAD_TAG;
	while (cursor_left(tag) >= entry_bytes) {
		uint64_t base = cursor_le64(tag);
		uint64_t length = cursor_le64(tag);
		uint32_t type = cursor_le32(tag);

		cursor_skip(tag, entry_bytes - 20);
		if (info->range_count == BOOT_MAX_RANGES)
			return MULTIBOOT2_TOO_MANY;
		info->ranges[info->range_count++] = (struct memory_range){
			.start = base,
			.end = length <= UINT64_MAX - base ? base + length : UINT64_MAX,
			.type = type,
		};
	}
	return MULTIBOOT2_OK;
}

/* A newer RSDP is a superset of an older one: the longer wins, whatever their order. */
static enum multiboot2_status read_rsdp(struct cursor *tag, struct boot_info *info)
{
	size_t bytes = cursor_left(tag);

	if (bytes < RSDP_OLD_BYTES)
		return MULTIBOOT2_BAD_TAG;
	bytes = bytes < BOOT_RSDP_BYTES ? RSDP_OLD_BYTES : BOOT_RSDP_BYTES;
	if (bytes > info->rsdp_bytes) {
		cursor_copy(tag, info->rsdp, bytes);
		info->rsdp_bytes = (unsigned int)bytes;
	}
	return MULTIBOOT2_OK;
}

static enum multiboot2_status read_tag(uint32_t type, struct cursor *tag,
                                       struct boot_info *info)
{
	switch (type) {
	case TAG_COMMAND_LINE:
		info->command_line = read_text(tag);
		return info->command_line ? MULTIBOOT2_OK : MULTIBOOT2_BAD_TAG;
	case TAG_MODULE:
		return read_module(tag, info);
	case TAG_MEMORY_MAP:
		return read_memory_map(tag, info);
	case TAG_RSDP_OLD:
	case TAG_RSDP_NEW:
		return read_rsdp(tag, info);
	default:
		return MULTIBOOT2_OK; /* tags we have no use for */
	}
}

/* Every turn takes at least a tag's header from the cursor, which bounds the loop. */
static enum multiboot2_status read_tags(struct cursor *all, struct boot_info *info)
{
	for (;;) {
		uint32_t type = cursor_le32(all);
		uint32_t bytes = cursor_le32(all);

		if (all->overrun || bytes < HEADER_BYTES)
			return MULTIBOOT2_TRUNCATED;
		if (type == TAG_END)
			return MULTIBOOT2_OK;
		const uint8_t *body = cursor_take(all, bytes - HEADER_BYTES);

		if (!body)
			return MULTIBOOT2_TRUNCATED;
		struct cursor tag = cursor_over(body, bytes - HEADER_BYTES);
		enum multiboot2_status status = read_tag(type, &tag, info);

		if (status != MULTIBOOT2_OK)
			return status;
		cursor_skip(all, round_up(all->at, TAG_ALIGN) - all->at);
	}
}

enum multiboot2_status multiboot2_read(const void *copy, size_t bytes,
                                       struct boot_info *info)
{
	struct cursor all = cursor_over(copy, bytes);
	uint32_t total = cursor_le32(&all);

	cursor_skip(&all, 4); /* reserved; a reader must ignore it */
	info->command_line = "";
	if (all.overrun || total < HEADER_BYTES || total > bytes)
		return MULTIBOOT2_TRUNCATED;
	all.size = total;
	enum multiboot2_status status = read_tags(&all, info);

	if (!info->command_line)
		info->command_line = "";
	if (status != MULTIBOOT2_OK)
		return status;
	memory_map_sort(info);
	return info->range_count > 0 ? MULTIBOOT2_OK : MULTIBOOT2_NO_MEMORY_MAP;
}

const char *multiboot2_status_name(enum multiboot2_status status)
{
	static const char *const names[] = {
		[MULTIBOOT2_OK] = "no error",
		[MULTIBOOT2_TRUNCATED] = "a tag reaches past the end",
		[MULTIBOOT2_BAD_TAG] = "a tag is malformed",
		[MULTIBOOT2_TOO_MANY] = "too many memory ranges or modules",
		[MULTIBOOT2_NO_MEMORY_MAP] = "no memory map",
	};

	return names[status];
}
