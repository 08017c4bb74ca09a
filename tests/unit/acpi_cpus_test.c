/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which entries of a MADT are CPUs: an RSDP, an RSDT and a MADT with nothing beside them. */
#include "tests/unit/unit.h"

#include <string.h>
#include "root-partition/loader/core/acpi.h"

enum { BASE = 0xe0000, BYTES = 0x1000, RSDT = 0x100, MADT = 0x200 };

static uint8_t bytes[BYTES];
static unsigned int end; /* of the MADT */
static struct acpi_info info;

static void *show(void *context, uint64_t hpa, size_t count)
{
	(void)context;
	return hpa >= BASE && hpa - BASE <= BYTES && count <= BYTES - (hpa - BASE) ?
	               bytes + (hpa - BASE) :
	               NULL;
}

static void put(unsigned int at, uint32_t value)
{
	memcpy(bytes + at, &value, sizeof(value));
}

static void seal(unsigned int at, unsigned int count, unsigned int sum_at)
{
	uint8_t total = 0;

	for (unsigned int i = 0; i < count; i++)
		total = (uint8_t)(total + bytes[at + i]);
	bytes[at + sum_at] = (uint8_t)-total;
}

static void seal_table(unsigned int at, const char *signature, unsigned int count)
{
	memcpy(bytes + at, signature, 4);
	put(at + 4, count);
	seal(at, count, 9);
}

static void setup(void)
{
	memset(bytes, 0, sizeof(bytes));
	memset(&info, 0, sizeof(info));
	memcpy(bytes, "RSD PTR ", 8);
	put(16, BASE + RSDT);
	seal(0, 20, 8);
	memcpy(info.rsdp, bytes, 20);
	info.rsdp_bytes = 20;
	put(RSDT + 36, BASE + MADT);
	seal_table(RSDT, "RSDT", 40);
	end = MADT + 44;
}

/* ACPI 5.2.12.2 and 5.2.12.12: type, length, u16, then id and flags; or the id is the u16's upper half. */
static void add(bool large, uint32_t id)
{
	put(end, large ? 0x1009 : 0x0800 | id << 24);
	put(end + 4, large ? id : 1);
	put(end + 8, 1); /* behind a small one the next comes */
	end += large ? 16 : 8;
}

static unsigned int count_cpus(void)
{
	const struct acpi_memory memory = { .map = show };

	seal_table(MADT, "APIC", end - MADT);
	ck_assert_int_eq(acpi_read(&memory, &info), ACPI_OK);
	return info.cpu_count;
}

/* As firmware writes that names CPUs below 255 by both kinds. */
START_TEST(a_cpu_counts_once_however_often_it_is_named)
{
	for (uint32_t id = 0; id < 4; id++)
		add(false, id);
	for (uint32_t id = 2; id < 6; id++)
		add(true, id);
	add(false, 1);
	add(true, 5);
	ck_assert_uint_eq(count_cpus(), 6);
	for (uint32_t id = 0; id < 6; id++)
		ck_assert_uint_eq(info.cpus[id].apic_id, id);
}
END_TEST

START_TEST(an_id_that_names_all_is_no_cpu_s)
{
	add(false, 0xfe);
	add(false, 0xff);
	add(true, UINT32_MAX);
	add(true, 0xff);
	add(true, UINT32_MAX - 1);
	ck_assert_uint_eq(count_cpus(), 3);
	ck_assert_uint_eq(info.cpus[0].apic_id, 0xfe);
	ck_assert_uint_eq(info.cpus[1].apic_id, 0xff);
	ck_assert_uint_eq(info.cpus[2].apic_id, UINT32_MAX - 1);
}
END_TEST

/* As many as there may be, each named twice, are not too many. */
START_TEST(room_is_for_cpus_and_not_for_entries)
{
	for (uint32_t i = 0; i < 2 * ACPI_MAX_CPUS; i++)
		add(false, i / 2);
	ck_assert_uint_eq(count_cpus(), ACPI_MAX_CPUS);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("acpi_cpus");
	TCase *c = tcase_create("madt");

	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, a_cpu_counts_once_however_often_it_is_named);
	tcase_add_test(c, an_id_that_names_all_is_no_cpu_s);
	tcase_add_test(c, room_is_for_cpus_and_not_for_entries);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
