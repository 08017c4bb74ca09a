/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any sequence of register accesses and input bytes: the serial port keeps its bounds. */
#include <stddef.h>
#include <stdint.h>

#include "root-partition/vm/model/uart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct uart uart;
	uint8_t byte;

	uart_reset(&uart);
	for (size_t i = 0; i + 1 < size; i += 2) {
		switch (data[i] >> 6) {
		case 0:
			(void)uart_read(&uart, data[i] & 15);
			break;
		case 1:
			uart_write(&uart, data[i] & 15, data[i + 1]);
			break;
		case 2:
			uart_receive(&uart, data[i + 1]);
			break;
		default:
			(void)uart_take_output(&uart, &byte);
			break;
		}
		(void)uart_interrupt(&uart);
		if (uart.received_count > UART_FIFO_BYTES)
			__builtin_trap();
	}
	return 0;
}
