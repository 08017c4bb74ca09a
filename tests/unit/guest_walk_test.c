/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VP's page tables as the kernel module walks them, in memory of some pages. */
#include "tests/unit/unit.h"

#include <string.h>
#include <viridis/base/bits.h>
#include "root-partition/kmod/core/guest_walk.h"

#define READ       HV_TRANSLATE_READ
#define WRITE      HV_TRANSLATE_WRITE
#define EXECUTE    HV_TRANSLATE_EXECUTE
#define EXEMPT     HV_TRANSLATE_PRIVILEGE_EXEMPT
#define ENTRY      UINT64_C(0x7) /* present, writable, user */
#define LARGE      UINT64_C(0x80)
#define NO_EXECUTE BIT64(63)
#define CR0_PAGING UINT64_C(0x80010011) /* and WP */
#define PAE        UINT64_C(0x20)
#define PSE        UINT64_C(0x10)
#define LA57       UINT64_C(0x1000)
#define LONG       UINT64_C(0x500)

enum { ROOT = 0x1000, PDPT = 0x2000, PD = 0x3000, TABLE = 0x4000, MEMORY_BYTES = 0x6000 };

static uint8_t memory[MEMORY_BYTES];

static bool read_memory(void *context, uint64_t gpa, void *to, size_t bytes)
{
	ck_assert_ptr_eq(context, memory);
	ck_assert_uint_eq(gpa % bytes, 0);
	if (gpa > MEMORY_BYTES - bytes)
		return false;
	memcpy(to, memory + gpa, bytes);
	return true;
}

static void put(uint64_t table, unsigned int index, uint64_t entry)
{
	memcpy(memory + table + 8 * index, &entry, sizeof(entry));
}

/* The first GiB is where it is, by pages of 2 MiB. */
static struct guest_walk long_mode(void)
{
	memset(memory, 0, sizeof(memory));
	put(ROOT, 0, PDPT | ENTRY);
	put(PDPT, 0, PD | ENTRY);
	for (unsigned int i = 0; i < 512; i++)
		put(PD, i, i * PAGE_2M | LARGE | ENTRY);
	return (struct guest_walk){ .cr0 = CR0_PAGING,
		                    .cr3 = ROOT,
		                    .cr4 = PAE,
		                    .efer = LONG,
		                    .read = read_memory,
		                    .context = memory };
}

static void leads_to(const struct guest_walk *walk, uint64_t gva, uint64_t access,
                     uint64_t gpa)
{
	uint64_t found = ~gpa;

	ck_assert_int_eq(guest_walk(walk, gva, access, &found), HV_TRANSLATE_SUCCESS);
	ck_assert_uint_eq(found, gpa);
}

static void is_refused(const struct guest_walk *walk, uint64_t gva, uint64_t access,
                       enum hv_translate_code code)
{
	uint64_t unused;

	ck_assert_int_eq(guest_walk(walk, gva, access, &unused), code);
}

START_TEST(addresses_of_long_mode_are_walked)
{
	struct guest_walk walk = long_mode();

	leads_to(&walk, 0x12345, READ, 0x12345);
	leads_to(&walk, 511 * PAGE_2M + 0x1fffff, READ, 511 * PAGE_2M + 0x1fffff);
	is_refused(&walk, PAGE_1G, READ, HV_TRANSLATE_PAGE_NOT_PRESENT);
	put(ROOT, 1, TABLE | ENTRY);
	put(TABLE, 0, 5 * PAGE_1G | LARGE | ENTRY);
	leads_to(&walk, BIT64(39) + 0x1234567, WRITE | EXECUTE, 5 * PAGE_1G + 0x1234567);
	put(PD, 3, TABLE | ENTRY);
	put(TABLE, 7, UINT64_C(0xabc000) | ENTRY);
	leads_to(&walk, 3 * PAGE_2M + 7 * PAGE_4K + 5, READ, 0xabc005);
	put(ROOT, 2, ROOT | ENTRY); /* each level finds the same table */
	leads_to(&walk, 2 * (BIT64(39) + BIT64(30) + BIT64(21) + BIT64(12)), READ, ROOT);
}
END_TEST

START_TEST(what_is_not_canonical_is_not_present)
{
	struct guest_walk walk = long_mode();

	is_refused(&walk, BIT64(48) + 0x12345, READ, HV_TRANSLATE_PAGE_NOT_PRESENT);
	is_refused(&walk, bits_mask(48, 16) + 0x12345, READ,
	           HV_TRANSLATE_PAGE_NOT_PRESENT);
	put(ROOT, 511, PDPT | ENTRY);
	leads_to(&walk, bits_mask(39, 25) + 0x12345, READ, 0x12345);
}
END_TEST

START_TEST(five_levels_reach_further)
{
	struct guest_walk walk = long_mode();

	walk.cr4 |= LA57;
	walk.cr3 = TABLE;
	put(TABLE, 1, ROOT | ENTRY);
	leads_to(&walk, BIT64(48) + 0x12345, READ, 0x12345);
	is_refused(&walk, BIT64(57) + 0x12345, READ, HV_TRANSLATE_PAGE_NOT_PRESENT);
}
END_TEST

START_TEST(rights_narrow_from_level_to_level)
{
	struct guest_walk walk = long_mode();

	put(ROOT, 0, PDPT | (ENTRY & ~UINT64_C(2)));
	is_refused(&walk, 5, WRITE, HV_TRANSLATE_PRIVILEGE_VIOLATION);
	leads_to(&walk, 5, READ | EXECUTE, 5);
	leads_to(&walk, 5, WRITE | EXEMPT, 5);
	walk.cr0 &= ~BIT64(16); /* WP holds the kernel too */
	leads_to(&walk, 5, WRITE, 5);
	walk.user = true;
	is_refused(&walk, 5, WRITE, HV_TRANSLATE_PRIVILEGE_VIOLATION);
	leads_to(&walk, 5, READ, 5);
	put(PD, 0, LARGE | 3);
	is_refused(&walk, 5, READ, HV_TRANSLATE_PRIVILEGE_VIOLATION);
	leads_to(&walk, 5, READ | EXEMPT, 5);
	put(PD, 0, LARGE | ENTRY);
	put(PDPT, 0, PD | ENTRY | NO_EXECUTE);
	is_refused(&walk, 5, EXECUTE, HV_TRANSLATE_PRIVILEGE_VIOLATION);
	leads_to(&walk, 5, READ, 5);
}
END_TEST

START_TEST(tables_outside_memory_are_told)
{
	struct guest_walk walk = long_mode();

	put(ROOT, 0, UINT64_C(0x000ffffffffff000) | ENTRY);
	is_refused(&walk, 0, READ, HV_TRANSLATE_GPA_UNMAPPED);
	put(ROOT, 0, MEMORY_BYTES | ENTRY);
	is_refused(&walk, 0, READ, HV_TRANSLATE_GPA_UNMAPPED);
	walk.cr3 = BIT64(39);
	is_refused(&walk, 0, READ, HV_TRANSLATE_GPA_UNMAPPED);
}
END_TEST

START_TEST(without_paging_an_address_is_its_own)
{
	struct guest_walk walk = { .cr0 = 0x11 };

	leads_to(&walk, 0xabc00000, WRITE, 0xabc00000);
	leads_to(&walk, BIT64(32) + 7, WRITE, 7);
}
END_TEST

START_TEST(tables_of_32_bits_have_two_levels)
{
	struct guest_walk walk = long_mode();
	const uint32_t entries[2] = { TABLE | (uint32_t)ENTRY,
		                      0x00c00000 | (uint32_t)(LARGE | ENTRY) };

	walk.efer = 0;
	walk.cr4 = PSE;
	memcpy(memory + ROOT, entries, sizeof(entries));
	memcpy(memory + TABLE + 4 * 0x12, (uint32_t[]){ 0x7000 | (uint32_t)ENTRY }, 4);
	leads_to(&walk, 0x00412345, WRITE, 0x00c12345);
	leads_to(&walk, 0x00012345, WRITE, 0x7345);
	walk.cr4 = 0; /* then the bit means nothing, and 0xc00000 is a table */
	is_refused(&walk, 0x00412345, WRITE, HV_TRANSLATE_GPA_UNMAPPED);
}
END_TEST

START_TEST(tables_of_pae_have_three_levels_and_the_first_has_no_rights)
{
	struct guest_walk walk = long_mode();

	walk.efer = 0;
	walk.cr3 = TABLE + 0x20;
	put(TABLE + 0x20, 0, PD | 1);
	leads_to(&walk, 0x00212345, WRITE, 0x00212345);
	put(TABLE + 0x20, 0, PD | LARGE | 1); /* reserved there, and no leaf */
	leads_to(&walk, 0x00212345, WRITE, 0x00212345);
	is_refused(&walk, 0x40000000, READ, HV_TRANSLATE_PAGE_NOT_PRESENT);
}
END_TEST

static Suite *guest_walk_suite(void)
{
	Suite *suite = suite_create("guest_walk");
	TCase *tests = tcase_create("guest_walk");

	tcase_add_test(tests, addresses_of_long_mode_are_walked);
	tcase_add_test(tests, what_is_not_canonical_is_not_present);
	tcase_add_test(tests, five_levels_reach_further);
	tcase_add_test(tests, rights_narrow_from_level_to_level);
	tcase_add_test(tests, tables_outside_memory_are_told);
	tcase_add_test(tests, without_paging_an_address_is_its_own);
	tcase_add_test(tests, tables_of_32_bits_have_two_levels);
	tcase_add_test(tests,
	               tables_of_pae_have_three_levels_and_the_first_has_no_rights);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(guest_walk_suite)
