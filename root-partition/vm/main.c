/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * viridis-vm NAME | FILE: one VM, as a keeper and its worker. `viridis start` runs it with --ready-fd
 * and learns by that descriptor whether it runs; by hand it stays in the foreground.
 *
 * Exit status: 0 powered off or stopped, 1 could not start or go on, 2 usage, 3 guest crashed.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "root-partition/config/disk_users.h"
#include "root-partition/config/macs.h"
#include "root-partition/config/paths.h"
#include "root-partition/config/state.h"
#include "root-partition/config/std_fds.h"
#include "root-partition/config/store.h"
#include "root-partition/config/vm_log.h"
#include "root-partition/keeper/client.h"
#include "root-partition/keeper/keeper.h"
#include "root-partition/keeper/worker_sandbox.h"
#include "root-partition/vm/vm.h"

enum exit_status {
	STATUS_OK = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_CRASHED = 3
};

static int ready_fd = -1;
static gboolean has_log; /* stderr is the VM's log file */

static const GOptionEntry options[] = {
	{ "ready-fd", 0, 0, G_OPTION_ARG_INT, &ready_fd,
	  "Write \"ready\" or the error there once it is known; log to the VM's file",
	  "FD" },
	G_OPTION_ENTRY_NULL,
};

/* A name, or the path of a file: what has a slash in it. */
static struct definition *load(const char *argument, GError **error)
{
	return strchr(argument, '/') ? store_load_file(argument, error) :
	                               store_load(argument, error);
}

/* Everything we and our providers print goes to the VM's log. */
static gboolean redirect_log(const char *name, GError **error)
{
	g_autofree char *path = paths_of(name, PATH_LOG);
	g_autofree char *old_path = paths_of(name, PATH_LOG_OLD);
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0 ||
	    dup2(null_fd, STDOUT_FILENO) < 0) {
		int saved = errno;

		g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(saved),
		            "/dev/null: %s", g_strerror(saved));
		return FALSE;
	}
	close(null_fd);
	has_log = vm_log_open(path, old_path, error);
	return has_log;
}

static void tell(const char *text)
{
	if (ready_fd < 0)
		return;
	(void)!write(ready_fd, text,
	             strlen(text)); /* nobody listens: then nobody is told */
	close(ready_fd);
	ready_fd = -1;
}

static void report(const char *why)
{
	if (ready_fd < 0)
		g_printerr("viridis-vm: %s\n", why);
	else if (has_log)
		vm_log("vm: not started: %s", why);
}

static int fail(const GError *error)
{
	report(error->message);
	tell(error->message);
	return STATUS_FAILED;
}

static int status_of(enum machine_end end)
{
	if (end == MACHINE_CRASHED)
		return STATUS_CRASHED;
	return end == MACHINE_FAILED ? STATUS_FAILED : STATUS_OK;
}

/* In the worker's process. From here on it has no rights; what it parses is a guest's. */
static int work(struct definition *definition, struct keeper *keeper)
{
	struct keeper_lent lent = keeper_lend(keeper);
	struct serial_file serial = *lent.serial;
	struct keeper_client *client = keeper_client_new(lent.socket);
	g_autoptr(GError) error = NULL;
	enum machine_end end = MACHINE_FAILED;
	struct vm *vm;

	/* The reader waits until the last copy is closed, and the keeper has one. */
	if (ready_fd >= 0)
		close(ready_fd);
	lent.serial = &serial;
	lent.control = keeper_leave(keeper, &serial);
	if (!worker_sandbox_enter(lent.user, definition)) {
		g_autofree char *why = g_strdup_printf(
			"the worker cannot enter its sandbox: %s", g_strerror(errno));

		keeper_client_not_started(client, why);
		return STATUS_FAILED;
	}
	vm = vm_new(definition, &lent, client, &error);
	close(lent.control);
	serial_file_close(&serial);
	if (!vm) {
		keeper_client_not_started(client, error->message);
		return STATUS_FAILED;
	}
	end = vm_run(vm);
	vm_free(vm);
	return status_of(end);
}

static void on_started(gpointer context, const char *why)
{
	const struct definition *definition = context;

	if (!why)
		vm_log("vm: %s runs with %u VPs", definition->name, definition->vps);
	else
		report(why);
	tell(why ? why : "ready");
}

static int serve(struct definition *definition, int lock_fd)
{
	g_autoptr(GError) error = NULL;
	struct keeper *keeper = keeper_new(definition, lock_fd, &error);
	pid_t worker;
	int status;

	if (!keeper)
		return fail(error);
	worker = keeper_fork(keeper);
	if (worker == 0)
		_exit(work(definition, keeper));
	if (worker < 0) {
		g_set_error(&error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "the worker: %s",
		            g_strerror(errno));
		keeper_free(keeper);
		return fail(error);
	}
	keeper_serve(keeper, on_started, definition);
	status = keeper_reap(keeper);
	keeper_free(keeper);
	return status < 0 ? STATUS_FAILED : status;
}

/* An older file gets what it lacks for good: its disks keep their names whatever is edited later. */
static gboolean complete(const char *argument, struct definition *definition,
                         GError **error)
{
	if (!definition_give_uuid(definition) || strchr(argument, '/'))
		return TRUE;
	return store_replace(definition, error);
}

/* Read again under the lock: until then it may have been deleted, and from then on it stays. */
static int serve_locked(const char *argument, const char *name, int lock_fd)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(definition_pointer) definition = load(argument, &error);

	if (definition && complete(argument, definition, &error) &&
	    (ready_fd < 0 || redirect_log(name, &error)))
		return serve(definition, lock_fd);
	state_unlock(name, lock_fd);
	return fail(error);
}

/*
 * What another VM has is refused with its name, whoever starts us. Before our own lock is taken: of two that start at once
 * each would take the other for one that runs.
 */
static int start(const char *argument)
{
	g_autoptr(definition_pointer) definition = NULL;
	g_autoptr(GError) error = NULL;
	int lock_fd;

	definition = load(argument, &error);
	if (!definition || !paths_make(&error) || !macs_check(definition, &error) ||
	    !disk_users_check(definition, &error))
		return fail(error);
	lock_fd = state_lock(definition->name, &error);
	if (lock_fd < 0)
		return fail(error);
	return serve_locked(argument, definition->name, lock_fd);
}

int main(int argc, char **argv)
{
	g_autoptr(GOptionContext) context = g_option_context_new("NAME | FILE");
	g_autoptr(GError) error = NULL;

	std_fds_open();
	g_option_context_set_summary(
		context, "One Viridis VM: its worker, and the keeper beside it.");
	g_option_context_add_main_entries(context, options, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error) || argc != 2) {
		g_printerr("viridis-vm: %s; try --help\n",
		           error ? error->message : "one name or file is needed");
		return STATUS_USAGE;
	}
	if (ready_fd >= 0 && fcntl(ready_fd, F_SETFD, FD_CLOEXEC) != 0) {
		g_printerr("viridis-vm: --ready-fd %d: not an open descriptor\n",
		           ready_fd);
		return STATUS_USAGE;
	}
	signal(SIGPIPE, SIG_IGN);
	return start(argv[1]);
}
