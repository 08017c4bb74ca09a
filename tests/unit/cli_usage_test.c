/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `viridis` as a process: numbers and sizes that options are given. */
#include "unit.h"

#include "cli_program.h"

/* Whatever it would mean: who gave it meant something else. */
START_TEST(a_number_that_an_option_cannot_have_is_refused)
{
	static const struct {
		const char *line, *words;
	} cases[] = {
		{ "$V wait web --timeout 0", "--timeout 0: 1 at least" },
		{ "$V wait web --timeout -5", "--timeout -5" },
		{ "$V shutdown web --timeout 0", "--timeout 0: from 1 to 86400" },
		{ "$V shutdown web --timeout 86401", "--timeout 86401" },
		{ "$V freeze web --timeout 3601", "--timeout 3601: from 1 to 3600" },
		{ "$V log web -n -1", "--lines -1" },
		{ "$V trace --cpu -1", "--cpu -1" },
		{ "$V trace --count 0", "--count 0" },
		{ "$V trace --io web --count -1", "--count -1" },
		{ "$V resize web --lun -1 --size 1M", "--lun -1" },
		{ "$V resize web --lun 1", "--lun is of --size" },
		{ "$V top --count 0", "--count 0" },
		{ "$V top --interval 0", "--interval: from 0.01" },
		{ "$V top --interval nan", "--interval: from 0.01" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
		expect(cases[i].line, 2, cases[i].words);
}
END_TEST

START_TEST(what_qemu_is_to_be_given_is_one_size)
{
	expect("$V qemu-args --memory 1G", 0,
	       "-m 1024M -object memory-backend-memfd,id=viridis,size=1073741824,");
	expect("$V qemu-args", 0, "-m 512M ");
	expect("$V qemu-args --memory 1000K", 1, "memory '1000K': whole megabytes");
	expect("$V qemu-args --memory 0", 1, "from 1M on");
	expect("$V qemu-args --memory much", 1, "memory 'much': not a size");
	/* The table is where it says. */
	expect("$V qemu-args --memory 64M | sed 's/.*file=//' | xargs head -c 4", 0,
	       "SSDT");
}
END_TEST

START_TEST(what_bench_lacks_is_named_with_the_way_out)
{
	expect("PATH=/nonexistent $V bench disk", 1,
	       "viridis-bench is not installed; no package has it: a root of './dev");
	expect("PATH=/nonexistent $V bench --json", 1, "\"failed\"");
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("cli_usage");
	TCase *tcase = tcase_create("options");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, cli_set_up, cli_tear_down);
	tcase_add_test(tcase, a_number_that_an_option_cannot_have_is_refused);
	tcase_add_test(tcase, what_qemu_is_to_be_given_is_one_size);
	tcase_add_test(tcase, what_bench_lacks_is_named_with_the_way_out);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
