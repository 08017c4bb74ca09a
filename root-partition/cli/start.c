/* SPDX-License-Identifier: GPL-2.0-or-later */
/* viridis start: a VM that is defined gets a worker. */
#include "root-partition/cli/command.h"
#include "root-partition/client/worker.h"
#include "root-partition/config/definition.h"
#include "root-partition/config/disk_users.h"
#include "root-partition/config/macs.h"
#include "root-partition/config/store.h"

enum command_status command_start(const struct command *command, int argc, char **argv)
{
	struct command_arguments arguments = { command, argc, argv, NULL, 1, FALSE };
	g_autoptr(definition_pointer) definition = NULL;
	g_autoptr(GError) error = NULL;
	enum command_status status;
	const char *name;
	gboolean done;

	if (!command_parse(&arguments, &name, &status))
		return status;
	definition = store_load(name, &error);
	command_wait_begin("%s starts", name);
	done = definition && macs_check(definition, &error) &&
	       disk_users_check(definition, &error) && worker_start(name, &error);
	command_wait_end();
	if (!done)
		return command_fail(error);
	return command_done("%s runs", name);
}
