/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How fast the TSC ticks, measured against a clock of known frequency: the ACPI PM timer (ACPI 4.8.2.1)
 * or, where there is none that ticks, channel 2 of the PIT (Intel 8254).
 */
#include "root-partition/loader/loader.h"

#define PM_TIMER_HZ 3579545
#define PIT_HZ      1193182
enum { SAMPLES = 3, SAMPLE_MS = 20, LOOKS = 8 };

/* A second or more: in less than that any clock that ticks has ticked for a sample. */
#define STANDS_STILL_TICKS (UINT64_C(1) << 32)

/* A counter that goes up and wraps at a power of two; one wrap takes longer than a sample. */
struct reference {
	uint32_t hz;
	uint32_t mask;
	uint16_t port; /* of the PM timer; 0: the PIT */
};

static uint8_t read_byte(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %w1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static void write_byte(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %w1" : : "a"(value), "Nd"(port));
}

static uint64_t read_tsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

/* Channel 2, its speaker off: rate generator over the full 16 bits, 55 ms a round. */
static void pit_start(void)
{
	write_byte(0x61, (uint8_t)((read_byte(0x61) & ~2u) | 1));
	write_byte(0x43, 0xb4);
	write_byte(0x42, 0);
	write_byte(0x42, 0);
}

static uint32_t read_reference(const struct reference *ref)
{
	uint32_t low, high;

	if (ref->port != 0) {
		__asm__ volatile("inl %w1, %0" : "=a"(low) : "Nd"(ref->port));
		return low;
	}
	write_byte(0x43, 0x80); /* latched, so that the two halves belong together */
	low = read_byte(0x42);
	high = read_byte(0x42);
	return -(high << 8 | low) & 0xffff; /* it counts down */
}

/* Both clocks at one moment, known to `slack` TSC ticks. */
struct moment {
	uint64_t tsc;
	uint64_t slack;
	uint32_t reference;
};

/* The quickest of some looks: what disturbs one makes it longer. */
static struct moment look(const struct reference *ref)
{
	struct moment best = { .slack = UINT64_MAX };

	for (int i = 0; i < LOOKS; i++) {
		uint64_t before = read_tsc();
		uint32_t reference = read_reference(ref);
		uint64_t slack = read_tsc() - before;

		if (slack < best.slack)
			best = (struct moment){ before + slack / 2, slack, reference };
	}
	return best;
}

/* Ticks a second; *slack grows with what is not known. 0: the reference stands still. */
static uint64_t take_sample(const struct reference *ref, uint64_t *slack)
{
	uint32_t wanted = ref->hz / 1000 * SAMPLE_MS, passed;
	struct moment start = look(ref), now;

	do {
		now = look(ref);
		passed = (now.reference - start.reference) & ref->mask;
		if (passed < wanted && now.tsc - start.tsc > STANDS_STILL_TICKS)
			return 0;
	} while (passed < wanted);
	*slack = start.slack + now.slack;
	return (now.tsc - start.tsc) * ref->hz / passed;
}

/* By the best of some samples; 0: it stands still. */
static uint64_t measure(const struct reference *ref)
{
	uint64_t best_slack = UINT64_MAX, best = 0;

	for (int i = 0; i < SAMPLES; i++) {
		uint64_t slack, hz = take_sample(ref, &slack);

		if (hz == 0)
			return 0;
		if (slack < best_slack) {
			best_slack = slack;
			best = hz;
		}
	}
	return best;
}

uint64_t loader_measure_tsc(uint16_t pm_timer_port)
{
	const struct reference pm_timer = { PM_TIMER_HZ, 0xffffff, pm_timer_port };
	const struct reference pit = { PIT_HZ, 0xffff, 0 };
	uint64_t hz = pm_timer_port != 0 ? measure(&pm_timer) : 0;

	if (hz != 0)
		return hz;
	if (pm_timer_port != 0)
		loader_say("ACPI's PM timer stands still: the PIT is asked instead");
	pit_start();
	hz = measure(&pit);
	if (hz == 0)
		loader_stop("neither ACPI's PM timer nor the PIT ticks");
	return hz;
}
