/* SPDX-License-Identifier: GPL-2.0-or-later */
/* viridis shutdown, stop, delete: the ends of a VM. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "root-partition/cli/client.h"
#include "root-partition/cli/command.h"
#include "root-partition/config/definition.h"
#include "root-partition/config/paths.h"
#include "root-partition/config/state.h"
#include "root-partition/config/store.h"

#define STOP_TIMEOUT_S 60
#define KILL_TIMEOUT_S 30
#define GONE_PERIOD_US 10000

static gboolean reboot;
static int timeout_s;

static const GOptionEntry shutdown_entries[] = {
	{ "reboot", 0, 0, G_OPTION_ARG_NONE, &reboot, "Restart the guest instead", NULL },
	{ "timeout", 0, 0, G_OPTION_ARG_INT, &timeout_s,
	  "How long to wait for the guest (120)", "SECONDS" },
	G_OPTION_ENTRY_NULL,
};

/* Until nobody holds the VM's lock. */
static gboolean wait_unlocked(const char *name, gint64 deadline, GError **error)
{
	pid_t holder;

	while (state_holder(name, &holder, error)) {
		if (!holder)
			return TRUE;
		if (g_get_monotonic_time() >= deadline) {
			g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_TIME,
			            "%s still runs; 'viridis stop %s' ends it", name,
			            name);
			return FALSE;
		}
		g_usleep(GONE_PERIOD_US);
	}
	return FALSE;
}

/* Until the worker hangs up and has let go of its lock; events on the way are read over. */
static gboolean wait_for_end(const char *name, int fd, gint64 deadline, GError **error)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	char ignored[256];

	for (;;) {
		gint64 left = deadline - g_get_monotonic_time();
		int ready = left > 0 ? poll(&poll_fd, 1, (int)(left / 1000) + 1) : 0;

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0 || recv(fd, ignored, sizeof(ignored), 0) <= 0)
			break;
	}
	return wait_unlocked(name, deadline, error);
}

/* Sends the request, and if it ends the VM waits until it did: for the answer, and in all. */
static gboolean end_vm(const char *name, const struct control_request *request,
                       gint64 answer_deadline, gint64 deadline, GError **error)
{
	g_autoptr(JsonObject) answer = NULL;
	gboolean ended;
	int fd = client_connect(name, MIN(client_deadline(CLIENT_ANSWER_S), deadline),
	                        error);

	if (fd < 0)
		return FALSE;
	answer = client_request(name, fd, request, answer_deadline, error);
	ended = answer && (request->reboot || wait_for_end(name, fd, deadline, error));
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
	gint64 deadline;

	timeout_s = 120;
	if (!command_parse(&arguments, &name, &status))
		return status;
	request.reboot = reboot;
	deadline = client_deadline(CLAMP(timeout_s, 1, 86400));
	if (!end_vm(name, &request, deadline, deadline, &error))
		return command_fail(error);
	return command_done(reboot ? "%s restarts" : "%s is off", name);
}

/*
 * Kills the lock's holder. The number is looked up again once the process is held by a descriptor:
 * by then it may have ended, and another have its number.
 */
static gboolean kill_holder(const char *name, pid_t holder)
{
	int process = holder > 0 ? pidfd_open(holder, 0) : -1;
	pid_t again;
	gboolean killed;

	if (process < 0)
		return FALSE;
	killed = state_holder(name, &again, NULL) && again == holder &&
	         pidfd_send_signal(process, SIGKILL, NULL, 0) == 0;
	close(process);
	return killed;
}

/* For a worker that does not do as it is told; `error` is why, and stays so if it cannot be killed. */
static gboolean kill_vm(const char *name, GError **error)
{
	g_autoptr(GError) ignored = NULL;
	pid_t holder;

	if (!definition_name_valid(name, NULL) || !state_holder(name, &holder, NULL) ||
	    !kill_holder(name, holder) ||
	    !wait_unlocked(name, client_deadline(KILL_TIMEOUT_S), &ignored))
		return FALSE;
	g_clear_error(error);
	return TRUE;
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
	if (end_vm(name, &request, client_deadline(CLIENT_ANSWER_S),
	           client_deadline(STOP_TIMEOUT_S), &error))
		return command_done("%s is off", name);
	if (kill_vm(name, &error))
		return command_done("%s is off; its worker did not obey and was killed",
		                    name);
	return command_fail(error);
}

/* Under the VM's lock, so that it cannot be started meanwhile. */
static gboolean delete_vm(const char *name, GError **error)
{
	g_autofree char *cgroup = NULL;
	gboolean deleted;
	pid_t holder;
	int lock_fd;

	if (!definition_name_valid(name, error) || !paths_make(error) ||
	    !state_holder(name, &holder, error))
		return FALSE;
	if (holder) {
		g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_HOST,
		            "%s runs; shut it down first ('viridis shutdown %s')", name,
		            name);
		return FALSE;
	}
	lock_fd = state_lock(name, error);
	if (lock_fd < 0)
		return FALSE;
	deleted = store_delete(name, error);
	cgroup = paths_of(name, PATH_CGROUP);
	(void)rmdir(cgroup); /* it has none if it never ran since the machine started */
	state_unlock(name, lock_fd);
	return deleted;
}

enum command_status command_delete(const struct command *command, int argc, char **argv)
{
	struct command_arguments arguments = { command, argc, argv, NULL, 1, FALSE };
	g_autoptr(GError) error = NULL;
	enum command_status status;
	const char *name;

	if (!command_parse(&arguments, &name, &status))
		return status;
	if (!delete_vm(name, &error))
		return command_fail(error);
	return command_done("%s is deleted; its disks are untouched", name);
}
