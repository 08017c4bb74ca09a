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

/* Tables of one processor, sums excepted, as ACPI 6.5 lays them out; DSDT at 64. */
START_TEST(every_byte_is_as_it_should_be)
{
#define HEADER(signature, length, revision)                                              \
	signature[0], signature[1], signature[2], signature[3], (length)&255,            \
		(length) >> 8, 0, 0, revision, 0, 'V', 'I', 'R', 'I', 'D', 'I', 'V',     \
		'I', 'R', 'I', 'D', 'I', 'S', ' ', 1, 0, 0, 0, 'V', 'I', 'R', 'I', 1, 0, \
		0, 0
	static const struct {
		uint32_t at, bytes;
		uint8_t table[276];
	} tables[] = {
		{ 0, 36, { 'R', 'S', 'D',       ' ',         'P',  'T', 'R',
		           ' ', 0,   'V',       'I',         'R',  'I', 'D',
		           'I', 2,   [20] = 36, [24] = 0x00, 0x02, 0x0e } },
		{ 64, 36, { 'D', 'S', 'D', 'T', 36 } },
		{ 128,
		  276,
		  { HEADER("FACP", 276, 6),
		    [108] = 0x32,
		    4,
		    0,
		    0, /* century, no VGA */
		    0x31,
		    0x04,
		    0x10,
		    0, /* flags */
		    1,
		    8,
		    0,
		    1,
		    0x02,
		    0x06, /* reset register */
		    [128] = 1,
		    [131] = 5,
		    [140] = 0x40,
		    0x00,
		    0x0e,
		    [244] = 1,
		    8,
		    0,
		    1,
		    0x00,
		    0x06,
		    [256] = 1,
		    8,
		    0,
		    1,
		    0x01,
		    0x06,
		    [268] = 'V',
		    'i',
		    'r',
		    'i',
		    'd',
		    'i',
		    's' } },
		{ 448,
		  64,
		  { HEADER("APIC", 64, 5),
		    0,
		    0,
		    0xe0,
		    0xfe,
		    0,
		    0,
		    0,
		    0,
		    0,
		    8,
		    0,
		    0,
		    1,
		    0,
		    0,
		    0,
		    1,
		    12,
		    0,
		    0,
		    0,
		    0,
		    0xc0,
		    0xfe } },
		{ 512,
		  52,
		  { HEADER("XSDT", 52, 1), 0x80, 0x00, 0x0e, 0, 0, 0, 0, 0, 0xc0, 0x01,
		    0x0e } },
	};
	uint8_t expected[ACPI_AREA_BYTES] = { 0 };

	for (unsigned int i = 0; i < 5; i++) {
		uint8_t *table = expected + tables[i].at;

		memcpy(table, tables[i].table, tables[i].bytes);
		table[i == 0 ? 8 : 9] =
			(uint8_t)-sum(table, i == 0 ? 20 : tables[i].bytes);
	}
	expected[32] = (uint8_t)-sum(expected, 36);
	memset(area, 0xa5, sizeof(area));
	build(1);
	ck_assert_mem_eq(area, expected, sizeof(area));
}
END_TEST

START_TEST(processors_from_255_on_have_the_larger_entry)
{
	static const uint8_t last_small[8] = { 0, 8, 254, 254, 1 };
	static const uint8_t large[2][16] = {
		{ 9, 16, 0, 0, 255, 0, 0, 0, 1, 0, 0, 0, 255 },
		{ 9, 16, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 1 }
	};
	const uint8_t *madt;

	build(257);
	madt = find("APIC");
	ck_assert_mem_eq(madt + 44 + 8 * 254, last_small, 8);
	ck_assert_mem_eq(madt + 44 + 8 * 255, large[0], 16);
	ck_assert_mem_eq(madt + 44 + 8 * 255 + 16, large[1], 16);
}
END_TEST

/* The other tables take 512 bytes with one processor. */
START_TEST(what_does_not_fit_is_refused)
{
	static uint8_t large[ACPI_AREA_BYTES] = "DSDT";
	struct acpi_tables_input input = { 1, large, ACPI_AREA_BYTES - 512 };

	ck_assert(acpi_tables_build(area, &input));
	input.dsdt_bytes++;
	ck_assert(!acpi_tables_build(area, &input));
	input.dsdt_bytes = ACPI_AREA_BYTES;
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
	tcase_add_test(tcase, every_byte_is_as_it_should_be);
	tcase_add_test(tcase, processors_from_255_on_have_the_larger_entry);
	tcase_add_test(tcase, what_does_not_fit_is_refused);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
