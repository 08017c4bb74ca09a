/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a guest tells of itself. viridis freeze, thaw: its file systems stand still, for a copy of one moment. viridis item:
 * what its programs are told.
 */
#include "root-partition/cli/guest.h"

#include <string.h>
#include <unistd.h>

#include "root-partition/client/client.h"
#include "root-partition/cli/command.h"
#include "root-partition/config/definition.h"

#define FREEZE_DEFAULT_S 60
/* The guest may take a minute to write everything out. */
#define FREEZE_ANSWER_S 75

/* ---- Facts ---- */

json_t *guest_ask(const char *name)
{
	return client_ask(name, CONTROL_GUEST, NULL);
}

static const char *text_of(json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

/* A guest may not forge lines of ours. */
static void append_one_line(GString *line, const char *text)
{
	for (const char *at = text; *at; at++)
		g_string_append_c(line, *at == '\n' || *at == '\r' ? ' ' : *at);
}

static gboolean is_true(json_t *object, const char *name)
{
	return json_is_true(json_object_get(object, name));
}

/* "Debian GNU/Linux 12, kernel 6.1.0-57-amd64, x86_64, guest.example", of what there is. */
static void print_system(json_t *names)
{
	static const struct {
		const char *key;
		const char *before;
	} parts[] = {
		{ "OSName", "" },
		{ "OSMajorVersion", " " },
		{ "OSBuildNumber", ", kernel " },
		{ "ProcessorArchitecture", ", " },
		{ "FullyQualifiedDomainName", ", " },
	};
	g_autoptr(GString) line = g_string_new(NULL);

	for (gsize i = 0; i < G_N_ELEMENTS(parts); i++) {
		const char *text = text_of(names, parts[i].key);

		if (!text || !text[0])
			continue;
		g_string_append(line, parts[i].before);
		append_one_line(line, text);
	}
	if (line->len)
		g_print("guest      %s\n", line->str);
}

static void print_addresses(json_t *adapter)
{
	json_t *addresses = json_object_get(adapter, "addresses");
	const char *mac = text_of(adapter, "mac");

	for (gsize i = 0; mac && i < json_array_size(addresses); i++) {
		g_autoptr(GString) line = g_string_new(NULL);
		const char *text;

		if (!json_text_get_string(json_array_get(addresses, i), &text))
			continue;
		append_one_line(line, text);
		g_print("address    %s (%s%s)\n", line->str, mac,
		        is_true(adapter, "dhcp") ? ", DHCP" : "");
	}
}

static void print_adapters(json_t *guest)
{
	json_t *adapters = json_object_get(guest, "adapters");

	for (gsize i = 0; i < json_array_size(adapters); i++)
		print_addresses(json_array_get(adapters, i));
}

static void print_items(json_t *items)
{
	const char *key;
	json_t *node;

	if (!items)
		return;
	json_object_foreach(items, key, node) {
		g_autoptr(GString) line = g_string_new(NULL);
		const char *value;

		if (!json_text_get_string(node, &value))
			continue;
		append_one_line(line, key);
		g_string_append(line, ": ");
		append_one_line(line, value);
		g_print("item       %s\n", line->str);
	}
}

void guest_print(json_t *guest)
{
	json_t *heartbeat = json_object_get(guest, "heartbeat");
	const char *state = text_of(heartbeat, "state");

	if (state)
		g_print("heartbeat  %s\n", is_true(heartbeat, "alive") ? "alive" :
		                           strcmp(state, "ready") == 0 ? "lost" :
		                                                         "none");
	print_system(json_object_get(guest, "names"));
	print_adapters(guest);
	print_items(json_object_get(guest, "items"));
	if (is_true(json_object_get(guest, "vss"), "frozen"))
		g_print("frozen     its file systems stand still; 'viridis thaw' ends it\n");
}

/* ---- Freezing ---- */

static int timeout_s = FREEZE_DEFAULT_S;

static const GOptionEntry freeze_entries[] = {
	{ "timeout", 0, 0, G_OPTION_ARG_INT, &timeout_s,
	  "After so long they go on by themselves (60)", "SECONDS" },
	G_OPTION_ENTRY_NULL,
};

static gboolean order(const char *name, const struct control_request *request,
                      GError **error)
{
	g_autoptr(json_t) answer = NULL;
	int fd = client_connect(name, client_deadline(CLIENT_ANSWER_S), error);

	if (fd < 0)
		return FALSE;
	answer = client_request(name, fd, request, client_deadline(FREEZE_ANSWER_S),
	                        error);
	close(fd);
	return answer != NULL;
}

enum command_status command_freeze(const struct command *command, int argc, char **argv)
{
	const struct command_arguments arguments = { command,        argc, argv,
		                                     freeze_entries, 1,    FALSE };
	struct control_request request = { .command = CONTROL_FREEZE };
	g_autoptr(GError) error = NULL;
	enum command_status status;
	const char *name;

	if (!command_parse(&arguments, &name, &status))
		return status;
	if (!command_check_number("--timeout", timeout_s, 1, CONTROL_SECONDS_MAX, &error))
		return command_fail(error);
	request.seconds = (guint)timeout_s;
	return order(name, &request, &error) ?
	               command_done("%s is frozen, for %d seconds at most", name,
	                            timeout_s) :
	               command_fail(error);
}

enum command_status command_thaw(const struct command *command, int argc, char **argv)
{
	const struct command_arguments arguments = { command, argc, argv, NULL, 1, FALSE };
	const struct control_request request = { .command = CONTROL_THAW };
	g_autoptr(GError) error = NULL;
	enum command_status status;
	const char *name;

	if (!command_parse(&arguments, &name, &status))
		return status;
	return order(name, &request, &error) ? command_done("%s goes on", name) :
	                                       command_fail(error);
}

/* ---- Items ---- */

/* KEY=VALUE to be kept, or KEY alone to be forgotten. */
static gboolean take_item(const char *verb, const char *text,
                          struct control_request *request, GError **error)
{
	const char *equals = strchr(text, '=');
	gboolean set = strcmp(verb, "set") == 0;
	g_autofree char *key = set && equals ? g_strndup(text, (gsize)(equals - text)) :
	                                       g_strdup(text);

	if (!set && strcmp(verb, "remove") != 0) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
		            "item: 'set' or 'remove', not '%s'", verb);
		return FALSE;
	}
	if (set && !equals) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
		            "item set: KEY=VALUE, not '%s'", text);
		return FALSE;
	}
	if (!g_utf8_validate(text, -1, NULL)) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
		            "item '%s': not UTF-8", text);
		return FALSE;
	}
	request->has_value = set;
	if (key[0] &&
	    g_strlcpy(request->key, key, CONTROL_KEY_BYTES) < CONTROL_KEY_BYTES &&
	    (!set || g_strlcpy(request->value, equals + 1, CONTROL_VALUE_BYTES) <
	                     CONTROL_VALUE_BYTES))
		return TRUE;
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
	            "item: a key has 1 to %u bytes, and a value %u at most",
	            CONTROL_KEY_BYTES - 1, CONTROL_VALUE_BYTES - 1);
	return FALSE;
}

enum command_status command_item(const struct command *command, int argc, char **argv)
{
	const struct command_arguments arguments = { command, argc, argv, NULL, 3, FALSE };
	struct control_request request = { .command = CONTROL_ITEM };
	const char *words[3] = { NULL };
	g_autoptr(GError) error = NULL;
	enum command_status status;

	if (!command_parse(&arguments, words, &status))
		return status;
	if (!take_item(words[0], words[2], &request, &error) ||
	    !order(words[1], &request, &error))
		return command_fail(error);
	return command_done(request.has_value ? "%s keeps it" : "%s has forgotten it",
	                    words[1]);
}
