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

const struct command commands[] = {
	{ "create",
	  "NAME --memory SIZE --vps N --kernel FILE [--initrd FILE] [--cmdline TEXT] "
	  "[--disk FILE[,OPTION]...]... [--serial pty|FILE] [--on-crash keep|restart|stop]",
	  "Define a VM. It is kept in a file that you may edit.", command_create },
	{ "define", "FILE", "Define a VM by a file of JSON ('-': standard input).",
	  command_define },
	{ "set", "NAME KEY=VALUE...", "Change members of a VM's definition.",
	  command_set },
	{ "edit", "NAME", "Change a VM's definition in an editor.", command_edit },
	{ "autostart", "NAME [--disable]",
	  "Have libvirt's daemon start a VM with the machine.", command_autostart },
	{ "start", "NAME", "Start a VM; returns when it runs.", command_start },
	{ "run", "NAME [--rm] [OPTION]...",
	  "Create a VM as 'create' does, start it and attach to its console.",
	  command_run },
	{ "attach", "PID|NAME [--name NAME] [--disk FILE[,ro]]... [--net ...]...",
	  "Give a machine of another VMM, as QEMU, disks and networks on VMBus.",
	  command_attach },
	{ "qemu-args", "[--memory SIZE]", "Print what QEMU must be given for that.",
	  command_qemu_args },
	{ "list", "", "List all VMs.", command_list },
	{ "info", "NAME [--definition]",
	  "Show a VM's definition and state, and what its guest tells.", command_info },
	{ "console", "NAME", "Attach to a VM's serial console; Ctrl-] detaches.",
	  command_console },
	{ "shutdown", "NAME [--reboot] [--timeout SECONDS]",
	  "Ask the guest to shut down, and wait until it has.", command_shutdown },
	{ "pause", "NAME", "Stop a VM's processors and its time.", command_pause },
	{ "resume", "NAME", "Have a paused VM go on.", command_resume },
	{ "reset", "NAME", "Restart a VM at once, as by a machine's button.",
	  command_reset },
	{ "freeze", "NAME [--timeout SECONDS]",
	  "Have the guest write its file systems out and hold them still, for a copy.",
	  command_freeze },
	{ "thaw", "NAME", "Have them go on; an error if they did so before.",
	  command_thaw },
	{ "item", "set NAME KEY=VALUE | remove NAME KEY",
	  "Tell the guest's programs something, by its key-value daemon.", command_item },
	{ "copy", "FILE NAME:/PATH [--force]",
	  "Write a file into the guest, by its file copy daemon.", command_copy },
	{ "stop", "NAME", "End a VM at once, like pulling the plug, if it runs.",
	  command_stop },
	{ "delete", "NAME", "Forget a VM that does not run. Its disks stay.",
	  command_delete },
	{ "disk", "add NAME FILE[,OPTION]... | remove NAME LUN|FILE",
	  "Add a disk to a VM or remove one, while it runs or not.", command_device },
	{ "net", "add NAME user|tap=NAME|bridge=NAME[,OPTION]... | remove NAME SLOT|MAC",
	  "Add a network adapter to a VM or remove one, while it runs or not.",
	  command_device },
	{ "resize", "NAME [--lun LUN] [--size SIZE]",
	  "Make a disk's file larger, or look at all again, and tell the guest.",
	  command_resize },
	{ "stats", "[NAME]",
	  "Show the hypervisor's counters for each VP; without a name, the memory it holds.",
	  command_stats },
	{ "wait", "NAME [--for STATE] [--timeout SECONDS]",
	  "Wait until a VM has ended, or is in a state.", command_wait },
	{ "events", "NAME", "Print what happens to a VM until it ends.", command_events },
	{ "log", "NAME [--follow] [--lines COUNT]", "Print a VM's log.", command_log },
	{ "trace", "[--cpu N] [--count N] [--io NAME]",
	  "Print what the hypervisor traced last, by time.", command_trace },
	{ "top", "[--interval SECONDS] [--count N]",
	  "Show what the partitions do, again and again.", command_top },
	{ "bench", "[disk|net|all] [OPTION]...",
	  "Measure synthetic devices beside those of QEMU.", command_bench },
};
const gsize command_count = G_N_ELEMENTS(commands);

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
	g_print("Usage: viridis COMMAND ...\n\nThe VMs of this machine's root partition.\n\n");
	for (gsize i = 0; i < command_count; i++)
		g_print("  %-10s %s\n", commands[i].name, commands[i].summary);
	g_print("\n'viridis COMMAND --help' tells more; all of them know --json.\n"
	        "Definitions are in /var/lib/viridis, or in $VIRIDIS_STATE_DIR.\n");
}

static const struct command *find_command(const char *name)
{
	for (gsize i = 0; i < command_count; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
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
		g_printerr("viridis: %s%s; try 'viridis --help'\n",
		           argc >= 2 ? "no such command: " : "a command is needed",
		           argc >= 2 ? argv[1] : "");
		return COMMAND_USAGE;
	}
	return command->run(command, argc - 1, argv + 1);
}
