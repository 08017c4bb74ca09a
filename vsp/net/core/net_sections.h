/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sections of a guest's receive buffer: which are ours to fill, which the guest has. PURE.
 *
 * A packet to the guest takes one section or several, chained; its transaction id is one
 * more than its first section's number.
 *
 *   N2 A section that the guest has is not touched until it gave it back.
 *   N3 A guest can give back only what it has, and once: another id changes nothing.
 */
#ifndef VIRIDIS_VSP_NET_CORE_NET_SECTIONS_H
#define VIRIDIS_VSP_NET_CORE_NET_SECTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <viridis/base/assert.h>

/* 16 bits number them, and what ends a chain is none of them. */
#define NET_SECTIONS_MAX 16384u

enum net_section_state {
	NET_SECTION_FREE,
	NET_SECTION_FIRST, /* the guest has it: the first of a packet */
	NET_SECTION_NEXT,  /* likewise, a further one */
};

struct net_sections {
	uint32_t count; /* 0: there is no buffer */
	uint32_t free_count;
	/* The last given back is the next to be filled: it may still be in a cache. */
	uint16_t free[NET_SECTIONS_MAX];
	uint16_t next[NET_SECTIONS_MAX]; /* in a packet's chain */
	uint8_t state[NET_SECTIONS_MAX]; /* enum net_section_state */
};

/* All of `count`, at most NET_SECTIONS_MAX, are free. */
void net_sections_init(struct net_sections *sections, uint32_t count);

/*
 * `count` of them as another process left them in this memory, between any two of its stores: what `state` and `next` say
 * of packets that the guest has is believed as far as it fits together, the rest is free.
 */
void net_sections_resume(struct net_sections *sections, uint32_t count);

/* The free section that would be taken as number `index` from now; index < free_count. */
static inline uint32_t net_sections_peek(const struct net_sections *sections,
                                         uint32_t index)
{
	return sections->free[sections->free_count - 1 - index];
}

/* The transaction id of the packet that is taken next. */
static inline uint64_t net_sections_id(const struct net_sections *sections)
{
	return (uint64_t)net_sections_peek(sections, 0) + 1;
}

/* The first `count` of them, 1..free_count, as one packet. Returns its transaction id. */
uint64_t net_sections_take(struct net_sections *sections, uint32_t count);

/* The guest gives a packet's sections back. False: it has no such packet. N3 */
MUST_CHECK bool net_sections_return(struct net_sections *sections,
                                    uint64_t transaction_id);

#endif
