/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtual machine control block and its bits. APM2 15, appendix B and C */
#pragma once

#include <viridis/base/assert.h>
#include <viridis/base/bits.h>

struct vmcb_segment {
	uint16_t selector;
	uint16_t attributes; /* 3:0 type, 4 S, 6:5 DPL, 7 P, 8 AVL, 9 L, 10 D, 11 G */
	uint32_t limit;
	uint64_t base;
};
#define SVM_SEGMENT_DPL  0x060
#define SVM_SEGMENT_LONG 0x200

struct vmcb_control {
	uint32_t intercepts[6]; /* bit by exit code */
	uint8_t reserved1[0x40 - 0x18];
	uint64_t iopm_base;
	uint64_t msrpm_base;
	uint64_t tsc_offset;
	uint32_t asid;
	uint8_t tlb_control;
	uint8_t reserved2[3];
	uint32_t v_control;
	uint8_t v_vector;
	uint8_t reserved3[3];
	uint64_t interrupt_shadow;
	uint64_t exit_code;
	uint64_t exit_info1;
	uint64_t exit_info2;
	uint64_t exit_interrupt_info;
	uint64_t nested_control;
	uint8_t reserved4[0xa8 - 0x98];
	uint64_t event_injection;
	uint64_t nested_cr3;
	uint8_t reserved5[0xc8 - 0xb8];
	uint64_t next_rip;
	uint8_t reserved6[0x400 - 0xd0];
};
ASSERT_SIZE(struct vmcb_control, 0x400);
ASSERT_OFFSET(struct vmcb_control, exit_code, 0x70);
ASSERT_OFFSET(struct vmcb_control, next_rip, 0xc8);

struct vmcb_save {
	struct vmcb_segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
	uint8_t reserved1[0xcb - 0xa0];
	uint8_t cpl;
	uint32_t reserved2;
	uint64_t efer;
	uint8_t reserved3[0x148 - 0xd8];
	uint64_t cr4;
	uint64_t cr3;
	uint64_t cr0;
	uint64_t dr7;
	uint64_t dr6;
	uint64_t rflags;
	uint64_t rip;
	uint8_t reserved4[0x1d8 - 0x180];
	uint64_t rsp;
	uint8_t reserved5[0x1f8 - 0x1e0];
	uint64_t rax;
	uint64_t star;
	uint64_t lstar;
	uint64_t cstar;
	uint64_t sfmask;
	uint64_t kernel_gs_base;
	uint64_t sysenter_cs;
	uint64_t sysenter_esp;
	uint64_t sysenter_eip;
	uint64_t cr2;
	uint8_t reserved6[0x268 - 0x248];
	uint64_t pat;
	uint8_t reserved7[0x2e0 - 0x270];
	uint64_t spec_ctrl;
	uint8_t reserved8[0xc00 - 0x2e8];
};
ASSERT_SIZE(struct vmcb_save, 0xc00);
ASSERT_OFFSET(struct vmcb_save, cr4, 0x148);
ASSERT_OFFSET(struct vmcb_save, pat, 0x268);
ASSERT_OFFSET(struct vmcb_save, spec_ctrl, 0x2e0);

struct vmcb {
	struct vmcb_control control;
	struct vmcb_save save;
};
ASSERT_SIZE(struct vmcb, 4096);
ASSERT_OFFSET(struct vmcb, save.rax, 0x5f8);

/* v_control, offset 0x60 */
#define SVM_V_TPR_MASK       UINT32_C(0xf)
#define SVM_V_IRQ            BIT32(8)
#define SVM_V_PRIORITY_SHIFT 16
#define SVM_V_IGNORE_TPR     BIT32(20)
#define SVM_V_INTR_MASKING   BIT32(24)

#define SVM_SHADOW_INTERRUPT BIT64(0)
#define SVM_NESTED_ENABLE    BIT64(0)

#define SVM_TLB_FLUSH_ALL 1 /* every ASID; needs no FlushByAsid */

/* event_injection and exit_interrupt_info. APM2 15.20 */
#define SVM_EVENT_TYPE_SHIFT  8
#define SVM_EVENT_ERROR_VALID BIT64(11)
#define SVM_EVENT_VALID       BIT64(31)
#define SVM_EVENT_ERROR_SHIFT 32

/* exit_code, low 32 bits, and below 192 the number of its bit in intercepts[]. APM2 appendix B, C */
enum svm_exit {
	SVM_EXIT_CR4_READ = 0x04,
	SVM_EXIT_CR4_WRITE = 0x14,
	SVM_EXIT_CR8_WRITE = 0x18,
	SVM_EXIT_EXCEPTION = 0x40, /* and the vector */
	SVM_EXIT_INTR = 0x60,
	SVM_EXIT_VINTR = 0x64,
	SVM_EXIT_RDPMC = 0x6f,
	SVM_EXIT_CPUID = 0x72,
	SVM_EXIT_RSM = 0x73,
	SVM_EXIT_IRET = 0x74,
	SVM_EXIT_INVD = 0x76,
	SVM_EXIT_HLT = 0x78,
	SVM_EXIT_INVLPGA = 0x7a,
	SVM_EXIT_IOIO = 0x7b,
	SVM_EXIT_MSR = 0x7c,
	SVM_EXIT_TASK_SWITCH = 0x7d,
	SVM_EXIT_SHUTDOWN = 0x7f,
	SVM_EXIT_VMRUN = 0x80,
	SVM_EXIT_VMMCALL = 0x81,
	SVM_EXIT_VMLOAD = 0x82,
	SVM_EXIT_SKINIT = 0x86,
	SVM_EXIT_WBINVD = 0x89,
	SVM_EXIT_MONITOR = 0x8a,
	SVM_EXIT_MWAIT = 0x8b,
	SVM_EXIT_XSETBV = 0x8d,
	SVM_EXIT_RDPRU = 0x8e,
	SVM_EXIT_NPF = 0x400,
};
#define SVM_EXIT_INVALID 0xffffffffu /* the VMCB was refused */

/* exit_info1 of IOIO. APM2 15.10.2 */
#define SVM_IO_IN         BIT64(0)
#define SVM_IO_STRING     BIT64(2)
#define SVM_IO_REP        BIT64(3)
#define SVM_IO_SIZE_SHIFT 4 /* bits 6:4 are the size in bytes */
#define SVM_IO_PORT_SHIFT 16

/* exit_info1 of a nested page fault. APM2 15.25.6 */
#define SVM_NPF_PRESENT    BIT64(0)
#define SVM_NPF_WRITE      BIT64(1)
#define SVM_NPF_FETCH      BIT64(4)
#define SVM_NPF_TABLE_WALK BIT64(33)
