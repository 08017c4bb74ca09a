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
static gboolean one_request;

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

JsonObject *client_ask(const char *name, enum control_command command, GError **error)
{
	JsonObject *status = json_object_new();

	(void)error;
	ck_assert_str_eq(name, "web");
	ck_assert_int_eq(command, CONTROL_STATUS);
	json_object_set_int_member(status, "partition", 0x20005);
	return status;
}

static void print_kept(const char *text)
{
	g_string_append(printed, text);
}

static void setup(void)
{
	printed = g_string_new(NULL);
	one_request = FALSE;
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

START_TEST(the_hops_of_a_request_are_told_with_their_sum)
{
	char *words[] = { "trace", "--io", "web", NULL };
	g_auto(GStrv) lines = NULL;

	one_request = TRUE;
	ck_assert_int_eq(command_trace(&command, 3, words), COMMAND_DONE);
	lines = g_strsplit(printed->str, "\n", -1);
	ck_assert_uint_eq(g_strv_length(lines), 4);
	ck_assert_int_eq(g_str_has_prefix(g_strstrip(lines[2]), "median"), TRUE);
	for (unsigned int line = 1; line < 3; line++) {
		unsigned int hops[6];

		ck_assert_int_eq(sscanf(lines[line], "%*s %u %u %u %u %u %u", &hops[0],
		                        &hops[1], &hops[2], &hops[3], &hops[4], &hops[5]),
		                 6);
		ck_assert_uint_eq(hops[0], 10);
		ck_assert_uint_eq(hops[1], 40);
		ck_assert_uint_eq(hops[2], 300);
		ck_assert_uint_eq(hops[3], 10);
		ck_assert_uint_eq(hops[4], 20);
		ck_assert_uint_eq(hops[5], 380);
	}
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
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
