/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory functions that the hypervisor calls, or the compiler for it. */

	.text
	.macro function name
	.globl	\name
	.type	\name, @function
	.balign	16
\name:
	.endm

/* void *memcpy(void *to, const void *from, size_t bytes) */
	function memcpy
	movq	%rdi, %rax
	movq	%rdx, %rcx
	shrq	$3, %rcx
	rep movsq
	movl	%edx, %ecx
	andl	$7, %ecx
	rep movsb
	ret
	.size	memcpy, . - memcpy

/* void *memset(void *to, int byte, size_t bytes): eight at a time, for that is what clears pages */
	function memset
	movq	%rdi, %r8
	movzbl	%sil, %eax
	movabsq	$0x0101010101010101, %r9
	imulq	%r9, %rax
	movq	%rdx, %rcx
	shrq	$3, %rcx
	rep stosq
	movl	%edx, %ecx
	andl	$7, %ecx
	rep stosb
	movq	%r8, %rax
	ret
	.size	memset, . - memset

	.section .note.GNU-stack, "", @progbits
