/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starting a VM's worker. */
#ifndef VIRIDIS_CLIENT_WORKER_H
#define VIRIDIS_CLIENT_WORKER_H

#include <glib.h>

/*
 * Runs viridis-vm, which outlives us and is no child of ours, and waits until it says that the VM runs, or
 * why not; ten minutes at most. DEFINITION_ERROR_TIME: it may run yet.
 */
gboolean worker_start(const char *name, GError **error);

#endif
