/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Offloads between RNDIS and virtio-net: see net_offload.h. Headers as in RFC 791, 8200, 9293. */
#include "vsp/net/core/net_offload.h"
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>

#define ETHERNET_BYTES  14u
#define TAG_BYTES       4u
#define TAG_AT          12u
#define TYPE_8021Q      0x8100u
#define TYPE_IPV4       0x0800u
#define TYPE_IPV6       0x86ddu
#define IPV4_BYTES_MIN  20u
#define IPV6_BYTES      40u
#define TCP_BYTES_MIN   20u
#define PROTOCOL_TCP    6u
#define PROTOCOL_UDP    17u
#define TCP_CHECKSUM_AT 16u
#define UDP_CHECKSUM_AT 6u
#define TCP_FLAG_CWR    0x80u
#define IP_BYTES_MAX    65535u
/* Less would be a frame of the root's for every few bytes; the least that Linux takes from a peer. */
#define MSS_MIN 48u

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* Where the headers of a frame lie in its first bytes. */
struct layout {
	uint32_t type;      /* TYPE_IPV4, TYPE_IPV6 or another */
	uint32_t ip;        /* offsets from the start of the frame */
	uint32_t transport; /* behind IP's header and, of IPv4, its options */
	uint32_t protocol;  /* next header */
};

/* False: it is no IP, or not all of its header is there. */
static bool find_headers(struct layout *l, const uint8_t *head, uint32_t bytes)
{
	l->ip = ETHERNET_BYTES;
	if (bytes < ETHERNET_BYTES + TAG_BYTES)
		return false;
	l->type = get16(head + TAG_AT);
	if (l->type == TYPE_8021Q) {
		l->type = get16(head + TAG_AT + TAG_BYTES);
		l->ip += TAG_BYTES;
	}
	if (l->type == TYPE_IPV4) {
		if (bytes - l->ip < IPV4_BYTES_MIN)
			return false;
		l->transport = l->ip + (head[l->ip] & 0xf) * 4u;
		l->protocol = head[l->ip + 9];
		return l->transport >= l->ip + IPV4_BYTES_MIN && l->transport <= bytes;
	}
	if (l->type != TYPE_IPV6 || bytes - l->ip < IPV6_BYTES)
		return false;
	l->transport = l->ip + IPV6_BYTES;
	l->protocol = head[l->ip + 6];
	return true;
}

/* ---- Checksums ---- */

static uint32_t sum16(const uint8_t *at, uint32_t bytes)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i + 1 < bytes; i += 2)
		sum += get16(at + i);
	return sum;
}

static uint32_t fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

static void finish_ipv4(uint8_t *ip, uint32_t header_bytes)
{
	put16(ip + 10, 0);
	put16(ip + 10, ~fold(sum16(ip, header_bytes)) & 0xffff);
}

/* What TCP's checksum begins with: addresses, protocol, length. */
static uint32_t pseudo_header(const uint8_t *ip, uint32_t type, uint32_t bytes)
{
	uint32_t addresses = type == TYPE_IPV4 ? sum16(ip + 12, 8) : sum16(ip + 8, 32);

	return fold(addresses + PROTOCOL_TCP + bytes);
}

/* ---- Out ---- */

static bool leave_checksum_open(struct net_outgoing *out, const struct layout *l,
                                uint32_t offset)
{
	if (l->transport + offset + 2 > out->head_bytes)
		return false;
	out->header.flags = NET_HEADER_NEEDS_CHECKSUM;
	out->header.checksum_start = (uint16_t)l->transport;
	out->header.checksum_offset = (uint16_t)offset;
	return true;
}

/* The guest says where TCP's header is when there may be more between it and IP's. */
static bool move_transport(struct layout *l, uint32_t said, uint32_t head_bytes)
{
	if (said == 0)
		return true;
	if (said < l->transport || said > head_bytes)
		return false;
	l->transport = said;
	return true;
}

static bool prepare_checksums(struct net_outgoing *out, const struct rndis_frame *frame)
{
	uint32_t said = (uint32_t)bits_get(frame->checksum, RNDIS_TX_TCP_OFFSET_SHIFT,
	                                   RNDIS_TX_TCP_OFFSET_BITS);
	struct layout l;

	if (!find_headers(&l, out->head, out->head_bytes))
		return false;
	if ((frame->checksum & RNDIS_TX_IP_CHECKSUM) && l.type == TYPE_IPV4)
		finish_ipv4(out->head + l.ip, l.transport - l.ip);
	if (!(frame->checksum & (RNDIS_TX_TCP_CHECKSUM | RNDIS_TX_UDP_CHECKSUM)))
		return true;
	return move_transport(&l, said, out->head_bytes) &&
	       leave_checksum_open(out, &l,
	                           frame->checksum & RNDIS_TX_TCP_CHECKSUM ?
	                                   TCP_CHECKSUM_AT :
	                                   UDP_CHECKSUM_AT);
}

/* IP's length, which the guest left open, and what goes with it. */
static void set_ip_length(struct net_outgoing *out, const struct layout *l,
                          uint32_t ip_bytes)
{
	uint8_t *ip = out->head + l->ip;

	if (l->type == TYPE_IPV6) {
		put16(ip + 4, ip_bytes - IPV6_BYTES);
		return;
	}
	put16(ip + 2, ip_bytes);
	finish_ipv4(ip, (ip[0] & 0xfu) * 4);
}

static bool prepare_segments(struct net_outgoing *out, const struct rndis_frame *frame)
{
	uint32_t mss = (uint32_t)bits_get(frame->lso, 0, RNDIS_LSO_MSS_BITS);
	uint32_t said = (uint32_t)bits_get(frame->lso, RNDIS_LSO_TCP_OFFSET_SHIFT,
	                                   RNDIS_LSO_TCP_OFFSET_BITS);
	uint32_t ip_bytes, tcp_bytes;
	struct layout l;
	uint8_t *tcp;

	if (mss < MSS_MIN || mss > UINT16_MAX ||
	    !find_headers(&l, out->head, out->head_bytes) ||
	    !move_transport(&l, said, out->head_bytes) ||
	    out->head_bytes - l.transport < TCP_BYTES_MIN)
		return false;
	tcp = out->head + l.transport;
	tcp_bytes = (tcp[12] >> 4) * 4u;
	ip_bytes = frame->data_bytes - l.ip;
	if (tcp_bytes < TCP_BYTES_MIN || l.transport + tcp_bytes > out->head_bytes ||
	    ip_bytes > IP_BYTES_MAX)
		return false;
	set_ip_length(out, &l, ip_bytes);
	put16(tcp + TCP_CHECKSUM_AT,
	      pseudo_header(out->head + l.ip, l.type, frame->data_bytes - l.transport));
	if (frame->data_bytes - l.transport - tcp_bytes > mss) {
		out->header.gso_type = l.type == TYPE_IPV4 ? NET_GSO_TCP_IPV4 :
		                                             NET_GSO_TCP_IPV6;
		if (tcp[13] & TCP_FLAG_CWR)
			out->header.gso_type |= NET_GSO_ECN;
		out->header.gso_bytes = (uint16_t)mss;
		out->header.header_bytes = (uint16_t)(l.transport + tcp_bytes);
	}
	return leave_checksum_open(out, &l, TCP_CHECKSUM_AT);
}

/* RNDIS's order of bits to the tag's: priority, CFI, VLAN. */
static uint32_t tag_of(uint32_t vlan)
{
	uint32_t priority = vlan & ((1u << RNDIS_8021Q_PRIORITY_BITS) - 1);
	uint32_t cfi = vlan & RNDIS_8021Q_CFI ? 1u << 12 : 0;

	return priority << 13 | cfi |
	       (uint32_t)bits_get(vlan, RNDIS_8021Q_VLAN_SHIFT, RNDIS_8021Q_VLAN_BITS);
}

static bool insert_tag(struct net_outgoing *out, uint32_t vlan)
{
	if (out->head_bytes < ETHERNET_BYTES ||
	    out->head_bytes > NET_HEAD_BYTES - TAG_BYTES)
		return false;
	memmove(out->head + TAG_AT + TAG_BYTES, out->head + TAG_AT,
	        out->head_bytes - TAG_AT);
	put16(out->head + TAG_AT, TYPE_8021Q);
	put16(out->head + TAG_AT + 2, tag_of(vlan));
	out->head_bytes += TAG_BYTES;
	if (out->header.flags & NET_HEADER_NEEDS_CHECKSUM)
		out->header.checksum_start += TAG_BYTES;
	if (out->header.gso_type != NET_GSO_NONE)
		out->header.header_bytes += TAG_BYTES;
	return true;
}

bool net_outgoing_prepare(struct net_outgoing *out, const struct rndis_frame *frame)
{
	memset(&out->header, 0, sizeof(out->header));
	out->head_bytes = out->head_taken;
	if (frame->has & RNDIS_HAS_LSO) {
		if (!prepare_segments(out, frame))
			return false;
	} else if (frame->has & RNDIS_HAS_CHECKSUM) {
		if (!prepare_checksums(out, frame))
			return false;
	}
	return !(frame->has & RNDIS_HAS_8021Q) || insert_tag(out, frame->vlan);
}

/* ---- In ---- */

void net_incoming_describe(struct rndis_frame *frame, const struct net_header *header,
                           const uint8_t *start, uint32_t start_bytes)
{
	struct layout l;
	uint32_t found = 0;

	if (!(header->flags & (NET_HEADER_NEEDS_CHECKSUM | NET_HEADER_CHECKSUM_VALID)) ||
	    !find_headers(&l, start, start_bytes))
		return;
	if (l.protocol == PROTOCOL_TCP)
		found = RNDIS_RX_TCP_SUCCEEDED;
	else if (l.protocol == PROTOCOL_UDP)
		found = RNDIS_RX_UDP_SUCCEEDED;
	if (found == 0)
		return;
	if (l.type == TYPE_IPV4)
		found |= RNDIS_RX_IP_SUCCEEDED;
	frame->has |= RNDIS_HAS_CHECKSUM;
	frame->checksum = found;
}
