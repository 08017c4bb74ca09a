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

/* The chain behind a packet's first section: each of them is this packet's from now on. */
static void claim(struct net_sections *sections, uint8_t *claimed, uint32_t first)
{
	uint32_t section = first;

	claimed[section] = 1;
	for (;;) {
		uint32_t next = sections->next[section];

		if (next >= sections->count || claimed[next] ||
		    sections->state[next] != NET_SECTION_NEXT)
			break;
		claimed[next] = 1;
		section = next;
	}
	sections->next[section] = CHAIN_END;
}

void net_sections_resume(struct net_sections *sections, uint32_t count)
{
	uint8_t claimed[NET_SECTIONS_MAX] = { 0 };

	sections->count = count;
	sections->free_count = 0;
	for (uint32_t i = 0; i < count; i++)
		if (sections->state[i] == NET_SECTION_FIRST)
			claim(sections, claimed, i);
	for (uint32_t i = count; i-- != 0;) {
		if (claimed[i])
			continue;
		sections->state[i] = NET_SECTION_FREE;
		sections->free[sections->free_count++] = (uint16_t)i;
	}
}

/* The first is the guest's last of all, and is ours first of all: who finds them meanwhile sees no packet. */
uint64_t net_sections_take(struct net_sections *sections, uint32_t count)
{
	uint32_t first = net_sections_peek(sections, 0);

	for (uint32_t i = 0; i < count; i++) {
		uint32_t section = net_sections_peek(sections, i);

		if (i != 0)
			sections->state[section] = NET_SECTION_NEXT;
		sections->next[section] =
			i + 1 < count ? (uint16_t)net_sections_peek(sections, i + 1) :
					(uint16_t)CHAIN_END;
	}
	__atomic_store_n(&sections->state[first], NET_SECTION_FIRST, __ATOMIC_RELEASE);
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
		__atomic_store_n(&sections->state[section], NET_SECTION_FREE,
		                 __ATOMIC_RELEASE);
		sections->free[sections->free_count++] = (uint16_t)section;
	}
	return true;
}
