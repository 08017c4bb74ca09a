/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Segments of TCP that a user-mode network has to find alone. Debian 12's passt (2023-03-09) takes all that it finds
 * in its socket at once, sorts it by connection, and counts down by what each call of its TCP handler says it took:
 * that is one segment or all there were, so a count of two that one and then all are taken from never comes to zero. It then
 * spins for good, and nothing of the guest's network is left. It says "one" of
 *
 *	a SYN, of either side: a second one may come when nobody answers for a while
 *	anything behind the guest's FIN, when that was found before
 *
 * so such a segment goes where passt has read all before it, and is lost otherwise, as on a wire: whoever sent it sends
 * it again if it matters. Newer ones lose a repetition by it. PURE.
 */
#ifndef VIRIDIS_VSP_NET_CORE_NET_ALONE_H
#define VIRIDIS_VSP_NET_CORE_NET_ALONE_H

#include <stdbool.h>
#include <stdint.h>

/* Of a frame's start, what is looked at: Ethernet, the longest IPv4, TCP as far as its flags. */
#define NET_ALONE_BYTES 88u

/* Connections that are kept in mind; of more that open and end at a time the oldest are forgotten. */
#define NET_ALONE_SETS 64u
#define NET_ALONE_WAYS 4u

/* Addresses and ports, and which IP it is. */
#define NET_FLOW_BYTES 37u

enum net_alone_state {
	NET_ALONE_NOT,
	NET_ALONE_OPENS, /* a SYN was sent, and nothing else since */
	NET_ALONE_ENDS,  /* a FIN was sent */
};

struct net_alone {
	struct net_alone_flow {
		enum net_alone_state state;
		uint8_t flow[NET_FLOW_BYTES];
	} flows[NET_ALONE_SETS][NET_ALONE_WAYS];
	uint8_t oldest[NET_ALONE_SETS];
};

struct net_segment {
	uint8_t flow[NET_FLOW_BYTES];
	uint8_t flags;
};

/* `start` has the frame's first bytes, all of them up to NET_ALONE_BYTES; false: it is no segment of TCP. */
bool net_segment_read(struct net_segment *segment, const uint8_t *start, uint32_t bytes);

/* It may go only where everything sent before has been read. */
bool net_alone_needed(const struct net_alone *alone, const struct net_segment *segment);

/* It went. */
void net_alone_sent(struct net_alone *alone, const struct net_segment *segment);

#endif
