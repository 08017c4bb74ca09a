/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A SCSI controller over VMBus, one command at a time. */
#ifndef VSC_STORAGE_STORAGE_H
#define VSC_STORAGE_STORAGE_H

#include <stdbool.h>
#include <stdint.h>
#include "vmbus/class/scsi.h"
#include "vsc/lib/vmbus.h"

struct storage {
	struct vmbus_pipe pipe;
	uint16_t version;
	uint16_t sub_channels_max;
	uint32_t max_transfer_bytes;
	uint64_t next_transaction;
};

/* The handshake on an open pipe, newest version first. */
bool storage_start(struct storage *storage);

/* One packet that wants no guest memory, and its answer; false: no answer. */
bool storage_exchange(struct storage *storage, const struct storvsc_packet *request,
                      struct storvsc_packet *answer);

/* A command with its CDB, direction and bytes filled in; `buffer` is page-aligned RAM. */
bool storage_command(struct storage *storage, const struct vstor_request *request,
                     void *buffer, struct vstor_result *result);

/* The commands a disk's user needs; lun 0 to 254 of path 0, target 0. False: not GOOD. */
bool storage_inquiry(struct storage *storage, uint8_t lun, void *buffer, uint32_t bytes,
                     struct vstor_result *result);
bool storage_capacity(struct storage *storage, uint8_t lun, void *page, uint64_t *blocks,
                      uint32_t *block_bytes);
bool storage_transfer(struct storage *storage, uint8_t lun, bool write, uint64_t block,
                      uint32_t count, void *buffer, uint32_t bytes);
bool storage_flush(struct storage *storage, uint8_t lun);

#endif
