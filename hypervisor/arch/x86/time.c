/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How fast the TSC and the local APIC's timer tick, measured against a clock of known frequency:
 * the ACPI PM timer (ACPI 4.8.2.1) or, where there is none, channel 2 of the PIT.
 */
#include "hypervisor/arch/x86/time.h"

#include <stdbool.h>
#include <viridis/base/bits.h>
#include "hypervisor/arch/x86/cpu.h"
#include "hypervisor/arch/x86/lapic.h"
#include "hypervisor/kernel/boot_info.h"
#include "hypervisor/kernel/log.h"
#include "hypervisor/kernel/panic.h"

#define PM_TIMER_HZ    3579545
#define PIT_HZ         1193182
#define UNITS_100NS_HZ 10000000
enum { SAMPLES = 3, SAMPLE_MS = 20 };

/* A counter that goes up and wraps at a power of two; one wrap takes longer than a sample. */
struct reference {
	const char *name;
	uint32_t hz;
	uint32_t mask;
	uint32_t (*read)(void);
};

/* One look at all clocks; `slack` TSC ticks passed while looking. */
struct moment {
	uint64_t tsc;
	uint64_t slack;
	uint32_t reference;
	uint32_t lapic;
};

static uint64_t tsc_frequency, lapic_frequency, scale_100ns;

static uint32_t pm_timer_read(void)
{
	return cpu_inl(boot_info.pm_timer_port);
}

/* Counts down; latched, so that the two halves belong together. */
static uint32_t pit_read(void)
{
	cpu_outb(0x43, 0x80);
	uint32_t low = cpu_inb(0x42);
	uint32_t high = cpu_inb(0x42);

	return -(high << 8 | low) & 0xffff;
}

/* Channel 2, its speaker off: rate generator over the full 16 bits, 55 ms a round. */
static void pit_start(void)
{
	cpu_outb(0x61, (uint8_t)((cpu_inb(0x61) & ~2u) | 1));
	cpu_outb(0x43, 0xb4);
	cpu_outb(0x42, 0);
	cpu_outb(0x42, 0);
}

static struct reference choose_reference(void)
{
	if (boot_info.pm_timer_port != 0)
		/* 24 bits always count, and suffice for 4 seconds. */
		return (struct reference){ "ACPI PM timer", PM_TIMER_HZ, 0xffffff,
			                   pm_timer_read };
	pit_start();
	return (struct reference){ "PIT", PIT_HZ, 0xffff, pit_read };
}

static struct moment look(const struct reference *ref)
{
	struct moment m;
	uint64_t before = cpu_rdtsc();

	m.reference = ref->read();
	m.lapic = lapic_timer_left();
	m.tsc = cpu_rdtsc();
	m.slack = m.tsc - before;
	return m;
}

struct sample {
	uint64_t tsc, lapic, reference, slack;
};

static struct sample take_sample(const struct reference *ref)
{
	uint64_t wanted = (uint64_t)ref->hz * SAMPLE_MS / 1000;

	lapic_timer_arm(UINT32_MAX);
	struct moment start = look(ref), now;
	uint64_t passed = 0;

	while (passed < wanted) {
		cpu_pause();
		now = look(ref);
		passed = (now.reference - start.reference) & ref->mask;
	}
	lapic_timer_arm(0);
	return (struct sample){
		.tsc = now.tsc - start.tsc,
		.lapic = start.lapic - now.lapic, /* it counts down */
		.reference = passed,
		.slack = start.slack + now.slack,
	};
}

static uint64_t hz_of(uint64_t ticks, const struct sample *sample,
                      const struct reference *ref)
{
	return ticks * ref->hz / sample->reference;
}

/* The sample with the least time lost in looking is the best one. */
void time_init(void)
{
	struct reference ref = choose_reference();
	struct sample best = take_sample(&ref);

	for (int i = 1; i < SAMPLES; i++) {
		struct sample next = take_sample(&ref);

		if (next.slack < best.slack)
			best = next;
	}
	tsc_frequency = hz_of(best.tsc, &best, &ref);
	lapic_frequency = hz_of(best.lapic, &best, &ref);
	if (tsc_frequency <= UNITS_100NS_HZ || lapic_frequency == 0)
		panic("time: TSC at %lu Hz, local APIC timer at %lu Hz", tsc_frequency,
		      lapic_frequency);
	scale_100ns = cpu_divide_128(UNITS_100NS_HZ, 0, tsc_frequency);
	log_line("time: by the %s TSC %lu kHz, local APIC timer %lu kHz", ref.name,
	         tsc_frequency / 1000, lapic_frequency / 1000);
}

uint64_t tsc_hz(void)
{
	return tsc_frequency;
}

uint64_t lapic_hz(void)
{
	return lapic_frequency;
}

uint64_t tsc_scale_100ns(void)
{
	return scale_100ns;
}

uint64_t tsc_to_100ns(uint64_t ticks)
{
	return (uint64_t)(((unsigned __int128)ticks * scale_100ns) >> 64);
}

uint64_t tsc_from_100ns(uint64_t units)
{
	unsigned __int128 product = (unsigned __int128)units * tsc_frequency;
	uint64_t high = (uint64_t)(product >> 64);

	if (high >= UNITS_100NS_HZ)
		return UINT64_MAX;
	return cpu_divide_128(high, (uint64_t)product, UNITS_100NS_HZ);
}

void time_wait_us(uint64_t microseconds)
{
	uint64_t start = cpu_rdtsc();
	uint64_t ticks = tsc_from_100ns(microseconds * 10);

	while (cpu_rdtsc() - start < ticks)
		cpu_pause();
}
