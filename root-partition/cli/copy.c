/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * viridis copy: a file is read here and goes into a guest piece by piece, all by one connection to the worker. When that
 * ends too soon, because we do, the guest removes what it has.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "root-partition/client/client.h"
#include "root-partition/cli/command.h"

/* The guest has a minute for each step. */
#define STEP_S 75

static gboolean force;

static const GOptionEntry entries[] = {
	{ "force", 0, 0, G_OPTION_ARG_NONE, &force,
	  "Replace the file if the guest has it", NULL },
	G_OPTION_ENTRY_NULL,
};

struct source {
	const char *path;
	int fd;
	gint64 bytes; /* when it was opened */
};

/* ---- What is asked for ---- */

static gboolean bad_target(GError **error, const char *text, const char *why)
{
	g_autofree char *printable = json_text_make_printable(text, strlen(text));

	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "copy to '%s': %s",
	            printable, why);
	return FALSE;
}

/* NAME:/PATH; *name is freed by the caller. */
static gboolean take_target(const char *text, char **name,
                            struct control_request *request, GError **error)
{
	const char *colon = strchr(text, ':');
	const char *path = colon ? colon + 1 : "";
	const char *file;

	if (path[0] != '/')
		return bad_target(
			error, text,
			"NAME:/PATH is needed, with all of the path in the guest");
	if (!g_utf8_validate(path, -1, NULL))
		return bad_target(error, text, "the path is not UTF-8");
	file = strrchr(path, '/') + 1;
	if (!file[0])
		return bad_target(error, text, "name the file too, not its folder alone");
	if (file - 1 - path > CONTROL_PATH_PART_MAX ||
	    strlen(file) > CONTROL_PATH_PART_MAX)
		return bad_target(error, text,
		                  "its folder and its name have 259 bytes each at most");
	*name = g_strndup(text, (gsize)(colon - text));
	strcpy(request->path, path); /* it fits */
	return TRUE;
}

static gboolean bad_source(GError **error, const struct source *source, const char *why)
{
	g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_HOST, "%s: %s",
	            source->path, why);
	return FALSE;
}

/* Only a regular file has a size, which the guest is told first. Opening must not wait for a pipe's other end. */
static gboolean open_source(struct source *source, GError **error)
{
	struct stat status;

	source->fd = open(source->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (source->fd < 0 || fstat(source->fd, &status) != 0)
		return bad_source(error, source, g_strerror(errno));
	if (!S_ISREG(status.st_mode))
		return bad_source(error, source, "not a regular file");
	source->bytes = status.st_size;
	return TRUE;
}

/* ---- Piece by piece ---- */

/* Exactly so much. */
static gboolean read_piece(const struct source *source, guchar *data, gsize bytes,
                           GError **error)
{
	for (gsize at = 0; at < bytes;) {
		ssize_t count = read(source->fd, data + at, bytes - at);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return bad_source(error, source, g_strerror(errno));
		if (count == 0)
			return bad_source(error, source,
			                  "it has become shorter; the guest removes its "
			                  "copy");
		at += (gsize)count;
	}
	return TRUE;
}

/* On a terminal, once a second, of what takes longer than that. */
static gboolean progress_shown;

static void show_progress(gint64 done, gint64 bytes)
{
	static gint64 next_us;
	gint64 now_us = g_get_monotonic_time();

	if (!next_us)
		next_us = now_us + G_USEC_PER_SEC;
	if (now_us < next_us || command_json() || !isatty(STDERR_FILENO))
		return;
	g_printerr("\r%3d %%", (int)(100 * ((double)done / (double)bytes)));
	next_us = now_us + G_USEC_PER_SEC;
	progress_shown = TRUE;
}

static void wipe_progress(void)
{
	if (progress_shown)
		g_printerr("\r     \r");
}

static gboolean step(const char *name, int fd, const struct control_request *request,
                     GError **error)
{
	g_autoptr(json_t) answer =
		client_request(name, fd, request, client_deadline(STEP_S), error);

	return answer != NULL;
}

static gboolean send_pieces(const char *name, int fd, const struct source *source,
                            GError **error)
{
	struct control_request request = { .command = CONTROL_COPY_DATA };
	guchar data[CONTROL_DATA_BYTES];

	for (gint64 done = 0; done < source->bytes;) {
		gsize bytes = (gsize)MIN(source->bytes - done, (gint64)sizeof(data));
		g_autofree char *text = NULL;

		if (!read_piece(source, data, bytes, error))
			return FALSE;
		text = g_base64_encode(data, bytes);
		g_strlcpy(request.data, text, sizeof(request.data)); /* it fits */
		if (!step(name, fd, &request, error))
			return FALSE;
		done += (gint64)bytes;
		show_progress(done, source->bytes);
	}
	return TRUE;
}

static gboolean copy(const char *name, struct control_request *begin,
                     struct source *source, GError **error)
{
	const struct control_request end = { .command = CONTROL_COPY_END };
	gboolean done;
	int fd;

	if (!open_source(source, error))
		return FALSE;
	begin->size = source->bytes;
	fd = client_connect(name, client_deadline(CLIENT_ANSWER_S), error);
	if (fd < 0)
		return FALSE;
	done = step(name, fd, begin, error) && send_pieces(name, fd, source, error) &&
	       step(name, fd, &end, error);
	wipe_progress();
	close(fd);
	return done;
}

enum command_status command_copy(const struct command *command, int argc, char **argv)
{
	const struct command_arguments arguments = { command, argc, argv,
		                                     entries, 2,    FALSE };
	struct control_request begin = { .command = CONTROL_COPY };
	struct source source = { .fd = -1 };
	const char *words[2] = { NULL };
	g_autoptr(GError) error = NULL;
	g_autofree char *name = NULL;
	enum command_status status;
	gboolean done;

	if (!command_parse(&arguments, words, &status))
		return status;
	source.path = words[0];
	begin.overwrite = force;
	done = take_target(words[1], &name, &begin, &error) &&
	       copy(name, &begin, &source, &error);
	if (source.fd >= 0)
		close(source.fd);
	return done ? command_done("%s has %s", name, begin.path) : command_fail(error);
}
