/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtual local APIC's timer against a clock, and its register page. */
#include "hypervisor/core/vlapic.h"
#include <viridis/base/bits.h>
#include "tests/unit/unit.h"

#define RATIO        5u
#define DIVIDE_BY_1  0xbu
#define PERIODIC     0x20000u
#define TSC_DEADLINE 0x40000u
#define MASKED       0x10000u
#define VECTOR       0xecu

static struct vlapic v;
static struct vlapic_action action;

static void write_at(uint64_t now, uint32_t offset, uint32_t value)
{
	ck_assert(vlapic_write(&v, VLAPIC_PAGE, offset, value, now, &action));
}

static void create(uint32_t lvt)
{
	const struct vlapic_config config = {
		.apic_id = 2,
		.clock_per_tick = RATIO,
	};

	v.config = config;
	vlapic_reset(&v);
	write_at(0, VLAPIC_SVR, 0x1ff);
	write_at(0, VLAPIC_TIMER_DIVIDE, DIVIDE_BY_1);
	write_at(0, VLAPIC_LVT_TIMER_REGISTER, lvt);
}

static void assert_deadline(uint64_t want)
{
	uint64_t deadline;

	ck_assert(vlapic_timer_deadline(&v, &deadline));
	ck_assert_uint_eq(deadline, want);
}

static void assert_no_deadline(void)
{
	uint64_t deadline;

	ck_assert(!vlapic_timer_deadline(&v, &deadline));
}

START_TEST(a_one_shot_fires_once)
{
	create(VECTOR);
	assert_no_deadline();
	write_at(1000, VLAPIC_TIMER_INITIAL, 100);
	ck_assert(action.timer_changed);
	assert_deadline(1500);
	ck_assert_uint_eq(vlapic_read(&v, VLAPIC_TIMER_CURRENT, 1000), 100);
	ck_assert_uint_eq(vlapic_read(&v, VLAPIC_TIMER_CURRENT, 1250), 50);
	ck_assert_uint_eq(vlapic_read(&v, VLAPIC_TIMER_CURRENT, 1251), 50);
	ck_assert_uint_eq(vlapic_read(&v, VLAPIC_TIMER_CURRENT, 1500), 0);
	ck_assert(!vlapic_timer_fire(&v, 1499));
	ck_assert(vlapic_timer_fire(&v, 1500));
	ck_assert_int_eq(vlapic_pending(&v), VECTOR);
	ck_assert(!vlapic_timer_fire(&v, 9999));
	assert_no_deadline();
}
END_TEST

START_TEST(the_divider_has_eight_settings)
{
	static const uint8_t code[] = { 0xb, 0, 1, 2, 3, 8, 9, 0xa };

	create(VECTOR);
	write_at(0, VLAPIC_TIMER_DIVIDE, code[_i]);
	write_at(0, VLAPIC_TIMER_INITIAL, 10);
	assert_deadline((uint64_t)RATIO * 10 << _i);
}
END_TEST

START_TEST(a_periodic_timer_keeps_its_beat)
{
	create(VECTOR | PERIODIC);
	write_at(0, VLAPIC_TIMER_INITIAL, 100);
	for (uint64_t beat = 500; beat < 50000; beat += 500) {
		assert_deadline(beat);
		ck_assert(vlapic_timer_fire(&v, beat + beat % 499)); /* ever later */
	}
}
END_TEST

START_TEST(missed_periods_are_one_interrupt)
{
	create(VECTOR | PERIODIC);
	write_at(0, VLAPIC_TIMER_INITIAL, 1);
	ck_assert(vlapic_timer_fire(&v, UINT64_C(1) << 62));
	ck_assert(!vlapic_timer_fire(&v, UINT64_C(1) << 62));
	assert_deadline(((UINT64_C(1) << 62) / RATIO + 1) * RATIO);
}
END_TEST

START_TEST(a_masked_timer_counts_and_owes_nothing_afterwards)
{
	create(VECTOR | PERIODIC | MASKED);
	write_at(0, VLAPIC_TIMER_INITIAL, 100);
	assert_no_deadline();
	ck_assert_uint_eq(vlapic_read(&v, VLAPIC_TIMER_CURRENT, 1100), 80);
	write_at(1100, VLAPIC_LVT_TIMER_REGISTER, VECTOR | PERIODIC);
	ck_assert_int_eq(vlapic_pending(&v), VLAPIC_NO_VECTOR);
	assert_deadline(1500);
}
END_TEST

START_TEST(masking_too_late_does_not_take_the_interrupt_back)
{
	create(VECTOR);
	write_at(0, VLAPIC_TIMER_INITIAL, 100);
	write_at(501, VLAPIC_LVT_TIMER_REGISTER, VECTOR | MASKED);
	ck_assert_int_eq(vlapic_pending(&v), VECTOR);
}
END_TEST

START_TEST(a_new_divider_goes_on_from_the_count)
{
	create(VECTOR);
	write_at(0, VLAPIC_TIMER_INITIAL, 100);
	write_at(250, VLAPIC_TIMER_DIVIDE, 0); /* by 2 */
	ck_assert_uint_eq(vlapic_read(&v, VLAPIC_TIMER_CURRENT, 250), 50);
	assert_deadline(250 + 50 * 2 * RATIO);
}
END_TEST

START_TEST(a_count_of_zero_stops_the_timer)
{
	create(VECTOR | PERIODIC);
	write_at(0, VLAPIC_TIMER_INITIAL, 100);
	write_at(10, VLAPIC_TIMER_INITIAL, 0);
	assert_no_deadline();
	ck_assert(!vlapic_timer_fire(&v, 10000));
}
END_TEST

START_TEST(the_longest_period_does_not_overflow)
{
	create(VECTOR | PERIODIC);
	v.config.clock_per_tick = UINT16_MAX;
	write_at(0, VLAPIC_TIMER_DIVIDE, 0xa); /* by 128 */
	write_at(0, VLAPIC_TIMER_INITIAL, UINT32_MAX);
	assert_deadline(UINT64_C(0xffffffff) * 128 * UINT16_MAX);
	ck_assert_uint_eq(vlapic_read(&v, VLAPIC_TIMER_CURRENT, 0), UINT32_MAX);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("vlapic_timer");
	TCase *tc = tcase_create("vlapic_timer");

	tcase_add_test(tc, a_one_shot_fires_once);
	tcase_add_loop_test(tc, the_divider_has_eight_settings, 0, 8);
	tcase_add_test(tc, a_periodic_timer_keeps_its_beat);
	tcase_add_test(tc, missed_periods_are_one_interrupt);
	tcase_add_test(tc, a_masked_timer_counts_and_owes_nothing_afterwards);
	tcase_add_test(tc, masking_too_late_does_not_take_the_interrupt_back);
	tcase_add_test(tc, a_new_divider_goes_on_from_the_count);
	tcase_add_test(tc, a_count_of_zero_stops_the_timer);
	tcase_add_test(tc, the_longest_period_does_not_overflow);
	suite_add_tcase(suite, tc);
	return suite;
}

UNIT_MAIN(make_suite)
