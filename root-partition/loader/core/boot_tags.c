/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Modules by name, the RSDP, EFI's tables, the screen: boot_tags.h */
#include "root-partition/loader/core/boot_tags.h"

enum {
	TAG_SCREEN = 8,
	TAG_EFI_64 = 12,   /* address u64 */
	TAG_RSDP_OLD = 14, /* a copy of it: ACPI 1.0, ACPI 2.0 */
	TAG_RSDP_NEW = 15,
};
enum { SCREEN_INDEXED, SCREEN_RGB, SCREEN_TEXT };

static const char *read_module(struct cursor *tag, struct boot_tags *tags)
{
	struct multiboot2_module module;

	if (!multiboot2_module(tag, &module))
		return "a module is malformed";
	if (tags->module_count == BOOT_MAX_MODULES)
		return "too many modules";
	tags->modules[tags->module_count++] = module;
	return NULL;
}

/* A newer RSDP is a superset of an older one: the longer wins, whatever their order. */
static const char *read_rsdp(struct cursor *tag, struct boot_tags *tags)
{
	unsigned int bytes = cursor_left(tag) < BOOT_RSDP_BYTES ? BOOT_RSDP_OLD_BYTES :
	                                                          BOOT_RSDP_BYTES;

	if (cursor_left(tag) < bytes)
		return "an RSDP is cut short";
	if (bytes > tags->rsdp_bytes) {
		cursor_copy(tag, tags->rsdp, bytes);
		tags->rsdp_bytes = bytes;
	}
	return NULL;
}

static const char *read_efi_map(struct cursor *tag, struct boot_tags *tags)
{
	tags->efi_descriptor_bytes = cursor_le32(tag);
	tags->efi_descriptor_version = cursor_le32(tag);
	tags->efi_map_bytes = cursor_left(tag);
	tags->efi_map = cursor_take(tag, tags->efi_map_bytes);
	return tag->overrun ? "EFI's memory map is cut short" : NULL;
}

/* Address u64, pitch, width, height u32, bits of a pixel, kind u8, 0 u16, {position, size u8} of red, green, blue. 3.6.12 */
static const char *read_screen(struct cursor *tag, struct boot_tags *tags)
{
	struct bzimage_screen screen = { .base = cursor_le64(tag) };
	uint8_t kind;

	screen.pitch = cursor_le32(tag);
	screen.width = cursor_le32(tag);
	screen.height = cursor_le32(tag);
	screen.depth = cursor_u8(tag);
	kind = cursor_u8(tag);
	cursor_skip(tag, 2);
	if (kind == SCREEN_RGB)
		cursor_copy(tag, screen.fields, sizeof(screen.fields));
	if (tag->overrun)
		return "the screen's description is cut short";
	screen.kind = kind == SCREEN_TEXT ? BZIMAGE_SCREEN_TEXT :
	              kind == SCREEN_RGB  ? BZIMAGE_SCREEN_PIXELS :
	                                    BZIMAGE_SCREEN_NONE;
	tags->screen = screen;
	return NULL;
}

static const char *read_tag(void *context, uint32_t type, struct cursor *tag)
{
	struct boot_tags *tags = context;

	switch (type) {
	case MULTIBOOT2_MODULE:
		return read_module(tag, tags);
	case TAG_RSDP_OLD:
	case TAG_RSDP_NEW:
		return read_rsdp(tag, tags);
	case TAG_SCREEN:
		return read_screen(tag, tags);
	case TAG_EFI_64:
		tags->efi_system_table = cursor_le64(tag);
		return tag->overrun ? "EFI's system table is cut short" : NULL;
	case MULTIBOOT2_EFI_MAP:
		return read_efi_map(tag, tags);
	default:
		return NULL;
	}
}

const char *boot_tags_read(const void *info, size_t bytes, struct boot_tags *tags)
{
	return multiboot2_walk(info, bytes, read_tag, tags);
}
