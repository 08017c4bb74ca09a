/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the root partition may write to a physical IOAPIC. */
#include "hypervisor/core/ioapic_guard.h"
#include "tests/unit/unit.h"

#include <stdbool.h>

#define VERSION    UINT32_C(0x00170020) /* 24 entries, with an EOI register */
#define OLD        UINT32_C(0x00170011)
#define LAST_HIGH  0x3fu
#define LOW(entry) (0x10u + 2 * (entry))

/* What the device gets of one write; `writes` is what the caller makes of the verdict. */
struct outcome {
	enum ioapic_verdict verdict;
	bool writes;
	uint32_t value;
};

static struct outcome write_at(struct ioapic_guard *guard, uint32_t offset,
                               unsigned int bytes, uint32_t value)
{
	struct outcome outcome = { .value = value };

	outcome.verdict = ioapic_guard_write(guard, offset, bytes, &outcome.value);
	outcome.writes = outcome.verdict == IOAPIC_PASSED ||
	                 outcome.verdict == IOAPIC_FORCED_MASKED;
	return outcome;
}

static struct outcome write_register(struct ioapic_guard *guard, uint8_t index,
                                     uint32_t value)
{
	struct outcome selected = write_at(guard, IOAPIC_SELECT, 4, index);

	ck_assert(selected.writes);
	ck_assert_uint_eq(selected.value, index);
	return write_at(guard, IOAPIC_WINDOW, 4, value);
}

START_TEST(every_mode_vector_and_mask_is_judged)
{
	struct ioapic_guard guard;

	ioapic_guard_init(&guard, VERSION);
	for (uint32_t low = 0; low < 0x20000; low++) {
		uint32_t mode = low >> 8 & 7;
		uint32_t vector = low & 0xff;
		bool harmless = low & IOAPIC_ENTRY_MASKED ||
		                (mode <= 1 && vector >= 0x20 && vector <= 0xef);
		struct outcome outcome = write_register(&guard, LOW(2), low);
		uint32_t written = outcome.value;

		ck_assert_int_eq(outcome.verdict, harmless || mode == 7 ?
		                                          IOAPIC_PASSED :
		                                          IOAPIC_FORCED_MASKED);
		ck_assert_uint_eq(written & ~(IOAPIC_ENTRY_MASKED | 0x5000),
		                  low & ~(IOAPIC_ENTRY_MASKED | 0x5000));
		ck_assert_int_eq((written & IOAPIC_ENTRY_MASKED) != 0,
		                 (low & IOAPIC_ENTRY_MASKED) != 0 || !harmless);
		ck_assert_uint_eq(written & 0x5000, 0);
	}
}
END_TEST

START_TEST(a_device_entry_passes_in_two_halves)
{
	struct ioapic_guard guard;
	struct outcome outcome;

	ioapic_guard_init(&guard, VERSION);
	outcome = write_register(&guard, LOW(4) + 1, 0x03ffffff);
	ck_assert(outcome.writes);
	ck_assert_uint_eq(outcome.value, 0x03000000);
	outcome = write_register(&guard, LOW(4), 0xa031);
	ck_assert_int_eq(outcome.verdict, IOAPIC_PASSED);
	ck_assert_uint_eq(outcome.value, 0xa031);
}
END_TEST

START_TEST(an_init_or_nmi_entry_is_masked_and_told)
{
	static const uint32_t evil[] = { 0x0500, 0x0400, 0x0200, 0x0531, 0x0300, 0x00f0,
		                         0x00ff, 0x000f, 0x0000, 0x01f3, 0x0012, 0x011f };
	struct ioapic_guard guard;
	struct outcome outcome;

	ioapic_guard_init(&guard, VERSION);
	outcome = write_register(&guard, LOW(23), evil[_i]);
	ck_assert_int_eq(outcome.verdict, IOAPIC_FORCED_MASKED);
	ck_assert(outcome.writes);
	ck_assert_uint_eq(outcome.value, evil[_i] | IOAPIC_ENTRY_MASKED);
}
END_TEST

START_TEST(virtual_wire_mode_is_masked_without_a_word)
{
	struct ioapic_guard guard;
	struct outcome outcome;

	ioapic_guard_init(&guard, VERSION);
	outcome = write_register(&guard, LOW(0), 0x0700);
	ck_assert_int_eq(outcome.verdict, IOAPIC_PASSED);
	ck_assert_uint_eq(outcome.value, 0x10700);
}
END_TEST

START_TEST(registers_outside_the_entries_are_refused)
{
	struct ioapic_guard guard;

	ioapic_guard_init(&guard, VERSION);
	ck_assert(write_register(&guard, LAST_HIGH, 0).writes);
	ck_assert_int_eq(write_register(&guard, LAST_HIGH + 1, 0x31).verdict,
	                 IOAPIC_REFUSED);
	ck_assert_int_eq(write_register(&guard, 0xff, 0x31).verdict, IOAPIC_REFUSED);
	ck_assert_int_eq(write_register(&guard, 3, 0).verdict, IOAPIC_REFUSED);
	ck_assert_int_eq(write_register(&guard, 1, 0).verdict, IOAPIC_REFUSED);
	ck_assert_int_eq(write_register(&guard, 2, 0).verdict, IOAPIC_REFUSED);
	ck_assert(!write_register(&guard, 2, 0).writes);
	ck_assert_uint_eq(write_register(&guard, 0, 0xffffffff).value, 0x0f000000);
}
END_TEST

START_TEST(only_whole_accesses_of_known_offsets_pass)
{
	struct ioapic_guard guard;

	ioapic_guard_init(&guard, VERSION);
	(void)write_register(&guard, LOW(1), 0x31);
	for (unsigned int bytes = 1; bytes <= 8; bytes++)
		if (bytes != 4)
			ck_assert(!write_at(&guard, IOAPIC_WINDOW, bytes, 0).writes);
	for (uint32_t offset = 0; offset < 0x1000; offset++) {
		struct outcome outcome = write_at(&guard, offset, 4, 0x12);
		bool known = offset == 0 || offset == 0x10 || offset == 0x40;

		ck_assert_int_eq(outcome.writes, known);
		ck_assert_int_eq(outcome.verdict == IOAPIC_REFUSED, !known);
	}
}
END_TEST

START_TEST(the_eoi_register_came_with_version_20)
{
	struct ioapic_guard guard;

	ioapic_guard_init(&guard, OLD);
	ck_assert(!write_at(&guard, IOAPIC_EOI, 4, 0x31).writes);
	ioapic_guard_init(&guard, VERSION);
	ck_assert_uint_eq(write_at(&guard, IOAPIC_EOI, 4, 0xff31).value, 0x31);
}
END_TEST

START_TEST(a_device_that_claims_256_entries_has_120)
{
	struct ioapic_guard guard;

	ioapic_guard_init(&guard, 0xffffffff);
	ck_assert_uint_eq(guard.entries, 120);
	ck_assert_int_eq(write_register(&guard, 0xff, 0).verdict, IOAPIC_PASSED);
	ck_assert(write_register(&guard, 0xfe, 0x31).writes);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("ioapic_guard");
	TCase *tc = tcase_create("ioapic_guard");

	tcase_set_timeout(tc, 60); /* one counts through millions */
	tcase_add_test(tc, every_mode_vector_and_mask_is_judged);
	tcase_add_test(tc, a_device_entry_passes_in_two_halves);
	tcase_add_loop_test(tc, an_init_or_nmi_entry_is_masked_and_told, 0, 12);
	tcase_add_test(tc, virtual_wire_mode_is_masked_without_a_word);
	tcase_add_test(tc, registers_outside_the_entries_are_refused);
	tcase_add_test(tc, only_whole_accesses_of_known_offsets_pass);
	tcase_add_test(tc, the_eoi_register_came_with_version_20);
	tcase_add_test(tc, a_device_that_claims_256_entries_has_120);
	suite_add_tcase(suite, tc);
	return suite;
}

UNIT_MAIN(make_suite)
