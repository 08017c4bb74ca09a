/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the worker says and hears, in JSON.
 *
 *   order                                                    answer
 *   {"command": "shutdown", "reboot": bool, "force": bool}   ok when the guest has agreed
 *   {"command": "synchronize"}                               ok; the clock is set again
 *   {"command": "stats"}                                     ok and each service's state
 *
 * An answer is {"ok": true, ...} or {"ok": false, "error": "..."}, with the order's tag.
 */
#include <json-glib/json-glib.h>
#include <stdio.h>

#include "vsp/util/util.h"

/* The object, to be unreferenced; NULL when the text is none. */
static JsonObject *parse_object(const char *json)
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

/* The member's value if it has this type. */
static JsonNode *member(JsonObject *object, const char *name, GType type)
{
	JsonNode *node = json_object_get_member(object, name);

	if (!node || !JSON_NODE_HOLDS_VALUE(node) ||
	    json_node_get_value_type(node) != type)
		return NULL;
	return node;
}

static const char *text_of(JsonObject *object, const char *name)
{
	JsonNode *node = member(object, name, G_TYPE_STRING);

	return node ? json_node_get_string(node) : "";
}

static bool is_true(JsonObject *object, const char *name)
{
	JsonNode *node = member(object, name, G_TYPE_BOOLEAN);

	return node && json_node_get_boolean(node);
}

/* ---- Configuration ---- */

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
	id = member(object, "id", G_TYPE_INT64);
	if (!id || json_node_get_int(id) < 1 || json_node_get_int(id) > UINT32_MAX)
		return invalid(error, error_bytes, "a channel needs an 'id'");
	if (!util_kind_parse(text_of(object, "class"), &kind))
		return invalid(error, error_bytes,
		               "a channel of a class not served here");
	if (util->channels[kind].id != 0)
		return invalid(error, error_bytes, "two channels of one class");
	util->channels[kind].id = (uint32_t)json_node_get_int(id);
	return true;
}

bool util_configure_channels(struct util *util, const char *json, char *error,
                             size_t error_bytes)
{
	g_autoptr(JsonObject) root = parse_object(json);
	JsonNode *node;
	JsonArray *array;

	if (!root)
		return invalid(error, error_bytes, "a JSON object is needed");
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

/* ---- Answers and events ---- */

static void add_text(JsonBuilder *builder, const char *name, const char *value)
{
	json_builder_set_member_name(builder, name);
	json_builder_add_string_value(builder, value);
}

static void add_bool(JsonBuilder *builder, const char *name, bool value)
{
	json_builder_set_member_name(builder, name);
	json_builder_add_boolean_value(builder, value);
}

static void add_int(JsonBuilder *builder, const char *name, uint64_t value)
{
	json_builder_set_member_name(builder, name);
	json_builder_add_int_value(builder, (gint64)value);
}

/* Closes the object and sends it. */
static void finish(struct util *util, uint32_t tag, JsonBuilder *builder)
{
	g_autoptr(JsonNode) root = NULL;
	g_autofree char *text = NULL;

	json_builder_end_object(builder);
	root = json_builder_get_root(builder);
	text = json_to_string(root, FALSE);
	vsp_event(util->vsp, tag, text);
}

void util_answer(struct util *util, uint32_t tag, const char *why)
{
	g_autoptr(JsonBuilder) builder = json_builder_new();

	json_builder_begin_object(builder);
	add_bool(builder, "ok", why == NULL);
	if (why)
		add_text(builder, "error", why);
	finish(util, tag, builder);
}

void util_tell(struct util *util, enum util_kind kind, enum util_event event)
{
	g_autoptr(JsonBuilder) builder = json_builder_new();

	json_builder_begin_object(builder);
	add_text(builder, "event", util_kind_name(kind));
	add_text(builder, "state", util_event_name(event));
	finish(util, 0, builder);
}

static void add_service(JsonBuilder *builder, const struct util_service *service)
{
	static const char *const states[] = {
		[UTIL_CLOSED] = "closed",
		[UTIL_NEGOTIATING] = "negotiating",
		[UTIL_READY] = "ready",
		[UTIL_REFUSED] = "refused",
	};

	json_builder_set_member_name(builder, util_kind_name(service->kind));
	json_builder_begin_object(builder);
	add_text(builder, "state", states[service->state]);
	if (service->kind == UTIL_HEARTBEAT) {
		add_bool(builder, "alive", service->alive);
		add_int(builder, "beats", service->answers);
		add_int(builder, "missed", service->missed);
	} else if (service->kind == UTIL_TIMESYNC) {
		add_int(builder, "samples", service->samples);
	}
	json_builder_end_object(builder);
}

/* ---- Orders ---- */

static void order_shutdown(struct util *util, uint32_t tag, JsonObject *order)
{
	const char *why;

	if (!util_channel_shutdown(util, tag, is_true(order, "reboot"),
	                           is_true(order, "force"), &why))
		util_answer(util, tag, why);
}

static void order_synchronize(struct util *util, uint32_t tag, JsonObject *order)
{
	(void)order;
	util_resynchronize(&util->channels[UTIL_TIMESYNC].service);
	util_tick_all(util);
	util_answer(util, tag, NULL);
}

static void order_stats(struct util *util, uint32_t tag, JsonObject *order)
{
	g_autoptr(JsonBuilder) builder = json_builder_new();

	(void)order;
	json_builder_begin_object(builder);
	add_bool(builder, "ok", true);
	for (unsigned int i = 0; i < UTIL_KINDS; i++)
		add_service(builder, &util->channels[i].service);
	finish(util, tag, builder);
}

static const struct {
	const char *name;
	void (*carry_out)(struct util *util, uint32_t tag, JsonObject *order);
} orders[] = {
	{ "shutdown", order_shutdown },
	{ "synchronize", order_synchronize },
	{ "stats", order_stats },
};

void util_order(struct util *util, uint32_t tag, const char *json)
{
	g_autoptr(JsonObject) order = parse_object(json);
	const char *name = order ? text_of(order, "command") : "";

	for (gsize i = 0; i < G_N_ELEMENTS(orders); i++) {
		if (g_strcmp0(name, orders[i].name) != 0)
			continue;
		orders[i].carry_out(util, tag, order);
		return;
	}
	util_answer(util, tag, "no such command");
}
