/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON in and out, for the other files. */
#ifndef VIRIDIS_VSP_UTIL_JSON_H
#define VIRIDIS_VSP_UTIL_JSON_H

#include <json-glib/json-glib.h>
#include <stdbool.h>

#include "vsp/lib/vsp.h"

/* The object, to be unreferenced; NULL when the text is none. */
JsonObject *util_json_parse(const char *json);

/* The member's value if it has this type, else NULL. */
JsonNode *util_json_member(JsonObject *object, const char *name, GType type);

/* "" and false when the member is not there, or something else. */
const char *util_json_text(JsonObject *object, const char *name);
bool util_json_true(JsonObject *object, const char *name);

/* Members of the object being built. */
void util_json_add_text(JsonBuilder *builder, const char *name, const char *value);
void util_json_add_bool(JsonBuilder *builder, const char *name, bool value);
void util_json_add_int(JsonBuilder *builder, const char *name, uint64_t value);

/* Closes the object and sends it. */
void util_json_send(struct vsp *vsp, uint32_t tag, JsonBuilder *builder);

#endif
