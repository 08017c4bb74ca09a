/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * EFI's memory map as the root's kernel is to see it. A kernel that is given one chooses its own place by it, and looks at
 * no other map: so what is not the kernel's to take is cut out of the free memory in it. UEFI 7.2
 */
#ifndef VIRIDIS_LOADER_CORE_EFI_MAP_H
#define VIRIDIS_LOADER_CORE_EFI_MAP_H

#include <stddef.h>
#include <stdint.h>
#include <viridis/base/assert.h>

enum { EFI_DESCRIPTOR_MIN_BYTES = 40 };

/* Types of memory. */
enum efi_memory_type {
	EFI_RESERVED = 0,
	EFI_LOADER_DATA = 2, /* free once the kernel has read it */
	EFI_CONVENTIONAL = 7,
};

struct efi_cut {
	uint64_t start, end; /* of 4 KiB pages */
	enum efi_memory_type type;
};

/* Descriptors as EFI gave them. */
struct efi_map {
	const uint8_t *bytes;
	size_t byte_count;
	uint32_t descriptor_bytes;
};

/* How many bytes the map has room for, and then may need, with that many cuts. 0: descriptors too short or too long. */
size_t efi_map_room(const struct efi_map *map, unsigned int cut_count);

/*
 * Copy the map to `to`, which has efi_map_room() bytes. `cuts` rise and do not meet; where one meets conventional memory,
 * the copy has a descriptor of the cut's type. The copy's bytes; 0 where there is no room to be had.
 */
size_t efi_map_cut(const struct efi_map *map, const struct efi_cut *cuts,
                   unsigned int cut_count, uint8_t *to);

#endif
