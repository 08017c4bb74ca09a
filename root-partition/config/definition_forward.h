/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ports of the root that lead to a guest on a user-mode network, as options and definitions say them:
 *
 *   tcp : [ADDRESS :] PORT : GUEST-PORT      tcp:8080:80
 *   udp : ADDRESS : PORT : GUEST-PORT        udp:192.0.2.1:5353:53
 *
 * ADDRESS is one of the root's, in digits; without one only the root itself can connect. UDP from the root's own
 * loopback is not possible.
 */
#ifndef VIRIDIS_VM_DEFINITION_FORWARD_H
#define VIRIDIS_VM_DEFINITION_FORWARD_H

#include <glib.h>
#include <stdint.h>

#include "root-partition/config/definition.h"

struct definition_forward {
	gboolean udp;
	char address[16]; /* "127.0.0.1" where the text has none */
	uint16_t port;
	uint16_t guest_port;
};

gboolean definition_forward_parse(const char *text, struct definition_forward *forward,
                                  GError **error);

/* Of the VM's adapters, those before `index` among them, no two take the same port. */
gboolean definition_forwards_check(const struct definition *definition, guint index,
                                   GError **error);

#endif
