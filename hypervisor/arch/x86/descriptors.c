/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Segments, task state and interrupt stacks of one CPU. */
#include "hypervisor/arch/x86/descriptors.h"

#include "hypervisor/arch/x86/cpu.h"
#include "hypervisor/arch/x86/paging.h"
#include "hypervisor/arch/x86/traps.h"
#include "hypervisor/kernel/percpu.h"

/* In long mode base and limit count for the TSS alone. APM2 4.8 */
#define GDT_CODE          UINT64_C(0x00af9b000000ffff)
#define GDT_DATA          UINT64_C(0x00cf93000000ffff)
#define GDT_TSS_AVAILABLE (UINT64_C(0x89) << 40)

/* The 16-byte descriptor of a TSS. APM2 4.8.3 */
static void set_tss_descriptor(uint64_t *entry, const struct task_state *tss)
{
	uint64_t base = (uint64_t)tss;

	entry[0] = GDT_TSS_AVAILABLE | (sizeof(*tss) - 1) | (base & 0xffffff) << 16 |
	           (base >> 24 & 0xff) << 56;
	entry[1] = base >> 32;
}

/* CS and SS hold what boot.S loaded from a table with the same code and data in the same places. */
static void load_gdt(const uint64_t *gdt)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) pointer = { GDT_ENTRIES * 8 - 1, (uint64_t)gdt };

	__asm__ volatile("lgdt %0" : : "m"(pointer) : "memory");
	__asm__ volatile("ltr %w0" : : "r"((uint32_t)SELECTOR_TSS) : "memory");
}

void descriptors_load(struct cpu *cpu)
{
	struct cpu_descriptors *d = &cpu->descriptors;

	cpu->self = cpu;
	d->gdt[0] = 0;
	d->gdt[SELECTOR_CODE / 8] = GDT_CODE;
	d->gdt[SELECTOR_DATA / 8] = GDT_DATA;
	set_tss_descriptor(&d->gdt[SELECTOR_TSS / 8], &d->tss);
	d->tss.io_map_base = sizeof(d->tss); /* no permission map */
	load_gdt(d->gdt);
	cpu_wrmsr(MSR_GS_BASE, (uint64_t)cpu);
	traps_load();
}

void descriptors_add_stacks(struct cpu *cpu)
{
	for (int stack = IST_NMI; stack < IST_COUNT; stack++)
		cpu->descriptors.tss.ist[stack] = boot_alloc_stack(IST_STACK_BYTES);
}
