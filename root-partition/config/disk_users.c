/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disks that two VMs name: see disk_users.h. */
#include "root-partition/config/disk_users.h"

#include <string.h>

#include "root-partition/config/state.h"
#include "root-partition/config/store.h"

static const struct definition_disk *user_of(const struct definition_disk *disk,
                                             const struct definition *other)
{
	for (guint i = 0; i < other->disks->len; i++) {
		const struct definition_disk *theirs = other->disks->pdata[i];

		if (!(disk->read_only && theirs->read_only) &&
		    definition_same_disk(disk, theirs))
			return theirs;
	}
	return NULL;
}

static gboolean runs(const char *name)
{
	pid_t holder = 0;

	return state_holder(name, &holder, NULL) && holder;
}

static gboolean check_against(const struct definition *definition,
                              const struct definition *other, GError **error)
{
	for (guint i = 0; i < definition->disks->len; i++) {
		const struct definition_disk *disk = definition->disks->pdata[i];

		if (!user_of(disk, other) || !runs(other->name))
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
		other = store_load(name, NULL);
		if (other && !check_against(definition, other, error))
			return FALSE;
	}
	return TRUE;
}
