/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading JSON that somebody else wrote, and writing our own: jansson, with GLib's errors and cleanup. */
#ifndef VIRIDIS_CONFIG_JSON_TEXT_H
#define VIRIDIS_CONFIG_JSON_TEXT_H

#include <glib.h>
#include <jansson.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_t, json_decref)

/*
 * One object, with each of its members once; NULL and *error for any other text. Of `length` bytes, which may be any
 * bytes, and of at most `length_max`.
 */
json_t *json_text_parse(const char *text, gsize length, gsize length_max, GError **error);

/* False, and *to untouched, when `value` is NULL or of another type. */
gboolean json_text_get_string(const json_t *value, const char **to);
gboolean json_text_get_boolean(const json_t *value, gboolean *to);
gboolean json_text_get_int(const json_t *value, gint64 *to);

/* A member more. What is no UTF-8 in a string becomes U+FFFD; what is above INT64_MAX becomes negative. */
void json_text_add_string(json_t *object, const char *name, const char *value);
void json_text_add_boolean(json_t *object, const char *name, gboolean value);
void json_text_add_int(json_t *object, const char *name, guint64 value);
/* Likewise an empty one to be filled, which belongs to `object`. */
json_t *json_text_add_object(json_t *object, const char *name);
json_t *json_text_add_array(json_t *object, const char *name);

/* The same at an array's end. */
void json_text_append_string(json_t *array, const char *value);
json_t *json_text_append_object(json_t *array);

/*
 * Text of unknown origin for a terminal: UTF-8, and nothing but lines of characters that print; freed by the
 * caller.
 */
char *json_text_make_printable(const char *bytes, gsize count);

/* As text, freed by the caller: on one line, or for people. */
char *json_text_format(const json_t *value, gboolean pretty);

#endif
