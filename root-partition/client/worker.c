/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs the worker, apart from us, and waits for its word. */
#define _GNU_SOURCE
#include "root-partition/client/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "root-partition/config/definition.h"
#include "root-partition/config/paths.h"

#define WORD_BYTES 4096
#define READY_FD   3

/* All memory of a VM is taken hold of first, and that may be much. A test has less time. */
#ifndef WORKER_START_S
#define WORKER_START_S 600
#endif

/* All that the child needs, made before there is one. */
struct start {
	char *program;
	char **environment;
	const char *name;
	int ready_fd;
	int cgroup_fd;
};

/*
 * The kernel keeps accounts of pressure for each group above a task, at each of its wake-ups and ends. Of ours nobody looks
 * at them but who turns them on again, which then stays so. Linux before 6.1 cannot do without them.
 */
static void keep_no_pressure(const char *folder)
{
	g_autofree char *file = g_build_filename(folder, "cgroup.pressure", NULL);
	int fd = open(file, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)!write(fd, "0", 1); /* it goes on with them */
	close(fd);
}

static bool make_cgroup(const char *folder)
{
	if (mkdir(folder, 0755) != 0)
		return errno == EEXIST;
	keep_no_pressure(folder);
	return true;
}

/*
 * Makes the VM's own control group, viridis/NAME, and opens the file by which a process joins it. In its
 * caller's the worker would end with the login or the service that ran us. -1: the machine has no
 * unified hierarchy, or we may not; the worker stays where we are.
 */
static int open_cgroup(const char *name)
{
	g_autofree char *folder = paths_of(name, PATH_CGROUP);
	g_autofree char *above = g_path_get_dirname(folder);
	g_autofree char *file = g_build_filename(folder, "cgroup.procs", NULL);

	if (access(PATHS_CGROUP_MOUNT "/cgroup.procs", W_OK) != 0 ||
	    !make_cgroup(above) || !make_cgroup(folder))
		return -1;
	return open(file, O_WRONLY | O_CLOEXEC);
}

/* Ours, with the folders by their whole paths: the worker is to find them from another working directory too. */
static char **worker_environment(void)
{
	g_autofree char *state = g_canonicalize_filename(paths_state_dir(), NULL);
	g_autofree char *log = g_canonicalize_filename(paths_log_dir(), NULL);
	g_autofree char *run = g_canonicalize_filename(paths_run_dir(), NULL);
	char **environment =
		g_environ_setenv(g_get_environ(), "VIRIDIS_STATE_DIR", state, TRUE);

	environment = g_environ_setenv(environment, "VIRIDIS_LOG_DIR", log, TRUE);
	return g_environ_setenv(environment, "VIRIDIS_RUN_DIR", run, TRUE);
}

/* What a thread of ours ignores or holds back is no affair of the worker's. */
static void reset_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
}

/*
 * In the child: leave the terminal's session, our caller's control group and working directory, and of
 * its descriptors keep the standard ones alone. Nothing here may allocate.
 */
static void run_worker(const struct start *start)
{
	char *arguments[] = { start->program, "--ready-fd", G_STRINGIFY(READY_FD),
		              (char *)start->name, NULL };
	/* Without close-on-exec, which a copy has not. */
	int kept;

	if (start->cgroup_fd >= 0)
		(void)!write(start->cgroup_fd, "0", 1); /* it can go on where it is */
	kept = start->ready_fd == READY_FD ? fcntl(start->ready_fd, F_SETFD, 0) :
	                                     dup2(start->ready_fd, READY_FD);
	if (chdir("/") != 0)
		_exit(127);
	setsid();
	reset_signals();
	if (kept >= 0 && close_range(READY_FD + 1, ~0u, 0) == 0)
		execve(start->program, arguments, start->environment);
	_exit(127);
}

/* By a child of a child: whoever calls us may live long, and nobody there would wait for the worker's end. */
static gboolean fork_worker(const struct start *start)
{
	pid_t child = fork();

	if (child == 0) {
		pid_t worker = fork();

		if (worker == 0)
			run_worker(start);
		_exit(worker < 0);
	}
	while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	return child > 0;
}

/* Everything the worker says until it closes the descriptor. NULL: it has not by then. */
static char *read_word(int fd)
{
	g_autoptr(GString) word = g_string_new(NULL);
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	char part[256];

	/* A machine that stood still for long takes one second of the time away. */
	for (int left = WORKER_START_S; left > 0 && word->len < WORD_BYTES;) {
		int ready = poll(&poll_fd, 1, 1000);
		ssize_t count = ready > 0 ? read(fd, part, sizeof(part)) : 0;

		if (ready == 0)
			left--;
		else if (ready > 0 && count == 0)
			return g_strdup(word->str);
		else if (count > 0)
			g_string_append_len(word, part, count);
	}
	return word->len < WORD_BYTES ? NULL : g_strdup(word->str);
}

static gboolean fail(GError **error, const char *message)
{
	g_set_error_literal(error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED, message);
	return FALSE;
}

static gboolean fail_silent(const char *name, GError **error)
{
	g_autofree char *message =
		g_strdup_printf("the worker died; see 'viridis log %s'", name);

	return fail(error, message);
}

static gboolean fail_late(const char *name, GError **error)
{
	g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_TIME,
	            "%s has not said within %d s whether it runs; 'viridis log %s' tells "
	            "what it does, 'viridis stop %s' ends it",
	            name, WORKER_START_S, name, name);
	return FALSE;
}

static char *worker_word(struct start *start, int word_fd)
{
	gboolean forked;
	int saved;

	start->environment = worker_environment();
	start->cgroup_fd = open_cgroup(start->name);
	forked = fork_worker(start);
	saved = errno;
	if (start->cgroup_fd >= 0)
		close(start->cgroup_fd);
	g_strfreev(start->environment);
	close(start->ready_fd);
	return forked ? read_word(word_fd) : g_strdup(g_strerror(saved));
}

gboolean worker_start(const char *name, GError **error)
{
	g_autofree char *program = paths_program("viridis-vm");
	struct start start = { .program = program, .name = name };
	g_autofree char *word = NULL;
	int ends[2];

	if (!program)
		return fail(error, "the program viridis-vm is not installed");
	if (pipe2(ends, O_CLOEXEC) != 0)
		return fail(error, g_strerror(errno));
	start.ready_fd = ends[1];
	word = worker_word(&start, ends[0]);
	close(ends[0]);
	if (!word)
		return fail_late(name, error);
	if (strcmp(word, "ready") == 0)
		return TRUE;
	return word[0] ? fail(error, word) : fail_silent(name, error);
}
