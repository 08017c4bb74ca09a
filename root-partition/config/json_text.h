/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading JSON that somebody else wrote, and writing our own. */
#ifndef VIRIDIS_VM_JSON_TEXT_H
#define VIRIDIS_VM_JSON_TEXT_H

#include <json-glib/json-glib.h>

/* One object; text that is too long, nested too deeply or not UTF-8 is an error like any other. */
JsonObject *json_text_parse(const char *text, gsize length, gsize length_max,
                            GError **error);

/* False, and *value untouched, when there is no node, or one of another type. */
gboolean json_text_get_string(JsonNode *node, const char **value);
gboolean json_text_get_boolean(JsonNode *node, gboolean *value);
gboolean json_text_get_int(JsonNode *node, gint64 *value);

/* Members of the object being built. What is no UTF-8 in a string becomes U+FFFD. */
void json_text_add_string(JsonBuilder *builder, const char *name, const char *value);
void json_text_add_boolean(JsonBuilder *builder, const char *name, gboolean value);
void json_text_add_int(JsonBuilder *builder, const char *name, guint64 value);

/*
 * Text of unknown origin for a terminal: UTF-8, and nothing but lines of characters that print; freed by the
 * caller.
 */
char *json_text_make_printable(const char *bytes, gsize count);

/* The finished text: on one line, or for people. */
char *json_text_finish(JsonBuilder *builder, gboolean pretty);

#endif
