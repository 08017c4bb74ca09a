/* SPDX-License-Identifier: GPL-2.0-or-later */
/* COM1, a 16550, by polling; and the emulators' debug console, one port that takes characters. */
#include "hypervisor/arch/x86/serial.h"

#include "hypervisor/arch/x86/cpu.h"

enum { COM1 = 0x3f8, STATUS = COM1 + 5, STATUS_EMPTY = 0x20, DEBUG_CONSOLE = 0xe9 };
enum {
	SPIN_LIMIT = 100000
}; /* some ms: a stuck UART costs characters, not the machine */

bool serial_init(void)
{
	/* Register and value: no interrupts; divisor 1; 8n1; FIFOs on and empty; DTR, RTS. */
	static const uint8_t setup[][2] = { { 1, 0 }, { 3, 0x80 }, { 0, 1 }, { 1, 0 },
		                            { 3, 3 }, { 2, 7 },    { 4, 3 } };

	if (cpu_inb(STATUS) == 0xff)
		return false; /* nothing answers */
	for (unsigned int i = 0; i < sizeof(setup) / sizeof(setup[0]); i++)
		cpu_outb((uint16_t)(COM1 + setup[i][0]), setup[i][1]);
	return true;
}

static void serial_put(char c)
{
	for (int spins = 0; spins < SPIN_LIMIT; spins++) {
		if (cpu_inb(STATUS) & STATUS_EMPTY)
			break;
		cpu_pause();
	}
	cpu_outb(COM1, (uint8_t)c);
}

void serial_write(const char *text, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		if (text[i] == '\n')
			serial_put('\r');
		serial_put(text[i]);
	}
}

/* Reading the port yields its number where there is such a device. */
bool debug_console_present(void)
{
	return cpu_inb(DEBUG_CONSOLE) == DEBUG_CONSOLE;
}

void debug_console_write(const char *text, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		cpu_outb(DEBUG_CONSOLE, (uint8_t)text[i]);
}
