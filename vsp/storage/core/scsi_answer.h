/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From what the device model says to what the SCSI device class carries, and back. */
#ifndef VIRIDIS_VSP_STORAGE_SCSI_ANSWER_H
#define VIRIDIS_VSP_STORAGE_SCSI_ANSWER_H

#include "vmbus/class/scsi.h"
#include "vsp/storage/core/scsi_device.h"

/* `cdb` stays in *request. */
void scsi_request_from(const struct vstor_request *request, struct scsi_request *out);

/* To RESPOND; `transferred` bytes of its data found room with the guest. */
void scsi_answer_response(const struct scsi_response *response, uint32_t transferred,
                          struct vstor_result *result);

/* To the other actions; `transferred` counts if they went well. */
void scsi_answer_medium(enum scsi_action_type type, enum scsi_medium_status status,
                        uint32_t transferred, struct vstor_result *result);

#endif
