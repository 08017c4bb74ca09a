/* SPDX-License-Identifier: GPL-2.0-or-later */
/* viridis disk: disks come and go, under a guest that runs as well. The definition is changed with them. */
#include <string.h>

#include "root-partition/client/client.h"
#include "root-partition/cli/command.h"
#include "root-partition/config/definition_disk.h"
#include "root-partition/config/state.h"
#include "root-partition/config/store.h"

static gboolean refuse(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static gboolean refuse(GError **error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	*error = g_error_new_valist(DEFINITION_ERROR, DEFINITION_ERROR_INVALID, format,
	                            args);
	va_end(args);
	return FALSE;
}

static gboolean add(struct definition *definition, const char *text, GError **error)
{
	if (!definition_disk_add(definition, text, error))
		return FALSE;
	definition_complete(definition);
	return definition_check(definition, error) &&
	       definition_check_host_disks(definition, error);
}

/* By its LUN, or by its file. */
static gboolean take_away(struct definition *definition, const char *text, GError **error)
{
	g_autofree char *path = definition_disk_path(text);
	gboolean is_lun = g_ascii_isdigit(text[0]) &&
	                  strspn(text, "0123456789") == strlen(text);
	guint64 lun = is_lun ? g_ascii_strtoull(text, NULL, 10) : DEFINITION_LUN_NONE;

	for (guint i = 0; i < definition->disks->len; i++) {
		const struct definition_disk *disk = definition->disks->pdata[i];

		if (is_lun ? disk->lun != lun : strcmp(disk->path, path) != 0)
			continue;
		g_ptr_array_remove_index(definition->disks, i);
		return TRUE;
	}
	return refuse(error, "%s has no disk %s; 'viridis info %s' shows which it has",
	              definition->name, text, definition->name);
}

/* A worker that cannot have it so says why, and goes on with the disks it has; so does the definition. */
static gboolean apply(const struct definition *before, const struct definition *after,
                      GError **error)
{
	g_autoptr(JsonObject) answer = NULL;
	pid_t holder;

	if (!state_holder(after->name, &holder, error) || !store_replace(after, error))
		return FALSE;
	if (!holder)
		return TRUE;
	answer = client_ask(after->name, CONTROL_DISKS, error);
	if (answer)
		return TRUE;
	(void)store_replace(before, NULL); /* the first error is the one to be told */
	return FALSE;
}

static const struct verb {
	const char *name;
	gboolean (*change)(struct definition *definition, const char *text,
	                   GError **error);
	const char *done;
} verbs[] = {
	{ "add", add, "has the disk" },
	{ "remove", take_away, "is without the disk" },
};

static const struct verb *find_verb(const char *name)
{
	for (gsize i = 0; name && i < G_N_ELEMENTS(verbs); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

enum command_status command_disk(const struct command *command, int argc, char **argv)
{
	const struct verb *verb;
	struct command_arguments arguments = { command, argc, argv, NULL, 3, FALSE };
	const char *words[3] = { NULL };
	g_autoptr(definition_pointer) before = NULL;
	g_autoptr(definition_pointer) after = NULL;
	g_autoptr(GError) error = NULL;
	enum command_status status;

	if (!command_parse(&arguments, words, &status))
		return status;
	verb = find_verb(words[0]);
	if (!verb) {
		g_set_error(&error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
		            "disk: 'add' or 'remove', not '%s'", words[0]);
		return command_fail(error);
	}
	before = store_load(words[1], &error);
	after = before ? store_load(words[1], &error) : NULL;
	if (!after || !verb->change(after, words[2], &error) ||
	    !apply(before, after, &error))
		return command_fail(error);
	return command_done("%s %s", words[1], verb->done);
}
