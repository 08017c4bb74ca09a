/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hypercall control word. TLFS 3.7 */
#include "hypervisor/core/hypercall_control.h"

#include <viridis/base/bits.h>
#include "tests/unit/unit.h"

static const struct hypercall_entry signal_event = {
	.code = HVCALL_SIGNAL_EVENT,
	.input_bytes = sizeof(struct hv_input_signal_event),
	.privilege = BIT64(37),
};

static const struct hypercall_entry signal_event_direct = {
	.code = HVCALL_SIGNAL_EVENT_DIRECT,
	.shape = HYPERCALL_TERSE,
	.input_bytes = sizeof(struct hv_input_signal_event_direct),
	.output_bytes = sizeof(struct hv_output_signal_event_direct),
};

static const struct hypercall_entry post_message = {
	.code = HVCALL_POST_MESSAGE,
	.input_bytes = sizeof(struct hv_input_post_message),
};

static const struct hypercall_entry get_registers = {
	.code = HVCALL_GET_VP_REGISTERS,
	.shape = HYPERCALL_REP,
	.input_bytes = sizeof(struct hv_input_get_vp_registers),
	.rep_input_bytes = 4,
	.rep_output_bytes = 16,
};

static const struct hypercall_entry unmap = {
	.code = HVCALL_UNMAP_GPA_PAGES,
	.shape = HYPERCALL_REP,
	.input_bytes = 8,
};

static const struct hypercall_entry set_vp_state = {
	.code = HVCALL_SET_VP_STATE,
	.shape = HYPERCALL_VARIABLE,
	.input_bytes = sizeof(struct hv_input_vp_state),
};

static struct hypercall_control control;

static enum hv_status check_blocks(uint64_t word, const struct hypercall_entry *entry,
                                   uint64_t input_gpa, uint64_t output_gpa)
{
	const uint64_t words[] = { word | entry->code, input_gpa, output_gpa };

	return hypercall_control_check(words, entry, ~UINT64_C(0), &control);
}

static enum hv_status check(uint64_t word, const struct hypercall_entry *entry)
{
	return check_blocks(word, entry, 0, 0);
}

static uint64_t reps(uint64_t count, uint64_t start)
{
	return count << HV_CONTROL_REP_COUNT_SHIFT | start << HV_CONTROL_REP_START_SHIFT;
}

START_TEST(linux_signal_event_passes_in_both_forms)
{
	ck_assert_int_eq(check(HV_CONTROL_FAST, &signal_event), HV_STATUS_SUCCESS);
	ck_assert(control.fast);
	ck_assert_uint_eq(control.input_bytes, 8);
	ck_assert_int_eq(check(0, &signal_event), HV_STATUS_SUCCESS);
	ck_assert(!control.fast);
	ck_assert_uint_eq(control.rep_count, 0);
}
END_TEST

START_TEST(each_reserved_bit_is_refused)
{
	uint64_t bit = BIT64(_i);
	bool reserved = (_i >= 27 && _i <= 31) || (_i >= 44 && _i <= 47) || _i >= 60;

	if (_i < 16)
		return;
	if (reserved)
		ck_assert_int_eq(check(bit, &signal_event),
		                 HV_STATUS_INVALID_HYPERCALL_INPUT);
	/* A simple call takes no reps and no variable header either: fast alone is left. */
	else
		ck_assert_int_eq(check(bit, &signal_event),
		                 _i == 16 ? HV_STATUS_SUCCESS :
		                            HV_STATUS_INVALID_HYPERCALL_INPUT);
}
END_TEST

START_TEST(a_variable_header_counts_as_input_where_one_is_taken)
{
	const uint64_t qwords = UINT64_C(25) << HV_CONTROL_VARIABLE_SHIFT;
	const uint64_t most = UINT64_C(1023) << HV_CONTROL_VARIABLE_SHIFT;

	ck_assert_int_eq(check(qwords, &set_vp_state), HV_STATUS_SUCCESS);
	ck_assert_uint_eq(control.variable, 25);
	ck_assert_uint_eq(control.input_bytes, 40 + 25 * 8);
	ck_assert_int_eq(check(0, &set_vp_state), HV_STATUS_SUCCESS);
	ck_assert_uint_eq(control.variable, 0);
	ck_assert_uint_eq(control.input_bytes, 40);
	ck_assert_int_eq(check(qwords | reps(1, 0), &set_vp_state),
	                 HV_STATUS_INVALID_HYPERCALL_INPUT);
	ck_assert_int_eq(check(qwords | HV_CONTROL_FAST, &set_vp_state),
	                 HV_STATUS_INVALID_HYPERCALL_INPUT);
	ck_assert_int_eq(check(qwords | reps(5, 0), &get_registers),
	                 HV_STATUS_INVALID_HYPERCALL_INPUT);
	ck_assert_int_eq(check_blocks(most, &set_vp_state, 0x10000, 0),
	                 HV_STATUS_INVALID_ALIGNMENT);
}
END_TEST

START_TEST(a_rep_call_needs_a_start_below_its_count)
{
	ck_assert_int_eq(check(0, &get_registers), HV_STATUS_INVALID_HYPERCALL_INPUT);
	ck_assert_int_eq(check(reps(5, 5), &get_registers),
	                 HV_STATUS_INVALID_HYPERCALL_INPUT);
	ck_assert_int_eq(check(reps(0, 1), &get_registers),
	                 HV_STATUS_INVALID_HYPERCALL_INPUT);
	ck_assert_int_eq(check(reps(5, 4095), &get_registers),
	                 HV_STATUS_INVALID_HYPERCALL_INPUT);
	ck_assert_int_eq(check(reps(5, 4), &get_registers), HV_STATUS_SUCCESS);
	ck_assert_uint_eq(control.rep_count, 5);
	ck_assert_uint_eq(control.rep_start, 4);
	ck_assert_uint_eq(control.input_bytes, 16 + 5 * 4);
	ck_assert_uint_eq(control.output_bytes, 5 * 16);
}
END_TEST

START_TEST(a_fast_call_fits_its_registers_and_has_no_output)
{
	uint64_t fast = HV_CONTROL_FAST;

	ck_assert_int_eq(check(fast, &post_message), HV_STATUS_INVALID_HYPERCALL_INPUT);
	ck_assert_int_eq(check(fast | reps(1, 0), &get_registers),
	                 HV_STATUS_INVALID_HYPERCALL_INPUT);
	ck_assert_int_eq(check(fast | reps(4095, 4094), &unmap), HV_STATUS_SUCCESS);
}
END_TEST

START_TEST(a_terse_call_has_an_output_or_is_fast)
{
	ck_assert_int_eq(check(0, &signal_event_direct), HV_STATUS_SUCCESS);
	ck_assert_uint_eq(control.output_bytes, 8);
	ck_assert_int_eq(check(HV_CONTROL_FAST, &signal_event_direct), HV_STATUS_SUCCESS);
	ck_assert_uint_eq(control.input_bytes, 16);
	ck_assert_uint_eq(control.output_bytes, 0);
	ck_assert_int_eq(check(HV_CONTROL_FAST | reps(1, 0), &signal_event_direct),
	                 HV_STATUS_INVALID_HYPERCALL_INPUT);
}
END_TEST

START_TEST(a_missing_privilege_is_told_after_a_malformed_word)
{
	uint64_t words[] = { HVCALL_SIGNAL_EVENT, 0, 0 };

	ck_assert_int_eq(hypercall_control_check(words, &signal_event, BIT64(37),
	                                         &control),
	                 HV_STATUS_SUCCESS);
	ck_assert_int_eq(hypercall_control_check(words, &signal_event, ~BIT64(37),
	                                         &control),
	                 HV_STATUS_ACCESS_DENIED);
	words[0] |= BIT64(63);
	ck_assert_int_eq(hypercall_control_check(words, &signal_event, 0, &control),
	                 HV_STATUS_INVALID_HYPERCALL_INPUT);
}
END_TEST

START_TEST(a_misplaced_block_is_told_after_a_missing_privilege)
{
	const uint64_t words[] = { HVCALL_SIGNAL_EVENT, 1, 0 };

	ck_assert_int_eq(hypercall_control_check(words, &signal_event, 0, &control),
	                 HV_STATUS_ACCESS_DENIED);
	ck_assert_int_eq(hypercall_control_check(words, &signal_event, BIT64(37),
	                                         &control),
	                 HV_STATUS_INVALID_ALIGNMENT);
}
END_TEST

/* For ten registers: 56 bytes of input and 160 of output. */
static const struct {
	uint64_t input_gpa, output_gpa;
	enum hv_status status;
} places[] = {
	{ 0x1000, 0x2000, HV_STATUS_SUCCESS },
	{ 0x1fc8, 0x2f60, HV_STATUS_SUCCESS },
	{ 0x1fd0, 0x2000, HV_STATUS_INVALID_ALIGNMENT },
	{ 0x1000, 0x2f68, HV_STATUS_INVALID_ALIGNMENT },
	{ 0x1004, 0x2000, HV_STATUS_INVALID_ALIGNMENT },
	{ 0x1000, 0x2001, HV_STATUS_INVALID_ALIGNMENT },
	{ UINT64_MAX, 0x2000, HV_STATUS_INVALID_ALIGNMENT },
};

START_TEST(blocks_are_aligned_and_lie_within_one_page)
{
	for (unsigned int i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		ck_assert_int_eq(check_blocks(reps(10, 0), &get_registers,
		                              places[i].input_gpa, places[i].output_gpa),
		                 places[i].status);
	ck_assert_int_eq(check_blocks(reps(4095, 0), &get_registers, 0x1000, 0x2000),
	                 HV_STATUS_INVALID_ALIGNMENT);
}
END_TEST

START_TEST(an_unused_or_fast_block_is_not_looked_at)
{
	ck_assert_int_eq(check_blocks(0, &signal_event, 0x1000, 0x777),
	                 HV_STATUS_SUCCESS);
	ck_assert_int_eq(check_blocks(HV_CONTROL_FAST, &signal_event, 0x777, 0x777),
	                 HV_STATUS_SUCCESS);
}
END_TEST

START_TEST(result_and_restart_words_have_their_fields)
{
	ck_assert_uint_eq(hypercall_control_result(HV_STATUS_INSUFFICIENT_MEMORY, 0x123),
	                  UINT64_C(0x1230000000b));
	ck_assert_uint_eq(hypercall_control_restart(reps(0x7ff, 0xfff) | 0x4c, 0x21),
	                  reps(0x7ff, 0x21) | 0x4c);
}
END_TEST

static Suite *hypercall_control_suite(void)
{
	Suite *suite = suite_create("hypercall_control");
	TCase *tcase = tcase_create("hypercall_control");

	tcase_add_test(tcase, linux_signal_event_passes_in_both_forms);
	tcase_add_loop_test(tcase, each_reserved_bit_is_refused, 0, 64);
	tcase_add_test(tcase, a_variable_header_counts_as_input_where_one_is_taken);
	tcase_add_test(tcase, a_rep_call_needs_a_start_below_its_count);
	tcase_add_test(tcase, a_fast_call_fits_its_registers_and_has_no_output);
	tcase_add_test(tcase, a_terse_call_has_an_output_or_is_fast);
	tcase_add_test(tcase, a_missing_privilege_is_told_after_a_malformed_word);
	tcase_add_test(tcase, a_misplaced_block_is_told_after_a_missing_privilege);
	tcase_add_test(tcase, blocks_are_aligned_and_lie_within_one_page);
	tcase_add_test(tcase, an_unused_or_fast_block_is_not_looked_at);
	tcase_add_test(tcase, result_and_restart_words_have_their_fields);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(hypercall_control_suite)
