/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 16550A registers. Offsets and bits: TL16C550 data sheet, "Accessible registers". */
#include "root-partition/vm/model/uart.h"

#include <viridis/base/bits.h>

enum uart_port {
	PORT_DATA = 0, /* RBR, THR; DLL while DLAB */
	PORT_IER = 1,  /* DLM while DLAB */
	PORT_IIR_FCR = 2,
	PORT_LCR = 3,
	PORT_MCR = 4,
	PORT_LSR = 5,
	PORT_MSR = 6,
	PORT_SCR = 7,
};

#define IER_RECEIVED 0x01u
#define IER_EMPTY    0x02u
#define IER_LINE     0x04u
#define IER_MASK     0x0fu

#define IIR_NONE     0x01u
#define IIR_EMPTY    0x02u
#define IIR_RECEIVED 0x04u
#define IIR_LINE     0x06u
#define IIR_TIMEOUT  0x0cu
#define IIR_FIFOS    0xc0u

#define FCR_ENABLE         0x01u
#define FCR_CLEAR_RECEIVED 0x02u
#define FCR_CLEAR_SENT     0x04u
#define FCR_KEPT           0xc9u

#define LCR_DLAB 0x80u

#define MCR_OUT2 0x08u /* on a PC: lets the interrupt through */
#define MCR_LOOP 0x10u
#define MCR_MASK 0x1fu

#define LSR_DATA    0x01u
#define LSR_OVERRUN 0x02u
#define LSR_EMPTY   0x60u /* holding register and shift register */

#define MSR_CONNECTED 0xb0u /* CTS, DSR, DCD: somebody is there */

void uart_reset(struct uart *uart)
{
	*uart = (struct uart){ .divisor = { 12, 0 } };
}

static bool fifos_on(const struct uart *uart)
{
	return uart->fifo_control & FCR_ENABLE;
}

static unsigned int capacity(const struct uart *uart)
{
	return fifos_on(uart) ? UART_FIFO_BYTES : 1;
}

unsigned int uart_room(const struct uart *uart)
{
	unsigned int room = capacity(uart);

	return uart->received_count < room ? room - uart->received_count : 0;
}

void uart_receive(struct uart *uart, uint8_t byte)
{
	unsigned int at = (uart->received_first + uart->received_count) % UART_FIFO_BYTES;

	if (uart_room(uart) == 0) {
		uart->overrun = true;
		return;
	}
	uart->received[at] = byte;
	uart->received_count++;
}

static uint8_t take_received(struct uart *uart)
{
	uint8_t byte = uart->received[uart->received_first];

	if (uart->received_count == 0)
		return 0;
	uart->received_first = (uint8_t)((uart->received_first + 1) % UART_FIFO_BYTES);
	uart->received_count--;
	return byte;
}

static unsigned int trigger_level(const struct uart *uart)
{
	static const uint8_t levels[] = { 1, 4, 8, 14 };

	return fifos_on(uart) ? levels[uart->fifo_control >> 6] : 1;
}

/*
 * The highest pending cause that is enabled. Fewer bytes than the trigger level count as the
 * timeout of four character times already over: our line has no speed.
 */
static uint8_t interrupt_cause(const struct uart *uart)
{
	if ((uart->interrupt_enable & IER_LINE) && uart->overrun)
		return IIR_LINE;
	if ((uart->interrupt_enable & IER_RECEIVED) && uart->received_count)
		return uart->received_count >= trigger_level(uart) ? IIR_RECEIVED :
		                                                     IIR_TIMEOUT;
	if ((uart->interrupt_enable & IER_EMPTY) && uart->empty_interrupt)
		return IIR_EMPTY;
	return IIR_NONE;
}

bool uart_interrupt(const struct uart *uart)
{
	return (uart->modem_control & MCR_OUT2) && !(uart->modem_control & MCR_LOOP) &&
	       interrupt_cause(uart) != IIR_NONE;
}

static uint8_t read_cause(struct uart *uart)
{
	uint8_t cause = interrupt_cause(uart);

	if (cause == IIR_EMPTY)
		uart->empty_interrupt = false;
	return cause | (fifos_on(uart) ? IIR_FIFOS : 0);
}

static uint8_t read_line_status(struct uart *uart)
{
	uint8_t status = uart->output_full ? 0 : LSR_EMPTY;

	if (uart->received_count)
		status |= LSR_DATA;
	if (uart->overrun)
		status |= LSR_OVERRUN;
	uart->overrun = false;
	return status;
}

/* In loopback the four outputs are wired to the four inputs: DTR, RTS, OUT1, OUT2. */
static uint8_t read_modem_status(const struct uart *uart)
{
	uint8_t outputs = uart->modem_control;

	if (!(outputs & MCR_LOOP))
		return MSR_CONNECTED;
	return (uint8_t)((outputs & 0x02u) << 3 | (outputs & 0x01u) << 5 |
	                 (outputs & 0x04u) << 4 | (outputs & 0x08u) << 4);
}

uint8_t uart_read(struct uart *uart, unsigned int port)
{
	bool divisor = uart->line_control & LCR_DLAB;

	switch (port) {
	case PORT_DATA:
		return divisor ? uart->divisor[0] : take_received(uart);
	case PORT_IER:
		return divisor ? uart->divisor[1] : uart->interrupt_enable;
	case PORT_IIR_FCR:
		return read_cause(uart);
	case PORT_LCR:
		return uart->line_control;
	case PORT_MCR:
		return uart->modem_control;
	case PORT_LSR:
		return read_line_status(uart);
	case PORT_MSR:
		return read_modem_status(uart);
	case PORT_SCR:
		return uart->scratch;
	default:
		return 0xff;
	}
}

static void send_byte(struct uart *uart, uint8_t byte)
{
	if (uart->modem_control & MCR_LOOP) {
		uart_receive(uart, byte);
		return;
	}
	uart->output = byte;
	uart->output_full = true;
	uart->empty_interrupt = false;
}

bool uart_take_output(struct uart *uart, uint8_t *byte)
{
	if (!uart->output_full)
		return false;
	*byte = uart->output;
	uart->output_full = false;
	uart->empty_interrupt = true;
	return true;
}

static void write_enable(struct uart *uart, uint8_t value)
{
	/* Enabling the empty interrupt while empty raises it: drivers start sending by that. */
	if ((value & ~uart->interrupt_enable & IER_EMPTY) && !uart->output_full)
		uart->empty_interrupt = true;
	uart->interrupt_enable = value & IER_MASK;
}

static void write_fifo_control(struct uart *uart, uint8_t value)
{
	bool toggled = (value ^ uart->fifo_control) & FCR_ENABLE;

	if (toggled || (value & FCR_CLEAR_RECEIVED))
		uart->received_count = 0;
	if (toggled || (value & FCR_CLEAR_SENT))
		uart->empty_interrupt = true;
	uart->fifo_control = (value & FCR_ENABLE) ? value & FCR_KEPT : 0;
}

void uart_write(struct uart *uart, unsigned int port, uint8_t value)
{
	bool divisor = uart->line_control & LCR_DLAB;

	switch (port) {
	case PORT_DATA:
		if (divisor)
			uart->divisor[0] = value;
		else
			send_byte(uart, value);
		break;
	case PORT_IER:
		if (divisor)
			uart->divisor[1] = value;
		else
			write_enable(uart, value);
		break;
	case PORT_IIR_FCR:
		write_fifo_control(uart, value);
		break;
	case PORT_LCR:
		uart->line_control = value;
		break;
	case PORT_MCR:
		uart->modem_control = value & MCR_MASK;
		break;
	case PORT_SCR:
		uart->scratch = value;
		break;
	default: /* LSR and MSR are read only */
		break;
	}
}
