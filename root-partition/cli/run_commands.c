/* SPDX-License-Identifier: GPL-2.0-or-later */
/* viridis shutdown, stop, delete: the ends of a VM. */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "root-partition/cli/client.h"
#include "root-partition/cli/command.h"
#include "root-partition/vm/definition.h"
#include "root-partition/vm/state.h"
#include "root-partition/vm/store.h"

#define STOP_TIMEOUT_S 60
#define GONE_PERIOD_US 10000

static gboolean reboot;
static int timeout_s;

static const GOptionEntry shutdown_entries[] = {
	{ "reboot", 0, 0, G_OPTION_ARG_NONE, &reboot, "Restart the guest instead", NULL },
	{ "timeout", 0, 0, G_OPTION_ARG_INT, &timeout_s,
	  "How long to wait for the guest (120)", "SECONDS" },
	G_OPTION_ENTRY_NULL,
};

/* Until the worker hangs up and has let go of its lock; events on the way are read over. */
static gboolean wait_for_end(const char *name, int fd, int seconds, GError **error)
{
	gint64 deadline = g_get_monotonic_time() + seconds * G_USEC_PER_SEC;
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	char ignored[256];

	for (;;) {
		gint64 left = deadline - g_get_monotonic_time();
		int ready = left > 0 ? poll(&poll_fd, 1, (int)(left / 1000) + 1) : 0;

		if (ready == 0) {
			g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_HOST,
			            "%s still runs after %d s; 'viridis stop %s' ends it",
			            name, seconds, name);
			return FALSE;
		}
		if (ready < 0 && errno == EINTR)
			continue;
		if (recv(fd, ignored, sizeof(ignored), 0) <= 0)
			break;
	}
	while (state_is_running(name))
		g_usleep(GONE_PERIOD_US);
	return TRUE;
}

/* Sends the request, and if it ends the VM waits until it did. */
static gboolean end_vm(const char *name, const struct control_request *request,
                       int seconds, GError **error)
{
	g_autoptr(JsonObject) answer = NULL;
	gboolean ended;
	int fd = client_connect(name, error);

	if (fd < 0)
		return FALSE;
	answer = client_request(fd, request, error);
	ended = answer && (request->reboot || wait_for_end(name, fd, seconds, error));
	close(fd);
	return ended;
}

enum command_status command_shutdown(const struct command *command, int argc, char **argv)
{
	struct command_arguments arguments = { command,          argc, argv,
		                               shutdown_entries, 1,    FALSE };
	struct control_request request = { .command = CONTROL_SHUTDOWN };
	g_autoptr(GError) error = NULL;
	enum command_status status;
	const char *name;

	timeout_s = 120;
	if (!command_parse(&arguments, &name, &status))
		return status;
	request.reboot = reboot;
	if (!end_vm(name, &request, CLAMP(timeout_s, 1, 86400), &error))
		return command_fail(error);
	return command_done(reboot ? "%s restarts" : "%s is off", name);
}

enum command_status command_stop(const struct command *command, int argc, char **argv)
{
	struct command_arguments arguments = { command, argc, argv, NULL, 1, FALSE };
	struct control_request request = { .command = CONTROL_STOP };
	g_autoptr(GError) error = NULL;
	enum command_status status;
	const char *name;

	if (!command_parse(&arguments, &name, &status))
		return status;
	if (!end_vm(name, &request, STOP_TIMEOUT_S, &error))
		return command_fail(error);
	return command_done("%s is off", name);
}

enum command_status command_delete(const struct command *command, int argc, char **argv)
{
	struct command_arguments arguments = { command, argc, argv, NULL, 1, FALSE };
	g_autoptr(GError) error = NULL;
	enum command_status status;
	const char *name;

	if (!command_parse(&arguments, &name, &status))
		return status;
	if (definition_name_valid(name, &error) && state_is_running(name))
		g_set_error(&error, DEFINITION_ERROR, DEFINITION_ERROR_HOST,
		            "%s runs; shut it down first ('viridis shutdown %s')", name,
		            name);
	if (error || !store_delete(name, &error))
		return command_fail(error);
	return command_done("%s is deleted; its disks are untouched", name);
}
