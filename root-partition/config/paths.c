/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Folders and file names. */
#include "root-partition/config/paths.h"

#include <errno.h>
#include <glib/gstdio.h>

static const char *from_environment(const char *variable, const char *otherwise)
{
	const char *value = g_getenv(variable);

	return value && value[0] ? value : otherwise;
}

const char *paths_state_dir(void)
{
	return from_environment("VIRIDIS_STATE_DIR", "/var/lib/viridis");
}

/* Who keeps definitions elsewhere has the logs beside them. */
const char *paths_log_dir(void)
{
	return from_environment("VIRIDIS_LOG_DIR", from_environment("VIRIDIS_STATE_DIR",
	                                                            "/var/log/viridis"));
}

const char *paths_run_dir(void)
{
	return from_environment("VIRIDIS_RUN_DIR", "/run/viridis");
}

static const char *cgroup_dir(void)
{
	return PATHS_CGROUP_MOUNT "/viridis";
}

char *paths_of(const char *name, enum path path)
{
	static const struct {
		const char *(*folder)(void);
		const char *suffix;
	} kinds[PATH_KINDS] = {
		[PATH_DEFINITION] = { paths_state_dir, ".json" },
		[PATH_DEFINITION_NEW] = { paths_state_dir, ".json.new" },
		[PATH_LOG] = { paths_log_dir, ".log" },
		[PATH_LOG_OLD] = { paths_log_dir, ".log.old" },
		[PATH_SOCKET] = { paths_run_dir, ".sock" },
		[PATH_STATE] = { paths_run_dir, ".state" },
		[PATH_RUNNING] = { paths_run_dir, ".running" },
		[PATH_WANTED] = { paths_run_dir, ".wanted" },
		[PATH_STATS] = { paths_run_dir, ".stats" },
		[PATH_LOCK] = { paths_run_dir, ".lock" },
		[PATH_CONSOLE] = { paths_run_dir, ".console" },
		[PATH_CGROUP] = { cgroup_dir, "" },
	};

	return g_strdup_printf("%s/%s%s", kinds[path].folder(), name, kinds[path].suffix);
}

static gboolean make_folder(const char *path, GError **error)
{
	int saved;

	if (g_mkdir_with_parents(path, 0700) == 0)
		return TRUE;
	saved = errno;
	g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(saved),
	            "folder %s: %s", path, g_strerror(saved));
	return FALSE;
}

gboolean paths_make(GError **error)
{
	return make_folder(paths_state_dir(), error) &&
	       make_folder(paths_log_dir(), error) && make_folder(paths_run_dir(), error);
}

char *paths_program(const char *name)
{
	g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
	g_autofree char *folder = self ? g_path_get_dirname(self) : NULL;
	g_autofree char *beside = folder ? g_build_filename(folder, name, NULL) : NULL;

	g_autofree char *found = NULL;

	if (beside && g_file_test(beside, G_FILE_TEST_IS_EXECUTABLE))
		return g_steal_pointer(&beside);
	found = g_find_program_in_path(name);
	return found ? g_canonicalize_filename(found, NULL) : NULL;
}
