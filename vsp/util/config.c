/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CONFIG: which channel has which class, and the adapters that the guest is asked for. */
#include <stdio.h>

#include "vsp/util/json.h"
#include "vsp/util/util.h"

static bool invalid(char *error, size_t error_bytes, const char *why)
{
	snprintf(error, error_bytes, "configuration: %s", why);
	return false;
}

static bool configure_channel(struct util *util, JsonNode *node, char *error,
                              size_t error_bytes)
{
	JsonObject *object;
	JsonNode *id;
	enum util_kind kind;

	if (!JSON_NODE_HOLDS_OBJECT(node))
		return invalid(error, error_bytes, "a channel must be an object");
	object = json_node_get_object(node);
	id = util_json_member(object, "id", G_TYPE_INT64);
	if (!id || json_node_get_int(id) < 1 || json_node_get_int(id) > UINT32_MAX)
		return invalid(error, error_bytes, "a channel needs an 'id'");
	if (!util_kind_parse(util_json_text(object, "class"), &kind))
		return invalid(error, error_bytes,
		               "a channel of a class not served here");
	if (util->channels[kind].id != 0)
		return invalid(error, error_bytes, "two channels of one class");
	util->channels[kind].id = (uint32_t)json_node_get_int(id);
	return true;
}

static bool configure_channels(struct util *util, JsonObject *root, char *error,
                               size_t error_bytes)
{
	JsonNode *node;
	JsonArray *array;

	node = json_object_get_member(root, "channels");
	if (!node || !JSON_NODE_HOLDS_ARRAY(node))
		return invalid(error, error_bytes, "'channels' must be a list");
	array = json_node_get_array(node);
	for (guint i = 0; i < json_array_get_length(array); i++) {
		if (!configure_channel(util, json_array_get_element(array, i), error,
		                       error_bytes))
			return false;
	}
	return true;
}

/* "adapters": their MACs. They may be left out. */
static bool configure_adapters(struct util *util, JsonObject *root, char *error,
                               size_t error_bytes)
{
	JsonNode *node = json_object_get_member(root, "adapters");
	JsonArray *array;

	if (!node)
		return true;
	if (!JSON_NODE_HOLDS_ARRAY(node))
		return invalid(error, error_bytes, "'adapters' must be a list");
	array = json_node_get_array(node);
	for (guint i = 0; i < json_array_get_length(array); i++) {
		JsonNode *mac = json_array_get_element(array, i);

		if (!JSON_NODE_HOLDS_VALUE(mac) ||
		    json_node_get_value_type(mac) != G_TYPE_STRING ||
		    !util_facts_add_adapter(&util->facts, json_node_get_string(mac)))
			return invalid(error, error_bytes,
			               "an adapter must be a MAC, and few");
	}
	return true;
}

bool util_configure(struct util *util, const char *json, char *error, size_t error_bytes)
{
	g_autoptr(JsonObject) root = util_json_parse(json);

	if (!root)
		return invalid(error, error_bytes, "a JSON object is needed");
	return configure_channels(util, root, error, error_bytes) &&
	       configure_adapters(util, root, error, error_bytes);
}
