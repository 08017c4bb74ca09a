/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The physical local APIC, as xAPIC or x2APIC: whichever the firmware left on. APM2 16 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Boot CPU: find the mode, map the registers, and lapic_init(). */
void lapic_setup(void);

/*
 * Every CPU: enabled, local sources masked, logical id 1 << id in flat mode (ids below 8; x2APIC fixes
 * its own). The task priority keeps out vectors below EXTERNAL_FIRST: a device may send any.
 */
void lapic_init(void);

bool lapic_is_x2apic(void);
uint32_t lapic_id(void);
void lapic_eoi(void);

/* Of a vector that came: an EOI is due; it is a level. Eight registers each. APM2 16.6.3 */
enum lapic_vectors { LAPIC_ISR = 0x100, LAPIC_TMR = 0x180 };
bool lapic_holds(enum lapic_vectors which, uint8_t vector);

/* What to send beside a vector: LAPIC_STARTUP | page. APM2 16.5 */
enum { LAPIC_NMI = 0x400, LAPIC_INIT = 0x500, LAPIC_STARTUP = 0x600 };

/* Context: interrupts off, for the two halves of an xAPIC's ICR belong together. */
void lapic_send(uint32_t apic_id, uint32_t what);
/* From an NMI too: it needs one half alone. */
void lapic_send_self(uint32_t what);

/* One shot after `ticks` of lapic_hz (capped at 2^32 - 1), with VECTOR_TIMER; 0 disarms. */
void lapic_timer_arm(uint64_t ticks);
uint32_t lapic_timer_left(void);
