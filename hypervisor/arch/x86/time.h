/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The time stamp counter and its frequency. Constant after time_init(). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* With the machine's description: measure the local APIC's timer against the TSC. */
void time_init(void);

/* 0 before time_init(). The local APIC's timer is divided by 1. */
extern uint64_t tsc_hz, lapic_hz;

/* No CPU's TSC was found apart from the first one's when it came up. */
extern bool tsc_is_shared;

/* floor(2^64 * 10^7 / tsc_hz): the scale of the reference TSC page. TLFS 12.7.3 */
extern uint64_t tsc_scale_100ns;
uint64_t tsc_to_100ns(uint64_t ticks);
uint64_t tsc_from_100ns(uint64_t units); /* UINT64_MAX: no machine lives so long */

void time_wait_us(uint64_t microseconds); /* boot and panic only: it spins */
