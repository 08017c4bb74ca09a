/* SPDX-License-Identifier: GPL-2.0-or-later */
/* viridis create, run: a definition from options, checked against this machine, and kept; and a VM of it at once. */
#include <string.h>

#include "root-partition/cli/command.h"
#include "root-partition/client/client.h"
#include "root-partition/client/end.h"
#include "root-partition/client/worker.h"
#include "root-partition/config/disk_users.h"
#include "root-partition/config/macs.h"
#include "root-partition/config/paths.h"
#include "root-partition/config/size_text.h"
#include "root-partition/config/store.h"

static char *memory;
static int vps;
static char *kernel;
static char *initrd;
static char *cmdline;
static char **disks;
static char **nets;
static char *serial;
static char *on_crash;

static const GOptionEntry entries[] = {
	{ "memory", 0, 0, G_OPTION_ARG_STRING, &memory, "Memory, for example 512M or 2G",
	  "SIZE" },
	{ "vps", 0, 0, G_OPTION_ARG_INT, &vps, "Virtual processors (1)", "N" },
	{ "kernel", 0, 0, G_OPTION_ARG_FILENAME, &kernel, "Linux kernel (bzImage)",
	  "FILE" },
	{ "initrd", 0, 0, G_OPTION_ARG_FILENAME, &initrd, "Its initial RAM disk",
	  "FILE" },
	{ "cmdline", 0, 0, G_OPTION_ARG_STRING, &cmdline, "The kernel's command line",
	  "TEXT" },
	{ "disk", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &disks, "A disk; may be repeated",
	  "FILE[,OPTION]..." },
	{ "net", 0, 0, G_OPTION_ARG_STRING_ARRAY, &nets,
	  "A network adapter; may be repeated", "NETWORK[,OPTION]..." },
	{ "serial", 0, 0, G_OPTION_ARG_FILENAME, &serial,
	  "Its console: for 'viridis console' (pty, the default), or a file",
	  "pty|FILE" },
	{ "on-crash", 0, 0, G_OPTION_ARG_STRING, &on_crash,
	  "What to do when the guest reports a crash (keep)", "keep|restart|stop" },
	G_OPTION_ENTRY_NULL,
};

static void take_path(char **to, const char *path)
{
	if (!path)
		return;
	g_free(*to);
	*to = g_canonicalize_filename(path, NULL);
}

static gboolean require(const void *value, const char *option, GError **error)
{
	if (value)
		return TRUE;
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
	            "%s is needed; see 'viridis create --help'", option);
	return FALSE;
}

static gboolean fill(struct definition *definition, const char *name, GError **error)
{
	if (!require(memory, "--memory SIZE", error) ||
	    !require(kernel, "--kernel FILE", error) ||
	    !size_text_parse(memory, &definition->memory_bytes, error) ||
	    (on_crash &&
	     !definition_parse_on_crash(on_crash, &definition->on_crash, error)))
		return FALSE;
	definition->name = g_strdup(name);
	definition->vps = vps < 0 ? 0 : (uint32_t)vps;
	take_path(&definition->kernel, kernel);
	take_path(&definition->initrd, initrd);
	if (serial && strcmp(serial, "pty") != 0)
		take_path(&definition->serial, serial);
	if (cmdline) {
		g_free(definition->cmdline);
		definition->cmdline = g_strdup(cmdline);
	}
	return command_complete(definition, disks, nets, error);
}

static gboolean create(const char *name, GError **error)
{
	g_autoptr(definition_pointer) definition = definition_new();

	return fill(definition, name, error) && macs_check(definition, error) &&
	       paths_make(error) && store_create(definition, error);
}

enum command_status command_create(const struct command *command, int argc, char **argv)
{
	struct command_arguments arguments = { command, argc, argv, entries, 1, FALSE };
	g_autoptr(GError) error = NULL;
	enum command_status status;
	const char *name;

	vps = 1;
	if (!command_parse(&arguments, &name, &status))
		return status;
	if (!create(name, &error))
		return command_fail(error);
	return command_done("%s is defined; start it with 'viridis start %s'", name,
	                    name);
}

/* ---- run ---- */

/* A VM's console is gone a moment before the VM is. */
#define ENDING_S 60

static gboolean delete_it;

static const GOptionEntry rm_entry = {
	"rm",       0,
	0,          G_OPTION_ARG_NONE,
	&delete_it, "Delete it once it has ended; detaching from its console ends it",
	NULL
};

/* Those of create, and ours. */
static const GOptionEntry *run_entries(void)
{
	static GOptionEntry all[G_N_ELEMENTS(entries) + 1]; /* the last one ends it */

	memcpy(all, entries, sizeof(entries));
	all[G_N_ELEMENTS(entries) - 1] = rm_entry;
	return all;
}

static gboolean start(const char *name, GError **error)
{
	g_autoptr(definition_pointer) definition = store_load(name, error);
	gboolean started;

	command_wait_begin("%s starts", name);
	started = definition && disk_users_check(definition, error) &&
	          worker_start(name, error);
	command_wait_end();
	if (!started)
		(void)end_delete(name, NULL); /* why it does not start is what counts */
	return started;
}

static gboolean came_to_good(const char *state, const char *name, const char *reason,
                             GError **error)
{
	if (strcmp(state, "off") == 0)
		return TRUE;
	g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_HOST, "%s is %s%s%s", name,
	            state, reason && *reason ? ": " : "", reason ? reason : "");
	return FALSE;
}

/* From when its console has been left. */
static gboolean end(const char *name, gboolean detached, GError **error)
{
	g_autofree char *reason = NULL;
	g_autofree char *state = NULL;
	gboolean killed;

	if (detached && !delete_it)
		return TRUE;
	if (detached ? !end_stop(name, &killed, error) :
	               !end_wait_gone(name, client_deadline(ENDING_S), error))
		return FALSE;
	state = client_state(name, &reason, error);
	if (!state || (delete_it && !end_delete(name, error)))
		return FALSE;
	return came_to_good(state, name, reason, error);
}

static gboolean check_serial(GError **error)
{
	if (!serial || strcmp(serial, "pty") == 0)
		return TRUE;
	g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
	                    "run attaches to the console, which a file is not; create it "
	                    "and start it");
	return FALSE;
}

enum command_status command_run(const struct command *command, int argc, char **argv)
{
	struct command_arguments arguments = { command,       argc, argv,
		                               run_entries(), 1,    FALSE };
	g_autoptr(GError) error = NULL;
	enum command_status status;
	gboolean detached = FALSE;
	const char *name;

	vps = 1;
	if (!command_parse(&arguments, &name, &status))
		return status;
	if (!check_serial(&error) || !create(name, &error) || !start(name, &error) ||
	    !command_attach_console(name, &detached, &error) ||
	    !end(name, detached, &error))
		return command_fail(error);
	return command_done(delete_it ? "%s is off and deleted" :
	                    detached  ? "%s runs on" :
	                                "%s is off",
	                    name);
}
