/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parent group runs in its child: 64-bit code, copied to CHILD_CODE of the child's memory. It
 * speaks by OUT to port 0x3f8, which its parent sees as intercepts, in the order child.h lists.
 */
#include "tests/guest/child.h"

#define HV_MSR_GUEST_OS_ID 0x40000000
#define HV_MSR_HYPERCALL 0x40000001
#define HV_MSR_SCONTROL 0x40000080
#define HV_MSR_SIEFP 0x40000082
#define HV_MSR_SIMP 0x40000083
#define CREATE_PARTITION 0x40
#define DEPOSIT_MEMORY 0x48
#define ONE_REP 1              /* bits 63:32 of the control word */
#define POST_MESSAGE 0x5c
#define SIGNAL_EVENT_FAST 0x1005d
#define SIMP_SLOT (CHILD_SIMP + CHILD_SINT * 256)
#define SIEFP_FLAGS (CHILD_SIEFP + CHILD_SINT * 256)

	.macro SAY
	movw $CHILD_PORT, %dx
	outl %eax, %dx
	.endm

	.macro WRITE_MSR msr, value
	movl $\msr, %ecx
	movl $\value, %eax
	xorl %edx, %edx
	wrmsr
	.endm

	.section .rodata
	.code64
	.globl child_start, child_end
child_start:
	movl $CHILD_HELLO, %eax
	movw $CHILD_PORT, %dx
	outb %al, %dx

	inl %dx, %eax              /* the parent answers */
	incl %eax
	SAY

	movl $0x40000001, %eax
	cpuid
	SAY

	movl CHILD_HOLE, %eax      /* nothing is there yet */
	SAY
	movl $CHILD_HELLO, CHILD_HOLE + 4

	xorl %eax, %eax
1:	incl %eax
	movl %eax, CHILD_COUNTER   /* the parent unmaps it under us */
	cmpl $0, CHILD_STOP
	je 1b

	WRITE_MSR HV_MSR_GUEST_OS_ID, 1
	WRITE_MSR HV_MSR_HYPERCALL, CHILD_HYPERCALL + 1
	movl $CREATE_PARTITION, %ecx
	movl $CHILD_SCRATCH, %edx
	movl $CHILD_SCRATCH, %r8d
	vmmcall
	SAY
	movl $ONE_REP, %ecx
	shlq $32, %rcx
	orq $DEPOSIT_MEMORY, %rcx
	movl $CHILD_SCRATCH, %edx
	vmmcall
	SAY

	WRITE_MSR HV_MSR_SIMP, CHILD_SIMP + 1
	WRITE_MSR HV_MSR_SIEFP, CHILD_SIEFP + 1
	WRITE_MSR HV_MSR_SCONTROL, 1
	movl $POST_MESSAGE, %ecx
	movl $CHILD_MESSAGE, %edx
	vmmcall
	SAY
	movl $SIGNAL_EVENT_FAST, %ecx
	movl $CHILD_FLAG, %edx
	shlq $32, %rdx
	orq $CHILD_EVENT_CONNECTION, %rdx
	vmmcall
	SAY
	movl $SIGNAL_EVENT_FAST, %ecx
	movl $CHILD_FORGED_CONNECTION, %edx
	vmmcall
	SAY

1:	pause                      /* a message from the parent */
	cmpl $0, SIMP_SLOT
	je 1b
	movl SIMP_SLOT + 16, %eax
	SAY
	movl $0, SIMP_SLOT
1:	pause                      /* an event from the parent */
	btl $CHILD_FLAG, SIEFP_FLAGS
	jnc 1b
	movl SIEFP_FLAGS, %eax
	SAY
	cli
1:	hlt
	jmp 1b
child_end:
