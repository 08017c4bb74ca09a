/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In place of hypervisor/arch/x86/cpu.h where the kernel's loop runs in a test: what may not be executed there. */
#ifndef VIRIDIS_X86_CPU_H
#define VIRIDIS_X86_CPU_H

#include <stdint.h>
#include "hypervisor/arch/x86/x86.h"

struct cpuid_regs {
	uint32_t eax, ebx, ecx, edx;
};

extern uint64_t fake_tsc;
extern unsigned int fake_interrupts_taken;

static inline uint64_t cpu_rdtsc(void)
{
	return fake_tsc;
}

static inline void cpu_take_interrupts(void)
{
	fake_interrupts_taken++;
}

static inline void cpu_write_xcr0(uint64_t value)
{
	(void)value;
}

#define CPU_NOTHING(name)                   \
	static inline void cpu_##name(void) \
	{                                   \
	}

CPU_NOTHING(cli)
CPU_NOTHING(pause)
CPU_NOTHING(sti_hlt)
#undef CPU_NOTHING

#endif
