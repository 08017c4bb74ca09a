/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interrupts and exceptions taken while the hypervisor runs, and the tables that lead here. */
#include "hypervisor/arch/x86/traps.h"

#include "hypervisor/arch/x86/cpu.h"
#include "hypervisor/arch/x86/lapic.h"
#include "hypervisor/arch/x86/paging.h"
#include "hypervisor/arch/x86/virt.h"
#include "hypervisor/kernel/delivery/host_interrupt.h"
#include "hypervisor/kernel/base/panic.h"
#include "hypervisor/kernel/base/percpu.h"

enum { IDT_ENTRIES = 256, STUB_BYTES = 16, EXCEPTION_COUNT = 32, TRAP_STACK_IST = 1 };

#define GDT_TSS_AVAILABLE (UINT64_C(0x89) << 40)
#define GATE_PRESENT      (UINT64_C(0x8e) << 40)

/* Code, data, code of 32 bits; base and limit count for the last and the TSSs alone. APM2 4.8. boot.S loads it too */
__attribute__((used)) uint64_t gdt[SELECTOR_TSS / 8 + 2 * MAX_CPUS] = {
	0,
	UINT64_C(0x00af9b000000ffff),
	UINT64_C(0x00cf93000000ffff),
	UINT64_C(0x00cf9b000000ffff),
};

extern const char trap_stubs[];
static uint64_t idt[2 * IDT_ENTRIES];

static const struct {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed)) gdt_pointer = { sizeof(gdt) - 1, (uint64_t)gdt },
			  idt_pointer = { sizeof(idt) - 1, (uint64_t)idt };

/* By vector; NULL: reserved. APM2 8.1 */
static const char *const exception_names[EXCEPTION_COUNT] = {
	"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", NULL, "#TS",
	"#NP", "#SS", "#GP", "#PF", NULL,  "#MF", "#AC", "#MC", "#XF", NULL, "#CP"
};

/* An interrupt gate, on which interrupts stay off. APM2 4.8.4 */
static void set_gate(unsigned int vector)
{
	uint64_t stub = (uint64_t)trap_stubs + vector * STUB_BYTES;
	bool apart = vector == EXCEPTION_NMI || vector == EXCEPTION_DF ||
	             vector == EXCEPTION_MC;

	idt[2 * vector] = GATE_PRESENT | (stub & 0xffff) | SELECTOR_CODE << 16 |
	                  (apart ? (uint64_t)TRAP_STACK_IST << 32 : 0) |
	                  (stub >> 16 & 0xffff) << 48;
	idt[2 * vector + 1] = stub >> 32;
}

/* The 16-byte descriptor of a TSS. APM2 4.8.3 */
static void set_tss_descriptor(uint64_t *entry, const struct task_state *tss)
{
	uint64_t base = (uint64_t)tss;

	entry[0] = GDT_TSS_AVAILABLE | (sizeof(*tss) - 1) | (base & 0xffffff) << 16 |
	           (base >> 24 & 0xff) << 56;
	entry[1] = base >> 32;
}

void traps_init_cpu(struct cpu *cpu)
{
	unsigned int tss_selector = SELECTOR_TSS + 16 * cpu->index;

	cpu->self = cpu;
	cpu->tss.io_map_base = sizeof(cpu->tss); /* no permission map */
	set_tss_descriptor(&gdt[tss_selector / 8], &cpu->tss);
	for (unsigned int vector = 0; vector < IDT_ENTRIES; vector++)
		set_gate(vector); /* on every CPU alike */
	/* CS and SS hold what boot.S loaded from the same table. */
	__asm__ volatile("lgdt %0; lidt %1; ltr %w2"
	                 :
	                 : "m"(gdt_pointer), "m"(idt_pointer), "r"(tss_selector)
	                 : "memory");
	cpu_wrmsr(MSR_GS_BASE, (uint64_t)cpu);
}

void traps_add_stack(struct cpu *cpu)
{
	cpu->tss.ist[TRAP_STACK_IST] = stack_make(TRAP_STACK_BYTES);
}

static void handle_exception(const struct trap_frame *frame)
{
	const char *name = exception_names[frame->vector];

	if (frame->vector == EXCEPTION_NMI) {
		if (panic_in_progress())
			panic_stop();
		host_interrupt_nmi();
		return;
	}
	if (virt && (virt->init_exceptions & BIT32(frame->vector))) /* not obeyed */
		return;
	panic_at(frame, "exception %lu: %s, error code %#lx", frame->vector,
	         name ? name : "reserved", frame->error_code);
}

void traps_handle(struct trap_frame *frame)
{
	if (frame->vector < EXCEPTION_COUNT) {
		handle_exception(frame);
	} else if (frame->vector <= EXTERNAL_LAST) {
		host_interrupt_external((uint8_t)frame->vector);
	} else {
		if (frame->vector == VECTOR_TIMER)
			this_cpu()->timer_fired = true;
		/* What is spurious sets no bit in the ISR: APM2 16.4.7. A device's does. */
		if (frame->vector != VECTOR_SPURIOUS ||
		    lapic_holds(LAPIC_ISR, VECTOR_SPURIOUS))
			lapic_eoi();
	}
}
