/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests of the control socket: text to struct and back. */
#include "root-partition/config/control_json.h"

#include <string.h>

#include "root-partition/config/json_text.h"

static const char *const names[] = {
	[CONTROL_STATUS] = "status",     [CONTROL_SHUTDOWN] = "shutdown",
	[CONTROL_STOP] = "stop",         [CONTROL_CONSOLE] = "console",
	[CONTROL_STATS] = "stats",       [CONTROL_LOG] = "log",
	[CONTROL_EVENTS] = "events",     [CONTROL_RESIZE] = "resize",
	[CONTROL_RESET] = "reset",       [CONTROL_PAUSE] = "pause",
	[CONTROL_RESUME] = "resume",     [CONTROL_DISKS] = "disks",
	[CONTROL_GUEST] = "guest",       [CONTROL_FREEZE] = "freeze",
	[CONTROL_THAW] = "thaw",         [CONTROL_GET_VERSION] = "version",
	[CONTROL_WEIGHT] = "weight",     [CONTROL_ITEM] = "item",
	[CONTROL_COPY] = "copy",         [CONTROL_COPY_DATA] = "copy-data",
	[CONTROL_COPY_END] = "copy-end", [CONTROL_NETS] = "nets",
};

static gboolean refuse(GError **error, enum definition_error code, const char *format,
                       ...) G_GNUC_PRINTF(3, 4);

static gboolean refuse(GError **error, enum definition_error code, const char *format,
                       ...)
{
	va_list args;

	va_start(args, format);
	g_propagate_error(error,
	                  g_error_new_valist(DEFINITION_ERROR, code, format, args));
	va_end(args);
	return FALSE;
}

/* ---- Requests ---- */

static gboolean take_command(JsonNode *node, struct control_request *request,
                             GError **error)
{
	const char *name;

	if (!json_text_get_string(node, &name))
		return refuse(error, DEFINITION_ERROR_MALFORMED,
		              "'command' must be a string");
	for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
		if (strcmp(names[i], name) == 0) {
			request->command = (enum control_command)i;
			return TRUE;
		}
	}
	return refuse(error, DEFINITION_ERROR_COMMAND, "unknown command '%s'", name);
}

static gboolean take_reboot(JsonNode *node, struct control_request *request,
                            GError **error)
{
	return json_text_get_boolean(node, &request->reboot) ||
	       refuse(error, DEFINITION_ERROR_INVALID, "'reboot' must be true or false");
}

/* From 1 on. */
static gboolean take_number(JsonNode *node, const char *name, gint64 most, guint *number,
                            GError **error)
{
	gint64 value;

	if (!json_text_get_int(node, &value) || value < 1 || value > most)
		return refuse(error, DEFINITION_ERROR_INVALID,
		              "'%s' must be 1 to %" G_GINT64_FORMAT, name, most);
	*number = (guint)value;
	return TRUE;
}

static gboolean take_seconds(JsonNode *node, struct control_request *request,
                             GError **error)
{
	return take_number(node, "seconds", CONTROL_SECONDS_MAX, &request->seconds,
	                   error);
}

static gboolean take_weight(JsonNode *node, struct control_request *request,
                            GError **error)
{
	return take_number(node, "weight", CONTROL_WEIGHT_MAX, &request->weight, error);
}

static gboolean take_version(JsonNode *node, struct control_request *request,
                             GError **error)
{
	gint64 version;

	(void)request;
	if (!json_text_get_int(node, &version))
		return refuse(error, DEFINITION_ERROR_MALFORMED,
		              "'version' must be a number");
	return version == CONTROL_VERSION ||
	       refuse(error, DEFINITION_ERROR_VERSION,
	              "version %" G_GINT64_FORMAT " is not spoken here, but %d", version,
	              CONTROL_VERSION);
}

static gboolean take_id(JsonNode *node, struct control_request *request, GError **error)
{
	gint64 id;

	if (!json_text_get_int(node, &id) || id < 0 || id > CONTROL_ID_MAX)
		return refuse(error, DEFINITION_ERROR_MALFORMED,
		              "'id' must be 0 to %" G_GINT64_FORMAT, CONTROL_ID_MAX);
	request->has_id = TRUE;
	request->id = id;
	return TRUE;
}

/* Of at least `least` bytes, and with a zero at its end. */
static gboolean take_text(JsonNode *node, const char *name, char *text, gsize least,
                          gsize room, GError **error)
{
	const char *given;

	return (json_text_get_string(node, &given) && strlen(given) >= least &&
	        g_strlcpy(text, given, room) < room) ||
	       refuse(error, DEFINITION_ERROR_INVALID,
	              "'%s' must be a text of %" G_GSIZE_FORMAT " to %" G_GSIZE_FORMAT
	              " bytes",
	              name, least, room - 1);
}

static gboolean take_key(JsonNode *node, struct control_request *request, GError **error)
{
	return take_text(node, "key", request->key, 1, sizeof(request->key), error);
}

static gboolean take_value(JsonNode *node, struct control_request *request,
                           GError **error)
{
	request->has_value = TRUE;
	return take_text(node, "value", request->value, 0, sizeof(request->value), error);
}

static gboolean take_path(JsonNode *node, struct control_request *request, GError **error)
{
	return take_text(node, "path", request->path, 1, sizeof(request->path), error);
}

static gboolean take_size(JsonNode *node, struct control_request *request, GError **error)
{
	return (json_text_get_int(node, &request->size) && request->size >= 0) ||
	       refuse(error, DEFINITION_ERROR_INVALID,
	              "'size' must be a number of bytes, from 0 on");
}

static gboolean take_overwrite(JsonNode *node, struct control_request *request,
                               GError **error)
{
	return json_text_get_boolean(node, &request->overwrite) ||
	       refuse(error, DEFINITION_ERROR_INVALID,
	              "'overwrite' must be true or false");
}

/* Whether it is base64, who decodes it says. */
static gboolean take_data(JsonNode *node, struct control_request *request, GError **error)
{
	return take_text(node, "data", request->data, 1, sizeof(request->data), error);
}

#define EVERY_COMMAND (-1)

/*
 * In the order in which they are looked at: a refusal has the id, if there is one. Whose they are, and whether that
 * command cannot do without.
 */
static const struct {
	const char *name;
	gboolean (*take)(JsonNode *node, struct control_request *request, GError **error);
	int command;
	gboolean needed;
} members[] = {
	{ "id", take_id, EVERY_COMMAND, FALSE },
	{ "version", take_version, EVERY_COMMAND, FALSE },
	{ "command", take_command, EVERY_COMMAND, FALSE },
	{ "seconds", take_seconds, CONTROL_FREEZE, TRUE },
	{ "reboot", take_reboot, CONTROL_SHUTDOWN, FALSE },
	{ "weight", take_weight, CONTROL_WEIGHT, TRUE },
	{ "key", take_key, CONTROL_ITEM, TRUE },
	{ "value", take_value, CONTROL_ITEM, FALSE },
	{ "path", take_path, CONTROL_COPY, TRUE },
	{ "size", take_size, CONTROL_COPY, TRUE },
	{ "overwrite", take_overwrite, CONTROL_COPY, FALSE },
	{ "data", take_data, CONTROL_COPY_DATA, TRUE },
};

static gboolean is_known(const char *key, enum control_command command)
{
	for (gsize i = 0; i < G_N_ELEMENTS(members); i++)
		if (strcmp(members[i].name, key) == 0)
			return members[i].command == EVERY_COMMAND ||
			       members[i].command == (int)command;
	return FALSE;
}

/* Those that nobody knows, those that another command has, and those that are not there. */
static gboolean check_members(JsonObject *object, struct control_request *request,
                              GError **error)
{
	JsonObjectIter iter;
	const char *key;
	JsonNode *value;

	json_object_iter_init_ordered(&iter, object);
	while (json_object_iter_next_ordered(&iter, &key, &value))
		if (!is_known(key, request->command)) {
			g_strlcpy(request->unknown, key, sizeof(request->unknown));
			return refuse(error, DEFINITION_ERROR_MEMBER,
			              "unknown member '%s'", key);
		}
	for (gsize i = 0; i < G_N_ELEMENTS(members); i++)
		if (members[i].needed && members[i].command == (int)request->command &&
		    !json_object_has_member(object, members[i].name))
			return refuse(error, DEFINITION_ERROR_INVALID, "'%s' is missing",
			              members[i].name);
	return TRUE;
}

gboolean control_request_parse(const char *line, gsize length,
                               struct control_request *request, GError **error)
{
	g_autoptr(GError) why = NULL;
	g_autoptr(JsonObject)
		object = json_text_parse(line, length, CONTROL_LINE_BYTES, &why);

	*request = (struct control_request){ 0 };
	if (!object)
		return refuse(error, DEFINITION_ERROR_MALFORMED, "%s", why->message);
	for (gsize i = 0; i < G_N_ELEMENTS(members); i++) {
		JsonNode *node = json_object_get_member(object, members[i].name);

		if (node && !members[i].take(node, request, error))
			return FALSE;
	}
	if (!json_object_has_member(object, "command"))
		return refuse(error, DEFINITION_ERROR_MALFORMED, "'command' is missing");
	return check_members(object, request, error);
}

/* ---- To text ---- */

static JsonBuilder *begin_line(void)
{
	return json_builder_begin_object(json_builder_new());
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
	g_autoptr(JsonBuilder) builder = begin_line();

	if (request->has_id)
		json_text_add_int(builder, "id", (guint64)request->id);
	json_text_add_string(builder, "command", names[request->command]);
	if (request->reboot)
		json_text_add_boolean(builder, "reboot", TRUE);
	if (request->seconds)
		json_text_add_int(builder, "seconds", request->seconds);
	if (request->weight)
		json_text_add_int(builder, "weight", request->weight);
	if (request->key[0])
		json_text_add_string(builder, "key", request->key);
	if (request->has_value)
		json_text_add_string(builder, "value", request->value);
	if (request->path[0]) {
		json_text_add_string(builder, "path", request->path);
		json_text_add_int(builder, "size", (guint64)request->size);
	}
	if (request->overwrite)
		json_text_add_boolean(builder, "overwrite", TRUE);
	if (request->data[0])
		json_text_add_string(builder, "data", request->data);
	return finish_line(builder);
}

static JsonBuilder *begin_error(enum definition_error code, const char *message)
{
	JsonBuilder *builder = begin_line();

	json_text_add_boolean(builder, "ok", FALSE);
	json_text_add_string(builder, "code", error_code_word(code));
	json_text_add_string(builder, "error", message);
	return builder;
}

char *control_error_to_json(enum definition_error code, const char *message)
{
	g_autoptr(JsonBuilder) builder = begin_error(code, message);

	return finish_line(builder);
}

char *control_refusal_to_json(const struct control_request *request, const GError *error)
{
	g_autoptr(JsonBuilder)
		builder = begin_error((enum definition_error)error->code, error->message);

	if (request->unknown[0])
		json_text_add_string(builder, "member", request->unknown);
	return finish_line(builder);
}

char *control_version_to_json(void)
{
	g_autoptr(JsonBuilder) builder = begin_line();

	json_text_add_boolean(builder, "ok", TRUE);
	json_text_add_int(builder, "version", CONTROL_VERSION);
	json_builder_set_member_name(builder, "commands");
	json_builder_begin_array(builder);
	for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
		json_builder_add_string_value(builder, names[i]);
	json_builder_end_array(builder);
	return finish_line(builder);
}

/* As text: an answer may have been a provider's, and is not read again for this. */
char *control_with_id(const char *answer, gboolean has_id, gint64 id)
{
	if (!has_id || answer[0] != '{')
		return g_strdup(answer);
	return g_strdup_printf("{\"id\":%" G_GINT64_FORMAT ",%s", id, answer + 1);
}

char *control_event_to_json(const struct control_event *event, guint64 sequence)
{
	g_autoptr(JsonBuilder) builder = begin_line();

	json_text_add_string(builder, "event", event->name);
	json_text_add_int(builder, "sequence", sequence);
	json_text_add_string(builder, "source", event->source);
	if (event->reason)
		json_text_add_string(builder, "reason", event->reason);
	if (event->lun >= 0)
		json_text_add_int(builder, "lun", (guint64)event->lun);
	if (event->mac)
		json_text_add_string(builder, "mac", event->mac);
	return finish_line(builder);
}

char *control_lost_to_json(guint64 first, guint64 last)
{
	g_autoptr(JsonBuilder) builder = begin_line();

	json_text_add_string(builder, "event", "lost");
	json_text_add_string(builder, "source", "worker");
	json_text_add_int(builder, "count", last - first + 1);
	json_text_add_int(builder, "first", first);
	json_text_add_int(builder, "last", last);
	return finish_line(builder);
}
