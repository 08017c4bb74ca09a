/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON in and out, for the other files. */
#include "vsp/util/json.h"

JsonObject *util_json_parse(const char *json)
{
	g_autoptr(JsonParser) parser = json_parser_new();
	JsonNode *root;

	if (!json_parser_load_from_data(parser, json, -1, NULL))
		return NULL;
	root = json_parser_get_root(parser);
	if (!root || !JSON_NODE_HOLDS_OBJECT(root))
		return NULL;
	return json_node_dup_object(root);
}

JsonNode *util_json_member(JsonObject *object, const char *name, GType type)
{
	JsonNode *node = json_object_get_member(object, name);

	if (!node || !JSON_NODE_HOLDS_VALUE(node) ||
	    json_node_get_value_type(node) != type)
		return NULL;
	return node;
}

const char *util_json_text(JsonObject *object, const char *name)
{
	JsonNode *node = util_json_member(object, name, G_TYPE_STRING);

	return node ? json_node_get_string(node) : "";
}

bool util_json_true(JsonObject *object, const char *name)
{
	JsonNode *node = util_json_member(object, name, G_TYPE_BOOLEAN);

	return node && json_node_get_boolean(node);
}

void util_json_add_text(JsonBuilder *builder, const char *name, const char *value)
{
	json_builder_set_member_name(builder, name);
	json_builder_add_string_value(builder, value);
}

void util_json_add_bool(JsonBuilder *builder, const char *name, bool value)
{
	json_builder_set_member_name(builder, name);
	json_builder_add_boolean_value(builder, value);
}

void util_json_add_int(JsonBuilder *builder, const char *name, uint64_t value)
{
	json_builder_set_member_name(builder, name);
	json_builder_add_int_value(builder, (gint64)value);
}

void util_json_send(struct vsp *vsp, uint32_t tag, JsonBuilder *builder)
{
	g_autoptr(JsonNode) root = NULL;
	g_autofree char *text = NULL;

	json_builder_end_object(builder);
	root = json_builder_get_root(builder);
	text = json_to_string(root, FALSE);
	vsp_event(vsp, tag, text);
}
