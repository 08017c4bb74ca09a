/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bringing up the other processors, one at a time, by INIT and startup IPIs. APM2 16.5, 15.21.8 */
#include <viridis/base/mem.h>
#include "hypervisor/arch/x86/cpu.h"
#include "hypervisor/arch/x86/lapic.h"
#include "hypervisor/arch/x86/paging.h"
#include "hypervisor/arch/x86/time.h"
#include "hypervisor/kernel/base/boot_info.h"
#include "hypervisor/kernel/base/log.h"
#include "hypervisor/kernel/base/percpu.h"

enum {
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

/* For the one CPU that is on its way; 0 before there is one. boot.S reads them. */
uint64_t smp_starting_stack;
struct cpu *smp_starting_cpu;

static struct cpu boot_cpu;
static bool released; /* atomic: the boot is over */

void smp_init_boot_cpu(void)
{
	boot_cpu.stack_bottom = (uint64_t)boot_stack;
	boot_cpu.stack_top = (uint64_t)boot_stack_top;
	boot_cpu.online = true;
	descriptors_load(&boot_cpu);
	cpus[0] = &boot_cpu;
	cpu_count = 1;
}

/*
 * How far apart are two CPUs' TSCs? Each round the starting CPU reads its own before and after the
 * new one reads its; the new one's reading belongs in between, and the shortest round says it best.
 */
enum { TSC_ASKED = 1 };
static uint64_t tsc_reading; /* atomic: what the new CPU read; TSC_ASKED: it is to read */

static void tsc_check_answer(void)
{
	for (unsigned int round = 0; round < TSC_ROUNDS; round++) {
		/* Acquire and release pair with those in tsc_check_ask. */
		while (__atomic_load_n(&tsc_reading, __ATOMIC_ACQUIRE) != TSC_ASKED)
			cpu_pause();
		__atomic_store_n(&tsc_reading, cpu_rdtsc(), __ATOMIC_RELEASE);
	}
}

static void tsc_check_ask(struct cpu *cpu)
{
	uint64_t shortest = UINT64_MAX, reading;
	int64_t skew = 0;

	for (unsigned int round = 0; round < TSC_ROUNDS; round++) {
		uint64_t before = cpu_rdtsc();

		__atomic_store_n(&tsc_reading, TSC_ASKED, __ATOMIC_RELEASE);
		do
			reading = __atomic_load_n(&tsc_reading, __ATOMIC_ACQUIRE);
		while (reading == TSC_ASKED);
		uint64_t passed = cpu_rdtsc() - before;

		if (passed < shortest) {
			shortest = passed;
			skew = (int64_t)(reading - (before + passed / 2));
		}
	}
	/* No further apart than the measurement can tell: together. */
	if (skew > (int64_t)(shortest / 2) || skew < -(int64_t)(shortest / 2)) {
		cpu->tsc_skew = skew;
		tsc_is_shared = false;
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
	cpu_prepare(cpu);
	/* Release: what this CPU has set up, to the one that waits in wait_online. */
	__atomic_store_n(&cpu->online, true, __ATOMIC_RELEASE);
	tsc_check_answer();
	/* Acquire pairs with the release in smp_release: all that the boot has set up. */
	while (!__atomic_load_n(&released, __ATOMIC_ACQUIRE))
		cpu_pause();
	cpu_loop(cpu);
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
	struct cpu *cpu = reserve_take(sizeof(*cpu));

	cpu->index = cpu_count;
	cpu->apic_id = apic_id;
	cpu->stack_top = stack_make(CPU_STACK_BYTES);
	cpu->stack_bottom = cpu->stack_top - CPU_STACK_BYTES;
	smp_starting_cpu = cpu;
	smp_starting_stack = cpu->stack_top;
	return cpu;
}

/* A CPU that came up too late would use a stack that is another's by then: it gets INIT again. */
static void start_cpu(uint32_t apic_id)
{
	struct cpu *cpu = prepare_cpu(apic_id);
	const uint32_t page = ROOT_LOADER_TRAMPOLINE_HPA >> PAGE_SHIFT_4K;

	tsc_reading = 0;
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

void smp_start_all(void)
{
	memcpy(window_map(ROOT_LOADER_TRAMPOLINE_HPA), trampoline_start,
	       (size_t)(trampoline_end - trampoline_start));
	window_unmap();
	for (unsigned int i = 0; i < machine.cpu_count; i++) {
		uint32_t apic_id = machine.apic_id[i];

		if (apic_id == boot_cpu.apic_id)
			continue;
		if (apic_id > 0xfe && !lapic_is_x2apic())
			log_warning("smp: apic %u cannot be reached in xAPIC mode",
			            apic_id);
		else
			start_cpu(apic_id);
	}
	log_line("smp: %u of %u CPUs run", cpu_count, machine.cpu_count);
}

void cpu_kick(const struct cpu *cpu)
{
	lapic_send(cpu->apic_id, VECTOR_KICK);
	stat_count(this_cpu()->stats, VIRIDIS_CPU_STAT_KICKS_SENT);
}

void smp_release(void)
{
	__atomic_store_n(&released, true, __ATOMIC_RELEASE);
}
