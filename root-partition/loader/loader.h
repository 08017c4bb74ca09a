/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the root's loader share. */
#ifndef VIRIDIS_ROOT_LOADER_H
#define VIRIDIS_ROOT_LOADER_H

#include <viridis/abi/root_loader.h>
#include "hypervisor/core/boot_info.h"
#include "root-partition/loader/core/boot_tags.h"
#include "root-partition/bzimage/bzimage.h"

#define MAPPED_END UINT64_C(0x100000000) /* of the identity mapping */

#define HANDOFF ((const struct root_loader_handoff *)ROOT_LOADER_HANDOFF_HPA)

/* Memory that nobody uses yet, below 4 GiB, as far as the page tables reach. */
struct loader_memory {
	struct bzimage_range free[2 * BOOT_MAX_RANGES];
	size_t free_count;
	struct bzimage_e820 e820[BP_E820_MAX];
	size_t e820_count;
};

/* The root's memory map. `rsdp` is where a copy of the RSDP lies, for the kernel to keep, or 0. */
void loader_read_memory(const struct boot_info *info, uint64_t rsdp,
                        struct loader_memory *memory);

/* Reads the firmware's tables, hides the IOMMUs in them, and tells the hypervisor. */
void loader_describe_machine(const struct boot_tags *tags);

/* What CPUID shows from now on. */
void loader_show_cpuid(void);

/* A hypercall that has no output, while they are enabled; stops if it fails. */
void loader_call(uint16_t code, const void *input);

/* How fast the TSC ticks, by the ACPI PM timer at that port, or without one (0) by the PIT. */
uint64_t loader_measure_tsc(uint16_t pm_timer_port);

/* A line on the serial line and the debug console. */
void loader_say(const char *text);

/* Says there why there will be no root, and stops. */
_Noreturn void loader_stop(const char *why);

#endif
