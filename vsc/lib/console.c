/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Output on the first serial port, polled. */
#include "vsc/lib/console.h"

#include <stdint.h>
#include "hypervisor/core/format.h"
#include "vsc/lib/cpu.h"
#include "vsc/lib/lock.h"

#define COM1                   0x3f8
#define UART_DATA              (COM1 + 0)
#define UART_INTERRUPT_ENABLE  (COM1 + 1)
#define UART_FIFO_CONTROL      (COM1 + 2)
#define UART_LINE_CONTROL      (COM1 + 3)
#define UART_MODEM_CONTROL     (COM1 + 4)
#define UART_LINE_STATUS       (COM1 + 5)
#define UART_TRANSMITTER_EMPTY 0x20
#define POLLS_MAX              100000

static struct lock console_lock;

void console_init(void)
{
	cpu_outb(UART_INTERRUPT_ENABLE, 0);
	cpu_outb(UART_LINE_CONTROL, 0x80); /* divisor latch: 115200 baud */
	cpu_outb(UART_DATA, 1);
	cpu_outb(UART_INTERRUPT_ENABLE, 0);
	cpu_outb(UART_LINE_CONTROL, 0x03); /* 8n1 */
	cpu_outb(UART_FIFO_CONTROL, 0x07);
	cpu_outb(UART_MODEM_CONTROL, 0x03);
}

static void put(char c)
{
	/* Bounded: where no UART answers, ports read as ones and a byte is simply lost. */
	for (unsigned int i = 0; i < POLLS_MAX; i++)
		if (cpu_inb(UART_LINE_STATUS) & UART_TRANSMITTER_EMPTY)
			break;
	cpu_outb(UART_DATA, (uint8_t)c);
}

void print(const char *format, ...)
{
	char text[512];
	va_list arguments;
	size_t length;

	va_start(arguments, format);
	length = format_text_list(text, sizeof(text), format, arguments);
	va_end(arguments);

	lock_take(&console_lock);
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '\n')
			put('\r');
		put(text[i]);
	}
	lock_release(&console_lock);
}
