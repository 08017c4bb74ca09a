/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A worker's word, which is not waited for without a limit: viridis-vm is a script here. */
#include "unit.h"

#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

#include "root-partition/client/worker.h"
#include "root-partition/config/definition.h"

static char *folder;
static char *program;

static void set_up(void)
{
	folder = g_dir_make_tmp("viridis-XXXXXX", NULL);
	program = g_build_filename(folder, "viridis-vm", NULL);
	g_setenv("PATH", folder, TRUE);
	g_setenv("VIRIDIS_STATE_DIR", folder, TRUE);
	g_setenv("VIRIDIS_RUN_DIR", folder, TRUE);
	g_setenv("FOLDER", folder, TRUE);
}

static void tear_down(void)
{
	g_autofree char *over = g_build_filename(folder, "over", NULL);
	g_autofree char *group =
		g_strconcat("/sys/fs/cgroup/viridis/", "start-test", NULL);

	g_unlink(over);
	g_unlink(program);
	g_rmdir(folder);
	g_rmdir(group);
	g_free(program);
	g_free(folder);
}

/* Starts one that does this; what is said is in *error. */
static gboolean start(const char *script, GError **error)
{
	g_autofree char *text =
		g_strconcat("#!/bin/bash\nPATH=/usr/bin:/bin\n", script, "\n", NULL);

	ck_assert(g_file_set_contents(program, text, -1, NULL));
	ck_assert_int_eq(g_chmod(program, 0700), 0);
	return worker_start("start-test", error);
}

START_TEST(a_worker_that_says_nothing_is_waited_for_no_longer)
{
	g_autofree char *over = g_build_filename(folder, "over", NULL);
	g_autoptr(GError) error = NULL;

	/* It goes on until it is told to end, with its word still to be said. */
	ck_assert(
		!start("for n in $(seq 300); do [ -e $FOLDER/over ] && break; sleep 0.1;"
	               " done; printf ready >&3",
	               &error));
	ck_assert(g_error_matches(error, DEFINITION_ERROR, DEFINITION_ERROR_TIME));
	ck_assert_ptr_nonnull(
		strstr(error->message, "'viridis stop start-test' ends it"));
	ck_assert(g_file_set_contents(over, "", 0, NULL));
	g_usleep(G_USEC_PER_SEC / 2);
}
END_TEST

START_TEST(a_word_may_come_in_pieces)
{
	g_autoptr(GError) error = NULL;

	ck_assert(start("printf re >&3; sleep 0.2; printf ady >&3", &error));
	ck_assert(!start("printf 'not ' >&3; sleep 0.2; printf today >&3", &error));
	ck_assert_str_eq(error->message, "not today");
	g_clear_error(&error);
	ck_assert(!start("exit 0", &error));
	ck_assert_ptr_nonnull(strstr(error->message, "the worker died"));
}
END_TEST

/* Linux has them for groups, and this file, from 6.1 on. The group above may be older than this test. */
START_TEST(nobody_keeps_accounts_of_a_machine_s_pressure_but_who_wants_them)
{
	static const char *const file =
		"/sys/fs/cgroup/viridis/start-test/cgroup.pressure";
	static const char *const wanted[] = { "0\n", "1\n" };

	for (unsigned int i = 0; i < G_N_ELEMENTS(wanted); i++) {
		char found[8] = "";
		FILE *pressure;

		ck_assert(start("printf ready >&3", NULL));
		pressure = fopen(file, "r+");
		if (!pressure)
			return;
		ck_assert_ptr_nonnull(fgets(found, sizeof(found), pressure));
		ck_assert_str_eq(found, wanted[i]);
		rewind(pressure);
		ck_assert_int_ge(fputs("1", pressure), 0);
		ck_assert_int_eq(fclose(pressure), 0);
	}
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("client_start");
	TCase *tcase = tcase_create("start");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, a_worker_that_says_nothing_is_waited_for_no_longer);
	tcase_add_test(tcase, a_word_may_come_in_pieces);
	tcase_add_test(tcase,
	               nobody_keeps_accounts_of_a_machine_s_pressure_but_who_wants_them);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
