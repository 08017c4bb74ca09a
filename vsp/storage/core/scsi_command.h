/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Command descriptor blocks taken apart, one function for each layout. They read through a
 * cursor that stands behind the opcode; the caller looks for an overrun once, afterwards.
 */
#ifndef VIRIDIS_VSP_STORAGE_SCSI_COMMAND_H
#define VIRIDIS_VSP_STORAGE_SCSI_COMMAND_H

#include <stdbool.h>
#include <stdint.h>
#include <viridis/base/cursor.h>

#define SCSI_CDB_BYTES_MAX 16u

/* Fields a command's layout lacks are 0. */
struct scsi_command {
	uint8_t opcode;
	uint8_t flags; /* byte 1, for the commands below that have bits there */
	uint64_t lba;
	uint32_t blocks;
	uint32_t length; /* allocation length, or parameter list length */
	uint8_t page;    /* INQUIRY, MODE SENSE */
	uint8_t subpage; /* MODE SENSE */
	uint8_t control; /* MODE SENSE: page control; REPORT LUNS: select report */
	bool start;      /* START STOP UNIT */
};

/* scsi_command.flags, by command. */
#define SCSI_BLOCK_FUA          0x08u /* READ, WRITE 10 to 16: SBC-3 5.8 */
#define SCSI_BLOCK_PROTECT      0xe0u /* READ, WRITE, VERIFY, WRITE SAME */
#define SCSI_VERIFY_BYTCHK      0x06u /* SBC-3 5.33 */
#define SCSI_INQUIRY_EVPD       0x01u /* SPC-4 6.6 */
#define SCSI_SENSE_DESCRIPTOR   0x01u /* REQUEST SENSE: SPC-4 6.39 */
#define SCSI_MODE_NO_DESCRIPTOR 0x08u /* MODE SENSE: SPC-4 6.13 */
#define SCSI_UNMAP_ANCHOR       0x01u /* SBC-3 5.28 */
#define SCSI_SAME_NO_DATA       0x01u /* WRITE SAME: SBC-3 5.44 */
#define SCSI_SAME_UNMAP         0x08u
#define SCSI_SAME_ANCHOR        0x10u

typedef void (*scsi_decode_function)(struct cursor *cdb, struct scsi_command *command);

void scsi_decode_nothing(struct cursor *cdb, struct scsi_command *command);
void scsi_decode_block_6(struct cursor *cdb, struct scsi_command *command);
void scsi_decode_block_10(struct cursor *cdb, struct scsi_command *command);
void scsi_decode_block_12(struct cursor *cdb, struct scsi_command *command);
void scsi_decode_block_16(struct cursor *cdb, struct scsi_command *command);
void scsi_decode_inquiry(struct cursor *cdb, struct scsi_command *command);
void scsi_decode_request_sense(struct cursor *cdb, struct scsi_command *command);
void scsi_decode_mode_sense_6(struct cursor *cdb, struct scsi_command *command);
void scsi_decode_mode_sense_10(struct cursor *cdb, struct scsi_command *command);
void scsi_decode_start_stop(struct cursor *cdb, struct scsi_command *command);
void scsi_decode_unmap(struct cursor *cdb, struct scsi_command *command);
void scsi_decode_report_luns(struct cursor *cdb, struct scsi_command *command);
void scsi_decode_service_16(struct cursor *cdb, struct scsi_command *command);

#endif
