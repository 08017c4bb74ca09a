/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state file and the lock of a VM. The lock is held by the worker as long as it lives, in
 * whatever way it dies; the state file says how the VM is, or how it ended:
 *   { "state": "running", "pid": 4711, "reason": "" }
 */
#ifndef VIRIDIS_VM_STATE_H
#define VIRIDIS_VM_STATE_H

#include <glib.h>
#include <sys/types.h>

/* Returns the descriptor that holds the lock, or -1 and an error: it runs already. */
int state_lock(const char *name, GError **error);
/* Removes the lock's file too. */
void state_unlock(const char *name, int fd);

/* Who holds the lock: see file_lock_holder(). False and an error when that cannot be known. */
gboolean state_holder(const char *name, pid_t *holder, GError **error);

/*
 * state: "running", "panicked" (it still runs, but its guest told that it cannot go on), "off",
 * "crashed", "failed". A failure to write is logged.
 */
void state_write(const char *name, const char *state, const char *reason);

/*
 * What was written last, or "off"; *state and *reason are g_free()d by the caller. False and an
 * error when there is something that cannot be read.
 */
gboolean state_read(const char *name, char **state, char **reason, GError **error);

#endif
