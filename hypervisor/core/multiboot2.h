/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reader of the boot information of the Multiboot2 specification, version 2.0, section 3. */
#ifndef VIRIDIS_CORE_MULTIBOOT2_H
#define VIRIDIS_CORE_MULTIBOOT2_H

#include <stddef.h>
#include "hypervisor/core/boot_info.h"

enum { MULTIBOOT2_BOOTLOADER_MAGIC = 0x36d76289 };

/*
 * Add what the tags say. `bytes` is where the caller's copy ends; the strings of `info` point into
 * it. NULL, or what is wrong with it.
 */
MUST_CHECK const char *multiboot2_read(const void *copy, size_t bytes,
                                       struct boot_info *info);

#endif
