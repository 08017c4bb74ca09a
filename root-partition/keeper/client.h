/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The worker's calls to its keeper (protocol.h). Safe from any thread; each waits for its answer. */
#ifndef VIRIDIS_KEEPER_CLIENT_H
#define VIRIDIS_KEEPER_CLIENT_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "root-partition/keeper/protocol.h"
#include "root-partition/vmbusd/offers.h"

struct keeper_client;

/* Takes the descriptor over. Without its keeper a worker ends at its next call. */
struct keeper_client *keeper_client_new(int socket);
void keeper_client_free(struct keeper_client *client);

/* A new machine's partition and memory, once the last one's are closed: two descriptors. */
bool keeper_client_machine(struct keeper_client *client, int *partition,
                           uint64_t *partition_id, int *memory, GError **error);

/* The file named by the definition: KEEPER_KERNEL or KEEPER_INITRD. -1 and an error that names it. */
int keeper_client_file(struct keeper_client *client, enum keeper_request_type file,
                       GError **error);

/*
 * A provider's process: our end of its socket, and its lifeline (vsp/lib/core/protocol.h). `last`: an adapter's that is to be
 * taken from the guest, and has no network.
 */
bool keeper_client_provider(struct keeper_client *client, enum vmbus_provider which,
                            bool last, int *socket, int *lifeline, GError **error);
/* Once it has ended *status is what waitpid(2) says. */
bool keeper_client_provider_ended(struct keeper_client *client, enum vmbus_provider which,
                                  int *status);
void keeper_client_provider_kill(struct keeper_client *client, enum vmbus_provider which);

/* What disks the next storage provider has; the LUNs of those that go and that come, a bit for each, if these are not NULL. */
bool keeper_client_disks(struct keeper_client *client, enum keeper_devices order,
                         uint64_t *gone, uint64_t *come, GError **error);

/*
 * What adapters there are from now on, in the definition: their slots and addresses, which is what a worker knows
 * them by. The slots of those that go and that come, a bit for each; one that is changed does both.
 */
bool keeper_client_nets(struct keeper_client *client, enum keeper_devices order,
                        struct definition *definition, uint32_t *gone, uint32_t *come,
                        GError **error);

struct keeper_pool {
	uint64_t deposited_pages;
	uint64_t in_use_pages;
	uint64_t pinned_pages;
};
bool keeper_client_pool(struct keeper_client *client, struct keeper_pool *pool);

/* The serial line's new file, or -1: the one there is begins anew. */
int keeper_client_serial_next(struct keeper_client *client);

void keeper_client_state(struct keeper_client *client, enum keeper_state state,
                         const char *reason);
void keeper_client_stats(struct keeper_client *client, const char *json);
void keeper_client_not_started(struct keeper_client *client, const char *why);

#endif
