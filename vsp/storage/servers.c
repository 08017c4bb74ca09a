/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Servers of disks that are lost, and back, for the worker to tell. */
#include <json-glib/json-glib.h>

#include "vsp/storage/remote.h"
#include "vsp/storage/storage.h"

static void add_text(JsonBuilder *builder, const char *name, const char *text)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);

	json_builder_set_member_name(builder, name);
	json_builder_add_string_value(builder, valid);
}

static void tell(struct storage *storage, unsigned int lun, const struct backend *backend)
{
	g_autoptr(JsonBuilder) builder = json_builder_new();
	g_autoptr(JsonNode) root = NULL;
	g_autofree char *text = NULL;

	json_builder_begin_object(builder);
	add_text(builder, "event", backend->lost ? "disk-lost" : "disk-back");
	json_builder_set_member_name(builder, "lun");
	json_builder_add_int_value(builder, lun);
	add_text(builder, "disk", storage_remote->name(backend));
	if (backend->lost)
		add_text(builder, "why", storage_remote->why(backend));
	json_builder_end_object(builder);
	root = json_builder_get_root(builder);
	text = json_to_string(root, FALSE);
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
