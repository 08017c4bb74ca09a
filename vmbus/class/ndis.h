/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NDIS objects of OIDs: offload capabilities and settings, receive-side scaling, the address
 * that a guest chooses. What is decoded here is private memory.
 */
#ifndef VIRIDIS_VMBUS_CLASS_NDIS_H
#define VIRIDIS_VMBUS_CLASS_NDIS_H

#include <stdbool.h>
#include <stdint.h>
#include <viridis/abi/ndis.h>
#include <viridis/base/assert.h>

#define NDIS_MAC_BYTES 6u

/* What can be done in the guest's place, or is to be done. */
struct ndis_offloads {
	bool ipv4_checksum_tx; /* IPv4's header */
	bool checksum_tx;      /* TCP and UDP over both IPs */
	bool checksum_rx;
	bool lso;           /* TCP over both IPs */
	bool rsc;           /* frames longer than the MTU may come, in pieces */
	uint32_t lso_bytes; /* of the longest frame; capabilities only */
};

/* The revision of the object that a query brought, or 1 when it brought none. */
uint8_t ndis_revision(const void *information, uint32_t information_bytes);

/* OID_TCP_OFFLOAD_HARDWARE_CAPABILITIES or CURRENT_CONFIG in a revision of 1..3; returns its length. */
uint32_t ndis_offload_write(struct ndis_offload *object, uint8_t revision,
                            const struct ndis_offloads *offloads);

/*
 * OID_TCP_OFFLOAD_PARAMETERS upon what is set; "no change" changes nothing. A switch is on
 * when it is for any of the protocols that share it. False: no such object.
 */
MUST_CHECK bool ndis_offload_parameters_read(struct ndis_offloads *offloads,
                                             const void *information,
                                             uint32_t information_bytes);

/* OID_GEN_RECEIVE_SCALE_CAPABILITIES; returns its length. */
uint32_t ndis_rss_capabilities_write(struct ndis_rss_capabilities *object,
                                     uint8_t revision, uint32_t queues);

struct ndis_rss {
	bool enabled;
	uint32_t hash; /* NDIS_HASH_* */
	uint8_t key[NDIS_RSS_KEY_BYTES];
	uint32_t entry_count; /* 0..NDIS_RSS_INDIRECTION_ENTRIES, a power of two */
	uint8_t entries[NDIS_RSS_INDIRECTION_ENTRIES]; /* channels, below `queues` */
};

/* OID_GEN_RECEIVE_SCALE_PARAMETERS upon what is set. False: nothing changed. */
MUST_CHECK bool ndis_rss_parameters_read(struct ndis_rss *rss, uint32_t queues,
                                         const void *information,
                                         uint32_t information_bytes);

/* OID_GEN_LINK_STATE, and OID_GEN_MAX_LINK_SPEED within it; `speed` in bit/s. */
struct ndis_link_state ndis_link_state(bool up, uint64_t speed);

/* OID_OFFLOAD_ENCAPSULATION: Ethernet, for both IPs. */
struct ndis_encapsulation ndis_encapsulation(void);

/* And upon what is set. False: no such object, or frames of another kind are wanted. */
MUST_CHECK bool ndis_encapsulation_read(const void *information,
                                        uint32_t information_bytes);

enum ndis_parameter {
	NDIS_PARAMETER_INVALID, /* it does not fit together, or has no sane value */
	NDIS_PARAMETER_OTHER,   /* of a name that means nothing to us */
	NDIS_PARAMETER_ADDRESS, /* NetworkAddress: `mac` is the address of one station */
	NDIS_PARAMETER_OFFLOAD, /* a keyword of Windows' for an offload: its field of `offloads` is set */
};

/* OID_GEN_RNDIS_CONFIG_PARAMETER upon what is set; all else stays as it was. */
enum ndis_parameter ndis_parameter_read(uint8_t mac[NDIS_MAC_BYTES],
                                        struct ndis_offload_parameters *offloads,
                                        const void *information,
                                        uint32_t information_bytes);

#endif
