/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A unix socket that only the owner of the files may connect to. A client that sends a line too
 * long, or does not read its answers, is hung up on: the worker waits for nobody. So is one that
 * says nothing, when there are too many.
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

struct client {
	struct control *control;
	guint number;
	int fd;
	guint source;
	gboolean subscribed;
	gboolean spoke; /* a whole line */
	char line[CONTROL_LINE_BYTES];
	gsize filled;
};

struct control {
	int fd;
	guint source;
	control_function handle;
	gpointer context;
	GHashTable *clients; /* number to struct client */
	guint last_number;
};

static void client_free(gpointer data)
{
	struct client *client = data;

	g_source_remove(client->source);
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

static gboolean send_line(const struct client *client, const char *line)
{
	size_t bytes = strlen(line);

	return send(client->fd, line, bytes, MSG_NOSIGNAL | MSG_DONTWAIT) ==
	       (ssize_t)bytes;
}

void control_answer(struct control *control, guint number, const char *line)
{
	struct client *client = find(control, number);

	if (client && !send_line(client, line))
		drop(client);
}

void control_subscribe(struct control *control, guint number)
{
	struct client *client = find(control, number);

	if (client)
		client->subscribed = TRUE;
}

void control_event(struct control *control, const char *line)
{
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, control->clients);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		struct client *client = value;

		if (client->subscribed && !send_line(client, line))
			g_hash_table_iter_remove(&iter);
	}
}

static void handle_line(struct client *client, const char *line, gsize length)
{
	struct control *control = client->control;
	struct control_request request;
	g_autoptr(GError) error = NULL;
	g_autofree char *answer = NULL;

	if (control_request_parse(line, length, &request, &error)) {
		control->handle(control->context, client->number, &request);
		return;
	}
	answer = control_error_to_json(error->message);
	control_answer(control, client->number, answer);
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
		drop(client);
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

struct control *control_new(int listener, control_function handle, gpointer context)
{
	struct control *control = g_new0(struct control, 1);

	control->fd = fcntl(listener, F_DUPFD_CLOEXEC, 0);
	control->handle = handle;
	control->context = context;
	control->clients = g_hash_table_new_full(NULL, NULL, NULL, client_free);
	control->source = g_unix_fd_add(control->fd, G_IO_IN, on_connect, control);
	return control;
}

void control_free(struct control *control)
{
	g_source_remove(control->source);
	g_hash_table_unref(control->clients);
	close(control->fd);
	g_free(control);
}
