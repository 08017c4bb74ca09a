/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The phases of the group `profile`: void profile_NAME(uint64_t count). Behind the first mark and in front of the
 * second there are 2 instructions, and in the loop 2 and those of one operation; profile_loop and profile_none are empty.
 */
#include "tests/profiler/mark.h"
#include "tests/guest/profile.h"

#define MSR_SELF_IPI       0x83f
#define MSR_TIME_REF_COUNT 0x40000020 /* TLFS 12.4 */
#define NO_CALL            0xffff     /* an unknown code is answered at once */

	.macro PHASE name, number
	.globl profile_\name
	.type profile_\name, @function
profile_\name:
	pushq %rbx
	movl $\number, %eax
	PROFILE_MARK(PROFILE_BEGIN)
	movq %rdi, %r10
1:
	.endm

	.macro PHASE_END name
	decq %r10
	jnz 1b
	movq %rdi, %rax
	PROFILE_MARK(PROFILE_END)
	popq %rbx
	ret
	.size profile_\name, . - profile_\name
	.endm

	.text
	PHASE loop, PROFILE_LOOP
	PHASE_END loop

	PHASE none, PROFILE_NONE
	PHASE_END none

	PHASE cpuid, PROFILE_CPUID
	xorl %eax, %eax
	cpuid
	PHASE_END cpuid

	PHASE vmmcall, PROFILE_VMMCALL
	movl $NO_CALL, %ecx
	vmmcall
	PHASE_END vmmcall

	PHASE rdmsr, PROFILE_RDMSR
	movl $MSR_TIME_REF_COUNT, %ecx
	rdmsr
	PHASE_END rdmsr

	/* With interrupts on, in x2APIC mode: served when the WRMSR is over. */
	PHASE self_ipi, PROFILE_SELF_IPI
	movl $MSR_SELF_IPI, %ecx
	movl $PROFILE_VECTOR, %eax
	xorl %edx, %edx
	wrmsr
	PHASE_END self_ipi

	.section .note.GNU-stack, "", @progbits
