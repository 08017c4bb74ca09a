/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The TSC as the guest's clock; its frequency from the hypervisor, else by the PIT. */
#ifndef VSC_LIB_CLOCK_H
#define VSC_LIB_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

uint64_t clock_tsc_hz(void);

/* A point `ms` from now, to be asked about with clock_passed(). */
uint64_t clock_deadline(uint64_t ms);
bool clock_passed(uint64_t deadline);

/* Busy; interrupts stay as they are. */
void clock_wait_ms(uint64_t ms);

/* Busy with interrupts on until *value is `wanted` or more; false after `ms`. */
bool clock_wait_for(const volatile uint32_t *value, uint32_t wanted, uint64_t ms);

#endif
