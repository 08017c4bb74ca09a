/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reader of the boot information of the Multiboot2 specification, version 2.0, section 3. */
#ifndef VIRIDIS_BOOT_CORE_MULTIBOOT2_H
#define VIRIDIS_BOOT_CORE_MULTIBOOT2_H

#include <stddef.h>
#include <viridis/base/assert.h>
#include "hypervisor/core/boot_info.h"

enum { MULTIBOOT2_BOOTLOADER_MAGIC = 0x36d76289 };

enum multiboot2_status {
	MULTIBOOT2_OK,
	MULTIBOOT2_TRUNCATED, /* a tag or the whole reaches past its end */
	MULTIBOOT2_BAD_TAG, /* a tag shorter than its fixed part, or text without an end */
	MULTIBOOT2_TOO_MANY, /* more ranges or modules than boot_info holds */
	MULTIBOOT2_NO_MEMORY_MAP,
};

/*
 * Fill in what the tags say. `bytes` is where the caller's copy ends; the strings of `info` point
 * into it. Fields of which no tag speaks are left alone, command lines excepted, which become "".
 */
MUST_CHECK enum multiboot2_status multiboot2_read(const void *copy, size_t bytes,
                                                  struct boot_info *info);

const char *multiboot2_status_name(enum multiboot2_status status);

#endif
