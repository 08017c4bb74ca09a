/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Segments, task state and interrupt stacks of one CPU, APM2 4.8, 12.2.5; and the
 * interrupts and exceptions taken while the hypervisor runs. Exceptions panic. Vectors from
 * EXTERNAL_FIRST to EXTERNAL_LAST go to interrupt_external(); VECTOR_KICK is
 * acknowledged; VECTOR_TIMER sets cpu->timer_fired. No handler enables interrupts.
 */
#ifndef VIRIDIS_X86_TRAPS_H
#define VIRIDIS_X86_TRAPS_H

#include <stdint.h>
#include <viridis/base/assert.h>

struct cpu;

enum {
	EXTERNAL_FIRST = 0x20,
	EXTERNAL_LAST = 0xef,
	VECTOR_KICK = 0xf0,
	VECTOR_TIMER = 0xf1,
	VECTOR_SPURIOUS = 0xff,
};

/* The data selector follows the code selector by 8, which is what SYSCALL and VMEXIT expect. */
enum { SELECTOR_CODE = 0x08, SELECTOR_DATA = 0x10, SELECTOR_TSS = 0x18 };

enum interrupt_stack {
	IST_NONE,
	IST_NMI,
	IST_DOUBLE_FAULT,
	IST_MACHINE_CHECK,
	IST_COUNT
};

enum { CPU_STACK_BYTES = 16384, IST_STACK_BYTES = 8192, GDT_ENTRIES = 5 };

/* APM2 12.2.5, figure 12-8 */
struct task_state {
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t ist[8]; /* ist[0] is reserved */
	uint64_t reserved1;
	uint16_t reserved2;
	uint16_t io_map_base;
} __attribute__((packed));
ASSERT_SIZE(struct task_state, 104);

struct cpu_descriptors {
	uint64_t gdt[GDT_ENTRIES] __attribute__((aligned(16)));
	struct task_state tss;
};

/* As traps_entry.S pushes it. */
struct trap_frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
	uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
	uint64_t vector, error_code;
	uint64_t rip, cs, rflags, rsp, ss;
};
ASSERT_SIZE(struct trap_frame, 22 * 8);

/*
 * Build the CPU's GDT and load it, its TSS and the IDT on the CPU that runs this: GS:0 finds `cpu`
 * from here on.
 */
void descriptors_load(struct cpu *cpu);

/* Boot only: stacks of their own, each above a guard page, for what may strike a broken stack. */
void descriptors_add_stacks(struct cpu *cpu);

void traps_handle(struct trap_frame *frame); /* called by traps_entry.S alone */

#endif
