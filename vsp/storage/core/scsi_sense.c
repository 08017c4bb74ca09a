/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sense data from one table of key, additional sense code and its qualifier (SPC-4 4.5.6). */
#include "vsp/storage/core/scsi_sense.h"

#include <viridis/base/mem.h>

#define RESPONSE_FIXED      0x70u /* SPC-4 4.5.3, current error */
#define RESPONSE_DESCRIPTOR 0x72u /* SPC-4 4.5.2 */
#define FIXED_BYTES         18u
#define DESCRIPTOR_BYTES    8u

enum sense_key {
	NO_SENSE = 0x0,
	MEDIUM_ERROR = 0x3,
	HARDWARE_ERROR = 0x4,
	ILLEGAL_REQUEST = 0x5,
	UNIT_ATTENTION = 0x6,
	DATA_PROTECT = 0x7,
};

static const struct {
	uint8_t key;
	uint8_t asc;
	uint8_t ascq;
} senses[SCSI_SENSES] = {
	[SCSI_SENSE_NONE] = { NO_SENSE, 0x00, 0x00 },
	[SCSI_SENSE_READ_ERROR] = { MEDIUM_ERROR, 0x11, 0x00 },
	[SCSI_SENSE_WRITE_ERROR] = { MEDIUM_ERROR, 0x0c, 0x00 },
	[SCSI_SENSE_INTERNAL_FAILURE] = { HARDWARE_ERROR, 0x44, 0x00 },
	[SCSI_SENSE_PARAMETER_LIST_LENGTH] = { ILLEGAL_REQUEST, 0x1a, 0x00 },
	[SCSI_SENSE_INVALID_OPCODE] = { ILLEGAL_REQUEST, 0x20, 0x00 },
	[SCSI_SENSE_LBA_OUT_OF_RANGE] = { ILLEGAL_REQUEST, 0x21, 0x00 },
	[SCSI_SENSE_INVALID_FIELD_IN_CDB] = { ILLEGAL_REQUEST, 0x24, 0x00 },
	[SCSI_SENSE_UNIT_NOT_SUPPORTED] = { ILLEGAL_REQUEST, 0x25, 0x00 },
	[SCSI_SENSE_INVALID_FIELD_IN_PARAMETERS] = { ILLEGAL_REQUEST, 0x26, 0x00 },
	[SCSI_SENSE_SAVING_NOT_SUPPORTED] = { ILLEGAL_REQUEST, 0x39, 0x00 },
	[SCSI_SENSE_WRITE_PROTECTED] = { DATA_PROTECT, 0x27, 0x00 },
	[SCSI_SENSE_SPACE_ALLOCATION_FAILED] = { DATA_PROTECT, 0x27, 0x07 },
	[SCSI_SENSE_CAPACITY_CHANGED] = { UNIT_ATTENTION, 0x2a, 0x09 },
};

uint8_t scsi_sense_write(enum scsi_sense sense, bool descriptor,
                         uint8_t out[SCSI_SENSE_BYTES_MAX])
{
	memset(out, 0, SCSI_SENSE_BYTES_MAX);
	if (descriptor) {
		out[0] = RESPONSE_DESCRIPTOR;
		out[1] = senses[sense].key;
		out[2] = senses[sense].asc;
		out[3] = senses[sense].ascq;
		return DESCRIPTOR_BYTES;
	}
	out[0] = RESPONSE_FIXED;
	out[2] = senses[sense].key;
	out[7] = FIXED_BYTES - 8; /* what follows this byte */
	out[12] = senses[sense].asc;
	out[13] = senses[sense].ascq;
	return FIXED_BYTES;
}
