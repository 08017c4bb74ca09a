/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One line out, one line in; nothing waits for ever. */
#include "root-partition/client/client.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "root-partition/config/definition.h"
#include "root-partition/config/json_text.h"
#include "root-partition/config/paths.h"
#include "root-partition/config/state.h"
#include "root-partition/config/store.h"

#define RETRY_PERIOD_US 10000
#define WAIT_PERIOD_US  100000

gint64 client_deadline(int seconds)
{
	return g_get_monotonic_time() + (gint64)seconds * G_USEC_PER_SEC;
}

gboolean client_hung_up(const char *name, GError **error)
{
	g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_HOST,
	            "the worker hung up; see 'viridis log %s'", name);
	return FALSE;
}

static gint64 left_us(gint64 deadline)
{
	return MAX(deadline - g_get_monotonic_time(), 0);
}

/* A worker that accepts nobody lets its queue fill up, and then connect() would wait for ever. */
static void limit_connect(int fd, gint64 deadline)
{
	gint64 left = left_us(deadline) + 1; /* 0 stands for no limit */
	struct timeval limit = { .tv_sec = left / G_USEC_PER_SEC,
		                 .tv_usec = left % G_USEC_PER_SEC };

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

/* -1 and errno. */
static int connect_to(const char *path, gint64 deadline)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int saved;
	int fd;

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	limit_connect(fd, deadline);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* Nobody holds its lock: there is no such VM, or it does not run. */
static void not_running(const char *name, GError **error)
{
	g_autoptr(definition_pointer) definition = store_load(name, error);

	if (definition)
		g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_STATE,
		            "%s does not run; start it with 'viridis start %s'", name,
		            name);
}

/* After a connect that failed by `why`: true when it is worth another try, if there is time. */
static gboolean may_come(const char *name, const char *path, int why, gboolean time_left,
                         GError **error)
{
	pid_t holder;

	if (why != ENOENT && why != ECONNREFUSED && why != EAGAIN) {
		g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_HOST, "%s: %s",
		            path, g_strerror(why));
		return FALSE;
	}
	if (!state_holder(name, &holder, error))
		return FALSE;
	if (!holder) {
		not_running(name, error);
		return FALSE;
	}
	if (time_left && why != EAGAIN)
		return TRUE;
	g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_HOST,
	            "%s has a worker (process %d), but it does not listen", name, holder);
	return FALSE;
}

/*
 * How often to wait for `period_us` until the deadline. To count is fairer than to look at the clock:
 * a machine that stood still for long takes one period away, not all that the worker had.
 */
static gint64 periods(gint64 deadline, gint64 period_us)
{
	return left_us(deadline) / period_us + 1;
}

/* A VM that runs is reached whatever has become of its definition. */
int client_connect(const char *name, gint64 deadline, GError **error)
{
	gint64 tries = periods(deadline, RETRY_PERIOD_US);
	g_autofree char *path = NULL;

	if (!definition_name_valid(name, error))
		return -1;
	path = paths_of(name, PATH_SOCKET);
	for (;;) {
		int fd = connect_to(path, deadline);

		if (fd >= 0)
			return fd;
		if (!may_come(name, path, errno, tries-- > 0, error))
			return -1;
		g_usleep(RETRY_PERIOD_US);
	}
}

gboolean client_no_answer(const char *name, GError **error)
{
	g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_TIME,
	            "%s gives no answer; 'viridis stop %s' ends it", name, name);
	return FALSE;
}

/* True when there is something to read; false and an error when nothing came in time. */
static gboolean wait_readable(const char *name, int fd, gint64 deadline, GError **error)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	for (gint64 left = periods(deadline, WAIT_PERIOD_US); left > 0; left--)
		if (poll(&poll_fd, 1, WAIT_PERIOD_US / 1000) > 0)
			return TRUE;
	return client_no_answer(name, error);
}

/* False: the worker hung up first, or did not answer. */
static gboolean read_line(const char *name, int fd, GString *line, gint64 deadline,
                          GError **error)
{
	char part[4096];

	while (line->len < CLIENT_ANSWER_BYTES_MAX) {
		ssize_t count;

		if (!wait_readable(name, fd, deadline, error))
			return FALSE;
		count = recv(fd, part, sizeof(part), 0);
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			break;
		g_string_append_len(line, part, count);
		if (part[count - 1] == '\n')
			return TRUE;
		/* One that sends a byte now and then gets no more time than one that sends none. */
		if (left_us(deadline) == 0)
			return client_no_answer(name, error);
	}
	return client_hung_up(name, error);
}

static const char *text_of(json_t *object, const char *name, const char *otherwise)
{
	const char *text = otherwise;

	(void)json_text_get_string(json_object_get(object, name), &text);
	return text;
}

/* One that names another request is none. */
static gboolean answers(json_t *object, gint64 id)
{
	gint64 answered = id;

	(void)json_text_get_int(json_object_get(object, "id"), &answered);
	return answered == id;
}

static json_t *parse_answer(const char *line, gsize length, gint64 id, GError **error)
{
	g_autoptr(json_t)
		object = json_text_parse(line, length, CLIENT_ANSWER_BYTES_MAX, error);
	gboolean ok = FALSE;

	if (!object)
		return NULL;
	if (!answers(object, id)) {
		g_set_error_literal(error, DEFINITION_ERROR, DEFINITION_ERROR_HOST,
		                    "the worker answers what was not asked");
		return NULL;
	}
	(void)json_text_get_boolean(json_object_get(object, "ok"), &ok);
	if (ok)
		return g_steal_pointer(&object);
	g_set_error_literal(error, DEFINITION_ERROR,
	                    (gint)error_code_parse(text_of(object, "code", "failed")),
	                    text_of(object, "error", "the worker gives no reason"));
	return NULL;
}

gboolean client_is_ok(const char *line, gsize length, GError **error)
{
	g_autoptr(json_t) answer = parse_answer(line, length, 0, error);

	return answer != NULL;
}

json_t *client_request(const char *name, int fd, const struct control_request *request,
                       gint64 deadline, GError **error)
{
	static gint last_id; /* atomic */
	struct control_request numbered = *request;
	g_autoptr(GString) line = g_string_new(NULL);
	g_autofree char *text = NULL;
	ssize_t length;

	numbered.has_id = TRUE;
	numbered.id = g_atomic_int_add(&last_id, 1) & G_MAXINT;
	text = control_request_to_json(&numbered);
	length = (ssize_t)strlen(text);
	if (send(fd, text, (size_t)length, MSG_NOSIGNAL) != length) {
		client_hung_up(name, error);
		return NULL;
	}
	if (!read_line(name, fd, line, deadline, error))
		return NULL;
	return parse_answer(line->str, line->len, numbered.id, error);
}

json_t *client_ask(const char *name, enum control_command command, GError **error)
{
	struct control_request request = { .command = command };
	int fd = client_connect(name, client_deadline(CLIENT_ANSWER_S), error);
	gint64 deadline = client_deadline(command == CONTROL_NETS ? CLIENT_NETS_S :
	                                                            CLIENT_ANSWER_S);
	json_t *answer;

	if (fd < 0)
		return NULL;
	answer = client_request(name, fd, &request, deadline, error);
	close(fd);
	return answer;
}

gboolean client_state_alive(const char *state)
{
	return strcmp(state, "running") == 0 || strcmp(state, "panicked") == 0 ||
	       strcmp(state, "paused") == 0;
}

gboolean client_gone(const char *name)
{
	g_autofree char *folder = paths_of(name, PATH_CGROUP);
	g_autofree char *file = g_build_filename(folder, "cgroup.events", NULL);
	g_autofree char *events = NULL;

	return !g_file_get_contents(file, &events, NULL, NULL) ||
	       !strstr(events, "populated 1");
}

char *client_state(const char *name, char **reason, GError **error)
{
	g_autofree char *state = NULL;
	pid_t holder;

	if (!state_read(name, &state, reason, error) ||
	    !state_holder(name, &holder, error))
		return NULL;
	if (!holder && client_state_alive(state)) {
		/* It may have ended in between; by now it has written down how. */
		g_clear_pointer(&state, g_free);
		g_clear_pointer(reason, g_free);
		if (!state_read(name, &state, reason, error))
			return NULL;
	}
	if ((holder != 0) == client_state_alive(state))
		return g_steal_pointer(&state);
	g_free(*reason);
	*reason = g_strdup(holder ? "" : "its worker was killed");
	return g_strdup(holder ? "running" : "failed");
}
