/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The layouts of command descriptor blocks (SPC-4 4.2.5 and the commands' own sections). */
#include "vsp/storage/core/scsi_command.h"

#include <viridis/base/bits.h>

#define BLOCKS_6_ZERO 256u /* what a 0 stands for: SBC-3 5.7 */

/* Six bytes without a field that matters here. */
void scsi_decode_nothing(struct cursor *cdb, struct scsi_command *command)
{
	(void)command;
	cursor_skip(cdb, 5);
}

/* SBC-3 5.7: the upper bits of byte 1 are reserved. */
void scsi_decode_block_6(struct cursor *cdb, struct scsi_command *command)
{
	command->lba = cursor_be(cdb, 3) & 0x1fffff;
	command->blocks = cursor_u8(cdb);
	if (command->blocks == 0)
		command->blocks = BLOCKS_6_ZERO;
	cursor_skip(cdb, 1);
}

/* SBC-3 5.8 */
void scsi_decode_block_10(struct cursor *cdb, struct scsi_command *command)
{
	command->flags = cursor_u8(cdb);
	command->lba = cursor_be32(cdb);
	cursor_skip(cdb, 1); /* group number */
	command->blocks = cursor_be16(cdb);
	cursor_skip(cdb, 1);
}

/* SBC-3 5.9 */
void scsi_decode_block_12(struct cursor *cdb, struct scsi_command *command)
{
	command->flags = cursor_u8(cdb);
	command->lba = cursor_be32(cdb);
	command->blocks = cursor_be32(cdb);
	cursor_skip(cdb, 2); /* group number, control */
}

/* SBC-3 5.10 */
void scsi_decode_block_16(struct cursor *cdb, struct scsi_command *command)
{
	command->flags = cursor_u8(cdb);
	command->lba = cursor_be64(cdb);
	command->blocks = cursor_be32(cdb);
	cursor_skip(cdb, 2); /* group number, control */
}

/* SPC-4 6.6 */
void scsi_decode_inquiry(struct cursor *cdb, struct scsi_command *command)
{
	command->flags = cursor_u8(cdb);
	command->page = cursor_u8(cdb);
	command->length = cursor_be16(cdb);
	cursor_skip(cdb, 1);
}

/* SPC-4 6.39 */
void scsi_decode_request_sense(struct cursor *cdb, struct scsi_command *command)
{
	command->flags = cursor_u8(cdb);
	cursor_skip(cdb, 2);
	command->length = cursor_u8(cdb);
	cursor_skip(cdb, 1);
}

static void decode_mode_page(struct cursor *cdb, struct scsi_command *command)
{
	uint8_t page;

	command->flags = cursor_u8(cdb);
	page = cursor_u8(cdb);
	command->control = (uint8_t)bits_get(page, 6, 2);
	command->page = (uint8_t)bits_get(page, 0, 6);
	command->subpage = cursor_u8(cdb);
}

/* SPC-4 6.13 */
void scsi_decode_mode_sense_6(struct cursor *cdb, struct scsi_command *command)
{
	decode_mode_page(cdb, command);
	command->length = cursor_u8(cdb);
	cursor_skip(cdb, 1);
}

/* SPC-4 6.14 */
void scsi_decode_mode_sense_10(struct cursor *cdb, struct scsi_command *command)
{
	decode_mode_page(cdb, command);
	cursor_skip(cdb, 3);
	command->length = cursor_be16(cdb);
	cursor_skip(cdb, 1);
}

/* SBC-3 5.25 */
void scsi_decode_start_stop(struct cursor *cdb, struct scsi_command *command)
{
	cursor_skip(cdb, 3);
	command->start = cursor_u8(cdb) & 1;
	cursor_skip(cdb, 1);
}

/* SBC-3 5.28 */
void scsi_decode_unmap(struct cursor *cdb, struct scsi_command *command)
{
	command->flags = cursor_u8(cdb);
	cursor_skip(cdb, 5); /* reserved, group number */
	command->length = cursor_be16(cdb);
	cursor_skip(cdb, 1);
}

/* SPC-4 6.33 */
void scsi_decode_report_luns(struct cursor *cdb, struct scsi_command *command)
{
	cursor_skip(cdb, 1);
	command->control = cursor_u8(cdb);
	cursor_skip(cdb, 3);
	command->length = cursor_be32(cdb);
	cursor_skip(cdb, 2);
}

/* SPC-4 4.2.5.4: `flags` is the service action. */
void scsi_decode_service_16(struct cursor *cdb, struct scsi_command *command)
{
	command->flags = cursor_u8(cdb) & 0x1f;
	command->lba = cursor_be64(cdb);
	command->length = cursor_be32(cdb);
	cursor_skip(cdb, 2);
}
