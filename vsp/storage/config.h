/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the worker's CONFIG says to a storage controller:
 *
 *   { "vm": "web", "channels": [ { "id": 1, "class": "scsi" } ],
 *     "disks": [ { "path": "/srv/web.img", "read-only": false, "lun": 0,
 *                  "id": "6e2a7d0c5b19f384" } ] }
 *
 * and of a disk, where it is not as usual, "serial": "data-1", "cache": "host" or "through", "iops": 200,
 * "bps": "10M". The path may be the URI of an NBD server's export (core/nbd_uri.h), for which a request waits
 * "timeout": 60 seconds. A disk's id makes its names in the guest. Other members belong to others and are left alone.
 */
#ifndef VIRIDIS_VSP_STORAGE_CONFIG_H
#define VIRIDIS_VSP_STORAGE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <viridis/base/assert.h>

#include "vsp/storage/core/scsi_device.h"

struct storage_disk_config {
	char *path;
	bool read_only;
	unsigned int lun;
	uint64_t identity;
	char serial[SCSI_SERIAL_BYTES + 1]; /* "": by the identity */
	bool cached;                        /* in the root's memory */
	bool write_through;
	uint32_t timeout_s; /* of a server's */
	uint64_t iops;      /* a second at most; 0: no limit */
	uint64_t bps;
};

struct storage_config {
	char *vm;
	unsigned int disk_count;
	struct storage_disk_config disk[SCSI_LUNS_MAX];
};

/* On false, one line why; nothing is held. */
MUST_CHECK bool storage_config_parse(struct storage_config *config, const char *json,
                                     char *error, size_t error_bytes);
void storage_config_free(struct storage_config *config);

#endif
