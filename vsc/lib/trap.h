/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GDT, TSS and IDT of a VP; dispatch of exceptions and interrupts. */
#ifndef VSC_LIB_TRAP_H
#define VSC_LIB_TRAP_H

#include <stdint.h>

struct vp;

/* Built by trap.S; the order is that of its pushes, last first. */
struct trap_frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
	uint64_t vector, error;
	uint64_t rip, cs, rflags, rsp, ss;
};

enum {
	TRAP_DE = 0,
	TRAP_DB = 1,
	TRAP_NMI = 2,
	TRAP_BP = 3,
	TRAP_UD = 6,
	TRAP_DF = 8,
	TRAP_GP = 13,
	TRAP_PF = 14,
	TRAP_AC = 17,
	TRAP_FIRST_INTERRUPT = 32,
};

typedef void (*trap_handler)(struct trap_frame *frame);

/* Loads the calling VP's tables and its GS base. */
void trap_init_vp(struct vp *vp);

/*
 * A handler for `vector` on every VP; NULL puts the default back. The default counts the interrupt in
 * its VP and issues an EOI for vectors from 32 up; for an exception outside try.h it ends the run.
 */
void trap_set_handler(unsigned int vector, trap_handler handler);

#endif
