/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the commands of `viridis` share: their table, their arguments, their answers.
 *
 * Exit status: 0 done, 1 not done (the message says why and what to do), 2 usage, 3 not done in the time
 * that it was given, 4 no VM of that name, 5 refused: not as the VM is now, or its guest says no. With --json
 * the answer is one JSON object on stdout, an error too: {"ok": false, "code": "...", "error": "..."}, with a
 * word of ../config/error_code.h.
 */
#ifndef VIRIDIS_CLI_COMMAND_H
#define VIRIDIS_CLI_COMMAND_H

#include <glib.h>

#include "root-partition/config/definition.h"
#include "root-partition/config/json_text.h"

#define COMMAND_VERSION "0.1.0"

enum command_status {
	COMMAND_DONE = 0,
	COMMAND_FAILED = 1,
	COMMAND_USAGE = 2,
	COMMAND_TIMED_OUT = 3,
	COMMAND_UNKNOWN = 4,
	COMMAND_REFUSED = 5,
};

struct command {
	const char *name;
	const char *synopsis; /* what follows the name */
	const char *summary;
	enum command_status (*run)(const struct command *command, int argc, char **argv);
};

enum command_status command_create(const struct command *command, int argc, char **argv);
enum command_status command_define(const struct command *command, int argc, char **argv);
enum command_status command_autostart(const struct command *command, int argc,
                                      char **argv);
enum command_status command_start(const struct command *command, int argc, char **argv);
enum command_status command_attach(const struct command *command, int argc, char **argv);
enum command_status command_qemu_args(const struct command *command, int argc,
                                      char **argv);
enum command_status command_list(const struct command *command, int argc, char **argv);
enum command_status command_info(const struct command *command, int argc, char **argv);
enum command_status command_console(const struct command *command, int argc, char **argv);
enum command_status command_shutdown(const struct command *command, int argc,
                                     char **argv);
enum command_status command_stop(const struct command *command, int argc, char **argv);
enum command_status command_delete(const struct command *command, int argc, char **argv);
/* disk and net */
enum command_status command_device(const struct command *command, int argc, char **argv);
enum command_status command_resize(const struct command *command, int argc, char **argv);
enum command_status command_stats(const struct command *command, int argc, char **argv);
enum command_status command_log(const struct command *command, int argc, char **argv);
enum command_status command_pause(const struct command *command, int argc, char **argv);
enum command_status command_resume(const struct command *command, int argc, char **argv);
enum command_status command_reset(const struct command *command, int argc, char **argv);
enum command_status command_freeze(const struct command *command, int argc, char **argv);
enum command_status command_thaw(const struct command *command, int argc, char **argv);
enum command_status command_item(const struct command *command, int argc, char **argv);
enum command_status command_copy(const struct command *command, int argc, char **argv);
enum command_status command_wait(const struct command *command, int argc, char **argv);
enum command_status command_events(const struct command *command, int argc, char **argv);
enum command_status command_set(const struct command *command, int argc, char **argv);
enum command_status command_edit(const struct command *command, int argc, char **argv);
enum command_status command_run(const struct command *command, int argc, char **argv);
enum command_status command_trace(const struct command *command, int argc, char **argv);
enum command_status command_top(const struct command *command, int argc, char **argv);
enum command_status command_bench(const struct command *command, int argc, char **argv);

/*
 * Parses the options (--json is among them for all) and checks that `names` arguments are left,
 * which name[] gets. With `optional` the name may be absent: *name is NULL then. On false
 * *status is to be returned.
 */
struct command_arguments {
	const struct command *command;
	int argc;
	char **argv;
	const GOptionEntry *entries; /* NULL: --json alone */
	int names;
	gboolean optional;
};
gboolean command_parse(const struct command_arguments *arguments, const char **name,
                       enum command_status *status);

gboolean command_json(void); /* --json was given */

/* For words that are none of ours: --json may be among them all the same. */
void command_look_for_json(int argc, char **argv);

/* The value that a numeric option was given is one of these; else FALSE and an error of usage. */
gboolean command_check_number(const char *option, int value, int least, int most,
                              GError **error);

/* The devices that --disk and --net name go into a new definition; what is left open is filled in, and all is checked. */
gboolean command_complete(struct definition *definition, char **disks, char **nets,
                          GError **error);

/* Print the error; the status that is its kind's. */
enum command_status command_fail(const GError *error);

/* That /dev/mshv could not be opened or asked, by an errno, and what it takes. */
void command_mshv_error(GError **error, int number);

/* "ok": true on its own with --json, else the sentence. */
enum command_status command_done(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* Print a finished object with --json. */
void command_print_json(json_t *object);

/*
 * A definition that somebody has written, checked against this machine and kept: a new one, or in the place of
 * `before`, with whose name its UUID stays.
 */
gboolean command_keep(struct definition *definition, const struct definition *before,
                      GError **error);

/* The VM's console, until it is detached from (*detached) or the VM ends. */
gboolean command_attach_console(const char *name, gboolean *detached, GError **error);

/*
 * From now on, and after a moment, somebody at a terminal is told what is waited for, and for how long. The text is a
 * copy's. There is one at a time.
 */
void command_wait_begin(const char *format, ...) G_GNUC_PRINTF(1, 2);
void command_wait_end(void);

#endif
