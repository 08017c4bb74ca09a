/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lock's file, and the state as JSON replaced in one step. */
#include "root-partition/config/state.h"

#include <errno.h>
#include <unistd.h>

#include "root-partition/config/definition.h"
#include "root-partition/config/file_lock.h"
#include "root-partition/config/json_text.h"
#include "root-partition/config/paths.h"
#include "root-partition/config/vm_log.h"

#define STATE_BYTES_MAX 8192

static gboolean failed(GError **error, const char *what, const char *path)
{
	int saved = errno;

	g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(saved),
	            "%s %s: %s", what, path, g_strerror(saved));
	return FALSE;
}

int state_lock(const char *name, GError **error)
{
	g_autofree char *path = paths_of(name, PATH_LOCK);
	int fd = file_lock(path);

	if (fd < 0 && errno == EAGAIN)
		g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_STATE,
		            "%s is running already; see 'viridis info %s'", name, name);
	else if (fd < 0)
		failed(error, "lock", path);
	return fd;
}

void state_unlock(const char *name, int fd)
{
	g_autofree char *path = paths_of(name, PATH_LOCK);

	unlink(path);
	close(fd);
}

gboolean state_holder(const char *name, pid_t *holder, GError **error)
{
	g_autofree char *path = paths_of(name, PATH_LOCK);

	return file_lock_holder(path, holder) || failed(error, "lock", path);
}

void state_write(const char *name, const char *state, const char *reason)
{
	g_autoptr(json_t) object = json_object();
	g_autofree char *path = paths_of(name, PATH_STATE);
	g_autofree char *text = NULL;
	g_autoptr(GError) error = NULL;

	json_text_add_string(object, "state", state);
	json_text_add_int(object, "pid", (guint64)getpid());
	json_text_add_string(object, "reason", reason ? reason : "");
	text = json_text_format(object, TRUE);
	if (!g_file_set_contents(path, text, -1, &error))
		vm_log("state: %s", error->message);
}

static char *member(json_t *object, const char *name)
{
	const char *value = "";

	(void)json_text_get_string(json_object_get(object, name), &value);
	return g_strdup(value);
}

gboolean state_read(const char *name, char **state, char **reason, GError **error)
{
	g_autofree char *path = paths_of(name, PATH_STATE);
	g_autoptr(json_t) object = NULL;
	g_autoptr(GError) why = NULL;
	g_autofree char *text = NULL;
	gsize length;

	if (g_file_get_contents(path, &text, &length, &why)) {
		object = json_text_parse(text, length, STATE_BYTES_MAX, NULL);
	} else if (!g_error_matches(why, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
		g_propagate_error(error, g_steal_pointer(&why));
		return FALSE;
	}
	*state = object ? member(object, "state") : g_strdup("off");
	*reason = object ? member(object, "reason") : g_strdup("");
	return TRUE;
}
