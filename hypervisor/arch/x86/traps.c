/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interrupts and exceptions taken while the hypervisor runs. */
#include "hypervisor/arch/x86/traps.h"

#include <viridis/base/bits.h>
#include "hypervisor/arch/x86/cpu.h"
#include "hypervisor/arch/x86/descriptors.h"
#include "hypervisor/arch/x86/lapic.h"
#include "hypervisor/kernel/interrupt.h"
#include "hypervisor/kernel/panic.h"
#include "hypervisor/kernel/percpu.h"

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
	"divide error",
	"debug",
	"NMI",
	"breakpoint",
	"overflow",
	"bound range",
	"invalid opcode",
	"no FPU",
	"double fault",
	NULL,
	"invalid TSS",
	"segment not present",
	"stack fault",
	"general protection",
	"page fault",
	NULL,
	"x87 error",
	"alignment check",
	"machine check",
	"SIMD error",
	NULL,
	"control protection",
};

static uint8_t gate_stack(unsigned int vector)
{
	if (vector == EXCEPTION_NMI)
		return IST_NMI;
	if (vector == EXCEPTION_DF)
		return IST_DOUBLE_FAULT;
	return vector == EXCEPTION_MC ? IST_MACHINE_CHECK : IST_NONE;
}

void traps_init(void)
{
	for (unsigned int vector = 0; vector < IDT_ENTRIES; vector++) {
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
}

void traps_load(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) pointer = { sizeof(idt) - 1, (uint64_t)idt };

	__asm__ volatile("lidt %0" : : "m"(pointer) : "memory");
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
		/* APM2 16.4.7: the spurious vector alone sets no bit in the ISR. */
		if (frame->vector != VECTOR_SPURIOUS)
			lapic_eoi();
	}
}
