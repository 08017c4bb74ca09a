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
	.irp name, rbx, rbp, r12, r13, r14, r15, rdx, rdi /* then host_hpa, gpr */
	pushq %\name
	.endr

	movq %rsi, %rax
	movq GPR(1)(%rdi), %rcx
	movq GPR(2)(%rdi), %rdx
	movq GPR(3)(%rdi), %rbx
	movq GPR(5)(%rdi), %rbp
	movq GPR(6)(%rdi), %rsi
	.irp number, 8, 9, 10, 11, 12, 13, 14, 15
	movq GPR(\number)(%rdi), %r\number
	.endr
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
	.irp number, 8, 9, 10, 11, 12, 13, 14, 15
	movq %r\number, GPR(\number)(%rdi)
	.endr

	/* Nothing of the guest's is left for speculation; the host's own overwrite the others below. */
	.irp name, ecx, edx, esi, r8d, r9d, r10d, r11d
	xorl %\name, %\name
	.endr

	movq 8(%rsp), %rax		/* host_hpa */
	vmload %rax
	stgi
	addq $16, %rsp
	.irp name, r15, r14, r13, r12, rbp, rbx
	popq %\name
	.endr
	ret
	.size svm_enter, . - svm_enter

	.section .note.GNU-stack, "", @progbits
