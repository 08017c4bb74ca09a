/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lock by flock(2), state as JSON replaced in one step. */
#define _GNU_SOURCE
#include "root-partition/vm/state.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "root-partition/vm/json_text.h"
#include "root-partition/vm/paths.h"
#include "root-partition/vm/vm_log.h"

#define STATE_BYTES_MAX 8192

/* The file at `path` is still the one we have open: its last holder did not remove it. */
static gboolean is_current(const char *path, int fd)
{
	struct stat opened;
	struct stat current;

	return fstat(fd, &opened) == 0 && stat(path, &current) == 0 &&
	       opened.st_ino == current.st_ino && opened.st_dev == current.st_dev;
}

int state_lock(const char *name, GError **error)
{
	g_autofree char *path = paths_of(name, PATH_LOCK);
	int saved;
	int fd;

	for (;;) {
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0)
			break;
		if (is_current(path, fd))
			return fd;
		close(fd);
	}
	saved = errno;
	if (fd >= 0)
		close(fd);
	if (saved == EWOULDBLOCK)
		g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_EXIST,
		            "%s is running already; see 'viridis info %s'", name, name);
	else
		g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(saved),
		            "lock %s: %s", path, g_strerror(saved));
	return -1;
}

void state_unlock(const char *name, int fd)
{
	g_autofree char *path = paths_of(name, PATH_LOCK);

	unlink(path);
	close(fd);
}

gboolean state_is_running(const char *name)
{
	g_autofree char *path = paths_of(name, PATH_LOCK);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	gboolean running;

	if (fd < 0)
		return FALSE;
	running = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
	close(fd);
	return running;
}

void state_write(const char *name, const char *state, const char *reason)
{
	g_autoptr(JsonBuilder) builder = json_builder_new();
	g_autofree char *path = paths_of(name, PATH_STATE);
	g_autofree char *text = NULL;
	g_autoptr(GError) error = NULL;

	json_builder_begin_object(builder);
	json_text_add_string(builder, "state", state);
	json_text_add_int(builder, "pid", (guint64)getpid());
	json_text_add_string(builder, "reason", reason ? reason : "");
	json_builder_end_object(builder);
	text = json_text_finish(builder, TRUE);
	if (!g_file_set_contents(path, text, -1, &error))
		vm_log("state: %s", error->message);
}

static char *member(JsonObject *object, const char *name)
{
	const char *value = "";

	if (json_object_has_member(object, name))
		(void)json_text_get_string(json_object_get_member(object, name), &value);
	return g_strdup(value);
}

void state_read(const char *name, char **state, char **reason)
{
	g_autofree char *path = paths_of(name, PATH_STATE);
	g_autoptr(JsonObject) object = NULL;
	g_autofree char *text = NULL;
	gsize length;

	if (g_file_get_contents(path, &text, &length, NULL))
		object = json_text_parse(text, length, STATE_BYTES_MAX, NULL);
	*state = object ? member(object, "state") : g_strdup("off");
	*reason = object ? member(object, "reason") : g_strdup("");
}
