/* SPDX-License-Identifier: GPL-2.0-or-later */
/* viridis bench: a program of its own (root-partition/bench), which takes all the words. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "root-partition/cli/command.h"
#include "root-partition/config/definition.h"
#include "root-partition/config/paths.h"

enum command_status command_bench(const struct command *command, int argc, char **argv)
{
	g_autofree char *program = paths_program("viridis-bench");
	g_autoptr(GError) error = NULL;

	(void)command; /* it has its own usage */
	if (program) {
		argv[0] = program;
		execv(program, argv);
	}
	command_look_for_json(argc, argv);
	g_set_error(
		&error, DEFINITION_ERROR, DEFINITION_ERROR_HOST,
		"the program viridis-bench is not installed%s%s; no package has it: a root "
		"of './dev root --debian' does, with its guest and QEMU",
		program ? ": " : "", program ? g_strerror(errno) : "");
	return command_fail(error);
}
