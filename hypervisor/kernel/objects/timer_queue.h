/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Deadlines of VPs, in TSC ticks, per CPU: a sorted list, as long as there are VPs with a timer on
 * that CPU. The VP's owner sets its deadline; the CPU that holds it raises EVENTS_TIMER in time,
 * whether the VP runs, waits or sleeps.
 */
#pragma once

#include <stdint.h>

struct cpu;
struct vp;

#define TIMER_NEVER UINT64_MAX

void timer_queue_init(struct cpu *cpu);

/* The owner: vp's next deadline; TIMER_NEVER for none. */
void timer_queue_set(struct vp *vp, uint64_t deadline);

/* Raise what is due on this CPU. */
void timer_queue_run(struct cpu *cpu, uint64_t now);

/*
 * The owning CPU: there is this deadline, too. One that goes, or is put off, leaves the timer as it is: to fire once
 * for nothing costs less than to arm it each time.
 */
void timer_queue_due(struct cpu *cpu, uint64_t deadline);

/* The local APIC's timer for whatever comes first: a deadline here or the end of the time slice. */
void timer_queue_arm(struct cpu *cpu);
