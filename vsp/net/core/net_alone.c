/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Segments that a user-mode network has to find alone: see net_alone.h. Headers as in RFC 791, 8200 and 9293. */
#include "vsp/net/core/net_alone.h"
#include <viridis/base/mem.h>

#define ETHERNET_BYTES 14u
#define TYPE_AT        12u
#define TYPE_IPV4      0x0800u
#define TYPE_IPV6      0x86ddu
#define PROTOCOL_TCP   6u

#define IPV4_BYTES       20u
#define IPV4_LENGTH_AT   2u
#define IPV4_FRAGMENT_AT 6u /* flags and offset */
#define IPV4_OFFSET      0x1fffu
#define IPV4_PROTOCOL_AT 9u
#define IPV4_PAIR_AT     12u
#define IPV4_PAIR_BYTES  8u

#define IPV6_BYTES       40u
#define IPV6_LENGTH_AT   4u /* of what follows */
#define IPV6_PROTOCOL_AT 6u
#define IPV6_PAIR_AT     8u
#define IPV6_PAIR_BYTES  32u

#define PORTS_BYTES    4u
#define TCP_OFFSET_AT  12u
#define TCP_FLAGS_AT   13u
#define TCP_HEAD_BYTES 14u /* up to the flags */
#define FIN            0x01u
#define SYN            0x02u
#define RST            0x04u

/* ---- Of a frame ---- */

static uint32_t get_be16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

/* IP's bytes before TCP; 0: it is not TCP, or not its start. Other headers of IPv6 before it no stock guest sends. */
static uint32_t ip_bytes(const uint8_t *ip, uint32_t bytes, uint32_t type)
{
	uint32_t head;

	if (type == TYPE_IPV6)
		return bytes >= IPV6_BYTES && ip[IPV6_PROTOCOL_AT] == PROTOCOL_TCP ?
		               IPV6_BYTES :
		               0;
	if (type != TYPE_IPV4 || bytes < IPV4_BYTES ||
	    ip[IPV4_PROTOCOL_AT] != PROTOCOL_TCP ||
	    (get_be16(ip + IPV4_FRAGMENT_AT) & IPV4_OFFSET) != 0)
		return 0;
	head = (ip[0] & 0xfu) * 4;
	return head >= IPV4_BYTES ? head : 0;
}

/* Where IP says that it ends. */
static uint32_t ip_end(const uint8_t *ip, uint32_t type)
{
	return type == TYPE_IPV4 ? get_be16(ip + IPV4_LENGTH_AT) :
	                           IPV6_BYTES + get_be16(ip + IPV6_LENGTH_AT);
}

bool net_segment_read(struct net_segment *segment, const uint8_t *start, uint32_t bytes)
{
	uint32_t type, head, pair_at, pair_bytes;
	const uint8_t *ip = start + ETHERNET_BYTES;

	if (bytes < ETHERNET_BYTES)
		return false;
	type = get_be16(start + TYPE_AT);
	bytes -= ETHERNET_BYTES;
	head = ip_bytes(ip, bytes, type);
	if (head == 0 || bytes < head || bytes - head < TCP_HEAD_BYTES)
		return false;
	pair_at = type == TYPE_IPV4 ? IPV4_PAIR_AT : IPV6_PAIR_AT;
	pair_bytes = type == TYPE_IPV4 ? IPV4_PAIR_BYTES : IPV6_PAIR_BYTES;
	memset(segment->flow, 0, sizeof(segment->flow));
	segment->flow[0] = (uint8_t)pair_bytes;
	memcpy(segment->flow + 1, ip + head, PORTS_BYTES);
	memcpy(segment->flow + 1 + PORTS_BYTES, ip + pair_at, pair_bytes);
	segment->flags = ip[head + TCP_FLAGS_AT];
	segment->has_data = ip_end(ip, type) >
	                    head + (ip[head + TCP_OFFSET_AT] >> 4) * 4u;
	return true;
}

/* ---- Connections ---- */

/* FNV-1a. A guest that looks for collisions has its own connections forgotten. */
static uint32_t set_of(const struct net_segment *segment)
{
	uint32_t hash = 2166136261u;

	for (uint32_t i = 0; i < sizeof(segment->flow); i++)
		hash = (hash ^ segment->flow[i]) * 16777619u;
	return (hash ^ hash >> 16) % NET_ALONE_SETS;
}

static uint32_t find(const struct net_alone *alone, uint32_t set,
                     const struct net_segment *segment)
{
	uint32_t way = 0;

	for (; way < NET_ALONE_WAYS; way++) {
		const struct net_alone_flow *known = &alone->flows[set][way];

		if (known->state != NET_ALONE_NOT &&
		    memcmp(known->flow, segment->flow, sizeof(known->flow)) == 0)
			break;
	}
	return way;
}

bool net_alone_knows(const struct net_alone *alone, const struct net_segment *segment)
{
	return find(alone, set_of(segment), segment) != NET_ALONE_WAYS;
}

enum net_alone_answer net_alone_ask(const struct net_alone *alone,
                                    const struct net_segment *segment, uint64_t now_ms)
{
	uint32_t set = set_of(segment);
	uint32_t way = find(alone, set, segment);
	const struct net_alone_flow *known;

	if (way == NET_ALONE_WAYS)
		return NET_ALONE_GO;
	known = &alone->flows[set][way];
	if (known->state == NET_ALONE_OPENS)
		return segment->flags & SYN ? NET_ALONE_GO_IF_READ : NET_ALONE_GO;
	if (segment->has_data && !(segment->flags & (SYN | RST)))
		return NET_ALONE_GO;
	return now_ms - known->went_ms < NET_ALONE_GAP_MS ? NET_ALONE_LOSE :
	                                                    NET_ALONE_GO_IF_READ;
}

/* Anything but a SYN says that the other side's answer to it was seen. */
static enum net_alone_state state_after(enum net_alone_state state, uint8_t flags)
{
	if (flags & RST)
		return NET_ALONE_NOT;
	if (flags & SYN)
		return NET_ALONE_OPENS;
	if (flags & FIN)
		return NET_ALONE_ENDS;
	return state == NET_ALONE_ENDS ? NET_ALONE_ENDS : NET_ALONE_NOT;
}

static uint32_t choose(struct net_alone *alone, uint32_t set)
{
	for (uint32_t way = 0; way < NET_ALONE_WAYS; way++)
		if (alone->flows[set][way].state == NET_ALONE_NOT)
			return way;
	alone->oldest[set] = (uint8_t)((alone->oldest[set] + 1) % NET_ALONE_WAYS);
	return alone->oldest[set];
}

void net_alone_sent(struct net_alone *alone, const struct net_segment *segment,
                    uint64_t now_ms)
{
	uint32_t set = set_of(segment);
	uint32_t way = find(alone, set, segment);
	enum net_alone_state before =
		way == NET_ALONE_WAYS ? NET_ALONE_NOT : alone->flows[set][way].state;
	enum net_alone_state after = state_after(before, segment->flags);
	struct net_alone_flow *known;

	if (before == NET_ALONE_NOT && after == NET_ALONE_NOT)
		return;
	if (way == NET_ALONE_WAYS)
		way = choose(alone, set);
	known = &alone->flows[set][way];
	memcpy(known->flow, segment->flow, sizeof(segment->flow));
	/* passt takes what comes with the FIN, or before it, together with it. */
	known->went_ms = before == NET_ALONE_ENDS ? now_ms : 0;
	known->state = after;
}
