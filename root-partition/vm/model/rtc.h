/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The MC146818 clock at ports 0x70 and 0x71, as far as an operating system reads the time from
 * it and is woken by it: alarm and update interrupt, no periodic one. The owner supplies the time at every call,
 * and calls when rtc_event() says. PURE.
 */
#ifndef VIRIDIS_VM_MODEL_RTC_H
#define VIRIDIS_VM_MODEL_RTC_H

#include <stdbool.h>
#include <stdint.h>

#define RTC_BYTES 128u

struct rtc {
	uint8_t index;
	uint8_t memory[RTC_BYTES];
	uint64_t seen; /* up to this second the flags tell what happened; 0: nothing was seen yet */
};

void rtc_reset(struct rtc *rtc);
void rtc_select(struct rtc *rtc, uint8_t index); /* port 0x70 */
/* unix_seconds: UTC, what the clock shows. */
uint8_t rtc_read(struct rtc *rtc, uint64_t unix_seconds);
void rtc_write(struct rtc *rtc, uint8_t value, uint64_t unix_seconds);

/* Time goes on to this second. The line: an interrupt waits for register C to be read. */
void rtc_tick(struct rtc *rtc, uint64_t unix_seconds);
bool rtc_interrupt(const struct rtc *rtc);

/* The second in which the line rises next, if nobody does anything; 0: it does not. */
uint64_t rtc_event(const struct rtc *rtc);

#endif
