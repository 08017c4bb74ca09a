/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a guest tells of itself, for `viridis info`. */
#ifndef VIRIDIS_CLI_GUEST_H
#define VIRIDIS_CLI_GUEST_H

#include "root-partition/config/json_text.h"

/* NULL: there is nobody to ask, or no answer. */
json_t *guest_ask(const char *name);

/* Lines for people; a guest without its daemons has but a heartbeat, or not that. */
void guest_print(json_t *guest);

#endif
