/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SCSI over VMBus (GUID VMBUS_TYPE_SCSI): a 64-byte "vstor packet" each way.
 *
 *   request   INBAND, or GPA_DIRECT when data goes along; completion wanted
 *   answer    COMPLETION, same transaction id, operation COMPLETE_IO and an NTSTATUS
 *   unasked   INBAND with transaction id 0: ENUMERATE_BUS, REMOVE_DEVICE
 */
#ifndef VIRIDIS_ABI_STORVSC_H
#define VIRIDIS_ABI_STORVSC_H

#include <stdint.h>
#include <viridis/base/assert.h>

enum storvsc_operation {
	STORVSC_COMPLETE_IO = 1,
	STORVSC_REMOVE_DEVICE = 2,
	STORVSC_EXECUTE_SRB = 3,
	STORVSC_RESET_LUN = 4,
	STORVSC_RESET_ADAPTER = 5,
	STORVSC_RESET_BUS = 6,
	STORVSC_BEGIN_INITIALIZATION = 7,
	STORVSC_END_INITIALIZATION = 8,
	STORVSC_QUERY_PROTOCOL_VERSION = 9,
	STORVSC_QUERY_PROPERTIES = 10,
	STORVSC_ENUMERATE_BUS = 11,
	STORVSC_FCHBA_DATA = 12,
	STORVSC_CREATE_SUB_CHANNELS = 13,
	STORVSC_EVENT_NOTIFICATION = 14,
};

#define STORVSC_VERSION(major, minor) ((uint16_t)((major) << 8 | (minor)))
#define STORVSC_VERSION_5_1           STORVSC_VERSION(5, 1)
#define STORVSC_VERSION_6_0           STORVSC_VERSION(6, 0)
#define STORVSC_VERSION_6_2           STORVSC_VERSION(6, 2)

#define STORVSC_FLAG_WANTS_COMPLETION 0x1u

/* NTSTATUS values that answers carry. */
#define NTSTATUS_SUCCESS              0x00000000u
#define NTSTATUS_REVISION_MISMATCH    0xc0000059u
#define NTSTATUS_INVALID_PARAMETER    0xc000000du
#define NTSTATUS_INVALID_DEVICE_STATE 0xc0000184u
#define NTSTATUS_NOT_SUPPORTED        0xc00000bbu

#define STORVSC_CDB_BYTES      16u
#define STORVSC_SENSE_BYTES    20u
#define STORVSC_CDB_AREA_BYTES 20u
#define STORVSC_LUN_COUNT      255u

enum storvsc_data_direction {
	STORVSC_DATA_OUT = 0, /* guest memory to device */
	STORVSC_DATA_IN = 1,
	STORVSC_DATA_NONE = 2,
};

enum storvsc_srb_status {
	STORVSC_SRB_SUCCESS = 0x01,
	STORVSC_SRB_ABORTED = 0x02,
	STORVSC_SRB_ERROR = 0x04,
	STORVSC_SRB_INVALID_REQUEST = 0x06,
	STORVSC_SRB_TIMEOUT = 0x09,
	STORVSC_SRB_SELECTION_TIMEOUT = 0x0a,
	STORVSC_SRB_BUS_RESET = 0x0e,
	STORVSC_SRB_DATA_OVERRUN = 0x12,
	STORVSC_SRB_INVALID_LUN = 0x20,
	STORVSC_SRB_INTERNAL_ERROR = 0x30,
};
#define STORVSC_SRB_AUTOSENSE_VALID 0x80u /* or-ed in: `area` holds sense data */

#define STORVSC_SRB_FLAG_QUEUE_ACTION     0x00000002u
#define STORVSC_SRB_FLAG_NO_SYNC_TRANSFER 0x00000008u
#define STORVSC_SRB_FLAG_DATA_IN          0x00000040u
#define STORVSC_SRB_FLAG_DATA_OUT         0x00000080u
#define STORVSC_SRB_FLAG_NO_QUEUE_FREEZE  0x00000100u
#define STORVSC_QUEUE_ACTION_SIMPLE       0x20u
#define STORVSC_PROPERTY_MULTI_CHANNEL    0x1u

struct storvsc_srb {
	uint16_t length; /* 52 */
	uint8_t srb_status;
	uint8_t scsi_status;
	uint8_t port;
	uint8_t path;
	uint8_t target;
	uint8_t lun;
	uint8_t cdb_length;
	uint8_t sense_length;
	uint8_t data_in; /* enum storvsc_data_direction */
	uint8_t reserved1;
	uint32_t data_transfer_length;
	uint8_t area[STORVSC_CDB_AREA_BYTES]; /* the CDB; in an answer the sense data */
	uint16_t reserved2;
	uint8_t queue_tag;
	uint8_t queue_action;
	uint32_t srb_flags;
	uint32_t timeout_seconds;
	uint32_t queue_sort_key;
};
ASSERT_SIZE(struct storvsc_srb, 52);
ASSERT_OFFSET(struct storvsc_srb, cdb_length, 8);
ASSERT_OFFSET(struct storvsc_srb, data_transfer_length, 12);
ASSERT_OFFSET(struct storvsc_srb, area, 16);
ASSERT_OFFSET(struct storvsc_srb, queue_action, 39);
ASSERT_OFFSET(struct storvsc_srb, srb_flags, 40);

struct storvsc_protocol_version {
	uint16_t version; /* STORVSC_VERSION() */
	uint16_t revision;
};
ASSERT_SIZE(struct storvsc_protocol_version, 4);

struct storvsc_properties {
	uint32_t reserved1;
	uint16_t sub_channels_max;
	uint16_t reserved2;
	uint32_t flags;
	uint32_t max_transfer_bytes;
	uint32_t reserved3[2];
};
ASSERT_SIZE(struct storvsc_properties, 24);
ASSERT_OFFSET(struct storvsc_properties, flags, 8);

struct storvsc_packet {
	uint32_t operation;
	uint32_t flags;
	uint32_t status; /* NTSTATUS */
	union {
		struct storvsc_srb srb;
		struct storvsc_protocol_version version;
		struct storvsc_properties properties;
		uint16_t sub_channel_count;
		uint8_t bytes[52];
	} body;
};
ASSERT_SIZE(struct storvsc_packet, 64);
ASSERT_OFFSET(struct storvsc_packet, body, 12);

#endif
