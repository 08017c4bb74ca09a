/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The loader's core/acpi against a small firmware built here: 64 KiB of "physical memory" at BASE. */
#include "tests/unit/unit.h"

#include <stdint.h>
#include <string.h>
#include "root-partition/loader/core/acpi.h"

enum { BASE = 0xe0000, BYTES = 0x10000 };
enum { RSDT = 0x1000, XSDT = 0x1100, MADT = 0x2000, FADT = 0x3000, DSDT = 0x4000 };
enum { DMAR = 0x5000, IVRS = 0x6000 };

static uint8_t bytes[BYTES];
static struct acpi_info info;

static void *show(void *context, uint64_t hpa, size_t count)
{
	(void)context;
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
	ck_assert(acpi_rsdp_is_valid(bytes, 20));
	ck_assert(!acpi_rsdp_is_valid(bytes, 19));
	bytes[33] ^= 1; /* in the part that revision 2 added */
	ck_assert(!acpi_rsdp_is_valid(bytes, 36));
	bytes[10] ^= 1;
	ck_assert(!acpi_rsdp_is_valid(bytes, 20));
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

START_TEST(more_cpus_than_there_is_room_for_are_reported)
{
	for (unsigned int i = 0; i <= ACPI_MAX_CPUS; i++) {
		put(MADT + 44 + 8 * i, 0x0800 | (uint64_t)i << 24 | 1ull << 32, 8);
	}
	seal(MADT, "APIC", 44 + 8 * (ACPI_MAX_CPUS + 1));
	ck_assert_int_eq(acpi_read(&memory, &info), ACPI_TOO_MANY);
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
	for (int status = ACPI_OK; status <= ACPI_TOO_MANY; status++)
		ck_assert_str_ne(acpi_status_name((enum acpi_status)status), "unknown");
}
END_TEST

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
	tcase_add_test(tests, more_cpus_than_there_is_room_for_are_reported);
	tcase_add_test(tests, a_hidden_table_is_in_neither_root_table);
	tcase_add_test(tests, hiding_a_table_that_is_not_there_changes_nothing);
	tcase_add_test(tests, an_s5_that_is_no_plain_package_is_passed_over);
	tcase_add_test(tests, every_status_has_a_name);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(acpi_suite)
