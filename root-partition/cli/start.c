/* SPDX-License-Identifier: GPL-2.0-or-later */
/* viridis start: runs the worker, apart from us, and waits for its word. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "root-partition/cli/command.h"
#include "root-partition/config/definition.h"
#include "root-partition/config/macs.h"
#include "root-partition/config/paths.h"
#include "root-partition/config/store.h"

#define WORD_BYTES 4096
#define READY_FD   3

/*
 * Makes the VM's own control group, viridis/NAME, and opens the file by which a process joins it. In its
 * caller's the worker would end with the login or the service that ran us. -1: the machine has no
 * unified hierarchy, or we may not; the worker stays where we are.
 */
static int open_cgroup(const char *name)
{
	g_autofree char *folder = paths_of(name, PATH_CGROUP);
	g_autofree char *file = g_build_filename(folder, "cgroup.procs", NULL);

	if (access(PATHS_CGROUP_MOUNT "/cgroup.procs", W_OK) != 0 ||
	    g_mkdir_with_parents(folder, 0755) != 0)
		return -1;
	return open(file, O_WRONLY | O_CLOEXEC);
}

/* The worker is to find the folders from another working directory too. */
static void export_folders(void)
{
	g_autofree char *state = g_canonicalize_filename(paths_state_dir(), NULL);
	g_autofree char *run = g_canonicalize_filename(paths_run_dir(), NULL);

	g_setenv("VIRIDIS_STATE_DIR", state, TRUE);
	g_setenv("VIRIDIS_RUN_DIR", run, TRUE);
}

/*
 * In the child: leave the terminal's session, our caller's control group and working directory, and of
 * its descriptors keep the standard ones alone. Nothing here may allocate.
 */
static void run_worker(const char *program, const char *name, int ready_fd, int cgroup_fd)
{
	/* Without close-on-exec, which a copy has not. */
	int kept;

	if (cgroup_fd >= 0)
		(void)!write(cgroup_fd, "0", 1); /* it can go on where it is */
	kept = ready_fd == READY_FD ? fcntl(ready_fd, F_SETFD, 0) :
	                              dup2(ready_fd, READY_FD);
	if (chdir("/") != 0)
		_exit(127);
	setsid();
	signal(SIGPIPE, SIG_DFL);
	if (kept >= 0 && close_range(READY_FD + 1, ~0u, 0) == 0)
		execl(program, program, "--ready-fd", G_STRINGIFY(READY_FD), name,
		      (char *)NULL);
	_exit(127);
}

/* Everything the worker says until it closes the descriptor. */
static char *read_word(int fd)
{
	GString *word = g_string_new(NULL);
	char part[256];

	while (word->len < WORD_BYTES) {
		ssize_t count = read(fd, part, sizeof(part));

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			break;
		g_string_append_len(word, part, count);
	}
	return g_string_free(word, FALSE);
}

static gboolean fail(GError **error, const char *message)
{
	g_set_error_literal(error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED, message);
	return FALSE;
}

gboolean command_start_worker(const char *name, GError **error)
{
	g_autofree char *program = paths_program("viridis-vm");
	g_autofree char *word = NULL;
	int cgroup_fd;
	int ends[2];
	pid_t child;

	if (!program)
		return fail(error, "the program viridis-vm is not installed");
	if (pipe2(ends, O_CLOEXEC) != 0)
		return fail(error, g_strerror(errno));
	export_folders();
	cgroup_fd = open_cgroup(name);
	child = fork();
	if (child == 0)
		run_worker(program, name, ends[1], cgroup_fd);
	if (cgroup_fd >= 0)
		close(cgroup_fd);
	close(ends[1]);
	word = child > 0 ? read_word(ends[0]) : g_strdup(g_strerror(errno));
	close(ends[0]);
	if (strcmp(word, "ready") == 0)
		return TRUE;
	return fail(error, word[0] ? word : "the worker died; see 'viridis log'");
}

enum command_status command_start(const struct command *command, int argc, char **argv)
{
	struct command_arguments arguments = { command, argc, argv, NULL, 1, FALSE };
	g_autoptr(definition_pointer) definition = NULL;
	g_autoptr(GError) error = NULL;
	enum command_status status;
	const char *name;

	if (!command_parse(&arguments, &name, &status))
		return status;
	definition = store_load(name, &error);
	if (!definition || !macs_check(definition, &error) ||
	    !command_start_worker(name, &error))
		return command_fail(error);
	return command_done("%s runs", name);
}
