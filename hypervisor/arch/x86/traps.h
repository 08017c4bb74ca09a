/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Segments, task state and interrupt stacks of one CPU, APM2 4.8, 12.2.5; and the
 * interrupts and exceptions taken while the hypervisor runs. Exceptions panic. Vectors from
 * EXTERNAL_FIRST to EXTERNAL_LAST go to host_interrupt_external(); VECTOR_KICK is
 * acknowledged; VECTOR_TIMER sets cpu->timer_fired. No handler enables interrupts.
 */
#pragma once

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

enum { TRAP_STACK_BYTES = 8192 };

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

/* As traps_entry.S pushes it. */
struct trap_frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
	uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
	uint64_t vector, error_code;
	uint64_t rip, cs, rflags, rsp, ss;
};
ASSERT_SIZE(struct trap_frame, 22 * 8);

/* GDT, IDT and its TSS for the CPU that runs this: GS:0 finds `cpu` from here on. */
void traps_init_cpu(struct cpu *cpu);

/*
 * Boot only: a stack above a guard page, for what may strike a broken one: NMI, #DF, #MC. One serves all three,
 * for the other two do not return.
 */
void traps_add_stack(struct cpu *cpu);

void traps_handle(struct trap_frame *frame); /* called by traps_entry.S alone */
