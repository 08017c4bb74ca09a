/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `viridis trace` on a stand-in for the hypervisor whose CPUs trace faster than they are read. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "root-partition/cli/command.h"
#include "root-partition/libmshv/mshv.h"

#define CPUS      2u
#define READS_MAX 1000u

static unsigned int reads;

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
	ck_assert_uint_lt(reads++, READS_MAX);
	memset(records, 0, count * sizeof(*records));
	for (size_t i = 0; i < count; i++)
		records[i].tsc = (*sequence)++;
	*lost = 0;
	return (int)count;
}

static void print_nothing(const char *text)
{
	(void)text;
}

START_TEST(a_machine_that_traces_without_pause_is_printed_once)
{
	static const struct command command = { "trace", "", "", command_trace };
	char *words[] = { "trace", NULL };

	g_set_print_handler(print_nothing);
	ck_assert_int_eq(command_trace(&command, 1, words), COMMAND_DONE);
	ck_assert_uint_ge(reads, 2 * CPUS);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("trace_command");
	TCase *tcase = tcase_create("end");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, a_machine_that_traces_without_pause_is_printed_once);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
