/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Into the guest and back, until svm_exited() wants to go no further. APM2 15.5
 *
 * void svm_enter(struct vp *vp, uint64_t vmcb_hpa, uint64_t host_hpa)
 * void svm_enter_stuffing(...): the same, and at each exit the return predictor is filled
 *
 * Called with IF = 0, returns so. RAX, RSP, RIP and RFLAGS stay in the VMCB; the other
 * general registers travel by gpr[]; FS, GS, TR, LDTR and the SYSCALL MSRs by VMLOAD and VMSAVE, the
 * host's being kept in the VMCB-like page at host_hpa. IF is set across VMRUN so that a physical
 * interrupt ends the guest's run (V_INTR_MASKING); GIF keeps it pending. APM2 15.21.1
 */
#define GPR(number) ((number) * 8)
#define GUEST_TICKS 128

	.macro read_tsc
	rdtsc
	shlq $32, %rdx
	orq %rdx, %rax
	.endm

/*
 * 32 returns are predicted that lead nowhere, before the first one that is executed: what the guest has left there is
 * no longer used. APM2 3.2.9
 */
	.macro stuff_returns
	movl $16, %eax
.Lstuff:
	.irp half, first, second
	call .Lover_\half
.Ltrap_\half:
	pause
	lfence
	jmp .Ltrap_\half
.Lover_\half:
	.endr
	decl %eax
	jnz .Lstuff
	addq $32 * 8, %rsp
	lfence				/* nor does anybody leave the loop early */
	.endm

	.macro define_enter symbol, at_exit
	.globl \symbol
	.type \symbol, @function
\symbol:
	.irp name, rbp, rbx, r12, r13, r14, r15
	pushq %\name
	.endr
	.irp name, rdx, rsi, rdi	/* 16: host_hpa, 8: vmcb_hpa, 0: vp */
	pushq %\name
	.endr

.Lenter_\symbol:
	read_tsc
	subq %rax, GUEST_TICKS(%rdi)
	movq 8(%rsp), %rax
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
	movq 8(%rsp), %rdi		/* vp */
	movq %rcx, GPR(1)(%rdi)
	movq %rdx, GPR(2)(%rdi)
	movq %rbx, GPR(3)(%rdi)
	movq %rbp, GPR(5)(%rdi)
	movq %rsi, GPR(6)(%rdi)
	popq GPR(7)(%rdi)
	.irp number, 8, 9, 10, 11, 12, 13, 14, 15
	movq %r\number, GPR(\number)(%rdi)
	.endr
	read_tsc
	addq %rax, GUEST_TICKS(%rdi)

	/* Nothing of the guest's is left for speculation; RAX, RDX and RDI are ours already. RBP: a backtrace's way. */
	.irp name, ecx, ebx, esi, r8d, r9d, r10d, r11d, r12d, r13d, r14d, r15d
	xorl %\name, %\name
	.endr
	leaq 64(%rsp), %rbp

	movq 16(%rsp), %rax		/* host_hpa */
	vmload %rax
	stgi
	\at_exit
	call svm_exited
	movq (%rsp), %rdi
	testb %al, %al
	jnz .Lenter_\symbol

	addq $24, %rsp
	.irp name, r15, r14, r13, r12, rbx, rbp
	popq %\name
	.endr
	ret
	.size \symbol, . - \symbol
	.endm

	.text
	define_enter svm_enter
	define_enter svm_enter_stuffing, stuff_returns

	.section .note.GNU-stack, "", @progbits
