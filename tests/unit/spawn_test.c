/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A provider's process, of a program that cannot be executed. */
#include "unit.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vsp/lib/spawn.h"

/* Who asks for it again and again is not to fill the table of processes. */
START_TEST(a_program_that_cannot_be_executed_leaves_no_process)
{
	const struct vsp_spawn with = { STDIN_FILENO, STDERR_FILENO, -1 };
	pid_t pid;

	ck_assert_int_eq(vsp_spawn("/none", &with, &pid), ENOENT);
	ck_assert_int_eq(vsp_spawn("/", &with, &pid), EACCES);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}
END_TEST

static Suite *spawn_suite(void)
{
	Suite *suite = suite_create("spawn");
	TCase *tcase = tcase_create("spawn");

	tcase_add_test(tcase, a_program_that_cannot_be_executed_leaves_no_process);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(spawn_suite)
