/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Into the guest and back. APM2 15.5
 *
 * void svm_enter(uint64_t *gpr, uint64_t vmcb_hpa, uint64_t host_hpa)
 *
 * Called with IF = 0, returns so. RAX, RSP, RIP and RFLAGS travel in the VMCB; the other
 * general registers in gpr[]; FS, GS, TR, LDTR and the SYSCALL MSRs by VMLOAD and VMSAVE, the
 * host's being kept in the VMCB-like page at host_hpa. IF is set across VMRUN so that a physical
 * interrupt ends the guest's run (V_INTR_MASKING); GIF keeps it pending. APM2 15.21.1
 */
#define GPR(number) ((number) * 8)

	.text
	.globl svm_enter
	.type svm_enter, @function
svm_enter:
	pushq %rbx
	pushq %rbp
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	pushq %rdx			/* host_hpa */
	pushq %rdi			/* gpr */

	movq %rsi, %rax
	movq GPR(1)(%rdi), %rcx
	movq GPR(2)(%rdi), %rdx
	movq GPR(3)(%rdi), %rbx
	movq GPR(5)(%rdi), %rbp
	movq GPR(6)(%rdi), %rsi
	movq GPR(8)(%rdi), %r8
	movq GPR(9)(%rdi), %r9
	movq GPR(10)(%rdi), %r10
	movq GPR(11)(%rdi), %r11
	movq GPR(12)(%rdi), %r12
	movq GPR(13)(%rdi), %r13
	movq GPR(14)(%rdi), %r14
	movq GPR(15)(%rdi), %r15
	movq GPR(7)(%rdi), %rdi

	clgi
	vmload %rax
	sti
	vmrun %rax
	cli
	vmsave %rax

	pushq %rdi
	movq 8(%rsp), %rdi		/* gpr */
	movq %rcx, GPR(1)(%rdi)
	movq %rdx, GPR(2)(%rdi)
	movq %rbx, GPR(3)(%rdi)
	movq %rbp, GPR(5)(%rdi)
	movq %rsi, GPR(6)(%rdi)
	popq GPR(7)(%rdi)
	movq %r8, GPR(8)(%rdi)
	movq %r9, GPR(9)(%rdi)
	movq %r10, GPR(10)(%rdi)
	movq %r11, GPR(11)(%rdi)
	movq %r12, GPR(12)(%rdi)
	movq %r13, GPR(13)(%rdi)
	movq %r14, GPR(14)(%rdi)
	movq %r15, GPR(15)(%rdi)

	movq 8(%rsp), %rax		/* host_hpa */
	vmload %rax
	stgi
	addq $16, %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbp
	popq %rbx
	ret
	.size svm_enter, . - svm_enter

	.section .note.GNU-stack, "", @progbits
