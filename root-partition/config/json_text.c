/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON in and out, by jansson. */
#include "root-partition/config/json_text.h"

#include <stdlib.h>

static gboolean refuse(GError **error, const char *why)
{
	g_set_error_literal(error, g_quark_from_static_string("viridis-json"), 0, why);
	return FALSE;
}

/* jansson itself refuses what nests too deeply for its recursion, what is not UTF-8 and what follows the value. */
json_t *json_text_parse(const char *text, gsize length, gsize length_max, GError **error)
{
	g_autoptr(json_t) value = NULL;
	g_autofree char *why = NULL;
	json_error_t found;

	if (length > length_max) {
		refuse(error, "not JSON text: too long");
		return NULL;
	}
	value = json_loadb(text, length, JSON_REJECT_DUPLICATES, &found);
	if (!value) {
		why = g_strdup_printf("not JSON text: line %d: %s", found.line,
		                      found.text);
		refuse(error, why);
		return NULL;
	}
	if (!json_is_object(value)) {
		refuse(error, "a JSON object is needed");
		return NULL;
	}
	return g_steal_pointer(&value);
}

gboolean json_text_get_string(const json_t *value, const char **to)
{
	if (!json_is_string(value))
		return FALSE;
	*to = json_string_value(value);
	return TRUE;
}

gboolean json_text_get_boolean(const json_t *value, gboolean *to)
{
	if (!json_is_boolean(value))
		return FALSE;
	*to = json_is_true(value);
	return TRUE;
}

gboolean json_text_get_int(const json_t *value, gint64 *to)
{
	if (!json_is_integer(value))
		return FALSE;
	*to = json_integer_value(value);
	return TRUE;
}

/* ---- Building ---- */

static json_t *string_of(const char *text)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);

	return json_string(valid);
}

void json_text_add_string(json_t *object, const char *name, const char *value)
{
	(void)json_object_set_new(object, name, string_of(value));
}

void json_text_add_boolean(json_t *object, const char *name, gboolean value)
{
	(void)json_object_set_new(object, name, json_boolean(value));
}

void json_text_add_int(json_t *object, const char *name, guint64 value)
{
	(void)json_object_set_new(object, name, json_integer((json_int_t)value));
}

json_t *json_text_add_object(json_t *object, const char *name)
{
	json_t *member = json_object();

	(void)json_object_set_new(object, name, member);
	return member;
}

json_t *json_text_add_array(json_t *object, const char *name)
{
	json_t *member = json_array();

	(void)json_object_set_new(object, name, member);
	return member;
}

void json_text_append_string(json_t *array, const char *value)
{
	(void)json_array_append_new(array, string_of(value));
}

json_t *json_text_append_object(json_t *array)
{
	json_t *object = json_object();

	(void)json_array_append_new(array, object);
	return object;
}

/* ---- As text ---- */

char *json_text_format(const json_t *value, gboolean pretty)
{
	char *text = json_dumps(value, JSON_ENCODE_ANY |
	                                       (pretty ? JSON_INDENT(2) : JSON_COMPACT));
	char *copy = g_strdup(text);

	free(text); /* by the C library's malloc(), where GLib's may be another */
	return copy;
}

char *json_text_make_printable(const char *bytes, gsize count)
{
	g_autofree char *valid = g_utf8_make_valid(bytes, (gssize)count);
	GString *text = g_string_new(NULL);

	for (const char *at = valid; *at; at = g_utf8_next_char(at)) {
		gunichar c = g_utf8_get_char(at);

		if (c == '\t')
			c = ' ';
		g_string_append_unichar(text,
		                        c == '\n' || g_unichar_isprint(c) ? c : '?');
	}
	return g_string_free(text, FALSE);
}
