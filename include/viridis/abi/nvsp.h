/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NVSP, the network class over VMBus (GUID VMBUS_TYPE_NET): a 40-byte message each way,
 * and RNDIS messages (rndis.h) in the memory that it speaks of.
 *
 *   request   INBAND, answered by a COMPLETION with a message of its own
 *   transmit  RNDIS_PACKET: INBAND or GPA_DIRECT; the RNDIS messages lie in a section of
 *             the send buffer, then in the pages of the packet
 *   receive   RNDIS_PACKET over XFER_PAGES: each range of the receive buffer holds one
 *             RNDIS message; the guest's COMPLETION gives the ranges back
 *
 * Numbers and layouts as in Linux's hyperv_net.h, FreeBSD's if_hnreg.h and OpenVMM's netvsp.
 */
#ifndef VIRIDIS_ABI_NVSP_H
#define VIRIDIS_ABI_NVSP_H

#include <stdint.h>
#include <viridis/base/assert.h>

enum nvsp_version {
	NVSP_VERSION_1 = 0x2,
	NVSP_VERSION_2 = 0x30002,
	NVSP_VERSION_4 = 0x40000,
	NVSP_VERSION_5 = 0x50000, /* sub-channels */
	NVSP_VERSION_6 = 0x60000,
	NVSP_VERSION_6_1 = 0x60001, /* RSC: frames in several sections */
};

enum nvsp_type {
	NVSP_INIT = 1,
	NVSP_INIT_COMPLETE = 2,
	NVSP_NDIS_VERSION = 100, /* never answered */
	NVSP_RECEIVE_BUFFER = 101,
	NVSP_RECEIVE_BUFFER_COMPLETE = 102,
	NVSP_REVOKE_RECEIVE_BUFFER = 103,
	NVSP_SEND_BUFFER = 104,
	NVSP_SEND_BUFFER_COMPLETE = 105,
	NVSP_REVOKE_SEND_BUFFER = 106,
	NVSP_RNDIS_PACKET = 107, /* both ways */
	NVSP_RNDIS_PACKET_COMPLETE = 108,
	NVSP_NDIS_CONFIG = 125, /* from version 2; never answered */
	NVSP_VF_ASSOCIATION = 128,
	NVSP_SWITCH_DATA_PATH = 129, /* its completion is empty */
	NVSP_SUBCHANNELS = 133,      /* from version 5; request and answer */
	NVSP_INDIRECTION_TABLE = 134,
};

enum nvsp_status {
	NVSP_STATUS_NONE = 0,
	NVSP_STATUS_SUCCESS = 1,
	NVSP_STATUS_FAILURE = 2,
	NVSP_STATUS_TOO_NEW = 3,
	NVSP_STATUS_TOO_OLD = 4,
	NVSP_STATUS_INVALID_RNDIS_PACKET = 5,
	NVSP_STATUS_BUSY = 6,
	NVSP_STATUS_UNSUPPORTED = 7,
};

struct nvsp_init {
	uint32_t version_min;
	uint32_t version_max;
};
ASSERT_SIZE(struct nvsp_init, 8);

struct nvsp_init_complete {
	uint32_t version;
	uint32_t mdl_chain_max;
	uint32_t status;
};
ASSERT_SIZE(struct nvsp_init_complete, 12);

struct nvsp_ndis_version {
	uint32_t major;
	uint32_t minor;
};
ASSERT_SIZE(struct nvsp_ndis_version, 8);

#define NVSP_CAPABILITY_VMQ     0x01u
#define NVSP_CAPABILITY_SRIOV   0x04u
#define NVSP_CAPABILITY_8021Q   0x08u
#define NVSP_CAPABILITY_TEAMING 0x20u
#define NVSP_CAPABILITY_RSC     0x80u /* from version 6.1 */

struct nvsp_ndis_config {
	uint32_t mtu; /* with the Ethernet header */
	uint32_t reserved;
	uint32_t capabilities; /* NVSP_CAPABILITY_* */
	uint32_t capabilities_high;
};
ASSERT_SIZE(struct nvsp_ndis_config, 16);

/* RECEIVE_BUFFER and SEND_BUFFER; the REVOKE messages are the id alone. */
struct nvsp_buffer {
	uint32_t gpadl;
	uint16_t id;
	uint16_t reserved;
};
ASSERT_SIZE(struct nvsp_buffer, 8);

struct nvsp_revoke {
	uint16_t id;
	uint16_t reserved;
};
ASSERT_SIZE(struct nvsp_revoke, 4);

#define NVSP_RECEIVE_BUFFER_ID 0xcafeu
#define NVSP_SEND_BUFFER_ID    0x0000u

/* How the server divides the receive buffer. All known clients take exactly one part. */
struct nvsp_receive_part {
	uint32_t offset;
	uint32_t section_bytes;
	uint32_t section_count;
	uint32_t end_offset;
};
ASSERT_SIZE(struct nvsp_receive_part, 16);

struct nvsp_receive_buffer_complete {
	uint32_t status;
	uint32_t part_count;
	struct nvsp_receive_part part;
};
ASSERT_SIZE(struct nvsp_receive_buffer_complete, 24);

struct nvsp_send_buffer_complete {
	uint32_t status;
	uint32_t section_bytes;
};
ASSERT_SIZE(struct nvsp_send_buffer_complete, 8);

enum nvsp_channel { NVSP_CHANNEL_DATA = 0, NVSP_CHANNEL_CONTROL = 1 };

#define NVSP_SECTION_NONE 0xffffffffu

struct nvsp_rndis_packet {
	uint32_t channel; /* enum nvsp_channel */
	uint32_t section; /* of the send buffer, or NVSP_SECTION_NONE */
	uint32_t section_bytes;
};
ASSERT_SIZE(struct nvsp_rndis_packet, 12);

struct nvsp_vf_association {
	uint32_t allocated;
	uint32_t serial;
};
ASSERT_SIZE(struct nvsp_vf_association, 8);

#define NVSP_SUBCHANNELS_ALLOCATE 1u

struct nvsp_subchannels {
	uint32_t operation_or_status; /* request: ALLOCATE; answer: enum nvsp_status */
	uint32_t count;
};
ASSERT_SIZE(struct nvsp_subchannels, 8);

/* On its way the table follows: a channel's index for each of so many hash values. */
#define NVSP_INDIRECTION_ENTRIES 16u

struct nvsp_indirection_table {
	uint32_t count;
	uint32_t offset; /* from the start of the message */
};
ASSERT_SIZE(struct nvsp_indirection_table, 8);

struct nvsp_message {
	uint32_t type;
	union {
		struct nvsp_init init;
		struct nvsp_init_complete init_complete;
		struct nvsp_ndis_version ndis_version;
		struct nvsp_ndis_config ndis_config;
		struct nvsp_buffer buffer;
		struct nvsp_revoke revoke;
		struct nvsp_receive_buffer_complete receive_buffer_complete;
		struct nvsp_send_buffer_complete send_buffer_complete;
		struct nvsp_rndis_packet rndis_packet;
		struct nvsp_vf_association vf_association;
		struct nvsp_subchannels subchannels;
		struct nvsp_indirection_table indirection_table;
		uint32_t status; /* RNDIS_PACKET_COMPLETE */
		uint32_t data_path;
		uint32_t words[9];
	} body;
};
ASSERT_SIZE(struct nvsp_message, 40);
ASSERT_OFFSET(struct nvsp_message, body, 4);

#endif
