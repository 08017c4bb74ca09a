/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the boot loader, and from an INIT/SIPI, to main() in long mode. Multiboot2 3.1, 3.3: the loader
 * enters in flat 32-bit protected mode, paging off, EAX a magic number, EBX the boot information. The
 * tables here map the first 4 GiB three times: at 0 for the code of this file, at FRAME_MAP_BASE and at
 * IMAGE_BASE. They serve until paging.c has built the final ones.
 */
#include "hypervisor/arch/x86/layout.h"
#include "hypervisor/arch/x86/x86.h"

#define HEADER_MAGIC 0xe85250d6
#define HEADER_ARCHITECTURE 0 /* 32-bit protected mode of i386 */
#define COM1 0x3f8
#define CPU_STACK_TOP 8 /* in struct cpu */

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

	.section .boot.text, "ax"
	.code32
	.globl	boot_entry
boot_entry:
	cli
	cld
	movl	%eax, %esi			/* main's second argument */
	movl	%ebx, %ebp			/* and its third */
	movl	$0x80000000, %eax
	cpuid
	cmpl	$0x80000001, %eax
	jb	too_old
	movl	$0x80000001, %eax
	cpuid
	notl	%edx
	testl	$(CPUID_81_EDX_LM | CPUID_81_EDX_NX), %edx
	jnz	too_old
	lgdt	boot_gdt_pointer
/* From the trampoline, which has loaded the GDT; DS still has its real-mode base. */
boot_ap_entry:
	movl	$SELECTOR_DATA, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	movl	$CR4_PAE, %eax
	movl	%eax, %cr4
	movl	$boot_pml4, %eax
	movl	%eax, %cr3
	movl	$MSR_EFER, %ecx
	rdmsr
	orl	$(EFER_LME | EFER_NXE), %eax
	wrmsr
	movl	$(CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE), %eax
	movl	%eax, %cr0
	ljmp	$SELECTOR_CODE, $boot_entry64

too_old:
	movl	$too_old_text, %esi
	movl	$(too_old_end - too_old_text), %ecx
	movw	$COM1, %dx			/* as the firmware left it */
	rep outsb
1:	hlt
	jmp	1b
too_old_text:
	.ascii	"viridis: this CPU has no long mode, or no NX\r\n"
too_old_end:

boot_gdt_pointer:
	.short	BOOT_GDT_BYTES - 1
	.long	gdt - IMAGE_BASE

	.code64
boot_entry64:
	movabsq	$boot_high, %rax
	jmp	*%rax

	.section .boot.tables, "aw"
	.balign 4096
	.globl	boot_pml4, boot_pdpt
boot_pml4:
	.quad	boot_pdpt + (PTE_PRESENT | PTE_WRITE)
	.fill	255, 8, 0
	.quad	boot_pdpt + (PTE_PRESENT | PTE_WRITE)		/* FRAME_MAP_BASE */
	.fill	254, 8, 0
	.quad	boot_pdpt_image + (PTE_PRESENT | PTE_WRITE)	/* IMAGE_BASE */
boot_pdpt:
	.set	at, 0
	.rept	4
	.quad	boot_pd + at + (PTE_PRESENT | PTE_WRITE)
	.set	at, at + 4096
	.endr
	.fill	508, 8, 0
boot_pdpt_image:
	.fill	510, 8, 0
	.quad	boot_pd + (PTE_PRESENT | PTE_WRITE)
	.quad	0
boot_pd:
	.set	at, 0
	.rept	4 * 512
	.quad	at + (PTE_PRESENT | PTE_WRITE | PTE_LARGE)
	.set	at, at + 0x200000
	.endr

/*
 * Copied to a page below 1 MiB, where the startup IPI makes a CPU run it in real mode: CS:0 is its
 * start, wherever that is. APM2 16.9
 */
	.section .rodata
	.balign 16
	.globl	trampoline_start, trampoline_end
	.code16
trampoline_start:
	cli
	movw	%cs, %ax
	movw	%ax, %ds
	lgdtl	trampoline_gdt_pointer - trampoline_start
	movl	%cr0, %eax
	orl	$CR0_PE, %eax
	movl	%eax, %cr0
	ljmpl	$SELECTOR_CODE32, $boot_ap_entry
trampoline_gdt_pointer:
	.short	BOOT_GDT_BYTES - 1
	.long	gdt - IMAGE_BASE
trampoline_end:

/*
 * Every CPU: the tables, and what is laid out for the one that starts: its struct cpu, taken once, with
 * its stack. One that comes when nobody is awaited finds none, and halts.
 */
	.section .text, "ax"
	.code64
boot_high:
	movq	paging_root(%rip), %rax
	movq	%rax, %cr3
	xorl	%edi, %edi
	xchgq	%rdi, smp_starting(%rip)
	testq	%rdi, %rdi
	jz	2f
	movq	CPU_STACK_TOP(%rdi), %rsp
	movl	%ebp, %edx
	xorl	%ebp, %ebp			/* the backtrace ends here */
	call	main				/* does not return */
2:	hlt
	jmp	2b

	.section .stack, "aw", @progbits
	.balign 4096
	.globl	boot_stack, boot_stack_top
boot_stack:
	.fill	CPU_STACK_BYTES, 1, 0
boot_stack_top:

	.section .note.GNU-stack, "", @progbits
