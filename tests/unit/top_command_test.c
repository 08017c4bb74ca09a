/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `viridis top` on a stand-in for the hypervisor: one CPU, the root and partition 7, which is the VM web. Each look finds
 * that a thousand ticks have passed, of which the VM had 250, the root 500, the hypervisor 50.
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <viridis/abi/viridis_stats.h>

#include "root-partition/cli/command.h"
#include "root-partition/cli/top_io.h"
#include "root-partition/config/json_text.h"
#include "root-partition/config/store.h"
#include "root-partition/libmshv/mshv.h"

#define VM_PARTITION 7u

static unsigned int looks;
static GString *printed; /* NULL: stdout gets it */

int mshv_open(void)
{
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

int mshv_info(int device, struct viridis_partition_info *partitions, uint32_t *count,
              struct viridis_info *totals)
{
	(void)device;
	(void)totals;
	looks++;
	*count = 1;
	partitions[0].partition_id = VM_PARTITION;
	partitions[0].creator_pid = 1;
	return 0;
}

int mshv_get_stats(int device, struct viridis_get_stats *stats)
{
	const uint64_t now = looks;

	(void)device;
	if (stats->index > 0)
		return -EINVAL;
	memset(stats->counter, 0, sizeof(stats->counter));
	if (stats->object == VIRIDIS_STATS_CPU) {
		stats->count = VIRIDIS_CPU_STAT_COUNT;
		stats->counter[VIRIDIS_CPU_STAT_IDLE_TICKS] = 200 * now;
		stats->counter[VIRIDIS_CPU_STAT_GUEST_TICKS] = 750 * now;
		stats->counter[VIRIDIS_CPU_STAT_HYPERVISOR_TICKS] = 50 * now;
		return 0;
	}
	stats->count = VIRIDIS_VP_STAT_COUNT;
	stats->counter[VIRIDIS_VP_STAT_GUEST_TICKS] =
		(stats->partition_id == VM_PARTITION ? 250 : 500) * now;
	return 0;
}

GPtrArray *store_list(GError **error)
{
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);

	(void)error;
	g_ptr_array_add(names, g_strdup("web"));
	return names;
}

gboolean top_io_ask(const char *name, uint64_t *partition_id, struct top_io *io)
{
	ck_assert_str_eq(name, "web");
	*partition_id = VM_PARTITION;
	io->disk_requests = looks;
	return TRUE;
}

/* As the command's main() has it: orders to a terminal do not get through. */
static void print_plainly(const char *text)
{
	g_autofree char *printable = json_text_make_printable(text, strlen(text));

	if (printed) {
		g_string_append(printed, printable);
		return;
	}
	(void)fputs(printable, stdout);
	(void)fflush(stdout);
}

static const struct command command = { "top", "", "", command_top };

static enum command_status top(const char *number, const char *json)
{
	char *words[] = { "top",          "--interval", "0.01", "--count",
		          (char *)number, (char *)json, NULL };

	g_set_print_handler(print_plainly);
	return command_top(&command, json ? 6 : 5, words);
}

static double percent_of(json_t *answer, const char *name)
{
	json_t *list = json_object_get(answer, "partitions");

	for (gsize i = 0; i < json_array_size(list); i++) {
		json_t *entry = json_array_get(list, i);

		if (strcmp(json_string_value(json_object_get(entry, "name")), name) == 0)
			return json_number_value(json_object_get(entry, "percent"));
	}
	return -1;
}

START_TEST(shares_are_of_the_time_since_the_last_look)
{
	json_t *answer;

	printed = g_string_new(NULL);
	ck_assert_int_eq(top("1", "--json"), COMMAND_DONE);
	answer = json_loads(printed->str, 0, NULL);
	ck_assert_ptr_nonnull(answer);
	ck_assert_double_eq_tol(percent_of(answer, "root"), 50, 0.01);
	ck_assert_double_eq_tol(percent_of(answer, "web"), 25, 0.01);
	ck_assert_double_eq_tol(
		json_number_value(json_object_get(answer, "hypervisor-percent")), 5,
		0.01);
	ck_assert_double_eq_tol(
		json_number_value(json_object_get(answer, "idle-percent")), 20, 0.01);
	json_decref(answer);
	g_string_free(printed, TRUE);
	printed = NULL;
}
END_TEST

START_TEST(a_table_takes_the_place_of_the_last_on_a_terminal)
{
	static const char clear[] = "\033[H\033[J1 CPU(s)";
	const int kept = dup(STDOUT_FILENO);
	char text[4096] = "";
	int master, slave;
	ssize_t got;

	ck_assert_int_eq(openpty(&master, &slave, NULL, NULL, NULL), 0);
	(void)fflush(stdout);
	dup2(slave, STDOUT_FILENO);
	ck_assert_int_eq(top("1", NULL), COMMAND_DONE);
	dup2(kept, STDOUT_FILENO);
	got = read(master, text, sizeof(text) - 1);
	ck_assert_int_gt(got, 0);
	ck_assert_int_eq(strncmp(text, clear, strlen(clear)), 0);
	close(master);
	close(slave);
	close(kept);
}
END_TEST

START_TEST(it_ends_when_nobody_reads_any_more)
{
	const int kept = dup(STDOUT_FILENO);
	const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)fflush(stdout);
	dup2(full, STDOUT_FILENO);
	(void)top("500", NULL);
	ck_assert_uint_le(looks, 3);
	dup2(kept, STDOUT_FILENO);
	clearerr(stdout);
	close(full);
	close(kept);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("top_command");
	TCase *tcase = tcase_create("answers");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, shares_are_of_the_time_since_the_last_look);
	tcase_add_test(tcase, a_table_takes_the_place_of_the_last_on_a_terminal);
	tcase_add_test(tcase, it_ends_when_nobody_reads_any_more);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
