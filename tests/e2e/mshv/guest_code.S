/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest in long mode that makes hypercalls for its parent. At each access to port 0x80 the parent sets
 * RCX (control word), RDX (input), R9 (how many times). The guest calls until one fails, counting
 * successes in RBX and in the 32-bit word 16 bytes into the input, and comes back with RAX the result.
 * Stack, hypercall page: test/synic_test.c
 */
	.section .rodata
	.global guest_caller
	.global guest_caller_end
	.code64
guest_caller:
	mov	$0x40000000, %ecx	/* GUEST_OS_ID: something */
	mov	$1, %eax
	xor	%edx, %edx
	wrmsr
	inc	%ecx			/* HYPERCALL: page at 0x5000, enabled */
	mov	$0x5001, %eax
	wrmsr
	mov	$0x5000, %r14d
	xor	%eax, %eax
wait:
	out	%al, $0x80
	mov	%rcx, %r12
	mov	%rdx, %r13
	xor	%ebx, %ebx
again:
	mov	%r12, %rcx
	mov	%r13, %rdx
	xor	%r8d, %r8d
	call	*%r14
	test	%rax, %rax
	jnz	wait
	inc	%ebx
	incl	16(%r13)
	dec	%r9
	jnz	again
	jmp	wait
guest_caller_end:

	.section .note.GNU-stack, "", @progbits
