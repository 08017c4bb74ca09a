/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The root's kernel traced: trace_root.h. */
#include "root-partition/cli/trace_root.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <viridis/abi/viridis_trace.h>

#include "root-partition/cli/trace_io.h"

#define INSTANCES       "/sys/kernel/tracing/instances"
#define OURS            "viridis-trace-"
#define PROVIDER_PREFIX "viridis-"
#define NEXT_PID        " next_pid="
#define BUFFER_KIB      "64"

struct trace_root {
	char *folder;
	GArray *pids; /* pid_t, of providers */
};

/* For a signal's handler; empty: there is no instance. */
static char made[64];

/* ---- Files of tracefs ---- */

static gboolean put(const char *folder, const char *file, const char *text)
{
	g_autofree char *path = g_build_filename(folder, file, NULL);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t length = (ssize_t)strlen(text);
	gboolean good = fd >= 0 && write(fd, text, (size_t)length) == length;

	if (fd >= 0)
		close(fd);
	return good;
}

static const char *const events[] = { "sched/sched_switch/enable",
	                              "io_uring/io_uring_complete/enable" };

/* The submission's event changed its name in Linux 6.4. */
static const char *const submissions[] = { "io_uring/io_uring_submit_req/enable",
	                                   "io_uring/io_uring_submit_sqe/enable" };

static gboolean put_event(const char *folder, const char *event)
{
	g_autofree char *file = g_build_filename("events", event, NULL);

	return put(folder, file, "1");
}

static gboolean enable(const char *folder, const GArray *pids)
{
	g_autoptr(GString) text = g_string_new(NULL);
	gboolean good = TRUE;

	for (guint i = 0; i < pids->len; i++)
		g_string_append_printf(text, "%d ", g_array_index(pids, pid_t, i));
	if (!put(folder, "trace_clock", "x86-tsc") ||
	    !put(folder, "buffer_size_kb", BUFFER_KIB) ||
	    !put(folder, "set_event_pid", text->str))
		return FALSE;
	for (gsize i = 0; i < G_N_ELEMENTS(events); i++)
		good = put_event(folder, events[i]) && good;
	return good &&
	       (put_event(folder, submissions[0]) || put_event(folder, submissions[1]));
}

/* ---- Which processes ---- */

/* Its parent, and its name in `name` of 16 bytes; 0: it is gone. */
static pid_t parent_of(pid_t pid, char *name)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/stat", pid);
	g_autofree char *text = NULL;
	const char *open_at, *close_at;
	pid_t parent = 0;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		return 0;
	open_at = strchr(text, '(');
	close_at = strrchr(text, ')');
	if (!open_at || !close_at || sscanf(close_at, ") %*c %d", &parent) != 1)
		return 0;
	g_strlcpy(name, open_at + 1, (gsize)MIN(16, close_at - open_at));
	return parent;
}

/* The keeper's or its worker's; the worker itself is none. */
static gboolean is_provider(pid_t pid, pid_t keeper)
{
	char name[16], of_parent[16];
	pid_t parent = parent_of(pid, name);

	if (!parent || !g_str_has_prefix(name, PROVIDER_PREFIX) ||
	    strcmp(name, "viridis-vm") == 0)
		return FALSE;
	return parent == keeper || parent_of(parent, of_parent) == keeper;
}

static GArray *providers_of(pid_t keeper)
{
	GArray *pids = g_array_new(FALSE, FALSE, sizeof(pid_t));
	g_autoptr(GDir) folder = g_dir_open("/proc", 0, NULL);
	const char *name;

	while (folder && (name = g_dir_read_name(folder))) {
		pid_t pid = atoi(name);

		if (pid > 0 && is_provider(pid, keeper))
			g_array_append_val(pids, pid);
	}
	return pids;
}

/* ---- Begin and end ---- */

static void end_by_signal(int number)
{
	if (made[0])
		rmdir(made);
	signal(number, SIG_DFL);
	raise(number);
}

static void end_by_signals(void)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };

	for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++)
		signal(numbers[i], end_by_signal);
}

static char *reason(const char *what)
{
	return g_strdup_printf("%s: %s", what, g_strerror(errno));
}

/* Of those that were killed. */
static void remove_stale(void)
{
	g_autoptr(GDir) folder = g_dir_open(INSTANCES, 0, NULL);
	const char *name;

	while (folder && (name = g_dir_read_name(folder))) {
		g_autofree char *path = g_build_filename(INSTANCES, name, NULL);
		pid_t pid = g_str_has_prefix(name, OURS) ? atoi(name + strlen(OURS)) : 0;

		if (pid > 0 && kill(pid, 0) < 0 && errno == ESRCH)
			rmdir(path);
	}
}

struct trace_root *trace_root_begin(pid_t keeper, char **why)
{
	g_autoptr(GArray) pids = providers_of(keeper);
	struct trace_root *trace;

	if (!pids->len) {
		*why = g_strdup("it has no provider that can be seen from here");
		return NULL;
	}
	remove_stale();
	snprintf(made, sizeof(made), "%s/" OURS "%d", INSTANCES, getpid());
	end_by_signals();
	if (mkdir(made, 0700) < 0) {
		*why = reason(INSTANCES);
		made[0] = '\0';
		return NULL;
	}
	if (!enable(made, pids)) {
		*why = reason("events of the root's kernel");
		rmdir(made);
		made[0] = '\0';
		return NULL;
	}
	trace = g_new0(struct trace_root, 1);
	trace->folder = g_strdup(made);
	trace->pids = g_steal_pointer(&pids);
	return trace;
}

void trace_root_end(struct trace_root *trace)
{
	if (!trace)
		return;
	rmdir(trace->folder);
	made[0] = '\0';
	g_free(trace->folder);
	g_array_unref(trace->pids);
	g_free(trace);
}

/* ---- Reading ---- */

static gboolean is_one(const GArray *pids, pid_t pid)
{
	for (guint i = 0; i < pids->len; i++)
		if (g_array_index(pids, pid_t, i) == pid)
			return TRUE;
	return FALSE;
}

/* The kind of an event, whose name and words these are; 0: none that counts. */
static unsigned int kind_of(const char *event, const GArray *pids)
{
	const char *next;

	if (g_str_has_prefix(event, "io_uring_submit_"))
		return TRACE_ROOT_BACKEND_ASKED;
	if (g_str_has_prefix(event, "io_uring_complete:"))
		return TRACE_ROOT_BACKEND_DONE;
	next = g_str_has_prefix(event, "sched_switch:") ? strstr(event, NEXT_PID) : NULL;
	return next && is_one(pids, atoi(next + strlen(NEXT_PID))) ?
	               TRACE_ROOT_PROVIDER_RUNS :
	               0;
}

gboolean trace_root_parse(const char *line, const GArray *pids,
                          struct viridis_trace_record *record)
{
	const char *at = line[0] == '#' ? NULL : strstr(line, " [");
	unsigned long long tsc;
	unsigned int cpu;
	int event = 0;

	if (!at || sscanf(at, " [%u] %*s %llu: %n", &cpu, &tsc, &event) < 2 || !event)
		return FALSE;
	*record = (struct viridis_trace_record){
		.tsc = tsc,
		.kind = (uint16_t)kind_of(at + event, pids),
		.vp = UINT16_MAX,
		.cpu = (uint16_t)cpu,
	};
	return record->kind != 0;
}

void trace_root_read(struct trace_root *trace, GArray *records)
{
	g_autofree char *path = g_build_filename(trace->folder, "trace", NULL);
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	struct viridis_trace_record record;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		return;
	lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line; line++)
		if (trace_root_parse(*line, trace->pids, &record))
			g_array_append_val(records, record);
}
