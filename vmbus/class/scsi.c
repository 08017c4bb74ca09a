/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The SCSI device class: see scsi.h. The layouts are in abi/storvsc.h. */
#include "vmbus/class/scsi.h"
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>

#define REQUEST_TIMEOUT_SECONDS 60u

bool vstor_packet_read(struct storvsc_packet *packet, const void *payload,
                       uint32_t payload_bytes)
{
	if (payload_bytes < sizeof(*packet))
		return false;
	memcpy(packet, payload, sizeof(*packet));
	return true;
}

/* ---- Server ---- */

void vstor_server_init(struct vstor_server *server, uint16_t sub_channels_max,
                       uint32_t max_transfer_bytes)
{
	*server = (struct vstor_server){
		.sub_channels_max = sub_channels_max,
		.max_transfer_bytes = max_transfer_bytes,
		.state = VSTOR_IDLE,
	};
}

/* The request goes back as it came, but for operation and status. */
static enum vstor_action answer_with(const struct storvsc_packet *packet, uint32_t status,
                                     struct storvsc_packet *answer)
{
	*answer = *packet;
	answer->operation = STORVSC_COMPLETE_IO;
	answer->flags = 0;
	answer->status = status;
	return VSTOR_ANSWER;
}

static enum vstor_action query_version(struct vstor_server *server,
                                       const struct storvsc_packet *packet,
                                       struct storvsc_packet *answer)
{
	static const uint16_t versions[] = {
		STORVSC_VERSION_6_2,
		STORVSC_VERSION_6_0,
		STORVSC_VERSION_5_1,
	};

	if (server->state != VSTOR_BEGUN)
		return answer_with(packet, NTSTATUS_INVALID_DEVICE_STATE, answer);
	for (unsigned int i = 0; i < ARRAY_COUNT(versions); i++) {
		if (packet->body.version.version != versions[i])
			continue;
		server->version = versions[i];
		server->state = VSTOR_VERSIONED;
		return answer_with(packet, NTSTATUS_SUCCESS, answer);
	}
	return answer_with(packet, NTSTATUS_REVISION_MISMATCH, answer);
}

static enum vstor_action query_properties(const struct vstor_server *server,
                                          const struct storvsc_packet *packet,
                                          struct storvsc_packet *answer)
{
	if (server->state < VSTOR_VERSIONED)
		return answer_with(packet, NTSTATUS_INVALID_DEVICE_STATE, answer);
	(void)answer_with(packet, NTSTATUS_SUCCESS, answer); /* always an ANSWER */
	memset(&answer->body, 0, sizeof(answer->body));
	answer->body.properties.max_transfer_bytes = server->max_transfer_bytes;
	if (server->sub_channels_max != 0) {
		answer->body.properties.sub_channels_max = server->sub_channels_max;
		answer->body.properties.flags = STORVSC_PROPERTY_MULTI_CHANNEL;
	}
	return VSTOR_ANSWER;
}

static enum vstor_action end_initialization(struct vstor_server *server,
                                            const struct storvsc_packet *packet,
                                            struct storvsc_packet *answer)
{
	if (server->state != VSTOR_VERSIONED)
		return answer_with(packet, NTSTATUS_INVALID_DEVICE_STATE, answer);
	server->state = VSTOR_READY;
	return answer_with(packet, NTSTATUS_SUCCESS, answer);
}

static enum vstor_action create_sub_channels(const struct vstor_server *server,
                                             const struct storvsc_packet *packet,
                                             struct vstor_request *request,
                                             struct storvsc_packet *answer)
{
	uint16_t count = packet->body.sub_channel_count;

	if (server->state != VSTOR_READY)
		return answer_with(packet, NTSTATUS_INVALID_DEVICE_STATE, answer);
	if (count == 0 || count > server->sub_channels_max)
		return answer_with(packet, NTSTATUS_INVALID_PARAMETER, answer);
	request->sub_channels = count;
	(void)answer_with(packet, NTSTATUS_SUCCESS, answer); /* always an ANSWER */
	return VSTOR_SUB_CHANNELS;
}

static enum vstor_action reset(const struct storvsc_packet *packet,
                               struct vstor_request *request,
                               struct storvsc_packet *answer)
{
	request->path = packet->body.srb.path;
	request->target = packet->body.srb.target;
	request->lun = packet->body.srb.lun;
	(void)answer_with(packet, NTSTATUS_SUCCESS, answer); /* always an ANSWER */
	return VSTOR_RESET;
}

/* Bounds only; whether target and LUN exist is the device's to say. */
static bool decode_srb(const struct vstor_server *server, const struct storvsc_srb *srb,
                       uint64_t buffer_bytes, struct vstor_request *request)
{
	if (srb->cdb_length == 0 || srb->cdb_length > STORVSC_CDB_BYTES ||
	    srb->data_in > STORVSC_DATA_NONE)
		return false;
	request->path = srb->path;
	request->target = srb->target;
	request->lun = srb->lun;
	request->cdb_length = srb->cdb_length;
	memcpy(request->cdb, srb->area, srb->cdb_length);
	request->direction = srb->data_in;
	request->timeout_seconds = srb->timeout_seconds;
	if (request->direction == STORVSC_DATA_NONE)
		return true;
	request->transfer_bytes = srb->data_transfer_length;
	return request->transfer_bytes <= buffer_bytes &&
	       request->transfer_bytes <= server->max_transfer_bytes;
}

static enum vstor_action execute(const struct vstor_server *server,
                                 const struct storvsc_packet *packet,
                                 uint64_t buffer_bytes, struct vstor_request *request,
                                 struct storvsc_packet *answer)
{
	const struct vstor_result invalid = { .srb_status = STORVSC_SRB_INVALID_REQUEST };

	if (server->state != VSTOR_READY)
		return answer_with(packet, NTSTATUS_INVALID_DEVICE_STATE, answer);
	if (decode_srb(server, &packet->body.srb, buffer_bytes, request))
		return VSTOR_EXECUTE;
	vstor_complete(packet, &invalid, answer);
	return VSTOR_ANSWER;
}

enum vstor_action vstor_server_receive(struct vstor_server *server,
                                       const struct storvsc_packet *packet,
                                       uint64_t buffer_bytes,
                                       struct vstor_request *request,
                                       struct storvsc_packet *answer)
{
	memset(request, 0, sizeof(*request));
	switch (packet->operation) {
	case STORVSC_EXECUTE_SRB:
		return execute(server, packet, buffer_bytes, request, answer);
	case STORVSC_BEGIN_INITIALIZATION:
		server->state = VSTOR_BEGUN;
		return answer_with(packet, NTSTATUS_SUCCESS, answer);
	case STORVSC_QUERY_PROTOCOL_VERSION:
		return query_version(server, packet, answer);
	case STORVSC_QUERY_PROPERTIES:
		return query_properties(server, packet, answer);
	case STORVSC_END_INITIALIZATION:
		return end_initialization(server, packet, answer);
	case STORVSC_CREATE_SUB_CHANNELS:
		return create_sub_channels(server, packet, request, answer);
	case STORVSC_RESET_LUN:
	case STORVSC_RESET_ADAPTER:
	case STORVSC_RESET_BUS:
		return reset(packet, request, answer);
	default:
		return answer_with(packet, NTSTATUS_NOT_SUPPORTED, answer);
	}
}

void vstor_complete(const struct storvsc_packet *packet,
                    const struct vstor_result *result, struct storvsc_packet *answer)
{
	struct storvsc_srb *srb = &answer->body.srb;
	uint8_t sense = result->sense_length < STORVSC_SENSE_BYTES ?
	                        result->sense_length :
	                        STORVSC_SENSE_BYTES;

	(void)answer_with(packet, NTSTATUS_SUCCESS, answer); /* always an ANSWER */
	srb->srb_status = result->srb_status;
	srb->scsi_status = result->scsi_status;
	srb->data_transfer_length = result->transferred_bytes;
	srb->sense_length = sense;
	memset(srb->area, 0, sizeof(srb->area));
	if (sense == 0)
		return;
	srb->srb_status |= STORVSC_SRB_AUTOSENSE_VALID;
	memcpy(srb->area, result->sense, sense);
}

void vstor_notify(enum storvsc_operation operation, struct storvsc_packet *packet)
{
	memset(packet, 0, sizeof(*packet));
	packet->operation = operation;
}

/* ---- Client ---- */

void vstor_command(enum storvsc_operation operation, struct storvsc_packet *packet)
{
	memset(packet, 0, sizeof(*packet));
	packet->operation = operation;
	packet->flags = STORVSC_FLAG_WANTS_COMPLETION;
}

void vstor_query_version(uint16_t version, struct storvsc_packet *packet)
{
	vstor_command(STORVSC_QUERY_PROTOCOL_VERSION, packet);
	packet->body.version.version = version;
}

void vstor_create_sub_channels(uint16_t count, struct storvsc_packet *packet)
{
	vstor_command(STORVSC_CREATE_SUB_CHANNELS, packet);
	packet->body.sub_channel_count = count;
}

void vstor_execute(const struct vstor_request *request, struct storvsc_packet *packet)
{
	static const uint32_t direction_flags[] = {
		[STORVSC_DATA_OUT] = STORVSC_SRB_FLAG_DATA_OUT,
		[STORVSC_DATA_IN] = STORVSC_SRB_FLAG_DATA_IN,
		[STORVSC_DATA_NONE] = 0,
	};

	vstor_command(STORVSC_EXECUTE_SRB, packet);
	packet->body.srb = (struct storvsc_srb){
		.length = sizeof(struct storvsc_srb),
		.path = request->path,
		.target = request->target,
		.lun = request->lun,
		.cdb_length = request->cdb_length,
		.sense_length = STORVSC_SENSE_BYTES,
		.data_in = (uint8_t)request->direction,
		.data_transfer_length = request->transfer_bytes,
		.queue_action = STORVSC_QUEUE_ACTION_SIMPLE,
		.srb_flags = STORVSC_SRB_FLAG_NO_SYNC_TRANSFER |
		             STORVSC_SRB_FLAG_QUEUE_ACTION |
		             direction_flags[request->direction],
		.timeout_seconds = request->timeout_seconds ? request->timeout_seconds :
		                                              REQUEST_TIMEOUT_SECONDS,
	};
	memcpy(packet->body.srb.area, request->cdb, sizeof(request->cdb));
}

bool vstor_succeeded(const struct storvsc_packet *answer)
{
	return answer->operation == STORVSC_COMPLETE_IO &&
	       answer->status == NTSTATUS_SUCCESS;
}

bool vstor_result_read(const struct storvsc_packet *answer, struct vstor_result *result)
{
	const struct storvsc_srb *srb = &answer->body.srb;
	bool sense_valid = srb->srb_status & STORVSC_SRB_AUTOSENSE_VALID;

	memset(result, 0, sizeof(*result));
	if (!vstor_succeeded(answer) ||
	    (sense_valid && srb->sense_length > STORVSC_SENSE_BYTES))
		return false;
	result->srb_status = srb->srb_status & (uint8_t)~STORVSC_SRB_AUTOSENSE_VALID;
	result->scsi_status = srb->scsi_status;
	result->transferred_bytes = srb->data_transfer_length;
	if (sense_valid) {
		result->sense_length = srb->sense_length;
		memcpy(result->sense, srb->area, srb->sense_length);
	}
	return true;
}
