/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Before all else where the kernel's loop runs in a test: in place of the processor, what may not be executed there. */
#ifndef VIRIDIS_UNIT_FAKE_CPU_H
#define VIRIDIS_UNIT_FAKE_CPU_H

#define cpu_rdtsc           processor_rdtsc
#define cpu_take_interrupts processor_take_interrupts
#define cpu_write_xcr0      processor_write_xcr0
#define cpu_cli             processor_cli
#define cpu_pause           processor_pause
#define cpu_sti_hlt         processor_sti_hlt
#include "hypervisor/arch/x86/cpu.h"
#undef cpu_rdtsc
#undef cpu_take_interrupts
#undef cpu_write_xcr0
#undef cpu_cli
#undef cpu_pause
#undef cpu_sti_hlt

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

/* The test's own: nothing comes that would end it. */
void fake_halt(void);

static inline void cpu_sti_hlt(void)
{
	fake_halt();
}

#define CPU_NOTHING(name)                   \
	static inline void cpu_##name(void) \
	{                                   \
	}

CPU_NOTHING(cli)
CPU_NOTHING(pause)
#undef CPU_NOTHING

#endif
