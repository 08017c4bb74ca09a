/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reader of the boot information of the Multiboot2 specification, version 2.0, section 3. */
#pragma once

#include <viridis/base/cursor.h>
#include "hypervisor/core/boot_info.h"

enum {
	MULTIBOOT2_BOOTLOADER_MAGIC = 0x36d76289,
	MULTIBOOT2_END = 0,
	MULTIBOOT2_COMMAND_LINE = 1, /* text */
	MULTIBOOT2_MODULE = 3,       /* start u32, end u32, text */
	MULTIBOOT2_MEMORY_MAP = 6,
	MULTIBOOT2_EFI_MAP = 17, /* descriptor bytes u32, version u32, descriptors */
};

/* What the boot loader put into memory; the first word of the command line names it: "kernel", "initrd". */
struct multiboot2_module {
	uint64_t start, end;
	const char *command_line;
};

/* The body of a MODULE tag. False: it makes no sense. */
MUST_CHECK bool multiboot2_module(struct cursor *tag, struct multiboot2_module *module);

/* Called for each tag, with its body: NULL, or what is wrong with it, which ends the walk. */
typedef const char *multiboot2_visit(void *context, uint32_t type, struct cursor *tag);

/* `bytes` is where the caller's copy ends. NULL, or what is wrong with it. */
MUST_CHECK const char *multiboot2_walk(const void *copy, size_t bytes,
                                       multiboot2_visit *visit, void *context);

/* Add the memory map, and as taken the modules and what EFI's boot services have left. */
MUST_CHECK const char *multiboot2_read(const void *copy, size_t bytes,
                                       struct boot_info *info);
