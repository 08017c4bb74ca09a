/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interrupts and exceptions taken while the hypervisor runs, and the tables that lead here. */
#include "hypervisor/arch/x86/traps.h"

#include <viridis/base/bits.h>
#include "hypervisor/arch/x86/cpu.h"
#include "hypervisor/arch/x86/lapic.h"
#include "hypervisor/arch/x86/paging.h"
#include "hypervisor/kernel/delivery/interrupt.h"
#include "hypervisor/kernel/base/log.h"
#include "hypervisor/kernel/base/percpu.h"

enum { IDT_ENTRIES = 256, STUB_BYTES = 16, EXCEPTION_COUNT = 32 };

/* APM2 4.8.4 */
struct idt_gate {
	uint16_t offset_low;
	uint16_t selector;
	uint8_t ist;
	uint8_t type;
	uint16_t offset_middle;
	uint32_t offset_high;
	uint32_t reserved;
};
ASSERT_SIZE(struct idt_gate, 16);

extern const char trap_stubs[];
static struct idt_gate idt[IDT_ENTRIES];

/* By vector; NULL: reserved. APM2 8.1 */
static const char *const exception_names[EXCEPTION_COUNT] = {
	"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", NULL, "#TS",
	"#NP", "#SS", "#GP", "#PF", NULL,  "#MF", "#AC", "#MC", "#XF", NULL, "#CP"
};

static uint8_t gate_stack(unsigned int vector)
{
	if (vector == EXCEPTION_NMI)
		return IST_NMI;
	if (vector == EXCEPTION_DF)
		return IST_DOUBLE_FAULT;
	return vector == EXCEPTION_MC ? IST_MACHINE_CHECK : IST_NONE;
}

static void set_gate(unsigned int vector)
{
	uint64_t stub = (uint64_t)trap_stubs + vector * STUB_BYTES;

	idt[vector] = (struct idt_gate){
		.offset_low = (uint16_t)stub,
		.selector = SELECTOR_CODE,
		.ist = gate_stack(vector),
		.type = 0x8e, /* present, interrupt gate: interrupts stay off */
		.offset_middle = (uint16_t)(stub >> 16),
		.offset_high = (uint32_t)(stub >> 32),
	};
}

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

#define load_table(instruction, table, bytes)                                          \
	do {                                                                           \
		const struct {                                                         \
			uint16_t limit;                                                \
			uint64_t base;                                                 \
		} __attribute__((packed)) pointer_ = { (bytes)-1, (uint64_t)(table) }; \
		__asm__ volatile(instruction : : "m"(pointer_) : "memory");            \
	} while (0)

void descriptors_load(struct cpu *cpu)
{
	struct cpu_descriptors *d = &cpu->descriptors;

	cpu->self = cpu;
	d->gdt[0] = 0;
	d->gdt[SELECTOR_CODE / 8] = GDT_CODE;
	d->gdt[SELECTOR_DATA / 8] = GDT_DATA;
	set_tss_descriptor(&d->gdt[SELECTOR_TSS / 8], &d->tss);
	d->tss.io_map_base = sizeof(d->tss); /* no permission map */
	for (unsigned int vector = 0; vector < IDT_ENTRIES; vector++)
		set_gate(vector); /* on every CPU alike */
	/* CS and SS hold what boot.S loaded from a table with the same code and data in the same places. */
	load_table("lgdt %0", d->gdt, sizeof(d->gdt));
	load_table("lidt %0", idt, sizeof(idt));
	__asm__ volatile("ltr %w0" : : "r"((uint32_t)SELECTOR_TSS) : "memory");
	cpu_wrmsr(MSR_GS_BASE, (uint64_t)cpu);
}

void descriptors_add_stacks(struct cpu *cpu)
{
	for (int stack = IST_NMI; stack < IST_COUNT; stack++)
		cpu->descriptors.tss.ist[stack] = stack_make(IST_STACK_BYTES);
}

static void handle_exception(const struct trap_frame *frame)
{
	const char *name = exception_names[frame->vector];

	if (frame->vector == EXCEPTION_NMI) {
		if (panic_in_progress())
			panic_stop();
		interrupt_nmi();
		return;
	}
	if (frame->vector == EXCEPTION_SX) {
		/* An INIT, of a device's or ours: smp.c lets one halt that came up too late. */
		if (cpus[this_cpu()->index] != this_cpu())
			panic_stop();
		return;
	}
	panic_at(frame, "exception %lu: %s, error code %#lx", frame->vector,
	         name ? name : "reserved", frame->error_code);
}

void traps_handle(struct trap_frame *frame)
{
	if (frame->vector < EXCEPTION_COUNT) {
		handle_exception(frame);
	} else if (frame->vector <= EXTERNAL_LAST) {
		interrupt_external((uint8_t)frame->vector);
	} else {
		if (frame->vector == VECTOR_TIMER)
			this_cpu()->timer_fired = true;
		/* What is spurious sets no bit in the ISR: APM2 16.4.7. A device's does. */
		if (frame->vector != VECTOR_SPURIOUS ||
		    lapic_holds(LAPIC_ISR, VECTOR_SPURIOUS))
			lapic_eoi();
	}
}
