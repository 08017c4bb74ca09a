/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest's end. */
#include "vsc/lib/guest.h"

#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "vsc/lib/cpu.h"
#include "vsc/lib/options.h"

#define PM1_SLEEP_TYPE_SHIFT  10
#define PM1_SLEEP_ENABLE      BIT32(13) /* ACPI 4.8.3.2.1 */
#define SLEEP_TYPE_SHIFT      2
#define SLEEP_ENABLE          BIT32(5)
#define TABLE_LENGTH          4 /* offsets: ACPI 5.2.6, 5.2.9, 5.2.3.2 */
#define FADT_SLEEP_CONTROL    244
#define GENERIC_ADDRESS       4
#define GENERIC_ADDRESS_BYTES 12
#define GENERIC_ADDRESS_IO    1
#define KEYBOARD_COMMAND      0x64
#define KEYBOARD_PULSE_RESET  0xfe

/* Hardware-reduced ACPI has no PM1 but a sleep control register in the FADT. ACPI 4.8.3.7 */
static uint16_t sleep_control_port(void)
{
	const uint8_t *fadt = guest_acpi_table("FACP");
	uint32_t bytes, address;

	if (!fadt)
		return 0;
	memcpy(&bytes, fadt + TABLE_LENGTH, sizeof(bytes));
	if (bytes < FADT_SLEEP_CONTROL + GENERIC_ADDRESS_BYTES ||
	    fadt[FADT_SLEEP_CONTROL] != GENERIC_ADDRESS_IO)
		return 0;
	memcpy(&address, fadt + FADT_SLEEP_CONTROL + GENERIC_ADDRESS, sizeof(address));
	return (uint16_t)address;
}

static void power_off(void)
{
	const struct acpi_info *info = guest_acpi();
	uint16_t control = sleep_control_port();

	if (!info->s5_found)
		return;
	if (control)
		cpu_outb(control,
		         (uint8_t)(info->s5_type_a << SLEEP_TYPE_SHIFT | SLEEP_ENABLE));
	if (info->pm1a_control)
		cpu_outw(info->pm1a_control,
		         (uint16_t)(info->s5_type_a << PM1_SLEEP_TYPE_SHIFT |
		                    PM1_SLEEP_ENABLE));
	if (info->pm1b_control)
		cpu_outw(info->pm1b_control,
		         (uint16_t)(info->s5_type_b << PM1_SLEEP_TYPE_SHIFT |
		                    PM1_SLEEP_ENABLE));
}

static void reset(void)
{
	const struct acpi_info *info = guest_acpi();

	if (info->reset.usable && !info->reset.is_memory)
		cpu_outb((uint16_t)info->reset.address, info->reset.value);
	cpu_outb(KEYBOARD_COMMAND, KEYBOARD_PULSE_RESET);
}

static void write_port(const char *number)
{
	uint64_t port;

	if (option_number(number, &port))
		cpu_outb((uint16_t)port, 0);
}

_Noreturn void guest_exit(void)
{
	char how[32] = "acpi";

	(void)guest_option("exit", how,
	                   sizeof(how)); /* absent: the default above stays */
	if (!memcmp(how, "acpi", 5))
		power_off();
	else if (!memcmp(how, "reset", 6))
		reset();
	else if (!memcmp(how, "port:", 5))
		write_port(how + 5);
	cpu_cli();
	for (;;)
		cpu_hlt();
}
