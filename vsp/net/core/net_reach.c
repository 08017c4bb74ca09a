/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Destinations of frames to user-mode networks: see net_reach.h. Headers as in RFC 791 and 8200. */
#include "vsp/net/core/net_reach.h"

#define ETHERNET_BYTES 14u
#define TYPE_AT        12u
#define TYPE_IPV4      0x0800u
#define TYPE_IPV6      0x86ddu
#define IPV4_BYTES     20u
#define IPV6_BYTES     40u
#define IPV4_TO        16u
#define IPV6_TO        24u

/* 127/8 is the loopback, and to Linux's connect() 0.0.0.0 is it too; nothing else of 0/8 is a station. */
static bool ipv4_may(const uint8_t *to)
{
	return to[0] != 0 && to[0] != 127;
}

/* ::/64 has no stations: it is ::, ::1, and IPv4's addresses once more, which a socket of IPv6 takes for those. */
static bool ipv6_may(const uint8_t *to)
{
	for (unsigned int i = 0; i < 8; i++)
		if (to[i] != 0)
			return true;
	return false;
}

bool net_may_reach(const uint8_t *start, uint32_t bytes)
{
	const uint8_t *ip = start + ETHERNET_BYTES;
	uint32_t type;

	if (bytes < ETHERNET_BYTES)
		return false;
	type = (uint32_t)start[TYPE_AT] << 8 | start[TYPE_AT + 1];
	if (type == TYPE_IPV4)
		return bytes >= ETHERNET_BYTES + IPV4_BYTES && ipv4_may(ip + IPV4_TO);
	if (type == TYPE_IPV6)
		return bytes >= ETHERNET_BYTES + IPV6_BYTES && ipv6_may(ip + IPV6_TO);
	return true;
}
