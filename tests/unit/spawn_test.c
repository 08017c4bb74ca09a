/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A provider's process: the descriptors it has, and none at all of a program that cannot be executed. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vsp/lib/core/protocol.h"
#include "vsp/lib/spawn.h"

#define WAIT_MS 10000

/* Who asks for it again and again is not to fill the table of processes. */
START_TEST(a_program_that_cannot_be_executed_leaves_no_process)
{
	const struct vsp_spawn with = { STDIN_FILENO, STDERR_FILENO, -1, -1 };
	pid_t pid;

	ck_assert_int_eq(vsp_spawn("/none", &with, &pid), ENOENT);
	ck_assert_int_eq(vsp_spawn("/", &with, &pid), EACCES);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}
END_TEST

/* There is no room for them above those that it is to have. */
START_TEST(who_cannot_be_given_a_descriptor_is_not_started)
{
	const struct rlimit none_above = { VSP_WAITER_FD + 1, VSP_WAITER_FD + 1 };
	struct vsp_spawn with = { STDIN_FILENO, STDERR_FILENO, -1, -1 };
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		*(_i ? &with.waiter : &with.backend) = STDIN_FILENO;
		if (setrlimit(RLIMIT_NOFILE, &none_above) != 0)
			_exit(1);
		_exit(vsp_spawn("/bin/true", &with, &pid) == EINVAL ? 0 : 2);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

/* What a process has at a descriptor, as a name; "" for nothing. */
static void name_of(pid_t pid, int fd, char name[64])
{
	char path[64];

	memset(name, 0, 64);
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
	(void)!readlink(path, name, 63); /* none: it stays empty */
}

/* A pipe's ends have one name, and each pipe another. */
static int new_pipe(void)
{
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	return ends[0];
}

static void check_descriptor(pid_t parent, pid_t pid, int place, int expected)
{
	char is[64], should[64] = "";

	name_of(pid, place, is);
	if (expected >= 0)
		name_of(parent, expected, should);
	ck_assert_str_eq(is, should);
}

/* Its libraries are open for a moment; then it waits for its input. */
static void await_rest(pid_t pid)
{
	char path[64], state = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	for (int waited = 0; state != 'S' && waited < WAIT_MS; waited++) {
		FILE *file = fopen(path, "re");

		ck_assert_ptr_nonnull(file);
		ck_assert_int_eq(fscanf(file, "%*d (cat) %c", &state), 1);
		fclose(file);
		usleep(1000);
	}
	ck_assert_int_eq(state, 'S');
}

/* In the caller they may lie where the others are to come, and where nothing is to be. */
static struct vsp_spawn scattered(bool has_backend, bool has_waiter)
{
	return (struct vsp_spawn){
		.socket = VSP_WAITER_FD,
		.errors = STDERR_FILENO,
		.backend = has_backend ? VSP_SOCKET_FD : -1,
		.waiter = has_waiter ? VSP_BACKEND_FD : -1,
	};
}

/* Not the test itself, whose reports go by such descriptors. */
static _Noreturn void be_parent(const struct vsp_spawn *with, int told)
{
	pid_t pid = 0;

	(void)dup2(new_pipe(), STDIN_FILENO);
	for (int fd = VSP_SOCKET_FD; fd <= VSP_WAITER_FD; fd++)
		(void)dup2(new_pipe(), fd);
	if (vsp_spawn("/bin/cat", with, &pid) != 0 ||
	    write(told, &pid, sizeof(pid)) != sizeof(pid))
		_exit(1);
	for (;;)
		pause();
}

static pid_t start(pid_t *parent, const struct vsp_spawn *with)
{
	int ends[2], told;
	pid_t pid;

	ck_assert_int_eq(pipe(ends), 0);
	told = fcntl(ends[1], F_DUPFD, 100); /* out of their way */
	ck_assert_int_ge(told, 100);
	*parent = fork();
	if (*parent == 0)
		be_parent(with, told);
	close(ends[1]);
	close(told);
	ck_assert_int_eq(read(ends[0], &pid, sizeof(pid)), sizeof(pid));
	close(ends[0]);
	return pid;
}

START_TEST(it_has_what_it_was_given_and_nothing_else)
{
	const struct vsp_spawn with = scattered(_i & 1, _i & 2);
	pid_t parent;
	pid_t pid = start(&parent, &with);

	await_rest(pid);
	check_descriptor(parent, pid, STDERR_FILENO, STDERR_FILENO);
	check_descriptor(parent, pid, VSP_SOCKET_FD, with.socket);
	check_descriptor(parent, pid, VSP_BACKEND_FD, with.backend);
	check_descriptor(parent, pid, VSP_WAITER_FD, with.waiter);
	for (int fd = VSP_WAITER_FD + 1; fd < 128; fd++)
		check_descriptor(parent, pid, fd, -1);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(kill(parent, SIGKILL), 0);
	ck_assert_int_eq(waitpid(parent, NULL, 0), parent);
}
END_TEST

static Suite *spawn_suite(void)
{
	Suite *suite = suite_create("spawn");
	TCase *tcase = tcase_create("spawn");

	tcase_add_test(tcase, a_program_that_cannot_be_executed_leaves_no_process);
	tcase_add_loop_test(tcase, who_cannot_be_given_a_descriptor_is_not_started, 0, 2);
	tcase_add_loop_test(tcase, it_has_what_it_was_given_and_nothing_else, 0, 4);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(spawn_suite)
