/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The boot stage: reads what the boot loader and the firmware left in memory, once, before there is a
 * hypervisor. It runs where it was loaded, on boot.S's identity map of 4 GiB, and is not mapped any
 * more when the first guest runs.
 */
#include <stddef.h>
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "hypervisor/boot/core/acpi.h"
#include "hypervisor/boot/core/multiboot2.h"
#include "hypervisor/boot/stop.h"
#include "hypervisor/kernel/boot_info.h"

#define MAPPED_END UINT64_C(0x100000000) /* boot.S maps no more */

/* The loader's values of EAX and EBX; called by entry.S alone. */
struct boot_handoff *boot_stage(uint32_t magic, uint32_t info_hpa);

static struct boot_handoff handoff;

static _Noreturn void stop(const char *why)
{
	boot_stop("viridis boot", why);
}

/* The loader may have put its information anywhere, so it is copied before memory is handed out. */
static void read_loader(uint32_t info_hpa)
{
	const void *from = (const void *)(uint64_t)info_hpa;
	enum multiboot2_status status;
	uint32_t bytes;

	memcpy(&bytes, from, sizeof(bytes));
	if (bytes > sizeof(handoff.loader_info) ||
	    info_hpa > MAPPED_END - sizeof(handoff.loader_info))
		stop("the boot information is too long");
	memcpy(handoff.loader_info, from, bytes);
	status = multiboot2_read(handoff.loader_info, bytes, &handoff.info);
	if (status != MULTIBOOT2_OK)
		stop(multiboot2_status_name(status));
}

static void *map(void *context, uint64_t hpa, size_t bytes)
{
	(void)context; /* there is one memory */
	return hpa < MAPPED_END && bytes <= MAPPED_END - hpa ? (void *)hpa : NULL;
}

/* IOMMUs are the hypervisor's: whoever looks next finds no word of them. */
static void read_acpi(void)
{
	const struct acpi_memory memory = { .map = map };
	enum acpi_status status = acpi_read(&memory, &handoff.info);

	if (status != ACPI_OK)
		stop(acpi_status_name(status));
	if (handoff.info.dmar_hpa != 0)
		acpi_hide_table(&memory, &handoff.info, handoff.info.dmar_hpa);
	if (handoff.info.ivrs_hpa != 0)
		acpi_hide_table(&memory, &handoff.info, handoff.info.ivrs_hpa);
}

struct boot_handoff *boot_stage(uint32_t magic, uint32_t info_hpa)
{
	if (magic != MULTIBOOT2_BOOTLOADER_MAGIC)
		stop("not started by a Multiboot2 loader");
	read_loader(info_hpa);
	read_acpi();
	return &handoff;
}
