/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the boot loader, and from an INIT/SIPI, to C in long mode. Multiboot2 3.1, 3.3: the loader
 * enters in flat 32-bit protected mode, paging off, EAX a magic number, EBX the boot information. The
 * tables here map the first 4 GiB three times: at 0 for the code of this file, at FRAME_MAP_BASE and at
 * IMAGE_BASE. They serve until paging.c has built the final ones.
 */
#include "hypervisor/arch/x86/layout.h"
#include "hypervisor/arch/x86/x86.h"

#define HEADER_MAGIC 0xe85250d6
#define HEADER_ARCHITECTURE 0 /* 32-bit protected mode of i386 */
#define COM1 0x3f8
#define SELECTOR_CODE64 0x08
#define SELECTOR_DATA   0x10
#define SELECTOR_CODE32 0x18
#define BOOT_STACK_BYTES 16384

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
	movl	%eax, %edi			/* first argument of main */
	movl	%ebx, %esi			/* second */
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
	ljmp	$SELECTOR_CODE64, $boot_entry64

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

	.code64
boot_entry64:
	movabsq	$boot_high, %rax
	jmp	*%rax

	.section .boot.tables, "aw"
	.balign 4096
	.globl	boot_pml4, boot_spare_tables
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
boot_spare_tables:					/* paging.c: the reserve ends in two of 512 GiB at most */
	.fill	2 * 512, 8, 0
boot_gdt:
	.quad	0
	.quad	0x00af9b000000ffff		/* SELECTOR_CODE64 */
	.quad	0x00cf93000000ffff		/* SELECTOR_DATA */
	.quad	0x00cf9b000000ffff		/* SELECTOR_CODE32 */
boot_gdt_pointer:
	.short	. - boot_gdt - 1
	.long	boot_gdt

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
	.short	4 * 8 - 1
	.long	boot_gdt
trampoline_end:

	.section .text, "ax"
	.code64
boot_high:
	xorl	%eax, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %fs
	movl	%eax, %gs
	xorl	%ebp, %ebp			/* the backtrace ends here */
	movq	smp_starting_stack(%rip), %rsp
	testq	%rsp, %rsp
	jnz	boot_ap_high
	leaq	boot_stack_top(%rip), %rsp
	/* A canary nobody knows: RDRAND where CPUID shows it, mixed with the time stamp. */
	movl	$1, %eax
	cpuid
	xorl	%r8d, %r8d
	testl	$CPUID_1_ECX_RDRAND, %ecx
	jz	1f
	rdrand	%r8
1:	rdtsc
	shlq	$32, %rdx
	orq	%rdx, %rax
	rolq	$23, %rax
	xorq	%rax, %r8
	movb	$0, %r8b			/* a string cannot copy it whole */
	movq	%r8, __stack_chk_guard(%rip)
	call	main				/* does not return */

/* The starting CPU has left a stack and the struct cpu for the one CPU that is on its way. */
boot_ap_high:
	movq	paging_root(%rip), %rax
	movq	%rax, %cr3
	movq	smp_starting_cpu(%rip), %rdi
	call	smp_enter			/* does not return */

	.section .stack, "aw", @progbits
	.balign 4096
	.globl	boot_stack, boot_stack_top
boot_stack:
	.fill	BOOT_STACK_BYTES, 1, 0
boot_stack_top:

	.section .bss
	.balign 8
	.globl	__stack_chk_guard
__stack_chk_guard:
	.quad	0

	.section .note.GNU-stack, "", @progbits
