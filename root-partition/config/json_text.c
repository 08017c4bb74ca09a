/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON in and out, by json-glib. */
#include "root-partition/config/json_text.h"

#include <string.h>

#define NESTING_MAX 16

/*
 * json-glib's parser recurses, so nesting is bounded before it sees the text. Brackets inside strings
 * do not nest. Outside of strings there are no comments and no other quotes: JSON has none, but the
 * parser takes some, and would see strings elsewhere than we do. Nor does it mind what follows the first value.
 */
static gboolean is_one_bounded_value(const char *text, gsize length)
{
	gboolean in_string = FALSE;
	gboolean over = FALSE;
	int depth = 0;

	for (gsize i = 0; i < length; i++) {
		char c = text[i];

		if (over && !g_ascii_isspace(c))
			return FALSE;
		if (in_string && c == '\\')
			i++;
		else if (c == '"')
			in_string = !in_string;
		else if (in_string)
			continue;
		else if (c == '[' || c == '{')
			depth++;
		else if (c == ']' || c == '}')
			depth--;
		else if (strchr("/#'", c))
			return FALSE;
		if (depth > NESTING_MAX)
			return FALSE;
		if (depth == 0 && (c == ']' || c == '}'))
			over = TRUE;
	}
	return TRUE;
}

JsonObject *json_text_parse(const char *text, gsize length, gsize length_max,
                            GError **error)
{
	g_autoptr(JsonParser) parser = json_parser_new();
	JsonNode *root;

	if (length > length_max || !is_one_bounded_value(text, length) ||
	    !g_utf8_validate_len(text, length, NULL)) {
		g_set_error_literal(error, JSON_PARSER_ERROR, JSON_PARSER_ERROR_PARSE,
		                    "not JSON text");
		return NULL;
	}
	if (!json_parser_load_from_data(parser, text, (gssize)length, error))
		return NULL;
	root = json_parser_get_root(parser);
	if (!root || !JSON_NODE_HOLDS_OBJECT(root)) {
		g_set_error_literal(error, JSON_PARSER_ERROR, JSON_PARSER_ERROR_PARSE,
		                    "a JSON object is needed");
		return NULL;
	}
	return json_node_dup_object(root);
}

static gboolean holds(JsonNode *node, GType type)
{
	return node && JSON_NODE_HOLDS_VALUE(node) &&
	       json_node_get_value_type(node) == type;
}

gboolean json_text_get_string(JsonNode *node, const char **value)
{
	if (!holds(node, G_TYPE_STRING))
		return FALSE;
	*value = json_node_get_string(node);
	return TRUE;
}

gboolean json_text_get_boolean(JsonNode *node, gboolean *value)
{
	if (!holds(node, G_TYPE_BOOLEAN))
		return FALSE;
	*value = json_node_get_boolean(node);
	return TRUE;
}

gboolean json_text_get_int(JsonNode *node, gint64 *value)
{
	if (!holds(node, G_TYPE_INT64))
		return FALSE;
	*value = json_node_get_int(node);
	return TRUE;
}

void json_text_add_string(JsonBuilder *builder, const char *name, const char *value)
{
	g_autofree char *valid = g_utf8_make_valid(value, -1);

	json_builder_set_member_name(builder, name);
	json_builder_add_string_value(builder, valid);
}

void json_text_add_boolean(JsonBuilder *builder, const char *name, gboolean value)
{
	json_builder_set_member_name(builder, name);
	json_builder_add_boolean_value(builder, value);
}

void json_text_add_int(JsonBuilder *builder, const char *name, guint64 value)
{
	json_builder_set_member_name(builder, name);
	json_builder_add_int_value(builder, (gint64)value);
}

char *json_text_finish(JsonBuilder *builder, gboolean pretty)
{
	g_autoptr(JsonNode) root = json_builder_get_root(builder);

	return json_to_string(root, pretty);
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
