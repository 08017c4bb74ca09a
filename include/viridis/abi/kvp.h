/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Key-value exchange: the bodies of IC_KVP packets. The host asks, one request at a time; the guest sends the packet
 * back filled in. Texts are UTF-16LE with a zero at the end, and sizes count their bytes, the zero among them.
 *
 *   KVP_SET            an item goes, for the guest to keep; KVP_DELETE: the key of one that it is to forget
 *   KVP_ENUMERATE      an index goes, the item of that number comes back; any status but 0 ends the list
 *   KVP_GET_ADDRESSES  an adapter's MAC goes ("52:54:00:12:34:56", letters large), its addresses come back
 */
#ifndef VIRIDIS_ABI_KVP_H
#define VIRIDIS_ABI_KVP_H

#include <stdint.h>
#include <viridis/base/assert.h>

enum kvp_operation {
	KVP_SET = 1,
	KVP_DELETE = 2,
	KVP_ENUMERATE = 3,
	KVP_GET_ADDRESSES = 4,
};

enum kvp_pool {
	KVP_POOL_HOST = 0,  /* what the host has to say to the guest's programs */
	KVP_POOL_GUEST = 1, /* what programs of the guest have to say */
	KVP_POOL_AUTO = 2,  /* what the guest's daemon knows: names and versions */
};

#define KVP_KEY_BYTES   512u
#define KVP_VALUE_BYTES 2048u
#define KVP_TYPE_TEXT   1u

struct kvp_set {
	uint8_t operation;
	uint8_t pool;
	uint16_t reserved;
	uint32_t value_type;
	uint32_t key_bytes;
	uint32_t value_bytes;
	uint8_t key[KVP_KEY_BYTES];
	uint8_t value[KVP_VALUE_BYTES];
};
ASSERT_SIZE(struct kvp_set, 2576);
ASSERT_OFFSET(struct kvp_set, key, 16);

struct kvp_delete {
	uint8_t operation;
	uint8_t pool;
	uint16_t reserved;
	uint32_t key_bytes;
	uint8_t key[KVP_KEY_BYTES];
};
ASSERT_SIZE(struct kvp_delete, 520);
ASSERT_OFFSET(struct kvp_delete, key, 8);

struct kvp_enumerate {
	uint8_t operation; /* enum kvp_operation */
	uint8_t pool;      /* enum kvp_pool */
	uint16_t reserved;
	uint32_t index;
	uint32_t value_type;
	uint32_t key_bytes;
	uint32_t value_bytes;
	uint8_t key[KVP_KEY_BYTES];
	uint8_t value[KVP_VALUE_BYTES];
};
ASSERT_SIZE(struct kvp_enumerate, 2580);
ASSERT_OFFSET(struct kvp_enumerate, key, 20);

/* Several addresses of a list are divided by ';'. */
struct kvp_addresses {
	uint8_t operation;
	uint8_t pool;
	uint16_t adapter[128];
	uint8_t families; /* bit 0: IPv4, bit 1: IPv6 */
	uint8_t dhcp;
	uint16_t addresses[1024];
	uint16_t subnets[1024]; /* as many: a mask of IPv4, or "/64" of IPv6 */
	uint16_t gateways[512];
	uint16_t name_servers[1024];
};
ASSERT_SIZE(struct kvp_addresses, 7428);
ASSERT_OFFSET(struct kvp_addresses, addresses, 260);
ASSERT_OFFSET(struct kvp_addresses, name_servers, 5380);

#endif
