/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hypervisor's own address space: tables built once at boot out of the boot reserve. */
#include "hypervisor/arch/x86/paging.h"

#include <viridis/base/mem.h>
#include "hypervisor/arch/x86/cpu.h"
#include "hypervisor/kernel/base/boot_info.h"
#include "hypervisor/kernel/base/log.h"
#include "hypervisor/kernel/base/percpu.h"

/*
 * What the reserve must hold: per GiB with RAM 2 MiB of frame map tables, 2 MiB of frame table and
 * 2 MiB for splitting the root's nested tables; and the rest, independent of size: 2 MiB of the root's
 * nested tables where addresses have 48 bits, 172 KiB for each CPU.
 */
#define RESERVE_BASE_BYTES    (8 * 1024 * 1024)
#define RESERVE_BYTES_PER_GIB (6 * 1024 * 1024)
#define RESERVE_LIMIT         UINT64_C(0x100000000) /* boot.S maps no more */

/* Accessed and dirty are set from the start, so that no CPU ever writes to these tables. */
#define LEAF_R      (PTE_PRESENT | PTE_ACCESSED | PTE_NX)
#define LEAF_RX     (PTE_PRESENT | PTE_ACCESSED)
#define LEAF_RW     (PTE_PRESENT | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY | PTE_NX)
#define LEAF_DEVICE (LEAF_RW | PTE_PCD | PTE_PWT)
#define TABLE_ENTRY (PTE_PRESENT | PTE_WRITE | PTE_ACCESSED)

extern char image_text_start[], image_text_end[], image_rodata_end[];
extern char image_data_start[], image_data_end[];

uint64_t paging_root; /* hpa of the top table; boot.S loads it on other CPUs */
static uint64_t *window_entries;
static uint64_t alloc_next;
static uint64_t mmio_next = MMIO_BASE;

/* ---- the boot reserve ---- */

static void choose_reserve(void)
{
	uint64_t bytes = RESERVE_BASE_BYTES +
	                 RESERVE_BYTES_PER_GIB * boot_info_ram_gibs(&boot_info);
	uint64_t start = boot_info_find_free(&boot_info, bytes, PAGE_2M, IMAGE_LIMIT_HPA,
	                                     RESERVE_LIMIT);

	if (start == 0)
		panic("no %lu KiB of RAM in one piece below 4 GiB for the hypervisor",
		      bytes / 1024);
	boot_reserve = (struct root_loader_range){ start, start + bytes };
	alloc_next = start;
}

void *boot_alloc(uint64_t bytes, uint64_t align)
{
	uint64_t start = round_up(alloc_next, align);

	if (start > boot_reserve.end || bytes > boot_reserve.end - start)
		panic("boot reserve: no %lu bytes left of %lu KiB", bytes,
		      (boot_reserve.end - boot_reserve.start) / 1024);
	alloc_next = start + bytes;
	return memset(frame_map(start), 0, bytes);
}

uint64_t boot_alloc_left(void)
{
	return boot_reserve.end - alloc_next;
}

uint64_t boot_alloc_stack(uint64_t bytes)
{
	char *guard = boot_alloc(PAGE_4K + bytes, PAGE_4K);

	frame_map_hide(frame_map_hpa(guard) >> PAGE_SHIFT_4K);
	return (uint64_t)guard + PAGE_4K + bytes;
}

/* ---- tables ---- */

static uint64_t *table_entry(uint64_t table_hpa, uint64_t address, unsigned int level)
{
	uint64_t *table = frame_map(table_hpa & PTE_ADDRESS);

	return &table[address >> (PAGE_SHIFT_4K + 9 * level) & 511];
}

/* The last-level entry for `address`; where a table is missing it is made (boot only), or NULL. */
static uint64_t *find_leaf(uint64_t address, bool make)
{
	uint64_t table = paging_root;

	for (unsigned int level = 3; level > 0; level--) {
		uint64_t *entry = table_entry(table, address, level);

		if (!(*entry & PTE_PRESENT)) {
			if (!make)
				return NULL;
			*entry = frame_map_hpa(boot_alloc(PAGE_4K, PAGE_4K)) |
			         TABLE_ENTRY;
		}
		table = *entry;
	}
	return table_entry(table, address, 0);
}

/* Of a frame, which is RAM. */
static uint64_t *frame_leaf(uint64_t pfn)
{
	uint64_t *entry = find_leaf(FRAME_MAP_BASE + (pfn << PAGE_SHIFT_4K), false);

	ASSERT(entry);
	return entry;
}

static void map_image(const char *start, const char *end, uint64_t flags)
{
	for (; start < end; start += PAGE_4K)
		*find_leaf((uint64_t)start, true) = image_hpa(start) | flags;
}

/* Last-level tables, all entries absent, for every 2 MiB in which there is RAM. */
static void prepare_frame_map(void)
{
	for (unsigned int i = 0; i < boot_info.range_count; i++) {
		const struct memory_range *range = &boot_info.ranges[i];

		if (range->type != MEMORY_RAM)
			continue;
		for (uint64_t hpa = round_down(range->start, PAGE_2M); hpa < range->end;
		     hpa += PAGE_2M)
			(void)find_leaf(FRAME_MAP_BASE + hpa, true); /* stays absent */
	}
	for (uint64_t hpa = boot_reserve.start; hpa < boot_reserve.end; hpa += PAGE_4K)
		frame_map_show(hpa >> PAGE_SHIFT_4K);
}

void paging_init(void)
{
	_Static_assert(MAX_CPUS <= 512, "the windows share one table");

	choose_reserve();
	paging_root = frame_map_hpa(boot_alloc(PAGE_4K, PAGE_4K));
	map_image(image_text_start, image_text_end, LEAF_RX);
	map_image(image_text_end, image_rodata_end, LEAF_R);
	map_image(image_data_start, image_data_end, LEAF_RW);
	prepare_frame_map();
	window_entries = find_leaf(WINDOW_BASE, true);
	paging_enable_protections();
	cpu_write_cr3(paging_root);
	log_line("paging: tables at %#lx, image %#lx-%#lx, reserve %#lx-%#lx",
	         paging_root, boot_image.start, boot_image.end, boot_reserve.start,
	         boot_reserve.end);
}

/*
 * Besides the protections CR4 gets what any guest kernel sets, PGE too, though no entry of ours is
 * global: TCG flushes its TLB when a world switch changes these bits.
 */
void paging_enable_protections(void)
{
	uint64_t cr4 = CR4_PAE | CR4_DE | CR4_MCE | CR4_PGE | CR4_OSFXSR |
	               CR4_OSXMMEXCPT | CR4_OSXSAVE;
	struct cpuid_regs features, extended;

	cpu_cpuid(1, 0, &features);
	cpu_cpuid(7, 0, &extended);
	if (!(features.ecx & CPUID_1_ECX_XSAVE))
		panic("this processor has no XSAVE");
	if (extended.ebx & CPUID_7_EBX_SMEP)
		cr4 |= CR4_SMEP;
	if (extended.ebx & CPUID_7_EBX_SMAP)
		cr4 |= CR4_SMAP;
	if (extended.ecx & CPUID_7_ECX_UMIP)
		cr4 |= CR4_UMIP;
	cpu_write_cr4(cr4);
	cpu_write_cr0(CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE);
}

/* ---- after boot ---- */

void frame_map_show(uint64_t pfn)
{
	__atomic_store_n(frame_leaf(pfn), pfn << PAGE_SHIFT_4K | LEAF_RW,
	                 __ATOMIC_RELAXED);
}

void frame_map_hide(uint64_t pfn)
{
	__atomic_store_n(frame_leaf(pfn), 0, __ATOMIC_RELAXED);
	cpu_invlpg(frame_map(pfn << PAGE_SHIFT_4K));
}

void *window_map(uint64_t hpa)
{
	unsigned int index = this_cpu()->index;

	ASSERT(window_entries[index] == 0); /* P2 */
	/* The entry was absent, and what is absent is in no TLB. APM2 5.5.2 */
	window_entries[index] = (hpa & PTE_ADDRESS) | LEAF_RW;
	return (char *)WINDOW_BASE + index * PAGE_4K + (hpa & (PAGE_4K - 1));
}

void window_unmap(void)
{
	unsigned int index = this_cpu()->index;

	window_entries[index] = 0;
	cpu_invlpg((char *)WINDOW_BASE + index * PAGE_4K);
}

void *mmio_map(uint64_t hpa)
{
	uint64_t address = mmio_next;

	*find_leaf(address, true) = (hpa & PTE_ADDRESS) | LEAF_DEVICE;
	mmio_next += PAGE_4K;
	return (char *)address + hpa % PAGE_4K;
}
