/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the boot loader left in memory. */
#include "hypervisor/kernel/base/boot_info.h"
#include "hypervisor/arch/x86/paging.h"
#include "hypervisor/core/multiboot2.h"
#include "hypervisor/kernel/base/log.h"
#include "hypervisor/kernel/base/panic.h"

struct boot_info boot_info;
struct root_loader_handoff boot_handoff;
struct viridis_input_describe_machine machine;

extern char image_start_hpa[], image_end_hpa[];

/* The loader may have put its information anywhere, so it is copied before memory is handed out. */
void boot_info_read(uint32_t magic, uint32_t info_hpa)
{
	const char *fault;

	if (magic != MULTIBOOT2_BOOTLOADER_MAGIC)
		panic("not started by a Multiboot2 loader");
	memcpy(boot_handoff.info, frame_map(info_hpa), sizeof(boot_handoff.info));
	fault = multiboot2_read(boot_handoff.info, sizeof(boot_handoff.info), &boot_info);
	if (fault)
		panic("boot information: %s", fault);
	boot_image = (struct root_loader_range){ (uint64_t)image_start_hpa,
		                                 (uint64_t)image_end_hpa };
	if (!boot_info_add(&boot_info, boot_image.start, boot_image.end, MEMORY_TAKEN))
		panic("boot information: too many memory ranges");
	for (unsigned int i = 0; i < boot_info.range_count; i++)
		log_line("memory: %#lx-%#lx type %u", boot_info.ranges[i].start,
		         boot_info.ranges[i].end, boot_info.ranges[i].type);
}
