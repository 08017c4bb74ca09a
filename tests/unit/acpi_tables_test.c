/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The child's ACPI tables: found from the RSDP, whole, and with right checksums. */
#include "unit.h"

#include <stdbool.h>
#include <string.h>

#include "root-partition/vm/model/acpi_tables.h"

static _Alignas(4096) uint8_t area[ACPI_AREA_BYTES];
static uint8_t dsdt[36] = "DSDT";

static uint32_t le32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static uint64_t le64(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static uint8_t sum(const uint8_t *at, size_t bytes)
{
	uint8_t total = 0;

	while (bytes--)
		total = (uint8_t)(total + *at++);
	return total;
}

static const uint8_t *table_at(uint64_t gpa)
{
	const uint8_t *table = area + (gpa - ACPI_AREA_GPA);

	ck_assert_uint_ge(gpa, ACPI_AREA_GPA);
	ck_assert_uint_lt(gpa, ACPI_AREA_GPA + ACPI_AREA_BYTES);
	ck_assert_uint_eq(sum(table, le32(table + 4)), 0);
	return table;
}

static const uint8_t *find(const char *signature)
{
	const uint8_t *xsdt = table_at(le64(area + 24));

	for (uint32_t at = 36; at < le32(xsdt + 4); at += 8) {
		const uint8_t *table = table_at(le64(xsdt + at));

		if (memcmp(table, signature, 4) == 0)
			return table;
	}
	ck_abort_msg("no %s", signature);
}

static void build(uint32_t vp_count)
{
	struct acpi_tables_input input = { vp_count, dsdt, sizeof(dsdt) };

	ck_assert(acpi_tables_build(area, &input));
}

START_TEST(the_rsdp_has_both_checksums)
{
	build(1);
	ck_assert_mem_eq(area, "RSD PTR ", 8);
	ck_assert_uint_eq(sum(area, 20), 0);
	ck_assert_uint_eq(sum(area, 36), 0);
	ck_assert_mem_eq(table_at(le64(area + 24)), "XSDT", 4);
}
END_TEST

START_TEST(the_fadt_is_hardware_reduced_and_names_the_dsdt_and_its_registers)
{
	const uint8_t *fadt;

	build(1);
	fadt = find("FACP");
	ck_assert_uint_eq(le32(fadt + 4), 276);
	ck_assert_uint_eq(le32(fadt + 112) & 0x100400, 0x100400);
	ck_assert_mem_eq(table_at(le64(fadt + 140)), "DSDT", 4);
	ck_assert_uint_eq(le64(fadt + 116 + 4), 0x602);
	ck_assert_uint_eq(fadt[128], 1);
	ck_assert_uint_eq(le64(fadt + 244 + 4), 0x600);
	ck_assert_uint_eq(le64(fadt + 256 + 4), 0x601);
}
END_TEST

START_TEST(the_madt_lists_every_processor_once_and_the_ioapic)
{
	static const uint32_t counts[] = { 1, 2, 4, 64, 255, 300 };
	uint32_t processors = 0;
	uint32_t ioapics = 0;
	const uint8_t *madt;

	build(counts[_i]);
	madt = find("APIC");
	ck_assert_uint_eq(le32(madt + 40), 0);
	for (uint32_t at = 44; at < le32(madt + 4); at += madt[at + 1]) {
		uint32_t id = madt[at] == 0 ? madt[at + 3] : le32(madt + at + 4);

		ck_assert_uint_gt(madt[at + 1], 0);
		if (madt[at] == 1)
			ioapics++;
		else
			ck_assert_uint_eq(id, processors++);
	}
	ck_assert_uint_eq(processors, counts[_i]);
	ck_assert_uint_eq(ioapics, 1);
}
END_TEST

START_TEST(what_does_not_fit_is_refused)
{
	static uint8_t large[ACPI_AREA_BYTES];
	struct acpi_tables_input input = { 1, large, sizeof(large) };

	ck_assert(!acpi_tables_build(area, &input));
	input = (struct acpi_tables_input){ 100000, dsdt, sizeof(dsdt) };
	ck_assert(!acpi_tables_build(area, &input));
	input = (struct acpi_tables_input){ 1, dsdt, 35 };
	ck_assert(!acpi_tables_build(area, &input));
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("acpi_tables");
	TCase *tcase = tcase_create("model");

	tcase_add_test(tcase, the_rsdp_has_both_checksums);
	tcase_add_test(tcase,
	               the_fadt_is_hardware_reduced_and_names_the_dsdt_and_its_registers);
	tcase_add_loop_test(tcase, the_madt_lists_every_processor_once_and_the_ioapic, 0,
	                    6);
	tcase_add_test(tcase, what_does_not_fit_is_refused);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
