/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VM from start to end: its machines, one after each reset, and the orders it is given. */
#ifndef VIRIDIS_VM_VM_H
#define VIRIDIS_VM_VM_H

#include "root-partition/config/definition.h"
#include "root-partition/vm/machine.h"

struct vm;

/*
 * Everything but running: memory, partition, devices, sockets. Errors leave nothing behind. Takes the
 * lock (state.h) over and lets go of it, in the case of an error too.
 */
struct vm *vm_new(const struct definition *definition, int lock_fd, GError **error);

/* Until it ends: MACHINE_POWERED_OFF, _CRASHED, _FAILED or _STOPPED. */
enum machine_end vm_run(struct vm *vm);
void vm_free(struct vm *vm);

#endif
