/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The child's I/O APIC: registers, edges, levels and their EOI. */
#include "unit.h"

#include <viridis/abi/hv_hypercall.h>

#include "root-partition/vm/model/ioapic_model.h"

#define MASKED UINT64_C(0x10000)
#define LEVEL  UINT64_C(0x8000)

static struct ioapic_model ioapic;
static struct ioapic_delivery delivery;

static void setup(void)
{
	ioapic_model_reset(&ioapic);
}

static void write_register(uint8_t number, uint32_t value)
{
	ioapic_model_write(&ioapic, 0x00, 4, number);
	ioapic_model_write(&ioapic, 0x10, 4, value);
}

static uint32_t read_register(uint8_t number)
{
	ioapic_model_write(&ioapic, 0x00, 4, number);
	return (uint32_t)ioapic_model_read(&ioapic, 0x10, 4);
}

static void write_entry(unsigned int pin, uint64_t entry)
{
	write_register((uint8_t)(0x11 + 2 * pin), (uint32_t)(entry >> 32));
	write_register((uint8_t)(0x10 + 2 * pin), (uint32_t)entry);
}

START_TEST(version_and_reset_state_are_those_of_the_chip)
{
	ck_assert_uint_eq(read_register(1), 0x00170011);
	for (unsigned int pin = 0; pin < 24; pin++)
		ck_assert_uint_eq(read_register((uint8_t)(0x10 + 2 * pin)), MASKED);
	ck_assert_uint_eq(read_register(0x40), 0);
	write_register(0, 0xff000000);
	ck_assert_uint_eq(read_register(0), 0x0f000000);
}
END_TEST

START_TEST(an_edge_is_delivered_once_where_the_entry_says)
{
	write_entry(4, UINT64_C(3) << 56 | 0x31);
	ioapic_model_set_line(&ioapic, 4, true);
	ck_assert(ioapic_model_take(&ioapic, &delivery));
	ck_assert_uint_eq(delivery.vector, 0x31);
	ck_assert_uint_eq(delivery.destination, 3);
	ck_assert(!delivery.level && !delivery.logical);
	ioapic_model_set_line(&ioapic, 4, true);
	ck_assert(!ioapic_model_take(&ioapic, &delivery));
	ioapic_model_set_line(&ioapic, 4, false);
	ioapic_model_set_line(&ioapic, 4, true);
	ck_assert(ioapic_model_take(&ioapic, &delivery));
}
END_TEST

START_TEST(an_edge_at_a_masked_pin_is_lost)
{
	write_entry(4, MASKED | 0x31);
	ioapic_model_set_line(&ioapic, 4, true);
	write_entry(4, 0x31);
	ck_assert(!ioapic_model_take(&ioapic, &delivery));
}
END_TEST

START_TEST(a_level_is_delivered_again_only_after_its_eoi)
{
	write_entry(9, LEVEL | 0x41);
	ioapic_model_set_line(&ioapic, 9, true);
	ck_assert(ioapic_model_take(&ioapic, &delivery));
	ck_assert(delivery.level);
	ck_assert_uint_eq(read_register(0x10 + 18) & 0x4000, 0x4000);
	ck_assert(!ioapic_model_take(&ioapic, &delivery));
	ioapic_model_eoi(&ioapic, 0x42);
	ck_assert(!ioapic_model_take(&ioapic, &delivery));
	ioapic_model_eoi(&ioapic, 0x41);
	ck_assert(ioapic_model_take(&ioapic, &delivery));
	ioapic_model_set_line(&ioapic, 9, false);
	ioapic_model_eoi(&ioapic, 0x41);
	ck_assert(!ioapic_model_take(&ioapic, &delivery));
}
END_TEST

START_TEST(a_level_that_is_high_fires_when_unmasked)
{
	write_entry(9, MASKED | LEVEL | 0x41);
	ioapic_model_set_line(&ioapic, 9, true);
	ck_assert(!ioapic_model_take(&ioapic, &delivery));
	write_entry(9, LEVEL | 0x41);
	ck_assert(ioapic_model_take(&ioapic, &delivery));
}
END_TEST

START_TEST(a_level_that_fell_before_it_was_taken_is_not_delivered)
{
	write_entry(9, LEVEL | 0x41);
	ioapic_model_set_line(&ioapic, 9, true);
	ioapic_model_set_line(&ioapic, 9, false);
	ck_assert(!ioapic_model_take(&ioapic, &delivery));
}
END_TEST

START_TEST(remote_irr_cannot_be_written_but_falls_with_level_mode)
{
	write_entry(9, LEVEL | 0x41);
	ioapic_model_set_line(&ioapic, 9, true);
	ck_assert(ioapic_model_take(&ioapic, &delivery));
	write_entry(9, LEVEL | 0x41);
	ck_assert_uint_eq(read_register(0x10 + 18) & 0x4000, 0x4000);
	write_entry(9, 0x41);
	ck_assert_uint_eq(read_register(0x10 + 18) & 0x4000, 0);
	write_entry(8, LEVEL | 0x4000 | 0x41);
	ck_assert_uint_eq(read_register(0x10 + 16) & 0x4000, 0);
}
END_TEST

START_TEST(modes_and_vectors_no_device_may_send_are_dropped)
{
	static const uint64_t bad[] = {
		0x20f,                           /* SMI */
		HV_INTERRUPT_INIT << 8,          /* INIT */
		HV_INTERRUPT_EXTINT << 8 | 0x30, /* ExtINT */
		0x0f,                            /* vector below 16 */
	};

	write_entry(4, bad[_i]);
	ioapic_model_set_line(&ioapic, 4, true);
	ck_assert(!ioapic_model_take(&ioapic, &delivery));
}
END_TEST

START_TEST(accesses_that_are_no_dwords_change_nothing)
{
	ioapic_model_write(&ioapic, 0, 4, 0x10);
	ioapic_model_write(&ioapic, 0x10, 1, 0x31);
	ioapic_model_write(&ioapic, 0x10, 8, 0x31);
	ioapic_model_write(&ioapic, 0x20, 4, 0x31);
	ck_assert_uint_eq(read_register(0x10), MASKED);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("ioapic_model");
	TCase *tcase = tcase_create("model");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, version_and_reset_state_are_those_of_the_chip);
	tcase_add_test(tcase, an_edge_is_delivered_once_where_the_entry_says);
	tcase_add_test(tcase, an_edge_at_a_masked_pin_is_lost);
	tcase_add_test(tcase, a_level_is_delivered_again_only_after_its_eoi);
	tcase_add_test(tcase, a_level_that_is_high_fires_when_unmasked);
	tcase_add_test(tcase, a_level_that_fell_before_it_was_taken_is_not_delivered);
	tcase_add_test(tcase, remote_irr_cannot_be_written_but_falls_with_level_mode);
	tcase_add_loop_test(tcase, modes_and_vectors_no_device_may_send_are_dropped, 0,
	                    4);
	tcase_add_test(tcase, accesses_that_are_no_dwords_change_nothing);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
