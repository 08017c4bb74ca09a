/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ACPI tables are the firmware's, which is trusted to mean well but not to be without faults: a
 * table is used only when its length and checksum are right, and its entries are read through a
 * cursor. Section numbers are those of the ACPI specification 6.4.
 */
#include "root-partition/loader/core/acpi.h"

#include <viridis/base/bits.h>
#include <viridis/base/cursor.h>

enum {
	RSDP_OLD_BYTES = 20,
	RSDP_NEW_BYTES = 36,
	HEADER_BYTES = 36, /* 5.2.6 */
	HEADER_LENGTH_AT = 4,
	HEADER_CHECKSUM_AT = 9,
	TABLE_MAX_BYTES = 1 << 24, /* our bound: a larger DSDT is not known */
};

#define NO_APIC_ID UINT32_MAX

/* A list of tables: the RSDT with entries of 4 bytes or the XSDT with entries of 8. */
struct root_table {
	uint8_t *bytes;
	size_t size;
	size_t entry_bytes;
};

static uint8_t sum(const uint8_t *bytes, size_t count)
{
	uint8_t total = 0;

	for (size_t i = 0; i < count; i++)
		total = (uint8_t)(total + bytes[i]);
	return total;
}

static uint64_t load_le(const uint8_t *bytes, size_t count)
{
	struct cursor c = cursor_over(bytes, count);

	return cursor_le(&c, count);
}

static uint32_t load_le32(const uint8_t *bytes)
{
	return (uint32_t)load_le(bytes, 4);
}

static void store_le(uint8_t *bytes, uint64_t value, size_t count)
{
	for (size_t i = 0; i < count; i++)
		bytes[i] = (uint8_t)(value >> (8 * i));
}

/* 5.2.5.3: revision 0 is 20 bytes; from 2 on there are 36, with a checksum of their own. */
bool acpi_rsdp_is_valid(const uint8_t *rsdp, size_t bytes)
{
	static const uint8_t signature[8] = "RSD PTR ";

	if (bytes < RSDP_OLD_BYTES || memcmp(rsdp, signature, sizeof(signature)) != 0)
		return false;
	if (sum(rsdp, RSDP_OLD_BYTES) != 0)
		return false;
	return rsdp[15] < 2 || bytes < RSDP_NEW_BYTES || sum(rsdp, RSDP_NEW_BYTES) == 0;
}

static void *map_bytes(const struct acpi_memory *memory, uint64_t hpa, size_t bytes)
{
	return hpa != 0 ? memory->map(memory->context, hpa, bytes) : NULL;
}

/* The whole table at `hpa`, its length and checksum proven. */
static enum acpi_status open_table(const struct acpi_memory *memory, uint64_t hpa,
                                   uint8_t **table, size_t *size)
{
	const uint8_t *header = map_bytes(memory, hpa, HEADER_BYTES);

	if (!header)
		return ACPI_BAD_TABLE;
	size_t length = load_le32(header + HEADER_LENGTH_AT);

	if (length < HEADER_BYTES || length > TABLE_MAX_BYTES)
		return ACPI_BAD_TABLE;
	*table = map_bytes(memory, hpa, length);
	if (!*table)
		return ACPI_BAD_TABLE;
	*size = length;
	return sum(*table, length) == 0 ? ACPI_OK : ACPI_BAD_CHECKSUM;
}

static enum acpi_status open_root_table(const struct acpi_memory *memory,
                                        const struct acpi_info *info, size_t entry_bytes,
                                        struct root_table *root)
{
	bool wide = entry_bytes == 8;

	if (wide && (info->rsdp_bytes < RSDP_NEW_BYTES || info->rsdp[15] < 2))
		return ACPI_NOT_FOUND;
	uint64_t hpa = wide ? load_le(info->rsdp + 24, 8) : load_le32(info->rsdp + 16);

	root->entry_bytes = entry_bytes;
	return open_table(memory, hpa, &root->bytes, &root->size);
}

static size_t root_table_count(const struct root_table *root)
{
	return (root->size - HEADER_BYTES) / root->entry_bytes;
}

static uint64_t root_table_entry(const struct root_table *root, size_t index)
{
	return load_le(root->bytes + HEADER_BYTES + index * root->entry_bytes,
	               root->entry_bytes);
}

/* A table as the readers want it: found, its length and checksum proven. */
struct table {
	uint64_t hpa;
	uint8_t *bytes;
	size_t size;
};

static enum acpi_status find_table(const struct acpi_memory *memory,
                                   const struct acpi_info *info, const char signature[4],
                                   struct table *table)
{
	struct root_table root;

	if (!acpi_rsdp_is_valid(info->rsdp, info->rsdp_bytes))
		return ACPI_NO_RSDP;
	/* 5.2.8: the XSDT supersedes the RSDT. */
	enum acpi_status status = open_root_table(memory, info, 8, &root);

	if (status != ACPI_OK)
		status = open_root_table(memory, info, 4, &root);
	if (status != ACPI_OK)
		return status;
	for (size_t i = 0; i < root_table_count(&root); i++) {
		const uint8_t *header;

		table->hpa = root_table_entry(&root, i);
		header = map_bytes(memory, table->hpa, HEADER_BYTES);
		if (header && memcmp(header, signature, 4) == 0 &&
		    open_table(memory, table->hpa, &table->bytes, &table->size) ==
		            ACPI_OK)
			return ACPI_OK;
	}
	return ACPI_NOT_FOUND;
}

enum acpi_status acpi_find_table(const struct acpi_memory *memory,
                                 const struct acpi_info *info, const char signature[4],
                                 uint64_t *hpa)
{
	struct table table;
	enum acpi_status status = find_table(memory, info, signature, &table);

	*hpa = status == ACPI_OK ? table.hpa : 0;
	return status;
}

static void root_table_remove(struct root_table *root, uint64_t hpa)
{
	size_t kept = 0;

	for (size_t i = 0; i < root_table_count(root); i++) {
		uint64_t entry = root_table_entry(root, i);

		if (entry == hpa)
			continue;
		store_le(root->bytes + HEADER_BYTES + kept * root->entry_bytes, entry,
		         root->entry_bytes);
		kept++;
	}
	size_t size = HEADER_BYTES + kept * root->entry_bytes;

	store_le(root->bytes + HEADER_LENGTH_AT, size, 4);
	root->bytes[HEADER_CHECKSUM_AT] = 0;
	root->bytes[HEADER_CHECKSUM_AT] = (uint8_t)-sum(root->bytes, size);
}

void acpi_hide_table(const struct acpi_memory *memory, const struct acpi_info *info,
                     uint64_t table_hpa)
{
	static const size_t entry_bytes[] = { 4, 8 };
	struct root_table root;

	for (size_t i = 0; i < ARRAY_COUNT(entry_bytes); i++)
		if (open_root_table(memory, info, entry_bytes[i], &root) == ACPI_OK)
			root_table_remove(&root, table_hpa);
}

static bool is_listed(const struct acpi_info *info, uint32_t apic_id)
{
	for (unsigned int i = 0; i < info->cpu_count; i++)
		if (info->cpus[i].apic_id == apic_id)
			return true;
	return false;
}

/* A second entry for a CPU, as firmware writes that lists it in both kinds, is no second CPU. */
static enum acpi_status add_cpu(struct acpi_info *info, uint32_t apic_id, uint32_t flags)
{
	/* 5.2.12.2: bit 0 enabled; a CPU that could only be plugged in later is not ours. */
	if (!(flags & 1) || apic_id == NO_APIC_ID || is_listed(info, apic_id))
		return ACPI_OK;
	if (info->cpu_count == ACPI_MAX_CPUS)
		return ACPI_TOO_MANY;
	info->cpus[info->cpu_count++].apic_id = apic_id;
	return ACPI_OK;
}

static enum acpi_status add_ioapic(struct acpi_info *info, struct cursor *entry)
{
	struct acpi_ioapic ioapic = { .id = cursor_u8(entry) };

	cursor_skip(entry, 1);
	ioapic.hpa = cursor_le32(entry);
	ioapic.gsi_base = cursor_le32(entry);
	if (entry->overrun)
		return ACPI_BAD_TABLE;
	if (info->ioapic_count == ACPI_MAX_IOAPICS)
		return ACPI_TOO_MANY;
	info->ioapics[info->ioapic_count++] = ioapic;
	return ACPI_OK;
}

/* One interrupt controller structure, past its type and length. 5.2.12.2, 5.2.12.3, 5.2.12.12 */
static enum acpi_status read_madt_entry(struct acpi_info *info, uint8_t type,
                                        struct cursor *entry)
{
	enum { MADT_LAPIC = 0, MADT_IOAPIC = 1, MADT_X2APIC = 9 };
	uint32_t apic_id;

	switch (type) {
	case MADT_LAPIC:
		cursor_skip(entry, 1); /* ACPI processor uid */
		apic_id = cursor_u8(entry);
		if (apic_id == UINT8_MAX) /* that of all; 255 has the larger entry */
			apic_id = NO_APIC_ID;
		break;
	case MADT_X2APIC:
		cursor_skip(entry, 2); /* reserved */
		apic_id = cursor_le32(entry);
		break;
	case MADT_IOAPIC:
		return add_ioapic(info, entry);
	default:
		return ACPI_OK;
	}
	uint32_t flags = cursor_le32(entry);

	return entry->overrun ? ACPI_BAD_TABLE : add_cpu(info, apic_id, flags);
}

/* The structures of a table behind its fixed part, each with a type and a length of u8 each. */
static enum acpi_status read_madt(const struct acpi_memory *memory,
                                  struct acpi_info *info)
{
	struct table madt;
	enum acpi_status status = find_table(memory, info, "APIC", &madt);

	if (status != ACPI_OK)
		return status;
	struct cursor all = cursor_over(madt.bytes, madt.size);

	cursor_skip(&all, HEADER_BYTES + 8); /* local APIC address, flags */
	while (status == ACPI_OK && cursor_left(&all) > 0 && !all.overrun) {
		uint8_t type = cursor_u8(&all);
		uint8_t bytes = cursor_u8(&all);

		if (bytes < 2 || bytes - 2u > cursor_left(&all))
			return ACPI_BAD_TABLE;
		struct cursor entry =
			cursor_over(cursor_take(&all, bytes - 2u), bytes - 2u);

		status = read_madt_entry(info, type, &entry);
	}
	return all.overrun ? ACPI_BAD_TABLE : status;
}

/* AML: a byte constant is 0x0a and the byte; 0 and 1 are opcodes of their own. 20.2.3 */
static uint8_t read_aml_byte(struct cursor *aml)
{
	uint8_t opcode = cursor_u8(aml);

	return opcode == 0x0a ? cursor_u8(aml) : opcode;
}

/* A package at the cursor, as \_S5 names it: PackageOp, PkgLength, count, SLP_TYPa, SLP_TYPb. */
static bool read_s5_package(struct cursor aml, struct acpi_info *info)
{
	if (cursor_u8(&aml) != 0x12)
		return false;
	cursor_skip(&aml, cursor_u8(&aml) >> 6); /* 20.2.4: further bytes of the length */
	uint8_t count = cursor_u8(&aml);
	uint8_t a = read_aml_byte(&aml);
	uint8_t b = count >= 2 ? read_aml_byte(&aml) : 0;

	if (aml.overrun || count == 0 || a > 7 || b > 7)
		return false;
	info->s5_found = true;
	info->s5_type_a = a;
	info->s5_type_b = b;
	return true;
}

/* Without an AML interpreter: the first object of that name that is a plain package. 7.4.2 */
static void read_dsdt(const struct acpi_memory *memory, uint64_t hpa,
                      struct acpi_info *info)
{
	uint8_t *table;
	size_t size;

	if (open_table(memory, hpa, &table, &size) != ACPI_OK)
		return;
	for (size_t i = HEADER_BYTES; size - i > 4; i++)
		if (memcmp(table + i, "_S5_", 4) == 0 &&
		    read_s5_package(cursor_over(table + i + 4, size - i - 4), info))
			return;
}

/* A generic address structure, 5.2.3.2: space, width, offset, access size, address. */
static void read_reset(const uint8_t *gas, uint8_t value, struct acpi_info *info)
{
	info->reset.is_memory = gas[0] == 0;
	info->reset.usable = gas[0] <=
	                     1; /* memory or I/O; PCI configuration space is not */
	info->reset.address = load_le(gas + 4, 8);
	info->reset.value = value;
}

/* 5.2.9. The 32-bit fields are used: power ports of PCs are I/O ports below 64 KiB. */
static void read_fadt(const struct acpi_memory *memory, struct acpi_info *info)
{
	enum { DSDT = 40, PM1A = 64, PM1B = 68, PM_TIMER = 76, FLAGS = 112, RESET = 116 };
	enum { RESET_VALUE = 128, X_DSDT = 140, RESET_SUPPORTED = 1 << 10 };
	struct table table;

	if (find_table(memory, info, "FACP", &table) != ACPI_OK || table.size < RESET)
		return;
	const uint8_t *fadt = table.bytes;
	size_t size = table.size;
	uint32_t flags = load_le32(fadt + FLAGS);

	info->pm1a_control = (uint16_t)load_le32(fadt + PM1A);
	info->pm1b_control = (uint16_t)load_le32(fadt + PM1B);
	info->pm_timer_port = (uint16_t)load_le32(fadt + PM_TIMER);
	if (size > RESET_VALUE && (flags & RESET_SUPPORTED))
		read_reset(fadt + RESET, fadt[RESET_VALUE], info);
	uint64_t dsdt = size >= X_DSDT + 8 ? load_le(fadt + X_DSDT, 8) : 0;

	read_dsdt(memory, dsdt != 0 ? dsdt : load_le32(fadt + DSDT), info);
}

static void add_iommu(struct acpi_info *info, uint64_t hpa, uint64_t bytes)
{
	for (unsigned int i = 0; i < info->iommu_count; i++)
		if (info->iommus[i].hpa == hpa)
			return; /* an IVRS names one IOMMU in blocks of several types */
	if (hpa != 0 && info->iommu_count < ACPI_MAX_IOMMUS)
		info->iommus[info->iommu_count++] = (struct acpi_iommu){ hpa, bytes };
}

/* Intel VT-d specification 8.3: a DRHD has its register base at 8, its size as a power at 5. */
static void read_dmar_unit(struct acpi_info *info, uint16_t type, const uint8_t *unit,
                           size_t bytes)
{
	if (type == 0 && bytes >= 16)
		add_iommu(info, load_le(unit + 8, 8), PAGE_4K << (unit[5] & 15));
}

/*
 * AMD I/O Virtualization specification 5.2.2: IVHD blocks of types 10h, 11h and 40h have the
 * register base at 8. The window is 16 KiB, or 512 KiB with performance counters, which only the
 * registers themselves tell; it is aligned to its size, so an aligned base counts as the large one.
 */
static void read_ivrs_unit(struct acpi_info *info, uint16_t type, const uint8_t *unit,
                           size_t bytes)
{
	if ((type == 0x10 || type == 0x11 || type == 0x40) && bytes >= 16) {
		uint64_t hpa = load_le(unit + 8, 8);

		add_iommu(info, hpa, is_aligned(hpa, 0x80000) ? 0x80000 : 0x4000);
	}
}

/* Both tables have 12 bytes behind the header, then units with a type and length. */
static uint64_t read_iommus(const struct acpi_memory *memory, struct acpi_info *info,
                            const char signature[4], size_t type_bytes,
                            void (*read_unit)(struct acpi_info *, uint16_t,
                                              const uint8_t *, size_t))
{
	struct table table;

	if (find_table(memory, info, signature, &table) != ACPI_OK)
		return 0;
	for (size_t at = HEADER_BYTES + 12; table.size > at && table.size - at >= 4;) {
		const uint8_t *unit = table.bytes + at;
		size_t bytes = (size_t)load_le(unit + 2, 2);

		if (bytes < 4 || bytes > table.size - at)
			break;
		read_unit(info, (uint16_t)load_le(unit, type_bytes), unit, bytes);
		at += bytes;
	}
	return table.hpa;
}

enum acpi_status acpi_read(const struct acpi_memory *memory, struct acpi_info *info)
{
	enum acpi_status status = read_madt(memory, info);

	if (status != ACPI_OK)
		return status;
	read_fadt(memory, info);
	info->dmar_hpa = read_iommus(memory, info, "DMAR", 2, read_dmar_unit);
	info->ivrs_hpa = read_iommus(memory, info, "IVRS", 1, read_ivrs_unit);
	return ACPI_OK;
}

const char *acpi_status_name(enum acpi_status status)
{
	static const char *const names[] = {
		[ACPI_OK] = "no error",
		[ACPI_NO_RSDP] = "no valid RSDP",
		[ACPI_BAD_CHECKSUM] = "wrong checksum",
		[ACPI_BAD_TABLE] = "malformed table",
		[ACPI_NOT_FOUND] = "table not found",
		[ACPI_TOO_MANY] = "more CPUs or I/O APICs than supported",
	};

	return names[status];
}
