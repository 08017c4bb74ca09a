/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The controller's counters as JSON, for `viridis stats`. */
#include <json-glib/json-glib.h>

#include "vsp/storage/storage.h"

static void add_int(JsonBuilder *builder, const char *name, uint64_t value)
{
	json_builder_set_member_name(builder, name);
	json_builder_add_int_value(builder, (gint64)value);
}

static void add_text(JsonBuilder *builder, const char *name, const char *value)
{
	json_builder_set_member_name(builder, name);
	json_builder_add_string_value(builder, value);
}

static void add_bool(JsonBuilder *builder, const char *name, bool value)
{
	json_builder_set_member_name(builder, name);
	json_builder_add_boolean_value(builder, value);
}

static void add_disk(JsonBuilder *builder, unsigned int lun,
                     const struct storage_disk *disk)
{
	json_builder_begin_object(builder);
	add_int(builder, "lun", lun);
	add_text(builder, "serial", disk->model.serial);
	add_int(builder, "bytes", disk->backend.bytes);
	add_bool(builder, "read-only", disk->model.read_only);
	add_bool(builder, "direct", disk->backend.direct);
	add_int(builder, "reads", disk->counts.reads);
	add_int(builder, "writes", disk->counts.writes);
	add_int(builder, "flushes", disk->counts.flushes);
	add_int(builder, "unmaps", disk->counts.unmaps);
	add_int(builder, "read-bytes", disk->counts.read_bytes);
	add_int(builder, "written-bytes", disk->counts.written_bytes);
	add_int(builder, "errors", disk->counts.errors);
	add_int(builder, "delayed", disk->counts.delayed);
	json_builder_end_object(builder);
}

static void add_controller(JsonBuilder *builder, const struct storage *storage)
{
	const struct storage_counts *counts = &storage->counts;

	add_int(builder, "requests", counts->requests);
	add_int(builder, "again", counts->again);
	add_int(builder, "rejected", counts->rejected);
	add_int(builder, "in-flight", storage->in_flight);
	add_int(builder, "signals-in", counts->signals_in);
	add_int(builder, "signals-out", counts->signals_out);
	add_int(builder, "submissions", storage->uring.submissions);
	add_int(builder, "stalls", counts->stalls);
	add_int(builder, "bounced", counts->bounced);
	add_int(builder, "bounced-bytes", counts->bounced_bytes);
}

char *storage_statistics_json(const struct storage *storage)
{
	g_autoptr(JsonBuilder) builder = json_builder_new();
	g_autoptr(JsonNode) root = NULL;

	json_builder_begin_object(builder);
	add_bool(builder, "ok", true);
	add_controller(builder, storage);
	json_builder_set_member_name(builder, "disks");
	json_builder_begin_array(builder);
	for (unsigned int lun = 0; lun < SCSI_LUNS_MAX; lun++)
		if (storage->target.disk[lun])
			add_disk(builder, lun, &storage->disks[lun]);
	json_builder_end_array(builder);
	json_builder_end_object(builder);
	root = json_builder_get_root(builder);
	return json_to_string(root, FALSE);
}
