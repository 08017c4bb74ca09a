/* SPDX-License-Identifier: GPL-2.0-or-later */
/* COM1, a 16550, by polling; and the emulators' debug console, one port that takes characters. */
#include "hypervisor/arch/x86/serial.h"

#include "hypervisor/arch/x86/cpu.h"

enum {
	COM1 = 0x3f8,
	UART_DATA = COM1,           /* divisor low while DLAB */
	UART_INTERRUPTS = COM1 + 1, /* divisor high while DLAB */
	UART_FIFO = COM1 + 2,
	UART_LINE = COM1 + 3,
	UART_MODEM = COM1 + 4,
	UART_STATUS = COM1 + 5,
	LINE_8N1 = 0x03,
	LINE_DLAB = 0x80,
	FIFO_ENABLE_CLEAR = 0x07,
	MODEM_DTR_RTS = 0x03,
	STATUS_EMPTY = 0x20,
	DIVISOR_115200 = 1,
	SPIN_LIMIT = 100000, /* some ms: a stuck UART costs characters, not the machine */
	DEBUG_CONSOLE = 0xe9,
};

bool serial_init(void)
{
	if (cpu_inb(UART_STATUS) == 0xff)
		return false; /* nothing answers */
	cpu_outb(UART_INTERRUPTS, 0);
	cpu_outb(UART_LINE, LINE_DLAB);
	cpu_outb(UART_DATA, DIVISOR_115200);
	cpu_outb(UART_INTERRUPTS, 0);
	cpu_outb(UART_LINE, LINE_8N1);
	cpu_outb(UART_FIFO, FIFO_ENABLE_CLEAR);
	cpu_outb(UART_MODEM, MODEM_DTR_RTS);
	return true;
}

static void serial_put(char c)
{
	for (int spins = 0; spins < SPIN_LIMIT; spins++) {
		if (cpu_inb(UART_STATUS) & STATUS_EMPTY)
			break;
		cpu_pause();
	}
	cpu_outb(UART_DATA, (uint8_t)c);
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
