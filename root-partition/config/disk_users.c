/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disks that two VMs name: see disk_users.h. */
#include "root-partition/config/disk_users.h"

#include <string.h>

#include "root-partition/config/definition_host.h"
#include "root-partition/config/paths.h"
#include "root-partition/config/state.h"
#include "root-partition/config/store.h"

static gboolean uses(const struct definition *other, const struct definition_disk *disk)
{
	for (guint i = 0; i < other->disks->len; i++) {
		const struct definition_disk *theirs = other->disks->pdata[i];

		if (!(disk->read_only && theirs->read_only) &&
		    definition_host_same_disk(disk, theirs))
			return TRUE;
	}
	return FALSE;
}

/* As it runs, which its next start may not; NULL: it does not run. A worker that starts takes what is defined. */
static struct definition *load_running(const char *name)
{
	g_autofree char *path = paths_of(name, PATH_RUNNING);
	struct definition *definition;
	pid_t holder = 0;

	if (!state_holder(name, &holder, NULL) || !holder)
		return NULL;
	definition = store_load_file(path, NULL);
	return definition ? definition : store_load(name, NULL);
}

static gboolean check_against(const struct definition *definition,
                              const struct definition *other, GError **error)
{
	for (guint i = 0; i < definition->disks->len; i++) {
		const struct definition_disk *disk = definition->disks->pdata[i];

		if (!uses(other, disk))
			continue;
		g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_HOST,
		            "disk %s: the VM '%s' is using it", disk->path, other->name);
		return FALSE;
	}
	return TRUE;
}

/* A definition that cannot be read is no VM's that runs. */
gboolean disk_users_check(const struct definition *definition, GError **error)
{
	g_autoptr(GPtrArray) names = definition->disks->len ? store_list(error) : NULL;

	if (!names)
		return definition->disks->len == 0;
	for (guint i = 0; i < names->len; i++) {
		const char *name = names->pdata[i];
		g_autoptr(definition_pointer) other = NULL;

		if (strcmp(name, definition->name) == 0)
			continue;
		other = load_running(name);
		if (other && !check_against(definition, other, error))
			return FALSE;
	}
	return TRUE;
}
