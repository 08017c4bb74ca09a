/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One-instruction wrappers. What may fault is in try.h. */
#ifndef VSC_LIB_CPU_H
#define VSC_LIB_CPU_H

#include <stdint.h>

#define MSR_APIC_BASE 0x1bu
#define MSR_EFER      0xc0000080u
#define MSR_GS_BASE   0xc0000101u
#define EFER_SVME     UINT64_C(0x1000)
#define RFLAGS_IF     UINT64_C(0x200)

struct cpuid_regs {
	uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid_regs cpu_cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid_regs r;

	__asm__ volatile("cpuid"
	                 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
	                 : "a"(leaf), "c"(subleaf));
	return r;
}

/* The bare instruction, with a control word alone: the status. */
static inline uint64_t cpu_vmmcall(uint64_t control)
{
	uint64_t result;

	__asm__ volatile("vmmcall" : "=a"(result) : "c"(control) : "memory");
	return result;
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

static inline uint64_t cpu_rdtsc(void)
{
	uint32_t low, high;

	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

/* high:low / divisor; the quotient must fit 64 bits, so high < divisor. */
static inline uint64_t cpu_divide(uint64_t high, uint64_t low, uint64_t divisor)
{
	__asm__("divq %2" : "+a"(low), "+d"(high) : "r"(divisor) : "cc");
	return low;
}

static inline uint8_t cpu_inb(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline void cpu_outb(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline uint16_t cpu_inw(uint16_t port)
{
	uint16_t value;

	__asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline void cpu_outw(uint16_t port, uint16_t value)
{
	__asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline uint32_t cpu_inl(uint16_t port)
{
	uint32_t value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline void cpu_outl(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline void cpu_cli(void)
{
	__asm__ volatile("cli" : : : "memory");
}

static inline void cpu_sti(void)
{
	__asm__ volatile("sti" : : : "memory");
}

/*
 * Interrupts on for one moment: anything deliverable is taken before the last CLI. Bochs, as our hypervisor's
 * machine, looks for a virtual interrupt only when the guest turns interrupts on, not when it is entered with
 * them on: hence twice.
 */
static inline void cpu_take_interrupts(void)
{
	__asm__ volatile("sti; nop; nop; cli; sti; nop; nop; cli" : : : "memory");
}

/* Waits for an interrupt and takes it, Bochs too; STI's shadow closes the gap before HLT. */
static inline void cpu_sti_hlt_cli(void)
{
	__asm__ volatile("sti; hlt; cli; sti; nop; nop; cli" : : : "memory");
}

static inline void cpu_hlt(void)
{
	__asm__ volatile("hlt" : : : "memory");
}

static inline void cpu_pause(void)
{
	__asm__ volatile("pause" : : : "memory");
}

static inline uint64_t cpu_read_cr2(void)
{
	uint64_t value;

	__asm__ volatile("movq %%cr2, %0" : "=r"(value));
	return value;
}

static inline uint64_t cpu_read_cr3(void)
{
	uint64_t value;

	__asm__ volatile("movq %%cr3, %0" : "=r"(value));
	return value;
}

static inline void cpu_write_cr3(uint64_t value)
{
	__asm__ volatile("movq %0, %%cr3" : : "r"(value) : "memory");
}

static inline uint64_t cpu_read_cr4(void)
{
	uint64_t value;

	__asm__ volatile("movq %%cr4, %0" : "=r"(value));
	return value;
}

static inline uint64_t cpu_read_cr8(void)
{
	uint64_t value;

	__asm__ volatile("movq %%cr8, %0" : "=r"(value));
	return value;
}

static inline void cpu_write_cr8(uint64_t value)
{
	__asm__ volatile("movq %0, %%cr8" : : "r"(value) : "memory");
}

#endif
