/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Servers of disks that are lost, and back, for the worker to tell. */
#include "root-partition/config/json_text.h"
#include "vsp/storage/remote.h"
#include "vsp/storage/storage.h"

static void tell(struct storage *storage, unsigned int lun, const struct backend *backend)
{
	g_autoptr(json_t) object = json_object();
	g_autofree char *text = NULL;

	json_text_add_string(object, "event", backend->lost ? "disk-lost" : "disk-back");
	json_text_add_int(object, "lun", lun);
	json_text_add_string(object, "disk", storage_remote->name(backend));
	if (backend->lost)
		json_text_add_string(object, "why", storage_remote->why(backend));
	text = json_text_format(object, FALSE);
	vsp_event(storage->vsp, 0, text);
}

/* Once each: a process that died may have told it. */
void storage_tell_servers(struct storage *storage)
{
	for (unsigned int lun = 0; lun < SCSI_LUNS_MAX; lun++) {
		struct backend *backend = &storage->disks[lun].backend;
		uint32_t *features;

		if (!storage->target.disk[lun] || !backend->remote)
			continue;
		features = &backend->remembered->features;
		if (backend->lost == ((*features & IN_FLIGHT_DISK_LOST) != 0))
			continue;
		*features ^= IN_FLIGHT_DISK_LOST;
		tell(storage, lun, backend);
	}
}
