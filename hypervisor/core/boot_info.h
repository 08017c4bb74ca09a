/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the boot loader told us about memory. Filled once, before SMP. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <viridis/base/assert.h>

enum {
	BOOT_MAX_RANGES = 256,
	BOOT_MAX_GIBS = 16384, /* what 32 bits of a frame's number reach */
};

/*
 * What the reserve holds whatever the size of memory: 172 KiB for each of 64 CPUs (stacks, trace, a VP of the
 * root's), and 2 MiB for the root, devices, and holes outside RAM.
 */
#define BOOT_RESERVE_BASE_BYTES UINT64_C(0xd00000)

/* Multiboot2 and the BIOS's E820 number them alike; any other type is to be taken as reserved. */
enum memory_type {
	MEMORY_RAM = 1,
	MEMORY_RESERVED = 2,
	MEMORY_ACPI_RECLAIMABLE = 3,
	MEMORY_ACPI_NVS = 4,
	MEMORY_BAD = 5,
	MEMORY_TAKEN = 0x7fffffff, /* ours: RAM in use, a range over one of RAM */
};

struct memory_range {
	uint64_t start, end; /* end is exclusive and above start */
	uint32_t type;
};

struct boot_info {
	struct memory_range ranges[BOOT_MAX_RANGES]; /* by their start, rising */
	unsigned int range_count;
	bool speculation_off; /* so says the boot loader's command line */
};

/* Add a range; an empty one is nothing. False: there is no room for it. */
MUST_CHECK bool boot_info_add(struct boot_info *info, uint64_t start, uint64_t end,
                              uint32_t type);

/*
 * The highest start of `bytes` bytes within [low, limit), aligned to `align` (a power of two), that
 * lie in a range of RAM and meet no other range; 0 when there is none.
 */
uint64_t boot_info_find_free(const struct boot_info *info, uint64_t bytes, uint64_t align,
                             uint64_t low, uint64_t limit);

/*
 * How many bits an address of memory or a device has, by CPUID leaves 0x80000008 and 0x8000001f and whether SYSCFG
 * turns memory encryption on: then the upper ones, the C-bit among them, have another meaning. APM2 7.10.1
 */
unsigned int boot_info_address_bits(uint32_t sizes_eax, uint32_t encryption_eax,
                                    uint32_t encryption_ebx, bool encrypts);

/* How much memory the hypervisor takes for itself at boot, for good and for everything it may ever need. */
uint64_t boot_info_reserve_bytes(const struct boot_info *info, unsigned int address_bits,
                                 bool has_1g_pages);
