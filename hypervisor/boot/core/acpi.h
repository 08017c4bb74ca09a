/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reader of the few ACPI tables that a hypervisor needs. ACPI specification 6.4, chapter 5. */
#ifndef VIRIDIS_BOOT_CORE_ACPI_H
#define VIRIDIS_BOOT_CORE_ACPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <viridis/base/assert.h>
#include "hypervisor/core/boot_info.h"

/* Physical memory as the caller can show it; NULL where it cannot. Stays valid throughout. */
struct acpi_memory {
	void *(*map)(void *context, uint64_t hpa, size_t bytes);
	void *context;
};

enum acpi_status {
	ACPI_OK,
	ACPI_NO_RSDP,
	ACPI_BAD_CHECKSUM,
	ACPI_BAD_TABLE,
	ACPI_NOT_FOUND,
	ACPI_TOO_MANY,
};

/* Of at least `bytes`, with the sums that its revision wants. ACPI 5.2.5.3 */
MUST_CHECK bool acpi_rsdp_is_valid(const uint8_t *rsdp, size_t bytes);

/*
 * Read CPUs, I/O APICs, power ports and IOMMUs into `info`, by the RSDP in info->rsdp. A MADT is
 * required; the other tables are used when present and sound.
 */
MUST_CHECK enum acpi_status acpi_read(const struct acpi_memory *memory,
                                      struct boot_info *info);

/* Physical address of the first table of that signature whose checksum is right. */
MUST_CHECK enum acpi_status acpi_find_table(const struct acpi_memory *memory,
                                            const struct boot_info *info,
                                            const char signature[4], uint64_t *hpa);

/*
 * Take every entry that points at `table_hpa` out of the RSDT and the XSDT, in place, and mend
 * their lengths and checksums: who reads them later never learns of the table.
 */
void acpi_hide_table(const struct acpi_memory *memory, const struct boot_info *info,
                     uint64_t table_hpa);

const char *acpi_status_name(enum acpi_status status);

#endif
