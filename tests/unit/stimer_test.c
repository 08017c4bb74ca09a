/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Synthetic timers in simulated reference time. TLFS 12.3 */
#include "hypervisor/core/stimer.h"

#include <string.h>
#include <viridis/base/bits.h>
#include "tests/unit/unit.h"

#define DIRECT(vector) (HV_STIMER_DIRECT | (uint64_t)(vector) << 4)
#define SINT(n)        ((uint64_t)(n) << 16)
#define CONFIG(n)      (HV_MSR_STIMER0_CONFIG + 2 * (uint32_t)(n))
#define COUNT(n)       (CONFIG(n) + 1)

static struct stimers timers;
static uint8_t vectors[HV_STIMER_COUNT];

static void setup(void)
{
	stimers_reset(&timers);
}

static void write_ok(uint32_t msr, uint64_t value, uint64_t now)
{
	ck_assert(stimers_write(&timers, msr, value, now));
}

static uint64_t read_ok(uint32_t msr)
{
	return stimers_read(&timers, msr);
}

static unsigned int expire(uint64_t now)
{
	return stimers_expire(&timers, now, vectors);
}

START_TEST(after_reset_no_timer_runs)
{
	ck_assert_uint_eq(stimers_deadline(&timers), STIMER_NEVER);
	ck_assert_uint_eq(expire(STIMER_NEVER), 0);
	ck_assert_uint_eq(stimers_waiting(&timers, UINT16_MAX), 0);
}
END_TEST

START_TEST(linux_direct_one_shot_sequence_works)
{
	write_ok(CONFIG(0), HV_STIMER_ENABLE | HV_STIMER_AUTO_ENABLE | DIRECT(0xed), 100);
	ck_assert_uint_eq(stimers_deadline(&timers), STIMER_NEVER);
	ck_assert_uint_eq(expire(1000000), 0);
	for (uint64_t at = 5000; at < 50000; at += 5000) {
		write_ok(COUNT(0), at, at - 4000);
		ck_assert_uint_eq(stimers_deadline(&timers), at);
		ck_assert_uint_eq(expire(at - 1), 0);
		ck_assert_uint_eq(expire(at), 1);
		ck_assert_uint_eq(vectors[0], 0xed);
		ck_assert_uint_eq(expire(at + 100000), 0);
		ck_assert(!(read_ok(CONFIG(0)) & HV_STIMER_ENABLE));
	}
	write_ok(COUNT(0), 0, 60000);
	write_ok(CONFIG(0), 0, 60000);
	ck_assert_uint_eq(stimers_deadline(&timers), STIMER_NEVER);
}
END_TEST

START_TEST(a_one_shot_in_the_past_expires_at_once)
{
	write_ok(CONFIG(1), HV_STIMER_AUTO_ENABLE | DIRECT(0x30), 100);
	write_ok(COUNT(1), 50, 100);
	ck_assert_uint_le(stimers_deadline(&timers), 100);
	ck_assert_uint_eq(expire(100), 1);
}
END_TEST

START_TEST(a_count_of_zero_stops_the_timer)
{
	write_ok(CONFIG(2), HV_STIMER_AUTO_ENABLE | DIRECT(0x30), 0);
	write_ok(COUNT(2), 5000, 0);
	write_ok(COUNT(2), 0, 10);
	ck_assert_uint_eq(expire(1000000), 0);
	ck_assert(!(read_ok(CONFIG(2)) & HV_STIMER_ENABLE));
}
END_TEST

START_TEST(without_auto_enable_a_count_starts_nothing)
{
	write_ok(CONFIG(0), DIRECT(0x30), 0);
	write_ok(COUNT(0), 5000, 0);
	ck_assert_uint_eq(stimers_deadline(&timers), STIMER_NEVER);
	write_ok(CONFIG(0), HV_STIMER_ENABLE | DIRECT(0x30), 10);
	ck_assert_uint_eq(stimers_deadline(&timers), 5000);
}
END_TEST

START_TEST(a_message_timer_without_a_sint_cannot_be_enabled)
{
	write_ok(CONFIG(0), HV_STIMER_ENABLE | HV_STIMER_AUTO_ENABLE, 0);
	ck_assert(!(read_ok(CONFIG(0)) & HV_STIMER_ENABLE));
	write_ok(COUNT(0), 100, 0);
	ck_assert_uint_eq(stimers_deadline(&timers), STIMER_NEVER);
}
END_TEST

START_TEST(hostile_writes_fault_or_keep_no_reserved_bit)
{
	ck_assert(!stimers_write(&timers, HV_MSR_STIMER0_CONFIG - 1, 1, 0));
	ck_assert(!stimers_write(&timers, HV_MSR_STIMER3_COUNT + 1, 1, 0));
	ck_assert(!stimers_write(&timers, CONFIG(0), HV_STIMER_ENABLE | DIRECT(15), 0));
	ck_assert(
		!stimers_write(&timers, CONFIG(0), HV_STIMER_AUTO_ENABLE | DIRECT(0), 0));
	ck_assert(stimers_write(&timers, CONFIG(0), DIRECT(0), 0));
	write_ok(CONFIG(0), ~UINT64_C(0), 0);
	ck_assert_uint_eq(read_ok(CONFIG(0)), 0xf1fff);
}
END_TEST

START_TEST(times_near_the_end_of_the_counter_do_not_wrap)
{
	write_ok(CONFIG(0), HV_STIMER_PERIODIC | HV_STIMER_AUTO_ENABLE | DIRECT(0x30), 0);
	write_ok(COUNT(0), UINT64_MAX, 1000);
	ck_assert_uint_eq(stimers_deadline(&timers), STIMER_NEVER);
	ck_assert_uint_eq(expire(UINT64_MAX - 1), 0);
	write_ok(COUNT(0), UINT64_MAX / 2, UINT64_MAX - 5);
	ck_assert_uint_eq(stimers_deadline(&timers), STIMER_NEVER);
	write_ok(COUNT(0), UINT64_MAX / 2 + 7, 1000);
	(void)expire(UINT64_MAX - 1);
	ck_assert_uint_eq(stimers_deadline(&timers), STIMER_NEVER);
}
END_TEST

/* Runs to `end`, each expiration served `late` after its deadline; returns their number. */
static unsigned int run_periodic(uint64_t end, uint64_t late)
{
	unsigned int count = 0;
	uint64_t now = 0;

	while (stimers_deadline(&timers) <= end) {
		uint64_t at = stimers_deadline(&timers) + late;

		ck_assert_uint_ge(at, now);
		now = at;
		count += expire(now);
	}
	return count;
}

START_TEST(a_periodic_timer_served_late_does_not_drift)
{
	write_ok(COUNT(0), 10000, 0);
	write_ok(CONFIG(0), HV_STIMER_PERIODIC | HV_STIMER_ENABLE | DIRECT(0x30), 0);
	ck_assert_uint_eq(run_periodic(100000000, 3000), 10000);
	ck_assert_uint_eq(timers.timer[0].expiration % 10000, 0);
}
END_TEST

static unsigned int expired_after_gap(uint64_t lazy, uint64_t *least_interval)
{
	uint64_t now = 1000000, last = now;
	unsigned int count = 0;

	*least_interval = UINT64_MAX;
	write_ok(CONFIG(0),
	         HV_STIMER_PERIODIC | HV_STIMER_AUTO_ENABLE | DIRECT(0x30) | lazy, 0);
	write_ok(COUNT(0), 10000, 0);
	ck_assert_uint_eq(expire(now), 1);
	while (stimers_deadline(&timers) <= 1100000) {
		now = stimers_deadline(&timers);
		if (now - last < *least_interval)
			*least_interval = now - last;
		last = now;
		count += expire(now);
	}
	return count;
}

START_TEST(a_late_timer_gives_up_what_it_missed)
{
	static const uint64_t lazy[] = { 0, HV_STIMER_LAZY };
	uint64_t interval;

	ck_assert_uint_eq(expired_after_gap(lazy[_i], &interval), 10);
	ck_assert_uint_eq(interval, 10000);
}
END_TEST

START_TEST(a_period_of_one_unit_cannot_storm_the_hypervisor)
{
	write_ok(CONFIG(0), HV_STIMER_PERIODIC | HV_STIMER_AUTO_ENABLE | DIRECT(0x30), 0);
	write_ok(COUNT(0), 1, 0);
	ck_assert_uint_le(run_periodic(1000000, 0), 1000000 / STIMER_INTERVAL_MIN);
}
END_TEST

START_TEST(a_timer_message_tells_index_and_times)
{
	struct hv_timer_message_payload payload;
	struct hv_message message;

	write_ok(CONFIG(3), HV_STIMER_AUTO_ENABLE | SINT(2), 0);
	write_ok(COUNT(3), 5000, 0);
	ck_assert_uint_eq(expire(5007), 0);
	ck_assert_uint_eq(stimers_waiting(&timers, 1 << 2), 1 << 3);
	ck_assert_uint_eq(stimers_waiting(&timers, 1 << 3), 0);
	stimers_message(&timers, 3, 6000, &message);
	ck_assert_uint_eq(message.type, HV_MESSAGE_TIMER_EXPIRED);
	ck_assert_uint_eq(message.payload_size, 24);
	memcpy(&payload, message.payload, sizeof(payload));
	ck_assert_uint_eq(payload.timer_index, 3);
	ck_assert_uint_eq(payload.expiration_time, 5000);
	ck_assert_uint_eq(payload.delivery_time, 6000);
	stimers_delivered(&timers, 3);
	ck_assert_uint_eq(stimers_waiting(&timers, UINT16_MAX), 0);
}
END_TEST

/* Nobody asks for the deadline again when a message is delivered late: it must not depend on that. */
START_TEST(each_timer_waits_for_its_own_source)
{
	for (unsigned int i = 0; i < HV_STIMER_COUNT; i++) {
		write_ok(CONFIG(i), HV_STIMER_AUTO_ENABLE | SINT(2 + i), 0);
		write_ok(COUNT(i), 5000, 0);
	}
	ck_assert_uint_eq(expire(5007), 0);
	for (unsigned int i = 0; i < HV_STIMER_COUNT; i++)
		ck_assert_uint_eq(stimers_waiting(&timers, (uint16_t)(1 << (2 + i))),
		                  1u << i);
	ck_assert_uint_eq(stimers_waiting(&timers, UINT16_MAX), 0xf);
}
END_TEST

START_TEST(a_periodic_timer_runs_on_while_its_first_message_waits)
{
	struct hv_timer_message_payload payload;
	struct hv_message message;

	write_ok(CONFIG(0), HV_STIMER_PERIODIC | HV_STIMER_AUTO_ENABLE | SINT(2), 0);
	write_ok(COUNT(0), 10000, 0);
	(void)expire(10000);
	ck_assert_uint_eq(stimers_deadline(&timers), 20000);
	(void)expire(500000);
	ck_assert_uint_eq(stimers_deadline(&timers), 510000);
	stimers_message(&timers, 0, 500000, &message);
	memcpy(&payload, message.payload, sizeof(payload));
	ck_assert_uint_eq(payload.expiration_time, 10000);
	stimers_delivered(&timers, 0);
	ck_assert_uint_eq(stimers_deadline(&timers), 510000);
	ck_assert_uint_eq(stimers_waiting(&timers, UINT16_MAX), 0);
	(void)expire(510000);
	ck_assert_uint_eq(stimers_waiting(&timers, UINT16_MAX), 1);
}
END_TEST

START_TEST(a_write_drops_the_old_settings_message)
{
	write_ok(CONFIG(0), HV_STIMER_AUTO_ENABLE | SINT(2), 0);
	write_ok(COUNT(0), 10, 0);
	(void)expire(10);
	write_ok(COUNT(0), 9000, 20);
	ck_assert_uint_eq(stimers_waiting(&timers, UINT16_MAX), 0);
	ck_assert_uint_eq(stimers_deadline(&timers), 9000);
}
END_TEST

START_TEST(all_four_timers_can_expire_together)
{
	for (unsigned int i = 0; i < HV_STIMER_COUNT; i++) {
		write_ok(CONFIG(i), HV_STIMER_AUTO_ENABLE | DIRECT(0x30 + i), 0);
		write_ok(COUNT(i), 100 + i, 0);
	}
	ck_assert_uint_eq(stimers_deadline(&timers), 100);
	ck_assert_uint_eq(expire(200), 4);
	ck_assert_mem_eq(vectors, "\x30\x31\x32\x33", 4);
}
END_TEST

START_TEST(a_one_shot_is_enabled_until_its_message_is_delivered)
{
	write_ok(CONFIG(0), HV_STIMER_AUTO_ENABLE | SINT(3), 0);
	write_ok(COUNT(0), 300, 0);
	write_ok(CONFIG(1), HV_STIMER_AUTO_ENABLE | DIRECT(0xed), 0);
	write_ok(COUNT(1), 300, 0);
	ck_assert_uint_eq(expire(500), 1);
	ck_assert_uint_eq(stimers_read(&timers, CONFIG(0)) & HV_STIMER_ENABLE, 1);
	ck_assert_uint_eq(stimers_read(&timers, CONFIG(1)) & HV_STIMER_ENABLE, 0);
	ck_assert_uint_eq(stimers_deadline(&timers), STIMER_NEVER);
	stimers_delivered(&timers, 0);
	ck_assert_uint_eq(stimers_read(&timers, CONFIG(0)) & HV_STIMER_ENABLE, 0);
}
END_TEST

static Suite *stimer_suite(void)
{
	Suite *suite = suite_create("stimer");
	TCase *tcase = tcase_create("stimer");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, after_reset_no_timer_runs);
	tcase_add_test(tcase, linux_direct_one_shot_sequence_works);
	tcase_add_test(tcase, a_one_shot_in_the_past_expires_at_once);
	tcase_add_test(tcase, a_count_of_zero_stops_the_timer);
	tcase_add_test(tcase, without_auto_enable_a_count_starts_nothing);
	tcase_add_test(tcase, a_message_timer_without_a_sint_cannot_be_enabled);
	tcase_add_test(tcase, hostile_writes_fault_or_keep_no_reserved_bit);
	tcase_add_test(tcase, times_near_the_end_of_the_counter_do_not_wrap);
	tcase_add_test(tcase, a_periodic_timer_served_late_does_not_drift);
	tcase_add_loop_test(tcase, a_late_timer_gives_up_what_it_missed, 0, 2);
	tcase_add_test(tcase, a_period_of_one_unit_cannot_storm_the_hypervisor);
	tcase_add_test(tcase, a_timer_message_tells_index_and_times);
	tcase_add_test(tcase, each_timer_waits_for_its_own_source);
	tcase_add_test(tcase, a_periodic_timer_runs_on_while_its_first_message_waits);
	tcase_add_test(tcase, a_write_drops_the_old_settings_message);
	tcase_add_test(tcase, all_four_timers_can_expire_together);
	tcase_add_test(tcase, a_one_shot_is_enabled_until_its_message_is_delivered);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(stimer_suite)
