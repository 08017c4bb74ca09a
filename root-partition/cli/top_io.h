/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the synthetic devices of a VM have done, for viridis top. */
#ifndef VIRIDIS_CLI_TOP_IO_H
#define VIRIDIS_CLI_TOP_IO_H

#include <glib.h>
#include <stdint.h>

struct top_io {
	uint64_t disk_requests, disk_bytes; /* reads and writes of all disks */
	uint64_t net_frames, net_bytes;     /* both ways, of all adapters */
};

/*
 * Asks the worker of the VM of that name. FALSE: it does not run, or does not answer within a second. What its
 * providers have counted is added to `*io`.
 */
gboolean top_io_ask(const char *name, uint64_t *partition_id, struct top_io *io);

#endif
