/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any command with any parameters: what comes out lies on the disk and in the guest's buffer. */
#include <stdlib.h>
#include <viridis/base/cursor.h>

#include "vsp/storage/core/scsi_answer.h"
#include "vsp/storage/core/scsi_device.h"

#define MAX_TRANSFER (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static void check(bool true_always)
{
	if (!true_always)
		abort();
}

static void check_extent(const struct scsi_disk *disk, const struct scsi_extent *extent)
{
	uint64_t bytes = disk->blocks * SCSI_BLOCK_BYTES;

	check(extent->bytes != 0 && extent->bytes % SCSI_BLOCK_BYTES == 0);
	check(extent->offset <= bytes && extent->bytes <= bytes - extent->offset);
}

static void check_action(const struct scsi_disk *disk, const struct scsi_request *request,
                         const struct scsi_action *action)
{
	check(action->extent_count <= SCSI_UNMAP_EXTENTS_MAX);
	check(action->response.data_bytes <= SCSI_DATA_BYTES_MAX);
	check(action->response.sense < SCSI_SENSES);
	if (action->type == SCSI_RESPOND)
		return;
	check(disk && action->response.sense == SCSI_SENSE_NONE);
	check(action->type == SCSI_READ || !disk->read_only);
	for (uint32_t i = 0; i < action->extent_count; i++)
		check_extent(disk, &action->extents[i]);
	if (action->type == SCSI_READ)
		check(action->extent_count == 1 &&
		      action->extents[0].bytes <= request->data_in_bytes);
	if (action->type == SCSI_WRITE)
		check(action->extent_count == 1 &&
		      action->extents[0].bytes <= request->data_out_bytes);
}

static bool take_request(struct cursor *c, struct vstor_request *request)
{
	request->path = cursor_u8(c) & 1;
	request->lun = cursor_u8(c) & 3;
	request->cdb_length = cursor_u8(c) % (STORVSC_CDB_BYTES + 1);
	request->direction = cursor_u8(c) % 3;
	request->transfer_bytes = cursor_le32(c) % (MAX_TRANSFER + 1);
	cursor_copy(c, request->cdb, sizeof(request->cdb));
	return !c->overrun;
}

/* The parameters in memory of exactly their size, zeros where the input ended. */
static void run(const struct scsi_target *target, const struct vstor_request *vstor,
                struct cursor *c)
{
	struct scsi_request request;
	struct scsi_action action;
	struct vstor_result result;
	uint8_t *parameters;
	size_t there;

	scsi_request_from(vstor, &request);
	request.parameter_bytes = scsi_parameter_bytes(&request);
	check(request.parameter_bytes <= SCSI_PARAMETER_BYTES_MAX);
	parameters = calloc(1, request.parameter_bytes + 1u);
	there = cursor_left(c) < request.parameter_bytes ? cursor_left(c) :
	                                                   request.parameter_bytes;
	cursor_copy(c, parameters, there);
	parameters = realloc(parameters,
	                     request.parameter_bytes ? request.parameter_bytes : 1);
	request.parameters = parameters;
	scsi_execute(target, &request, &action);
	check_action(request.path == 0 ? target->disk[request.lun] : NULL, &request,
	             &action);
	scsi_answer_response(&action.response, action.response.data_bytes, &result);
	check(result.sense_length <= STORVSC_SENSE_BYTES);
	free(parameters);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct scsi_disk disks[] = {
		{ .blocks = 1,
		  .max_transfer_blocks = 2048,
		  .can_unmap = true,
		  .has_grown = size & 1 },
		{ .blocks = UINT64_C(1) << 33,
		  .max_transfer_blocks = 2048,
		  .can_unmap = true },
		{ .blocks = 4096,
		  .max_transfer_blocks = 2048,
		  .read_only = true,
		  .has_grown = size & 2 },
	};
	const struct scsi_target target = {
		.disk = { &disks[0], &disks[1], &disks[2] },
	};
	struct cursor c = cursor_over(input, size);
	struct vstor_request request = { .path = 0 };

	while (take_request(&c, &request))
		run(&target, &request, &c);
	return 0;
}
