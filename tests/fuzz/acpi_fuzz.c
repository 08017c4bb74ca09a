/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as a firmware's memory. Sums are mended as memory is shown, else no input would come
 * past the first one; hiding a table must leave a list in which it is not found.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "root-partition/loader/core/acpi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct firmware {
	uint8_t *bytes;
	size_t size;
};

static void *show(void *context, uint64_t hpa, size_t count)
{
	struct firmware *firmware = context;

	if (hpa > firmware->size || count > firmware->size - hpa)
		return NULL;
	return firmware->bytes + hpa;
}

static void *show_mended(void *context, uint64_t hpa, size_t count)
{
	uint8_t *table = show(context, hpa, count);
	uint8_t total = 0;

	if (!table)
		return NULL;
	for (size_t i = 0; i < count; i++)
		total = (uint8_t)(total + table[i]);
	if (count > 36)
		table[9] = (uint8_t)(table[9] - total);
	return table;
}

static void set_rsdp(struct acpi_info *info, const uint8_t *data)
{
	uint8_t total = 0;

	memcpy(info->rsdp, data, BOOT_RSDP_BYTES);
	memcpy(info->rsdp, "RSD PTR ", 8);
	info->rsdp[15] = data[15] & 2;
	info->rsdp_bytes = BOOT_RSDP_BYTES;
	info->rsdp[8] = info->rsdp[32] = 0;
	for (int i = 0; i < 20; i++)
		total = (uint8_t)(total + info->rsdp[i]);
	info->rsdp[8] = (uint8_t)-total;
	total = 0;
	for (int i = 20; i < BOOT_RSDP_BYTES; i++)
		total = (uint8_t)(total + info->rsdp[i]);
	info->rsdp[32] = (uint8_t)-total;
}

/* Who reads the list afterwards, and mends nothing, finds another table of that name or none. */
static void hide(const struct acpi_memory *memory, const struct acpi_info *info,
                 const char *signature, uint64_t table_hpa)
{
	const struct acpi_memory as_it_is = { show, memory->context };
	uint64_t found;

	if (table_hpa == 0)
		return;
	acpi_hide_table(memory, info, table_hpa);
	if (acpi_find_table(&as_it_is, info, signature, &found) == ACPI_OK &&
	    found == table_hpa)
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct firmware firmware = { malloc(size), size };
	const struct acpi_memory memory = { show_mended, &firmware };
	struct acpi_info info = { 0 };

	if (size >= BOOT_RSDP_BYTES) {
		memcpy(firmware.bytes, data, size);
		set_rsdp(&info, data);
		if (acpi_read(&memory, &info) == ACPI_OK) {
			hide(&memory, &info, "DMAR", info.dmar_hpa);
			hide(&memory, &info, "IVRS", info.ivrs_hpa);
		}
	}
	free(firmware.bytes);
	return 0;
}
