/* SPDX-License-Identifier: GPL-2.0-or-later */
/* I/O of a VM, as its providers count it: top_io.h. */
#include "root-partition/cli/top_io.h"

#include <unistd.h>

#include "root-partition/client/client.h"
#include "root-partition/config/json_text.h"

#define ANSWER_S 1 /* others are waiting to be shown */

static uint64_t member(JsonObject *object, const char *name)
{
	gint64 value = 0;

	(void)json_text_get_int(json_object_get_member(object, name), &value);
	return (uint64_t)value;
}

static void add_disk(JsonArray *array, guint index, JsonNode *node, gpointer io)
{
	struct top_io *sum = io;
	JsonObject *disk = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) :
	                                                  NULL;

	(void)array;
	(void)index;
	if (!disk)
		return;
	sum->disk_requests += member(disk, "reads") + member(disk, "writes");
	sum->disk_bytes += member(disk, "read-bytes") + member(disk, "written-bytes");
}

/* Adds up what the providers of a VM tell, each under its name: "storage", "net0" and so on. */
static void add_io(struct top_io *io, JsonObject *stats)
{
	JsonObjectIter iter;
	const char *name;
	JsonNode *node;

	json_object_iter_init(&iter, stats);
	while (json_object_iter_next(&iter, &name, &node)) {
		JsonObject *provider =
			JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
		JsonNode *disks = provider ? json_object_get_member(provider, "disks") :
		                             NULL;

		if (disks && JSON_NODE_HOLDS_ARRAY(disks)) {
			json_array_foreach_element(json_node_get_array(disks), add_disk,
			                           io);
		} else if (provider && g_str_has_prefix(name, "net")) {
			io->net_frames +=
				member(provider, "sent") + member(provider, "received");
			io->net_bytes += member(provider, "sent-bytes") +
			                 member(provider, "received-bytes");
		}
	}
}

static JsonObject *ask(const char *name, enum control_command command)
{
	const gint64 deadline = client_deadline(ANSWER_S);
	const struct control_request request = { .command = command };
	int fd = client_connect(name, deadline, NULL);
	JsonObject *answer;

	if (fd < 0)
		return NULL;
	answer = client_request(name, fd, &request, deadline, NULL);
	close(fd);
	return answer;
}

gboolean top_io_ask(const char *name, uint64_t *partition_id, struct top_io *io)
{
	g_autoptr(JsonObject) status = ask(name, CONTROL_STATUS);
	g_autoptr(JsonObject) stats = status ? ask(name, CONTROL_STATS) : NULL;

	if (!stats)
		return FALSE;
	*partition_id = member(status, "partition");
	add_io(io, stats);
	return TRUE;
}
