/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One life of the child's machine, from power-on to power-off, reset or crash. A reset ends one machine and
 * begins another. Main thread only.
 */
#ifndef VIRIDIS_VM_LIFE_H
#define VIRIDIS_VM_LIFE_H

#include "root-partition/vm/machine.h"

struct machine *life_new(struct definition *definition, struct keeper_client *keeper,
                         struct serial *serial, GError **error);
void life_free(struct machine *machine);
typedef struct machine machine_pointer;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(machine_pointer, life_free)

/* Runs the main loop until the machine ended; its VPs stand still then. */
enum machine_end life_run(struct machine *machine);

/* A machine that was reset stands still for a while; ends earlier by an order to stop. The end it has then. */
enum machine_end life_rest(struct machine *machine, guint milliseconds);

#endif
