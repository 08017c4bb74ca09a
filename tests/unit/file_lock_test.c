/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Locks between processes: who holds one, and that to look disturbs nobody. */
#include "unit.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "root-partition/config/file_lock.h"

#define ROUNDS 3000

static char *folder;
static char *path;

static void setup(void)
{
	folder = g_dir_make_tmp("viridis-XXXXXX", NULL);
	path = g_build_filename(folder, "lock", NULL);
}

static void teardown(void)
{
	g_unlink(path);
	g_rmdir(folder);
	g_free(path);
	g_free(folder);
}

/* A child that holds the lock until it is killed. */
static pid_t holder_process(void)
{
	int ends[2];
	pid_t child;
	char byte;

	ck_assert_int_eq(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		if (file_lock(path) < 0)
			_exit(1);
		(void)!write(ends[1], "", 1);
		for (;;)
			pause();
	}
	close(ends[1]);
	ck_assert_int_eq(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	return child;
}

static void end_process(pid_t child)
{
	kill(child, SIGKILL);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
}

START_TEST(a_lock_tells_its_holder_until_that_dies)
{
	pid_t child = holder_process();
	pid_t holder;
	int fd;

	ck_assert(file_lock_holder(path, &holder));
	ck_assert_int_eq(holder, child);
	ck_assert_int_eq(file_lock(path), -1);
	ck_assert_int_eq(errno, EAGAIN);
	end_process(child);
	ck_assert(file_lock_holder(path, &holder));
	ck_assert_int_eq(holder, 0);
	fd = file_lock(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
}
END_TEST

START_TEST(no_file_is_no_holder_and_any_other_error_is_one)
{
	pid_t holder;

	ck_assert(file_lock_holder(path, &holder));
	ck_assert_int_eq(holder, 0);
	ck_assert_int_eq(symlink("lock", path), 0);
	ck_assert(!file_lock_holder(path, &holder));
	ck_assert_int_eq(errno, ELOOP);
	ck_assert_int_eq(file_lock(path), -1);
	ck_assert_int_eq(errno, ELOOP);
}
END_TEST

START_TEST(who_looks_makes_nobody_s_lock_fail)
{
	pid_t child = fork();
	pid_t holder;
	int fd;

	if (child == 0)
		for (;;)
			(void)file_lock_holder(path, &holder);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		fd = file_lock(path);
		ck_assert_msg(fd >= 0, "round %u: %s", i, g_strerror(errno));
		if (i % 2)
			g_unlink(path);
		close(fd);
	}
	end_process(child);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("file_lock");
	TCase *tcase = tcase_create("processes");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_lock_tells_its_holder_until_that_dies);
	tcase_add_test(tcase, no_file_is_no_holder_and_any_other_error_is_one);
	tcase_add_test(tcase, who_looks_makes_nobody_s_lock_fail);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
