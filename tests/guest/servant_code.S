/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a servant runs: a handler for each vector at SERVANT_CODE, then its tasks. */
#include "tests/guest/profile.h"
#include "tests/guest/servant.h"
#include "tests/profiler/mark.h"

#define X2APIC_EOI  0x80b
#define X2APIC_SVR  0x80f
#define SVR_ENABLED 0x1ff

	.section .rodata
	.code64
	.globl servant_code, servant_code_end
	.globl servant_rdmsr, servant_wrmsr, servant_cpuid, servant_load, servant_store
	.globl servant_vmmcall, servant_signal, servant_halt, servant_count
	.globl servant_startup, servant_startup_end
	.balign 16
servant_code:
	.set vector, 0
	.rept 256
	.balign SERVANT_STUB_BYTES
	.if vector == SERVANT_WAKE
	xorl %eax, %eax
	xorl %edx, %edx
	movl $X2APIC_EOI, %ecx
	wrmsr
	iretq
	.else
	movl $vector, %eax
	out %eax, $SERVANT_WAS_CUT
	.endif
	.set vector, vector + 1
	.endr
	.balign SERVANT_STUB_BYTES

servant_rdmsr:
	rdmsr
	shlq $32, %rdx
	orq %rdx, %rax
	out %eax, $SERVANT_SAYS
servant_wrmsr:
	movq %rax, %rdx
	shrq $32, %rdx
	wrmsr
	out %eax, $SERVANT_SAYS
servant_cpuid:
	cpuid
	out %eax, $SERVANT_SAYS
servant_load:
	movq (%rcx), %rax
	out %eax, $SERVANT_SAYS
servant_store:
	movq %rax, (%rcx)
	out %eax, $SERVANT_SAYS
servant_vmmcall:
	vmmcall
	out %eax, $SERVANT_SAYS
servant_signal:
	movq %rax, %rbx
	movq %rcx, %rsi
	movq %rdx, %rdi
	movl $SVR_ENABLED, %eax
	xorl %edx, %edx
	movl $X2APIC_SVR, %ecx
	wrmsr
1:	movl $SERVANT_PAUSE, %ecx
2:	decl %ecx
	jnz 2b
	movq %rsi, %rcx
	movq %rdi, %rdx
	movl $PROFILE_SIGNAL, %eax
	PROFILE_MARK(PROFILE_BEGIN)
	vmmcall
	movq %rax, %r8
	sti
	hlt
	cli
	decq %rbx
	jnz 1b
	movq %r8, %rax
	out %eax, $SERVANT_SAYS
servant_halt:
	sti
1:	hlt
	jmp 1b
servant_count:
1:	incl SERVANT_COUNTER
	jmp 1b
servant_code_end:

	.code16
servant_startup:
	movb $SERVANT_STARTED, %al
	out %al, $SERVANT_SAYS
1:	hlt
	jmp 1b
servant_startup_end:
