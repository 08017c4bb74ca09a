/* SPDX-License-Identifier: GPL-2.0-or-later */
/* viridis log: what a VM's worker and providers told, and on request what they tell from now on. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "root-partition/cli/command.h"
#include "root-partition/config/definition.h"
#include "root-partition/config/paths.h"
#include "root-partition/config/store.h"

#define FOLLOW_PERIOD_US 200000

static gboolean follow;
static int lines = G_MAXINT; /* all */

static const GOptionEntry entries[] = {
	{ "follow", 'f', 0, G_OPTION_ARG_NONE, &follow,
	  "Go on with what is added, until Ctrl-C", NULL },
	{ "lines", 'n', 0, G_OPTION_ARG_INT, &lines, "The newest lines alone", "COUNT" },
	G_OPTION_ENTRY_NULL,
};

static gboolean read_failed(const char *path, GError **error)
{
	int saved = errno;

	g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(saved), "%s: %s",
	            path, g_strerror(saved));
	return FALSE;
}

/* What the file holds from where it was read to. */
static gboolean read_rest(int fd, GString *text)
{
	char part[4096];
	ssize_t count;

	while ((count = read(fd, part, sizeof(part))) > 0)
		g_string_append_len(text, part, count);
	return count == 0;
}

/* The file, read to its end, is *fd or is closed without it. A file that is not there is empty, and *fd -1. */
static gboolean read_file(const char *path, GString *text, int *fd, GError **error)
{
	int opened = open(path, O_RDONLY | O_CLOEXEC);
	gboolean done = opened >= 0 ? read_rest(opened, text) : errno == ENOENT;

	if (!done)
		read_failed(path, error);
	if (fd)
		*fd = opened;
	else if (opened >= 0)
		close(opened);
	return done;
}

/* All lives and, once it has become long, both files; *fd is the newer, or -1: it never ran. */
static gboolean read_log(const char *name, GString *log, int *fd, GError **error)
{
	g_autofree char *old_path = paths_of(name, PATH_LOG_OLD);
	g_autofree char *path = paths_of(name, PATH_LOG);

	*fd = -1;
	return read_file(old_path, log, NULL, error) && read_file(path, log, fd, error);
}

/* Leaves the last `count` lines; the last of all may lack its newline. */
static void keep_lines(GString *log, gsize count)
{
	gsize at = log->len;

	if (count && at && log->str[at - 1] == '\n')
		at--;
	for (; count && at > 0; at--)
		if (log->str[at - 1] == '\n' && --count == 0)
			break;
	g_string_erase(log, 0, (gssize)at);
}

/* A terminal gets it without what would be an order to it; a file gets it as it is. */
static void print(const char *text, gsize length)
{
	if (isatty(STDOUT_FILENO))
		g_print("%s", text);
	else
		fwrite(text, 1, length, stdout);
}

/* With its length, so that a zero byte does not end it. */
static void print_json(const GString *log)
{
	g_autofree char *text = g_utf8_make_valid(log->str, (gssize)log->len);
	g_autoptr(json_t) object = json_object();

	json_text_add_boolean(object, "ok", TRUE);
	json_text_add_string(object, "log", text);
	command_print_json(object);
}

static void print_rest(int fd)
{
	g_autoptr(GString) rest = g_string_new(NULL);

	if (read_rest(fd, rest) && rest->len)
		print(rest->str, rest->len);
	fflush(stdout);
}

static gboolean is_same(int fd, const char *path)
{
	struct stat opened, named;

	return stat(path, &named) != 0 ||
	       (fstat(fd, &opened) == 0 && opened.st_ino == named.st_ino &&
	        opened.st_dev == named.st_dev);
}

/* Takes `fd` over. A log that becomes long gives its name to a new one, which follows. Ends by a signal. */
static void go_on(const char *path, int fd)
{
	while (!ferror(stdout)) {
		gboolean same = fd >= 0 && is_same(fd, path);

		if (fd >= 0)
			print_rest(fd);
		if (same) {
			g_usleep(FOLLOW_PERIOD_US);
			continue;
		}
		if (fd >= 0)
			close(fd);
		else
			g_usleep(FOLLOW_PERIOD_US);
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
}

static gboolean check(GError **error)
{
	if (!command_check_number("--lines", lines, 0, G_MAXINT, error))
		return FALSE;
	if (!follow || !command_json())
		return TRUE;
	g_set_error_literal(
		error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
		"--follow has no end, and --json one answer; use one of them");
	return FALSE;
}

enum command_status command_log(const struct command *command, int argc, char **argv)
{
	struct command_arguments arguments = { command, argc, argv, entries, 1, FALSE };
	g_autoptr(definition_pointer) definition = NULL;
	g_autoptr(GString) log = g_string_new(NULL);
	g_autofree char *path = NULL;
	g_autoptr(GError) error = NULL;
	enum command_status status;
	const char *name;
	int fd;

	if (!command_parse(&arguments, &name, &status))
		return status;
	definition = check(&error) ? store_load(name, &error) : NULL;
	if (!definition || !read_log(name, log, &fd, &error))
		return command_fail(error);
	keep_lines(log, (gsize)lines);
	if (command_json()) {
		print_json(log);
		return COMMAND_DONE;
	}
	if (fd < 0 && !log->len)
		g_printerr("viridis: %s has no log; that of a service is in the journal "
		           "('journalctl -u viridis@%s')\n",
		           name, name);
	print(log->str, log->len);
	path = paths_of(name, PATH_LOG);
	if (follow)
		go_on(path, fd);
	return COMMAND_DONE;
}
