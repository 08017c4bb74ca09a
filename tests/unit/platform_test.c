/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports and device memory of the child's machine. */
#include "unit.h"

#include "root-partition/vm/model/platform.h"

static struct platform platform;

static void setup(void)
{
	platform_reset(&platform);
}

static uint32_t in(uint16_t port, unsigned int bytes)
{
	uint32_t value;

	(void)platform_port_read(&platform, port, bytes, 0, &value);
	return value;
}

static void out(uint16_t port, unsigned int bytes, uint32_t value)
{
	(void)platform_port_write(&platform, port, bytes, value);
}

START_TEST(unknown_ports_read_ones_and_are_told_as_unknown)
{
	uint32_t value;

	ck_assert(!platform_port_read(&platform, 0x1234, 4, 0, &value));
	ck_assert_uint_eq(value, 0xffffffff);
	ck_assert(!platform_port_write(&platform, 0x1234, 4, 0));
	ck_assert(!platform_port_read(&platform, 0xffff, 4, 0, &value));
	ck_assert_uint_eq(value, 0xffffffff);
	ck_assert(!platform_port_read(&platform, 0x62, 1, 0, &value));
	ck_assert_uint_eq(value, 0xff);
}
END_TEST

START_TEST(a_serial_byte_comes_out_and_its_interrupt_is_an_edge)
{
	struct ioapic_delivery delivery;

	ioapic_model_write(&platform.ioapic, 0, 4, 0x10 + 2 * 4);
	ioapic_model_write(&platform.ioapic, 0x10, 4, 0x31);
	out(0x3fc, 1, 0x0b);
	out(0x3f9, 1, 0x02);
	ck_assert(ioapic_model_take(&platform.ioapic, &delivery));
	out(0x3f8, 1, 'a');
	ck_assert(ioapic_model_take(&platform.ioapic, &delivery));
	out(0x3f8, 1, 'b');
	ck_assert(ioapic_model_take(&platform.ioapic, &delivery));
	ck_assert_uint_eq(platform.output_count, 2);
	ck_assert_uint_eq(platform.output[1], 'b');
}
END_TEST

START_TEST(output_nobody_takes_is_dropped_not_overrun)
{
	for (int i = 0; i < 1000; i++)
		out(0x3f8, 1, 'x');
	ck_assert_uint_eq(platform.output_count, PLATFORM_OUTPUT_BYTES);
}
END_TEST

START_TEST(the_pci_bus_is_there_and_empty)
{
	out(0xcf8, 4, 0x80000000);
	ck_assert_uint_eq(in(0xcf8, 4), 0x80000000);
	ck_assert_uint_eq(in(0xcfc, 4), 0xffffffff);
	ck_assert_uint_eq(in(0xcfe, 2), 0xffff);
	out(0xcf8, 4, 0xffffffff);
	ck_assert_uint_eq(in(0xcf8, 4), 0x80fffffc);
	ck_assert_int_eq(platform.power, PLATFORM_RUNNING);
}
END_TEST

START_TEST(only_sleep_type_five_with_enable_powers_off)
{
	out(0x600, 1, 0x20 | 3 << 2);
	out(0x600, 1, 5 << 2);
	ck_assert_int_eq(platform.power, PLATFORM_RUNNING);
	out(0x600, 1, 0x20 | 5 << 2);
	ck_assert_int_eq(platform.power, PLATFORM_OFF);
}
END_TEST

START_TEST(every_way_to_reset_resets)
{
	static const struct {
		uint16_t port;
		uint8_t value;
	} ways[] = { { 0x602, 1 }, { 0xcf9, 6 }, { 0x64, 0xfe }, { 0x92, 1 } };

	out(ways[_i].port, 1, 0);
	ck_assert_int_eq(platform.power, PLATFORM_RUNNING);
	out(ways[_i].port, 1, ways[_i].value);
	ck_assert_int_eq(platform.power, PLATFORM_RESET);
}
END_TEST

START_TEST(who_polls_a_port_is_let_go)
{
	static const struct {
		uint16_t port;
		uint8_t mask, value;
	} polled[] = {
		{ 0x64, 0x02, 0x00 }, /* i8042: its input buffer takes a command */
		{ 0x64, 0x01, 0x00 }, /* and its output buffer has nothing to be read */
		{ 0x61, 0xc0, 0x00 }, /* no NMI has SERR or IOCHK as its reason */
		{ 0x61, 0x20, 0x20 }, /* timer 2 has counted down */
		{ 0x92, 0x02, 0x02 }, /* A20 is on */
		{ 0x71, 0x80, 0x00 }, /* the clock is not being updated */
		{ 0x3fd, 0x60,
		  0x60 }, /* COM1 takes a byte, though one was just written */
		{ 0x601, 0x80, 0x00 }, /* no wake status of ACPI's */
	};

	out(0x70, 1, 0x0a);
	out(0x3f8, 1, 'x');
	ck_assert_uint_eq(in(polled[_i].port, 1) & polled[_i].mask, polled[_i].value);
	/* Refresh goes on and off, for those who count its turns. */
	ck_assert_uint_eq((in(0x61, 1) ^ in(0x61, 1)) & 0x10, 0x10);
}
END_TEST

START_TEST(what_is_written_back_with_a_bit_more_does_not_reset)
{
	out(0x92, 1, in(0x92, 1) | 2);
	out(0xcf9, 1, in(0xcf9, 1) | 2);
	out(0x61, 1, in(0x61, 1) | 3);
	ck_assert_uint_eq(in(0x61, 1) & 0xcf, 3);
	ck_assert_uint_eq(in(0xcf9, 1), 2);
	ck_assert_int_eq(platform.power, PLATFORM_RUNNING);
}
END_TEST

START_TEST(memory_beside_the_ioapic_reads_ones)
{
	uint64_t value;

	ck_assert(!platform_memory_read(&platform, 0xfec01000, 8, &value));
	ck_assert_uint_eq(value, UINT64_MAX);
	ck_assert(!platform_memory_read(&platform, 0xfebfffff, 1, &value));
	ck_assert_uint_eq(value, 0xff);
	ck_assert(platform_memory_write(&platform, 0xfec00000, 4, 1));
	ck_assert(platform_memory_read(&platform, 0xfec00010, 4, &value));
	ck_assert_uint_eq(value, 0x00170011);
}
END_TEST

START_TEST(input_raises_the_interrupt)
{
	struct ioapic_delivery delivery;

	ioapic_model_write(&platform.ioapic, 0, 4, 0x10 + 2 * 4);
	ioapic_model_write(&platform.ioapic, 0x10, 4, 0x31);
	out(0x3fc, 1, 0x0b);
	out(0x3f9, 1, 0x01);
	platform_input(&platform, (const uint8_t *)"x", 1);
	ck_assert(ioapic_model_take(&platform.ioapic, &delivery));
	ck_assert_uint_eq(platform_input_room(&platform), 0);
	ck_assert_uint_eq(in(0x3f8, 1), 'x');
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("platform");
	TCase *tcase = tcase_create("model");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, unknown_ports_read_ones_and_are_told_as_unknown);
	tcase_add_test(tcase, a_serial_byte_comes_out_and_its_interrupt_is_an_edge);
	tcase_add_test(tcase, output_nobody_takes_is_dropped_not_overrun);
	tcase_add_test(tcase, the_pci_bus_is_there_and_empty);
	tcase_add_test(tcase, only_sleep_type_five_with_enable_powers_off);
	tcase_add_loop_test(tcase, every_way_to_reset_resets, 0, 4);
	tcase_add_loop_test(tcase, who_polls_a_port_is_let_go, 0, 8);
	tcase_add_test(tcase, what_is_written_back_with_a_bit_more_does_not_reset);
	tcase_add_test(tcase, memory_beside_the_ioapic_reads_ones);
	tcase_add_test(tcase, input_raises_the_interrupt);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
