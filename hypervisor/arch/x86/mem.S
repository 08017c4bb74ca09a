/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory functions that the compiler may call, with the string instructions. */

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

/* void *memmove(void *to, const void *from, size_t bytes): backwards where `to` lies in `from` */
	function memmove
	movq	%rdi, %rax
	movq	%rdx, %rcx
	movq	%rdi, %r8
	subq	%rsi, %r8
	cmpq	%rdx, %r8
	jb	1f
	rep movsb
	ret
1:	leaq	-1(%rdi, %rdx), %rdi
	leaq	-1(%rsi, %rdx), %rsi
	std
	rep movsb
	cld
	ret
	.size	memmove, . - memmove

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

/* int memcmp(const void *a, const void *b, size_t bytes) */
	function memcmp
	movq	%rdx, %rcx
	xorl	%eax, %eax			/* and equal, should there be no bytes */
	repe cmpsb
	je	1f
	movzbl	-1(%rdi), %eax
	movzbl	-1(%rsi), %edx
	subl	%edx, %eax
1:	ret
	.size	memcmp, . - memcmp

	.section .note.GNU-stack, "", @progbits
