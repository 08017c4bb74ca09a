/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Group `level`, the rest: lines at random, lines of two VPs, and a VP that is reset with one in service. */
#include "tests/guest/level.h"

#include <stddef.h>
#include "vsc/lib/apic.h"
#include "vsc/lib/clock.h"
#include "vsc/lib/cpu.h"
#include "vsc/lib/smp.h"
#include "vsc/lib/tap.h"
#include "vsc/lib/vp.h"

#define SOAK_RAISES 600u
#define SPREAD      20u
#define PATIENCE_MS 5000
#define LINE_A      0u
#define LINE_B      1u

struct soak {
	unsigned int raises, entries[LEVEL_LINES], raised[LEVEL_LINES];
	bool up[LEVEL_LINES], ended;
	uint32_t random;
};

static struct soak soak;

static uint32_t random_bits(unsigned int count)
{
	soak.random = soak.random * 1664525u + 1013904223u;
	return soak.random >> (32 - count);
}

/* Puts up some of the lines that are down. */
static void raise_some(void)
{
	uint32_t which = random_bits(LEVEL_LINES);

	for (unsigned int i = 0; i < LEVEL_LINES; i++) {
		if (soak.up[i] || !(which >> i & 1) || soak.raises == SOAK_RAISES)
			continue;
		soak.up[i] = true;
		soak.raised[i]++;
		soak.raises++;
		level_raise(i);
	}
}

/* Others come before, during and after; that it nests is left to chance. */
static void handle_random(struct trap_frame *frame)
{
	unsigned int self = level_line((unsigned int)frame->vector);

	soak.entries[self]++;
	if (random_bits(1))
		raise_some();
	if (random_bits(1))
		cpu_take_interrupts();
	soak.up[self] = false;
	level_lower(self);
	if (random_bits(1))
		raise_some();
	if (random_bits(1))
		cpu_take_interrupts();
	apic_eoi();
}

static bool all_came(void)
{
	for (unsigned int i = 0; i < LEVEL_LINES; i++)
		if (soak.entries[i] != soak.raised[i])
			return false;
	return true;
}

static void soak_lines(void *argument)
{
	uint64_t deadline = clock_deadline(PATIENCE_MS * 4);

	(void)argument; /* all is in `soak` */
	while (!(soak.raises == SOAK_RAISES && all_came()) && !clock_passed(deadline)) {
		raise_some();
		cpu_take_interrupts();
	}
	for (unsigned int i = 0; i < 3; i++)
		cpu_take_interrupts();
	soak.ended = level_all_ended();
}

void level_soak(unsigned int vp)
{
	soak = (struct soak){ .random = 42 };
	level_connect(smp_vp(vp)->apic_id, handle_random, false);
	ok(level_run_on(vp, soak_lines, NULL) && soak.ended &&
	           soak.raises == SOAK_RAISES && all_came(),
	   "VP %u: each of %u interrupts comes once, in any order", vp, SOAK_RAISES);
	note("VP %u: %u, %u and %u of the three lines", vp, soak.entries[0],
	     soak.entries[1], soak.entries[2]);
	level_disconnect();
}

static unsigned int came_meanwhile;
static volatile uint32_t ended; /* by the handler below, of one VP at a time */

static void lower_and_end(struct trap_frame *frame)
{
	level_lower(level_line((unsigned int)frame->vector));
	apic_eoi();
	ended++;
}

/* In service here, while VP 1 takes and ends the other line again and again. */
static void hold_while_others_come(struct trap_frame *frame)
{
	(void)frame; /* of line A */
	while (came_meanwhile < SPREAD) {
		uint32_t before = ended;

		level_raise(LINE_B);
		if (!clock_wait_for(&ended, before + 1, PATIENCE_MS))
			break;
		came_meanwhile++;
	}
	level_lower(LINE_A);
	apic_eoi();
}

static void take_until(void *argument)
{
	const volatile bool *done = argument;

	while (!*done)
		cpu_take_interrupts();
}

void level_apart(void)
{
	static volatile bool done;
	uint32_t before = this_vp()->interrupts[level_vector(LINE_A)];

	level_connect(smp_vp(0)->apic_id, lower_and_end, false);
	level_route(LINE_B, smp_vp(1)->apic_id);
	trap_set_handler(level_vector(LINE_A), hold_while_others_come);
	smp_run(1, take_until, (void *)&done);
	level_raise(LINE_A);
	(void)clock_wait_for(&this_vp()->interrupts[level_vector(LINE_A)], before + 1,
	                     PATIENCE_MS); /* judged below */
	done = true;
	ok(smp_wait(1, PATIENCE_MS) && came_meanwhile == SPREAD && level_all_ended() &&
	           this_vp()->interrupts[level_vector(LINE_A)] == before + 1,
	   "a line in service at one VP holds none of another VP's back");
	level_disconnect();
}

static volatile bool in_service;

static void never_end(struct trap_frame *frame)
{
	level_lower(level_line((unsigned int)frame->vector));
	in_service = true;
	for (;;)
		cpu_pause();
}

/* An INIT empties the VP's own APIC; what the machine's holds must be ended for it. */
void level_init(void)
{
	static volatile bool done;
	uint32_t before;

	level_connect(smp_vp(1)->apic_id, never_end, false);
	smp_run(1, take_until, (void *)&done);
	level_raise(LINE_A);
	for (uint64_t deadline = clock_deadline(PATIENCE_MS);
	     !in_service && !clock_passed(deadline);)
		cpu_pause();
	ok(in_service && !level_all_ended(), "a line is in service at VP 1");
	ok(smp_restart(1) && level_all_ended(), "an INIT ends it");
	trap_set_handler(level_vector(LINE_A), lower_and_end);
	before = ended;
	smp_run(1, take_until, (void *)&done);
	level_raise(LINE_A);
	ok(clock_wait_for(&ended, before + 1, PATIENCE_MS), "it comes again afterwards");
	done = true;
	(void)smp_wait(1, PATIENCE_MS); /* it has ended if the interrupt came */
	level_disconnect();
}
