/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parent group's child once more: exceptions and software interrupts whose frames go to pages that are
 * not there yet, then a debug exception whose delivery raises the next one, for good. Copied to
 * CHILD_CODE; the parent makes the tables, parent_traps.c.
 */
#include "tests/guest/child.h"

#define DR7_CODE_0 0x402

	.macro SAY
	movw $CHILD_PORT, %dx
	outl %eax, %dx
	.endm

	/* EBX counts what the handlers see: how often is each raised? */
	.macro ONCE_WITH_STACK_AT top, instruction:vararg
	xorl %ebx, %ebx
	movl $\top, %esp
	\instruction
	movl %ebx, %eax
	SAY
	.endm

	.section .rodata
	.code64
	.globl child_traps_start, child_traps_end
	.globl child_traps_count, child_traps_skip, child_traps_debug, child_traps_double
child_traps_start:
	ONCE_WITH_STACK_AT CHILD_FAR_STACK + 0x1000, int $CHILD_TRAP
	ONCE_WITH_STACK_AT CHILD_FAR_STACK + 0x2000, int3
	ONCE_WITH_STACK_AT CHILD_FAR_STACK + 0x3000, ud2

	/* QEMU aborts at a breakpoint on the data of a delivery; one on the handler's code it can do. */
	movl $CHILD_STACK_TOP, %esp
	leaq child_traps_debug(%rip), %rax
	movq %rax, %dr0
	movl $DR7_CODE_0, %eax
	movq %rax, %dr7
	jmp child_traps_debug

child_traps_skip:
	addq $2, (%rsp)
child_traps_count:
	incl %ebx
	iretq

child_traps_double:
	popq %rax                  /* the error code, which is 0 */
	addl $8, %eax
	SAY
	hlt

child_traps_debug:
	iretq
child_traps_end:
