/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a started processor begins: real mode, CS = its page, IP 0. The first VP copies this page
 * below 1 MiB and fills the fields at its end. The processor goes straight to long mode.
 */
#include "vsc/lib/image.h"

#define CR0_PG_PE 0x80000001
#define CR4_PAE 0x20
#define MSR_EFER 0xc0000080
#define EFER_LME 0x100
#define OFFSET(label) (label - trampoline_start)

	.section .rodata
	.balign 16
	.globl trampoline_start, trampoline_end, trampoline_fields
trampoline_start:
	.code16
	cli
	movw %cs, %ax
	movw %ax, %ds
	movl $CR4_PAE, %eax
	movl %eax, %cr4
	movl OFFSET(field_root), %eax
	movl %eax, %cr3
	movl $MSR_EFER, %ecx
	rdmsr
	orl $EFER_LME, %eax
	wrmsr
	lgdtl OFFSET(field_gdt_limit)
	movl $CR0_PG_PE, %eax
	movl %eax, %cr0
	ljmpl *OFFSET(field_jump)

	.code64
long_mode:
	movl $SELECTOR_DATA, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movq field_stack(%rip), %rsp
	movq field_vp(%rip), %rdi
	xorl %ebp, %ebp
	jmpq *field_entry(%rip)

	.balign 8
trampoline_fields:                 /* struct trampoline_fields of smp.c */
field_root:
	.quad 0
field_stack:
	.quad 0
field_vp:
	.quad 0
field_entry:
	.quad 0
field_jump:
	.long OFFSET(long_mode)    /* the page's address is added */
	.word SELECTOR_CODE64
field_gdt_limit:
	.word 4 * 8 - 1
	.long OFFSET(trampoline_gdt) /* likewise */
	.balign 8
trampoline_gdt:
	.quad 0, 0
	.quad 0x00af9b000000ffff
	.quad 0x00cf93000000ffff
trampoline_end:
