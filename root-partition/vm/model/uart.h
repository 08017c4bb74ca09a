/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A 16550A serial port, as Linux's 8250 driver finds one at 0x3f8. TL16C550 data sheet. Bytes go
 * out as soon as the owner takes them; the baud rate is remembered and means nothing. PURE.
 *
 * The owner, after every call: uart_interrupt() is the level of the interrupt line. Between
 * uart_write() and uart_take_output() the transmitter is busy, so the line may fall and rise:
 * look at it both times, because an edge-triggered pin needs the edge.
 */
#ifndef VIRIDIS_VM_MODEL_UART_H
#define VIRIDIS_VM_MODEL_UART_H

#include <stdbool.h>
#include <stdint.h>

#define UART_PORTS      8u
#define UART_FIFO_BYTES 16u

struct uart {
	uint8_t interrupt_enable; /* IER */
	uint8_t line_control;     /* LCR */
	uint8_t modem_control;    /* MCR */
	uint8_t scratch;          /* SCR */
	uint8_t divisor[2];       /* DLL, DLM */
	uint8_t fifo_control;     /* FCR without its self-clearing bits */
	uint8_t received[UART_FIFO_BYTES];
	uint8_t received_first;
	uint8_t received_count;
	uint8_t output;
	bool output_full;     /* a byte waits to be taken: THR not empty */
	bool empty_interrupt; /* "transmitter empty" has not been seen yet */
	bool overrun;
};

void uart_reset(struct uart *uart);

/* port: 0..7, the offset from the base. */
uint8_t uart_read(struct uart *uart, unsigned int port);
void uart_write(struct uart *uart, unsigned int port, uint8_t value);

/* The byte being sent, if any; the transmitter is empty afterwards. */
bool uart_take_output(struct uart *uart, uint8_t *byte);

/* How many bytes uart_receive() can take now without overrun. */
unsigned int uart_room(const struct uart *uart);
void uart_receive(struct uart *uart, uint8_t byte);

bool uart_interrupt(const struct uart *uart);

#endif
