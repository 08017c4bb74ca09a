/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests of the control socket: text to struct and back. */
#include "root-partition/config/control_json.h"

#include <string.h>

#include "root-partition/config/json_text.h"

static const char *const names[] = {
	[CONTROL_STATUS] = "status", [CONTROL_SHUTDOWN] = "shutdown",
	[CONTROL_STOP] = "stop",     [CONTROL_CONSOLE] = "console",
	[CONTROL_STATS] = "stats",   [CONTROL_LOG] = "log",
	[CONTROL_EVENTS] = "events", [CONTROL_RESIZE] = "resize",
	[CONTROL_RESET] = "reset",   [CONTROL_PAUSE] = "pause",
	[CONTROL_RESUME] = "resume", [CONTROL_DISKS] = "disks",
	[CONTROL_GUEST] = "guest",   [CONTROL_FREEZE] = "freeze",
	[CONTROL_THAW] = "thaw",
};

static gboolean refuse(GError **error, const char *format, const char *what)
	G_GNUC_PRINTF(2, 0);

static gboolean refuse(GError **error, const char *format, const char *what)
{
	g_autofree char *text = g_strdup_printf(format, what);

	g_set_error_literal(error, JSON_PARSER_ERROR, JSON_PARSER_ERROR_UNKNOWN, text);
	return FALSE;
}

static gboolean take_command(JsonNode *node, struct control_request *request,
                             GError **error)
{
	const char *name;

	if (!json_text_get_string(node, &name))
		return refuse(error, "'%s' must be a string", "command");
	for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
		if (strcmp(names[i], name) == 0) {
			request->command = (enum control_command)i;
			return TRUE;
		}
	}
	return refuse(error, "unknown command '%s'", name);
}

static gboolean take_member(const char *key, JsonNode *value,
                            struct control_request *request, GError **error)
{
	gint64 seconds;

	if (strcmp(key, "command") == 0)
		return take_command(value, request, error);
	if (strcmp(key, "reboot") == 0)
		return json_text_get_boolean(value, &request->reboot) ||
		       refuse(error, "'%s' must be true or false", key);
	if (strcmp(key, "seconds") != 0)
		return refuse(error, "unknown member '%s'", key);
	if (!json_text_get_int(value, &seconds) || seconds < 1 ||
	    seconds > CONTROL_SECONDS_MAX)
		return refuse(error, "'%s' must be 1 to 3600", key);
	request->seconds = (guint)seconds;
	return TRUE;
}

gboolean control_request_parse(const char *line, gsize length,
                               struct control_request *request, GError **error)
{
	g_autoptr(JsonObject)
		object = json_text_parse(line, length, CONTROL_LINE_BYTES, error);
	JsonObjectIter iter;
	const char *key;
	JsonNode *value;

	if (!object)
		return FALSE;
	*request = (struct control_request){ 0 };
	if (!json_object_has_member(object, "command"))
		return refuse(error, "'%s' is missing", "command");
	json_object_iter_init(&iter, object);
	while (json_object_iter_next(&iter, &key, &value))
		if (!take_member(key, value, request, error))
			return FALSE;
	if ((request->command == CONTROL_FREEZE) != (request->seconds != 0))
		return refuse(error, "'%s' is freeze's, which needs it", "seconds");
	return TRUE;
}

static char *finish_line(JsonBuilder *builder)
{
	g_autofree char *text = NULL;

	json_builder_end_object(builder);
	text = json_text_finish(builder, FALSE);
	return g_strconcat(text, "\n", NULL);
}

char *control_request_to_json(const struct control_request *request)
{
	g_autoptr(JsonBuilder) builder = json_builder_new();

	json_builder_begin_object(builder);
	json_text_add_string(builder, "command", names[request->command]);
	if (request->reboot)
		json_text_add_boolean(builder, "reboot", TRUE);
	if (request->seconds)
		json_text_add_int(builder, "seconds", request->seconds);
	return finish_line(builder);
}

char *control_error_to_json(const char *message)
{
	g_autoptr(JsonBuilder) builder = json_builder_new();

	json_builder_begin_object(builder);
	json_text_add_boolean(builder, "ok", FALSE);
	json_text_add_string(builder, "error", message);
	return finish_line(builder);
}
