/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Modules by name, and the RSDP: boot_tags.h */
#include "root-partition/loader/core/boot_tags.h"

enum { TAG_RSDP_OLD = 14, TAG_RSDP_NEW = 15 }; /* a copy of it: ACPI 1.0, ACPI 2.0 */

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

static const char *read_tag(void *context, uint32_t type, struct cursor *tag)
{
	if (type == MULTIBOOT2_MODULE)
		return read_module(tag, context);
	return type == TAG_RSDP_OLD || type == TAG_RSDP_NEW ? read_rsdp(tag, context) :
	                                                      NULL;
}

const char *boot_tags_read(const void *info, size_t bytes, struct boot_tags *tags)
{
	return multiboot2_walk(info, bytes, read_tag, tags);
}
