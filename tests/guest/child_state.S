/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A child that fills its VP with state of every kind, and tells later, as another VP, whether it is still
 * there. 64-bit code, copied to CHILD_CODE; it speaks by OUT to port 0x3f8. Its GDT and IDT are the
 * parent's work: both vectors lead to child_state_handler.
 */
#include "tests/guest/child.h"

#define HV_MSR_TIME_REF_COUNT 0x40000020
#define HV_MSR_SCONTROL 0x40000080
#define HV_MSR_SIEFP 0x40000082
#define HV_MSR_SIMP 0x40000083
#define HV_MSR_SINT 0x40000090
#define HV_MSR_STIMER0_CONFIG 0x400000b0
#define HV_MSR_STIMER0_COUNT 0x400000b1
#define STIMER_AUTO_ENABLE 8
#define APIC_BASE 0x1b
#define APIC_BASE_X2APIC 0xfee00d00
#define X2APIC_ID 0x802
#define X2APIC_TPR 0x808
#define X2APIC_EOI 0x80b
#define X2APIC_SVR 0x80f
#define X2APIC_ISR 0x810
#define X2APIC_IRR 0x820
#define X2APIC_SELF_IPI 0x83f
#define CR4_OSFXSR_OSXSAVE 0x40200
#define XCR0_AVX_BIT 2

	.macro SAY
	movw $CHILD_PORT, %dx
	outl %eax, %dx
	.endm

	.macro SAY_MSR msr
	movl $\msr, %ecx
	rdmsr
	SAY
	.endm

	.macro WRITE_MSR msr, value
	movl $\msr, %ecx
	movl $\value, %eax
	xorl %edx, %edx
	wrmsr
	.endm

	.section .rodata
	.code64
	.globl child_state_start, child_state_handler, child_state_end
child_state_start:
	.rept 4                    /* the parent says what it gives */
	movl $CHILD_LEAF, %eax
	xorl %ecx, %ecx
	cpuid
	SAY
	.endr

	WRITE_MSR APIC_BASE, APIC_BASE_X2APIC
	WRITE_MSR X2APIC_SVR, 0x1ff
	WRITE_MSR X2APIC_TPR, CHILD_TPR
	sti
	WRITE_MSR X2APIC_SELF_IPI, CHILD_VECTOR_SERVED
	nop
	cli                        /* served, and not ended: */
	WRITE_MSR X2APIC_SELF_IPI, CHILD_VECTOR_WAITING

	WRITE_MSR HV_MSR_SIMP, CHILD_SIMP + 1
	WRITE_MSR HV_MSR_SIEFP, CHILD_SIEFP + 1
	WRITE_MSR HV_MSR_SINT + CHILD_SINT, CHILD_VECTOR_WAITING
	WRITE_MSR HV_MSR_SCONTROL, 1
	movl $CHILD_PATTERN, CHILD_SIMP + CHILD_SIMP_SINT * 256 + 16
	movl $CHILD_PATTERN, CHILD_SIEFP + CHILD_SIEFP_SINT * 256

	movl $HV_MSR_TIME_REF_COUNT, %ecx
	rdmsr
	addl $CHILD_TIMER_100NS, %eax
	adcl $0, %edx
	movl %eax, %esi
	movl %edx, %edi
	WRITE_MSR HV_MSR_STIMER0_CONFIG, CHILD_SINT << 16 | STIMER_AUTO_ENABLE
	movl $HV_MSR_STIMER0_COUNT, %ecx
	movl %esi, %eax
	movl %edi, %edx
	wrmsr

	movq %cr4, %rax
	orq $CR4_OSFXSR_OSXSAVE, %rax
	movq %rax, %cr4
	movw $CHILD_PORT, %dx
	inl %dx, %eax              /* the parent says which components there are */
	movl %eax, %ebx
	xorl %ecx, %ecx
	xorl %edx, %edx
	xsetbv
	movl $CHILD_PATTERN, %eax
	movd %eax, %xmm7
	movl $CHILD_MXCSR, CHILD_SCRATCH
	ldmxcsr CHILD_SCRATCH
	fninit
	fld1
	btl $XCR0_AVX_BIT, %ebx
	jnc 1f
	vinsertf128 $1, %xmm7, %ymm6, %ymm6
1:	movl $CHILD_READY, %eax
	SAY                        /* another VP goes on from here */

	SAY_MSR X2APIC_ID
	SAY_MSR X2APIC_TPR
	SAY_MSR X2APIC_ISR + CHILD_VECTOR_SERVED / 32
	SAY_MSR X2APIC_IRR + CHILD_VECTOR_WAITING / 32
	movd %xmm7, %eax
	SAY
	stmxcsr CHILD_SCRATCH
	movl CHILD_SCRATCH, %eax
	SAY
	fistpl CHILD_SCRATCH
	movl CHILD_SCRATCH, %eax
	SAY
	movl $CHILD_PATTERN, %eax
	btl $XCR0_AVX_BIT, %ebx
	jnc 1f
	vextractf128 $1, %ymm6, %xmm1
	movd %xmm1, %eax
1:	SAY
	movl CHILD_SIMP + CHILD_SIMP_SINT * 256 + 16, %eax
	SAY
	movl CHILD_SIEFP + CHILD_SIEFP_SINT * 256, %eax
	SAY
1:	pause                      /* its timer, set in another VP */
	cmpl $0, CHILD_SIMP + CHILD_SINT * 256
	je 1b
	movl CHILD_SIMP + CHILD_SINT * 256, %eax
	SAY
	movl CHILD_COUNTER, %eax   /* the one vector it took */
	SAY
	WRITE_MSR X2APIC_EOI, 0
	WRITE_MSR X2APIC_TPR, 0
	sti
	nop
	cli
	movl CHILD_COUNTER, %eax   /* and the one that waited */
	SAY
1:	hlt
	jmp 1b

	.balign 16
child_state_handler:
	incl CHILD_COUNTER
	iretq
child_state_end:
