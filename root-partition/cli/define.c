/* SPDX-License-Identifier: GPL-2.0-or-later */
/* viridis define, autostart: a definition from a file, or changed in one of its members. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "root-partition/cli/command.h"
#include "root-partition/config/definition_host.h"
#include "root-partition/config/definition_json.h"
#include "root-partition/config/macs.h"
#include "root-partition/config/paths.h"
#include "root-partition/config/state.h"
#include "root-partition/config/store.h"

/* In the place of the one of its name, for the next start of a VM that runs; else nobody starts it meanwhile. */
static gboolean replace(const struct definition *definition, GError **error)
{
	gboolean done;
	pid_t holder;
	int lock;

	if (!state_holder(definition->name, &holder, error))
		return FALSE;
	if (holder)
		return store_replace(definition, error);
	lock = state_lock(definition->name, error);
	if (lock < 0)
		return FALSE;
	done = store_replace(definition, error);
	state_unlock(definition->name, lock);
	return done;
}

/* ---- define ---- */

/* What is too long for a definition is read no further: the file may be a device, or a pipe that never ends. */
static gboolean read_bounded(int fd, GString *text)
{
	char part[4096];
	ssize_t count = 0;

	while (text->len <= DEFINITION_JSON_BYTES &&
	       (count = read(fd, part, sizeof(part))) > 0)
		g_string_append_len(text, part, count);
	return count >= 0;
}

/* Standard input is "-". */
static char *read_text(const char *path, gsize *length, GError **error)
{
	gboolean is_input = strcmp(path, "-") == 0;
	int fd = is_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	GString *text = g_string_new(NULL);
	gboolean done = fd >= 0 && read_bounded(fd, text);

	if (!done)
		g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_HOST, "%s: %s",
		            path, g_strerror(errno));
	if (fd >= 0 && !is_input)
		close(fd);
	*length = text->len;
	return g_string_free(text, !done);
}

static struct definition *load(const char *path, GError **error)
{
	struct definition *definition;
	g_autofree char *text = NULL;
	gsize length;

	text = read_text(path, &length, error);
	definition = text ? definition_parse(text, length, error) : NULL;
	if (text && !definition)
		g_prefix_error(error, "%s: ", path);
	return definition;
}

gboolean command_keep(struct definition *definition, const struct definition *before,
                      GError **error)
{
	if (before && before->uuid && !definition->uuid)
		definition->uuid = g_strdup(before->uuid);
	(void)definition_give_uuid(definition);
	/* An older file has none yet, and takes any. */
	if (before && before->uuid && strcmp(before->uuid, definition->uuid) != 0) {
		g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_EXISTS,
		            "%s: another VM of that name has the UUID %s",
		            definition->name, before->uuid);
		return FALSE;
	}
	if (!definition_check(definition, error) ||
	    !definition_host_check(definition, error) || !macs_check(definition, error) ||
	    !paths_make(error))
		return FALSE;
	return before ? replace(definition, error) : store_create(definition, error);
}

enum command_status command_define(const struct command *command, int argc, char **argv)
{
	struct command_arguments arguments = { command, argc, argv, NULL, 1, FALSE };
	g_autoptr(definition_pointer) definition = NULL;
	g_autoptr(definition_pointer) before = NULL;
	g_autoptr(GError) error = NULL;
	enum command_status status;
	const char *path;

	if (!command_parse(&arguments, &path, &status))
		return status;
	definition = load(path, &error);
	if (!definition)
		return command_fail(error);
	before = store_load(definition->name, &error);
	if (!before &&
	    !g_error_matches(error, DEFINITION_ERROR, DEFINITION_ERROR_UNKNOWN))
		return command_fail(error);
	g_clear_error(&error);
	if (!command_keep(definition, before, &error))
		return command_fail(error);
	return command_done("%s is defined%s", definition->name,
	                    before ? ", in the place of the one before" : "");
}

/* ---- autostart ---- */

static gboolean disable;

static const GOptionEntry autostart_entries[] = {
	{ "disable", 0, 0, G_OPTION_ARG_NONE, &disable, "Not any more", NULL },
	G_OPTION_ENTRY_NULL,
};

enum command_status command_autostart(const struct command *command, int argc,
                                      char **argv)
{
	struct command_arguments arguments = { command,           argc, argv,
		                               autostart_entries, 1,    FALSE };
	g_autoptr(definition_pointer) definition = NULL;
	g_autoptr(GError) error = NULL;
	enum command_status status;
	const char *name;

	if (!command_parse(&arguments, &name, &status))
		return status;
	definition = store_load(name, &error);
	if (!definition)
		return command_fail(error);
	definition->autostart = !disable;
	if (!replace(definition, &error))
		return command_fail(error);
	return command_done("%s is %sstarted with the machine", name,
	                    disable ? "not " : "");
}
