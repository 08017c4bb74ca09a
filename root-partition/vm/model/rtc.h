/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The MC146818 clock at ports 0x70 and 0x71, as far as an operating system reads the time from
 * it: no alarm, no periodic interrupt. The owner supplies the time at every read. PURE.
 */
#ifndef VIRIDIS_VM_MODEL_RTC_H
#define VIRIDIS_VM_MODEL_RTC_H

#include <stdint.h>

#define RTC_BYTES 128u

struct rtc {
	uint8_t index;
	uint8_t memory[RTC_BYTES];
};

void rtc_reset(struct rtc *rtc);
void rtc_select(struct rtc *rtc, uint8_t index); /* port 0x70 */
/* unix_seconds: UTC, what the clock shows. */
uint8_t rtc_read(const struct rtc *rtc, uint64_t unix_seconds);
void rtc_write(struct rtc *rtc, uint8_t value);

#endif
