/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reader of the few ACPI tables that tell what a hypervisor, or a small guest, must know. ACPI specification 6.4, chapter 5. */
#ifndef VIRIDIS_LOADER_CORE_ACPI_H
#define VIRIDIS_LOADER_CORE_ACPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <viridis/base/assert.h>
#include "root-partition/loader/core/boot_tags.h"

enum { ACPI_MAX_CPUS = 64, ACPI_MAX_IOAPICS = 8, ACPI_MAX_IOMMUS = 8 };

struct acpi_cpu {
	uint32_t apic_id;
};

struct acpi_ioapic {
	uint64_t hpa;
	uint32_t gsi_base;
	uint8_t id;
};

struct acpi_iommu {
	uint64_t hpa, bytes; /* its register window */
};

struct acpi_info {
	uint8_t rsdp[BOOT_RSDP_BYTES]; /* set by the caller */
	unsigned int rsdp_bytes;       /* 0, 20 or 36 */

	struct acpi_cpu cpus[ACPI_MAX_CPUS]; /* the usable ones of the MADT */
	unsigned int cpu_count;
	struct acpi_ioapic ioapics[ACPI_MAX_IOAPICS];
	unsigned int ioapic_count;
	uint16_t pm1a_control, pm1b_control, pm_timer_port; /* I/O ports, 0: absent */
	bool s5_found;
	uint8_t s5_type_a, s5_type_b; /* SLP_TYPx of \_S5, as written to bits 12:10 */
	struct {
		bool usable;
		bool is_memory; /* else an I/O port */
		uint64_t address;
		uint8_t value;
	} reset;
	struct acpi_iommu iommus[ACPI_MAX_IOMMUS];
	unsigned int iommu_count;
	uint64_t dmar_hpa, ivrs_hpa; /* 0: no such table */
};

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

/* At least `bytes` long, with the checksums that its revision has. ACPI 5.2.5.3 */
MUST_CHECK bool acpi_rsdp_is_valid(const uint8_t *rsdp, size_t bytes);

/*
 * Read CPUs, I/O APICs, power ports and IOMMUs into `info`, by the RSDP in info->rsdp. A MADT is
 * required; the other tables are used when present and sound.
 */
MUST_CHECK enum acpi_status acpi_read(const struct acpi_memory *memory,
                                      struct acpi_info *info);

/* Physical address of the first table of that signature whose checksum is right. */
MUST_CHECK enum acpi_status acpi_find_table(const struct acpi_memory *memory,
                                            const struct acpi_info *info,
                                            const char signature[4], uint64_t *hpa);

/*
 * Take every entry that points at `table_hpa` out of the RSDT and the XSDT, in place, and mend
 * their lengths and checksums: who reads them later never learns of the table.
 */
void acpi_hide_table(const struct acpi_memory *memory, const struct acpi_info *info,
                     uint64_t table_hpa);

const char *acpi_status_name(enum acpi_status status);

#endif
