/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupts and exceptions taken while the hypervisor runs. Exceptions panic. Vectors from
 * EXTERNAL_FIRST to EXTERNAL_LAST go to interrupt_external(); VECTOR_KICK is
 * acknowledged; VECTOR_TIMER sets cpu->timer_fired. No handler enables interrupts.
 */
#ifndef VIRIDIS_X86_TRAPS_H
#define VIRIDIS_X86_TRAPS_H

#include <stdint.h>
#include <viridis/base/assert.h>

enum {
	EXTERNAL_FIRST = 0x20,
	EXTERNAL_LAST = 0xef,
	VECTOR_KICK = 0xf0,
	VECTOR_TIMER = 0xf1,
	VECTOR_SPURIOUS = 0xff,
};

/* As traps_entry.S pushes it. */
struct trap_frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
	uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
	uint64_t vector, error_code;
	uint64_t rip, cs, rflags, rsp, ss;
};
ASSERT_SIZE(struct trap_frame, 22 * 8);

void traps_handle(struct trap_frame *frame); /* called by traps_entry.S alone */

#endif
