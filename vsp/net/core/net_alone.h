/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Segments of TCP that a user-mode network has to find alone. Debian 12's passt (2023-03-09) takes all that it finds
 * in its socket at once, sorts it by connection, and counts down by what each call of its TCP handler says it took:
 * that is one segment or all there were, so a count of two that one and then all are taken from never comes to zero. It then
 * spins for good, and nothing of the guest's network is left. It says "one" of
 *
 *	a SYN, of either side: a second one may come when nobody answers for a while
 *	one behind the guest's FIN, when that was found before: passt sends some of what it has twice, and Linux answers
 *	each time
 *
 * A second SYN goes where passt has read all before it. Behind a FIN a segment goes if it has data, as passt did not take the FIN
 * then; else where all is read, and a while after the last: passt may still be reading, as a processor is taken
 * from it. What may not go is lost, as on a wire: whoever sent it sends it again if it matters. PURE.
 */
#ifndef VIRIDIS_VSP_NET_CORE_NET_ALONE_H
#define VIRIDIS_VSP_NET_CORE_NET_ALONE_H

#include <stdbool.h>
#include <stdint.h>

/* Of a frame's start, what is looked at: Ethernet, the longest IPv4, TCP as far as its flags. */
#define NET_ALONE_BYTES 88u

/* Longer than a processor of the root's is taken away for, as far as was seen: a guess, not a bound. */
#define NET_ALONE_GAP_MS 150u

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
		uint64_t went_ms; /* of the last behind a FIN */
		uint8_t flow[NET_FLOW_BYTES];
	} flows[NET_ALONE_SETS][NET_ALONE_WAYS];
	uint8_t oldest[NET_ALONE_SETS];
};

struct net_segment {
	uint8_t flow[NET_FLOW_BYTES];
	uint8_t flags;
	bool has_data;
};

enum net_alone_answer {
	NET_ALONE_GO,
	NET_ALONE_GO_IF_READ, /* all that was sent before */
	NET_ALONE_LOSE,
};

/* `start` has the frame's first bytes, all of them up to NET_ALONE_BYTES; false: it is no segment of TCP. */
bool net_segment_read(struct net_segment *segment, const uint8_t *start, uint32_t bytes);

/* Its connection is one that opens or ends: the others' time is of no interest. */
bool net_alone_knows(const struct net_alone *alone, const struct net_segment *segment);

/* Whether it may go now. */
enum net_alone_answer net_alone_ask(const struct net_alone *alone,
                                    const struct net_segment *segment, uint64_t now_ms);

/* It went. */
void net_alone_sent(struct net_alone *alone, const struct net_segment *segment,
                    uint64_t now_ms);

#endif
