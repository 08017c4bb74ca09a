/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the firmware and the boot loader told us about the machine. Filled once, before SMP. */
#ifndef VIRIDIS_CORE_BOOT_INFO_H
#define VIRIDIS_CORE_BOOT_INFO_H

#include <stdbool.h>
#include <stdint.h>

enum {
	BOOT_MAX_RANGES = 128,
	BOOT_MAX_MODULES = 8,
	BOOT_MAX_CPUS = 64,
	BOOT_MAX_IOAPICS = 8,
	BOOT_MAX_IOMMUS = 8,
	BOOT_RSDP_BYTES = 36,
};

/* Multiboot2 and the BIOS's E820 number them alike; any other type is to be taken as reserved. */
enum memory_type {
	MEMORY_RAM = 1,
	MEMORY_RESERVED = 2,
	MEMORY_ACPI_RECLAIMABLE = 3,
	MEMORY_ACPI_NVS = 4,
	MEMORY_BAD = 5,
};

struct memory_range {
	uint64_t start, end; /* end is exclusive */
	uint32_t type;
};

/* command_line is never NULL. Its first word names the module: "kernel", "initrd". */
struct boot_module {
	uint64_t start, end;
	const char *command_line;
};

struct boot_cpu {
	uint32_t apic_id;
};

struct boot_ioapic {
	uint64_t hpa;
	uint32_t gsi_base;
	uint8_t id;
};

struct boot_iommu {
	uint64_t hpa, bytes; /* its register window, to be kept from the root */
};

struct boot_info {
	struct memory_range ranges[BOOT_MAX_RANGES]; /* sorted by start */
	unsigned int range_count;
	struct boot_module modules[BOOT_MAX_MODULES];
	unsigned int module_count;
	const char *command_line; /* the hypervisor's own; never NULL */

	uint8_t rsdp[BOOT_RSDP_BYTES];
	unsigned int rsdp_bytes; /* 0, 20 or 36 */

	struct boot_cpu cpus[BOOT_MAX_CPUS]; /* the usable ones of the MADT */
	unsigned int cpu_count;
	struct boot_ioapic ioapics[BOOT_MAX_IOAPICS];
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
	struct boot_iommu iommus[BOOT_MAX_IOMMUS];
	unsigned int iommu_count;
	uint64_t dmar_hpa, ivrs_hpa; /* 0: no such table */

	uint64_t image_start, image_end;     /* page aligned */
	uint64_t reserve_start, reserve_end; /* the boot reserve, 2 MiB aligned */
};

/*
 * The highest start of `bytes` bytes of RAM within [low, limit), aligned to `align` (a power of
 * two), that meets neither the image, a module nor the reserve; 0 when there is none.
 */
uint64_t boot_info_find_free(const struct boot_info *info, uint64_t bytes, uint64_t align,
                             uint64_t low, uint64_t limit);

/* Bytes of RAM; and the number of GiB-aligned GiB in which there is any. */
uint64_t boot_info_ram_bytes(const struct boot_info *info);
uint64_t boot_info_ram_gibs(const struct boot_info *info);

#endif
