/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The serial port as a driver sees it. */
#include "unit.h"

#include "root-partition/vm/model/uart.h"

static struct uart uart;

static void setup(void)
{
	uart_reset(&uart);
	uart_write(&uart, 4, 0x0b); /* DTR, RTS, OUT2 */
}

START_TEST(a_byte_written_is_a_byte_taken)
{
	uint8_t byte;

	ck_assert(!uart_take_output(&uart, &byte));
	uart_write(&uart, 0, 'x');
	ck_assert_uint_eq(uart_read(&uart, 5) & 0x20, 0);
	ck_assert(uart_take_output(&uart, &byte));
	ck_assert_uint_eq(byte, 'x');
	ck_assert_uint_eq(uart_read(&uart, 5) & 0x60, 0x60);
}
END_TEST

START_TEST(the_empty_interrupt_comes_once_and_falls_while_a_byte_is_under_way)
{
	uint8_t byte;

	uart_write(&uart, 1, 0x02);
	ck_assert(uart_interrupt(&uart));
	ck_assert_uint_eq(uart_read(&uart, 2) & 0x0f, 0x02);
	ck_assert(!uart_interrupt(&uart));
	uart_write(&uart, 0, 'a');
	ck_assert(!uart_interrupt(&uart));
	ck_assert(uart_take_output(&uart, &byte));
	ck_assert(uart_interrupt(&uart));
	uart_write(&uart, 0, 'b');
	ck_assert(!uart_interrupt(&uart));
}
END_TEST

START_TEST(received_bytes_interrupt_until_they_are_read_in_order)
{
	uart_write(&uart, 2, 0x01);
	uart_write(&uart, 1, 0x01);
	uart_receive(&uart, 'a');
	uart_receive(&uart, 'b');
	ck_assert(uart_interrupt(&uart));
	ck_assert_uint_eq(uart_read(&uart, 0), 'a');
	ck_assert(uart_interrupt(&uart));
	ck_assert_uint_eq(uart_read(&uart, 0), 'b');
	ck_assert(!uart_interrupt(&uart));
	ck_assert_uint_eq(uart_read(&uart, 5) & 0x01, 0);
}
END_TEST

START_TEST(fewer_bytes_than_the_trigger_are_told_as_a_timeout)
{
	uart_write(&uart, 2, 0xc1); /* FIFO on, trigger 14 */
	uart_write(&uart, 1, 0x01);
	uart_receive(&uart, 'a');
	ck_assert_uint_eq(uart_read(&uart, 2), 0xcc);
	for (int i = 0; i < 13; i++)
		uart_receive(&uart, 'a');
	ck_assert_uint_eq(uart_read(&uart, 2), 0xc4);
}
END_TEST

START_TEST(a_full_fifo_drops_and_reports_the_overrun_once)
{
	uart_write(&uart, 2, 0x01);
	for (int i = 0; i < 16; i++)
		uart_receive(&uart, (uint8_t)i);
	ck_assert_uint_eq(uart_room(&uart), 0);
	uart_receive(&uart, 99);
	ck_assert_uint_eq(uart_read(&uart, 5) & 0x02, 0x02);
	ck_assert_uint_eq(uart_read(&uart, 5) & 0x02, 0);
	for (int i = 0; i < 16; i++)
		ck_assert_uint_eq(uart_read(&uart, 0), (unsigned int)i);
}
END_TEST

START_TEST(without_fifo_one_byte_fits)
{
	ck_assert_uint_eq(uart_room(&uart), 1);
	uart_receive(&uart, 'a');
	ck_assert_uint_eq(uart_room(&uart), 0);
}
END_TEST

/* What Linux's 8250 driver probes for. */
START_TEST(loopback_wires_the_modem_lines_and_the_data_back)
{
	uint8_t byte;

	uart_write(&uart, 4, 0x1a); /* loop, OUT2, RTS */
	ck_assert_uint_eq(uart_read(&uart, 6) & 0xf0, 0x90);
	uart_write(&uart, 0, 'z');
	ck_assert(!uart_take_output(&uart, &byte));
	ck_assert_uint_eq(uart_read(&uart, 0), 'z');
}
END_TEST

START_TEST(the_divisor_hides_data_and_enable_registers)
{
	uint8_t byte;

	uart_write(&uart, 3, 0x83);
	uart_write(&uart, 0, 0x01);
	uart_write(&uart, 1, 0x02);
	ck_assert(!uart_take_output(&uart, &byte));
	ck_assert_uint_eq(uart_read(&uart, 0), 1);
	ck_assert_uint_eq(uart_read(&uart, 1), 2);
	uart_write(&uart, 3, 0x03);
	ck_assert_uint_eq(uart_read(&uart, 1), 0);
}
END_TEST

START_TEST(fifo_scratch_and_enable_registers_identify_a_16550a)
{
	uart_write(&uart, 7, 0x5a);
	ck_assert_uint_eq(uart_read(&uart, 7), 0x5a);
	uart_write(&uart, 1, 0xff);
	ck_assert_uint_eq(uart_read(&uart, 1), 0x0f);
	uart_write(&uart, 1, 0);
	uart_write(&uart, 2, 0x01);
	ck_assert_uint_eq(uart_read(&uart, 2) & 0xc0, 0xc0);
	uart_write(&uart, 2, 0x00);
	ck_assert_uint_eq(uart_read(&uart, 2) & 0xc0, 0x00);
}
END_TEST

START_TEST(without_out2_no_interrupt_gets_out)
{
	uart_write(&uart, 1, 0x02);
	uart_write(&uart, 4, 0x03);
	ck_assert(!uart_interrupt(&uart));
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("uart");
	TCase *tcase = tcase_create("model");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, a_byte_written_is_a_byte_taken);
	tcase_add_test(
		tcase,
		the_empty_interrupt_comes_once_and_falls_while_a_byte_is_under_way);
	tcase_add_test(tcase, received_bytes_interrupt_until_they_are_read_in_order);
	tcase_add_test(tcase, fewer_bytes_than_the_trigger_are_told_as_a_timeout);
	tcase_add_test(tcase, a_full_fifo_drops_and_reports_the_overrun_once);
	tcase_add_test(tcase, without_fifo_one_byte_fits);
	tcase_add_test(tcase, loopback_wires_the_modem_lines_and_the_data_back);
	tcase_add_test(tcase, the_divisor_hides_data_and_enable_registers);
	tcase_add_test(tcase, fifo_scratch_and_enable_registers_identify_a_16550a);
	tcase_add_test(tcase, without_out2_no_interrupt_gets_out);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
