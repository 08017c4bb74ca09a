/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disks of NBD servers: neither the keeper nor a provider opens the connections, but a process that does nothing
 * else. It learns here where they lead, and the provider can name no other place.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "root-partition/config/definition_disk.h"
#include "root-partition/config/paths.h"
#include "root-partition/keeper/internal.h"
#include "vsp/lib/spawn.h"
#include "vsp/storage/nbd_connect.h"

#define PROGRAM "viridis-nbd-connect"

static char *configuration(const struct keeper *keeper)
{
	const GPtrArray *disks = keeper->definition->disks;
	GString *text = g_string_new(NULL);

	g_string_append_printf(text, "%u\n", keeper->user);
	for (guint i = 0; i < disks->len; i++) {
		const struct definition_disk *disk = disks->pdata[i];

		if (definition_disk_is_remote(disk))
			g_string_append_printf(text, "%u %s\n", disk->lun, disk->path);
	}
	return g_string_free(text, FALSE);
}

/* Over the provider's end, before the provider has it. */
static int introduce(const struct keeper *keeper, int socket)
{
	g_autofree char *text = configuration(keeper);
	const struct iovec parts[2] = { { text, strlen(text) } };

	return datagram_send(socket, parts, NULL, 0) == VSP_SOCKET_OK ? 0 : -EMSGSIZE;
}

static int start(const struct keeper *keeper, const int ends[2], int lifeline, pid_t *pid)
{
	g_autofree char *path = paths_program(PROGRAM);
	int result;

	if (!path)
		return -ENOENT;
	result = vsp_spawn(
		path, &(struct vsp_spawn){ ends[1], keeper->log[1], lifeline, -1 }, pid);
	if (result)
		*pid = 0;
	return result ? -result : introduce(keeper, ends[0]);
}

bool keeper_start_connector(const struct keeper *keeper, int lifeline, int *socket,
                            pid_t *pid, GError **error)
{
	int ends[2];
	int result;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return keeper_fail(error, -errno, PROGRAM);
	result = start(keeper, ends, lifeline, pid);
	close(ends[1]);
	if (result == 0) {
		*socket = ends[0];
		return true;
	}
	close(ends[0]);
	return keeper_fail(error, result, PROGRAM);
}
