/* SPDX-License-Identifier: GPL-2.0-or-later */
/* viridis create: a definition from options, checked against this machine, and kept. */
#include <string.h>

#include "root-partition/cli/command.h"
#include "root-partition/config/macs.h"
#include "root-partition/config/paths.h"
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
	{ "vps", 0, 0, G_OPTION_ARG_INT, &vps, "Virtual processors", "N" },
	{ "kernel", 0, 0, G_OPTION_ARG_FILENAME, &kernel, "Linux kernel (bzImage)",
	  "FILE" },
	{ "initrd", 0, 0, G_OPTION_ARG_FILENAME, &initrd, "Its initial RAM disk",
	  "FILE" },
	{ "cmdline", 0, 0, G_OPTION_ARG_STRING, &cmdline, "The kernel's command line",
	  "TEXT" },
	{ "disk", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &disks,
	  "A disk: a raw image, block device or nbd://HOST/EXPORT; ',ro' for read-only; may be repeated",
	  "FILE[,ro][,lun=N][,serial=TEXT][,cache=direct|host|through][,iops=N][,bps=SIZE]" },
	{ "net", 0, 0, G_OPTION_ARG_STRING_ARRAY, &nets,
	  "A network adapter: user mode, a TAP device, or a port of a bridge; may be repeated",
	  "user|tap=NAME|bridge=NAME[,mac=MAC][,mtu=N][,queues=N][,hostfwd=tcp:PORT:GUEST-PORT]" },
	{ "serial", 0, 0, G_OPTION_ARG_FILENAME, &serial,
	  "Serial console: a pty for 'viridis console', or a file to append to",
	  "pty|FILE" },
	{ "on-crash", 0, 0, G_OPTION_ARG_STRING, &on_crash,
	  "What follows when the guest tells that it crashed (keep)",
	  "keep|restart|stop" },
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
	    !definition_parse_size(memory, &definition->memory_bytes, error) ||
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

enum command_status command_create(const struct command *command, int argc, char **argv)
{
	struct command_arguments arguments = { command, argc, argv, entries, 1, FALSE };
	g_autoptr(definition_pointer) definition = definition_new();
	g_autoptr(GError) error = NULL;
	enum command_status status;
	const char *name;

	vps = 1;
	if (!command_parse(&arguments, &name, &status))
		return status;
	if (!fill(definition, name, &error) || !macs_check(definition, &error) ||
	    !paths_make(&error) || !store_create(definition, &error))
		return command_fail(error);
	return command_done("%s is defined; start it with 'viridis start %s'", name,
	                    name);
}
