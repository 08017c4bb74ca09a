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

START_TEST(registers_of_a_new_port)
{
	static const uint8_t values[] = { 0, 0, 1, 0, 0, 0x60, 0xb0, 0, 0xff };

	uart_reset(&uart);
	for (unsigned int port = 0; port < 9; port++)
		ck_assert_uint_eq(uart_read(&uart, port), values[port]);
	uart_write(&uart, 3, 0x80);
	ck_assert_uint_eq(uart_read(&uart, 0), 12); /* 9600 baud */
	ck_assert_uint_eq(uart_read(&uart, 1), 0);
}
END_TEST

START_TEST(registers_keep_their_bits_and_two_are_read_only)
{
	static const struct {
		uint8_t port, kept;
	} cases[] = { { 1, 0x0f }, { 3, 0xff }, { 4, 0x1f },
		      { 5, 0x60 }, { 6, 0xb0 }, { 7, 0xff } };

	uart_reset(&uart);
	uart_write(&uart, cases[_i].port, 0xff);
	ck_assert_uint_eq(uart_read(&uart, cases[_i].port), cases[_i].kept);
}
END_TEST

START_TEST(the_line_says_that_data_is_there)
{
	ck_assert_uint_eq(uart_read(&uart, 5), 0x60);
	uart_receive(&uart, 'a');
	ck_assert_uint_eq(uart_read(&uart, 5), 0x61);
	uart_receive(&uart, 'b'); /* one too many */
	ck_assert_uint_eq(uart_read(&uart, 5), 0x63);
	ck_assert_uint_eq(uart_read(&uart, 5), 0x61);
	uart_write(&uart, 0, 'x');
	ck_assert_uint_eq(uart_read(&uart, 5), 0x01);
	ck_assert_uint_eq(uart_read(&uart, 0), 'a');
	ck_assert_uint_eq(uart_read(&uart, 0), 0); /* nothing */
	ck_assert_uint_eq(uart_read(&uart, 5), 0x00);
}
END_TEST

START_TEST(causes_have_their_order)
{
	uart_receive(&uart, 'a');
	uart_receive(&uart, 'b');
	ck_assert_uint_eq(uart_read(&uart, 2), 0x01); /* none is enabled */
	uart_write(&uart, 1, 0x07);
	ck_assert_uint_eq(uart_read(&uart, 2), 0x06);
	ck_assert_uint_eq(uart_read(&uart, 2), 0x06);
	(void)uart_read(&uart, 5);
	ck_assert_uint_eq(uart_read(&uart, 2), 0x04);
	(void)uart_read(&uart, 0);
	ck_assert_uint_eq(uart_read(&uart, 2), 0x02);
	ck_assert_uint_eq(uart_read(&uart, 2), 0x01);
	ck_assert(!uart_interrupt(&uart));
}
END_TEST

START_TEST(each_cause_needs_its_own_bit)
{
	static const struct {
		uint8_t enable, cause;
	} cases[] = { { 0x04, 0x06 }, { 0x01, 0x04 }, { 0x02, 0x02 }, { 0x08, 0x01 } };

	uart_receive(&uart, 'a');
	uart_receive(&uart, 'b');
	uart_write(&uart, 1, cases[_i].enable);
	ck_assert_int_eq(uart_interrupt(&uart), cases[_i].cause != 1);
	ck_assert_uint_eq(uart_read(&uart, 2), cases[_i].cause);
}
END_TEST

START_TEST(triggers_are_at_1_4_8_and_14)
{
	static const unsigned int levels[] = { 1, 4, 8, 14 };

	uart_write(&uart, 2, (uint8_t)(_i << 6 | 1));
	uart_write(&uart, 1, 0x01);
	for (unsigned int count = 1; count <= 16; count++) {
		uart_receive(&uart, 'a');
		ck_assert_uint_eq(uart_read(&uart, 2), count < levels[_i] ? 0xcc : 0xc4);
		ck_assert_uint_eq(uart_room(&uart), 16 - count);
	}
}
END_TEST

START_TEST(bytes_keep_their_order_around_the_fifo)
{
	uint8_t sent = 0, seen = 0;

	uart_write(&uart, 2, 0x01);
	for (int round = 0; round < 40; round++) {
		for (int i = 0; i < 5; i++)
			uart_receive(&uart, sent++);
		for (int i = 0; i < 5; i++)
			ck_assert_uint_eq(uart_read(&uart, 0), seen++);
	}
}
END_TEST

START_TEST(a_fifo_is_cleared_by_its_bit_and_by_being_switched)
{
	static const struct {
		uint8_t value;
		unsigned int left;
	} cases[] = { { 0x01, 2 }, { 0x03, 0 }, { 0x05, 2 }, { 0x00, 0 }, { 0xc1, 2 } };

	uart_write(&uart, 2, 0x01);
	uart_receive(&uart, 'a');
	uart_receive(&uart, 'b');
	uart_write(&uart, 2, cases[_i].value);
	ck_assert_uint_eq(uart_read(&uart, 5) & 1, cases[_i].left != 0);
	ck_assert_uint_eq(uart_room(&uart),
	                  cases[_i].value & 1 ? 16 - cases[_i].left : 1);
}
END_TEST

START_TEST(clearing_what_is_sent_says_that_it_is_empty)
{
	static const struct {
		uint8_t value;
		bool empty;
	} cases[] = { { 0x01, false }, { 0x05, true }, { 0x03, false }, { 0x00, true } };

	uart_write(&uart, 2, 0x01);
	uart_write(&uart, 1, 0x02);
	(void)uart_read(&uart, 2);
	ck_assert(!uart_interrupt(&uart));
	uart_write(&uart, 2, cases[_i].value);
	ck_assert_int_eq(uart_interrupt(&uart), cases[_i].empty);
}
END_TEST

START_TEST(the_triggers_of_a_fifo_that_is_off_are_forgotten)
{
	uart_write(&uart, 2, 0xc0);
	uart_write(&uart, 1, 0x01);
	uart_receive(&uart, 'a');
	ck_assert_uint_eq(uart_read(&uart, 2), 0x04);
	ck_assert_uint_eq(uart.fifo_control, 0);
	uart_write(&uart, 2, 0xff);
	ck_assert_uint_eq(uart.fifo_control, 0xc9);
}
END_TEST

START_TEST(enabling_anew_says_empty_only_where_it_was_off_and_is_empty)
{
	uart_write(&uart, 1, 0x02);
	(void)uart_read(&uart, 2);
	uart_write(&uart, 1, 0x03);
	ck_assert(!uart_interrupt(&uart));
	uart_write(&uart, 1, 0x01);
	uart_write(&uart, 1, 0x03);
	ck_assert(uart_interrupt(&uart));
	uart_write(&uart, 1, 0x00);
	uart_write(&uart, 0, 'x');
	uart_write(&uart, 1, 0x02);
	ck_assert(!uart_interrupt(&uart));
	uart_write(&uart, 1, 0x00);
	uart_write(&uart, 1, 0x0d); /* others raise nothing */
	ck_assert(!uart_interrupt(&uart));
}
END_TEST

START_TEST(loopback_wires_each_line_to_one)
{
	for (unsigned int outputs = 0; outputs < 16; outputs++) {
		unsigned int inputs = (outputs & 2 ? 0x10 : 0) |
		                      (outputs & 1 ? 0x20 : 0) |
		                      (outputs & 4 ? 0x40 : 0) | (outputs & 8 ? 0x80 : 0);

		uart_write(&uart, 4, (uint8_t)(0x10 | outputs));
		ck_assert_uint_eq(uart_read(&uart, 6), inputs);
	}
	uart_write(&uart, 1, 0x02);
	ck_assert(!uart_interrupt(&uart)); /* though OUT2 is on */
	uart_write(&uart, 4, 0x08);
	ck_assert(uart_interrupt(&uart));
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
	tcase_add_test(tcase, registers_of_a_new_port);
	tcase_add_loop_test(tcase, registers_keep_their_bits_and_two_are_read_only, 0, 6);
	tcase_add_test(tcase, the_line_says_that_data_is_there);
	tcase_add_test(tcase, causes_have_their_order);
	tcase_add_loop_test(tcase, each_cause_needs_its_own_bit, 0, 4);
	tcase_add_loop_test(tcase, triggers_are_at_1_4_8_and_14, 0, 4);
	tcase_add_test(tcase, bytes_keep_their_order_around_the_fifo);
	tcase_add_loop_test(tcase, a_fifo_is_cleared_by_its_bit_and_by_being_switched, 0,
	                    5);
	tcase_add_loop_test(tcase, clearing_what_is_sent_says_that_it_is_empty, 0, 4);
	tcase_add_test(tcase, the_triggers_of_a_fifo_that_is_off_are_forgotten);
	tcase_add_test(tcase,
	               enabling_anew_says_empty_only_where_it_was_off_and_is_empty);
	tcase_add_test(tcase, loopback_wires_each_line_to_one);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
