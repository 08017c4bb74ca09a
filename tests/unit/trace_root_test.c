/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of tracefs as Linux 6.1 and 6.12 print them. */
#include "unit.h"

#include <viridis/abi/viridis_trace.h>

#include "root-partition/cli/trace_io.h"
#include "root-partition/cli/trace_root.h"

static GArray *pids;
static struct viridis_trace_record record;

static void setup(void)
{
	static const pid_t ours[] = { 231, 232 };

	pids = g_array_new(FALSE, FALSE, sizeof(pid_t));
	g_array_append_vals(pids, ours, G_N_ELEMENTS(ours));
}

static void teardown(void)
{
	g_array_unref(pids);
}

static gboolean parse(const char *line)
{
	return trace_root_parse(line, pids, &record);
}

START_TEST(a_switch_to_a_provider_is_when_it_runs)
{
	ck_assert_int_eq(
		parse("          <idle>-0       [003] d..2. 81234567890: sched_switch: "
	              "prev_comm=swapper/3 prev_pid=0 prev_prio=120 prev_state=R ==> "
	              "next_comm=viridis-storage next_pid=231 next_prio=120"),
		TRUE);
	ck_assert_uint_eq(record.kind, TRACE_ROOT_PROVIDER_RUNS);
	ck_assert_uint_eq(record.tsc, 81234567890u);
	ck_assert_uint_eq(record.cpu, 3);
	ck_assert_uint_eq(record.vp, UINT16_MAX);
	/* It goes to sleep. */
	ck_assert_int_eq(parse(" viridis-storage-231 [000] d..2. 5: sched_switch: "
	                       "prev_comm=viridis-storage prev_pid=231 prev_prio=120 "
	                       "prev_state=S ==> next_comm=swapper/0 next_pid=0 "
	                       "next_prio=120"),
	                 FALSE);
}
END_TEST

START_TEST(submissions_and_completions_are_the_backend_s)
{
	static const char *const asked[] = {
		" viridis-storage-231 [000] ..... 77: io_uring_submit_sqe: ring 0, req 1",
		" viridis-storage-231     [000] ..... 77: io_uring_submit_req: ring 0, "
		"req 1"
	};

	for (gsize i = 0; i < G_N_ELEMENTS(asked); i++) {
		ck_assert_int_eq(parse(asked[i]), TRUE);
		ck_assert_uint_eq(record.kind, TRACE_ROOT_BACKEND_ASKED);
		ck_assert_uint_eq(record.tsc, 77);
	}
	ck_assert_int_eq(
		parse(" iou-wrk-231-240 [001] ..... 78: io_uring_complete: ring 0, "
	              "req 1, user_data 0x2, result 4096, cflags 0x0"),
		TRUE);
	ck_assert_uint_eq(record.kind, TRACE_ROOT_BACKEND_DONE);
	ck_assert_uint_eq(record.cpu, 1);
}
END_TEST

START_TEST(other_lines_are_nothing)
{
	static const char *const lines[] = {
		"",
		"# tracer: nop",
		"#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION",
		"CPU:0 [LOST 12 EVENTS]",
		" a-1 [",
		" a-1 [000]",
		" a-1 [000] ..... ",
		" a-1 [000] ..... 5",
		" a-1 [x] ..... 5: io_uring_complete: r",
		" a-1 [000] ..... 5: other: next_pid=231",
		" a-1 [000] ..... 5: sched_switch: next_pid",
		" a-1 [000] ..... 5: sched_switch: x next_pid=2310 y",
	};

	for (gsize i = 0; i < G_N_ELEMENTS(lines); i++)
		ck_assert_msg(!parse(lines[i]), "%s", lines[i]);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("trace_root");
	TCase *tcase = tcase_create("lines");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_switch_to_a_provider_is_when_it_runs);
	tcase_add_test(tcase, submissions_and_completions_are_the_backend_s);
	tcase_add_test(tcase, other_lines_are_nothing);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
