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
#include "root-partition/config/paths.h"
#include "root-partition/config/store.h"

#define WORD_BYTES 4096
#define READY_FD   3

/*
 * In the child: leave the terminal's session, and of our caller's descriptors keep the standard
 * ones alone. Nothing here may allocate.
 */
static void run_worker(const char *program, const char *name, int ready_fd)
{
	/* Without close-on-exec, which a copy has not. */
	int kept = ready_fd == READY_FD ? fcntl(ready_fd, F_SETFD, 0) :
	                                  dup2(ready_fd, READY_FD);

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

static gboolean start_worker(const char *name, GError **error)
{
	g_autofree char *program = paths_program("viridis-vm");
	g_autofree char *word = NULL;
	int ends[2];
	pid_t child;

	if (!program)
		return fail(error, "the program viridis-vm is not installed");
	if (pipe2(ends, O_CLOEXEC) != 0)
		return fail(error, g_strerror(errno));
	child = fork();
	if (child == 0)
		run_worker(program, name, ends[1]);
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
	if (!definition || !start_worker(name, &error))
		return command_fail(error);
	return command_done("%s runs", name);
}
