/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Definition files: read, made in one step, removed, listed. */
#define _GNU_SOURCE
#include "root-partition/vm/store.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "root-partition/vm/paths.h"

#define SUFFIX ".json"

/* Reads a file that may be anything: a device or a huge file is refused before it is read. */
static gboolean read_text(const char *path, char **text, gsize *length, GError **error)
{
	struct stat status;

	if (stat(path, &status) == 0 &&
	    (!S_ISREG(status.st_mode) || status.st_size > (off_t)DEFINITION_JSON_BYTES)) {
		g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_INVALID,
		            "%s: not a definition", path);
		return FALSE;
	}
	return g_file_get_contents(path, text, length, error);
}

struct definition *store_load_file(const char *path, GError **error)
{
	g_autofree char *text = NULL;
	struct definition *definition;
	gsize length;

	if (!read_text(path, &text, &length, error))
		return NULL;
	definition = definition_parse(text, length, error);
	if (!definition)
		g_prefix_error(error, "%s: ", path);
	return definition;
}

static gboolean unknown(const char *name, GError **error)
{
	g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_UNKNOWN,
	            "no VM is named '%s'; see 'viridis list'", name);
	return FALSE;
}

struct definition *store_load(const char *name, GError **error)
{
	g_autofree char *path = NULL;
	g_autoptr(definition_pointer) definition = NULL;
	g_autoptr(GError) why = NULL;

	if (!definition_name_valid(name, error))
		return NULL;
	path = paths_of(name, PATH_DEFINITION);
	definition = store_load_file(path, &why);
	if (g_error_matches(why, G_FILE_ERROR, G_FILE_ERROR_NOENT))
		unknown(name, error);
	else if (why)
		g_propagate_error(error, g_steal_pointer(&why));
	if (definition && strcmp(definition->name, name) != 0) {
		g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_INVALID,
		            "%s: names the VM '%s', but the file's name says '%s'", path,
		            definition->name, name);
		return NULL;
	}
	return g_steal_pointer(&definition);
}

/* Written aside and then linked to its name, which fails if somebody else was first. */
gboolean store_create(const struct definition *definition, GError **error)
{
	g_autofree char *path = paths_of(definition->name, PATH_DEFINITION);
	g_autofree char *aside = g_strdup_printf("%s.%ld", path, (long)getpid());
	g_autofree char *text = definition_to_json(definition);
	gboolean linked;
	int saved;

	if (!g_file_set_contents(aside, text, -1, error))
		return FALSE;
	linked = link(aside, path) == 0;
	saved = errno;
	g_unlink(aside);
	if (linked)
		return TRUE;
	if (saved == EEXIST)
		g_set_error(
			error, DEFINITION_ERROR, DEFINITION_ERROR_EXISTS,
			"a VM named '%s' exists already; delete it or choose another name",
			definition->name);
	else
		g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(saved),
		            "%s: %s", path, g_strerror(saved));
	return FALSE;
}

gboolean store_delete(const char *name, GError **error)
{
	static const enum path others[] = { PATH_LOG, PATH_LOG_OLD, PATH_STATE };
	g_autofree char *path = NULL;
	int saved;

	if (!definition_name_valid(name, error))
		return FALSE;
	path = paths_of(name, PATH_DEFINITION);
	if (g_unlink(path) != 0) {
		saved = errno;
		if (saved == ENOENT)
			return unknown(name, error);
		g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(saved),
		            "%s: %s", path, g_strerror(saved));
		return FALSE;
	}
	for (gsize i = 0; i < G_N_ELEMENTS(others); i++) {
		g_autofree char *other = paths_of(name, others[i]);

		g_unlink(other);
	}
	return TRUE;
}

static gint compare_names(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

GPtrArray *store_list(GError **error)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GError) why = NULL;
	g_autoptr(GDir) folder = g_dir_open(paths_state_dir(), 0, &why);
	const char *file;

	if (!folder && !g_error_matches(why, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
		g_propagate_error(error, g_steal_pointer(&why));
		return NULL;
	}
	while (folder && (file = g_dir_read_name(folder))) {
		g_autofree char *name = NULL;

		if (!g_str_has_suffix(file, SUFFIX))
			continue;
		name = g_strndup(file, strlen(file) - strlen(SUFFIX));
		if (definition_name_valid(name, NULL))
			g_ptr_array_add(names, g_steal_pointer(&name));
	}
	g_ptr_array_sort(names, compare_names);
	return g_steal_pointer(&names);
}
