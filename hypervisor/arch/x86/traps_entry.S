/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the 256 gates of the IDT lead: stub n is at trap_stubs + n * 16. GS needs no swapping, for
 * nothing but the hypervisor runs on these gates.
 */
	.text

	/* Vectors for which the CPU itself pushes an error code. APM2 8.2 */
	.macro trap_stub vector
	.balign 16
	.if (\vector == 8) || ((\vector >= 10) && (\vector <= 14)) || (\vector == 17) || (\vector == 21) || (\vector == 29) || (\vector == 30)
	.else
	pushq	$0
	.endif
	pushq	$\vector
	jmp	trap_common
	.endm

	.balign 16
	.globl	trap_stubs
trap_stubs:
	.altmacro
	.set	vector, 0
	.rept	256
	trap_stub %vector
	.set	vector, vector + 1
	.endr
	.noaltmacro

trap_common:
	.irp	name, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
	pushq	%\name
	.endr
	cld
	movq	%rsp, %rdi
	call	traps_handle
	.irp	name, r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax
	popq	%\name
	.endr
	addq	$16, %rsp			/* vector, error code */
	iretq

	.section .note.GNU-stack, "", @progbits
