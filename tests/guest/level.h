/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Three level-triggered lines that a store puts up or down, for the group `level`. */
#ifndef VSC_TINY_LEVEL_H
#define VSC_TINY_LEVEL_H

#include <stdbool.h>
#include <stdint.h>
#include "vsc/lib/trap.h"

#define LEVEL_LINES 3u

/* Of one scenario, as the VP that played it leaves it. */
struct level_result {
	unsigned int number, rounds;
};

/* Are the devices behind the lines there, and the IOAPIC? */
bool level_lines_found(void);

/* Line 0 has the lowest priority. */
unsigned int level_vector(unsigned int line);
unsigned int level_line(unsigned int vector);

void level_raise(unsigned int line);
void level_lower(unsigned int line);

/* All lines down, and to the VP with this APIC id; the last one on its edge if `last_is_edge`. */
void level_connect(uint32_t apic_id, trap_handler handler, bool last_is_edge);
void level_route(unsigned int line, uint32_t apic_id);
void level_disconnect(void);

/* Does the IOAPIC await the EOI of no line? */
bool level_all_ended(void);

/* work(argument) on that VP, which may be the caller's; false: it does not come back. */
bool level_run_on(unsigned int vp, void (*work)(void *), void *argument);

void level_soak(unsigned int vp);
void level_apart(void);
void level_init(void);

#endif
