/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For assembler: into long mode, on the tables and the GDT of boot.S. */
#ifndef VIRIDIS_X86_LONG_MODE_H
#define VIRIDIS_X86_LONG_MODE_H

#include "hypervisor/arch/x86/x86.h"

#define SELECTOR_CODE64 0x08
#define SELECTOR_DATA   0x10
#define SELECTOR_CODE32 0x18

#ifdef __ASSEMBLER__
/* clang-format off */

/* Protected mode with boot_gdt in force -> 64-bit code at \target. */
	.macro enter_long_mode target
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
	ljmp	$SELECTOR_CODE64, $\target
	.endm
/* clang-format on */

#endif
#endif
