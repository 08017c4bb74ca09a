/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The controller's counters as JSON, for `viridis stats`. */
#include "root-partition/config/json_text.h"
#include "vsp/storage/storage.h"

static void add_disk(JsonBuilder *builder, unsigned int lun,
                     const struct storage_disk *disk)
{
	json_builder_begin_object(builder);
	json_text_add_int(builder, "lun", lun);
	json_text_add_string(builder, "serial", disk->model.serial);
	json_text_add_int(builder, "bytes", disk->backend.bytes);
	json_text_add_boolean(builder, "read-only", disk->model.read_only);
	json_text_add_boolean(builder, "direct", disk->backend.direct);
	json_text_add_int(builder, "reads", disk->counts.reads);
	json_text_add_int(builder, "writes", disk->counts.writes);
	json_text_add_int(builder, "flushes", disk->counts.flushes);
	json_text_add_int(builder, "unmaps", disk->counts.unmaps);
	json_text_add_int(builder, "read-bytes", disk->counts.read_bytes);
	json_text_add_int(builder, "written-bytes", disk->counts.written_bytes);
	json_text_add_int(builder, "errors", disk->counts.errors);
	json_text_add_int(builder, "delayed", disk->counts.delayed);
	if (disk->backend.remote)
		json_text_add_string(builder, "server",
		                     disk->backend.lost ? "lost" : "connected");
	json_builder_end_object(builder);
}

static void add_controller(JsonBuilder *builder, const struct storage *storage)
{
	const struct storage_counts *counts = &storage->counts;

	json_text_add_int(builder, "requests", counts->requests);
	json_text_add_int(builder, "again", counts->again);
	json_text_add_int(builder, "rejected", counts->rejected);
	json_text_add_int(builder, "in-flight", storage->in_flight);
	json_text_add_int(builder, "signals-in", counts->signals_in);
	json_text_add_int(builder, "signals-out", counts->signals_out);
	json_text_add_int(builder, "submissions", storage->uring.submissions);
	json_text_add_int(builder, "held", storage->uring.held);
	json_text_add_int(builder, "stalls", counts->stalls);
	json_text_add_int(builder, "bounced", counts->bounced);
	json_text_add_int(builder, "bounced-bytes", counts->bounced_bytes);
}

char *storage_statistics_json(const struct storage *storage)
{
	g_autoptr(JsonBuilder) builder = json_builder_new();

	json_builder_begin_object(builder);
	json_text_add_boolean(builder, "ok", true);
	add_controller(builder, storage);
	json_builder_set_member_name(builder, "disks");
	json_builder_begin_array(builder);
	for (unsigned int lun = 0; lun < SCSI_LUNS_MAX; lun++)
		if (storage->target.disk[lun])
			add_disk(builder, lun, &storage->disks[lun]);
	json_builder_end_array(builder);
	json_builder_end_object(builder);
	return json_text_finish(builder, FALSE);
}
