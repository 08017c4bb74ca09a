/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our own page tables: the low 4 GiB identity-mapped in 2 MiB pages. APM2 5.3 */
#include "vsc/lib/paging.h"

#include <viridis/base/bits.h>
#include "vsc/lib/cpu.h"

#define ENTRY_PRESENT  BIT64(0)
#define ENTRY_WRITABLE BIT64(1)
#define ENTRY_USER     BIT64(2)
#define ENTRY_UNCACHED BIT64(4)
#define ENTRY_LARGE    BIT64(7)
#define ENTRY_COMMON   (ENTRY_PRESENT | ENTRY_WRITABLE | ENTRY_USER)
#define DEVICES_START  UINT64_C(0xfe000000) /* IOAPIC, local APIC, chipset; never RAM */
#define ENTRIES        512u
#define GIBS           4u

struct table {
	uint64_t entry[ENTRIES];
} __attribute__((aligned(4096)));

static struct table level4, level3, level2[GIBS], window2, window1;

static uint64_t large_page(uint64_t address)
{
	uint64_t entry = address | ENTRY_COMMON | ENTRY_LARGE;

	return address >= DEVICES_START ? entry | ENTRY_UNCACHED : entry;
}

void paging_init(void)
{
	for (unsigned int gib = 0; gib < GIBS; gib++) {
		for (unsigned int i = 0; i < ENTRIES; i++)
			level2[gib].entry[i] = large_page(gib * PAGE_1G + i * PAGE_2M);
		level3.entry[gib] = (uint64_t)&level2[gib] | ENTRY_COMMON;
	}
	window2.entry[0] = (uint64_t)&window1 | ENTRY_COMMON;
	level3.entry[PAGING_WINDOW / PAGE_1G % ENTRIES] = (uint64_t)&window2 |
	                                                  ENTRY_COMMON;
	level4.entry[0] = (uint64_t)&level3 | ENTRY_COMMON;
	cpu_write_cr3(paging_root());
}

void paging_view(unsigned int index, uint64_t address, enum paging_rights rights)
{
	window1.entry[index] = address | rights;
	cpu_write_cr3(paging_root());
}

uint64_t paging_root(void)
{
	return (uint64_t)&level4;
}
