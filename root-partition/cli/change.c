/* SPDX-License-Identifier: GPL-2.0-or-later */
/* viridis set, edit: a definition changed in some of its members, or by an editor. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "root-partition/cli/command.h"
#include "root-partition/config/definition_json.h"
#include "root-partition/config/state.h"
#include "root-partition/config/store.h"

/* In the place of `before`, unless somebody else has changed that meanwhile. */
static gboolean keep(struct definition *after, const struct definition *before,
                     GError **error)
{
	g_autoptr(definition_pointer) now = store_load(before->name, error);
	g_autofree char *now_text = now ? definition_to_json(now) : NULL;
	g_autofree char *before_text = definition_to_json(before);

	if (!now)
		return FALSE;
	if (strcmp(now_text, before_text) == 0)
		return command_keep(after, before, error);
	g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_BUSY,
	            "%s was changed by somebody else meanwhile; try again", before->name);
	return FALSE;
}

static enum command_status changed(const char *name)
{
	pid_t holder = 0;

	(void)state_holder(name, &holder, NULL); /* nobody knows: then nothing is added */
	return command_done("%s is changed%s", name,
	                    holder ? ", for its next start" : "");
}

/* ---- set ---- */

static char **words;

static const GOptionEntry set_entries[] = {
	{ G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &words, NULL,
	  "NAME KEY=VALUE..." },
	G_OPTION_ENTRY_NULL,
};

/* Each makes a member of the value; NULL and an error. */

static json_t *make_text(const char *key, const char *value, GError **error)
{
	json_t *made = json_string(value);

	if (!made)
		definition_invalid(error, "%s: its value is no UTF-8", key);
	return made;
}

/* A relative one is the caller's. */
static json_t *make_path(const char *key, const char *value, GError **error)
{
	g_autofree char *path = NULL;

	if (strcmp(key, "serial") == 0 && strcmp(value, "pty") == 0)
		return make_text(key, value, error);
	path = g_canonicalize_filename(value, NULL);
	return make_text(key, path, error);
}

static json_t *make_number(const char *key, const char *value, GError **error)
{
	guint64 number;

	if (g_ascii_string_to_unsigned(value, 10, 0, G_MAXINT32, &number, NULL))
		return json_integer((json_int_t)number);
	definition_invalid(error, "%s '%s': not a number", key, value);
	return NULL;
}

static json_t *make_boolean(const char *key, const char *value, GError **error)
{
	gboolean on = strcmp(value, "true") == 0 || strcmp(value, "on") == 0;

	if (on || strcmp(value, "false") == 0 || strcmp(value, "off") == 0)
		return json_boolean(on);
	definition_invalid(error, "%s '%s': 'true' or 'false'", key, value);
	return NULL;
}

static const struct key {
	const char *name;
	json_t *(*make)(const char *key, const char *value, GError **error);
	gboolean optional; /* without a value there is none */
} keys[] = {
	{ "memory", make_text, FALSE },   { "vps", make_number, FALSE },
	{ "kernel", make_path, FALSE },   { "initrd", make_path, TRUE },
	{ "cmdline", make_text, FALSE },  { "serial", make_path, FALSE },
	{ "on-crash", make_text, FALSE }, { "autostart", make_boolean, FALSE },
	{ "title", make_text, TRUE },     { "description", make_text, TRUE },
};

static const struct key *find_key(const char *word, gsize length)
{
	for (gsize i = 0; i < G_N_ELEMENTS(keys); i++)
		if (strlen(keys[i].name) == length &&
		    strncmp(keys[i].name, word, length) == 0)
			return &keys[i];
	return NULL;
}

static gboolean refuse_key(const char *word, GError **error)
{
	g_autoptr(GString) names = g_string_new(NULL);

	for (gsize i = 0; i < G_N_ELEMENTS(keys); i++)
		g_string_append_printf(names, "%s%s", i ? ", " : "", keys[i].name);
	return definition_invalid(
		error,
		"'%s': write KEY=VALUE, with one of %s; disks and network "
		"adapters have commands of their own, 'viridis edit' has all",
		word, names->str);
}

static gboolean set_one(json_t *object, const char *word, GError **error)
{
	const char *value = strchr(word, '=');
	const struct key *key = value ? find_key(word, (gsize)(value - word)) : NULL;
	json_t *made;

	if (!key)
		return refuse_key(word, error);
	value++;
	if (key->optional && !*value) {
		(void)json_object_del(object, key->name);
		return TRUE;
	}
	made = key->make(key->name, value, error);
	return made && json_object_set_new(object, key->name, made) == 0;
}

static struct definition *with_words(const struct definition *before, GError **error)
{
	g_autoptr(json_t) object = definition_to_object(before);
	g_autofree char *made = NULL;

	for (char **word = words + 1; *word; word++)
		if (!set_one(object, *word, error))
			return NULL;
	made = json_text_format(object, FALSE);
	return definition_parse(made, strlen(made), error);
}

enum command_status command_set(const struct command *command, int argc, char **argv)
{
	struct command_arguments arguments = {
		command, argc, argv, set_entries, 0, FALSE
	};
	g_autoptr(definition_pointer) before = NULL;
	g_autoptr(definition_pointer) after = NULL;
	g_autoptr(GError) error = NULL;
	enum command_status status;

	if (!command_parse(&arguments, NULL, &status))
		return status;
	if (!words || !words[0] || !words[1]) {
		g_set_error(&error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
		            "usage: viridis %s %s", command->name, command->synopsis);
		return command_fail(error);
	}
	before = store_load(words[0], &error);
	after = before ? with_words(before, &error) : NULL;
	if (!after || !keep(after, before, &error))
		return command_fail(error);
	return changed(words[0]);
}

/* ---- edit ---- */

/* What people have chosen, or Debian has. */
static const char *editor(void)
{
	static const char *const variables[] = { "VISUAL", "EDITOR" };
	static const char *const programs[] = { "sensible-editor", "editor", "vi" };

	for (gsize i = 0; i < G_N_ELEMENTS(variables); i++) {
		const char *value = g_getenv(variables[i]);

		if (value && *value)
			return value;
	}
	for (gsize i = 0; i < G_N_ELEMENTS(programs); i++) {
		g_autofree char *path = g_find_program_in_path(programs[i]);

		if (path)
			return programs[i];
	}
	return NULL;
}

/* It may be a whole line of a shell's, as git and others have it. */
static gboolean run_editor(const char *path, GError **error)
{
	const char *program = editor();
	g_autofree char *line = g_strdup_printf("%s \"$1\"", program ? program : "");
	char *argv[] = { "/bin/sh", "-c", line, "sh", (char *)path, NULL };
	int status;

	if (!program) {
		g_set_error_literal(error, DEFINITION_ERROR, DEFINITION_ERROR_HOST,
		                    "there is no editor; name one in $EDITOR");
		return FALSE;
	}
	if (!g_spawn_sync(NULL, argv, NULL, G_SPAWN_CHILD_INHERITS_STDIN, NULL, NULL,
	                  NULL, NULL, &status, error))
		return FALSE;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return TRUE;
	g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_HOST,
	            "the editor (%s) failed", program);
	return FALSE;
}

/* For its owner alone, as definitions are. */
static char *make_file(const char *text, GError **error)
{
	g_autofree char *path = NULL;
	int fd = g_file_open_tmp("viridis-XXXXXX.json", &path, error);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	gboolean written;

	if (fd < 0)
		return NULL;
	written = file && fputs(text, file) != EOF;
	if (!file)
		close(fd);
	else
		written = fclose(file) == 0 && written;
	if (written)
		return g_steal_pointer(&path);
	g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_HOST, "%s: %s", path,
	            g_strerror(errno));
	unlink(path);
	return NULL;
}

/* What was written, kept; *same: nothing was changed. */
static gboolean take(const char *path, const struct definition *before, gboolean *same,
                     GError **error)
{
	g_autofree char *shown = definition_to_json(before);
	g_autoptr(definition_pointer) after = NULL;
	g_autofree char *text = NULL;
	gsize length;

	if (!g_file_get_contents(path, &text, &length, error))
		return FALSE;
	*same = strcmp(text, shown) == 0;
	after = definition_parse(text, length, error);
	if (!after || *same)
		return after != NULL;
	if (strcmp(after->name, before->name) != 0)
		return definition_invalid(
			error,
			"'name' is %s, and a VM keeps its name; 'viridis "
			"define' makes another",
			after->name);
	return keep(after, before, error);
}

static gboolean wants_again(const GError *why)
{
	char answer[16];

	if (!isatty(STDIN_FILENO))
		return FALSE;
	g_printerr("viridis: %s\nEdit again? [Y/n] ", why->message);
	return fgets(answer, sizeof(answer), stdin) && answer[0] != 'n' &&
	       answer[0] != 'N';
}

/* The file stays if anything was written into it, as somebody may want that. */
static gboolean give_up(const char *path, const struct definition *before, GError **error)
{
	g_autofree char *shown = definition_to_json(before);
	g_autofree char *text = NULL;

	if (g_file_get_contents(path, &text, NULL, NULL) && strcmp(text, shown) != 0)
		g_prefix_error(error, "%s stays as it was, what was written is in %s: ",
		               before->name, path);
	else
		unlink(path);
	return FALSE;
}

/* Until it is right, or given up. */
static gboolean edit(const char *path, const struct definition *before, gboolean *same,
                     GError **error)
{
	for (;;) {
		g_autoptr(GError) why = NULL;

		if (!run_editor(path, error))
			return give_up(path, before, error);
		if (take(path, before, same, &why))
			return TRUE;
		if (wants_again(why))
			continue;
		g_propagate_error(error, g_steal_pointer(&why));
		return give_up(path, before, error);
	}
}

enum command_status command_edit(const struct command *command, int argc, char **argv)
{
	struct command_arguments arguments = { command, argc, argv, NULL, 1, FALSE };
	g_autoptr(definition_pointer) before = NULL;
	g_autofree char *shown = NULL;
	g_autofree char *path = NULL;
	g_autoptr(GError) error = NULL;
	enum command_status status;
	gboolean same = FALSE;
	const char *name;

	if (!command_parse(&arguments, &name, &status))
		return status;
	before = store_load(name, &error);
	shown = before ? definition_to_json(before) : NULL;
	path = shown ? make_file(shown, &error) : NULL;
	if (!path || !edit(path, before, &same, &error))
		return command_fail(error);
	unlink(path);
	return same ? command_done("%s stays as it was", name) : changed(name);
}
