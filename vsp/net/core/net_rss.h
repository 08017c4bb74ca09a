/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Receive-side scaling: which of a guest's channels a frame is for, by the hash function, the key and the table
 * that the guest chose (Microsoft's "RSS Hashing Types" and "Verifying the RSS Hash Calculation"). PURE.
 */
#ifndef VIRIDIS_VSP_NET_CORE_NET_RSS_H
#define VIRIDIS_VSP_NET_CORE_NET_RSS_H

#include <stdbool.h>
#include <stdint.h>
#include "vmbus/class/ndis.h"

/* Of a frame's start, what is looked at: Ethernet with a tag, IPv6, ports. */
#define NET_RSS_BYTES 64u

/* Toeplitz' hash of `bytes` of input, at most 36. */
uint32_t net_rss_toeplitz(const uint8_t key[NDIS_RSS_KEY_BYTES], const uint8_t *input,
                          uint32_t bytes);

/* What is hashed of a frame; false: nothing that the guest asked for. */
bool net_rss_hash(const struct ndis_rss *rss, const uint8_t *start, uint32_t start_bytes,
                  uint32_t *hash);

/* The channel that the frame is for; 0 where scaling is off or does not apply. */
uint32_t net_rss_channel(const struct ndis_rss *rss, const uint8_t *start,
                         uint32_t start_bytes);

#endif
