/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VP's timers in one piece, as the kernel module tells and takes them: over the hypervisor's own timers. */
#include "root-partition/kmod/core/timer_state.h"

#include <string.h>
#include "hypervisor/core/stimer.h"
#include "tests/unit/unit.h"

#define CONFIG(n)      (HV_MSR_STIMER0_CONFIG + 2 * (n))
#define COUNT(n)       (HV_MSR_STIMER0_COUNT + 2 * (n))
#define SINT(n)        ((uint64_t)(n) << 16)
#define DIRECT(vector) (HV_STIMER_DIRECT | (uint64_t)(vector) << 4)

static struct stimers timers;
static uint8_t vectors[HV_STIMER_COUNT];

static void write_ok(uint32_t msr, uint64_t value, uint64_t now)
{
	ck_assert(stimers_write(&timers, msr, value, now));
}

static void save(struct hv_synthetic_timers_state *state)
{
	union hv_register_value values[TIMER_STATE_REGISTERS] = { 0 };

	for (unsigned int i = 0; i < TIMER_STATE_REGISTERS; i++)
		values[i].reg64 = stimers_read(&timers, CONFIG(0) + i);
	timer_state_from_registers(values, state);
}

static bool load(const struct hv_synthetic_timers_state *state, uint64_t now)
{
	struct hv_register_assoc registers[TIMER_STATE_WRITES];

	if (!timer_state_to_registers(state, registers))
		return false;
	for (unsigned int i = 0; i < TIMER_STATE_WRITES; i++)
		write_ok(registers[i].name - HV_REGISTER_STIMER0_CONFIG + CONFIG(0),
		         registers[i].value.reg64, now);
	return true;
}

/* Of each kind one: runs once and directly, periodic, expired with a message that waits, expired. */
static void setup(void)
{
	stimers_reset(&timers);
	write_ok(CONFIG(0), HV_STIMER_AUTO_ENABLE | DIRECT(0xed), 0);
	write_ok(COUNT(0), 90000, 0);
	write_ok(CONFIG(1), HV_STIMER_PERIODIC | HV_STIMER_AUTO_ENABLE | SINT(2), 0);
	write_ok(COUNT(1), 10000, 0);
	write_ok(CONFIG(2), HV_STIMER_AUTO_ENABLE | SINT(3), 0);
	write_ok(COUNT(2), 300, 0);
	write_ok(CONFIG(3), HV_STIMER_AUTO_ENABLE | SINT(4), 0);
	write_ok(COUNT(3), 200, 0);
	ck_assert_uint_eq(stimers_expire(&timers, 500, vectors), 0);
	stimers_delivered(&timers, 3);
}

START_TEST(saved_timers_go_on_where_they_are_loaded)
{
	struct hv_synthetic_timers_state state, again;

	save(&state);
	ck_assert_uint_eq(state.timer[0].config,
	                  HV_STIMER_ENABLE | HV_STIMER_AUTO_ENABLE | DIRECT(0xed));
	ck_assert_uint_eq(state.timer[0].count, 90000);
	ck_assert_uint_eq(state.timer[2].config & HV_STIMER_ENABLE, HV_STIMER_ENABLE);
	ck_assert_uint_eq(state.timer[3].config & HV_STIMER_ENABLE, 0);
	stimers_reset(&timers);
	ck_assert(load(&state, 12000));
	save(&again);
	ck_assert_mem_eq(&again, &state, sizeof(state));
	/* The message that waited comes here. */
	ck_assert_uint_eq(stimers_expire(&timers, 12000, vectors), 0);
	ck_assert_uint_eq(stimers_waiting(&timers, UINT16_MAX), 1 << 2);
	stimers_delivered(&timers, 2);
	/* The period begins anew. */
	ck_assert_uint_eq(stimers_deadline(&timers), 22000);
	write_ok(CONFIG(1), 0, 30000);
	ck_assert_uint_eq(stimers_expire(&timers, 90000, vectors), 1);
	ck_assert_uint_eq(vectors[0], 0xed);
}
END_TEST

/* Whatever ran before: no timer runs for a moment with half of the old and half of the new. */
START_TEST(timers_that_run_are_stopped_before_they_are_set)
{
	struct hv_register_assoc registers[TIMER_STATE_WRITES];
	struct hv_synthetic_timers_state state;

	save(&state);
	ck_assert(timer_state_to_registers(&state, registers));
	for (unsigned int i = 0; i < TIMER_STATE_WRITES; i += 3) {
		uint32_t config = HV_REGISTER_STIMER0_CONFIG + 2 * (i / 3);

		ck_assert_uint_eq(registers[i].name, config);
		ck_assert_uint_eq(registers[i].value.reg64, 0);
		ck_assert_uint_eq(registers[i + 1].name, config + 1);
		ck_assert_uint_eq(registers[i + 2].name, config);
	}
}
END_TEST

/* Each is one qword of a good state, to be exchanged for another. */
static const struct {
	unsigned int qword;
	uint64_t value;
} forged[] = {
	{ 0, 1 },                                 /* a message of a direct timer */
	{ 0, UINT64_C(1) << 32 },                 /* reserved */
	{ 5, 2 },                                 /* more messages than one */
	{ 1, HV_STIMER_ENABLE | DIRECT(15) },     /* no vector */
	{ 1, HV_STIMER_AUTO_ENABLE | DIRECT(0) }, /* likewise */
	{ 1, HV_STIMER_ENABLE },                  /* no SINT to post to */
	{ 1, HV_STIMER_ENABLE | DIRECT(0x30) | 1 << 13 }, /* reserved */
	{ 1, DIRECT(0x30) | BIT64(20) },                  /* likewise */
	{ 16, BIT64(63) },                                /* likewise, of the last */
	{ 4, 1 },                                         /* the time of one */
	{ 3, 1 },                                         /* adjustment */
	{ 8, UINT64_MAX },                                /* likewise */
	{ 20, 1 },                                        /* reserved, to the end */
	{ 24, UINT64_C(1) << 63 },
};

START_TEST(forged_timers_are_refused)
{
	struct hv_register_assoc registers[TIMER_STATE_WRITES];
	struct hv_synthetic_timers_state state;

	save(&state);
	ck_assert(timer_state_to_registers(&state, registers));
	state.qwords[forged[_i].qword] = forged[_i].value;
	ck_assert(!timer_state_to_registers(&state, registers));
}
END_TEST

/* At the edge of what is refused. */
static const uint64_t good[] = {
	HV_STIMER_ENABLE | DIRECT(16),
	DIRECT(15), /* off */
	HV_STIMER_ENABLE | SINT(1),
	HV_STIMER_AUTO_ENABLE, /* not yet enabled: the SINT may come */
	HV_STIMER_LAZY | HV_STIMER_PERIODIC | SINT(15) | 0xff0,
};

START_TEST(timers_that_a_guest_could_set_are_taken)
{
	struct hv_synthetic_timers_state state, again;

	save(&state);
	state.timer[3].config = good[_i];
	state.timer[3].count = 700000;
	ck_assert(load(&state, 500));
	save(&again);
	ck_assert_mem_eq(&again, &state, sizeof(state));
}
END_TEST

static Suite *timer_state_suite(void)
{
	Suite *suite = suite_create("timer_state");
	TCase *tcase = tcase_create("timer_state");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, saved_timers_go_on_where_they_are_loaded);
	tcase_add_test(tcase, timers_that_run_are_stopped_before_they_are_set);
	tcase_add_loop_test(tcase, forged_timers_are_refused, 0,
	                    sizeof(forged) / sizeof(forged[0]));
	tcase_add_loop_test(tcase, timers_that_a_guest_could_set_are_taken, 0,
	                    sizeof(good) / sizeof(good[0]));
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(timer_state_suite)
