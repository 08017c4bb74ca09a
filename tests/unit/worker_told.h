/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a machine of worker_machine.h tells those who listen. */
#ifndef VIRIDIS_TESTS_WORKER_TOLD_H
#define VIRIDIS_TESTS_WORKER_TOLD_H

#include <glib.h>

#include "root-partition/config/control_json.h"

extern char *told_events; /* a line each */

/* For machine->told. */
void told_hear(gpointer context, const struct control_event *event);

/* Of its providers, as JSON; and that as it is when they all do the same. */
char *told_providers(void);
#define SERVING(util) "{\"providers\":{\"storage\":\"serving\",\"util\":\"" util "\"}}"

/* Until it is set, by the main loop, or for 10 s. */
void told_wait(gint *flag);

#endif
