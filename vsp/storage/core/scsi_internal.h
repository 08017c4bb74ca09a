/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the device model share. */
#ifndef VIRIDIS_VSP_STORAGE_SCSI_INTERNAL_H
#define VIRIDIS_VSP_STORAGE_SCSI_INTERNAL_H

#include "vsp/storage/core/scsi_command.h"
#include "vsp/storage/core/scsi_device.h"

/* One command being carried out; the action begins as RESPOND with GOOD and no data. */
struct scsi_call {
	const struct scsi_target *target;
	struct scsi_disk *disk; /* NULL only for commands that need none */
	const struct scsi_request *request;
	struct scsi_command command;
	struct scsi_action *action;
};

static inline void scsi_fail(struct scsi_call *call, enum scsi_sense sense)
{
	call->action->type = SCSI_RESPOND;
	call->action->response.sense = sense;
}

/* scsi_device.c: where data for the guest goes, all zeros. */
uint8_t *scsi_data(struct scsi_call *call);

/* `bytes` of data were written to response.data; the guest gets what it allocated for. */
static inline void scsi_reply(struct scsi_call *call, uint32_t bytes)
{
	uint32_t most = call->command.length;

	call->action->response.data_bytes = bytes < most ? bytes : most;
}

static inline void scsi_store_be(uint8_t *to, unsigned int bytes, uint64_t value)
{
	while (bytes-- > 0) {
		to[bytes] = (uint8_t)value;
		value >>= 8;
	}
}

/* scsi_inquiry.c */
void scsi_inquiry(struct scsi_call *call);

/* scsi_mode.c */
void scsi_mode_sense_6(struct scsi_call *call);
void scsi_mode_sense_10(struct scsi_call *call);

/* scsi_block.c */
void scsi_read_capacity_10(struct scsi_call *call);
void scsi_service_action_in_16(struct scsi_call *call);
void scsi_read(struct scsi_call *call);
void scsi_write(struct scsi_call *call);
void scsi_verify(struct scsi_call *call);
void scsi_synchronize_cache(struct scsi_call *call);
void scsi_start_stop(struct scsi_call *call);
void scsi_unmap(struct scsi_call *call);
void scsi_write_same(struct scsi_call *call);

#endif
