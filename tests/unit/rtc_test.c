/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The clock: every field against the C library's calendar, in both codings; its interrupts. */
#include "unit.h"

#include <time.h>

#include "root-partition/vm/model/rtc.h"

static struct rtc rtc;

static void setup(void)
{
	rtc_reset(&rtc);
}

static uint8_t get(uint8_t index, uint64_t now)
{
	rtc_select(&rtc, index);
	return rtc_read(&rtc, now);
}

static unsigned int decimal(uint8_t bcd)
{
	return (bcd >> 4) * 10u + (bcd & 15u);
}

static void check_time(uint64_t now)
{
	time_t unix_time = (time_t)now;
	struct tm tm;

	gmtime_r(&unix_time, &tm);
	ck_assert_int_eq(decimal(get(0x00, now)), tm.tm_sec);
	ck_assert_int_eq(decimal(get(0x02, now)), tm.tm_min);
	ck_assert_int_eq(decimal(get(0x04, now)), tm.tm_hour);
	ck_assert_int_eq(decimal(get(0x06, now)), tm.tm_wday + 1);
	ck_assert_int_eq(decimal(get(0x07, now)), tm.tm_mday);
	ck_assert_int_eq(decimal(get(0x08, now)), tm.tm_mon + 1);
	ck_assert_int_eq(decimal(get(0x09, now)), tm.tm_year % 100);
	ck_assert_int_eq(decimal(get(0x32, now)), (tm.tm_year + 1900) / 100);
}

START_TEST(every_field_agrees_with_the_calendar)
{
	static const uint64_t times[] = {
		0,
		951782400, /* 2000-02-29 */
		951868799,
		1709164800 /* 2024-02-29 */,
		4107542400 /* 2100-03-01 */,
		1767225599,
		1767225600,
		32503680000,
		7289654399,
		12622780799, /* 2369-12-31, the last day of 400 years */
		12622780800,
		10418803199, /* 2300-02-28 */
		13574649600, /* 2400-02-29 */
		13606272000, /* 2401-03-01 */
		86399,
	};

	check_time(times[_i]);
}
END_TEST

START_TEST(every_day_of_two_centuries_agrees)
{
	for (uint64_t day = 0; day < 73000; day += 7)
		check_time(day * 86400 + day % 86400);
}
END_TEST

START_TEST(binary_and_twelve_hour_modes_are_honoured)
{
	rtc_select(&rtc, 0x0b);
	rtc_write(&rtc, 0x06, 0); /* binary, 24 hours */
	ck_assert_uint_eq(get(0x04, 23 * 3600), 23);
	rtc_select(&rtc, 0x0b);
	rtc_write(&rtc, 0x00, 0); /* BCD, 12 hours */
	ck_assert_uint_eq(get(0x04, 0), 0x12);
	ck_assert_uint_eq(get(0x04, 12 * 3600), 0x92);
	ck_assert_uint_eq(get(0x04, 13 * 3600), 0x81);
}
END_TEST

START_TEST(all_hours_of_twelve)
{
	for (unsigned int hour = 0; hour < 24; hour++) {
		unsigned int of_twelve = hour % 12 == 0 ? 12 : hour % 12;
		unsigned int half = hour >= 12 ? 0x80 : 0;

		rtc_select(&rtc, 0x0b);
		rtc_write(&rtc, 0x00, 0);
		ck_assert_uint_eq(get(0x04, hour * 3600 + 3599) & 0x80, half);
		ck_assert_uint_eq(decimal(get(0x04, hour * 3600) & 0x7f), of_twelve);
		rtc_select(&rtc, 0x0b);
		rtc_write(&rtc, 0x04, 0); /* binary */
		ck_assert_uint_eq(get(0x04, hour * 3600), of_twelve | half);
	}
}
END_TEST

START_TEST(what_a_new_clock_remembers)
{
	for (unsigned int index = 0x0a; index < 0x80; index++) {
		unsigned int value = index == 0x0a ? 0x20 :
		                     index == 0x0b ? 0x02 :
		                     index == 0x0d ? 0x80 :
		                     index == 0x32 ? 0x19 :
		                                     0;

		ck_assert_uint_eq(get((uint8_t)index, 0), value);
	}
	ck_assert_uint_eq(get(0x8d, 0), 0x80); /* bit 7 is not the index's */
}
END_TEST

START_TEST(what_is_written_is_remembered_but_for_the_time_and_its_state)
{
	for (unsigned int index = 0; index < 0x80; index++) {
		rtc_select(&rtc, (uint8_t)index);
		rtc_write(&rtc, 0xff, 0);
	}
	rtc_select(&rtc, 0x0b);
	rtc_write(&rtc, 0x02, 0);
	ck_assert_uint_eq(get(0x0a, 0), 0x7f);
	ck_assert_uint_eq(get(0x0c, 0), 0);
	ck_assert_uint_eq(get(0x0d, 0), 0x80);
	ck_assert_uint_eq(get(0x01, 0), 0xff); /* an alarm */
	ck_assert_uint_eq(get(0x7f, 0), 0xff);
	check_time(951782400);
}
END_TEST

START_TEST(status_registers_say_valid_and_never_updating)
{
	rtc_select(&rtc, 0x0a);
	rtc_write(&rtc, 0xff, 0);
	ck_assert_uint_eq(get(0x0a, 0) & 0x80, 0);
	rtc_select(&rtc, 0x0d);
	rtc_write(&rtc, 0, 0);
	ck_assert_uint_eq(get(0x0d, 0), 0x80);
	ck_assert_uint_eq(get(0x0c, 0), 0);
}
END_TEST

START_TEST(the_index_never_leaves_the_memory)
{
	for (unsigned int index = 0; index < 256; index++) {
		rtc_select(&rtc, (uint8_t)index);
		rtc_write(&rtc, 0xa5, 0);
		(void)rtc_read(&rtc, UINT64_MAX);
	}
	ck_assert_uint_eq(get(0x40, 0), 0xa5);
}
END_TEST

/* ---- Interrupts ---- */

#define DAY 86400u

static void put(uint8_t index, uint8_t value, uint64_t now)
{
	rtc_select(&rtc, index);
	rtc_write(&rtc, value, now);
}

static const struct {
	uint8_t b, hours, minutes, seconds;
	uint64_t from, at; /* of a day; 0: never */
} alarms[] = {
	{ 0x22, 0x12, 0x34, 0x56, 0, 45296 },
	{ 0x22, 0x12, 0x34, 0x56, 45296, 45296 + DAY }, /* now is over */
	{ 0x22, 0x12, 0x34, 0x56, 45297, 45296 + DAY },
	{ 0x26, 12, 34, 56, 0, 45296 },
	{ 0x20, 0x92, 0x00, 0x00, 0, 43200 }, /* noon of twelve hours */
	{ 0x20, 0x12, 0x00, 0x00, 1, DAY },
	{ 0x22, 0xff, 0xff, 0x30, 100, 150 },
	{ 0x22, 0xff, 0x05, 0xc0, 301, 302 },
	{ 0x22, 0xff, 0xff, 0xff, 77, 78 },
	{ 0x22, 0x23, 0x59, 0x59, 0, DAY - 1 },
	{ 0x22, 0x25, 0x00, 0x00, 0, 0 }, /* no such hour */
	{ 0x22, 0x00, 0x00, 0x60, 0, 0 },
	{ 0xa2, 0xff, 0xff, 0xff, 77, 0 }, /* the clock is being set */
	{ 0x02, 0xff, 0xff, 0xff, 77, 0 }, /* nobody wants to know */
};

START_TEST(an_alarm_comes_when_it_is_due_and_not_before)
{
	uint64_t day = 20000 * (uint64_t)DAY, from = day + alarms[_i].from;

	put(0x0b, alarms[_i].b, from);
	put(0x05, alarms[_i].hours, from);
	put(0x03, alarms[_i].minutes, from);
	put(0x01, alarms[_i].seconds, from);
	if (!alarms[_i].at) {
		ck_assert_uint_eq(rtc_event(&rtc), 0);
		return;
	}
	ck_assert_uint_eq(rtc_event(&rtc), day + alarms[_i].at);
	rtc_tick(&rtc, day + alarms[_i].at - 1);
	ck_assert(!rtc_interrupt(&rtc));
	rtc_tick(&rtc, day + alarms[_i].at);
	ck_assert(rtc_interrupt(&rtc));
	ck_assert_uint_eq(get(0x0c, day + alarms[_i].at) & 0xa0, 0xa0);
	ck_assert(!rtc_interrupt(&rtc));
	ck_assert_uint_eq(get(0x0c, day + alarms[_i].at), 0);
}
END_TEST

START_TEST(updates_are_told_each_second_to_who_wants_them)
{
	put(0x0b, 0x12, 1000);
	ck_assert_uint_eq(rtc_event(&rtc), 1001);
	rtc_tick(&rtc, 1001);
	ck_assert(rtc_interrupt(&rtc));
	ck_assert_uint_eq(rtc_event(&rtc), 0);
	ck_assert_uint_eq(get(0x0c, 1001), 0x90);
	ck_assert_uint_eq(rtc_event(&rtc), 1002);
	rtc_tick(&rtc, 900); /* the clock was set back */
	ck_assert(!rtc_interrupt(&rtc));
	ck_assert_uint_eq(rtc_event(&rtc), 901);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("rtc");
	TCase *tcase = tcase_create("model");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_loop_test(tcase, every_field_agrees_with_the_calendar, 0, 15);
	tcase_add_test(tcase, every_day_of_two_centuries_agrees);
	tcase_add_test(tcase, binary_and_twelve_hour_modes_are_honoured);
	tcase_add_test(tcase, all_hours_of_twelve);
	tcase_add_test(tcase, what_a_new_clock_remembers);
	tcase_add_test(tcase,
	               what_is_written_is_remembered_but_for_the_time_and_its_state);
	tcase_add_test(tcase, status_registers_say_valid_and_never_updating);
	tcase_add_test(tcase, the_index_never_leaves_the_memory);
	tcase_add_loop_test(tcase, an_alarm_comes_when_it_is_due_and_not_before, 0,
	                    (int)(sizeof(alarms) / sizeof(alarms[0])));
	tcase_add_test(tcase, updates_are_told_each_second_to_who_wants_them);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
