/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bringing up the other processors, one at a time, by INIT and startup IPIs. APM2 16.5, 15.21.8 */
#include "hypervisor/arch/x86/smp.h"

#include <stdbool.h>
#include <stddef.h>
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "hypervisor/arch/x86/cpu.h"
#include "hypervisor/arch/x86/descriptors.h"
#include "hypervisor/arch/x86/lapic.h"
#include "hypervisor/arch/x86/paging.h"
#include "hypervisor/arch/x86/time.h"
#include "hypervisor/arch/x86/traps.h"
#include "hypervisor/kernel/boot_info.h"
#include "hypervisor/kernel/log.h"
#include "hypervisor/kernel/panic.h"
#include "hypervisor/kernel/percpu.h"

enum {
	LOW_MEMORY_END = 0xa0000,
	INIT_WAIT_US = 10000,
	STARTUP_WAIT_US = 200,
	ONLINE_WAIT_US = 2000000, /* emulated CPUs share the host's */
	TSC_ROUNDS = 32,
};

struct cpu *cpus[MAX_CPUS];
unsigned int cpu_count;

extern const char boot_stack[], boot_stack_top[];
extern const char trampoline_start[], trampoline_end[];

void smp_enter(struct cpu *cpu); /* called by boot.S alone */

/* For the one CPU that is on its way; boot.S reads them. */
uint64_t smp_starting_stack;
struct cpu *smp_starting_cpu;

static struct cpu boot_cpu;
static void (*cpu_entry)(struct cpu *);
static bool released; /* atomic: the boot is over */

void smp_init_boot_cpu(void)
{
	boot_cpu.stack_bottom = (uint64_t)boot_stack;
	boot_cpu.stack_top = (uint64_t)boot_stack_top;
	boot_cpu.online = true;
	traps_init();
	descriptors_load(&boot_cpu);
	cpus[0] = &boot_cpu;
	cpu_count = 1;
}

/*
 * How far apart are two CPUs' TSCs? Each round the starting CPU reads its own before and after the
 * new one reads its; the new one's reading belongs in between, and the shortest round says it best.
 */
static struct {
	uint32_t turn; /* atomic: 2n+1 the new CPU is to read, 2n+2 it has */
	uint64_t reading;
} tsc_check;

static void tsc_wait_turn(uint32_t turn)
{
	/* Acquire pairs with the release in tsc_give_turn. */
	while (__atomic_load_n(&tsc_check.turn, __ATOMIC_ACQUIRE) != turn)
		cpu_pause();
}

static void tsc_give_turn(uint32_t turn)
{
	__atomic_store_n(&tsc_check.turn, turn, __ATOMIC_RELEASE);
}

static void tsc_check_answer(void)
{
	for (uint32_t round = 0; round < TSC_ROUNDS; round++) {
		tsc_wait_turn(2 * round + 1);
		tsc_check.reading = cpu_rdtsc();
		tsc_give_turn(2 * round + 2);
	}
}

static void tsc_check_ask(const struct cpu *cpu)
{
	uint64_t shortest = UINT64_MAX;
	int64_t skew = 0;

	for (uint32_t round = 0; round < TSC_ROUNDS; round++) {
		uint64_t before = cpu_rdtsc();

		tsc_give_turn(2 * round + 1);
		tsc_wait_turn(2 * round + 2);
		uint64_t passed = cpu_rdtsc() - before;

		if (passed < shortest) {
			shortest = passed;
			skew = (int64_t)(tsc_check.reading - (before + passed / 2));
		}
	}
	log_line("smp: cpu %u apic %u up, TSC skew %ld ticks, known to %lu", cpu->index,
	         cpu->apic_id, skew, shortest / 2);
}

/* The first C code of another CPU, on its own stack. */
void smp_enter(struct cpu *cpu)
{
	descriptors_load(cpu);
	paging_enable_protections();
	lapic_init();
	/* Release: what this CPU has set up, to the one that waits in wait_online. */
	__atomic_store_n(&cpu->online, true, __ATOMIC_RELEASE);
	tsc_check_answer();
	/* Acquire pairs with the release in smp_release: all that the boot has set up. */
	while (!__atomic_load_n(&released, __ATOMIC_ACQUIRE))
		cpu_pause();
	cpu_entry(cpu);
	panic("the entry of cpu %u returned", cpu->index);
}

static bool wait_online(const struct cpu *cpu, uint64_t microseconds)
{
	uint64_t deadline = cpu_rdtsc() + tsc_from_100ns(microseconds * 10);

	while (!__atomic_load_n(&cpu->online, __ATOMIC_ACQUIRE)) {
		if (cpu_rdtsc() >= deadline)
			return false;
		cpu_pause();
	}
	return true;
}

static struct cpu *prepare_cpu(uint32_t apic_id)
{
	struct cpu *cpu = boot_alloc(sizeof(*cpu), 64);

	cpu->index = cpu_count;
	cpu->apic_id = apic_id;
	cpu->stack_top = boot_alloc_stack(CPU_STACK_BYTES);
	cpu->stack_bottom = cpu->stack_top - CPU_STACK_BYTES;
	descriptors_add_stacks(cpu);
	smp_starting_cpu = cpu;
	smp_starting_stack = cpu->stack_top;
	return cpu;
}

/* A CPU that came up too late would use a stack that is another's by then: it gets INIT again. */
static void start_cpu(uint32_t apic_id, uint64_t trampoline_hpa)
{
	struct cpu *cpu = prepare_cpu(apic_id);
	uint8_t page = (uint8_t)(trampoline_hpa >> PAGE_SHIFT_4K);

	tsc_check.turn = 0;
	lapic_send(apic_id, LAPIC_INIT);
	time_wait_us(INIT_WAIT_US);
	lapic_send(apic_id, LAPIC_STARTUP | page);
	if (!wait_online(cpu, STARTUP_WAIT_US))
		lapic_send(apic_id, LAPIC_STARTUP | page);
	if (!wait_online(cpu, ONLINE_WAIT_US)) {
		lapic_send(apic_id, LAPIC_INIT);
		log_error("smp: cpu with apic %u does not come up and is left out",
		          apic_id);
		return;
	}
	cpus[cpu_count++] = cpu;
	tsc_check_ask(cpu);
}

/* Exchange `bytes` bytes of low memory with a buffer, through a window. */
static void swap_low_memory(uint64_t hpa, char *buffer, size_t bytes)
{
	char *memory = window_map(0, hpa);

	for (size_t i = 0; i < bytes; i++) {
		char byte = memory[i];

		memory[i] = buffer[i];
		buffer[i] = byte;
	}
	window_unmap(0);
}

void smp_start_all(void (*entry)(struct cpu *))
{
	static char low_memory[128]; /* holds the trampoline, then what was there before */
	size_t bytes = (size_t)(trampoline_end - trampoline_start);
	uint64_t hpa = boot_info_find_free(&boot_info, PAGE_4K, PAGE_4K, PAGE_4K,
	                                   LOW_MEMORY_END);

	ASSERT(bytes <= sizeof(low_memory));
	if (hpa == 0)
		panic("no page below 640 KiB from which to start other CPUs");
	cpu_entry = entry;
	memcpy(low_memory, trampoline_start, bytes);
	swap_low_memory(hpa, low_memory, bytes);
	for (unsigned int i = 0; i < boot_info.cpu_count; i++) {
		uint32_t apic_id = boot_info.cpus[i].apic_id;

		if (apic_id == boot_cpu.apic_id)
			continue;
		if (apic_id > 0xfe && !lapic_is_x2apic())
			log_warning("smp: apic %u cannot be reached in xAPIC mode",
			            apic_id);
		else
			start_cpu(apic_id, hpa);
	}
	swap_low_memory(hpa, low_memory, bytes);
	log_line("smp: %u of %u CPUs run", cpu_count, boot_info.cpu_count);
}

void smp_release(void)
{
	__atomic_store_n(&released, true, __ATOMIC_RELEASE);
}
