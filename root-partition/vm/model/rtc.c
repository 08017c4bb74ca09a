/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Real-time clock: MC146818 data sheet; the century at 0x32 as the FADT says. */
#include "root-partition/vm/model/rtc.h"

#include <stdbool.h>

#define SECONDS_PER_DAY 86400u

enum rtc_register {
	RTC_SECONDS = 0x00,
	RTC_SECONDS_ALARM = 0x01,
	RTC_MINUTES = 0x02,
	RTC_MINUTES_ALARM = 0x03,
	RTC_HOURS = 0x04,
	RTC_HOURS_ALARM = 0x05,
	RTC_WEEKDAY = 0x06,
	RTC_DAY = 0x07,
	RTC_MONTH = 0x08,
	RTC_YEAR = 0x09,
	RTC_A = 0x0a,
	RTC_B = 0x0b,
	RTC_C = 0x0c,
	RTC_D = 0x0d,
	RTC_CENTURY = 0x32,
};

#define RTC_A_32KHZ   0x20u /* time base of 32.768 kHz, running */
#define RTC_A_UPDATE  0x80u /* update in progress: never seen */
#define RTC_B_24_HOUR 0x02u
#define RTC_B_BINARY  0x04u
#define RTC_B_SET     0x80u /* updates stand still */
#define RTC_UPDATE    0x10u /* in B: interrupts are wanted; in C: it happened */
#define RTC_ALARM     0x20u
#define RTC_C_LINE    0x80u
#define RTC_ANY       0xc0u /* an alarm byte with both bits is any value */
#define RTC_D_VALID   0x80u

struct date {
	uint32_t year;
	uint32_t month; /* 1..12 */
	uint32_t day;   /* 1..31 */
};

void rtc_reset(struct rtc *rtc)
{
	*rtc = (struct rtc){ 0 };
	rtc->memory[RTC_A] = RTC_A_32KHZ;
	rtc->memory[RTC_B] = RTC_B_24_HOUR;
	rtc->memory[RTC_D] = RTC_D_VALID;
}

void rtc_select(struct rtc *rtc, uint8_t index)
{
	rtc->index = index % RTC_BYTES; /* bit 7 masks NMI on a PC */
}

static bool is_leap(uint32_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static uint32_t days_of_month(uint32_t year, uint32_t month)
{
	static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Days since 1970-01-01; whole 400-year cycles go first, so that the loops stay short. */
static struct date date_of(uint64_t day)
{
	struct date date = { .year = 1970, .month = 1 };
	const uint32_t cycle_days = 146097;

	date.year += (uint32_t)(day / cycle_days) * 400;
	day %= cycle_days;
	while (day >= (is_leap(date.year) ? 366u : 365u)) {
		day -= is_leap(date.year) ? 366 : 365;
		date.year++;
	}
	while (day >= days_of_month(date.year, date.month)) {
		day -= days_of_month(date.year, date.month);
		date.month++;
	}
	date.day = (uint32_t)day + 1;
	return date;
}

static uint8_t encode(const struct rtc *rtc, uint32_t value)
{
	if (rtc->memory[RTC_B] & RTC_B_BINARY)
		return (uint8_t)value;
	return (uint8_t)(value / 10 << 4 | value % 10);
}

static uint8_t encode_hours(const struct rtc *rtc, uint32_t hours)
{
	uint32_t of_twelve = hours % 12 ? hours % 12 : 12;

	if (rtc->memory[RTC_B] & RTC_B_24_HOUR)
		return encode(rtc, hours);
	return encode(rtc, of_twelve) | (hours >= 12 ? 0x80 : 0);
}

/* ---- Interrupts ---- */

/* An alarm byte against a value as it is shown. */
static bool matches(const struct rtc *rtc, enum rtc_register alarm, uint8_t shown)
{
	return (rtc->memory[alarm] & RTC_ANY) == RTC_ANY || rtc->memory[alarm] == shown;
}

/*
 * The first second after `from` that the alarm names, within a day; 0: it names none. Sixty minutes or seconds
 * that do not match are all there are, so that an alarm which never comes is known soon.
 */
static uint64_t next_alarm(const struct rtc *rtc, uint64_t from)
{
	unsigned int minutes = 0, seconds = 0;
	uint64_t at = from + 1;

	while (at - from <= SECONDS_PER_DAY && minutes < 60 && seconds < 60) {
		uint32_t second = (uint32_t)(at % SECONDS_PER_DAY);

		if (!matches(rtc, RTC_HOURS_ALARM, encode_hours(rtc, second / 3600)))
			at += 3600 - second % 3600;
		else if (!matches(rtc, RTC_MINUTES_ALARM, encode(rtc, second / 60 % 60)))
			minutes++, at += 60 - second % 60;
		else if (!matches(rtc, RTC_SECONDS_ALARM, encode(rtc, second % 60)))
			seconds++, at++;
		else
			return at;
	}
	return 0;
}

void rtc_tick(struct rtc *rtc, uint64_t unix_seconds)
{
	uint64_t seen = rtc->seen;
	uint64_t alarm;

	rtc->seen = unix_seconds;
	if (seen == 0 || unix_seconds <= seen || (rtc->memory[RTC_B] & RTC_B_SET))
		return;
	alarm = next_alarm(rtc, seen);
	rtc->memory[RTC_C] |= RTC_UPDATE;
	if (alarm && alarm <= unix_seconds)
		rtc->memory[RTC_C] |= RTC_ALARM;
}

bool rtc_interrupt(const struct rtc *rtc)
{
	return rtc->memory[RTC_B] & rtc->memory[RTC_C] & (RTC_UPDATE | RTC_ALARM);
}

uint64_t rtc_event(const struct rtc *rtc)
{
	uint8_t b = rtc->memory[RTC_B];

	if (rtc_interrupt(rtc) || (b & RTC_B_SET) || rtc->seen == 0)
		return 0;
	if (b & RTC_UPDATE)
		return rtc->seen + 1;
	return b & RTC_ALARM ? next_alarm(rtc, rtc->seen) : 0;
}

/* Reading the flags ends them. */
static uint8_t take_flags(struct rtc *rtc)
{
	uint8_t flags = rtc->memory[RTC_C];

	if (rtc_interrupt(rtc))
		flags |= RTC_C_LINE;
	rtc->memory[RTC_C] = 0;
	return flags;
}

/* ---- Registers ---- */

uint8_t rtc_read(struct rtc *rtc, uint64_t unix_seconds)
{
	uint64_t day = unix_seconds / SECONDS_PER_DAY;
	uint32_t second = (uint32_t)(unix_seconds % SECONDS_PER_DAY);
	struct date date = date_of(day);

	rtc_tick(rtc, unix_seconds);
	switch (rtc->index) {
	case RTC_SECONDS:
		return encode(rtc, second % 60);
	case RTC_MINUTES:
		return encode(rtc, second / 60 % 60);
	case RTC_HOURS:
		return encode_hours(rtc, second / 3600);
	case RTC_WEEKDAY: /* Sunday is 1; 1970 began on a Thursday */
		return encode(rtc, (uint32_t)((day + 4) % 7) + 1);
	case RTC_DAY:
		return encode(rtc, date.day);
	case RTC_MONTH:
		return encode(rtc, date.month);
	case RTC_YEAR:
		return encode(rtc, date.year % 100);
	case RTC_CENTURY:
		return encode(rtc, date.year / 100);
	case RTC_C:
		return take_flags(rtc);
	default:
		return rtc->memory[rtc->index];
	}
}

/* Setting the time is accepted and without effect: the host's clock rules. */
void rtc_write(struct rtc *rtc, uint8_t value, uint64_t unix_seconds)
{
	rtc_tick(rtc, unix_seconds);
	switch (rtc->index) {
	case RTC_A:
		rtc->memory[RTC_A] = value & (uint8_t)~RTC_A_UPDATE;
		break;
	case RTC_C:
	case RTC_D:
		break;
	default:
		rtc->memory[rtc->index] = value;
		break;
	}
}
