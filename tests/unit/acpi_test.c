/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The loader's core/acpi against a small firmware built here: 64 KiB of "physical memory" at BASE. */
#include "tests/unit/unit.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include "root-partition/loader/core/acpi.h"

enum { BASE = 0xe0000, BYTES = 0x10000 };
enum { RSDT = 0x1000, XSDT = 0x1100, MADT = 0x2000, FADT = 0x3000, DSDT = 0x4000 };
enum { DMAR = 0x5000, IVRS = 0x6000 };

/* The largest table there may be, and one byte more. */
enum { LARGE = 0x10000000, LARGE_BYTES = (1 << 24) + 1 };

static uint8_t bytes[BYTES];
static uint8_t *large;
static struct acpi_info info;

static void *show(void *context, uint64_t hpa, size_t count)
{
	(void)context;
	ck_assert_uint_ne(hpa, 0); /* the sign of no table */
	if (hpa == LARGE)
		return count <= LARGE_BYTES ? large : NULL;
	if (hpa < BASE || hpa - BASE > BYTES || count > BYTES - (hpa - BASE))
		return NULL;
	return bytes + (hpa - BASE);
}

static const struct acpi_memory memory = { .map = show };

static void put(unsigned int at, uint64_t value, unsigned int count)
{
	memcpy(bytes + at, &value, count);
}

static uint8_t sum(unsigned int at, unsigned int count)
{
	uint8_t total = 0;

	for (unsigned int i = 0; i < count; i++)
		total = (uint8_t)(total + bytes[at + i]);
	return total;
}

static void seal(unsigned int at, const char *signature, unsigned int length)
{
	memcpy(bytes + at, signature, 4);
	put(at + 4, length, 4);
	bytes[at + 9] = 0;
	bytes[at + 9] = (uint8_t)-sum(at, length);
}

static unsigned int table_length(unsigned int at)
{
	uint32_t length;

	memcpy(&length, bytes + at + 4, 4);
	return length;
}

static void build_rsdp(unsigned int revision)
{
	memcpy(bytes, "RSD PTR ", 8);
	bytes[15] = (uint8_t)revision;
	put(16, BASE + RSDT, 4);
	put(20, 36, 4);
	put(24, BASE + XSDT, 8);
	bytes[8] = 0;
	bytes[8] = (uint8_t)-sum(0, 20);
	bytes[32] = 0;
	bytes[32] = (uint8_t)-sum(0, 36);
	memcpy(info.rsdp, bytes, 36);
	info.rsdp_bytes = revision < 2 ? 20 : 36;
}

static void build_root_tables(void)
{
	static const unsigned int tables[] = { FADT, MADT, DMAR, IVRS };

	for (unsigned int i = 0; i < 4; i++) {
		put(RSDT + 36 + 4 * i, BASE + tables[i], 4);
		put(XSDT + 36 + 8 * i, BASE + tables[i], 8);
	}
	seal(RSDT, "RSDT", 36 + 4 * 4);
	seal(XSDT, "XSDT", 36 + 8 * 4);
}

/* CPUs 0 and 1, one that is not enabled, one with an x2APIC entry; an I/O APIC; an NMI source. */
static void build_madt(void)
{
	static const uint8_t entries[] = {
		0, 8, 0,    0, 1, 0,  0, 0,  0,    8, 1, 1, 1,    0,    0,  0, 0, 8, 2, 2,
		0, 0, 0,    0, 9, 16, 0, 0,  0x2c, 1, 0, 0, 1,    0,    0,  0, 3, 0, 0, 0,
		4, 6, 0xff, 0, 0, 1,  1, 12, 5,    0, 0, 0, 0xc0, 0xfe, 24, 0, 0, 0,
	};

	memcpy(bytes + MADT + 44, entries, sizeof(entries));
	seal(MADT, "APIC", 44 + sizeof(entries));
}

static void build_fadt(void)
{
	static const uint8_t s5[] = { 0x08, '_',  'S',  '5',  '_',  0x12, 0x06,
		                      0x04, 0x0a, 0x05, 0x01, 0x00, 0x00 };

	memcpy(bytes + DSDT + 50, s5, sizeof(s5));
	seal(DSDT, "DSDT", 50 + sizeof(s5));
	put(FADT + 40, BASE + DSDT, 4);
	put(FADT + 64, 0x604, 4);
	put(FADT + 68, 0x12345704, 4); /* the ports are 16 bits of 32 */
	put(FADT + 76, 0x608, 4);
	put(FADT + 112, 1 << 10, 4);
	bytes[FADT + 116] = 1; /* I/O */
	put(FADT + 120, 0xcf9, 8);
	bytes[FADT + 128] = 0x0f;
	seal(FADT, "FACP", 244);
}

static void build_iommus(void)
{
	put(DMAR + 48, 0, 2); /* DRHD */
	put(DMAR + 50, 16, 2);
	put(DMAR + 56, 0xfed90000, 8);
	seal(DMAR, "DMAR", 64);
	for (unsigned int at = IVRS + 48, i = 0; i < 2; i++, at += 24) {
		bytes[at] = i == 0 ? 0x10 : 0x11;
		put(at + 2, 24, 2);
		put(at + 8, 0xfebf4000, 8);
	}
	seal(IVRS, "IVRS", 48 + 2 * 24);
}

static void build(void)
{
	memset(bytes, 0, sizeof(bytes));
	memset(&info, 0, sizeof(info));
	build_rsdp(2);
	build_root_tables();
	build_madt();
	build_fadt();
	build_iommus();
}

START_TEST(a_machine_is_read_from_its_tables)
{
	ck_assert_int_eq(acpi_read(&memory, &info), ACPI_OK);
	ck_assert_uint_eq(info.cpu_count, 3);
	ck_assert_uint_eq(info.cpus[1].apic_id, 1);
	ck_assert_uint_eq(info.cpus[2].apic_id, 0x12c);
	ck_assert_uint_eq(info.ioapic_count, 1);
	ck_assert_uint_eq(info.ioapics[0].hpa, 0xfec00000);
	ck_assert_uint_eq(info.ioapics[0].gsi_base, 24);
	ck_assert_uint_eq(info.ioapics[0].id, 5);
	ck_assert_uint_eq(info.pm1a_control, 0x604);
	ck_assert_uint_eq(info.pm1b_control, 0x5704);
	ck_assert_uint_eq(info.pm_timer_port, 0x608);
	ck_assert(info.reset.usable && !info.reset.is_memory);
	ck_assert_uint_eq(info.reset.address, 0xcf9);
	ck_assert_uint_eq(info.reset.value, 0x0f);
	ck_assert(info.s5_found);
	ck_assert_uint_eq(info.s5_type_a, 5);
	ck_assert_uint_eq(info.s5_type_b, 1);
}
END_TEST

START_TEST(iommus_are_found_once_each)
{
	ck_assert_int_eq(acpi_read(&memory, &info), ACPI_OK);
	ck_assert_uint_eq(info.iommu_count, 2);
	ck_assert_uint_eq(info.iommus[0].hpa, 0xfed90000);
	ck_assert_uint_eq(info.iommus[0].bytes, 0x1000);
	ck_assert_uint_eq(info.iommus[1].hpa, 0xfebf4000);
	ck_assert_uint_eq(info.iommus[1].bytes, 0x4000);
	ck_assert_uint_eq(info.dmar_hpa, BASE + DMAR);
	ck_assert_uint_eq(info.ivrs_hpa, BASE + IVRS);
}
END_TEST

/* An AMD IOMMU's window is as large as its base's alignment allows. */
START_TEST(a_window_of_an_amd_iommu_is_aligned_to_its_size)
{
	static const struct acpi_iommu windows[] = {
		{ 0xfeb80000, 0x80000 },
		{ 0xfeb04000, 0x4000 },
		{ 0xfeb40000, 0x4000 },
	};

	put(IVRS + 48 + 8, windows[_i].hpa, 8);
	seal(IVRS, "IVRS", 48 + 2 * 24);
	ck_assert_int_eq(acpi_read(&memory, &info), ACPI_OK);
	ck_assert_uint_eq(info.iommus[1].hpa, windows[_i].hpa);
	ck_assert_uint_eq(info.iommus[1].bytes, windows[_i].bytes);
}
END_TEST

START_TEST(an_old_rsdp_leads_through_the_rsdt)
{
	build_rsdp(0);
	memset(bytes + XSDT, 0xff, 64);
	ck_assert_int_eq(acpi_read(&memory, &info), ACPI_OK);
	ck_assert_uint_eq(info.cpu_count, 3);
}
END_TEST

START_TEST(a_broken_xsdt_leaves_the_rsdt)
{
	bytes[XSDT + 36] ^= 1;
	ck_assert_int_eq(acpi_read(&memory, &info), ACPI_OK);
}
END_TEST

START_TEST(an_rsdp_counts_by_its_sums_and_its_length)
{
	ck_assert(acpi_rsdp_is_valid(bytes, 36));
	ck_assert(acpi_rsdp_is_valid(bytes, 35));
	ck_assert(acpi_rsdp_is_valid(bytes, 20));
	ck_assert(!acpi_rsdp_is_valid(bytes, 19));
	bytes[33] ^= 1; /* in the part that revision 2 added */
	ck_assert(!acpi_rsdp_is_valid(bytes, 36));
	ck_assert(acpi_rsdp_is_valid(bytes, 35));
	build_rsdp(1);
	bytes[33] ^= 1;
	ck_assert(acpi_rsdp_is_valid(bytes, 36));
	bytes[19] ^= 1;
	ck_assert(!acpi_rsdp_is_valid(bytes, 20));
	bytes[19] ^= 1;
	bytes[7] = '_';
	bytes[8] = (uint8_t)(bytes[8] + ' ' - '_');
	ck_assert(!acpi_rsdp_is_valid(bytes, 20));
}
END_TEST

/* Only the XSDT names the DMAR here. */
START_TEST(the_xsdt_is_for_an_rsdp_that_has_room_for_it)
{
	static const struct {
		unsigned int revision, rsdp_bytes;
		enum acpi_status status;
	} cases[] = {
		{ 2, 36, ACPI_OK },        { 3, 36, ACPI_OK },
		{ 1, 36, ACPI_NOT_FOUND }, { 2, 35, ACPI_NOT_FOUND },
		{ 2, 20, ACPI_NOT_FOUND },
	};
	uint64_t hpa = 1;

	seal(RSDT, "RSDT", 36 + 4 * 2);
	build_rsdp(cases[_i].revision);
	info.rsdp_bytes = cases[_i].rsdp_bytes;
	ck_assert_int_eq(acpi_find_table(&memory, &info, "DMAR", &hpa), cases[_i].status);
	ck_assert_uint_eq(hpa, cases[_i].status == ACPI_OK ? BASE + DMAR : 0);
	ck_assert_int_eq(acpi_find_table(&memory, &info, "APIC", &hpa), ACPI_OK);
}
END_TEST

START_TEST(without_a_root_table_there_is_its_reason)
{
	uint64_t hpa;

	put(16, 0, 4); /* no RSDT at all, and then no XSDT */
	put(24, 0, 8);
	memcpy(info.rsdp, bytes, 36);
	ck_assert_int_eq(acpi_read(&memory, &info), ACPI_NO_RSDP);
	bytes[8] = (uint8_t)(bytes[8] - sum(0, 20));
	bytes[32] = (uint8_t)(bytes[32] - sum(0, 36));
	memcpy(info.rsdp, bytes, 36);
	ck_assert_int_eq(acpi_read(&memory, &info), ACPI_BAD_TABLE);
	build();
	bytes[XSDT + 36] ^= 1;
	put(RSDT + 4, 35, 4);
	ck_assert_int_eq(acpi_find_table(&memory, &info, "APIC", &hpa), ACPI_BAD_TABLE);
	put(RSDT + 4, BYTES, 4);
	ck_assert_int_eq(acpi_find_table(&memory, &info, "APIC", &hpa), ACPI_BAD_TABLE);
	seal(RSDT, "RSDT", 36);
	ck_assert_int_eq(acpi_find_table(&memory, &info, "APIC", &hpa), ACPI_NOT_FOUND);
	bytes[RSDT + 9] ^= 1;
	ck_assert_int_eq(acpi_find_table(&memory, &info, "APIC", &hpa),
	                 ACPI_BAD_CHECKSUM);
}
END_TEST

START_TEST(entries_that_name_nothing_are_passed_over)
{
	put(XSDT + 36, 0, 8);
	put(XSDT + 44, BASE + BYTES, 8);
	put(XSDT + 52, BASE + MADT, 8);
	seal(XSDT, "XSDT", 36 + 8 * 4);
	ck_assert_int_eq(acpi_read(&memory, &info), ACPI_OK);
	ck_assert_uint_eq(info.cpu_count, 3);
	seal(XSDT, "XSDT", 36 + 8 * 3 - 1); /* no whole third entry */
	ck_assert_int_eq(acpi_read(&memory, &info), ACPI_NOT_FOUND);
}
END_TEST

START_TEST(a_table_may_have_16_mib_and_no_more)
{
	uint64_t hpa;
	uint32_t length = 1 << 24;

	large = calloc(LARGE_BYTES, 1);
	memcpy(large, "APIC", 4);
	memcpy(large + 4, &length, 4);
	large[9] = (uint8_t) - ('A' + 'P' + 'I' + 'C' + 1);
	put(XSDT + 36, LARGE, 8);
	seal(XSDT, "XSDT", 44);
	ck_assert_int_eq(acpi_find_table(&memory, &info, "APIC", &hpa), ACPI_OK);
	large[4] = 1;
	large[9]--;
	ck_assert_int_eq(acpi_find_table(&memory, &info, "APIC", &hpa), ACPI_NOT_FOUND);
	free(large);
	large = NULL;
}
END_TEST

START_TEST(a_table_with_a_wrong_sum_counts_as_absent)
{
	bytes[MADT + 60] ^= 1;
	ck_assert_int_eq(acpi_read(&memory, &info), ACPI_NOT_FOUND);
}
END_TEST

START_TEST(a_table_that_claims_to_be_longer_than_memory_is_not_read)
{
	static const uint32_t evil[] = { 0, 35, 0xf001, 0x1000001, 0xffffffff };

	put(MADT + 4, evil[_i], 4);
	ck_assert_int_ne(acpi_read(&memory, &info), ACPI_OK);
}
END_TEST

START_TEST(a_madt_entry_without_length_ends_the_walk)
{
	static const uint8_t evil[] = { 0, 1, 255 };

	bytes[MADT + 45] = evil[_i];
	seal(MADT, "APIC", table_length(MADT));
	ck_assert_int_eq(acpi_read(&memory, &info), ACPI_BAD_TABLE);
}
END_TEST

/* One structure, and behind it bytes that would complete it. */
START_TEST(a_madt_entry_has_room_for_its_fields)
{
	static const struct {
		uint8_t type, bytes;
		enum acpi_status status;
	} cases[] = {
		{ 0, 8, ACPI_OK },  { 0, 7, ACPI_BAD_TABLE },  { 0, 2, ACPI_BAD_TABLE },
		{ 1, 12, ACPI_OK }, { 1, 11, ACPI_BAD_TABLE }, { 1, 2, ACPI_BAD_TABLE },
		{ 9, 12, ACPI_OK }, { 9, 11, ACPI_BAD_TABLE }, { 9, 16, ACPI_OK },
		{ 4, 2, ACPI_OK },  { 4, 1, ACPI_BAD_TABLE },
	};
	uint8_t type = cases[_i].type;

	memset(bytes + MADT + 44, 1, 64);
	bytes[MADT + 44] = type;
	bytes[MADT + 45] = cases[_i].bytes;
	/* Another one, which counts for nothing. */
	bytes[MADT + 44 + cases[_i].bytes] = 4;
	bytes[MADT + 45 + cases[_i].bytes] = 6;
	seal(MADT, "APIC", 44 + cases[_i].bytes + 6u);
	ck_assert_int_eq(acpi_read(&memory, &info), cases[_i].status);
	if (cases[_i].status != ACPI_OK)
		return;
	ck_assert_uint_eq(info.cpu_count, type == 0 || type == 9 ? 1 : 0);
	ck_assert_uint_eq(info.ioapic_count, type == 1 ? 1 : 0);
}
END_TEST

START_TEST(a_madt_ends_with_an_entry_or_its_fixed_part)
{
	static const struct {
		unsigned int length;
		enum acpi_status status;
	} cases[] = {
		{ 36, ACPI_BAD_TABLE }, { 43, ACPI_BAD_TABLE }, { 44, ACPI_OK },
		{ 45, ACPI_BAD_TABLE }, { 46, ACPI_BAD_TABLE }, { 51, ACPI_BAD_TABLE },
		{ 52, ACPI_OK },
	};

	seal(MADT, "APIC", cases[_i].length);
	ck_assert_int_eq(acpi_read(&memory, &info), cases[_i].status);
	ck_assert_uint_eq(info.cpu_count, cases[_i].length == 52 ? 1 : 0);
}
END_TEST

START_TEST(a_cpu_counts_when_it_is_enabled)
{
	static const uint32_t flags[] = { 0, 1, 2, 3, 0xfffffffe };

	put(MADT + 48, flags[_i], 4);
	seal(MADT, "APIC", 52);
	ck_assert_int_eq(acpi_read(&memory, &info), ACPI_OK);
	ck_assert_uint_eq(info.cpu_count, flags[_i] & 1);
}
END_TEST

START_TEST(cpus_are_taken_as_far_as_there_is_room)
{
	for (unsigned int i = 0; i <= ACPI_MAX_CPUS; i++)
		put(MADT + 44 + 8 * i, 0x0800 | (uint64_t)i << 24 | 1ull << 32, 8);
	seal(MADT, "APIC", 44 + 8 * ACPI_MAX_CPUS);
	ck_assert_int_eq(acpi_read(&memory, &info), ACPI_OK);
	ck_assert_uint_eq(info.cpu_count, ACPI_MAX_CPUS);
	ck_assert_uint_eq(info.cpus[ACPI_MAX_CPUS - 1].apic_id, ACPI_MAX_CPUS - 1);
	info.cpu_count = 0;
	seal(MADT, "APIC", 44 + 8 * (ACPI_MAX_CPUS + 1));
	ck_assert_int_eq(acpi_read(&memory, &info), ACPI_TOO_MANY);
	ck_assert_uint_eq(info.cpu_count, ACPI_MAX_CPUS);
}
END_TEST

START_TEST(io_apics_are_taken_as_far_as_there_is_room)
{
	for (unsigned int i = 0; i <= ACPI_MAX_IOAPICS; i++) {
		put(MADT + 44 + 12 * i, 0x0c01 | (uint64_t)i << 16 | 0xabull << 24, 4);
		put(MADT + 48 + 12 * i, 0xfec00000 + 0x1000 * i, 4);
		put(MADT + 52 + 12 * i, 24 * i, 4);
	}
	seal(MADT, "APIC", 44 + 12 * ACPI_MAX_IOAPICS);
	ck_assert_int_eq(acpi_read(&memory, &info), ACPI_OK);
	ck_assert_uint_eq(info.ioapic_count, ACPI_MAX_IOAPICS);
	ck_assert_uint_eq(info.ioapics[7].hpa, 0xfec07000);
	ck_assert_uint_eq(info.ioapics[7].gsi_base, 168);
	ck_assert_uint_eq(info.ioapics[7].id, 7);
	info.ioapic_count = 0;
	seal(MADT, "APIC", 44 + 12 * (ACPI_MAX_IOAPICS + 1));
	ck_assert_int_eq(acpi_read(&memory, &info), ACPI_TOO_MANY);
}
END_TEST

/* What a FADT is long enough for. */
START_TEST(a_fadt_is_read_as_far_as_it_goes)
{
	static const struct {
		unsigned int length;
		bool ports, reset, x_dsdt;
	} cases[] = {
		{ 115, false, false, false }, { 116, true, false, false },
		{ 128, true, false, false },  { 129, true, true, false },
		{ 147, true, true, false },   { 148, true, true, true },
	};

	put(FADT + 140, BASE + IVRS, 8); /* no DSDT, and without \_S5 */
	seal(FADT, "FACP", cases[_i].length);
	ck_assert_int_eq(acpi_read(&memory, &info), ACPI_OK);
	ck_assert_uint_eq(info.pm1a_control, cases[_i].ports ? 0x604 : 0);
	ck_assert_uint_eq(info.pm1b_control, cases[_i].ports ? 0x5704 : 0);
	ck_assert_uint_eq(info.pm_timer_port, cases[_i].ports ? 0x608 : 0);
	ck_assert_int_eq(info.reset.usable, cases[_i].reset);
	ck_assert_int_eq(info.s5_found, cases[_i].ports && !cases[_i].x_dsdt);
}
END_TEST

START_TEST(a_reset_register_is_usable_where_we_can_reach_it)
{
	bytes[FADT + 116] = (uint8_t)_i;
	seal(FADT, "FACP", 244);
	ck_assert_int_eq(acpi_read(&memory, &info), ACPI_OK);
	ck_assert_int_eq(info.reset.is_memory, _i == 0);
	ck_assert_int_eq(info.reset.usable, _i <= 1);
	put(FADT + 112, ~(1u << 10), 4); /* nor where it says there is none */
	seal(FADT, "FACP", 244);
	memset(&info.reset, 0, sizeof(info.reset));
	ck_assert_int_eq(acpi_read(&memory, &info), ACPI_OK);
	ck_assert(!info.reset.usable && info.reset.address == 0);
}
END_TEST

#define S5(...)                                    \
	{                                          \
		8, '_', 'S', '5', '_', __VA_ARGS__ \
	}

/* ACPI 7.4.2, 20.2.3, 20.2.4: packages, and what is none or not of use. */
START_TEST(an_s5_is_a_package_of_small_numbers)
{
	static const struct {
		uint8_t aml[16];
		bool found;
		uint8_t a, b;
	} cases[] = {
		{ S5(0x12, 6, 4, 0x0a, 5, 1), true, 5, 1 },
		{ S5(0x12, 6, 2, 0x0a, 7, 0x0a, 7), true, 7, 7 },
		{ S5(0x12, 6, 2, 0, 1), true, 0, 1 },
		{ S5(0x12, 6, 1, 0x0a, 3, 0x0a, 5), true, 3, 0 },
		{ S5(0x12, 6, 0, 0x0a, 3, 0x0a, 5), false, 0, 0 },
		{ S5(0x12, 6, 2, 0x0a, 8, 1), false, 0, 0 },
		{ S5(0x12, 6, 2, 1, 0x0a, 8), false, 0, 0 },
		{ S5(0x12, 0x46, 0xee, 2, 0x0a, 3, 0x0a, 4), true, 3, 4 },
		{ S5(0x12, 0x86, 0xee, 0xee, 2, 0x0a, 3, 0x0a, 4), true, 3, 4 },
		{ S5(0x12, 0xc6, 0xee, 0xee, 0xee, 2, 0x0a, 3, 0x0a, 4), true, 3, 4 },
		{ S5(0x13, 6, 2, 3, 4), false, 0, 0 },
		{ { 8, '_', 'S', '5', 'X', 0x12, 6, 2, 3, 4 }, false, 0, 0 },
	};

	memset(bytes + DSDT + 36, 0, 64);
	memcpy(bytes + DSDT + 50, cases[_i].aml, 16);
	seal(DSDT, "DSDT", 50 + 16);
	ck_assert_int_eq(acpi_read(&memory, &info), ACPI_OK);
	ck_assert_int_eq(info.s5_found, cases[_i].found);
	ck_assert_uint_eq(info.s5_type_a, cases[_i].a);
	ck_assert_uint_eq(info.s5_type_b, cases[_i].b);
}
END_TEST

START_TEST(an_s5_is_found_from_the_first_byte_to_the_last)
{
	static const uint8_t s5[] = { '_', 'S', '5', '_', 0x12, 6, 2, 0x0a, 5, 0x0a, 6 };
	unsigned int length = 36 + sizeof(s5) + (_i == 0 ? 0 : 40);

	memset(bytes + DSDT + 36, 0, 128);
	memcpy(bytes + DSDT + 36, "_S5_\x14", 5); /* a method is passed over */
	memcpy(bytes + DSDT + length - sizeof(s5), s5, sizeof(s5));
	seal(DSDT, "DSDT", length);
	ck_assert_int_eq(acpi_read(&memory, &info), ACPI_OK);
	ck_assert(info.s5_found);
	ck_assert_uint_eq(info.s5_type_b, 6);
	memset(&info.s5_found, 0, 3);
	seal(DSDT, "DSDT", length - 1); /* its last byte is the table's no more */
	ck_assert_int_eq(acpi_read(&memory, &info), ACPI_OK);
	ck_assert(!info.s5_found);
}
END_TEST

START_TEST(the_first_s5_counts_whose_numbers_can_be)
{
	static const uint8_t s5[] = { '_', 'S', '5', '_', 0x12, 6, 2, 3, 4 };

	bytes[DSDT + 59] = _i == 0 ? 5 : 8; /* the first one's */
	memcpy(bytes + DSDT + 70, s5, sizeof(s5));
	seal(DSDT, "DSDT", 70 + sizeof(s5));
	ck_assert_int_eq(acpi_read(&memory, &info), ACPI_OK);
	ck_assert_uint_eq(info.s5_type_a, _i == 0 ? 5 : 3);
}
END_TEST

START_TEST(a_dsdt_without_s5_is_read_to_its_end_and_no_further)
{
	unsigned int at = BYTES - 36 - (unsigned int)_i;

	put(FADT + 40, BASE + at, 4);
	seal(FADT, "FACP", 244);
	seal(at, "DSDT", BYTES - at);
	ck_assert_int_eq(acpi_read(&memory, &info), ACPI_OK);
	ck_assert(!info.s5_found);
}
END_TEST

/* A table of units for one IOMMU; only the last one names a base, if any. */
static void build_units(unsigned int table, const char *signature, uint16_t type,
                        uint16_t unit_bytes)
{
	memset(bytes + table + 36, 0, 512);
	put(table + 48, 1, 1); /* of another kind: 4 bytes */
	put(table + 49, table == IVRS ? 0xff : 0, 1);
	put(table + 50, 4, 2);
	put(table + 52, type, 2);
	put(table + 54, unit_bytes, 2);
	put(table + 52 + 8, 0xfed40000, 8);
	seal(table, signature, 52u + unit_bytes);
}

START_TEST(a_unit_of_a_dmar_is_a_drhd_with_a_base)
{
	static const struct {
		uint16_t type, unit_bytes;
		uint8_t size;
		uint64_t bytes;
	} cases[] = {
		{ 0, 16, 0, 0x1000 }, { 0, 24, 3, 0x8000 }, { 0, 16, 0x1f, 1 << 27 },
		{ 0, 15, 0, 0 },      { 1, 16, 0, 0 },      { 0x100, 16, 0, 0 },
	};

	build_units(DMAR, "DMAR", cases[_i].type, cases[_i].unit_bytes);
	bytes[DMAR + 52 + 5] = cases[_i].size;
	bytes[DMAR + 52 + 6] = 1;
	bytes[DMAR + 52 + 4] = 1;
	seal(DMAR, "DMAR", 52u + cases[_i].unit_bytes);
	memset(bytes + IVRS, 0, 4);
	ck_assert_int_eq(acpi_read(&memory, &info), ACPI_OK);
	ck_assert_uint_eq(info.dmar_hpa, BASE + DMAR);
	ck_assert_uint_eq(info.ivrs_hpa, 0);
	ck_assert_uint_eq(info.iommu_count, cases[_i].bytes != 0);
	ck_assert_uint_eq(info.iommus[0].bytes, cases[_i].bytes);
}
END_TEST

START_TEST(a_unit_of_an_ivrs_is_an_ivhd_with_a_base)
{
	static const struct {
		uint16_t type, unit_bytes;
		bool found;
	} cases[] = {
		{ 0x10, 16, true },  { 0xff11, 24, true }, { 0x40, 16, true },
		{ 0x10, 15, false }, { 0x40, 15, false },  { 0x11, 15, false },
		{ 0x12, 16, false }, { 0x20, 16, false },  { 0, 16, false },
	};

	build_units(IVRS, "IVRS", cases[_i].type, cases[_i].unit_bytes);
	memset(bytes + DMAR, 0, 4);
	ck_assert_int_eq(acpi_read(&memory, &info), ACPI_OK);
	ck_assert_uint_eq(info.ivrs_hpa, BASE + IVRS);
	ck_assert_uint_eq(info.dmar_hpa, 0);
	ck_assert_uint_eq(info.iommu_count, cases[_i].found);
	ck_assert_uint_eq(info.iommus[0].hpa, cases[_i].found ? 0xfed40000 : 0);
}
END_TEST

START_TEST(units_of_impossible_length_end_the_walk)
{
	static const uint16_t evil[] = { 0, 3, 17, 0xffff };

	build_units(DMAR, "DMAR", 0, 16);
	put(DMAR + 54, evil[_i], 2);
	seal(DMAR, "DMAR", 52 + 16);
	memset(bytes + IVRS, 0, 4);
	ck_assert_int_eq(acpi_read(&memory, &info), ACPI_OK);
	ck_assert_uint_eq(info.iommu_count, 0);
}
END_TEST

/* It ends with memory. */
START_TEST(a_table_without_units_is_there_and_names_none)
{
	static const unsigned int lengths[] = { 36, 40, 47, 48, 51 };
	unsigned int at = BYTES - lengths[_i];

	put(XSDT + 36 + 16, BASE + at, 8);
	seal(XSDT, "XSDT", 36 + 8 * 3);
	seal(at, "DMAR", lengths[_i]);
	ck_assert_int_eq(acpi_read(&memory, &info), ACPI_OK);
	ck_assert_uint_eq(info.dmar_hpa, BASE + at);
	ck_assert_uint_eq(info.iommu_count, 0);
}
END_TEST

START_TEST(iommus_are_taken_as_far_as_there_is_room_and_never_at_0)
{
	memset(bytes + DMAR + 36, 0, 512);
	for (unsigned int i = 0; i < 10; i++) {
		put(DMAR + 48 + 16 * i, 16 << 16, 4);
		put(DMAR + 56 + 16 * i, i == 0 ? 0 : 0xfed00000 + 0x1000 * i, 8);
	}
	seal(DMAR, "DMAR", 48 + 16 * 10);
	ck_assert_int_eq(acpi_read(&memory, &info), ACPI_OK);
	ck_assert_uint_eq(info.iommu_count, 8);
	ck_assert_uint_eq(info.iommus[0].hpa, 0xfed01000);
	ck_assert_uint_eq(info.iommus[7].hpa, 0xfed08000);
}
END_TEST

/* The place of the hidden table is closed, whichever it is, and both sums are right again. */
START_TEST(the_other_tables_stay_in_their_order)
{
	static const unsigned int tables[] = { FADT, MADT, DMAR, IVRS };

	acpi_hide_table(&memory, &info, BASE + tables[_i]);
	ck_assert_uint_eq(table_length(RSDT), 36 + 4 * 3);
	ck_assert_uint_eq(table_length(XSDT), 36 + 8 * 3);
	ck_assert_uint_eq(sum(RSDT, 36 + 4 * 3), 0);
	ck_assert_uint_eq(sum(XSDT, 36 + 8 * 3), 0);
	for (unsigned int i = 0, at = 0; i < 4; i++) {
		uint32_t narrow;
		uint64_t wide;

		if (i == (unsigned int)_i)
			continue;
		memcpy(&narrow, bytes + RSDT + 36 + 4 * at, 4);
		memcpy(&wide, bytes + XSDT + 36 + 8 * at, 8);
		ck_assert_uint_eq(narrow, BASE + tables[i]);
		ck_assert_uint_eq(wide, BASE + tables[i]);
		at++;
	}
}
END_TEST

START_TEST(a_table_named_twice_is_hidden_twice)
{
	put(XSDT + 36, BASE + IVRS, 8);
	seal(XSDT, "XSDT", 36 + 8 * 4);
	acpi_hide_table(&memory, &info, BASE + IVRS);
	ck_assert_uint_eq(table_length(XSDT), 36 + 8 * 2);
	ck_assert_uint_eq(sum(XSDT, 36 + 8 * 2), 0);
}
END_TEST

START_TEST(a_hidden_table_is_in_neither_root_table)
{
	uint64_t hpa;

	acpi_hide_table(&memory, &info, BASE + DMAR);
	ck_assert_int_eq(acpi_find_table(&memory, &info, "DMAR", &hpa), ACPI_NOT_FOUND);
	ck_assert_int_eq(acpi_find_table(&memory, &info, "IVRS", &hpa), ACPI_OK);
	ck_assert_uint_eq(table_length(XSDT), 36 + 8 * 3);
	ck_assert_uint_eq(sum(XSDT, table_length(XSDT)), 0);
	build_rsdp(0);
	ck_assert_int_eq(acpi_find_table(&memory, &info, "DMAR", &hpa), ACPI_NOT_FOUND);
	ck_assert_int_eq(acpi_find_table(&memory, &info, "FACP", &hpa), ACPI_OK);
	ck_assert_uint_eq(table_length(RSDT), 36 + 4 * 3);
}
END_TEST

START_TEST(hiding_a_table_that_is_not_there_changes_nothing)
{
	uint8_t before[256];

	memcpy(before, bytes + XSDT, sizeof(before));
	acpi_hide_table(&memory, &info, BASE + 0x7777);
	ck_assert_mem_eq(before, bytes + XSDT, sizeof(before));
}
END_TEST

START_TEST(an_s5_that_is_no_plain_package_is_passed_over)
{
	bytes[DSDT + 55] = 0x14; /* a method */
	seal(DSDT, "DSDT", table_length(DSDT));
	ck_assert_int_eq(acpi_read(&memory, &info), ACPI_OK);
	ck_assert(!info.s5_found);
}
END_TEST

START_TEST(every_status_has_a_name)
{
	static const char *const names[] = {
		"no error",        "no valid RSDP",
		"wrong checksum",  "malformed table",
		"table not found", "more CPUs or I/O APICs than supported",
	};

	for (int status = ACPI_OK; status <= ACPI_TOO_MANY; status++)
		ck_assert_str_eq(acpi_status_name((enum acpi_status)status),
		                 names[status]);
}
END_TEST

static void add_tests_of_reading(TCase *tests)
{
	tcase_add_loop_test(tests, the_xsdt_is_for_an_rsdp_that_has_room_for_it, 0, 5);
	tcase_add_test(tests, without_a_root_table_there_is_its_reason);
	tcase_add_test(tests, entries_that_name_nothing_are_passed_over);
	tcase_add_test(tests, a_table_may_have_16_mib_and_no_more);
	tcase_add_loop_test(tests, a_madt_entry_has_room_for_its_fields, 0, 11);
	tcase_add_loop_test(tests, a_madt_ends_with_an_entry_or_its_fixed_part, 0, 7);
	tcase_add_loop_test(tests, a_cpu_counts_when_it_is_enabled, 0, 5);
	tcase_add_test(tests, cpus_are_taken_as_far_as_there_is_room);
	tcase_add_test(tests, io_apics_are_taken_as_far_as_there_is_room);
	tcase_add_loop_test(tests, a_fadt_is_read_as_far_as_it_goes, 0, 6);
	tcase_add_loop_test(tests, a_reset_register_is_usable_where_we_can_reach_it, 0,
	                    3);
	tcase_add_loop_test(tests, an_s5_is_a_package_of_small_numbers, 0, 12);
	tcase_add_loop_test(tests, an_s5_is_found_from_the_first_byte_to_the_last, 0, 2);
	tcase_add_loop_test(tests, the_first_s5_counts_whose_numbers_can_be, 0, 2);
	tcase_add_loop_test(tests, a_dsdt_without_s5_is_read_to_its_end_and_no_further, 0,
	                    6);
	tcase_add_loop_test(tests, a_unit_of_a_dmar_is_a_drhd_with_a_base, 0, 6);
	tcase_add_loop_test(tests, a_unit_of_an_ivrs_is_an_ivhd_with_a_base, 0, 9);
	tcase_add_loop_test(tests, units_of_impossible_length_end_the_walk, 0, 4);
	tcase_add_loop_test(tests, a_table_without_units_is_there_and_names_none, 0, 5);
	tcase_add_test(tests, iommus_are_taken_as_far_as_there_is_room_and_never_at_0);
	tcase_add_loop_test(tests, the_other_tables_stay_in_their_order, 0, 4);
	tcase_add_test(tests, a_table_named_twice_is_hidden_twice);
}

static Suite *acpi_suite(void)
{
	Suite *suite = suite_create("acpi");
	TCase *tests = tcase_create("acpi");

	tcase_add_checked_fixture(tests, build, NULL);
	tcase_add_test(tests, a_machine_is_read_from_its_tables);
	tcase_add_test(tests, iommus_are_found_once_each);
	tcase_add_loop_test(tests, a_window_of_an_amd_iommu_is_aligned_to_its_size, 0, 3);
	tcase_add_test(tests, an_old_rsdp_leads_through_the_rsdt);
	tcase_add_test(tests, a_broken_xsdt_leaves_the_rsdt);
	tcase_add_test(tests, an_rsdp_counts_by_its_sums_and_its_length);
	tcase_add_test(tests, a_table_with_a_wrong_sum_counts_as_absent);
	tcase_add_loop_test(
		tests, a_table_that_claims_to_be_longer_than_memory_is_not_read, 0, 5);
	tcase_add_loop_test(tests, a_madt_entry_without_length_ends_the_walk, 0, 3);
	tcase_add_test(tests, a_hidden_table_is_in_neither_root_table);
	tcase_add_test(tests, hiding_a_table_that_is_not_there_changes_nothing);
	tcase_add_test(tests, an_s5_that_is_no_plain_package_is_passed_over);
	tcase_add_test(tests, every_status_has_a_name);
	add_tests_of_reading(tests);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(acpi_suite)
