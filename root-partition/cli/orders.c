/* SPDX-License-Identifier: GPL-2.0-or-later */
/* viridis pause, resume, reset: orders that the worker carries out at once. wait, events: what becomes of a VM. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "root-partition/client/client.h"
#include "root-partition/cli/command.h"
#include "root-partition/config/definition.h"
#include "root-partition/config/store.h"

#define WAIT_PERIOD_US  50000
#define EVENT_BYTES_MAX 8192

/* ---- Orders ---- */

static enum command_status order(const struct command_arguments *arguments,
                                 enum control_command request, const char *done)
{
	g_autoptr(json_t) answer = NULL;
	g_autoptr(GError) error = NULL;
	enum command_status status;
	const char *name;

	if (!command_parse(arguments, &name, &status))
		return status;
	answer = client_ask(name, request, &error);
	return answer ? command_done("%s %s", name, done) : command_fail(error);
}

enum command_status command_pause(const struct command *command, int argc, char **argv)
{
	const struct command_arguments arguments = { command, argc, argv, NULL, 1, FALSE };

	return order(&arguments, CONTROL_PAUSE, "is paused");
}

enum command_status command_resume(const struct command *command, int argc, char **argv)
{
	const struct command_arguments arguments = { command, argc, argv, NULL, 1, FALSE };

	return order(&arguments, CONTROL_RESUME, "runs");
}

enum command_status command_reset(const struct command *command, int argc, char **argv)
{
	const struct command_arguments arguments = { command, argc, argv, NULL, 1, FALSE };

	return order(&arguments, CONTROL_RESET, "starts anew");
}

/* ---- Waiting ---- */

static char *wanted;
static int timeout_s = G_MAXINT; /* for ever */

static const GOptionEntry wait_entries[] = {
	{ "for", 0, 0, G_OPTION_ARG_STRING, &wanted,
	  "A state as 'viridis info' shows it; without it, any in which it does not run",
	  "STATE" },
	{ "timeout", 0, 0, G_OPTION_ARG_INT, &timeout_s,
	  "How long to wait; without it, for ever", "SECONDS" },
	G_OPTION_ENTRY_NULL,
};

static gboolean check_wanted(GError **error)
{
	static const char *const states[] = { "running", "paused",  "panicked",
		                              "off",     "crashed", "failed" };

	for (gsize i = 0; wanted && i < G_N_ELEMENTS(states); i++)
		if (strcmp(wanted, states[i]) == 0)
			return TRUE;
	if (!wanted)
		return TRUE;
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
	            "--for %s: no such state; there are running, paused, panicked, off, "
	            "crashed and failed",
	            wanted);
	return FALSE;
}

/* It ended in another way than was hoped for, and will not get there by itself. */
static gboolean is_past(const char *state)
{
	return wanted && !client_state_alive(wanted) && !client_state_alive(state) &&
	       strcmp(state, wanted) != 0;
}

/* True once it is so. */
static gboolean await(const char *name, GError **error)
{
	gint64 deadline = timeout_s < G_MAXINT ? client_deadline(timeout_s) : G_MAXINT64;

	for (;;) {
		g_autofree char *reason = NULL;
		g_autofree char *state = client_state(name, &reason, error);
		gboolean ending;

		if (!state)
			return FALSE;
		ending = !client_state_alive(state) && !client_gone(name);
		if (!ending &&
		    (wanted ? strcmp(state, wanted) == 0 : !client_state_alive(state)))
			return TRUE;
		if (is_past(state)) {
			g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_HOST,
			            "%s is not %s, but %s (%s)", name, wanted, state,
			            reason);
			return FALSE;
		}
		if (g_get_monotonic_time() >= deadline) {
			g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_TIME,
			            "%s is still %s", name, ending ? "ending" : state);
			return FALSE;
		}
		g_usleep(WAIT_PERIOD_US);
	}
}

enum command_status command_wait(const struct command *command, int argc, char **argv)
{
	const struct command_arguments arguments = { command,      argc, argv,
		                                     wait_entries, 1,    FALSE };
	g_autoptr(definition_pointer) definition = NULL;
	g_autofree char *reason = NULL;
	g_autofree char *state = NULL;
	g_autoptr(GError) error = NULL;
	enum command_status status;
	const char *name;
	gboolean done;

	if (!command_parse(&arguments, &name, &status))
		return status;
	if (!check_wanted(&error) ||
	    !command_check_number("--timeout", timeout_s, 1, G_MAXINT, &error))
		return command_fail(error);
	definition = store_load(name, &error);
	if (!definition)
		return command_fail(error);
	command_wait_begin("%s is waited for", name);
	done = await(name, &error);
	command_wait_end();
	if (!done)
		return command_fail(error);
	state = client_state(name, &reason, &error);
	return state ? command_done("%s is %s", name, state) : command_fail(error);
}

/* ---- Events ---- */

/* An event in JSON, as it came, or in words. */
static void print_event(const char *line)
{
	g_autoptr(json_t)
		event = json_text_parse(line, strlen(line), EVENT_BYTES_MAX, NULL);
	const char *name = NULL;
	const char *reason = "", *mac;
	gint64 number;

	if (!json_text_get_string(json_object_get(event, "event"), &name))
		return;
	(void)json_text_get_string(json_object_get(event, "reason"), &reason);
	if (command_json()) {
		g_print("%s", line);
		return;
	}
	g_print("%s%s%s", name, reason[0] ? ": " : "", reason);
	if (json_text_get_int(json_object_get(event, "lun"), &number))
		g_print(" %" G_GINT64_FORMAT, number);
	if (json_text_get_string(json_object_get(event, "mac"), &mac))
		g_print(" %s", mac);
	if (json_text_get_int(json_object_get(event, "count"), &number))
		g_print(": %" G_GINT64_FORMAT, number);
	g_print("\n");
}

/* How long reading from the worker may take; 0: for ever. */
static void limit_reading(int fd, int seconds)
{
	const struct timeval limit = { .tv_sec = seconds };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
}

/* Asks, and has the answer; what follows it is left in the stream. */
static gboolean subscribe(const char *name, FILE *stream, GError **error)
{
	g_autofree char *request = control_request_to_json(
		&(struct control_request){ .command = CONTROL_EVENTS });
	char line[EVENT_BYTES_MAX];

	limit_reading(fileno(stream), CLIENT_ANSWER_S);
	if (fputs(request, stream) == EOF || fflush(stream) != 0)
		return client_hung_up(name, error);
	if (!fgets(line, sizeof(line), stream))
		return feof(stream) ? client_hung_up(name, error) :
		                      client_no_answer(name, error);
	limit_reading(fileno(stream), 0);
	return client_is_ok(line, strlen(line), error);
}

/* Takes the connection over. Until the worker hangs up: the VM has ended. */
static gboolean print_events(const char *name, int fd, GError **error)
{
	char line[EVENT_BYTES_MAX];
	FILE *stream = fdopen(fd, "r+");
	gboolean subscribed;

	if (!stream) {
		close(fd);
		return client_hung_up(name, error);
	}
	subscribed = subscribe(name, stream, error);
	while (subscribed && fgets(line, sizeof(line), stream) && !ferror(stdout))
		print_event(line);
	fclose(stream);
	return subscribed;
}

enum command_status command_events(const struct command *command, int argc, char **argv)
{
	const struct command_arguments arguments = { command, argc, argv, NULL, 1, FALSE };
	g_autoptr(GError) error = NULL;
	enum command_status status;
	const char *name;
	int fd;

	if (!command_parse(&arguments, &name, &status))
		return status;
	fd = client_connect(name, client_deadline(CLIENT_ANSWER_S), &error);
	if (fd < 0 || !print_events(name, fd, &error))
		return command_fail(error);
	return COMMAND_DONE;
}
