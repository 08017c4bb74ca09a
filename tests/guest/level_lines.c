/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lines of group `level`: the 16550s, and their entries in the IOAPIC. Intel 82093AA 3.2 */
#include "tests/guest/level.h"

#include <viridis/base/bits.h>
#include "vsc/lib/apic.h"
#include "vsc/lib/cpu.h"
#include "vsc/lib/guest.h"
#include "vsc/lib/smp.h"

#define FIRST_VECTOR 0x41u
#define VECTOR_STEP  0x10u /* a priority class each */
#define UART_IER     1
#define UART_IER_EMPTY \
	0x02 /* an interrupt while nothing is to be sent, which is always so */
#define UART_LCR         3
#define UART_SCRATCH     7
#define SCRATCH_PATTERN  0x5a
#define ENTRY(pin)       (0x10u + 2 * (pin))
#define ENTRY_REMOTE_IRR BIT32(14) /* accepted, and not ended yet */
#define ENTRY_LEVEL      BIT32(15)
#define ENTRY_MASKED     BIT32(16)
#define RUN_PATIENCE_MS  120000u

/* COM2 to COM4 as tests/lib/machine.py has them; none of these pins is remapped by the MADT. */
static const struct {
	uint16_t port;
	unsigned int pin;
} lines[LEVEL_LINES] = { { 0x2f8, 3 }, { 0x3e8, 5 }, { 0x2e8, 7 } };

static volatile uint32_t *ioapic(void)
{
	return (volatile uint32_t *)guest_acpi()->ioapics[0].hpa;
}

static uint32_t entry_read(uint32_t reg)
{
	ioapic()[0] = reg;
	return ioapic()[4];
}

static void entry_write(uint32_t reg, uint32_t value)
{
	ioapic()[0] = reg;
	ioapic()[4] = value;
}

bool level_lines_found(void)
{
	bool found = guest_acpi()->ioapic_count > 0;

	for (unsigned int i = 0; i < LEVEL_LINES; i++) {
		cpu_outb(lines[i].port + UART_LCR, 0); /* so that 1 is the IER */
		cpu_outb(lines[i].port + UART_SCRATCH, SCRATCH_PATTERN);
		found &= cpu_inb(lines[i].port + UART_SCRATCH) == SCRATCH_PATTERN;
	}
	return found;
}

unsigned int level_vector(unsigned int line)
{
	return FIRST_VECTOR + line * VECTOR_STEP;
}

unsigned int level_line(unsigned int vector)
{
	return (vector - FIRST_VECTOR) / VECTOR_STEP;
}

void level_raise(unsigned int line)
{
	cpu_outb(lines[line].port + UART_IER, UART_IER_EMPTY);
}

void level_lower(unsigned int line)
{
	cpu_outb(lines[line].port + UART_IER, 0);
}

void level_route(unsigned int line, uint32_t apic_id)
{
	entry_write(ENTRY(lines[line].pin) + 1, apic_id << 24);
}

void level_connect(uint32_t apic_id, trap_handler handler, bool last_is_edge)
{
	for (unsigned int i = 0; i < LEVEL_LINES; i++) {
		bool edge = last_is_edge && i == LEVEL_LINES - 1;

		level_lower(i);
		trap_set_handler(level_vector(i), handler);
		level_route(i, apic_id);
		entry_write(ENTRY(lines[i].pin),
		            level_vector(i) | (edge ? 0 : ENTRY_LEVEL));
	}
}

void level_disconnect(void)
{
	for (unsigned int i = 0; i < LEVEL_LINES; i++) {
		level_lower(i);
		entry_write(ENTRY(lines[i].pin), ENTRY_MASKED);
		trap_set_handler(level_vector(i), NULL);
	}
}

bool level_all_ended(void)
{
	for (unsigned int i = 0; i < LEVEL_LINES; i++)
		if (entry_read(ENTRY(lines[i].pin)) & ENTRY_REMOTE_IRR)
			return false;
	return true;
}

bool level_run_on(unsigned int vp, void (*work)(void *), void *argument)
{
	if (vp != this_vp()->index) {
		smp_run(vp, work, argument);
		return smp_wait(vp, RUN_PATIENCE_MS);
	}
	work(argument);
	return true;
}
