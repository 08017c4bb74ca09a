/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The SCSI device class: 64-byte vstor packets decoded and encoded for both ends, and the
 * server's side of the initialisation.
 *
 *   IDLE --BEGIN--> BEGUN --QUERY_PROTOCOL_VERSION--> VERSIONED --END--> READY
 *
 * BEGIN starts over from every state; requests before READY are refused. Commands
 * (CDBs) are carried, not understood.
 */
#ifndef VIRIDIS_VMBUS_CLASS_SCSI_H
#define VIRIDIS_VMBUS_CLASS_SCSI_H

#include <stdbool.h>
#include <stdint.h>
#include <viridis/abi/storvsc.h>

/* One SCSI request; every length and index in it is within its bounds. */
struct vstor_request {
	uint8_t path;
	uint8_t target;
	uint8_t lun;
	uint8_t cdb_length; /* 1..STORVSC_CDB_BYTES */
	uint8_t cdb[STORVSC_CDB_BYTES];
	enum storvsc_data_direction direction;
	uint32_t transfer_bytes; /* 0 for STORVSC_DATA_NONE */
	uint32_t timeout_seconds;
	uint16_t sub_channels; /* VSTOR_SUB_CHANNELS only */
};

struct vstor_result {
	uint8_t srb_status; /* enum storvsc_srb_status, without AUTOSENSE_VALID */
	uint8_t scsi_status;
	uint8_t sense_length; /* 0: no sense data; cut to STORVSC_SENSE_BYTES */
	uint32_t transferred_bytes;
	uint8_t sense[STORVSC_SENSE_BYTES];
};

/* Both ends: a packet into private memory. False when it is too short. */
MUST_CHECK bool vstor_packet_read(struct storvsc_packet *packet, const void *payload,
                                  uint32_t payload_bytes);

/* ---- Server ---- */

enum vstor_server_state {
	VSTOR_IDLE,
	VSTOR_BEGUN,
	VSTOR_VERSIONED,
	VSTOR_READY,
};

/* One per controller; its sub-channels share it. */
struct vstor_server {
	uint16_t sub_channels_max;   /* constant */
	uint32_t max_transfer_bytes; /* constant */
	enum vstor_server_state state;
	uint16_t version;
};

enum vstor_action {
	VSTOR_ANSWER,  /* send *answer as it is */
	VSTOR_EXECUTE, /* execute *request; answer by vstor_complete() */
	VSTOR_RESET,   /* abort what is in flight on request->path, then send *answer */
	VSTOR_SUB_CHANNELS, /* send *answer, then offer request->sub_channels more */
};

void vstor_server_init(struct vstor_server *server, uint16_t sub_channels_max,
                       uint32_t max_transfer_bytes);

/*
 * What to do about a packet that came with `buffer_bytes` of guest memory. *answer is
 * filled for every action but EXECUTE, *request
 * for the other three.
 */
enum vstor_action vstor_server_receive(struct vstor_server *server,
                                       const struct storvsc_packet *packet,
                                       uint64_t buffer_bytes,
                                       struct vstor_request *request,
                                       struct storvsc_packet *answer);

/* The answer to EXECUTE_SRB packet. */
void vstor_complete(const struct storvsc_packet *packet,
                    const struct vstor_result *result, struct storvsc_packet *answer);

/* Unasked, with transaction id 0: ENUMERATE_BUS or REMOVE_DEVICE. */
void vstor_notify(enum storvsc_operation operation, struct storvsc_packet *packet);

/* ---- Client ---- */

/* A request without arguments: BEGIN, QUERY_PROPERTIES, END, the resets. */
void vstor_command(enum storvsc_operation operation, struct storvsc_packet *packet);
void vstor_query_version(uint16_t version, struct storvsc_packet *packet);
void vstor_create_sub_channels(uint16_t count, struct storvsc_packet *packet);
void vstor_execute(const struct vstor_request *request, struct storvsc_packet *packet);

/* Is it an answer, and did the server do what was asked? */
MUST_CHECK bool vstor_succeeded(const struct storvsc_packet *answer);
/* The outcome of EXECUTE_SRB; false when the packet is no such answer. */
MUST_CHECK bool vstor_result_read(const struct storvsc_packet *answer,
                                  struct vstor_result *result);

#endif
