/* SPDX-License-Identifier: GPL-2.0-or-later */
/* viridis COMMAND ...: finds the command and runs it. */
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "root-partition/cli/command.h"
#include "root-partition/config/std_fds.h"

/* A row without a name is a heading of the help. */
static const struct command commands[] = {
	{ .summary = "Defining VMs" },
	{ "create",
	  "NAME --memory SIZE --kernel FILE [--initrd FILE] [--cmdline TEXT] [--vps N] "
	  "[--disk FILE[,OPTION]...]... [--net NETWORK[,OPTION]...]... [--serial pty|FILE] "
	  "[--on-crash keep|restart|stop]",
	  "Define a VM", command_create },
	{ "define", "FILE", "Define a VM from a file of JSON ('-': standard input)",
	  command_define },
	{ "set", "NAME KEY=VALUE...", "Change parts of a VM's definition", command_set },
	{ "edit", "NAME", "Change a VM's definition in an editor", command_edit },
	{ "autostart", "NAME [--disable]",
	  "Have libvirt's daemon start a VM when the machine starts", command_autostart },
	{ "delete", "NAME [--attached]", "Delete a VM's definition; its disks stay",
	  command_delete },

	{ .summary = "Running VMs" },
	{ "start", "NAME", "Start a VM; returns when it runs", command_start },
	{ "run", "NAME [--rm] [OPTION]...",
	  "Create a VM, start it and attach to its console", command_run },
	{ "console", "NAME", "Attach to a VM's serial console; Ctrl-] detaches",
	  command_console },
	{ "pause", "NAME", "Stop a VM's processors and its time", command_pause },
	{ "resume", "NAME", "Resume a paused VM", command_resume },
	{ "reset", "NAME", "Restart a VM at once, as its reset button would",
	  command_reset },
	{ "shutdown", "NAME [--reboot] [--timeout SECONDS]",
	  "Ask the guest to shut down, and wait until it has", command_shutdown },
	{ "stop", "NAME", "End a VM at once, like pulling the plug, if it runs",
	  command_stop },

	{ .summary = "Devices" },
	{ "disk", "add NAME FILE[,OPTION]... | remove NAME LUN|FILE",
	  "Add a disk to a VM or remove one, whether it runs or not", command_device },
	{ "net", "add NAME NETWORK[,OPTION]... | remove NAME SLOT|MAC",
	  "Add a network adapter or remove one, whether the VM runs or not",
	  command_device },
	{ "resize", "NAME [--lun LUN] [--size SIZE]",
	  "Enlarge a disk, or look at the size of all again, and tell the guest",
	  command_resize },

	{ .summary = "Inside a guest" },
	{ "copy", "FILE NAME:/PATH [--force]",
	  "Write a file into the guest, by its file copy daemon", command_copy },
	{ "item", "set NAME KEY=VALUE | remove NAME KEY",
	  "Set or remove an item that the guest's programs can read", command_item },
	{ "freeze", "NAME [--timeout SECONDS]",
	  "Hold the guest's file systems still, so that its disks can be copied",
	  command_freeze },
	{ "thaw", "NAME",
	  "Release frozen file systems; an error if their time was over before",
	  command_thaw },

	{ .summary = "Looking at VMs" },
	{ "list", "", "List all VMs", command_list },
	{ "info", "NAME [--definition]",
	  "Show a VM's definition and state, and what its guest reports", command_info },
	{ "log", "NAME [--follow] [--lines COUNT]", "Print a VM's log", command_log },
	{ "events", "NAME", "Print what happens to a VM until it ends", command_events },
	{ "wait", "NAME [--for STATE] [--timeout SECONDS]",
	  "Wait until a VM has ended, or is in a state", command_wait },
	{ "stats", "[NAME]",
	  "Show the counters of a VM; without a name, the memory that each holds",
	  command_stats },
	{ "top", "[--interval SECONDS] [--count N]",
	  "Show what the partitions do, again and again", command_top },
	{ "trace", "[--cpu N] [--count N] [--io NAME]",
	  "Print the newest records of the hypervisor's trace", command_trace },
	{ "bench", "[disk|net|boot|all] [OPTION]...",
	  "Measure synthetic devices beside QEMU's", command_bench },

	{ .summary = "Machines of QEMU on /dev/mshv" },
	{ "attach", "PID|NAME [--name NAME] [--disk FILE[,OPTION]...]... [--net ...]...",
	  "Give a running machine of QEMU's disks and networks on VMBus",
	  command_attach },
	{ "qemu-args", "[--memory SIZE]", "Print the options of QEMU that this needs",
	  command_qemu_args },
};

/* ---- Output ---- */

static int output_errno; /* why the answer was lost, of the first time */

/*
 * Whatever the locale: in the C locale g_print() would make JSON's text into '?'. What workers and guests have a word
 * in does not reach a terminal as orders to it.
 */
static void print_plainly(const char *text)
{
	g_autofree char *printable = json_text_make_printable(text, strlen(text));

	if ((fputs(printable, stdout) == EOF || fflush(stdout) != 0) && output_errno == 0)
		output_errno = errno;
}

static void print_error_plainly(const char *text)
{
	g_autofree char *printable = json_text_make_printable(text, strlen(text));

	(void)fputs(printable, stderr); /* nobody hears that nobody hears */
}

/* An answer that nobody got is not done. At exit, as --help leaves from inside GLib. */
static void check_output(void)
{
	if (fflush(stdout) != 0 && output_errno == 0)
		output_errno = errno;
	if (output_errno == 0 && !ferror(stdout))
		return;
	if (output_errno != EPIPE) /* whoever hung up does not want to know */
		g_printerr("viridis: the answer cannot be written: %s\n",
		           output_errno ? g_strerror(output_errno) : "lost");
	_exit(COMMAND_FAILED);
}

/* ---- Commands ---- */

static void print_help(void)
{
	g_print("Usage: viridis COMMAND ...\n\n"
	        "Makes, runs and watches the virtual machines (VMs) of this root partition.\n");
	for (gsize i = 0; i < G_N_ELEMENTS(commands); i++)
		if (commands[i].name)
			g_print("  %-10s %s\n", commands[i].name, commands[i].summary);
		else
			g_print("\n%s:\n", commands[i].summary);
	g_print("\n'viridis COMMAND --help' tells more; every command knows --json.\n"
	        "Definitions are in /var/lib/viridis, or in $VIRIDIS_STATE_DIR.\n");
}

static const struct command *find_command(const char *name)
{
	for (gsize i = 0; i < G_N_ELEMENTS(commands); i++)
		if (g_strcmp0(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

/*
 * How many letters must be put in, taken out, replaced or exchanged with their neighbour to make one word of the other
 * (optimal string alignment).
 */
static guint letters_between(const char *a, const char *b)
{
	const gsize letters = strlen(a), row = strlen(b) + 1;
	g_autofree guint *to = g_new(guint, (letters + 1) * row);

	for (gsize j = 0; j < row; j++)
		to[j] = (guint)j;
	for (gsize i = 1; i <= letters; i++) {
		guint *here = to + i * row, *above = here - row;

		here[0] = (guint)i;
		for (gsize j = 1; j < row; j++) {
			guint replaced = above[j - 1] + (a[i - 1] != b[j - 1]);

			here[j] = MIN(replaced, MIN(above[j], here[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				here[j] = MIN(here[j], (above - row)[j - 2] + 1);
		}
	}
	return to[letters * row + row - 1];
}

/* The command that a mistyped name is nearest to, two letters away at most and no more than half of it; NULL: none. */
static const char *nearest_command(const char *name)
{
	guint best = (guint)MIN(strlen(name) / 2, 2) + 1;
	const char *nearest = NULL;

	for (gsize i = 0; i < G_N_ELEMENTS(commands); i++) {
		guint letters =
			commands[i].name ? letters_between(name, commands[i].name) : best;

		if (letters >= best)
			continue;
		best = letters;
		nearest = commands[i].name;
	}
	return nearest;
}

/* NULL: no command was given. */
static GError *refusal_of(const char *name)
{
	const char *nearest = name ? nearest_command(name) : NULL;

	if (!name)
		return g_error_new_literal(G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
		                           "a command is needed; try 'viridis --help'");
	if (!nearest)
		return g_error_new(G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
		                   "no such command: %s; try 'viridis --help'", name);
	return g_error_new(G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
	                   "no such command: %s; did you mean '%s'?", name, nearest);
}

int main(int argc, char **argv)
{
	const struct command *command;

	std_fds_open();
	setlocale(LC_ALL, "");
	signal(SIGPIPE, SIG_IGN);
	g_set_print_handler(print_plainly);
	g_set_printerr_handler(print_error_plainly);
	atexit(check_output);
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		g_print("viridis %s\n", COMMAND_VERSION);
		return COMMAND_DONE;
	}
	if (argc == 3 && strcmp(argv[1], "help") == 0) {
		/* `viridis help start` is `viridis start --help`. */
		argv[1] = argv[2];
		argv[2] = "--help";
	}
	if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	                  strcmp(argv[1], "help") == 0)) {
		print_help();
		return COMMAND_DONE;
	}
	command = argc >= 2 ? find_command(argv[1]) : NULL;
	if (!command) {
		g_autoptr(GError) error = refusal_of(argc >= 2 ? argv[1] : NULL);

		command_look_for_json(argc, argv);
		return command_fail(error);
	}
	return command->run(command, argc - 1, argv + 1);
}
