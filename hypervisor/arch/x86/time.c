/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The clocks. How fast the TSC ticks is in the machine's description; the local APIC's timer is measured. */
#include "hypervisor/arch/x86/time.h"

#include "hypervisor/arch/x86/cpu.h"
#include "hypervisor/arch/x86/lapic.h"
#include "hypervisor/kernel/base/boot_info.h"
#include "hypervisor/kernel/base/log.h"
#include "hypervisor/kernel/base/panic.h"

enum { SAMPLES = 3, SAMPLE_US = 10000 };
#define UNITS_100NS_HZ UINT64_C(10000000)
/* 17 years: times any frequency below 2^35 it stays within 64 bits. */
#define FOREVER_SECONDS BIT64(29)

uint64_t tsc_hz, lapic_hz, tsc_scale_100ns;
bool tsc_is_shared = true;

/* What disturbs a sample makes it longer: the shortest is the best one. */
void time_init(void)
{
	uint64_t shortest = UINT64_MAX;

	tsc_hz = machine.tsc_hz;
	/* Divided in two steps, of 40 bits and of 24, which 64 bits hold. */
	tsc_scale_100ns = (UNITS_100NS_HZ << 40) / tsc_hz << 24 |
	                  ((UNITS_100NS_HZ << 40) % tsc_hz << 24) / tsc_hz;
	for (int i = 0; i < SAMPLES; i++) {
		uint64_t start, ticks, passed;

		lapic_timer_arm(UINT32_MAX);
		start = cpu_rdtsc();
		time_wait_us(SAMPLE_US);
		ticks = UINT32_MAX - lapic_timer_left();
		passed = cpu_rdtsc() - start;
		if (passed >= shortest)
			continue;
		shortest = passed;
		lapic_hz = ticks * tsc_hz / passed;
	}
	lapic_timer_arm(0);
	if (lapic_hz == 0)
		panic("time: the local APIC's timer stands still");
	log_line("time: TSC %lu kHz, local APIC timer %lu kHz", tsc_hz / 1000,
	         lapic_hz / 1000);
}

uint64_t tsc_to_100ns(uint64_t ticks)
{
	return (uint64_t)(((unsigned __int128)ticks * tsc_scale_100ns) >> 64);
}

uint64_t tsc_from_100ns(uint64_t units)
{
	uint64_t seconds = units / UNITS_100NS_HZ, rest = units % UNITS_100NS_HZ;

	if (seconds >= FOREVER_SECONDS)
		return UINT64_MAX;
	return seconds * tsc_hz + rest * tsc_hz / UNITS_100NS_HZ;
}

void time_wait_us(uint64_t microseconds)
{
	uint64_t start = cpu_rdtsc();
	uint64_t ticks = tsc_from_100ns(microseconds * 10);

	while (cpu_rdtsc() - start < ticks)
		cpu_pause();
}
