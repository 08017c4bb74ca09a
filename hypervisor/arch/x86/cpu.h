/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One-instruction wrappers. Those that order or touch memory say so in their clobbers. */
#pragma once

#include <stdint.h>
#include "hypervisor/arch/x86/x86.h"

struct cpuid_regs {
	uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid_regs cpu_cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid_regs regs;

	__asm__ volatile("cpuid"
	                 : "=a"(regs.eax), "=b"(regs.ebx), "=c"(regs.ecx), "=d"(regs.edx)
	                 : "a"(leaf), "c"(subleaf));
	return regs;
}

static inline uint64_t cpu_rdmsr(uint32_t msr)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
	return (uint64_t)high << 32 | low;
}

static inline void cpu_wrmsr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr"
	                 :
	                 : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
	                 : "memory");
}

/* cpu_read_cr0(), cpu_write_cr0() and so on. */
#define CPU_REGISTER(name)                                                           \
	static inline uint64_t cpu_read_##name(void)                                 \
	{                                                                            \
		uint64_t value;                                                      \
		__asm__ volatile("movq %%" #name ", %0" : "=r"(value) : : "memory"); \
		return value;                                                        \
	}                                                                            \
	static inline void cpu_write_##name(uint64_t value)                          \
	{                                                                            \
		__asm__ volatile("movq %0, %%" #name : : "r"(value) : "memory");     \
	}

CPU_REGISTER(cr0)
CPU_REGISTER(cr2)
CPU_REGISTER(cr3)
CPU_REGISTER(cr4)
CPU_REGISTER(dr0)
CPU_REGISTER(dr1)
CPU_REGISTER(dr2)
CPU_REGISTER(dr3)
#undef CPU_REGISTER

static inline void cpu_write_xcr0(uint64_t value)
{
	__asm__ volatile("xsetbv"
	                 :
	                 : "c"(0), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
	                 : "memory");
}

/* All components of XCR0; `area` is 64-byte aligned and large enough for them. */
static inline void cpu_xsave(void *area)
{
	__asm__ volatile("xsave64 (%0)" : : "r"(area), "a"(-1), "d"(-1) : "memory");
}

static inline void cpu_xrstor(const void *area)
{
	__asm__ volatile("xrstor64 (%0)" : : "r"(area), "a"(-1), "d"(-1) : "memory");
}

/* The x87's last instruction, as far as it remembers, was one of ours. The other registers go too. */
static inline void cpu_forget_x87(void)
{
	static const int zero;

	__asm__ volatile("fnclex\n\temms\n\tfildl %0" : : "m"(zero));
}

/* cpu_inb(port), cpu_outb(port, value) and the wider ones. */
#define CPU_PORT(suffix, type)                                                         \
	static inline type cpu_in##suffix(uint16_t port)                               \
	{                                                                              \
		type value;                                                            \
		__asm__ volatile("in" #suffix " %w1, %0" : "=a"(value) : "Nd"(port));  \
		return value;                                                          \
	}                                                                              \
	static inline void cpu_out##suffix(uint16_t port, type value)                  \
	{                                                                              \
		__asm__ volatile("out" #suffix " %0, %w1" : : "a"(value), "Nd"(port)); \
	}

CPU_PORT(b, uint8_t)
CPU_PORT(w, uint16_t)
#undef CPU_PORT

static inline uint64_t cpu_rdtsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

/* 0 when the processor has none at hand. */
static inline uint64_t cpu_rdrand(void)
{
	uint64_t value;

	__asm__ volatile("rdrand %0" : "=r"(value) : : "cc");
	return value;
}

/* cpu_pause() and so on: instructions without operands. */
#define CPU_PLAIN(name)                                 \
	static inline void cpu_##name(void)             \
	{                                               \
		__asm__ volatile(#name : : : "memory"); \
	}

CPU_PLAIN(pause)
CPU_PLAIN(cli)
CPU_PLAIN(hlt)
CPU_PLAIN(lfence)
CPU_PLAIN(mfence)
#undef CPU_PLAIN

/* No interrupt is taken between the two: STI's shadow covers HLT. APM3, STI */
static inline void cpu_sti_hlt(void)
{
	__asm__ volatile("sti; hlt" : : : "memory");
}

/* Let what is pending in: it is handled here, on this stack, with no lock held. */
static inline void cpu_take_interrupts(void)
{
	__asm__ volatile("sti; nop; cli" : : : "memory");
}

static inline void cpu_invlpg(const void *address)
{
	__asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
}
