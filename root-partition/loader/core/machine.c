/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Judges the machine's description before the hypervisor does, which says no reasons. */
#include "root-partition/loader/core/machine.h"

#include <stdbool.h>
#include <stddef.h>

const char *machine_reject_reason(const struct viridis_input_describe_machine *machine)
{
	if (machine->cpu_count == 0)
		return "ACPI's MADT names no CPU that is enabled";
	if (machine->cpu_count > VIRIDIS_MACHINE_CPUS)
		return "there are more than 64 CPUs";
	if (machine->ioapic_count > VIRIDIS_MACHINE_IOAPICS)
		return "there are more than 8 I/O APICs";
	if (machine->iommu_count > VIRIDIS_MACHINE_IOMMUS)
		return "there are more than 8 IOMMUs";
	if (machine->tsc_hz < VIRIDIS_MACHINE_TSC_HZ_MIN)
		return "the time stamp counter ticks slower than 100 MHz";
	return NULL;
}

const char *machine_lack(const struct viridis_input_describe_machine *machine,
                         unsigned int number)
{
	const struct {
		bool missing;
		const char *what;
	} lacks[] = {
		{ machine->ioapic_count == 0,
		  "no I/O APIC: only devices with MSI have interrupts" },
		{ machine->pm1_control[0] == 0,
		  "no PM1 control port in ACPI's FADT: the root cannot power the machine off" },
		{ machine->pm1_control[0] != 0 &&
		          machine->s5_type == VIRIDIS_MACHINE_NO_S5,
		  "no \\_S5 object in ACPI's DSDT: the root cannot power the machine off" },
	};

	for (size_t i = 0; i < sizeof(lacks) / sizeof(lacks[0]); i++)
		if (lacks[i].missing && number-- == 0)
			return lacks[i].what;
	return NULL;
}
