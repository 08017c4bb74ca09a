/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ends of a VM. */
#ifndef VIRIDIS_CLIENT_END_H
#define VIRIDIS_CLIENT_END_H

#include <glib.h>

/* Asks the guest to shut down or restart; of a shutdown waits until the deadline (client.h) for the end. */
gboolean end_shutdown(const char *name, gboolean reboot, gint64 deadline, GError **error);

/* Until nobody holds the VM's lock, and none of its processes is left. */
gboolean end_wait_gone(const char *name, gint64 deadline, GError **error);

/* At once. A worker that does not obey is killed, which *killed tells. */
gboolean end_stop(const char *name, gboolean *killed, GError **error);

/* Forgets a VM that does not run. */
gboolean end_delete(const char *name, GError **error);

#endif
