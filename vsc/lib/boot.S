/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Entries of the payload. Offset 0: 32-bit protected mode, flat, paging off, ESI = boot_params. Offset
 * 0x200: long mode, identity-mapped, RSI = boot_params. Both run wherever the image was put.
 */
#include "vsc/lib/image.h"

#define CR0_PG_PE 0x80000001
#define CR4_PAE 0x20
#define MSR_EFER 0xc0000080
#define EFER_LME 0x100
#define TABLE_FLAGS 0x3            /* present, writable */
#define LARGE_FLAGS 0x83           /* a 2 MiB page */

	.section .head, "ax"
	.code32
	.globl entry32
entry32:
	cli
	cld
	leal BOOT_PARAMS_E820_COUNT(%esi), %esp /* the zero page's scratch field as a stack */
	call 1f
1:	popl %ebp
	subl $(1b - entry32), %ebp         /* where the image is */

	leal (boot_tables - entry32)(%ebp), %edi
	movl %edi, %ebx
	xorl %eax, %eax
	movl $(6 * 1024), %ecx
	rep stosl
	leal 0x1000 + TABLE_FLAGS(%ebx), %eax
	movl %eax, (%ebx)
	leal 0x2000 + TABLE_FLAGS(%ebx), %eax
	xorl %ecx, %ecx
1:	movl %eax, 0x1000(%ebx, %ecx, 8)
	addl $0x1000, %eax
	incl %ecx
	cmpl $4, %ecx
	jb 1b
	movl $LARGE_FLAGS, %eax
	xorl %ecx, %ecx
1:	movl %eax, 0x2000(%ebx, %ecx, 8)
	addl $0x200000, %eax
	incl %ecx
	cmpl $2048, %ecx
	jb 1b

	movl $CR4_PAE, %eax
	movl %eax, %cr4
	movl %ebx, %cr3
	movl $MSR_EFER, %ecx
	rdmsr
	orl $EFER_LME, %eax
	wrmsr
	leal (boot_gdt - entry32)(%ebp), %eax
	movl %eax, (boot_gdt_pointer + 2 - entry32)(%ebp)
	lgdt (boot_gdt_pointer - entry32)(%ebp)
	leal (entry64 - entry32)(%ebp), %eax
	pushl $SELECTOR_CODE64
	pushl %eax
	movl $CR0_PG_PE, %eax
	movl %eax, %cr0
	lret

	.balign 8
boot_gdt:
	.quad 0, 0
	.quad 0x00af9b000000ffff
	.quad 0x00cf93000000ffff
boot_gdt_pointer:
	.word boot_gdt_pointer - boot_gdt - 1
	.long 0

	.org 0x200, 0xcc
	.code64
	.globl entry64
entry64:
	cli
	cld
	leaq boot_stack_top(%rip), %rsp
	movq %rsi, %rbx
	leaq bss_start(%rip), %rdi
	leaq bss_end(%rip), %rcx
	subq %rdi, %rcx
	xorl %eax, %eax
	rep stosb

	/* R_X86_64_RELATIVE: *(base + offset) = base + addend; base is payload_start, linked at 0 */
	leaq payload_start(%rip), %rdx
	leaq relocations_start(%rip), %rsi
	leaq relocations_end(%rip), %rdi
1:	cmpq %rdi, %rsi
	jae 2f
	movq (%rsi), %rax
	movq 16(%rsi), %rcx
	addq %rdx, %rcx
	movq %rcx, (%rdx, %rax)
	addq $24, %rsi
	jmp 1b
2:
	movq %rbx, %rdi
	xorl %ebp, %ebp
	call guest_start
1:	hlt
	jmp 1b

	.section .bss
	.balign 16
	.skip STACK_BYTES
	.globl boot_stack_top
boot_stack_top:

	.section .boot_tables, "aw", @nobits
	.balign 4096
boot_tables:
	.skip 6 * 4096
