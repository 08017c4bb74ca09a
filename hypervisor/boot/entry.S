/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the boot loader to C, and on to the hypervisor. Multiboot2 3.1, 3.3: the loader enters in flat
 * 32-bit protected mode, paging off, EAX a magic number, EBX the boot information.
 */
#include "hypervisor/arch/x86/layout.h"
#include "hypervisor/arch/x86/long_mode.h"

#define HEADER_MAGIC 0xe85250d6
#define HEADER_ARCHITECTURE 0 /* 32-bit protected mode of i386 */

	.section .boot.header, "a"
	.balign 8
header:
	.long HEADER_MAGIC
	.long HEADER_ARCHITECTURE
	.long header_end - header
	.long -(HEADER_MAGIC + HEADER_ARCHITECTURE + (header_end - header))
	/* Modules on page boundaries. 3.1.11 */
	.short 6, 0
	.long 8
	/* End. 3.1.3 */
	.short 0, 0
	.long 8
header_end:

	.text
	.code32
	.globl	boot_entry
boot_entry:
	cli
	cld
	movl	%eax, %edi			/* first argument of boot_stage */
	movl	%ebx, %esi			/* second */
	movl	$0x80000000, %eax
	cpuid
	cmpl	$0x80000001, %eax
	jb	too_old
	movl	$0x80000001, %eax
	cpuid
	andl	$(CPUID_81_EDX_LM | CPUID_81_EDX_NX), %edx
	cmpl	$(CPUID_81_EDX_LM | CPUID_81_EDX_NX), %edx
	jne	too_old
	lgdt	boot_gdt_pointer
	enter_long_mode boot_entry64

too_old:
	movl	$too_old_text, %esi
	movw	$0x3f8, %dx			/* COM1, as the firmware left it */
1:	lodsb
	testb	%al, %al
	jz	2f
	outb	%al, %dx
	jmp	1b
2:	hlt
	jmp	2b

too_old_text:
	.asciz	"viridis: this CPU has no long mode, or no NX\r\n"

	.code64
boot_entry64:
	movabsq	$boot_stack_top, %rsp
	movabsq	$IMAGE_BASE, %rax
	subq	%rax, %rsp			/* where it was loaded */
	xorl	%ebp, %ebp
	call	boot_stage
	movq	%rax, %rdi			/* main's argument */
	movabsq	$boot_high, %rax
	jmp	*%rax

	.section .note.GNU-stack, "", @progbits
