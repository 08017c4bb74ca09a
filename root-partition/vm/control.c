/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A unix socket that only the owner of the files may connect to. A client that sends a line too
 * long, or does not read its answers, is hung up on: the worker waits for nobody. So is one that
 * says nothing, when there are too many. Events for one that does not read are left out when too much waits
 * for it, and it is told which.
 */
#define _GNU_SOURCE
#include "root-partition/vm/control.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS_MAX 16u
/* What waits for one client: of events, and with an answer, which may be long, at most. */
#define EVENTS_BYTES_MAX  (16u << 10)
#define ANSWERS_BYTES_MAX (1u << 20)

struct client {
	struct control *control;
	guint number;
	int fd;
	guint source;
	gboolean subscribed;
	gboolean spoke; /* a whole line */
	char line[CONTROL_LINE_BYTES];
	gsize filled;
	GString *waiting;   /* what its socket had no room for */
	guint write_source; /* 0: nothing waits */
	guint64 lost_first; /* events that were left out since it read last; 0: none */
	guint64 lost_last;
};

struct control {
	int fd;
	guint source;
	control_function handle;
	control_gone gone;
	gpointer context;
	GHashTable *clients; /* number to struct client */
	guint last_number;
	guint64 sequence; /* of the last event */
};

static void client_free(gpointer data)
{
	struct client *client = data;
	struct control *control = client->control;

	if (control->gone)
		control->gone(control->context, client->number);
	g_source_remove(client->source);
	if (client->write_source)
		g_source_remove(client->write_source);
	g_string_free(client->waiting, TRUE);
	close(client->fd);
	g_free(client);
}

static void drop(struct client *client)
{
	g_hash_table_remove(client->control->clients, GUINT_TO_POINTER(client->number));
}

static struct client *find(struct control *control, guint number)
{
	return g_hash_table_lookup(control->clients, GUINT_TO_POINTER(number));
}

/* ---- To clients ---- */

/* As much of it as the socket takes; -1: the client is gone. */
static gssize send_some(const struct client *client, const char *text, gsize bytes)
{
	ssize_t sent = send(client->fd, text, bytes, MSG_NOSIGNAL | MSG_DONTWAIT);

	return sent >= 0 ? sent : errno == EAGAIN || errno == EINTR ? 0 : -1;
}

static gboolean on_room(gint fd, GIOCondition condition, gpointer data);

/* Behind what waits already, which the client is given when its socket has room. FALSE: it is gone. */
static gboolean send_line(struct client *client, const char *line)
{
	gsize bytes = strlen(line);
	gssize sent = client->waiting->len ? 0 : send_some(client, line, bytes);

	if (sent < 0)
		return FALSE;
	g_string_append(client->waiting, line + sent);
	if (client->waiting->len && !client->write_source)
		client->write_source =
			g_unix_fd_add(client->fd, G_IO_OUT, on_room, client);
	return TRUE;
}

/* In the place of the events that it lost, before the next. */
static gboolean tell_lost(struct client *client)
{
	g_autofree char *line = NULL;

	if (!client->lost_first)
		return TRUE;
	line = control_lost_to_json(client->lost_first, client->lost_last);
	client->lost_first = 0;
	return send_line(client, line);
}

static gboolean on_room(gint fd, GIOCondition condition, gpointer data)
{
	struct client *client = data;
	gssize sent = send_some(client, client->waiting->str, client->waiting->len);

	(void)fd;
	(void)condition;
	if (sent < 0) {
		drop(client);
		return G_SOURCE_CONTINUE; /* it has been removed */
	}
	g_string_erase(client->waiting, 0, sent);
	if (client->waiting->len)
		return G_SOURCE_CONTINUE;
	client->write_source = 0;
	if (!tell_lost(client))
		drop(client);
	return G_SOURCE_REMOVE;
}

void control_answer(struct control *control, struct control_ticket ticket,
                    const char *line)
{
	struct client *client = find(control, ticket.client);
	g_autofree char *whole = control_with_id(line, ticket.has_id, ticket.id);

	if (client && (client->waiting->len + strlen(whole) > ANSWERS_BYTES_MAX ||
	               !send_line(client, whole)))
		drop(client);
}

void control_subscribe(struct control *control, struct control_ticket ticket)
{
	g_autofree char *line = g_strdup_printf(
		"{\"ok\":true,\"sequence\":%" G_GUINT64_FORMAT "}\n", control->sequence);
	struct client *client = find(control, ticket.client);

	if (client)
		client->subscribed = TRUE;
	control_answer(control, ticket, line);
}

/* FALSE: the client is gone. */
static gboolean send_event(struct client *client, const char *line, guint64 sequence)
{
	if (!client->lost_first &&
	    (!client->waiting->len ||
	     client->waiting->len + strlen(line) <= EVENTS_BYTES_MAX))
		return send_line(client, line);
	if (!client->lost_first)
		client->lost_first = sequence;
	client->lost_last = sequence;
	return TRUE;
}

void control_event(struct control *control, const struct control_event *event)
{
	guint64 sequence = ++control->sequence;
	g_autofree char *line = control_event_to_json(event, sequence);
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, control->clients);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		struct client *client = value;

		if (client->subscribed && !send_event(client, line, sequence))
			g_hash_table_iter_remove(&iter);
	}
}

/* ---- From clients ---- */

static void handle_line(struct client *client, const char *line, gsize length)
{
	struct control *control = client->control;
	struct control_request request;
	g_autoptr(GError) error = NULL;
	g_autofree char *answer = NULL;
	gboolean taken = control_request_parse(line, length, &request, &error);
	struct control_ticket ticket = { client->number, request.has_id, request.id };

	if (taken) {
		control->handle(control->context, ticket, &request);
		return;
	}
	answer = control_refusal_to_json(&request, error);
	control_answer(control, ticket, answer);
}

/* Whatever else it holds, the rest of it cannot be told from the next one. */
static void refuse_long_line(struct client *client)
{
	g_autofree char *answer =
		control_error_to_json(DEFINITION_ERROR_MALFORMED, "the line is too long");

	(void)send_some(client, answer, strlen(answer)); /* it goes all the same */
	drop(client);
}

/* Handles each whole line; the client may be gone after any of them. */
static void handle_lines(struct control *control, guint number)
{
	struct client *client;
	char *end;

	while ((client = find(control, number)) &&
	       (end = memchr(client->line, '\n', client->filled))) {
		gsize length = (gsize)(end - client->line);
		g_autofree char *line = g_strndup(client->line, length);

		client->spoke = TRUE;
		client->filled -= length + 1;
		memmove(client->line, end + 1, client->filled);
		handle_line(client, line, length);
	}
	if (client && client->filled == sizeof(client->line))
		refuse_long_line(client);
}

static gboolean on_client(gint fd, GIOCondition condition, gpointer data)
{
	struct client *client = data;
	ssize_t count = recv(fd, client->line + client->filled,
	                     sizeof(client->line) - client->filled, MSG_DONTWAIT);

	(void)condition;
	if (count > 0) {
		client->filled += (gsize)count;
		handle_lines(client->control, client->number);
	} else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
		drop(client);
	}
	return G_SOURCE_CONTINUE; /* dropping a client removes its source */
}

/* Who connects and says nothing keeps nobody out: the one that has been silent longest goes. */
static gboolean make_room(struct control *control)
{
	struct client *silent = NULL;
	GHashTableIter iter;
	gpointer value;

	if (g_hash_table_size(control->clients) < CLIENTS_MAX)
		return TRUE;
	g_hash_table_iter_init(&iter, control->clients);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		struct client *client = value;

		if (!client->spoke && (!silent || client->number < silent->number))
			silent = client;
	}
	if (silent)
		drop(silent);
	return silent != NULL;
}

static gboolean on_connect(gint fd, GIOCondition condition, gpointer data)
{
	struct control *control = data;
	struct client *client;
	int client_fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)condition;
	if (client_fd < 0)
		return G_SOURCE_CONTINUE;
	if (!make_room(control)) {
		close(client_fd);
		return G_SOURCE_CONTINUE;
	}
	client = g_new0(struct client, 1);
	client->control = control;
	client->fd = client_fd;
	client->waiting = g_string_new(NULL);
	client->number = ++control->last_number;
	client->source = g_unix_fd_add(client_fd, G_IO_IN, on_client, client);
	g_hash_table_insert(control->clients, GUINT_TO_POINTER(client->number), client);
	return G_SOURCE_CONTINUE;
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	/* A worker that was killed left its own behind; we hold the VM's lock. */
	unlink(path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    chmod(path, 0600) != 0 || listen(fd, 4) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

int control_listen(const char *path, GError **error)
{
	int fd = listen_at(path);
	int saved = errno;

	if (fd < 0)
		g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(saved),
		            "control socket %s: %s", path, g_strerror(saved));
	return fd;
}

struct control *control_new(int listener, control_function handle, control_gone gone,
                            gpointer context)
{
	struct control *control = g_new0(struct control, 1);

	control->fd = fcntl(listener, F_DUPFD_CLOEXEC, 0);
	control->handle = handle;
	control->gone = gone;
	control->context = context;
	control->clients = g_hash_table_new_full(NULL, NULL, NULL, client_free);
	control->source = g_unix_fd_add(control->fd, G_IO_IN, on_connect, control);
	return control;
}

void control_free(struct control *control)
{
	control->gone = NULL;
	g_source_remove(control->source);
	g_hash_table_unref(control->clients);
	close(control->fd);
	g_free(control);
}
