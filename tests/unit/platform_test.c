/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports and device memory of the child's machine. */
#include "unit.h"

#include "root-partition/vm/model/platform.h"

static struct platform platform;
static struct platform_time now;

static void setup(void)
{
	platform_reset(&platform);
	now = (struct platform_time){ .unix_seconds = 1000000 };
}

static uint32_t in(uint16_t port, unsigned int bytes)
{
	uint32_t value;

	(void)platform_port_read(&platform, port, bytes, &now, &value);
	return value;
}

static void out(uint16_t port, unsigned int bytes, uint32_t value)
{
	(void)platform_port_write(&platform, port, bytes, &now, value);
}

START_TEST(unknown_ports_read_ones_and_are_told_as_unknown)
{
	uint32_t value;

	ck_assert(!platform_port_read(&platform, 0x1234, 4, &now, &value));
	ck_assert_uint_eq(value, 0xffffffff);
	ck_assert(!platform_port_write(&platform, 0x1234, 4, &now, 0));
	ck_assert(!platform_port_read(&platform, 0xffff, 4, &now, &value));
	ck_assert_uint_eq(value, 0xffffffff);
	ck_assert(!platform_port_read(&platform, 0x62, 1, &now, &value));
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

START_TEST(a_timer_or_retrace_that_is_waited_for_comes)
{
	out(0x61, 1, 1);
	out(0x43, 1, 0xb0);
	out(0x42, 1, 0x9c);
	out(0x42, 1, 0x2e); /* 10 ms */
	ck_assert_uint_eq(in(0x61, 1) & 0x20, 0);
	now.monotonic_ns += 11000000;
	ck_assert_uint_eq(in(0x61, 1) & 0x20, 0x20);
	out(0x43, 1, 0x34);
	out(0x40, 1, 0);
	out(0x40, 1, 0);
	now.monotonic_ns += 1000000;
	ck_assert_uint_lt(in(0x40, 1) | in(0x40, 1) << 8, 65536 - 1000);
	ck_assert_uint_eq((in(0x3da, 1) ^ in(0x3da, 1)) & 9, 9);
	ck_assert_uint_eq((in(0x3ba, 1) ^ in(0x3ba, 1)) & 9, 9);
}
END_TEST

START_TEST(an_alarm_is_an_edge_of_irq_8)
{
	struct ioapic_delivery delivery;

	ioapic_model_write(&platform.ioapic, 0, 4, 0x10 + 2 * 8);
	ioapic_model_write(&platform.ioapic, 0x10, 4, 0x38);
	for (uint8_t alarm = 1; alarm <= 5; alarm += 2) {
		out(0x70, 1, alarm);
		out(0x71, 1, 0xff); /* any */
	}
	ck_assert_uint_eq(platform_event(&platform), 0);
	out(0x70, 1, 0x0b);
	out(0x71, 1, 0x22);
	ck_assert_uint_eq(platform_event(&platform), now.unix_seconds + 1);
	platform_tick(&platform, now.unix_seconds);
	ck_assert(!ioapic_model_take(&platform.ioapic, &delivery));
	now.unix_seconds++;
	platform_tick(&platform, now.unix_seconds);
	ck_assert(ioapic_model_take(&platform.ioapic, &delivery));
	ck_assert_uint_eq(delivery.vector, 0x38);
	ck_assert_uint_eq(platform_event(&platform), 0); /* until it is taken */
	now.unix_seconds++;
	platform_tick(&platform, now.unix_seconds);
	ck_assert(!ioapic_model_take(&platform.ioapic, &delivery));
	out(0x70, 1, 0x0c);
	ck_assert_uint_eq(in(0x71, 1), 0xb0);
	ck_assert_uint_eq(in(0x71, 1), 0);
	ck_assert_uint_eq(platform_event(&platform), now.unix_seconds + 1);
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

/* Every port that answers when the machine is new, and what it says; others read ones. */
static const struct {
	uint16_t port;
	uint8_t value;
	bool read, written;
} ports[] = {
	{ 0x040, 0x00, true, true },  { 0x041, 0x00, true, true },
	{ 0x042, 0x00, true, true },  { 0x043, 0xff, true, true },
	{ 0x060, 0x00, true, true },  { 0x061, 0x30, true, true },
	{ 0x064, 0x00, true, true },  { 0x070, 0xff, true, true },
	{ 0x071, 0x00, true, true },  { 0x092, 0x02, true, true },
	{ 0x3ba, 0x09, true, false }, { 0x3da, 0x00, true, false },
	{ 0x3f8, 0x00, true, true },  { 0x3f9, 0x00, true, true },
	{ 0x3fa, 0x01, true, true },  { 0x3fb, 0x00, true, true },
	{ 0x3fc, 0x00, true, true },  { 0x3fd, 0x60, true, true },
	{ 0x3fe, 0xb0, true, true },  { 0x3ff, 0x00, true, true },
	{ 0x600, 0x00, true, true },  { 0x601, 0x00, true, true },
	{ 0x602, 0xff, false, true }, { 0xcf8, 0xff, true, true },
	{ 0xcf9, 0x00, true, true },  { 0xcfa, 0xff, true, true },
	{ 0xcfb, 0xff, true, true },  { 0xcfc, 0xff, true, true },
	{ 0xcfd, 0xff, true, true },  { 0xcfe, 0xff, true, true },
	{ 0xcff, 0xff, true, true },
};
enum { PORTS = sizeof(ports) / sizeof(ports[0]) };

START_TEST(of_all_ports_these_answer)
{
	static const struct platform_time epoch;
	unsigned int next = 0;

	for (unsigned int port = 0; port < 0x10000; port++) {
		bool here = next < PORTS && ports[next].port == port;
		uint32_t value = 1;

		ck_assert_int_eq(platform_port_read(&platform, (uint16_t)port, 1, &epoch,
		                                    &value),
		                 here && ports[next].read);
		ck_assert_uint_eq(value, here ? ports[next].value : 0xff);
		ck_assert_int_eq(platform_port_write(&platform, (uint16_t)port, 1, &epoch,
		                                     0),
		                 here && ports[next].written);
		next += here;
	}
	ck_assert_uint_eq(next, PORTS);
	ck_assert_int_eq(platform.power, PLATFORM_RUNNING);
}
END_TEST

START_TEST(a_wide_access_goes_to_every_byte)
{
	uint32_t value;

	ck_assert(platform_port_read(&platform, 0x5f, 4, &now, &value));
	ck_assert_uint_eq(value, 0xff3000ff);
	ck_assert(platform_port_read(&platform, 0x63, 2, &now, &value));
	ck_assert_uint_eq(value, 0x00ff);
	ck_assert(platform_port_read(&platform, 0x64, 2, &now, &value));
	ck_assert_uint_eq(value, 0xff00);
	ck_assert(!platform_port_read(&platform, 0x62, 2, &now, &value));
	ck_assert(platform_port_write(&platform, 0x60, 2, &now, 0x0500));
	ck_assert_uint_eq(in(0x61, 1) & 0x0f, 5);
	ck_assert(platform_port_write(&platform, 0x5f, 2, &now, 0));
	ck_assert(!platform_port_write(&platform, 0x5e, 2, &now, 0));
	ck_assert(platform_port_write(&platform, 0x601, 2, &now, 0x0100));
	ck_assert_int_eq(platform.power, PLATFORM_RESET);
}
END_TEST

START_TEST(the_pci_address_is_a_dword)
{
	out(0xcf8, 4, 0x80001234);
	out(0xcf8, 2, 0xfbff);
	out(0xcfa, 2, 0xffff);
	ck_assert_uint_eq(in(0xcf8, 4), 0x80001234);
	ck_assert_uint_eq(in(0xcf8, 2), 0x0aff);
	ck_assert_uint_eq(in(0xcf9, 4), 0xffffff0a);
}
END_TEST

START_TEST(bits_that_are_kept_are_kept_and_no_other)
{
	out(0xcf9, 1, 0xfb);
	ck_assert_uint_eq(in(0xcf9, 1), 0x0a);
	out(0x61, 1, 0xff);
	ck_assert_uint_eq(in(0x61, 1), 0x3f);
	ck_assert_uint_eq(in(0x61, 1), 0x2f);
	out(0x61, 1, 0x00);
	ck_assert_uint_eq(in(0x61, 1), 0x30);
	out(0x61, 1, 0x01); /* the turn of refresh is not the guest's to write */
	ck_assert_uint_eq(in(0x61, 1), 0x21);
	out(0x92, 1, 0xfe);
	ck_assert_uint_eq(in(0x92, 1), 0x02);
	ck_assert_int_eq(platform.power, PLATFORM_RUNNING);
}
END_TEST

START_TEST(no_other_value_changes_the_power)
{
	for (unsigned int value = 0; value < 256; value++) {
		bool off = (value & 0x20) && (value >> 2 & 7) == 5;

		platform.power = PLATFORM_RUNNING;
		out(0x600, 1, value);
		ck_assert_int_eq(platform.power, off ? PLATFORM_OFF : PLATFORM_RUNNING);
		platform.power = PLATFORM_RUNNING;
		out(0x602, 1, value);
		ck_assert_int_eq(platform.power == PLATFORM_RESET, value == 1);
		platform.power = PLATFORM_RUNNING;
		out(0x64, 1, value);
		ck_assert_int_eq(platform.power == PLATFORM_RESET, value == 0xfe);
		platform.power = PLATFORM_RUNNING;
		out(0xcf9, 1, value);
		ck_assert_int_eq(platform.power == PLATFORM_RESET, (value & 4) != 0);
		platform.power = PLATFORM_RUNNING;
		out(0x92, 1, value);
		ck_assert_int_eq(platform.power == PLATFORM_RESET, (value & 1) != 0);
		platform.power = PLATFORM_RUNNING;
		out(0x601, 1, value);
		out(0x60, 1, value);
		ck_assert_int_eq(platform.power, PLATFORM_RUNNING);
	}
}
END_TEST

START_TEST(the_clock_is_chosen_and_read_through_its_ports)
{
	uint32_t value;

	out(0x70, 1, 0x02);
	ck_assert(platform_port_read(&platform, 0x71, 1,
	                             &(struct platform_time){ .unix_seconds = 59 * 60 },
	                             &value));
	ck_assert_uint_eq(value, 0x59);
	out(0x70, 2, 0xa540); /* index and data in one access */
	ck_assert_uint_eq(in(0x71, 1), 0xa5);
}
END_TEST

START_TEST(device_memory_ends_where_it_ends)
{
	static const struct {
		uint64_t gpa, value;
		unsigned int bytes;
	} beside[] = {
		{ 0xfec01000, 0xff, 1 },       { 0xfebfffff, 0xffff, 2 },
		{ 0xfec01000, 0xffffffff, 4 }, { 0xfebffff8, UINT64_MAX, 8 },
		{ 0, 0xffffffff, 4 },          { UINT64_MAX, 0xff, 1 },
	};
	uint64_t value = 1;

	for (unsigned int i = 0; i < 6; i++) {
		ck_assert(!platform_memory_read(&platform, beside[i].gpa, beside[i].bytes,
		                                &value));
		ck_assert_uint_eq(value, beside[i].value);
		ck_assert(!platform_memory_write(&platform, beside[i].gpa,
		                                 beside[i].bytes, 0));
	}
	ck_assert(platform_memory_read(&platform, 0xfec00fff, 1, &value));
	ck_assert(platform_memory_write(&platform, 0xfec00fff, 1, 0));
	ck_assert(platform_memory_write(&platform, 0xfec00000, 4, 0x12));
	ck_assert(platform_memory_read(&platform, 0xfec00000, 4, &value));
	ck_assert_uint_eq(value, 0x12);
}
END_TEST

START_TEST(reading_input_lowers_the_line_and_room_follows_the_fifo)
{
	struct ioapic_delivery delivery;

	out(0x3fa, 1, 0x01);
	ck_assert_uint_eq(platform_input_room(&platform), 16);
	ioapic_model_write(&platform.ioapic, 0, 4, 0x10 + 2 * 4);
	ioapic_model_write(&platform.ioapic, 0x10, 4, 0x31);
	out(0x3fc, 1, 0x0b);
	out(0x3f9, 1, 0x01);
	platform_input(&platform, (const uint8_t *)"xyz", 3);
	ck_assert_uint_eq(platform_input_room(&platform), 13);
	ck_assert(ioapic_model_take(&platform.ioapic, &delivery));
	ck_assert_uint_eq(in(0x3f8, 1), 'x');
	ck_assert_uint_eq(in(0x3f8, 1), 'y');
	ck_assert_uint_eq(in(0x3f8, 1), 'z');
	platform_input(&platform, (const uint8_t *)"!", 1);
	ck_assert(ioapic_model_take(&platform.ioapic, &delivery)); /* a new edge */
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
	tcase_add_test(tcase, a_timer_or_retrace_that_is_waited_for_comes);
	tcase_add_test(tcase, an_alarm_is_an_edge_of_irq_8);
	tcase_add_test(tcase, what_is_written_back_with_a_bit_more_does_not_reset);
	tcase_add_test(tcase, memory_beside_the_ioapic_reads_ones);
	tcase_add_test(tcase, input_raises_the_interrupt);
	tcase_add_test(tcase, of_all_ports_these_answer);
	tcase_add_test(tcase, a_wide_access_goes_to_every_byte);
	tcase_add_test(tcase, the_pci_address_is_a_dword);
	tcase_add_test(tcase, bits_that_are_kept_are_kept_and_no_other);
	tcase_add_test(tcase, no_other_value_changes_the_power);
	tcase_add_test(tcase, the_clock_is_chosen_and_read_through_its_ports);
	tcase_add_test(tcase, device_memory_ends_where_it_ends);
	tcase_add_test(tcase, reading_input_lowers_the_line_and_room_follows_the_fifo);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
