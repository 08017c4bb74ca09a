/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests and results between device class and device model. */
#include "vsp/storage/core/scsi_answer.h"

#include <viridis/base/assert.h>
#include <viridis/base/mem.h>

_Static_assert(SCSI_SENSE_BYTES_MAX <= STORVSC_SENSE_BYTES, "sense data has room");

void scsi_request_from(const struct vstor_request *request, struct scsi_request *out)
{
	*out = (struct scsi_request){
		.path = request->path,
		.target = request->target,
		.lun = request->lun,
		.cdb_length = request->cdb_length,
		.cdb = request->cdb,
	};
	if (request->direction == STORVSC_DATA_IN)
		out->data_in_bytes = request->transfer_bytes;
	else if (request->direction == STORVSC_DATA_OUT)
		out->data_out_bytes = request->transfer_bytes;
}

static void answer(enum scsi_sense sense, uint32_t transferred,
                   struct vstor_result *result)
{
	memset(result, 0, sizeof(*result));
	if (sense == SCSI_SENSE_NONE) {
		result->srb_status = STORVSC_SRB_SUCCESS;
		result->scsi_status = SCSI_STATUS_GOOD;
		result->transferred_bytes = transferred;
		return;
	}
	result->srb_status = STORVSC_SRB_ERROR;
	result->scsi_status = SCSI_STATUS_CHECK_CONDITION;
	result->sense_length = scsi_sense_write(sense, false, result->sense);
}

void scsi_answer_response(const struct scsi_response *response, uint32_t transferred,
                          struct vstor_result *result)
{
	answer(response->sense, transferred, result);
	if (response->no_such_lun)
		*result = (struct vstor_result){ .srb_status = STORVSC_SRB_INVALID_LUN };
}

void scsi_answer_medium(enum scsi_action_type type, enum scsi_medium_status status,
                        uint32_t transferred, struct vstor_result *result)
{
	answer(scsi_medium_sense(type, status), transferred, result);
}
