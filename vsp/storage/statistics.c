/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The controller's counters as JSON, for `viridis stats`. */
#include "root-partition/config/json_text.h"
#include "vsp/storage/storage.h"

static void add_disk(json_t *disks, unsigned int lun, const struct storage_disk *disk)
{
	json_t *entry = json_text_append_object(disks);

	json_text_add_int(entry, "lun", lun);
	json_text_add_string(entry, "serial", disk->model.serial);
	json_text_add_int(entry, "bytes", disk->backend.bytes);
	json_text_add_boolean(entry, "read-only", disk->model.read_only);
	json_text_add_boolean(entry, "direct", disk->backend.direct);
	json_text_add_int(entry, "reads", disk->counts.reads);
	json_text_add_int(entry, "writes", disk->counts.writes);
	json_text_add_int(entry, "flushes", disk->counts.flushes);
	json_text_add_int(entry, "unmaps", disk->counts.unmaps);
	json_text_add_int(entry, "read-bytes", disk->counts.read_bytes);
	json_text_add_int(entry, "written-bytes", disk->counts.written_bytes);
	json_text_add_int(entry, "errors", disk->counts.errors);
	json_text_add_int(entry, "delayed", disk->counts.delayed);
	if (disk->backend.remote)
		json_text_add_string(entry, "server",
		                     disk->backend.lost ? "lost" : "connected");
}

static void add_controller(json_t *object, const struct storage *storage)
{
	const struct storage_counts *counts = &storage->counts;

	json_text_add_int(object, "requests", counts->requests);
	json_text_add_int(object, "again", counts->again);
	json_text_add_int(object, "rejected", counts->rejected);
	json_text_add_int(object, "in-flight", storage->in_flight);
	json_text_add_int(object, "signals-in", counts->signals_in);
	json_text_add_int(object, "signals-out", counts->signals_out);
	json_text_add_int(object, "submissions", storage->uring.submissions);
	json_text_add_int(object, "held", storage->uring.held);
	json_text_add_int(object, "stalls", counts->stalls);
	json_text_add_int(object, "bounced", counts->bounced);
	json_text_add_int(object, "bounced-bytes", counts->bounced_bytes);
}

char *storage_statistics_json(const struct storage *storage)
{
	g_autoptr(json_t) object = json_object();
	json_t *disks;

	json_text_add_boolean(object, "ok", true);
	add_controller(object, storage);
	disks = json_text_add_array(object, "disks");
	for (unsigned int lun = 0; lun < SCSI_LUNS_MAX; lun++)
		if (storage->target.disk[lun])
			add_disk(disks, lun, &storage->disks[lun]);
	return json_text_format(object, FALSE);
}
