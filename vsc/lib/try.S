/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Instructions that may fault. Each has an entry {instruction, where to go on} in .fixups, relative to
 * the entry itself; the trap dispatcher puts the fault into RAX and goes on there.
 *
 * All return struct fault in RAX: vector in 31:0, error code in 63:32; NO_FAULT when none.
 */
#include "vsc/lib/image.h"

#define NO_FAULT 0x100

	.macro FIXUP instruction, go_on
	.pushsection .fixups, "a"
	.long \instruction - ., \go_on - .
	.popsection
	.endm

	.macro TRY_FUNCTION name
	.globl \name
	.type \name, @function
\name:
	.endm

	.section .text
	.code64

TRY_FUNCTION try_rdmsr             /* (uint32_t msr, uint64_t *value) */
	movl %edi, %ecx
	xorl %eax, %eax
	xorl %edx, %edx
10:	rdmsr
	shlq $32, %rdx
	orq %rdx, %rax
	movq %rax, (%rsi)
	movl $NO_FAULT, %eax
11:	ret
	FIXUP 10b, 11b

TRY_FUNCTION try_wrmsr             /* (uint32_t msr, uint64_t value) */
	movl %edi, %ecx
	movl %esi, %eax
	movq %rsi, %rdx
	shrq $32, %rdx
10:	wrmsr
	movl $NO_FAULT, %eax
11:	ret
	FIXUP 10b, 11b

TRY_FUNCTION try_load32            /* (uint64_t address, uint32_t *value) */
10:	movl (%rdi), %eax
	movl %eax, (%rsi)
	movl $NO_FAULT, %eax
11:	ret
	FIXUP 10b, 11b

TRY_FUNCTION try_store32           /* (uint64_t address, uint32_t value) */
10:	movl %esi, (%rdi)
	movl $NO_FAULT, %eax
11:	ret
	FIXUP 10b, 11b

	/* (uint64_t address), port 0 */
	.macro TRY_STRING name, instruction
TRY_FUNCTION \name
	movq %rdi, %rsi
	xorl %edx, %edx
10:	\instruction
	movl $NO_FAULT, %eax
11:	ret
	FIXUP 10b, 11b
	.endm

	TRY_STRING try_insb, insb
	TRY_STRING try_insl, insl
	TRY_STRING try_outsb, outsb

TRY_FUNCTION try_movsl             /* (uint64_t to, uint64_t from) */
10:	movsl
	movl $NO_FAULT, %eax
11:	ret
	FIXUP 10b, 11b

TRY_FUNCTION try_vmmcall           /* (uint64_t control, in, out, uint64_t *result) */
	pushq %rcx
	movq %rdx, %r8
	movq %rdi, %rcx
	movq %rsi, %rdx
10:	vmmcall
	popq %rcx
	movq %rax, (%rcx)
	movl $NO_FAULT, %eax
	ret
11:	addq $8, %rsp
	ret
	FIXUP 10b, 11b

	/* (uint64_t rcx): at CPL 3, with RDX:RAX = 3; RBX keeps the kernel's stack. */
	.macro TRY_USER name, instruction
TRY_FUNCTION \name
	pushq %rbx
	movq %rsp, %rbx
	pushq $SELECTOR_USER_DATA
	pushq %rsp
	pushfq
	orq $0x3000, (%rsp)        /* IOPL 3 */
	pushq $SELECTOR_USER_CODE64
	leaq 10f(%rip), %rax
	pushq %rax
	movq %rdi, %rcx
	xorl %edx, %edx
	movl $3, %eax
	iretq
10:	\instruction
11:	hlt                        /* raises #GP: the way back */
12:	movl $NO_FAULT, %eax
13:	popq %rbx
	ret
	FIXUP 10b, 13b
	FIXUP 11b, 12b
	.endm

	TRY_USER try_user_vmmcall, vmmcall
	TRY_USER try_user_xsetbv, xsetbv
	TRY_USER try_user_insb, insb       /* port 0, RDI the address */

	/* Privileged or invalid instructions without operands of interest; RAX is the operand if any. */
	.macro TRY_PLAIN name, instruction:vararg
TRY_FUNCTION \name
	movq %rdi, %rax
	movl %edi, %ecx
	xorl %edx, %edx
10:	\instruction
	movl $NO_FAULT, %eax
11:	ret
	FIXUP 10b, 11b
	.endm

	TRY_PLAIN try_ud2, ud2
	TRY_PLAIN try_int3, int3
	TRY_PLAIN try_divide, div %ecx
	TRY_PLAIN try_vmrun, vmrun
	TRY_PLAIN try_vmload, vmload
	TRY_PLAIN try_vmsave, vmsave
	TRY_PLAIN try_clgi, clgi
	TRY_PLAIN try_stgi, stgi
	TRY_PLAIN try_skinit, skinit
	TRY_PLAIN try_invlpga, invlpga
	TRY_PLAIN try_monitor, monitor
	TRY_PLAIN try_write_cr4, movq %rax, %cr4
	TRY_PLAIN try_xsetbv, xsetbv

/* RDI to XCR0. */
TRY_FUNCTION try_write_xcr0
	movq %rdi, %rax
	movq %rdi, %rdx
	shrq $32, %rdx
	xorl %ecx, %ecx
10:	xsetbv
	movl $NO_FAULT, %eax
11:	ret
	FIXUP 10b, 11b
