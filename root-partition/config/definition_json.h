/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Definitions as JSON: the text that files, and in part the providers, get. */
#ifndef VIRIDIS_CONFIG_DEFINITION_JSON_H
#define VIRIDIS_CONFIG_DEFINITION_JSON_H

#include "root-partition/config/definition.h"
#include "root-partition/config/json_text.h"

/* Text to definition; `length` bytes, any bytes. Values are checked by themselves. */
struct definition *definition_parse(const char *json, gsize length, GError **error);
/* The caller's; of any length. */
json_t *definition_to_object(const struct definition *definition);
char *definition_to_json(const struct definition *definition);

#endif
