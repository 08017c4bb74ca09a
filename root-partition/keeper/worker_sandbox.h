/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a worker gives up before it sees anything of its guest's. */
#ifndef VIRIDIS_KEEPER_WORKER_SANDBOX_H
#define VIRIDIS_KEEPER_WORKER_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "root-partition/config/definition.h"

/* As sandbox_enter(), with room for this VM. False and errno: the process must not go on. */
bool worker_sandbox_enter(uint32_t user, const struct definition *definition);

#endif
