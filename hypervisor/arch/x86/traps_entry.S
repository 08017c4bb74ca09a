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
	pushq	%rax
	pushq	%rbx
	pushq	%rcx
	pushq	%rdx
	pushq	%rsi
	pushq	%rdi
	pushq	%rbp
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	cld
	movq	%rsp, %rdi
	call	traps_handle
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rbp
	popq	%rdi
	popq	%rsi
	popq	%rdx
	popq	%rcx
	popq	%rbx
	popq	%rax
	addq	$16, %rsp			/* vector, error code */
	iretq

	.section .note.GNU-stack, "", @progbits
