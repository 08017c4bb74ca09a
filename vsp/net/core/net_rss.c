/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Receive-side scaling: see net_rss.h. */
#include "vsp/net/core/net_rss.h"
#include <viridis/base/mem.h>

#define TYPE_IPV4      0x0800u
#define TYPE_IPV6      0x86ddu
#define TYPE_8021Q     0x8100u
#define ETHERNET_BYTES 14u
#define TAG_BYTES      4u
#define IPV4_BYTES     20u
#define IPV6_BYTES     40u
#define PORTS_BYTES    4u
#define PROTOCOL_TCP   6u
#define INPUT_BYTES    36u /* two addresses of IPv6, and ports */

uint32_t net_rss_toeplitz(const uint8_t key[NDIS_RSS_KEY_BYTES], const uint8_t *input,
                          uint32_t bytes)
{
	uint32_t window = (uint32_t)key[0] << 24 | (uint32_t)key[1] << 16 |
	                  (uint32_t)key[2] << 8 | key[3];
	uint32_t hash = 0;

	for (uint32_t i = 0; i < bytes; i++) {
		for (uint32_t bit = 0; bit < 8; bit++) {
			if (input[i] & 0x80u >> bit)
				hash ^= window;
			window = window << 1 | (key[i + 4] >> (7 - bit) & 1u);
		}
	}
	return hash;
}

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

/* Addresses in a row, and the ports behind them when it is TCP that is asked for; 0: neither is. */
static uint32_t gather(uint8_t *input, uint32_t types, uint32_t type_address,
                       uint32_t type_tcp, const uint8_t *addresses,
                       uint32_t address_bytes, const uint8_t *ports)
{
	if (!(types & (type_address | type_tcp)) || (!ports && !(types & type_address)))
		return 0;
	memcpy(input, addresses, address_bytes);
	if (!ports || !(types & type_tcp))
		return types & type_address ? address_bytes : 0;
	memcpy(input + address_bytes, ports, PORTS_BYTES);
	return address_bytes + PORTS_BYTES;
}

/* Fragments have no ports: all of a packet's have one hash. */
static uint32_t gather_ipv4(uint8_t *input, uint32_t types, const uint8_t *ip,
                            uint32_t bytes)
{
	uint32_t header_bytes = (ip[0] & 0xfu) * 4;
	bool tcp = ip[9] == PROTOCOL_TCP && (get16(ip + 6) & 0x3fffu) == 0 &&
	           header_bytes >= IPV4_BYTES && bytes >= header_bytes + PORTS_BYTES;

	return gather(input, types, NDIS_HASH_IPV4, NDIS_HASH_TCP_IPV4, ip + 12, 8,
	              tcp ? ip + header_bytes : NULL);
}

static uint32_t gather_ipv6(uint8_t *input, uint32_t types, const uint8_t *ip,
                            uint32_t bytes)
{
	bool tcp = ip[6] == PROTOCOL_TCP && bytes >= IPV6_BYTES + PORTS_BYTES;

	return gather(input, types, NDIS_HASH_IPV6, NDIS_HASH_TCP_IPV6, ip + 8, 32,
	              tcp ? ip + IPV6_BYTES : NULL);
}

bool net_rss_hash(const struct ndis_rss *rss, const uint8_t *start, uint32_t start_bytes,
                  uint32_t *hash)
{
	uint32_t at = ETHERNET_BYTES, type, bytes = 0;
	uint8_t input[INPUT_BYTES];

	if (start_bytes < ETHERNET_BYTES + TAG_BYTES)
		return false;
	type = get16(start + at - 2);
	if (type == TYPE_8021Q) {
		at += TAG_BYTES;
		type = get16(start + at - 2);
	}
	if (type == TYPE_IPV4 && start_bytes - at >= IPV4_BYTES)
		bytes = gather_ipv4(input, rss->hash, start + at, start_bytes - at);
	else if (type == TYPE_IPV6 && start_bytes - at >= IPV6_BYTES)
		bytes = gather_ipv6(input, rss->hash, start + at, start_bytes - at);
	if (bytes == 0)
		return false;
	*hash = net_rss_toeplitz(rss->key, input, bytes);
	return true;
}

uint32_t net_rss_channel(const struct ndis_rss *rss, const uint8_t *start,
                         uint32_t start_bytes)
{
	uint32_t hash;

	if (!rss->enabled || rss->entry_count == 0 ||
	    !net_rss_hash(rss, start, start_bytes, &hash))
		return 0;
	return rss->entries[hash & (rss->entry_count - 1)];
}
