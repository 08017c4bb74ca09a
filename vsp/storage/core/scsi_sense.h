/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why a command failed: sense data as SPC-4 4.5 lays it out. */
#ifndef VIRIDIS_VSP_STORAGE_SCSI_SENSE_H
#define VIRIDIS_VSP_STORAGE_SCSI_SENSE_H

#include <stdbool.h>
#include <stdint.h>

#define SCSI_SENSE_BYTES_MAX 18u

enum scsi_sense {
	SCSI_SENSE_NONE,
	SCSI_SENSE_READ_ERROR,
	SCSI_SENSE_WRITE_ERROR,
	SCSI_SENSE_INTERNAL_FAILURE,
	SCSI_SENSE_PARAMETER_LIST_LENGTH,
	SCSI_SENSE_INVALID_OPCODE,
	SCSI_SENSE_LBA_OUT_OF_RANGE,
	SCSI_SENSE_INVALID_FIELD_IN_CDB,
	SCSI_SENSE_UNIT_NOT_SUPPORTED,
	SCSI_SENSE_INVALID_FIELD_IN_PARAMETERS,
	SCSI_SENSE_SAVING_NOT_SUPPORTED,
	SCSI_SENSE_WRITE_PROTECTED,
	SCSI_SENSE_SPACE_ALLOCATION_FAILED,
	SCSI_SENSE_CAPACITY_CHANGED,
	SCSI_SENSES,
};

/* Fixed format, or descriptor format; returns the length, and zeroes what it leaves. */
uint8_t scsi_sense_write(enum scsi_sense sense, bool descriptor,
                         uint8_t out[SCSI_SENSE_BYTES_MAX]);

#endif
