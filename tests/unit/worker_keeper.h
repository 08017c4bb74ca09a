/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A keeper in a thread of the test, on the stand-in of worker_fake.h. */
#ifndef VIRIDIS_TESTS_WORKER_KEEPER_H
#define VIRIDIS_TESTS_WORKER_KEEPER_H

#include "root-partition/keeper/client.h"
#include "root-partition/keeper/keeper.h"

/* VIRIDIS_RUN_DIR is set. The keeper's files are gone with it. */
void worker_keeper_start(struct definition *definition);
void worker_keeper_stop(void);

struct keeper_client *worker_keeper_client(void);
const struct keeper_lent *worker_keeper_lent(void);

#endif
