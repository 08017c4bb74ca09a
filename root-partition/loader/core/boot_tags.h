/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the boot loader left beside the memory map: modules by name, the RSDP, EFI's tables, the screen. Multiboot2 3.4 */
#ifndef VIRIDIS_LOADER_CORE_BOOT_TAGS_H
#define VIRIDIS_LOADER_CORE_BOOT_TAGS_H

#include <stddef.h>
#include <stdint.h>
#include <viridis/base/assert.h>
#include "hypervisor/core/multiboot2.h"
#include "root-partition/bzimage/bzimage.h"

enum { BOOT_MAX_MODULES = 8, BOOT_RSDP_OLD_BYTES = 20, BOOT_RSDP_BYTES = 36 };

struct boot_tags {
	struct multiboot2_module modules[BOOT_MAX_MODULES];
	unsigned int module_count;
	uint8_t rsdp[BOOT_RSDP_BYTES];
	unsigned int rsdp_bytes;   /* 0, 20 or 36 */
	uint64_t efi_system_table; /* of a 64-bit EFI, or 0 */
	const uint8_t *efi_map;    /* NULL: there is none */
	size_t efi_map_bytes;
	uint32_t efi_descriptor_bytes, efi_descriptor_version;
	struct bzimage_screen screen;
};

/* Strings and map of `tags` point into `info`. NULL, or what is wrong with it. */
MUST_CHECK const char *boot_tags_read(const void *info, size_t bytes,
                                      struct boot_tags *tags);

#endif
