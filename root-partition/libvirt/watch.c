/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files by inotify, keepers by their pidfds, guests' resets by the control sockets' events. */
#include <config.h>

#include "root-partition/libvirt/watch.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf/domain_event.h"
#include "util/virerror.h"

#include "root-partition/client/client.h"
#include "root-partition/config/json_text.h"
#include "root-partition/config/paths.h"
#include "root-partition/libvirt/registry.h"

#define VIR_FROM_THIS VIR_FROM_HYPERV

#define FILE_CHANGES \
	(IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE)

/* How soon is looked again at what cannot be watched. */
#define UNWATCHED_PERIOD_MS 1000
/* A worker that does not listen so long tells no events. */
#define SUBSCRIBE_S 2
#define LINE_BYTES  8192

struct watch {
	struct viridis_driver *driver;
	GThread *thread;
	int inotify_fd;
	int stop_fd; /* an eventfd; readable: the thread is to end */
	/* the thread alone */
	GHashTable *machines; /* name to struct machine */
	bool all_watched;
};

/* A VM that runs. */
struct machine {
	pid_t keeper;
	int keeper_fd; /* a keeper that is killed changes no file */
	int events_fd; /* -1: it tells none */
	GString *line; /* the part of one that has come */
	bool seen;
};

/* ---- Machines ---- */

static void machine_free(gpointer data)
{
	struct machine *machine = data;

	close(machine->keeper_fd);
	if (machine->events_fd >= 0)
		close(machine->events_fd);
	g_string_free(machine->line, TRUE);
	g_free(machine);
}

static int subscribe(const char *name)
{
	struct control_request request = { .command = CONTROL_EVENTS };
	gint64 deadline = client_deadline(SUBSCRIBE_S);
	g_autoptr(json_t) answer = NULL;
	int fd = client_connect(name, deadline, NULL);

	answer = fd >= 0 ? client_request(name, fd, &request, deadline, NULL) : NULL;
	if (answer || fd < 0)
		return fd;
	close(fd);
	return -1;
}

/* NULL: it has ended. */
static struct machine *machine_new(const char *name, pid_t keeper)
{
	int keeper_fd = pidfd_open(keeper, 0);
	struct machine *machine;

	if (keeper_fd < 0)
		return NULL;
	machine = g_new0(struct machine, 1);
	machine->keeper = keeper;
	machine->keeper_fd = keeper_fd;
	machine->events_fd = subscribe(name);
	machine->line = g_string_new(NULL);
	return machine;
}

/* Names and keepers of those that run; nothing is waited for while the list is locked. */
static int collect_running(virDomainObj *domain, void *running)
{
	virObjectLock(domain);
	if (virDomainObjIsActive(domain))
		g_hash_table_insert(running, g_strdup(domain->def->name),
		                    GINT_TO_POINTER(domain->def->id));
	virObjectUnlock(domain);
	return 0;
}

static void watch_machine(struct watch *watch, const char *name, pid_t keeper)
{
	struct machine *machine = g_hash_table_lookup(watch->machines, name);

	if (!machine || machine->keeper != keeper) {
		machine = machine_new(name, keeper);
		if (!machine) {
			watch->all_watched = false;
			return;
		}
		g_hash_table_replace(watch->machines, g_strdup(name), machine);
	}
	machine->seen = true;
}

static gboolean was_not_seen(gpointer name, gpointer value, gpointer context)
{
	struct machine *machine = value;
	bool seen = machine->seen;

	(void)name;
	(void)context;
	machine->seen = false;
	return !seen;
}

static void watch_machines(struct watch *watch)
{
	g_autoptr(GHashTable)
		running = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	GHashTableIter iter;
	gpointer name, keeper;

	watch->all_watched = true;
	virDomainObjListForEach(watch->driver->domains, false, collect_running, running);
	g_hash_table_iter_init(&iter, running);
	while (g_hash_table_iter_next(&iter, &name, &keeper))
		watch_machine(watch, name, GPOINTER_TO_INT(keeper));
	g_hash_table_foreach_remove(watch->machines, was_not_seen, NULL);
}

/* ---- Events ---- */

static void tell_reset(struct watch *watch, const char *name)
{
	virDomainObj *domain = virDomainObjListFindByName(watch->driver->domains, name);

	if (domain)
		virObjectEventStateQueue(watch->driver->events,
		                         virDomainEventRebootNewFromObj(domain));
	virDomainObjEndAPI(&domain);
}

/* What else there is changes a file as well. */
static void take_line(struct watch *watch, const char *name, const char *line)
{
	g_autoptr(json_t) object = json_text_parse(line, strlen(line), LINE_BYTES, NULL);
	json_t *node = json_object_get(object, "event");
	const char *event;

	if (json_text_get_string(node, &event) && STREQ(event, "reset"))
		tell_reset(watch, name);
}

/* One that hangs up, or sends a line too long, is heard no more. */
static void hear(struct watch *watch, const char *name, struct machine *machine)
{
	char part[4096];
	ssize_t count = recv(machine->events_fd, part, sizeof(part), MSG_DONTWAIT);
	char *end;

	if (count < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (count > 0)
		g_string_append_len(machine->line, part, count);
	while (count > 0 &&
	       (end = memchr(machine->line->str, '\n', machine->line->len))) {
		*end = '\0';
		take_line(watch, name, machine->line->str);
		g_string_erase(machine->line, 0, end + 1 - machine->line->str);
	}
	if (count <= 0 || machine->line->len > LINE_BYTES) {
		close(machine->events_fd);
		machine->events_fd = -1;
	}
}

static void hear_all(struct watch *watch)
{
	GHashTableIter iter;
	gpointer name, machine;

	g_hash_table_iter_init(&iter, watch->machines);
	while (g_hash_table_iter_next(&iter, &name, &machine))
		if (((struct machine *)machine)->events_fd >= 0)
			hear(watch, name, machine);
}

/* ---- The thread ---- */

/* poll() passes over a descriptor that is -1. */
static void add_fd(GArray *fds, int fd)
{
	struct pollfd added = { .fd = fd, .events = POLLIN };

	g_array_append_val(fds, added);
}

/* Until something happens; false: it is to end. */
static bool wait_for_change(struct watch *watch)
{
	g_autoptr(GArray) fds = g_array_new(FALSE, FALSE, sizeof(struct pollfd));
	GHashTableIter iter;
	char drained[4096];
	gpointer value;

	add_fd(fds, watch->stop_fd);
	add_fd(fds, watch->inotify_fd);
	g_hash_table_iter_init(&iter, watch->machines);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		add_fd(fds, ((struct machine *)value)->keeper_fd);
		add_fd(fds, ((struct machine *)value)->events_fd);
	}
	while (poll((struct pollfd *)(void *)fds->data, fds->len,
	            watch->all_watched ? -1 : UNWATCHED_PERIOD_MS) < 0 &&
	       errno == EINTR)
		;
	while (read(watch->inotify_fd, drained, sizeof(drained)) > 0)
		;
	return !g_array_index(fds, struct pollfd, 0).revents;
}

static gpointer watch_run(gpointer data)
{
	struct watch *watch = data;

	do {
		registry_refresh(watch->driver);
		watch_machines(watch);
		hear_all(watch);
	} while (wait_for_change(watch));
	return NULL;
}

static bool open_watches(struct watch *watch)
{
	watch->stop_fd = eventfd(0, EFD_CLOEXEC);
	watch->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	return watch->stop_fd >= 0 && watch->inotify_fd >= 0 &&
	       inotify_add_watch(watch->inotify_fd, paths_state_dir(), FILE_CHANGES) >=
	               0 &&
	       inotify_add_watch(watch->inotify_fd, paths_run_dir(), FILE_CHANGES) >= 0;
}

struct watch *watch_start(struct viridis_driver *driver)
{
	struct watch *watch = g_new0(struct watch, 1);

	watch->driver = driver;
	watch->machines =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, machine_free);
	if (!open_watches(watch)) {
		virReportSystemError(errno, "%s", "cannot watch the folders of VMs");
		watch_stop(watch);
		return NULL;
	}
	watch->thread = g_thread_new("viridis-watch", watch_run, watch);
	return watch;
}

void watch_stop(struct watch *watch)
{
	uint64_t one = 1;

	if (watch->thread) {
		(void)!write(watch->stop_fd, &one, sizeof(one));
		g_thread_join(watch->thread);
	}
	if (watch->stop_fd >= 0)
		close(watch->stop_fd);
	if (watch->inotify_fd >= 0)
		close(watch->inotify_fd);
	g_hash_table_unref(watch->machines);
	g_free(watch);
}
