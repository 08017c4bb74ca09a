/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a guest tells of itself, for `viridis info`. */
#ifndef VIRIDIS_CLI_GUEST_H
#define VIRIDIS_CLI_GUEST_H

#include <json-glib/json-glib.h>

/* NULL: there is nobody to ask, or no answer. */
JsonObject *guest_ask(const char *name);

/* Lines for people; a guest without its daemons has but a heartbeat, or not that. */
void guest_print(JsonObject *guest);

#endif
