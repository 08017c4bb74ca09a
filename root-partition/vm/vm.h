/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VM from start to end: its machines, one after each reset, and the orders it is given. */
#ifndef VIRIDIS_VM_VM_H
#define VIRIDIS_VM_VM_H

#include "root-partition/config/definition.h"
#include "root-partition/keeper/client.h"
#include "root-partition/keeper/keeper.h"
#include "root-partition/vm/life.h"

struct vm;

/*
 * Everything but running: the machine, its devices, the control socket. Errors leave nothing behind. What is lent
 * stays the keeper's.
 */
struct vm *vm_new(struct definition *definition, const struct keeper_lent *lent,
                  struct keeper_client *keeper, GError **error);

/* Until it ends: MACHINE_POWERED_OFF, _CRASHED, _FAILED or _STOPPED. */
enum machine_end vm_run(struct vm *vm);
void vm_free(struct vm *vm);

#endif
