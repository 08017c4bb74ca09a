/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers of the architecture: control register bits, MSRs, exceptions. APM2 3.1, A; SDM4 2 */
#pragma once

#define CR0_PE 0x00000001
#define CR0_MP 0x00000002
#define CR0_EM 0x00000004
#define CR0_TS 0x00000008
#define CR0_ET 0x00000010
#define CR0_NE 0x00000020
#define CR0_WP 0x00010000
#define CR0_AM 0x00040000
#define CR0_NW 0x20000000
#define CR0_CD 0x40000000
#define CR0_PG 0x80000000

#define CR4_DE         0x00000008
#define CR4_PSE        0x00000010
#define CR4_PAE        0x00000020
#define CR4_MCE        0x00000040
#define CR4_PGE        0x00000080
#define CR4_OSFXSR     0x00000200
#define CR4_OSXMMEXCPT 0x00000400
#define CR4_UMIP       0x00000800
#define CR4_OSXSAVE    0x00040000
#define CR4_SMEP       0x00100000
#define CR4_SMAP       0x00200000

#define RFLAGS_FIXED 0x00000002
#define RFLAGS_TF    0x00000100
#define RFLAGS_IF    0x00000200
#define RFLAGS_RF    UINT64_C(0x00010000) /* the next instruction has no breakpoint */
#define DR6_BS       0x00004000           /* a single step */

#define EFER_SCE            0x0001
#define EFER_LME            0x0100
#define EFER_LMA            0x0400
#define EFER_NXE            0x0800
#define EFER_SVME           0x1000
#define EFER_FFXSR          0x4000
#define EFER_AUTOMATIC_IBRS 0x200000

/*
 * Of the GDT (traps.c), in the order that SYSCALL and #VMEXIT expect; the first four entries serve boot.S. From
 * SELECTOR_TSS on each CPU has 16 bytes.
 */
#define SELECTOR_CODE   0x08
#define SELECTOR_DATA   0x10
#define SELECTOR_CODE32 0x18
#define SELECTOR_TSS    0x20
#define BOOT_GDT_BYTES  SELECTOR_TSS

/* Page table entries, ours and the nested ones. APM2 5.3.3, 5.4 */
#define PTE_PRESENT  0x001
#define PTE_WRITE    0x002
#define PTE_USER     0x004
#define PTE_PWT      0x008
#define PTE_PCD      0x010
#define PTE_ACCESSED 0x020
#define PTE_DIRTY    0x040
#define PTE_LARGE    0x080
#define PTE_NX       0x8000000000000000
#define PTE_ADDRESS  0x000ffffffffff000

#define MSR_TSC             0x00000010
#define MSR_TSC_ADJUST      0x0000003b
#define MSR_APIC_BASE       0x0000001b
#define MSR_SPEC_CTRL       0x00000048
#define MSR_PRED_CMD        0x00000049
#define MSR_UCODE_REV       0x0000008b
#define MSR_MTRR_CAP        0x000000fe
#define MSR_SYSENTER_CS     0x00000174
#define MSR_SYSENTER_ESP    0x00000175
#define MSR_SYSENTER_EIP    0x00000176
#define MSR_MTRR_PHYS_BASE0 0x00000200
#define MSR_PAT             0x00000277
#define MSR_MTRR_DEF_TYPE   0x000002ff
#define MSR_EFER            0xc0000080
#define MSR_STAR            0xc0000081
#define MSR_LSTAR           0xc0000082
#define MSR_CSTAR           0xc0000083
#define MSR_SFMASK          0xc0000084
#define MSR_FS_BASE         0xc0000100
#define MSR_GS_BASE         0xc0000101
#define MSR_KERNEL_GS_BASE  0xc0000102
#define MSR_TSC_AUX         0xc0000103
#define MSR_SYSCFG          0xc0010010

/* A code segment's attributes, as TLFS has them: of 64 bits; else of 32, or 16. APM2 4.8.1 */
#define SEGMENT_LONG BIT32(13)
#define SEGMENT_BIG  BIT32(14)

#define EXCEPTION_DB  1
#define EXCEPTION_NMI 2
#define EXCEPTION_BP  3
#define EXCEPTION_OF  4
#define EXCEPTION_UD  6
#define EXCEPTION_DF  8
#define EXCEPTION_GP  13
#define EXCEPTION_PF  14
#define EXCEPTION_AC  17
#define EXCEPTION_MC  18

/* By vector: those that push an error code, those two of which are a #DF, those that are. APM2 8.2 */
#define EXCEPTIONS_WITH_ERROR   0x60227d00u
#define EXCEPTIONS_CONTRIBUTORY 0x00003c01u
#define EXCEPTIONS_INJECTABLE   0x000f7dfbu

/* CPUID bits. APM3 E */
#define CPUID_1_ECX_XSAVE    0x04000000
#define CPUID_1_ECX_RDRAND   0x40000000
#define CPUID_7_EBX_SMEP     0x00000080
#define CPUID_7_EBX_SMAP     0x00100000
#define CPUID_7_ECX_UMIP     0x00000004
#define CPUID_81_ECX_SVM     0x00000004
#define CPUID_81_EDX_NX      0x00100000
#define CPUID_81_EDX_FFXSR   0x02000000
#define CPUID_81_EDX_PAGE1GB 0x04000000
#define CPUID_81_EDX_RDTSCP  0x08000000
#define CPUID_81_EDX_LM      0x20000000
