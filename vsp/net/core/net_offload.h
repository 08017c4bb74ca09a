/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Offloads between a guest and a backend: what RNDIS says of a frame, in terms of the
 * virtio-net header that Linux's TAP devices speak, and back. Nothing is computed that the
 * far end can compute: a checksum left open stays open. PURE.
 */
#ifndef VIRIDIS_VSP_NET_CORE_NET_OFFLOAD_H
#define VIRIDIS_VSP_NET_CORE_NET_OFFLOAD_H

#include <stdbool.h>
#include <stdint.h>
#include "vmbus/class/rndis.h"

/* Virtio 1.2, 5.1.6: in front of each frame of a backend; the part that all versions have. */
struct net_header {
	uint8_t flags;
	uint8_t gso_type;
	uint16_t header_bytes;
	uint16_t gso_bytes; /* of a segment's payload */
	uint16_t checksum_start;
	uint16_t checksum_offset;
};
ASSERT_SIZE(struct net_header, 10);

#define NET_HEADER_NEEDS_CHECKSUM 0x01u
#define NET_HEADER_CHECKSUM_VALID 0x02u

#define NET_GSO_NONE     0x00u
#define NET_GSO_TCP_IPV4 0x01u
#define NET_GSO_TCP_IPV6 0x04u
#define NET_GSO_ECN      0x80u

/* Ethernet with a tag, IP and TCP with all their options; room for one tag more. */
#define NET_HEAD_BYTES 160u

/* How a guest's frame goes out: the header, the head, then the frame behind head_taken. */
struct net_outgoing {
	struct net_header header;
	uint32_t head_bytes;
	uint32_t head_taken; /* bytes of the guest's frame that the head replaces */
	uint8_t head[NET_HEAD_BYTES];
};

/* Must the first bytes of the frame be looked at? Else it goes as it is, with zeros before. */
static inline bool net_outgoing_needed(const struct rndis_frame *frame)
{
	return frame->has & (RNDIS_HAS_CHECKSUM | RNDIS_HAS_LSO | RNDIS_HAS_8021Q);
}

/*
 * out->head has the first min(frame->data_bytes, NET_HEAD_BYTES - 4) bytes of the frame,
 * out->head_taken is their number. False: what the guest says of the frame is not true.
 */
bool net_outgoing_prepare(struct net_outgoing *out, const struct rndis_frame *frame);

/* What a guest that trusts us with checksums is told of a frame that came in. */
void net_incoming_describe(struct rndis_frame *frame, const struct net_header *header,
                           const uint8_t *start, uint32_t start_bytes);

#endif
