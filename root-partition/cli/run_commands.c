/* SPDX-License-Identifier: GPL-2.0-or-later */
/* viridis shutdown, stop, delete: the ends of a VM. */
#include "root-partition/cli/command.h"
#include "root-partition/client/client.h"
#include "root-partition/client/end.h"
#include "root-partition/config/state.h"
#include "root-partition/config/store.h"

#define TIMEOUT_MAX_S 86400

static gboolean reboot;
static int timeout_s;

static const GOptionEntry shutdown_entries[] = {
	{ "reboot", 0, 0, G_OPTION_ARG_NONE, &reboot, "Restart the guest instead", NULL },
	{ "timeout", 0, 0, G_OPTION_ARG_INT, &timeout_s,
	  "How long to wait for the guest (120)", "SECONDS" },
	G_OPTION_ENTRY_NULL,
};

enum command_status command_shutdown(const struct command *command, int argc, char **argv)
{
	struct command_arguments arguments = { command,          argc, argv,
		                               shutdown_entries, 1,    FALSE };
	g_autoptr(GError) error = NULL;
	enum command_status status;
	const char *name;
	gint64 deadline;
	gboolean done;

	timeout_s = 120;
	if (!command_parse(&arguments, &name, &status))
		return status;
	if (!command_check_number("--timeout", timeout_s, 1, TIMEOUT_MAX_S, &error))
		return command_fail(error);
	deadline = client_deadline(timeout_s);
	command_wait_begin("%s: its guest is asked to %s", name,
	                   reboot ? "restart" : "shut down");
	done = end_shutdown(name, reboot, deadline, &error);
	command_wait_end();
	if (!done)
		return command_fail(error);
	return command_done(reboot ? "%s restarts" : "%s is off", name);
}

/* There is such a VM, and nobody is left of it who could be stopped. */
static gboolean is_off(const char *name, const GError *why)
{
	g_autoptr(definition_pointer) definition = NULL;
	pid_t holder;

	if (!g_error_matches(why, DEFINITION_ERROR, DEFINITION_ERROR_STATE))
		return FALSE;
	definition = store_load(name, NULL);
	return definition && state_holder(name, &holder, NULL) && !holder;
}

enum command_status command_stop(const struct command *command, int argc, char **argv)
{
	struct command_arguments arguments = { command, argc, argv, NULL, 1, FALSE };
	g_autoptr(GError) error = NULL;
	enum command_status status;
	gboolean killed, done;
	const char *name;

	if (!command_parse(&arguments, &name, &status))
		return status;
	command_wait_begin("%s is ending", name);
	done = end_stop(name, &killed, &error);
	command_wait_end();
	if (!done && is_off(name, error))
		return command_done("%s does not run", name);
	if (!done)
		return command_fail(error);
	return command_done(killed ? "%s is off; its worker did not obey and was killed" :
	                             "%s is off",
	                    name);
}

static gboolean attached;

static const GOptionEntry delete_entries[] = {
	{ "attached", 0, 0, G_OPTION_ARG_NONE, &attached, "Only what attach has made",
	  NULL },
	G_OPTION_ENTRY_NULL,
};

static gboolean was_attached(const char *name, GError **error)
{
	g_autoptr(definition_pointer) definition = store_load(name, error);

	if (definition && !definition->attach_pid)
		g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_STATE,
		            "%s was not made by 'viridis attach', and stays", name);
	return definition && definition->attach_pid;
}

enum command_status command_delete(const struct command *command, int argc, char **argv)
{
	struct command_arguments arguments = { command,        argc, argv,
		                               delete_entries, 1,    FALSE };
	g_autoptr(GError) error = NULL;
	enum command_status status;
	const char *name;

	if (!command_parse(&arguments, &name, &status))
		return status;
	if ((attached && !was_attached(name, &error)) || !end_delete(name, &error))
		return command_fail(error);
	return command_done("%s is deleted; its disks are untouched", name);
}
