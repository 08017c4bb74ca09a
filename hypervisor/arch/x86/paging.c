/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hypervisor's own address space: its tables are pages of the reserve. */
#include "hypervisor/arch/x86/paging.h"

#include <viridis/base/mem.h>
#include "hypervisor/kernel/base/boot_info.h"
#include "hypervisor/kernel/base/spinlock.h"

/* What the tables of boot.S can map: by themselves, and with pages of 1 GiB. */
#define BOOT_REACH       (4 * PAGE_1G)
#define BOOT_REACH_LARGE (512 * PAGE_1G)

#define SYSCFG_MEMORY_ENCRYPTION BIT64(23)

/* Accessed and dirty are set from the start, so that no CPU ever writes to these tables. */
#define LEAF_R      (PTE_PRESENT | PTE_ACCESSED | PTE_NX)
#define LEAF_RX     (PTE_PRESENT | PTE_ACCESSED)
#define LEAF_RW     (PTE_PRESENT | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY | PTE_NX)
#define LEAF_DEVICE (LEAF_RW | PTE_PCD | PTE_PWT)
#define TABLE_ENTRY (PTE_PRESENT | PTE_WRITE | PTE_ACCESSED)

extern char image_text_start[], image_text_end[], image_rodata_end[];
extern char image_data_start[], image_data_end[];
extern char boot_pml4[], boot_pdpt[]; /* boot.S, at their physical addresses */

/* hpa of the top table; boot.S loads it */
__attribute__((used)) uint64_t paging_root = (uint64_t)boot_pml4;
static uint64_t *window_entries;
static uint64_t reserve_next; /* atomic */
static uint64_t apart_next = APART_BASE;
static struct spinlock frame_map_lock = SPINLOCK(LOCK_FRAMES); /* new tables */

/* ---- the processor's pages ---- */

bool paging_has_1g_pages(void)
{
	return cpu_cpuid(0x80000001, 0).edx & CPUID_81_EDX_PAGE1GB;
}

unsigned int paging_address_bits(void)
{
	struct cpuid_regs encryption = { 0 };
	bool encrypts = false;

	if (cpu_cpuid(0x80000000, 0).eax >= 0x8000001f)
		encryption = cpu_cpuid(0x8000001f, 0);
	if (encryption.eax & 1)
		encrypts = cpu_rdmsr(MSR_SYSCFG) & SYSCFG_MEMORY_ENCRYPTION;
	return boot_info_address_bits(cpu_cpuid(0x80000008, 0).eax, encryption.eax,
	                              encryption.ebx, encrypts);
}

/* ---- the reserve ---- */

void *reserve_take(uint64_t bytes)
{
	uint64_t start;

	bytes = round_up(bytes, PAGE_4K);
	start = __atomic_fetch_add(&reserve_next, bytes, __ATOMIC_RELAXED);
	if (start > boot_reserve.end || bytes > boot_reserve.end - start)
		panic("the reserve of %lu KiB is used up",
		      (boot_reserve.end - boot_reserve.start) / 1024);
	return memset(frame_map(start), 0, bytes);
}

uint64_t reserve_left(void)
{
	return boot_reserve.end - __atomic_load_n(&reserve_next, __ATOMIC_RELAXED);
}

/* ---- tables ---- */

static uint64_t *table_entry(uint64_t table_hpa, uint64_t address, unsigned int level)
{
	uint64_t *table = frame_map(table_hpa & PTE_ADDRESS);

	return &table[address >> (PAGE_SHIFT_4K + 9 * level) & 511];
}

/* The entry for `address` in a table of `level`; tables that are missing on the way are made. */
static uint64_t *find_entry(uint64_t address, unsigned int level)
{
	uint64_t table = paging_root;

	for (unsigned int at = 3; at > level; at--) {
		uint64_t *entry = table_entry(table, address, at);

		if (!(*entry & PTE_PRESENT))
			*entry = frame_map_hpa(reserve_take(PAGE_4K)) | TABLE_ENTRY;
		table = *entry;
	}
	return table_entry(table, address, level);
}

static void map_pages(uint64_t address, uint64_t hpa, uint64_t bytes, uint64_t flags)
{
	for (uint64_t at = 0; at < bytes; at += PAGE_4K)
		*find_entry(address + at, 0) = (hpa + at) | flags;
}

static void map_image(const char *start, const char *end, uint64_t flags)
{
	map_pages((uint64_t)start, image_hpa(start), (uint64_t)(end - start), flags);
}

/* boot.S maps 4 GiB: with pages of 1 GiB its tables get the reserve too, wherever it is. */
static void reach_reserve(void)
{
	uint64_t *pdpt = (uint64_t *)frame_map((uint64_t)boot_pdpt);
	uint64_t gib = boot_reserve.start / PAGE_1G;

	for (; gib * PAGE_1G < boot_reserve.end; gib++)
		if (!(pdpt[gib] & PTE_PRESENT))
			pdpt[gib] = gib * PAGE_1G | LEAF_RW | PTE_LARGE;
}

static void choose_reserve(void)
{
	bool has_1g = paging_has_1g_pages();
	uint64_t limit = has_1g ? BOOT_REACH_LARGE : BOOT_REACH;
	uint64_t bytes =
		boot_info_reserve_bytes(&boot_info, paging_address_bits(), has_1g);
	uint64_t start =
		boot_info_find_free(&boot_info, bytes, PAGE_2M, IMAGE_LIMIT_HPA, limit);

	if (start == 0)
		panic("no %lu KiB of RAM in one piece below %lu GiB for the hypervisor",
		      bytes / 1024, limit / PAGE_1G);
	boot_reserve = (struct root_loader_range){ start, start + bytes };
	reserve_next = start;
	reach_reserve();
}

void paging_init(void)
{
	_Static_assert(MAX_CPUS <= 512, "the windows share one table");

	choose_reserve();
	paging_root = frame_map_hpa(reserve_take(PAGE_4K));
	map_image(image_text_start, image_text_end, LEAF_RX);
	map_image(image_text_end, image_rodata_end, LEAF_R);
	map_image(image_data_start, image_data_end, LEAF_RW);
	for (uint64_t hpa = boot_reserve.start; hpa < boot_reserve.end; hpa += PAGE_2M)
		*find_entry(FRAME_MAP_BASE + hpa, 1) = hpa | LEAF_RW | PTE_LARGE;
	window_entries = find_entry(WINDOW_BASE, 0);
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
	struct cpuid_regs extended = cpu_cpuid(7, 0);

	if (!(cpu_cpuid(1, 0).ecx & CPUID_1_ECX_XSAVE))
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

static void set_frame(uint64_t pfn, uint64_t flags)
{
	SPIN_HOLD(&frame_map_lock);
	*find_entry((uint64_t)frame_map(pfn << PAGE_SHIFT_4K), 0) =
		flags ? pfn << PAGE_SHIFT_4K | flags : 0;
}

void frame_map_show(uint64_t pfn)
{
	set_frame(pfn, LEAF_RW);
}

void frame_map_hide(uint64_t pfn)
{
	set_frame(pfn, 0);
	cpu_invlpg(frame_map(pfn << PAGE_SHIFT_4K));
}

void *window_map(uint64_t hpa)
{
	unsigned int index = this_cpu()->index;

	ASSERT(window_entries[index] == 0); /* PAGING-2 */
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

/* Behind a page that stays unmapped. */
static uint64_t map_apart(uint64_t hpa, uint64_t bytes, uint64_t flags)
{
	uint64_t start = apart_next + PAGE_4K;

	map_pages(start, hpa, bytes, flags);
	apart_next = start + bytes;
	return start;
}

uint64_t stack_make(uint64_t bytes)
{
	return map_apart(frame_map_hpa(reserve_take(bytes)), bytes, LEAF_RW) + bytes;
}

void *mmio_map(uint64_t hpa)
{
	return (char *)map_apart(round_down(hpa, PAGE_4K), PAGE_4K, LEAF_DEVICE) +
	       hpa % PAGE_4K;
}
