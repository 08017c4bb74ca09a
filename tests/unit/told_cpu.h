/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Before all else where code of the hypervisor is tested that drives a processor: its privileged instructions are not
 * executed but told to the test, and CPUID answers what the test says.
 */
#ifndef VIRIDIS_UNIT_TOLD_CPU_H
#define VIRIDIS_UNIT_TOLD_CPU_H

#define cpu_cpuid      processor_cpuid
#define cpu_rdmsr      processor_rdmsr
#define cpu_wrmsr      processor_wrmsr
#define cpu_write_xcr0 processor_write_xcr0
#define cpu_xsave      processor_xsave
#define cpu_xrstor     processor_xrstor
#define cpu_forget_x87 processor_forget_x87
#define cpu_read_cr3   processor_read_cr3
#define cpu_read_dr0   processor_read_dr0
#define cpu_read_dr1   processor_read_dr1
#define cpu_read_dr2   processor_read_dr2
#define cpu_read_dr3   processor_read_dr3
#define cpu_write_dr0  processor_write_dr0
#define cpu_write_dr1  processor_write_dr1
#define cpu_write_dr2  processor_write_dr2
#define cpu_write_dr3  processor_write_dr3
#include "hypervisor/arch/x86/cpu.h"
#undef cpu_cpuid
#undef cpu_rdmsr
#undef cpu_wrmsr
#undef cpu_write_xcr0
#undef cpu_xsave
#undef cpu_xrstor
#undef cpu_forget_x87
#undef cpu_read_cr3
#undef cpu_read_dr0
#undef cpu_read_dr1
#undef cpu_read_dr2
#undef cpu_read_dr3
#undef cpu_write_dr0
#undef cpu_write_dr1
#undef cpu_write_dr2
#undef cpu_write_dr3

/* The test's own, those of them that the tested code needs. */
struct cpuid_regs cpu_cpuid(uint32_t leaf, uint32_t subleaf);
uint64_t cpu_rdmsr(uint32_t msr);
void cpu_wrmsr(uint32_t msr, uint64_t value);
void cpu_write_xcr0(uint64_t value);
void cpu_xsave(void *area);
void cpu_xrstor(const void *area);
void cpu_forget_x87(void);
uint64_t cpu_read_cr3(void);
uint64_t told_read_dr(unsigned int number);
void told_write_dr(unsigned int number, uint64_t value);

#define TOLD_DR(number)                                         \
	static inline uint64_t cpu_read_dr##number(void)        \
	{                                                       \
		return told_read_dr(number);                    \
	}                                                       \
	static inline void cpu_write_dr##number(uint64_t value) \
	{                                                       \
		told_write_dr(number, value);                   \
	}

TOLD_DR(0)
TOLD_DR(1)
TOLD_DR(2)
TOLD_DR(3)
#undef TOLD_DR

#endif
