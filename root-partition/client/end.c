/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shutdown, stop, delete: the ends of a VM. */
#include "root-partition/client/end.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "root-partition/client/client.h"
#include "root-partition/config/definition.h"
#include "root-partition/config/paths.h"
#include "root-partition/config/state.h"
#include "root-partition/config/store.h"

#define STOP_TIMEOUT_S 60
#define KILL_TIMEOUT_S 30
#define GONE_PERIOD_US 10000

gboolean end_wait_gone(const char *name, gint64 deadline, GError **error)
{
	pid_t holder;

	while (state_holder(name, &holder, error)) {
		if (!holder && client_gone(name))
			return TRUE;
		if (g_get_monotonic_time() >= deadline) {
			g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_TIME,
			            holder ? "%s still runs; 'viridis stop %s' ends it" :
			                     "%s is ending; a process of %s waits for a "
			                     "disk or a network",
			            name, name);
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
	return end_wait_gone(name, deadline, error);
}

/* Sends the request, and if it ends the VM waits until it did: for the answer, and in all. */
static gboolean end_vm(const char *name, const struct control_request *request,
                       gint64 answer_deadline, gint64 deadline, GError **error)
{
	g_autoptr(json_t) answer = NULL;
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

gboolean end_shutdown(const char *name, gboolean reboot, gint64 deadline, GError **error)
{
	struct control_request request = { .command = CONTROL_SHUTDOWN,
		                           .reboot = reboot };

	return end_vm(name, &request, deadline, deadline, error);
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

/* For a worker that does not do as it is told. */
static gboolean kill_vm(const char *name)
{
	pid_t holder;

	return definition_name_valid(name, NULL) && state_holder(name, &holder, NULL) &&
	       kill_holder(name, holder) &&
	       end_wait_gone(name, client_deadline(KILL_TIMEOUT_S), NULL);
}

gboolean end_stop(const char *name, gboolean *killed, GError **error)
{
	struct control_request request = { .command = CONTROL_STOP };
	g_autoptr(GError) why = NULL;

	*killed = FALSE;
	if (end_vm(name, &request, client_deadline(CLIENT_ANSWER_S),
	           client_deadline(STOP_TIMEOUT_S), &why))
		return TRUE;
	*killed = kill_vm(name);
	if (!*killed)
		g_propagate_error(error, g_steal_pointer(&why));
	return *killed;
}

/* Under the VM's lock, so that it cannot be started meanwhile. */
gboolean end_delete(const char *name, GError **error)
{
	g_autofree char *cgroup = NULL;
	gboolean deleted;
	pid_t holder;
	int lock_fd;

	if (!definition_name_valid(name, error) || !paths_make(error) ||
	    !state_holder(name, &holder, error))
		return FALSE;
	if (holder) {
		g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_STATE,
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
