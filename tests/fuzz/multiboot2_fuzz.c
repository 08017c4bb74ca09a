/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as boot information: what is accepted must hold together. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "hypervisor/core/multiboot2.h"
#include "root-partition/loader/core/boot_tags.h"
#include "root-partition/loader/core/efi_map.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t strings; /* keeps the compiler from dropping the reads */

/* The copy stays in its room, and no conventional memory of it meets a cut. */
static void cut_map(const struct boot_tags *tags)
{
	static const struct efi_cut cuts[] = { { 0x100000, 0x181000, EFI_RESERVED },
		                               { 0x200000, 0x201000, EFI_LOADER_DATA } };
	const struct efi_map map = { tags->efi_map, tags->efi_map_bytes,
		                     tags->efi_descriptor_bytes };
	size_t room = tags->efi_map ? efi_map_room(&map, 2) : 0;
	uint8_t *copy = malloc(room + 1);
	size_t bytes = room != 0 ? efi_map_cut(&map, cuts, 2, copy) : 0;

	if (bytes > room)
		abort();
	for (size_t at = 0; at < bytes; at += map.descriptor_bytes) {
		uint64_t start, pages;
		uint32_t type;

		memcpy(&type, copy + at, 4);
		memcpy(&start, copy + at + 8, 8);
		memcpy(&pages, copy + at + 24, 8);
		for (int i = 0; type == EFI_CONVENTIONAL && i < 2; i++)
			if (start < cuts[i].end && start + pages * 4096 > cuts[i].start)
				abort();
	}
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct boot_info info = { 0 };
	struct boot_tags tags = { 0 };
	const char *fault = multiboot2_read(data, size, &info);

	if (!boot_tags_read(data, size, &tags) && tags.rsdp_bytes > BOOT_RSDP_BYTES)
		abort();
	cut_map(&tags);
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
