/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the boot stage found, taken over. */
#include "hypervisor/kernel/boot_info.h"
#include <viridis/base/mem.h>
#include "hypervisor/kernel/log.h"

struct boot_info boot_info;
uint8_t boot_loader_info[ROOT_LOADER_INFO_BYTES];

extern char image_start_hpa[], image_end_hpa[];

static void log_memory(void)
{
	for (unsigned int i = 0; i < boot_info.range_count; i++)
		log_line("memory: %#lx-%#lx type %u", boot_info.ranges[i].start,
		         boot_info.ranges[i].end, boot_info.ranges[i].type);
	for (unsigned int i = 0; i < boot_info.module_count; i++)
		log_line("module: %#lx-%#lx %s", boot_info.modules[i].start,
		         boot_info.modules[i].end, boot_info.modules[i].command_line);
	log_line("memory: %lu MiB of RAM in %lu GiB",
	         (boot_info_ram_bytes(&boot_info) >> 20), boot_info_ram_gibs(&boot_info));
}

static void log_acpi(void)
{
	log_line("acpi: %u CPUs, %u I/O APICs, %u IOMMUs, PM1 control %#x, PM timer %#x",
	         boot_info.cpu_count, boot_info.ioapic_count, boot_info.iommu_count,
	         boot_info.pm1a_control, boot_info.pm_timer_port);
	if (boot_info.s5_found)
		log_line("acpi: S5 is sleep type %u", boot_info.s5_type_a);
	if (boot_info.iommu_count == 0)
		log_warning(
			"acpi: no IOMMU: the root's devices can reach all memory by DMA");
}

void boot_take(const struct boot_handoff *handoff)
{
	boot_info = handoff->info;
	memcpy(boot_loader_info, handoff->loader_info, sizeof(boot_loader_info));
	boot_info.image_start = (uint64_t)image_start_hpa;
	boot_info.image_end = (uint64_t)image_end_hpa;
	log_memory();
	log_acpi();
	for (unsigned int i = 0; i < boot_info.module_count; i++)
		boot_info.modules[i].command_line = ""; /* the stage's memory goes */
	boot_info.command_line = "";
}
