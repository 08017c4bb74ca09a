/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sections of a receive buffer: see net_sections.h. */
#include "vsp/net/core/net_sections.h"

#define CHAIN_END 0xffffu
_Static_assert(NET_SECTIONS_MAX <= CHAIN_END,
               "no section has the number that ends a chain");

void net_sections_init(struct net_sections *sections, uint32_t count)
{
	sections->count = count;
	sections->free_count = count;
	for (uint32_t i = 0; i < count; i++) {
		sections->free[i] = (uint16_t)(count - 1 - i); /* 0 is the first taken */
		sections->state[i] = NET_SECTION_FREE;
	}
}

uint64_t net_sections_take(struct net_sections *sections, uint32_t count)
{
	uint32_t first = net_sections_peek(sections, 0);

	for (uint32_t i = 0; i < count; i++) {
		uint32_t section = net_sections_peek(sections, i);

		sections->state[section] = i == 0 ? NET_SECTION_FIRST : NET_SECTION_NEXT;
		sections->next[section] =
			i + 1 < count ? (uint16_t)net_sections_peek(sections, i + 1) :
					(uint16_t)CHAIN_END;
	}
	sections->free_count -= count;
	return (uint64_t)first + 1;
}

bool net_sections_return(struct net_sections *sections, uint64_t transaction_id)
{
	uint32_t section;

	if (transaction_id == 0 || transaction_id > sections->count ||
	    sections->state[transaction_id - 1] != NET_SECTION_FIRST)
		return false;
	for (section = (uint32_t)transaction_id - 1; section != CHAIN_END;
	     section = sections->next[section]) {
		sections->state[section] = NET_SECTION_FREE;
		sections->free[sections->free_count++] = (uint16_t)section;
	}
	return true;
}
