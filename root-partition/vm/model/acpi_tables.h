/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The child's ACPI tables: RSDP, XSDT, FADT of a hardware-reduced machine, MADT, DSDT. ACPI 6.5,
 * chapter 5. Hardware-reduced means that there is no PIC, PIT or SCI. PURE.
 */
#ifndef VIRIDIS_VM_MODEL_ACPI_TABLES_H
#define VIRIDIS_VM_MODEL_ACPI_TABLES_H

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <viridis/base/assert.h>

/* Where firmware keeps its tables on a PC; a kernel that searches finds the RSDP at the start. */
#define ACPI_AREA_GPA   0xe0000u
#define ACPI_AREA_BYTES 0x1f000u /* the page behind it has the reset vector, boot.h */

struct acpi_tables_input {
	uint32_t vp_count; /* VP i has APIC id i */
	const void *dsdt;  /* compiled from dsdt.asl */
	size_t dsdt_bytes;
};

/* Fills `area`, which the child sees at ACPI_AREA_GPA; the RSDP is at its start. False: no room. */
bool acpi_tables_build(uint8_t area[ACPI_AREA_BYTES],
                       const struct acpi_tables_input *input) MUST_CHECK;

#endif
