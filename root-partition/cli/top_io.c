/* SPDX-License-Identifier: GPL-2.0-or-later */
/* I/O of a VM, as its providers count it: top_io.h. */
#include "root-partition/cli/top_io.h"

#include <unistd.h>

#include "root-partition/client/client.h"
#include "root-partition/config/json_text.h"

#define ANSWER_S 1 /* others are waiting to be shown */

static uint64_t member(json_t *object, const char *name)
{
	gint64 value = 0;

	(void)json_text_get_int(json_object_get(object, name), &value);
	return (uint64_t)value;
}

static void add_disk(struct top_io *io, json_t *disk)
{
	io->disk_requests += member(disk, "reads") + member(disk, "writes");
	io->disk_bytes += member(disk, "read-bytes") + member(disk, "written-bytes");
}

/* Adds up what the providers of a VM tell, each under its name: "storage", "net0" and so on. */
static void add_io(struct top_io *io, json_t *stats)
{
	const char *name;
	json_t *provider;

	json_object_foreach(stats, name, provider) {
		json_t *disks = json_object_get(provider, "disks");

		for (gsize i = 0; i < json_array_size(disks); i++)
			add_disk(io, json_array_get(disks, i));
		if (g_str_has_prefix(name, "net")) {
			io->net_frames +=
				member(provider, "sent") + member(provider, "received");
			io->net_bytes += member(provider, "sent-bytes") +
			                 member(provider, "received-bytes");
		}
	}
}

static json_t *ask(const char *name, enum control_command command)
{
	const gint64 deadline = client_deadline(ANSWER_S);
	const struct control_request request = { .command = command };
	int fd = client_connect(name, deadline, NULL);
	json_t *answer;

	if (fd < 0)
		return NULL;
	answer = client_request(name, fd, &request, deadline, NULL);
	close(fd);
	return answer;
}

gboolean top_io_ask(const char *name, uint64_t *partition_id, struct top_io *io)
{
	g_autoptr(json_t) status = ask(name, CONTROL_STATUS);
	g_autoptr(json_t) stats = status ? ask(name, CONTROL_STATS) : NULL;

	if (!stats)
		return FALSE;
	*partition_id = member(status, "partition");
	add_io(io, stats);
	return TRUE;
}
