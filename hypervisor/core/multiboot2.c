/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The boot information is a length, a reserved word, and tags aligned to 8 bytes, each with its
 * type and its length. Multiboot2 3.4. It is read through a cursor: a loader's mistake is told,
 * not followed.
 */
#include "hypervisor/core/multiboot2.h"

#include <viridis/base/bits.h>

enum { HEADER_BYTES = 8, TAG_ALIGN = 8, MAP_ENTRY_BYTES = 24 };
enum { EFI_DESCRIPTOR_BYTES = 40, EFI_BOOT_CODE = 3, EFI_BOOT_DATA = 4 };
enum { LOW_BYTES = 0x100000 };

static const char truncated[] = "a tag reaches past the end";
static const char bad_tag[] = "a tag is malformed";
static const char too_many[] = "too many memory ranges and modules";

/* Entry bytes u32, version u32, {base u64, length u64, type u32, 0}: entries grow at their end only. */
static const char *read_memory_map(struct cursor *tag, struct boot_info *info)
{
	uint32_t entry_bytes = cursor_le32(tag);

	cursor_skip(tag, 4);
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

/*
 * The loader's own map has the memory of EFI's boot services as free, but it holds tables that the root's kernel is to
 * find: nothing of ours goes there. Below 1 MiB is only ROOT_LOADER_HPA's place. Neighbours are one. UEFI 7.2
 */
static const char *read_efi_map(struct cursor *tag, struct boot_info *info)
{
	uint32_t descriptor_bytes = cursor_le32(tag);
	uint64_t start = LOW_BYTES, end = LOW_BYTES;

	cursor_skip(tag, 4);
	if (tag->overrun || descriptor_bytes < EFI_DESCRIPTOR_BYTES)
		return bad_tag;
	while (cursor_left(tag) >= descriptor_bytes) {
		uint32_t type = (uint32_t)cursor_le64(tag); /* and padding */
		uint64_t base = cursor_le64(tag);

		cursor_skip(tag, 8); /* a virtual address */
		uint64_t pages = cursor_le64(tag);

		cursor_skip(tag, descriptor_bytes - 32);
		/* More pages than there are addresses are nobody's. */
		if ((type != EFI_BOOT_CODE && type != EFI_BOOT_DATA) ||
		    pages > (UINT64_MAX - base) / PAGE_4K ||
		    base + pages * PAGE_4K <= LOW_BYTES)
			continue;
		if (base != end) {
			if (!boot_info_add(info, start, end, MEMORY_TAKEN))
				return too_many;
			start = base < LOW_BYTES ? LOW_BYTES : base;
		}
		end = base + pages * PAGE_4K;
	}
	return boot_info_add(info, start, end, MEMORY_TAKEN) ? NULL : too_many;
}

bool multiboot2_module(struct cursor *tag, struct multiboot2_module *module)
{
	uint32_t start = cursor_le32(tag);
	uint32_t end = cursor_le32(tag);
	size_t bytes = cursor_left(tag);
	const char *text = (const char *)cursor_take(tag, bytes);

	*module = (struct multiboot2_module){ start, end, text };
	return text && bytes != 0 && text[bytes - 1] == 0 && start <= end;
}

/* Our one option, anywhere in the text. */
static bool has_option(struct cursor *text)
{
	static const char option[] = "speculation=off";
	size_t match = 0;

	while (cursor_left(text) > 0 && option[match]) {
		char c = (char)cursor_u8(text);

		match = c == option[match] ? match + 1 : c == option[0];
	}
	return !option[match];
}

static const char *read_memory_tag(void *context, uint32_t type, struct cursor *tag)
{
	struct boot_info *info = context;

	if (type == MULTIBOOT2_MEMORY_MAP)
		return read_memory_map(tag, info);
	if (type == MULTIBOOT2_EFI_MAP)
		return read_efi_map(tag, info);
	if (type == MULTIBOOT2_COMMAND_LINE)
		info->speculation_off = has_option(tag);
	if (type != MULTIBOOT2_MODULE)
		return NULL;
	struct multiboot2_module module;

	if (!multiboot2_module(tag, &module))
		return bad_tag;
	return boot_info_add(info, module.start, module.end, MEMORY_TAKEN) ? NULL :
	                                                                     too_many;
}

/* Every turn takes at least a tag's header from the cursor, which bounds the loop. */
const char *multiboot2_walk(const void *copy, size_t bytes, multiboot2_visit *visit,
                            void *context)
{
	struct cursor all = cursor_over(copy, bytes);
	uint32_t total = cursor_le32(&all);
	const char *fault = NULL;

	cursor_skip(&all, 4); /* reserved; a reader must ignore it */
	if (all.overrun || total < HEADER_BYTES || total > bytes)
		return truncated;
	all.size = total;
	while (!fault) {
		uint32_t type = cursor_le32(&all);
		size_t body_bytes = (size_t)cursor_le32(&all) - HEADER_BYTES;
		struct cursor tag =
			cursor_over(cursor_take(&all, body_bytes), body_bytes);

		if (all.overrun)
			return truncated;
		if (type == MULTIBOOT2_END)
			break;
		fault = visit(context, type, &tag);
		cursor_skip(&all, round_up(all.at, TAG_ALIGN) - all.at);
	}
	return fault;
}

const char *multiboot2_read(const void *copy, size_t bytes, struct boot_info *info)
{
	return multiboot2_walk(copy, bytes, read_memory_tag, info);
}
