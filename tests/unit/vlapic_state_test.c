/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtual local APIC in one piece: what is saved goes on elsewhere, what is forged is refused. */
#include "hypervisor/core/vlapic.h"
#include <string.h>
#include <viridis/base/bits.h>
#include "tests/unit/unit.h"

#define MASKED   0x10000u
#define PERIODIC 0x20000u
#define SVR_ON   0x1ffu
#define DIVIDE_1 0xbu
#define BASE_X2  (VLAPIC_GPA | VLAPIC_BASE_ENABLE | VLAPIC_BASE_X2APIC)
#define WORD(field) \
	(offsetof(struct hv_local_interrupt_controller_state, field) / sizeof(uint32_t))

static struct hv_local_interrupt_controller_state state;
static struct vlapic v;

static struct vlapic fresh(uint32_t apic_id)
{
	struct vlapic made = { .config = { .apic_id = apic_id, .clock_per_tick = 5 } };

	vlapic_reset(&made);
	return made;
}

static void write32(uint32_t offset, uint32_t value, uint64_t now)
{
	struct vlapic_action action;

	ck_assert(vlapic_write(&v, VLAPIC_PAGE, offset, value, now, &action));
}

/* Switched on; 0x61 in service, 0x52 (level) and 0x30 requested, a periodic timer half way. */
static void setup(void)
{
	v = fresh(3);
	write32(VLAPIC_SVR, SVR_ON, 0);
	write32(VLAPIC_LDR, 0x08000000, 0);
	write32(VLAPIC_TPR, 0x20, 0);
	write32(VLAPIC_LVT_LINT0_REGISTER, 0x700, 0);
	write32(VLAPIC_LVT_TIMER_REGISTER, PERIODIC | 0xef, 0);
	write32(VLAPIC_TIMER_DIVIDE, DIVIDE_1, 0);
	write32(VLAPIC_TIMER_INITIAL, 1000, 0);
	write32(VLAPIC_ICR_HIGH, 0x07000000, 0);
	write32(VLAPIC_ICR, 0xc0041, 0);
	ck_assert(vlapic_accept(&v, 0x61, false));
	vlapic_deliver(&v, 0x61);
	ck_assert(vlapic_accept(&v, 0x52, true));
	ck_assert(vlapic_accept(&v, 0x30, false));
	ck_assert(!vlapic_accept(&v, 2, false)); /* an error for ESR */
	vlapic_save(&v, 2500, &state);
}

START_TEST(every_register_is_saved_in_its_place)
{
	ck_assert_uint_eq(state.id, 3u << 24);
	ck_assert_uint_eq(state.version, VLAPIC_VERSION);
	ck_assert_uint_eq(state.ldr, 0x08000000);
	ck_assert_uint_eq(state.dfr, UINT32_MAX);
	ck_assert_uint_eq(state.spurious, SVR_ON);
	ck_assert_uint_eq(state.isr[3], BIT32(1));
	ck_assert_uint_eq(state.tmr[2], BIT32(0x52 % 32));
	ck_assert_uint_eq(state.irr[2], BIT32(0x52 % 32));
	ck_assert_uint_eq(state.irr[1], BIT32(0x30 % 32));
	ck_assert_uint_eq(state.esr, 0);
	ck_assert_uint_eq(state.error_status, BIT32(6));
	ck_assert_uint_eq(state.icr_high, 0x07000000);
	ck_assert_uint_eq(state.icr_low, 0xc0041);
	ck_assert_uint_eq(state.lvt_timer, PERIODIC | 0xef);
	ck_assert_uint_eq(state.lvt_lint0, 0x700);
	ck_assert_uint_eq(state.lvt_error, MASKED);
	ck_assert_uint_eq(state.initial_count, 1000);
	ck_assert_uint_eq(state.counter_value, 500);
	ck_assert_uint_eq(state.divide_configuration, DIVIDE_1);
	ck_assert_uint_eq(state.lvt_cmci | state.remote_read, 0);
}
END_TEST

START_TEST(a_loaded_apic_goes_on_where_the_saved_one_was)
{
	struct vlapic other = fresh(3);
	struct vlapic_action action;
	uint64_t deadline;

	ck_assert(vlapic_set_cr8(&other, 2));
	ck_assert(vlapic_load(&other, &state, 1000000));
	ck_assert_int_eq(vlapic_pending(&other), VLAPIC_NO_VECTOR);
	vlapic_eoi(&other, &action);
	ck_assert_uint_eq(action.ended_vector, 0x61);
	ck_assert_int_eq(vlapic_pending(&other), 0x52);
	vlapic_deliver(&other, 0x52);
	vlapic_eoi(&other, &action);
	ck_assert(action.ended_level);
	ck_assert_int_eq(vlapic_pending(&other), 0x30);
	ck_assert(vlapic_timer_deadline(&other, &deadline));
	ck_assert_uint_eq(deadline, 1002500);
	ck_assert(vlapic_timer_fire(&other, deadline));
	ck_assert(vlapic_timer_deadline(&other, &deadline));
	ck_assert_uint_eq(deadline, 1007500);
	ck_assert_uint_eq(vlapic_cr8(&other), 2);
}
END_TEST

START_TEST(in_x2apic_mode_the_id_is_wide_and_makes_the_logical_one)
{
	struct vlapic_action action;
	struct vlapic other = fresh(0x25);

	v = fresh(0x25);
	ck_assert(vlapic_set_base(&v, BASE_X2));
	ck_assert(vlapic_write(&v, VLAPIC_MSR, VLAPIC_SVR, SVR_ON, 0, &action));
	ck_assert(vlapic_write(&v, VLAPIC_MSR, VLAPIC_ICR,
	                       UINT64_C(0x12345678) << 32 | 0x4041, 0, &action));
	vlapic_save(&v, 0, &state);
	ck_assert_uint_eq(state.id, 0x25);
	ck_assert_uint_eq(state.ldr, 0x20020);
	ck_assert_uint_eq(state.icr_high, 0x12345678);
	ck_assert(!vlapic_load(&other, &state, 0)); /* it is in xAPIC mode */
	ck_assert(vlapic_set_base(&other, BASE_X2));
	ck_assert(vlapic_load(&other, &state, 0));
	state.ldr ^= 1;
	ck_assert(!vlapic_load(&other, &state, 0));
}
END_TEST

START_TEST(a_fresh_apic_and_one_switched_off_are_states_too)
{
	struct vlapic other = fresh(3);

	v = fresh(3);
	vlapic_save(&v, 0, &state);
	ck_assert(vlapic_load(&other, &state, 0));
	ck_assert(vlapic_set_base(&v, VLAPIC_GPA));
	ck_assert(vlapic_set_base(&other, VLAPIC_GPA));
	vlapic_save(&v, 0, &state);
	ck_assert(vlapic_load(&other, &state, 0));
	state.lvt_timer = 0x31; /* not masked, in an APIC that is off */
	ck_assert(!vlapic_load(&other, &state, 0));
}
END_TEST

/* All that is not named is 0 but for what a fresh APIC has. */
static void assert_bits(const uint32_t isr[8], const uint32_t tmr[8],
                        const uint32_t irr[8])
{
	struct vlapic other = fresh(3);
	struct hv_local_interrupt_controller_state again;

	vlapic_save(&v, 0, &state);
	ck_assert_mem_eq(state.isr, isr, sizeof(state.isr));
	ck_assert_mem_eq(state.tmr, tmr, sizeof(state.tmr));
	ck_assert_mem_eq(state.irr, irr, sizeof(state.irr));
	ck_assert(vlapic_load(&other, &state, 0));
	vlapic_save(&other, 0, &again);
	ck_assert_mem_eq(&again, &state, sizeof(state));
}

START_TEST(every_vector_is_saved_in_its_place)
{
	for (unsigned int vector = 16; vector < 256; vector++) {
		uint32_t one[8] = { 0 };
		static const uint32_t none[8];

		one[vector / 32] = BIT32(vector % 32);
		v = fresh(3);
		write32(VLAPIC_SVR, SVR_ON, 0);
		ck_assert(vlapic_accept(&v, (uint8_t)vector, false));
		assert_bits(none, none, one);
		ck_assert(vlapic_accept(&v, (uint8_t)vector, true));
		assert_bits(none, one, one);
		vlapic_deliver(&v, (uint8_t)vector);
		assert_bits(one, one, none);
	}
}
END_TEST

START_TEST(every_local_vector_is_saved_in_its_place)
{
	v = fresh(3);
	write32(VLAPIC_SVR, SVR_ON, 0);
	for (uint32_t i = 0; i < 6; i++)
		write32(VLAPIC_LVT_TIMER_REGISTER + 16 * i, 0x31 + i, 0);
	vlapic_save(&v, 0, &state);
	ck_assert_uint_eq(state.lvt_timer, 0x31);
	ck_assert_uint_eq(state.lvt_thermal, 0x32);
	ck_assert_uint_eq(state.lvt_performance, 0x33);
	ck_assert_uint_eq(state.lvt_lint0, 0x34);
	ck_assert_uint_eq(state.lvt_lint1, 0x35);
	ck_assert_uint_eq(state.lvt_error, 0x36);
	ck_assert_uint_eq(state.lvt_cmci, 0);
	ck_assert_uint_eq(state.remote_read, 0);
}
END_TEST

START_TEST(who_was_first_stays_so_whatever_software_writes)
{
	for (unsigned int first = 0; first < 2; first++) {
		uint64_t bit = first ? VLAPIC_BASE_BOOTSTRAP : 0;

		v = (struct vlapic){ .config = { .bootstrap = first } };
		vlapic_reset(&v);
		ck_assert_uint_eq(v.base, VLAPIC_GPA | VLAPIC_BASE_ENABLE | bit);
		ck_assert(vlapic_set_base(&v, BASE_X2));
		ck_assert_uint_eq(v.base, BASE_X2 | bit);
		ck_assert(vlapic_set_base(&v, BASE_X2 | VLAPIC_BASE_BOOTSTRAP));
		ck_assert_uint_eq(v.base, BASE_X2 | bit);
	}
}
END_TEST

/* One word of the good state, to be exchanged for another. */
static const struct {
	size_t word;
	uint32_t value;
} forged[] = {
	{ WORD(id), 4u << 24 },
	{ WORD(id), 3 },
	{ WORD(version), VLAPIC_VERSION + 1 },
	{ WORD(ldr), 0x08000001 },
	{ WORD(dfr), 0xf0000000 },
	{ WORD(spurious), SVR_ON | BIT32(12) },
	{ WORD(spurious), 0xff }, /* off, with entries that are not masked */
	{ WORD(isr), BIT32(15) },
	{ WORD(isr), 1 },
	{ WORD(tmr), BIT32(15) },
	{ WORD(irr), BIT32(0) },
	{ WORD(irr), BIT32(15) },
	{ WORD(irr), UINT32_MAX },
	{ WORD(esr), 1 },
	{ WORD(error_status), BIT32(8) },
	{ WORD(icr_high), 1 },
	{ WORD(icr_low), BIT32(12) },
	{ WORD(icr_low), BIT32(31) },
	{ WORD(lvt_timer), BIT32(18) | 0xef },
	{ WORD(lvt_timer), BIT32(12) | 0xef },
	{ WORD(lvt_timer), 0x7ef },
	{ WORD(lvt_lint0), PERIODIC | 0x700 },
	{ WORD(lvt_lint1), BIT32(14) | MASKED },
	{ WORD(lvt_error), 0x700 | MASKED },
	{ WORD(lvt_cmci), MASKED },
	{ WORD(counter_value), 1001 },
	{ WORD(counter_value), UINT32_MAX },
	{ WORD(initial_count), 499 },
	{ WORD(initial_count), 0 },
	{ WORD(divide_configuration), 0xf },
	{ WORD(remote_read), 1 },
};

START_TEST(forged_registers_are_refused_and_change_nothing)
{
	struct vlapic before;

	ck_assert(vlapic_load(&v, &state, 2500));
	before = v;
	state.words[forged[_i].word] = forged[_i].value;
	ck_assert(!vlapic_load(&v, &state, 9999));
	ck_assert_mem_eq(&v, &before, sizeof(v));
}
END_TEST

static Suite *vlapic_state_suite(void)
{
	Suite *suite = suite_create("vlapic_state");
	TCase *tcase = tcase_create("vlapic_state");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, every_register_is_saved_in_its_place);
	tcase_add_test(tcase, a_loaded_apic_goes_on_where_the_saved_one_was);
	tcase_add_test(tcase, in_x2apic_mode_the_id_is_wide_and_makes_the_logical_one);
	tcase_add_test(tcase, a_fresh_apic_and_one_switched_off_are_states_too);
	tcase_add_test(tcase, every_vector_is_saved_in_its_place);
	tcase_add_test(tcase, every_local_vector_is_saved_in_its_place);
	tcase_add_test(tcase, who_was_first_stays_so_whatever_software_writes);
	tcase_add_loop_test(tcase, forged_registers_are_refused_and_change_nothing, 0,
	                    (int)ARRAY_COUNT(forged));
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(vlapic_state_suite)
