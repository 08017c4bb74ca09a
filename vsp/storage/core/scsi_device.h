/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SCSI disks as a guest sees them: commands in, actions out. No I/O is done here: a command
 * either is answered at once, or the caller is told what to do on the medium and asks for the
 * answer when that is done.
 *
 * Every extent of an action lies on the disk; a READ or WRITE has one extent, which the guest's
 * buffer has room for.
 */
#ifndef VIRIDIS_VSP_STORAGE_SCSI_DEVICE_H
#define VIRIDIS_VSP_STORAGE_SCSI_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "vsp/storage/core/scsi_codes.h"
#include "vsp/storage/core/scsi_sense.h"

#define SCSI_LUNS_MAX            64u
#define SCSI_SERIAL_BYTES        16u
#define SCSI_UNMAP_EXTENTS_MAX   32u
#define SCSI_UNMAP_BLOCKS_MAX    (UINT32_C(1) << 22) /* 2 GiB in one command */
#define SCSI_PARAMETER_BYTES_MAX (8u + 16u * SCSI_UNMAP_EXTENTS_MAX)
#define SCSI_DATA_BYTES_MAX      (8u + 8u * SCSI_LUNS_MAX)

/* A logical unit; constant, but that it may grow. */
struct scsi_disk {
	uint64_t blocks; /* of SCSI_BLOCK_BYTES, at least 1 */
	bool has_grown;  /* and the guest has not been told */
	uint32_t max_transfer_blocks;
	uint8_t physical_exponent; /* a physical block is 2^this logical ones */
	bool read_only;
	bool can_unmap;           /* holes can be punched */
	bool unmapped_reads_zero; /* and read as zeros, always */
	bool rotational;
	bool write_through; /* nothing is held back: there is nothing to flush */
	uint64_t identity;  /* tells this disk from all others */
	char serial[SCSI_SERIAL_BYTES + 1]; /* the same as text, or whatever it shall be */
};

/* Path 0, target 0 of a controller; NULL where there is no disk. */
struct scsi_target {
	struct scsi_disk *disk[SCSI_LUNS_MAX];
};

struct scsi_request {
	uint8_t path;
	uint8_t target;
	uint8_t lun;
	uint8_t cdb_length;
	const uint8_t *cdb;
	uint32_t data_in_bytes;    /* room for data to the guest */
	uint32_t data_out_bytes;   /* data from the guest; not both */
	const uint8_t *parameters; /* private copy of its start, see below */
	uint32_t parameter_bytes;
};

enum scsi_action_type {
	SCSI_RESPOND, /* nothing to do: answer with `response` */
	SCSI_READ,
	SCSI_WRITE,
	SCSI_FLUSH,
	SCSI_DISCARD, /* each extent may be forgotten */
	SCSI_ZERO,    /* the extent becomes zeros */
};

struct scsi_extent {
	uint64_t offset; /* in bytes */
	uint64_t bytes;
};

struct scsi_response {
	bool no_such_lun;
	enum scsi_sense sense; /* not NONE: CHECK CONDITION */
	uint32_t data_bytes;
	uint8_t data[SCSI_DATA_BYTES_MAX];
};

struct scsi_action {
	enum scsi_action_type type;
	bool durable; /* WRITE: on stable storage before it is answered (FUA) */
	bool unmap;   /* ZERO: by a hole, if that can be */
	uint32_t extent_count;
	struct scsi_extent extents[SCSI_UNMAP_EXTENTS_MAX];
	struct scsi_response response; /* RESPOND */
};

/* How the medium did. */
enum scsi_medium_status {
	SCSI_MEDIUM_OK,
	SCSI_MEDIUM_ERROR,
	SCSI_MEDIUM_NO_SPACE,
	SCSI_MEDIUM_READ_ONLY,
	SCSI_MEDIUM_FAILURE, /* not the medium's fault but ours */
};

/*
 * How much of the data from the guest scsi_execute() itself must see; 0 for most commands, at
 * most SCSI_PARAMETER_BYTES_MAX.
 */
uint32_t scsi_parameter_bytes(const struct scsi_request *request);

void scsi_execute(const struct scsi_target *target, const struct scsi_request *request,
                  struct scsi_action *action);

/* The sense of an action other than RESPOND that came out like this. */
enum scsi_sense scsi_medium_sense(enum scsi_action_type type,
                                  enum scsi_medium_status status);

#endif
