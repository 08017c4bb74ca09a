/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which device a port or an address belongs to, and the small devices that need no file. */
#include "root-partition/vm/model/platform.h"

#include <viridis/base/bits.h>

#define PORT_PIT              0x40u
#define PORT_KEYBOARD_DATA    0x60u
#define PORT_CONTROL_B        0x61u
#define PORT_KEYBOARD_COMMAND 0x64u
#define PORT_CONTROL_A        0x92u
#define PORT_RTC_INDEX        0x70u
#define PORT_RTC_DATA         0x71u
#define PORT_RETRACE_MONO     0x3bau
#define PORT_RETRACE          0x3dau
#define PORT_PCI_ADDRESS      0xcf8u
#define PORT_PCI_RESET        0xcf9u
#define PORT_PCI_DATA         0xcfcu

#define KEYBOARD_PULSE_RESET 0xfeu /* pulse output line 0, wired to reset on a PC */
#define PCI_RESET_CPU        0x04u
#define PCI_RESET_KEPT       0x0au /* how, not that it resets */
#define CONTROL_A_RESET      0x01u
#define CONTROL_A_A20        0x02u
/* A PC/AT's port B: bits 3:0 read back, bit 0 is the gate of timer 2, the refresh bit toggles. */
#define CONTROL_B_GATE_2     0x01u
#define CONTROL_B_KEPT       0x0fu
#define CONTROL_B_REFRESH    0x10u
#define CONTROL_B_TIMER_2    0x20u
#define RETRACE_BITS         0x09u       /* display off, and the vertical retrace */
#define PCI_ADDRESS_WRITABLE 0x80fffffcu /* PCI 3.0, 3.2.2.3.2 */

/* ACPI 6.5, 4.8.3.7: sleep control register of hardware-reduced machines */
#define SLEEP_ENABLE      0x20u
#define SLEEP_TYPE(value) ((value) >> 2 & 7u)

void platform_reset(struct platform *platform)
{
	*platform = (struct platform){ .power = PLATFORM_RUNNING };
	uart_reset(&platform->uart);
	ioapic_model_reset(&platform->ioapic);
	rtc_reset(&platform->rtc);
	pit_reset(&platform->pit);
}

static void update_rtc_line(struct platform *platform)
{
	ioapic_model_set_line(&platform->ioapic, PLATFORM_RTC_IRQ,
	                      rtc_interrupt(&platform->rtc));
}

uint64_t platform_event(const struct platform *platform)
{
	return rtc_event(&platform->rtc);
}

void platform_tick(struct platform *platform, uint64_t unix_seconds)
{
	rtc_tick(&platform->rtc, unix_seconds);
	update_rtc_line(platform);
}

static uint8_t rtc_port_read(struct platform *platform, uint64_t unix_seconds)
{
	uint8_t value = rtc_read(&platform->rtc, unix_seconds);

	update_rtc_line(platform);
	return value;
}

static void rtc_port_write(struct platform *platform, uint8_t value,
                           uint64_t unix_seconds)
{
	rtc_write(&platform->rtc, value, unix_seconds);
	update_rtc_line(platform);
}

static void update_uart_line(struct platform *platform)
{
	ioapic_model_set_line(&platform->ioapic, PLATFORM_COM1_IRQ,
	                      uart_interrupt(&platform->uart));
}

static uint8_t uart_port_read(struct platform *platform, unsigned int port)
{
	uint8_t value = uart_read(&platform->uart, port);

	update_uart_line(platform);
	return value;
}

/* The line is looked at before and after the byte leaves: the pin needs the edge (uart.h). */
static void uart_port_write(struct platform *platform, unsigned int port, uint8_t value)
{
	uint8_t byte;

	uart_write(&platform->uart, port, value);
	update_uart_line(platform);
	if (!uart_take_output(&platform->uart, &byte))
		return;
	if (platform->output_count < PLATFORM_OUTPUT_BYTES)
		platform->output[platform->output_count++] = byte;
	update_uart_line(platform);
}

static bool in_range(uint16_t port, uint16_t base, unsigned int count)
{
	return port >= base && (unsigned int)(port - base) < count;
}

static uint8_t control_b_read(struct platform *platform, uint64_t now_ns)
{
	platform->control_b ^= CONTROL_B_REFRESH;
	return platform->control_b |
	       (pit_output(&platform->pit, now_ns) ? CONTROL_B_TIMER_2 : 0);
}

static void control_b_write(struct platform *platform, uint8_t value, uint64_t now_ns)
{
	pit_set_gate(&platform->pit, value & CONTROL_B_GATE_2, now_ns);
	platform->control_b = (platform->control_b & CONTROL_B_REFRESH) |
	                      (value & CONTROL_B_KEPT);
}

static bool byte_read(struct platform *platform, uint16_t port,
                      const struct platform_time *now, uint8_t *value)
{
	*value = 0xff;
	if (in_range(port, PLATFORM_COM1_PORT, UART_PORTS))
		*value = uart_port_read(platform, port - PLATFORM_COM1_PORT);
	else if (port == PORT_RTC_DATA)
		*value = rtc_port_read(platform, now->unix_seconds);
	else if (in_range(port, PORT_PIT, PIT_PORTS))
		*value = pit_read(&platform->pit, port - PORT_PIT, now->monotonic_ns);
	else if (port == PORT_CONTROL_B)
		*value = control_b_read(platform, now->monotonic_ns);
	else if (port == PORT_RETRACE || port == PORT_RETRACE_MONO)
		*value = platform->retrace ^= RETRACE_BITS;
	else if (port == PORT_CONTROL_A)
		*value = CONTROL_A_A20;
	else if (port == PORT_PCI_RESET)
		*value = platform->pci_reset;
	else if (port == PLATFORM_SLEEP_PORT || port == PLATFORM_STATUS_PORT ||
	         port == PORT_KEYBOARD_DATA || port == PORT_KEYBOARD_COMMAND)
		*value = 0;
	else
		return port == PORT_RTC_INDEX || in_range(port, PORT_PCI_ADDRESS, 8);
	return true;
}

/* What is kept, and what is dropped. */
static bool small_write(struct platform *platform, uint16_t port, uint8_t value)
{
	if (port == PORT_PCI_RESET)
		platform->pci_reset = value & PCI_RESET_KEPT;
	else
		return port == PORT_CONTROL_A || port == PORT_KEYBOARD_DATA ||
		       port == PORT_KEYBOARD_COMMAND ||
		       in_range(port, PLATFORM_SLEEP_PORT, 3) ||
		       in_range(port, PORT_PCI_ADDRESS, 8);
	return true;
}

static bool byte_write(struct platform *platform, uint16_t port,
                       const struct platform_time *now, uint8_t value)
{
	if (in_range(port, PLATFORM_COM1_PORT, UART_PORTS))
		uart_port_write(platform, port - PLATFORM_COM1_PORT, value);
	else if (port == PORT_RTC_INDEX)
		rtc_select(&platform->rtc, value);
	else if (port == PORT_RTC_DATA)
		rtc_port_write(platform, value, now->unix_seconds);
	else if (in_range(port, PORT_PIT, PIT_PORTS))
		pit_write(&platform->pit, port - PORT_PIT, value, now->monotonic_ns);
	else if (port == PORT_CONTROL_B)
		control_b_write(platform, value, now->monotonic_ns);
	else if (port == PLATFORM_SLEEP_PORT && (value & SLEEP_ENABLE) &&
	         SLEEP_TYPE(value) == PLATFORM_S5_TYPE)
		platform->power = PLATFORM_OFF;
	else if ((port == PLATFORM_RESET_PORT && value == PLATFORM_RESET_VALUE) ||
	         (port == PORT_PCI_RESET && (value & PCI_RESET_CPU)) ||
	         (port == PORT_CONTROL_A && (value & CONTROL_A_RESET)) ||
	         (port == PORT_KEYBOARD_COMMAND && value == KEYBOARD_PULSE_RESET))
		platform->power = PLATFORM_RESET;
	else
		return small_write(platform, port, value);
	return true;
}

/* The address latch answers dwords; bytes within it belong to other devices. */
bool platform_port_read(struct platform *platform, uint16_t port, unsigned int bytes,
                        const struct platform_time *now, uint32_t *value)
{
	bool known = false;

	if (port == PORT_PCI_ADDRESS && bytes == 4) {
		*value = platform->pci_address;
		return true;
	}
	*value = 0;
	for (unsigned int i = 0; i < bytes; i++) {
		uint8_t byte;

		known |= byte_read(platform, (uint16_t)(port + i), now, &byte);
		*value |= (uint32_t)byte << (8 * i);
	}
	return known;
}

bool platform_port_write(struct platform *platform, uint16_t port, unsigned int bytes,
                         const struct platform_time *now, uint32_t value)
{
	bool known = false;

	if (port == PORT_PCI_ADDRESS && bytes == 4) {
		platform->pci_address = value & PCI_ADDRESS_WRITABLE;
		return true;
	}
	for (unsigned int i = 0; i < bytes; i++)
		known |= byte_write(platform, (uint16_t)(port + i), now,
		                    (uint8_t)(value >> (8 * i)));
	return known;
}

static bool in_ioapic(uint64_t gpa, uint32_t *offset)
{
	*offset = (uint32_t)(gpa - IOAPIC_MODEL_GPA);
	return gpa >= IOAPIC_MODEL_GPA && gpa - IOAPIC_MODEL_GPA < IOAPIC_MODEL_BYTES;
}

bool platform_memory_read(struct platform *platform, uint64_t gpa, unsigned int bytes,
                          uint64_t *value)
{
	uint32_t offset;

	*value = bits_mask(0, 8 * bytes);
	if (!in_ioapic(gpa, &offset))
		return false;
	*value = ioapic_model_read(&platform->ioapic, offset, bytes);
	return true;
}

bool platform_memory_write(struct platform *platform, uint64_t gpa, unsigned int bytes,
                           uint64_t value)
{
	uint32_t offset;

	if (!in_ioapic(gpa, &offset))
		return false;
	ioapic_model_write(&platform->ioapic, offset, bytes, value);
	return true;
}

unsigned int platform_input_room(const struct platform *platform)
{
	return uart_room(&platform->uart);
}

void platform_input(struct platform *platform, const uint8_t *bytes, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		uart_receive(&platform->uart, bytes[i]);
	update_uart_line(platform);
}
