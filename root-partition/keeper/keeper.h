/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The process that stands beside a VM's worker and keeps its rights. The worker has none: what it needs from
 * outside while it lives, mostly when its guest resets, it asks for by protocol.h.
 */
#ifndef VIRIDIS_KEEPER_KEEPER_H
#define VIRIDIS_KEEPER_KEEPER_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "root-partition/config/definition.h"
#include "root-partition/vm/serial_file.h"

struct keeper;

/*
 * Checks the definition against this machine and makes what a worker begins with: serial line, control socket,
 * memory, partition. The definition's disks are replaced as the VM is told to have others. Takes the VM's lock (state.h) over, and lets go of it in the case of an error too. No
 * threads: a worker is forked next.
 */
struct keeper *keeper_new(struct definition *definition, int lock_fd, GError **error);
/* Providers and whatever else is left are ended; the lock is released last. */
void keeper_free(struct keeper *keeper);

/* What a worker starts from. The descriptors are the keeper's, but for the socket: the worker takes copies. */
struct keeper_lent {
	int socket; /* the worker's end, for client.h, which is the caller's from now on */
	int control; /* listens at the VM's control socket */
	const struct serial_file *serial;
	uint32_t user; /* of all processes of the VM but the keeper */
	pid_t keeper;  /* as the root sees it */
};
struct keeper_lent keeper_lend(struct keeper *keeper);

/*
 * The worker's process: 0 in it, as fork(2). It is the first process of a PID namespace where that is permitted.
 * -1 and errno: there is none.
 */
pid_t keeper_fork(struct keeper *keeper);

/*
 * For the worker's process: everything of the keeper's is closed but the worker's socket and what is handed over,
 * the serial line's descriptors and, as the result, the control socket's.
 */
int keeper_leave(struct keeper *keeper, struct serial_file *serial);

/* Called once: `why` is NULL when the VM runs, else it has not been started. */
typedef void (*keeper_started)(gpointer context, const char *why);

/* Until the worker hangs up, breaks the protocol or dies. SIGTERM and SIGINT are handed on to it. */
void keeper_serve(struct keeper *keeper, keeper_started started, gpointer context);

/* Waits for the forked worker; gives its exit status, or -1 when it did not end by itself, which is recorded. */
int keeper_reap(struct keeper *keeper);

#endif
