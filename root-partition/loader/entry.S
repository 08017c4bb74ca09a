/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From real mode, CS:0 the first byte, to the kernel's 64-bit entry. The tables map 4 GiB identically; the
 * kernel starts on them and on this GDT, as its boot protocol wants. Linux
 * Documentation/arch/x86/boot.rst
 */
#define CR0_PE 0x1
#define CR0_PG_PE 0x80000001
#define CR4_PAE 0x20
#define MSR_EFER 0xc0000080
#define EFER_LME 0x100
#define SELECTOR_CODE 0x10
#define SELECTOR_DATA 0x18
#define SELECTOR_CODE32 0x20
#define TABLE_FLAGS 0x3
#define LARGE_FLAGS 0x83
#define STACK_BYTES 8192

	.section .head, "ax"
	.code16
	.globl entry
entry:
	cld
	movw %cs, %ax
	movw %ax, %ds
	lgdtl gdt_pointer - entry
	movl $(CR0_PE), %eax
	movl %eax, %cr0
	ljmpl $SELECTOR_CODE32, $entry32

	.code32
entry32:
	movl $SELECTOR_DATA, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl $bss_start, %edi
	movl $bss_end, %ecx
	subl %edi, %ecx
	xorl %eax, %eax
	rep stosb
	movl $CR4_PAE, %eax
	movl %eax, %cr4
	movl $pml4, %eax
	movl %eax, %cr3
	movl $MSR_EFER, %ecx
	rdmsr
	orl $EFER_LME, %eax
	wrmsr
	movl $CR0_PG_PE, %eax
	movl %eax, %cr0
	ljmp $SELECTOR_CODE, $entry64

	.code64
entry64:
	movl $stack_top, %esp
	xorl %ebp, %ebp
	call loader_main
	movl $zero_page, %esi
	jmp *%rax

	.balign 8
gdt:
	.quad 0, 0
	.quad 0x00af9b000000ffff	/* SELECTOR_CODE */
	.quad 0x00cf93000000ffff	/* SELECTOR_DATA */
	.quad 0x00cf9b000000ffff	/* SELECTOR_CODE32 */
gdt_pointer:
	.word gdt_pointer - gdt - 1
	.long gdt

	.section .data
	.balign 4096
pml4:
	.quad pdpt + TABLE_FLAGS
	.fill 511, 8, 0
pdpt:
	.set at, 0
	.rept 4
	.quad directories + at + TABLE_FLAGS
	.set at, at + 4096
	.endr
	.fill 508, 8, 0
directories:
	.set at, 0
	.rept 4 * 512
	.quad at + LARGE_FLAGS
	.set at, at + 0x200000
	.endr

	.section .bss
	.balign 16
	.skip STACK_BYTES
stack_top:

	.section .note.GNU-stack, "", @progbits
