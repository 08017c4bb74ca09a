/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network adapters of a definition: as an option says them, as JSON has them, and what makes
 * sense. definition.h has the structure.
 *
 *   user | tap=NAME | bridge=NAME [,mac=02:00:5e:10:00:01] [,mtu=1500] [,queues=1]
 *   [,slot=N] [,hostfwd=tcp:8080:80]...
 *
 * A bridge's adapter may have "network", too: libvirt's name of the network whose bridge it is. What serves
 * the adapter is not told.
 */
#ifndef VIRIDIS_VM_DEFINITION_NET_H
#define VIRIDIS_VM_DEFINITION_NET_H

#include "root-partition/config/json_text.h"

#include "root-partition/config/definition.h"

/* What serves a user-mode network; found by PATH. */
#define DEFINITION_NET_PROGRAM "passt"

#define DEFINITION_NET_MTU_MAX    9000u
#define DEFINITION_NET_QUEUES_MAX 8u

void definition_net_free(gpointer net);

/* Adds the adapter that the text describes. */
gboolean definition_net_add(struct definition *definition, const char *text,
                            GError **error);

/*
 * Adapters without a slot get the lowest that is free, and those without an address one of their own, by the VM's
 * identity and their slot.
 */
void definition_net_complete(struct definition *definition);

/* The adapter in that slot, or NULL. */
const struct definition_net *definition_net_in(const struct definition *definition,
                                               uint32_t slot);

/* Both are the same in all that the guest and the root have of them. */
gboolean definition_net_same(const struct definition_net *a,
                             const struct definition_net *b);

/* Its address as a number, the first byte the highest of 48 bits; 0: it has none. */
uint64_t definition_net_mac_number(const struct definition_net *net);

/* No adapters; and one of which nothing is known but its slot and address. */
void definition_net_clear(struct definition *definition);
void definition_net_note(struct definition *definition, uint32_t slot,
                         uint64_t mac_number);

/* Names, addresses and numbers are possible, and no address is there twice. */
gboolean definition_net_check(const struct definition *definition, GError **error);

/* This machine has the devices. */
gboolean definition_net_check_host(const struct definition *definition, GError **error);

/* The member "nets", from and to JSON; and one adapter's object as "net". */
gboolean definition_net_take(struct definition *definition, const json_t *json,
                             GError **error);
void definition_net_add_all(json_t *object, const GPtrArray *nets);
void definition_net_add_one(json_t *object, const struct definition_net *net);

#endif
