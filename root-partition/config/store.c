/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Definition files: read, made in one step, removed, listed. */
#define _GNU_SOURCE
#include "root-partition/config/store.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "root-partition/config/definition_json.h"
#include "root-partition/config/file_lock.h"
#include "root-partition/config/paths.h"

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

static gboolean failed(GError **error, const char *path)
{
	int saved = errno;

	g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(saved), "%s: %s",
	            path, g_strerror(saved));
	return FALSE;
}

/* To the disk: what has a name afterwards is whole, whatever happens to the machine. */
static gboolean store_write_whole(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left) {
		ssize_t written = write(fd, text, left);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return FALSE;
		text += written;
		left -= (size_t)written;
	}
	return fsync(fd) == 0;
}

/* The names in the folder of definitions reach the disk too. */
static gboolean store_sync_folder(GError **error)
{
	const char *path = paths_state_dir();
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	gboolean synced = (fd >= 0 && fsync(fd) == 0) || failed(error, path);

	if (fd >= 0)
		close(fd);
	return synced;
}

static gboolean rename_as(const char *aside, const char *name, GError **error)
{
	g_autofree char *path = paths_of(name, PATH_DEFINITION);

	return g_rename(aside, path) == 0 || failed(error, path);
}

static gboolean link_as(const char *aside, const char *name, GError **error)
{
	g_autofree char *path = paths_of(name, PATH_DEFINITION);

	if (link(aside, path) == 0) {
		(void)g_unlink(aside); /* what would stay is taken away by the next */
		return TRUE;
	}
	if (errno != EEXIST)
		return failed(error, path);
	g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_EXISTS,
	            "a VM named '%s' exists already; delete it or choose another name",
	            name);
	return FALSE;
}

/*
 * The file aside, locked, or -1. One with a second name is a definition already: who linked it was
 * interrupted before taking the first name away. It is not to be written any more.
 */
static int lock_aside(const char *aside)
{
	struct stat status;
	int saved;
	int fd;

	while ((fd = file_lock(aside)) >= 0) {
		if (fstat(fd, &status) == 0 && status.st_nlink <= 1)
			return fd;
		saved = g_unlink(aside) == 0 ? 0 : errno;
		close(fd);
		if (saved) {
			errno = saved;
			return -1;
		}
	}
	return -1;
}

/*
 * Written aside and then given its name by `name_it`, which leaves nothing aside: what is there then is
 * another's. The file aside has one name, so that who was interrupted leaves nothing that the next does not
 * take over; its lock keeps two from writing there together.
 */
static gboolean store_write(const struct definition *definition,
                            gboolean (*name_it)(const char *aside, const char *name,
                                                GError **error),
                            GError **error)
{
	g_autofree char *aside = paths_of(definition->name, PATH_DEFINITION_NEW);
	g_autofree char *text = definition_to_json(definition);
	gboolean written;
	int fd;

	if (strlen(text) > DEFINITION_JSON_BYTES)
		return definition_invalid(
			error,
			"the definition takes %zu bytes, and %u at most are "
			"possible",
			strlen(text), DEFINITION_JSON_BYTES);
	fd = lock_aside(aside);
	if (fd < 0 && errno == EAGAIN) {
		g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_BUSY,
		            "another process is writing the definition of '%s'; try "
		            "again",
		            definition->name);
		return FALSE;
	}
	if (fd < 0)
		return failed(error, aside);
	written = (ftruncate(fd, 0) == 0 && store_write_whole(fd, text)) ||
	          failed(error, aside);
	written = written && name_it(aside, definition->name, error);
	if (!written)
		g_unlink(aside);
	close(fd);
	return written && store_sync_folder(error);
}

/* Linked to its name, which fails if somebody else was first. */
gboolean store_create(const struct definition *definition, GError **error)
{
	return store_write(definition, link_as, error);
}

gboolean store_replace(const struct definition *definition, GError **error)
{
	return store_write(definition, rename_as, error);
}

gboolean store_delete(const char *name, GError **error)
{
	static const enum path others[] = { PATH_DEFINITION_NEW, PATH_LOG,   PATH_LOG_OLD,
		                            PATH_STATE,          PATH_STATS, PATH_RUNNING,
		                            PATH_WANTED };
	g_autofree char *path = NULL;

	if (!definition_name_valid(name, error))
		return FALSE;
	path = paths_of(name, PATH_DEFINITION);
	if (g_unlink(path) != 0)
		return errno == ENOENT ? unknown(name, error) : failed(error, path);
	for (gsize i = 0; i < G_N_ELEMENTS(others); i++) {
		g_autofree char *other = paths_of(name, others[i]);

		g_unlink(other);
	}
	return store_sync_folder(error);
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
