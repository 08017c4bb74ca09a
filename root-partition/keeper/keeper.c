/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keeper's process: what it makes before there is a worker, the fork, its loop, the end. */
#define _GNU_SOURCE
#include "root-partition/keeper/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "root-partition/config/definition_host.h"
#include "root-partition/config/paths.h"
#include "root-partition/config/state.h"
#include "root-partition/config/vm_log.h"
#include "root-partition/keeper/internal.h"
#include "root-partition/vm/control.h"
#include "vsp/lib/core/protocol.h"

/* How long a worker may leave answers unread. */
#define ANSWER_SECONDS 10

/* What a pipe holds: pipe(7). */
#define LOG_PIPE_BYTES 65536

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* ---- Before the worker ---- */

static bool open_device(struct keeper *keeper, GError **error)
{
	keeper->device = mshv_open();
	if (keeper->device >= 0)
		return true;
	return keeper_fail(error, keeper->device,
	                   "/dev/mshv (is this the root partition of Viridis, its kernel "
	                   "module loaded?)");
}

/* Nobody waits when it is full: a flood costs its maker's lines, and those of the VM's other processes. */
static bool make_log_pipe(struct keeper *keeper, GError **error)
{
	return pipe2(keeper->log, O_CLOEXEC | O_NONBLOCK) == 0 ||
	       keeper_fail(error, -errno, "the log's pipe");
}

/* What `viridis console` opens: not by the word of a worker. */
static bool show_console(struct keeper *keeper, GError **error)
{
	g_autofree char *link = paths_of(keeper->definition->name, PATH_CONSOLE);

	(void)unlink(link); /* of a keeper that was killed; mostly there is none */
	return !keeper->serial.pty || symlink(keeper->serial.pty, link) == 0 ||
	       keeper_fail(error, -errno, link);
}

static bool prepare(struct keeper *keeper, GError **error)
{
	const struct definition *definition = keeper->definition;
	g_autofree char *socket = paths_of(definition->name, PATH_SOCKET);
	g_autofree char *old_stats = paths_of(definition->name, PATH_STATS);
	g_autofree char *old_wish = paths_of(definition->name, PATH_WANTED);
	g_autofree char *old_life = paths_of(definition->name, PATH_RUNNING);

	(void)unlink(old_stats); /* mostly there are none */
	(void)unlink(old_wish);  /* whoever had it died before the order was answered */
	(void)unlink(old_life);  /* of a keeper that was killed: not what this one has */
	if (!definition_host_check(definition, error) ||
	    !serial_file_open(&keeper->serial, definition->serial, error) ||
	    !show_console(keeper, error) || !open_device(keeper, error) ||
	    !keeper_make_memory(keeper, error) || !keeper_make_partition(keeper, error))
		return false;
	keeper->user = vsp_user_of(keeper->partition.id);
	keeper->control_fd = control_listen(socket, error);
	if (keeper->control_fd < 0)
		return false;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, keeper->sockets) != 0)
		return keeper_fail(error, -errno, "the worker's socket");
	/* A worker that reads no answers ends itself, and does not hold the keeper up. */
	if (setsockopt(keeper->sockets[0], SOL_SOCKET, SO_SNDTIMEO,
	               &(struct timeval){ .tv_sec = ANSWER_SECONDS },
	               sizeof(struct timeval)) != 0)
		return keeper_fail(error, -errno, "the worker's socket");
	if (!make_log_pipe(keeper, error))
		return false;
	keeper_show_definition(keeper);
	return true;
}

struct keeper *keeper_new(struct definition *definition, int lock_fd, GError **error)
{
	struct keeper *keeper = g_new0(struct keeper, 1);

	keeper->definition = definition;
	keeper->lock_fd = lock_fd;
	keeper->control_fd = -1;
	keeper->device = -1;
	keeper->memory.fd = -1;
	keeper->partition.fd = -1;
	keeper->sockets[0] = -1;
	keeper->sockets[1] = -1;
	keeper->log[0] = -1;
	keeper->log[1] = -1;
	keeper->signal_fd = -1;
	keeper->serial = SERIAL_FILE_NONE;
	keeper->process = getpid();
	for (int which = 0; which < VMBUS_PROVIDERS; which++)
		keeper->providers[which].table = -1;
	if (prepare(keeper, error))
		return keeper;
	keeper_free(keeper);
	return NULL;
}

static void close_all(struct keeper *keeper)
{
	close_fd(&keeper->sockets[0]);
	close_fd(&keeper->sockets[1]);
	close_fd(&keeper->log[0]);
	close_fd(&keeper->log[1]);
	close_fd(&keeper->signal_fd);
	close_fd(&keeper->control_fd);
	close_fd(&keeper->device);
	for (int which = 0; which < VMBUS_PROVIDERS; which++)
		close_fd(&keeper->providers[which].table);
	if (keeper->partition.fd >= 0)
		mshv_close_partition(&keeper->partition);
	if (keeper->memory.fd >= 0)
		vsp_guest_memory_fini(&keeper->memory);
	serial_file_close(&keeper->serial);
}

/* What is there, and no more of what is being written. */
static void copy_log(struct keeper *keeper)
{
	char bytes[LOG_PIPE_BYTES];
	ssize_t count = read(keeper->log[0], bytes, sizeof(bytes));

	if (count > 0)
		vm_log_copy(bytes, (gsize)count);
}

static void free_keeper(struct keeper *keeper)
{
	g_clear_pointer(&keeper->disks_before, g_ptr_array_unref);
	g_clear_pointer(&keeper->nets_before, g_ptr_array_unref);
	g_free(keeper);
}

void keeper_free(struct keeper *keeper)
{
	g_autofree char *socket = paths_of(keeper->definition->name, PATH_SOCKET);
	g_autofree char *console = paths_of(keeper->definition->name, PATH_CONSOLE);
	g_autofree char *running = paths_of(keeper->definition->name, PATH_RUNNING);

	keeper_kill_providers(keeper);
	if (keeper->definition->attach_pid && keeper->partition.fd >= 0)
		keeper_detach(keeper);
	copy_log(keeper);
	if (keeper->control_fd >= 0)
		unlink(socket);
	if (keeper->serial.pty)
		unlink(console);
	(void)unlink(running);
	close_all(keeper);
	state_unlock(keeper->definition->name, keeper->lock_fd);
	free_keeper(keeper);
}

struct keeper_lent keeper_lend(struct keeper *keeper)
{
	struct keeper_lent lent = {
		.socket = keeper->sockets[1],
		.control = keeper->control_fd,
		.serial = &keeper->serial,
		.user = keeper->user,
		.keeper = keeper->process,
	};

	keeper->sockets[1] = -1;
	return lent;
}

/* ---- The fork ---- */

static void orders(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
}

/* Our next child is the first of a PID namespace; the ones after it are not. -1: that is not permitted. */
static int enter_future_namespace(void)
{
	int own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);

	if (own >= 0 && unshare(CLONE_NEWPID) != 0)
		close_fd(&own);
	return own;
}

/* Orders wait, in the worker too until it handles them: the first of a namespace would never see them else. */
pid_t keeper_fork(struct keeper *keeper)
{
	int own = enter_future_namespace();
	sigset_t set;

	orders(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	keeper->worker = fork();
	if (keeper->worker == 0) {
		close_fd(&own);
		return 0;
	}
	if (own >= 0 && setns(own, CLONE_NEWPID) != 0)
		vm_log("keeper: PID namespace: %s", g_strerror(errno));
	close_fd(&own);
	close_fd(&keeper->sockets[1]);
	if (keeper->worker < 0) {
		keeper->worker = 0;
		return -1;
	}
	keeper->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return keeper->worker;
}

int keeper_leave(struct keeper *keeper, struct serial_file *serial)
{
	int control = keeper->control_fd;

	if (!vm_log_hand_over(keeper->log[1]))
		close(STDERR_FILENO); /* the file is not for a worker */
	*serial = keeper->serial;
	keeper->serial = SERIAL_FILE_NONE;
	keeper->control_fd = -1;
	close_all(keeper);
	close(keeper->lock_fd); /* which holds nothing in this process */
	free_keeper(keeper);
	return control;
}

/* ---- Beside the worker ---- */

static void hand_on_orders(struct keeper *keeper)
{
	struct signalfd_siginfo order;

	while (read(keeper->signal_fd, &order, sizeof(order)) == sizeof(order))
		kill(keeper->worker, SIGTERM);
}

void keeper_serve(struct keeper *keeper, keeper_started started, gpointer context)
{
	struct pollfd polled[] = {
		{ .fd = keeper->sockets[0], .events = POLLIN },
		{ .fd = keeper->signal_fd, .events = POLLIN },
		{ .fd = keeper->log[0], .events = POLLIN },
	};
	bool goes_on = true;

	keeper->started = started;
	keeper->started_context = context;
	while (goes_on) {
		if (poll(polled, G_N_ELEMENTS(polled), -1) < 0)
			continue;
		if (polled[1].revents)
			hand_on_orders(keeper);
		if (polled[2].revents)
			copy_log(keeper);
		if (polled[0].revents)
			goes_on = keeper_answer(keeper);
	}
	close_fd(&keeper->sockets[0]);
}

/* One that hung up but does not end has not long for it. */
static int end_worker(pid_t worker)
{
	int status = 0;

	for (int waited = 0; waitpid(worker, &status, WNOHANG) == 0; waited++) {
		if (waited == 1000)
			kill(worker, SIGKILL);
		g_usleep(5000);
	}
	return status;
}

int keeper_reap(struct keeper *keeper)
{
	g_autofree char *reason = NULL;
	int status = end_worker(keeper->worker);

	keeper->worker = 0;
	copy_log(keeper);
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	reason = g_strdup_printf("the worker died of signal %d (%s)", WTERMSIG(status),
	                         g_strsignal(WTERMSIG(status)));
	vm_log("keeper: %s", reason);
	if (keeper->started) /* nobody has been told yet */
		keeper->started(keeper->started_context, reason);
	else
		state_write(keeper->definition->name, "failed", reason);
	return -1;
}
