/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as boot information: what is accepted must hold together. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "hypervisor/core/multiboot2.h"
#include "root-partition/loader/core/boot_tags.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t strings; /* keeps the compiler from dropping the reads */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct boot_info info = { 0 };
	struct boot_tags tags = { 0 };
	const char *fault = multiboot2_read(data, size, &info);

	if (!boot_tags_read(data, size, &tags) && tags.rsdp_bytes > BOOT_RSDP_BYTES)
		abort();
	for (unsigned int i = 0; i < tags.module_count; i++)
		strings += strlen(tags.modules[i].command_line);
	if (fault)
		return 0;
	for (unsigned int i = 1; i < info.range_count; i++)
		if (info.ranges[i - 1].start > info.ranges[i].start)
			abort();
	uint64_t found = boot_info_find_free(&info, 4096, 4096, 4096, UINT64_MAX);

	for (unsigned int i = 0; found != 0 && i < info.range_count; i++)
		if (info.ranges[i].type != MEMORY_RAM &&
		    info.ranges[i].start < found + 4096 && found < info.ranges[i].end)
			abort();
	return 0;
}
