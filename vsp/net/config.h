/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the worker's CONFIG says to a network adapter:
 *
 *   { "vm": "web", "channels": [ { "id": 5, "class": "net" } ],
 *     "net": { "bridge": "br0", "mac": "02:76:69:00:00:01", "mtu": 1500, "queues": 1 } }
 *
 * or "tap" in place of "bridge", or "user": true, whose network is at VSP_BACKEND_FD, or "none": true. Other members belong to
 * others and are left alone.
 */
#ifndef VIRIDIS_VSP_NET_CONFIG_H
#define VIRIDIS_VSP_NET_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <viridis/base/assert.h>

#include "vmbus/class/ndis.h"

#define NET_NAME_BYTES 16u /* of a network device, with its end */

struct net_config {
	bool none;                /* there is no network */
	bool user;                /* or else one of these names is there */
	char tap[NET_NAME_BYTES]; /* the other is empty */
	char bridge[NET_NAME_BYTES];
	uint8_t mac[NDIS_MAC_BYTES];
	uint32_t mtu;
	uint32_t queues;
};

/* On false, one line why. */
MUST_CHECK bool net_config_parse(struct net_config *config, const char *json, char *error,
                                 size_t error_bytes);

#endif
