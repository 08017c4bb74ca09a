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

START_TEST(of_all_registers_these_answer)
{
	write_register(0, 0xffffffff);
	for (unsigned int number = 0; number < 256; number++) {
		bool table = number >= 0x10 && number < 0x40;
		uint32_t value = number == 0 || number == 2 ? 0x0f000000 :
		                 number == 1                ? 0x00170011 :
		                 table && number % 2 == 0   ? 0x00010000 :
		                                              0;

		ck_assert_uint_eq(read_register((uint8_t)number), value);
	}
	for (unsigned int number = 1; number < 256; number++)
		write_register((uint8_t)number, 0xffffffff);
	for (unsigned int number = 0; number < 256; number++) {
		bool table = number >= 0x10 && number < 0x40;
		uint32_t value = number == 0 || number == 2 ? 0x0f000000 :
		                 number == 1                ? 0x00170011 :
		                 !table                     ? 0 :
		                 number % 2 == 0            ? 0x0001afff :
		                                              0xff000000;

		ck_assert_uint_eq(read_register((uint8_t)number), value);
	}
}
END_TEST

START_TEST(a_delivery_says_what_its_entry_says)
{
	static const struct {
		uint64_t entry;
		struct ioapic_delivery delivery;
	} cases[] = {
		{ 0x10, { 0x10, HV_INTERRUPT_FIXED, 0, false, false } },
		{ UINT64_C(0xff) << 56 | 0x1ff,
		  { 0xff, HV_INTERRUPT_LOWEST_PRIORITY, 0xff, false, false } },
		{ UINT64_C(0x81) << 56 | 0x400,
		  { 0, HV_INTERRUPT_NMI, 0x81, false, false } },
		{ 0x800 | 0x33, { 0x33, HV_INTERRUPT_FIXED, 0, true, false } },
		{ LEVEL | 0x900 | 0x44,
		  { 0x44, HV_INTERRUPT_LOWEST_PRIORITY, 0, true, true } },
	};
	const struct ioapic_delivery *expected = &cases[_i].delivery;

	write_entry(23, cases[_i].entry);
	ioapic_model_set_line(&ioapic, 23, true);
	ck_assert(ioapic_model_take(&ioapic, &delivery));
	ck_assert_uint_eq(delivery.vector, expected->vector);
	ck_assert_uint_eq(delivery.mode, expected->mode);
	ck_assert_uint_eq(delivery.destination, expected->destination);
	ck_assert_int_eq(delivery.logical, expected->logical);
	ck_assert_int_eq(delivery.level, expected->level);
	ck_assert(!ioapic_model_take(&ioapic, &delivery));
}
END_TEST

START_TEST(pins_that_there_are_not_have_no_line)
{
	static const unsigned int pins[] = { 24, 25, 31, 0xffffffff };

	ioapic_model_set_line(&ioapic, pins[_i], true);
	ck_assert_uint_eq(ioapic.lines, 0);
	ck_assert(!ioapic_model_take(&ioapic, &delivery));
}
END_TEST

START_TEST(pending_pins_are_delivered_one_by_one_past_those_that_cannot_be)
{
	write_entry(3, 0x33);
	write_entry(5, 0x05); /* no vector */
	write_entry(7, LEVEL | 0x77);
	ioapic_model_set_line(&ioapic, 7, true);
	ioapic_model_set_line(&ioapic, 5, true);
	ioapic_model_set_line(&ioapic, 3, true);
	ck_assert(ioapic_model_take(&ioapic, &delivery));
	ck_assert_uint_eq(delivery.vector, 0x33);
	ck_assert(ioapic_model_take(&ioapic, &delivery));
	ck_assert_uint_eq(delivery.vector, 0x77);
	ck_assert(!ioapic_model_take(&ioapic, &delivery));
}
END_TEST

START_TEST(masking_takes_back_what_is_pending)
{
	write_entry(4, 0x31);
	ioapic_model_set_line(&ioapic, 4, true);
	write_entry(4, MASKED | 0x31);
	write_entry(4, 0x31);
	ck_assert(!ioapic_model_take(&ioapic, &delivery));
}
END_TEST

START_TEST(an_eoi_reaches_every_pin_of_its_vector)
{
	write_entry(2, LEVEL | 0x41);
	write_entry(9, LEVEL | 0x41);
	write_entry(10, LEVEL | 0x42);
	for (unsigned int pin = 2; pin < 11; pin++)
		ioapic_model_set_line(&ioapic, pin, true);
	for (int i = 0; i < 3; i++)
		ck_assert(ioapic_model_take(&ioapic, &delivery));
	ioapic_model_eoi(&ioapic, 0x41);
	ck_assert_uint_eq(ioapic.pending, 1u << 2 | 1u << 9);
	ck_assert_uint_eq(read_register(0x10 + 20) & 0x4000, 0x4000);
	write_entry(0, 0x42); /* an edge has no EOI */
	write_entry(23, LEVEL | 0x43);
	ioapic_model_set_line(&ioapic, 23, true);
	for (int i = 0; i < 3; i++)
		ck_assert(ioapic_model_take(&ioapic, &delivery));
	ioapic_model_eoi(&ioapic, 0x43);
	ck_assert_uint_eq(ioapic.pending, 1u << 23);
	ck_assert_uint_eq(read_register(0x10), 0x42);
}
END_TEST

START_TEST(a_level_in_service_waits_whatever_its_line_does)
{
	write_entry(9, LEVEL | 0x41);
	ioapic_model_set_line(&ioapic, 9, true);
	ck_assert(ioapic_model_take(&ioapic, &delivery));
	ioapic_model_set_line(&ioapic, 9, false);
	ioapic_model_set_line(&ioapic, 9, true);
	ck_assert_uint_eq(ioapic.pending, 0);
	write_register(0x10 + 18, LEVEL | MASKED | 0x41);
	ioapic_model_eoi(&ioapic, 0x41);
	ck_assert_uint_eq(ioapic.pending, 0); /* and masked it does not come */
	ck_assert_uint_eq(read_register(0x10 + 18), LEVEL | MASKED | 0x41);
}
END_TEST

START_TEST(only_dwords_are_read)
{
	static const unsigned int sizes[] = { 1, 2, 8 };

	ioapic_model_write(&ioapic, 0, 4, 0x101);
	ck_assert_uint_eq(ioapic_model_read(&ioapic, 0, 4), 1);
	ck_assert_uint_eq(ioapic_model_read(&ioapic, 0x10, sizes[_i]), 0);
	ck_assert_uint_eq(ioapic_model_read(&ioapic, 0, sizes[_i]), 0);
	ck_assert_uint_eq(ioapic_model_read(&ioapic, 0x11, 4), 0);
	ck_assert_uint_eq(ioapic_model_read(&ioapic, 4, 4), 0);
	ioapic_model_write(&ioapic, 0, sizes[_i], 2);
	ck_assert_uint_eq(ioapic_model_read(&ioapic, 0, 4), 1);
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
	tcase_add_test(tcase, of_all_registers_these_answer);
	tcase_add_loop_test(tcase, a_delivery_says_what_its_entry_says, 0, 5);
	tcase_add_loop_test(tcase, pins_that_there_are_not_have_no_line, 0, 4);
	tcase_add_test(tcase,
	               pending_pins_are_delivered_one_by_one_past_those_that_cannot_be);
	tcase_add_test(tcase, masking_takes_back_what_is_pending);
	tcase_add_test(tcase, an_eoi_reaches_every_pin_of_its_vector);
	tcase_add_test(tcase, a_level_in_service_waits_whatever_its_line_does);
	tcase_add_loop_test(tcase, only_dwords_are_read, 0, 3);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
