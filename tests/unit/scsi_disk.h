/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One disk, at LUNs 0 and 5 of a target, and commands to it; for the tests of the device model. */
#ifndef VIRIDIS_TESTS_SCSI_DISK_H
#define VIRIDIS_TESTS_SCSI_DISK_H

#include <stdbool.h>
#include <string.h>

#include "unit.h"
#include "vsp/storage/core/scsi_device.h"

#define BLOCKS UINT64_C(0x180000000) /* 3 TiB: more than 32 bits of blocks */
#define ROOM   65536u

static struct scsi_disk disk;
static struct scsi_target target;
static struct scsi_action action;
static uint8_t parameters[SCSI_PARAMETER_BYTES_MAX];

static inline void set_up(void)
{
	disk = (struct scsi_disk){
		.blocks = BLOCKS,
		.max_transfer_blocks = 2048,
		.physical_exponent = 3,
		.can_unmap = true,
		.unmapped_reads_zero = true,
		.identity = UINT64_C(0xfedcba9876543210),
		.serial = "fedcba9876543210",
	};
	target = (struct scsi_target){ .disk = { [0] = &disk, [5] = &disk } };
	memset(parameters, 0, sizeof(parameters));
}

struct call {
	uint8_t lun;
	uint8_t path;
	uint8_t cdb_length;
	uint8_t cdb[16];
	uint32_t in;
	uint32_t out;
};

/* Private copies of exactly the right size, so that the sanitizer sees one byte too far. */
static inline void execute(const struct call *call)
{
	uint8_t *cdb = call->cdb_length > 0 ? malloc(call->cdb_length) : NULL;
	uint8_t *list = NULL;
	struct scsi_request request = {
		.path = call->path,
		.lun = call->lun,
		.cdb_length = call->cdb_length,
		.cdb = cdb,
		.data_in_bytes = call->in,
		.data_out_bytes = call->out,
	};

	if (cdb)
		memcpy(cdb, call->cdb, call->cdb_length);
	request.parameter_bytes = scsi_parameter_bytes(&request);
	if (request.parameter_bytes > 0) {
		list = malloc(request.parameter_bytes);
		memcpy(list, parameters, request.parameter_bytes);
	}
	request.parameters = list;
	memset(&action, 0xa5, sizeof(action));
	scsi_execute(&target, &request, &action);
	free(list);
	free(cdb);
}

static inline const uint8_t *assert_data(uint32_t bytes)
{
	ck_assert_int_eq(action.type, SCSI_RESPOND);
	ck_assert(!action.response.no_such_lun);
	ck_assert_int_eq(action.response.sense, SCSI_SENSE_NONE);
	ck_assert_uint_eq(action.response.data_bytes, bytes);
	return action.response.data;
}

static inline void assert_sense(enum scsi_sense sense)
{
	ck_assert_int_eq(action.type, SCSI_RESPOND);
	ck_assert(!action.response.no_such_lun);
	ck_assert_int_eq(action.response.sense, sense);
	ck_assert_uint_eq(action.response.data_bytes, 0);
}

static inline void assert_extent(enum scsi_action_type type, uint64_t lba,
                                 uint64_t blocks)
{
	ck_assert_int_eq(action.type, type);
	ck_assert_uint_eq(action.extent_count, 1);
	ck_assert_uint_eq(action.extents[0].offset, lba * 512);
	ck_assert_uint_eq(action.extents[0].bytes, blocks * 512);
}

#endif
