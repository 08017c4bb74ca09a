/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libvirt's networks, which its own daemon has: what we need of them is the
 * bridge. */
#ifndef VIRIDIS_LIBVIRT_NETWORK_H
#define VIRIDIS_LIBVIRT_NETWORK_H

#include "root-partition/config/definition.h"

/* Of the network of that name, whether it is active or not; NULL and libvirt's
 * error. */
char *network_bridge(const char *network);

/* All networks that a domain is to be started with are active, and have the
 * bridges that it knows; or an error. */
gboolean network_check(const struct definition *definition, GError **error);

#endif
