/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bringing up the other processors, one at a time, by INIT and startup IPIs. APM2 16.5, 15.21.8 */
#include "hypervisor/arch/x86/smp.h"

#include <viridis/base/mem.h>
#include "hypervisor/arch/x86/cpu.h"
#include "hypervisor/arch/x86/lapic.h"
#include "hypervisor/arch/x86/paging.h"
#include "hypervisor/arch/x86/time.h"
#include "hypervisor/core/tsc_skew.h"
#include "hypervisor/kernel/base/boot_info.h"
#include "hypervisor/kernel/base/log.h"

enum {
	INIT_WAIT_US = 10000,
	STARTUP_WAIT_US = 200,
	ARRIVAL_WAIT_US = 2000000, /* emulated CPUs share the host's */
	TSC_ROUNDS = 32,
};

extern const char boot_stack_top[], trampoline_start[], trampoline_end[];

_Static_assert(offsetof(struct cpu, stack_top) == 8, "as boot.S knows it");
static struct cpu boot_cpu = {
	.stack_top = (uint64_t)boot_stack_top,
};
struct cpu *cpus[MAX_CPUS] = { &boot_cpu };
unsigned int cpu_count = 1;

/* Atomic: for the one CPU that is on its way, which takes it away. boot.S */
__attribute__((used)) struct cpu *smp_starting = &boot_cpu;
static bool released; /* atomic: the boot is over */

/* A TSC is never so young. */
enum { TSC_ASKED = 1 };
static uint64_t tsc_answer; /* atomic: what the new CPU read; TSC_ASKED: it is to read */

/* Not before the loads that led here: RDTSC waits for LFENCE, or on older AMD processors for MFENCE. APM3 */
static uint64_t rdtsc_in_order(void)
{
	cpu_mfence();
	cpu_lfence();
	return cpu_rdtsc();
}

void smp_join(struct cpu *cpu)
{
	cpu->apic_id = lapic_id();
	for (unsigned int round = 0; round < TSC_ROUNDS; round++) {
		/* Acquire and release pair with those in compare_tsc: all this CPU has set up is seen there. */
		while (__atomic_load_n(&tsc_answer, __ATOMIC_ACQUIRE) != TSC_ASKED)
			cpu_pause();
		__atomic_store_n(&tsc_answer, rdtsc_in_order(), __ATOMIC_RELEASE);
	}
	/* Acquire pairs with the release in smp_release: all that the boot has set up. */
	while (!__atomic_load_n(&released, __ATOMIC_ACQUIRE))
		cpu_pause();
}

/* Waits until the new CPU joins: it has come, and what it does on its way there ends. */
static void compare_tsc(struct cpu *cpu)
{
	struct tsc_bounds bounds = TSC_BOUNDS_NONE;

	for (unsigned int round = 0; round < TSC_ROUNDS; round++) {
		uint64_t before = cpu_rdtsc(), answer;

		__atomic_store_n(&tsc_answer, TSC_ASKED, __ATOMIC_RELEASE);
		do
			answer = __atomic_load_n(&tsc_answer, __ATOMIC_ACQUIRE);
		while (answer == TSC_ASKED);
		tsc_bounds_add(&bounds, before, answer, rdtsc_in_order());
	}
	cpu->tsc_skew = tsc_bounds_skew(&bounds);
	if (cpu->tsc_skew != 0)
		tsc_is_shared = false;
	log_line("smp: cpu %u apic %u up, its TSC ahead by %ld to %ld ticks%s",
	         cpu->index, cpu->apic_id, bounds.low, bounds.high,
	         cpu->tsc_skew ? ": corrected" : "");
}

static struct cpu *make_cpu(void)
{
	struct cpu *cpu = reserve_take(sizeof(*cpu));

	cpu->index = cpu_count;
	cpu->stack_top = stack_make(CPU_STACK_BYTES);
	return cpu;
}

/* In steps of 10 us. */
static bool comes_within(uint64_t microseconds)
{
	for (uint64_t waited = 0; waited < microseconds; waited += 10) {
		if (!__atomic_load_n(&smp_starting, __ATOMIC_ACQUIRE))
			return true;
		time_wait_us(10);
	}
	return false;
}

/* Whichever CPU takes `cpu` is the one: one that comes too late finds the next one's, or none. */
static void start_cpu(struct cpu *cpu, uint32_t apic_id)
{
	const uint32_t page = ROOT_LOADER_TRAMPOLINE_HPA >> PAGE_SHIFT_4K;

	__atomic_store_n(&smp_starting, cpu, __ATOMIC_RELEASE);
	lapic_send(apic_id, LAPIC_INIT);
	time_wait_us(INIT_WAIT_US);
	lapic_send(apic_id, LAPIC_STARTUP | page);
	if (!comes_within(STARTUP_WAIT_US))
		lapic_send(apic_id, LAPIC_STARTUP | page);
	if (!comes_within(ARRIVAL_WAIT_US) &&
	    __atomic_exchange_n(&smp_starting, NULL, __ATOMIC_ACQ_REL)) {
		log_error("smp: cpu with apic %u does not come up and is left out",
		          apic_id);
		return;
	}
	compare_tsc(cpu);
	cpus[cpu_count++] = cpu;
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
			start_cpu(make_cpu(), apic_id);
	}
	log_line("smp: %u of %u CPUs run", cpu_count, machine.cpu_count);
}

void smp_kick(const struct cpu *cpu)
{
	lapic_send(cpu->apic_id, VECTOR_KICK);
	stat_count(this_cpu()->stats, VIRIDIS_CPU_STAT_KICKS_SENT);
}

void smp_release(void)
{
	__atomic_store_n(&released, true, __ATOMIC_RELEASE);
}
