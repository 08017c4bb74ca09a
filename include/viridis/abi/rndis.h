/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RNDIS messages as NVSP carries them: requests to the adapter and their answers, and
 * Ethernet frames with what offloads need to know. [MS-RNDIS] 2.2; what NVSP adds is as in
 * Linux's hyperv_net.h and FreeBSD's rndis.h.
 *
 *   type, length, body; offsets in a body count from the first byte behind the length
 *
 *   frame   struct rndis_packet, per-packet information, the frame
 */
#ifndef VIRIDIS_ABI_RNDIS_H
#define VIRIDIS_ABI_RNDIS_H

#include <stdint.h>
#include <viridis/base/assert.h>

#define RNDIS_VERSION_MAJOR 1u
#define RNDIS_VERSION_MINOR 0u

enum rndis_type {
	RNDIS_PACKET = 1,
	RNDIS_INITIALIZE = 2,
	RNDIS_HALT = 3, /* never answered */
	RNDIS_QUERY = 4,
	RNDIS_SET = 5,
	RNDIS_RESET = 6,
	RNDIS_INDICATE = 7, /* from the server, never answered */
	RNDIS_KEEPALIVE = 8,
};
#define RNDIS_ANSWER 0x80000000u /* or'ed to the type of the request */

enum rndis_status {
	RNDIS_STATUS_SUCCESS = 0x00000000,
	RNDIS_STATUS_MEDIA_CONNECT = 0x4001000b,
	RNDIS_STATUS_MEDIA_DISCONNECT = 0x4001000c,
	RNDIS_STATUS_LINK_SPEED_CHANGE = 0x40010013,
};
/* Too large for an enum's int. */
#define RNDIS_STATUS_FAILURE          0xc0000001u
#define RNDIS_STATUS_NOT_SUPPORTED    0xc00000bbu
#define RNDIS_STATUS_MULTICAST_FULL   0xc0010009u
#define RNDIS_STATUS_NOT_READY        0xc0010011u
#define RNDIS_STATUS_INVALID_LENGTH   0xc0010014u
#define RNDIS_STATUS_INVALID_DATA     0xc0010015u
#define RNDIS_STATUS_BUFFER_TOO_SHORT 0xc0010016u

/* Behind it all messages but PACKET and INDICATE have a request id; RESET has 0 there. */
struct rndis_header {
	uint32_t type;
	uint32_t bytes; /* of the whole message */
};
ASSERT_SIZE(struct rndis_header, 8);
#define RNDIS_OFFSET_BASE 8u /* offsets in bodies count from here */

struct rndis_initialize {
	struct rndis_header header;
	uint32_t request_id;
	uint32_t version_major;
	uint32_t version_minor;
	uint32_t transfer_bytes_max; /* that the client takes */
};
ASSERT_SIZE(struct rndis_initialize, 24);

#define RNDIS_DEVICE_CONNECTIONLESS 1u
#define RNDIS_MEDIUM_802_3          0u

struct rndis_initialize_answer {
	struct rndis_header header;
	uint32_t request_id;
	uint32_t status;
	uint32_t version_major;
	uint32_t version_minor;
	uint32_t device_flags;
	uint32_t medium;
	uint32_t packets_max; /* in one transfer */
	uint32_t transfer_bytes_max;
	uint32_t alignment_shift; /* of packets that share a transfer */
	uint32_t reserved[2];
};
ASSERT_SIZE(struct rndis_initialize_answer, 52);

/* HALT, KEEPALIVE; RESET with a request id of 0. */
struct rndis_plain {
	struct rndis_header header;
	uint32_t request_id;
};
ASSERT_SIZE(struct rndis_plain, 12);

/* QUERY and SET. */
struct rndis_request_oid {
	struct rndis_header header;
	uint32_t request_id;
	uint32_t oid;
	uint32_t information_bytes;
	uint32_t information_offset;
	uint32_t reserved;
};
ASSERT_SIZE(struct rndis_request_oid, 28);

struct rndis_query_answer {
	struct rndis_header header;
	uint32_t request_id;
	uint32_t status;
	uint32_t information_bytes;
	uint32_t information_offset;
};
ASSERT_SIZE(struct rndis_query_answer, 24);

/* Of SET and KEEPALIVE. */
struct rndis_status_answer {
	struct rndis_header header;
	uint32_t request_id;
	uint32_t status;
};
ASSERT_SIZE(struct rndis_status_answer, 16);

struct rndis_reset_answer {
	struct rndis_header header;
	uint32_t status;
	uint32_t filter_lost; /* 1: filter and multicast list are to be set again */
};
ASSERT_SIZE(struct rndis_reset_answer, 16);

struct rndis_indicate {
	struct rndis_header header;
	uint32_t status;
	uint32_t information_bytes;
	uint32_t information_offset;
};
ASSERT_SIZE(struct rndis_indicate, 20);

/* ---- Frames ---- */

struct rndis_packet {
	struct rndis_header header;
	uint32_t data_offset;
	uint32_t data_bytes;
	uint32_t oob_offset;
	uint32_t oob_bytes;
	uint32_t oob_count;
	uint32_t ppi_offset;
	uint32_t ppi_bytes;
	uint32_t reserved[2];
};
ASSERT_SIZE(struct rndis_packet, 44);

/* Per-packet information: this, then its value. */
struct rndis_ppi {
	uint32_t bytes; /* with the value */
	uint32_t type;  /* and RNDIS_PPI_INTERNAL */
	uint32_t value_offset;
};
ASSERT_SIZE(struct rndis_ppi, 12);

#define RNDIS_PPI_INTERNAL 0x80000000u

enum rndis_ppi_type {
	RNDIS_PPI_CHECKSUM = 0,
	RNDIS_PPI_LSO = 2,
	RNDIS_PPI_8021Q = 6,
	RNDIS_PPI_HASH = 8,
};
/* With RNDIS_PPI_INTERNAL: a piece of a longer frame. */
#define RNDIS_PPI_PIECE (RNDIS_PPI_INTERNAL | 1u)

/* CHECKSUM on its way out: what is to be computed; TCP's header is where SHIFT says. */
#define RNDIS_TX_IS_IPV4          0x00000001u
#define RNDIS_TX_IS_IPV6          0x00000002u
#define RNDIS_TX_TCP_CHECKSUM     0x00000004u
#define RNDIS_TX_UDP_CHECKSUM     0x00000008u
#define RNDIS_TX_IP_CHECKSUM      0x00000010u
#define RNDIS_TX_TCP_OFFSET_SHIFT 16u
#define RNDIS_TX_TCP_OFFSET_BITS  10u

/* CHECKSUM on its way in: what was found. */
#define RNDIS_RX_TCP_FAILED    0x00000001u
#define RNDIS_RX_UDP_FAILED    0x00000002u
#define RNDIS_RX_IP_FAILED     0x00000004u
#define RNDIS_RX_TCP_SUCCEEDED 0x00000008u
#define RNDIS_RX_UDP_SUCCEEDED 0x00000010u
#define RNDIS_RX_IP_SUCCEEDED  0x00000020u

/* LSO, version 2: MSS, offset of TCP's header, which IP. */
#define RNDIS_LSO_MSS_BITS         20u
#define RNDIS_LSO_TCP_OFFSET_SHIFT 20u
#define RNDIS_LSO_TCP_OFFSET_BITS  10u
#define RNDIS_LSO_VERSION_2        0x40000000u
#define RNDIS_LSO_IPV6             0x80000000u

/* 8021Q: priority in bits 0-2, CFI in bit 3, VLAN in bits 4-15. */
#define RNDIS_8021Q_PRIORITY_BITS 3u
#define RNDIS_8021Q_CFI           0x8u
#define RNDIS_8021Q_VLAN_SHIFT    4u
#define RNDIS_8021Q_VLAN_BITS     12u

/* PIECE: consecutive messages of one packet make up one frame. */
#define RNDIS_PIECE_VERSION 1u
#define RNDIS_PIECE_PART    0x1u
#define RNDIS_PIECE_FIRST   0x2u
#define RNDIS_PIECE_LAST    0x4u

struct rndis_piece {
	uint8_t version;
	uint8_t flags;
	uint16_t id;
};
ASSERT_SIZE(struct rndis_piece, 4);
#define RNDIS_PIECES_MAX 562u /* that Linux takes for one frame */

#endif
