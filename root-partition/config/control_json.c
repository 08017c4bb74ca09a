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

static gboolean take_command(const json_t *json, struct control_request *request,
                             GError **error)
{
	const char *name;

	if (!json_text_get_string(json, &name))
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

static gboolean take_reboot(const json_t *json, struct control_request *request,
                            GError **error)
{
	return json_text_get_boolean(json, &request->reboot) ||
	       refuse(error, DEFINITION_ERROR_INVALID, "'reboot' must be true or false");
}

/* From 1 on. */
static gboolean take_number(const json_t *json, const char *name, gint64 most,
                            guint *number, GError **error)
{
	gint64 value;

	if (!json_text_get_int(json, &value) || value < 1 || value > most)
		return refuse(error, DEFINITION_ERROR_INVALID,
		              "'%s' must be 1 to %" G_GINT64_FORMAT, name, most);
	*number = (guint)value;
	return TRUE;
}

static gboolean take_seconds(const json_t *json, struct control_request *request,
                             GError **error)
{
	return take_number(json, "seconds", CONTROL_SECONDS_MAX, &request->seconds,
	                   error);
}

static gboolean take_weight(const json_t *json, struct control_request *request,
                            GError **error)
{
	return take_number(json, "weight", CONTROL_WEIGHT_MAX, &request->weight, error);
}

static gboolean take_version(const json_t *json, struct control_request *request,
                             GError **error)
{
	gint64 version;

	(void)request;
	if (!json_text_get_int(json, &version))
		return refuse(error, DEFINITION_ERROR_MALFORMED,
		              "'version' must be a number");
	return version == CONTROL_VERSION ||
	       refuse(error, DEFINITION_ERROR_VERSION,
	              "version %" G_GINT64_FORMAT " is not spoken here, but %d", version,
	              CONTROL_VERSION);
}

static gboolean take_id(const json_t *json, struct control_request *request,
                        GError **error)
{
	gint64 id;

	if (!json_text_get_int(json, &id) || id < 0 || id > CONTROL_ID_MAX)
		return refuse(error, DEFINITION_ERROR_MALFORMED,
		              "'id' must be 0 to %" G_GINT64_FORMAT, CONTROL_ID_MAX);
	request->has_id = TRUE;
	request->id = id;
	return TRUE;
}

/* Of at least `least` bytes, and with a zero at its end. */
static gboolean take_text(const json_t *json, const char *name, char *text, gsize least,
                          gsize room, GError **error)
{
	const char *given;

	return (json_text_get_string(json, &given) && strlen(given) >= least &&
	        g_strlcpy(text, given, room) < room) ||
	       refuse(error, DEFINITION_ERROR_INVALID,
	              "'%s' must be a text of %" G_GSIZE_FORMAT " to %" G_GSIZE_FORMAT
	              " bytes",
	              name, least, room - 1);
}

static gboolean take_key(const json_t *json, struct control_request *request,
                         GError **error)
{
	return take_text(json, "key", request->key, 1, sizeof(request->key), error);
}

static gboolean take_value(const json_t *json, struct control_request *request,
                           GError **error)
{
	request->has_value = TRUE;
	return take_text(json, "value", request->value, 0, sizeof(request->value), error);
}

static gboolean take_path(const json_t *json, struct control_request *request,
                          GError **error)
{
	return take_text(json, "path", request->path, 1, sizeof(request->path), error);
}

static gboolean take_size(const json_t *json, struct control_request *request,
                          GError **error)
{
	return (json_text_get_int(json, &request->size) && request->size >= 0) ||
	       refuse(error, DEFINITION_ERROR_INVALID,
	              "'size' must be a number of bytes, from 0 on");
}

static gboolean take_overwrite(const json_t *json, struct control_request *request,
                               GError **error)
{
	return json_text_get_boolean(json, &request->overwrite) ||
	       refuse(error, DEFINITION_ERROR_INVALID,
	              "'overwrite' must be true or false");
}

/* Whether it is base64, who decodes it says. */
static gboolean take_data(const json_t *json, struct control_request *request,
                          GError **error)
{
	return take_text(json, "data", request->data, 1, sizeof(request->data), error);
}

#define EVERY_COMMAND (-1)

/*
 * In the order in which they are looked at: a refusal has the id, if there is one. Whose they are, and whether that
 * command cannot do without.
 */
static const struct {
	const char *name;
	gboolean (*take)(const json_t *json, struct control_request *request,
	                 GError **error);
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
static gboolean check_members(json_t *object, struct control_request *request,
                              GError **error)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
		if (!is_known(key, request->command)) {
			g_strlcpy(request->unknown, key, sizeof(request->unknown));
			return refuse(error, DEFINITION_ERROR_MEMBER,
			              "unknown member '%s'", key);
		}
	for (gsize i = 0; i < G_N_ELEMENTS(members); i++)
		if (members[i].needed && members[i].command == (int)request->command &&
		    !json_object_get(object, members[i].name))
			return refuse(error, DEFINITION_ERROR_INVALID, "'%s' is missing",
			              members[i].name);
	return TRUE;
}

gboolean control_request_parse(const char *line, gsize length,
                               struct control_request *request, GError **error)
{
	g_autoptr(GError) why = NULL;
	g_autoptr(json_t)
		object = json_text_parse(line, length, CONTROL_LINE_BYTES, &why);

	*request = (struct control_request){ 0 };
	if (!object)
		return refuse(error, DEFINITION_ERROR_MALFORMED, "%s", why->message);
	for (gsize i = 0; i < G_N_ELEMENTS(members); i++) {
		const json_t *json = json_object_get(object, members[i].name);

		if (json && !members[i].take(json, request, error))
			return FALSE;
	}
	if (!json_object_get(object, "command"))
		return refuse(error, DEFINITION_ERROR_MALFORMED, "'command' is missing");
	return check_members(object, request, error);
}

/* ---- To text ---- */

static char *line_of(const json_t *object)
{
	g_autofree char *text = json_text_format(object, FALSE);

	return g_strconcat(text, "\n", NULL);
}

char *control_request_to_json(const struct control_request *request)
{
	g_autoptr(json_t) object = json_object();

	if (request->has_id)
		json_text_add_int(object, "id", (guint64)request->id);
	json_text_add_string(object, "command", names[request->command]);
	if (request->reboot)
		json_text_add_boolean(object, "reboot", TRUE);
	if (request->seconds)
		json_text_add_int(object, "seconds", request->seconds);
	if (request->weight)
		json_text_add_int(object, "weight", request->weight);
	if (request->key[0])
		json_text_add_string(object, "key", request->key);
	if (request->has_value)
		json_text_add_string(object, "value", request->value);
	if (request->path[0]) {
		json_text_add_string(object, "path", request->path);
		json_text_add_int(object, "size", (guint64)request->size);
	}
	if (request->overwrite)
		json_text_add_boolean(object, "overwrite", TRUE);
	if (request->data[0])
		json_text_add_string(object, "data", request->data);
	return line_of(object);
}

static json_t *error_of(enum definition_error code, const char *message)
{
	json_t *object = json_object();

	json_text_add_boolean(object, "ok", FALSE);
	json_text_add_string(object, "code", error_code_word(code));
	json_text_add_string(object, "error", message);
	return object;
}

char *control_error_to_json(enum definition_error code, const char *message)
{
	g_autoptr(json_t) object = error_of(code, message);

	return line_of(object);
}

char *control_refusal_to_json(const struct control_request *request, const GError *error)
{
	g_autoptr(json_t)
		object = error_of((enum definition_error)error->code, error->message);

	if (request->unknown[0])
		json_text_add_string(object, "member", request->unknown);
	return line_of(object);
}

char *control_version_to_json(void)
{
	g_autoptr(json_t) object = json_object();
	json_t *commands;

	json_text_add_boolean(object, "ok", TRUE);
	json_text_add_int(object, "version", CONTROL_VERSION);
	commands = json_text_add_array(object, "commands");
	for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
		json_text_append_string(commands, names[i]);
	return line_of(object);
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
	g_autoptr(json_t) object = json_object();

	json_text_add_string(object, "event", event->name);
	json_text_add_int(object, "sequence", sequence);
	json_text_add_string(object, "source", event->source);
	if (event->reason)
		json_text_add_string(object, "reason", event->reason);
	if (event->lun >= 0)
		json_text_add_int(object, "lun", (guint64)event->lun);
	if (event->mac)
		json_text_add_string(object, "mac", event->mac);
	return line_of(object);
}

char *control_lost_to_json(guint64 first, guint64 last)
{
	g_autoptr(json_t) object = json_object();

	json_text_add_string(object, "event", "lost");
	json_text_add_string(object, "source", "worker");
	json_text_add_int(object, "count", last - first + 1);
	json_text_add_int(object, "first", first);
	json_text_add_int(object, "last", last);
	return line_of(object);
}
