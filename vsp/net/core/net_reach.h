/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a frame to a user-mode network may lead. passt opens a socket of the root's to whatever address a packet
 * names, and some addresses mean "this machine" to a socket: a guest that makes its own packets would reach
 * what listens at the root's loopback alone. PURE.
 */
#ifndef VIRIDIS_VSP_NET_CORE_NET_REACH_H
#define VIRIDIS_VSP_NET_CORE_NET_REACH_H

#include <stdbool.h>
#include <stdint.h>

/* Of a frame's start, what is looked at: Ethernet and IPv6. */
#define NET_REACH_BYTES 54u

/* `start` has the frame's first bytes, all of them up to NET_REACH_BYTES. */
bool net_may_reach(const uint8_t *start, uint32_t bytes);

#endif
