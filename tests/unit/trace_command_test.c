/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `viridis trace` on a stand-in for the hypervisor: CPUs that trace faster than they are read, or one request
 * of partition 5.
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <viridis/abi/viridis_trace.h>

#include "root-partition/cli/command.h"
#include "root-partition/cli/trace_io.h"
#include "root-partition/cli/trace_root.h"
#include "root-partition/client/client.h"
#include "root-partition/libmshv/mshv.h"

#define CPUS      2u
#define READS_MAX 1000u

static unsigned int reads;
static GString *printed;

static const struct viridis_trace_record request[] = {
	{ .tsc = 100, .kind = VIRIDIS_TRACE_EXIT, .partition = 5, .a = 0x81 },
	{ .tsc = 110, .kind = VIRIDIS_TRACE_EVENT, .partition = 0 },
	{ .tsc = 150, .kind = VIRIDIS_TRACE_INJECT, .partition = 0 },
	{ .tsc = 450, .kind = VIRIDIS_TRACE_EXIT, .partition = 0, .a = 0x81 },
	{ .tsc = 460, .kind = VIRIDIS_TRACE_EVENT, .partition = 5 },
	{ .tsc = 480, .kind = VIRIDIS_TRACE_INJECT, .partition = 5 },
};
static gboolean one_request, root_tells;

int mshv_open(void)
{
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

int mshv_read_trace(int device, unsigned int cpu, uint64_t *sequence,
                    struct viridis_trace_record *records, size_t count, uint32_t *lost)
{
	(void)device;
	if (cpu >= CPUS)
		return -EINVAL;
	*lost = 0;
	if (one_request) {
		ck_assert_uint_ge(count, G_N_ELEMENTS(request));
		memcpy(records, request, sizeof(request));
		return cpu ? 0 : (int)G_N_ELEMENTS(request);
	}
	ck_assert_uint_lt(reads++, READS_MAX);
	memset(records, 0, count * sizeof(*records));
	for (size_t i = 0; i < count; i++)
		records[i].tsc = (*sequence)++;
	return (int)count;
}

json_t *client_ask(const char *name, enum control_command command, GError **error)
{
	json_t *status = json_object();

	(void)error;
	ck_assert_str_eq(name, "web");
	ck_assert_int_eq(command, CONTROL_STATUS);
	json_text_add_int(status, "partition", 0x20005);
	json_text_add_int(status, "pid", 77);
	return status;
}

/* The root's own trace. */
struct trace_root {
	int ended;
};
static struct trace_root of_root;

struct trace_root *trace_root_begin(pid_t keeper, char **why)
{
	ck_assert_int_eq(keeper, 77);
	if (root_tells)
		return &of_root;
	*why = g_strdup("nobody is there");
	return NULL;
}

void trace_root_read(struct trace_root *trace, GArray *records)
{
	static const struct viridis_trace_record told[] = {
		{ .tsc = 200, .kind = TRACE_ROOT_PROVIDER_RUNS, .vp = UINT16_MAX },
		{ .tsc = 230, .kind = TRACE_ROOT_BACKEND_ASKED, .vp = UINT16_MAX },
		{ .tsc = 330, .kind = TRACE_ROOT_BACKEND_DONE, .vp = UINT16_MAX },
	};

	ck_assert_ptr_eq(trace, &of_root);
	g_array_append_vals(records, told, G_N_ELEMENTS(told));
}

void trace_root_end(struct trace_root *trace)
{
	trace->ended++;
}

static void print_kept(const char *text)
{
	g_string_append(printed, text);
}

static void setup(void)
{
	printed = g_string_new(NULL);
	one_request = root_tells = FALSE;
	of_root.ended = 0;
	g_set_print_handler(print_kept);
}

static void teardown(void)
{
	g_string_free(printed, TRUE);
}

static const struct command command = { "trace", "", "", command_trace };

START_TEST(a_machine_that_traces_without_pause_is_printed_once)
{
	char *words[] = { "trace", NULL };

	ck_assert_int_eq(command_trace(&command, 1, words), COMMAND_DONE);
	ck_assert_uint_ge(reads, 2 * CPUS);
}
END_TEST

/* Both the one request and the median of one. */
static void check_hops(const char *expected)
{
	char *words[] = { "trace", "--io", "web", NULL };
	g_auto(GStrv) lines = NULL;

	one_request = TRUE;
	ck_assert_int_eq(command_trace(&command, 3, words), COMMAND_DONE);
	lines = g_strsplit(printed->str, "\n", -1);
	ck_assert_uint_eq(g_strv_length(lines), 4);
	ck_assert_int_eq(g_str_has_prefix(g_strstrip(lines[2]), "median"), TRUE);
	for (unsigned int line = 1; line < 3; line++) {
		char word[9][16];
		g_autofree char *told = NULL;

		ck_assert_int_eq(
			sscanf(lines[line],
		               "%*s %15s %15s %15s %15s %15s %15s %15s %15s %15s",
		               word[0], word[1], word[2], word[3], word[4], word[5],
		               word[6], word[7], word[8]),
			9);
		told = g_strdup_printf("%s %s %s %s %s %s %s %s %s", word[0], word[1],
		                       word[2], word[3], word[4], word[5], word[6],
		                       word[7], word[8]);
		ck_assert_str_eq(told, expected);
	}
}

START_TEST(the_hops_of_a_request_are_told_with_their_sum)
{
	check_hops("10 40 - - - 300 10 20 380");
}
END_TEST

START_TEST(the_root_s_own_hops_stand_between)
{
	root_tells = TRUE;
	check_hops("10 40 50 30 100 120 10 20 380");
	ck_assert_int_eq(of_root.ended, 1);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("trace_command");
	TCase *tcase = tcase_create("end");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_machine_that_traces_without_pause_is_printed_once);
	tcase_add_test(tcase, the_hops_of_a_request_are_told_with_their_sum);
	tcase_add_test(tcase, the_root_s_own_hops_stand_between);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
