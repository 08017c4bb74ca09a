/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The line's bytes. Of a pty we hold both ends: as long as somebody has the far end open, ours gives
 * no EIO while nobody is attached, and what the guest printed waits there for who attaches.
 */
#define _GNU_SOURCE
#include "root-partition/vm/serial.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define INPUT_BYTES 256

struct serial {
	int fd;     /* master, or the file */
	int far_fd; /* the pty's slave; -1 for a file */
	char *pty;  /* the pty's path, or NULL */
	bool limited;
	gsize file_bytes;
	serial_next_function next;
	gpointer next_context;
	GByteArray *kept;
	guint write_source;
	guint read_source;
	serial_input_function input;
	gpointer context;
	guint8 waiting[INPUT_BYTES]; /* read from the pty, not taken yet */
	gsize waiting_count;
};

struct serial *serial_new(const struct serial_file *file, serial_next_function next,
                          gpointer next_context)
{
	struct serial *serial = g_new0(struct serial, 1);

	serial->fd = fcntl(file->fd, F_DUPFD_CLOEXEC, 0);
	serial->far_fd = file->pty ? fcntl(file->far_fd, F_DUPFD_CLOEXEC, 0) : -1;
	serial->pty = g_strdup(file->pty);
	serial->limited = file->limited != NULL;
	serial->file_bytes = file->bytes;
	serial->next = next;
	serial->next_context = next_context;
	serial->kept = g_byte_array_new();
	return serial;
}

static void remove_source(guint *source)
{
	if (*source)
		g_source_remove(*source);
	*source = 0;
}

void serial_close(struct serial *serial)
{
	remove_source(&serial->write_source);
	remove_source(&serial->read_source);
	if (serial->fd >= 0)
		close(serial->fd);
	if (serial->far_fd >= 0)
		close(serial->far_fd);
	g_byte_array_unref(serial->kept);
	g_free(serial->pty);
	g_free(serial);
}

const char *serial_pty_path(const struct serial *serial)
{
	return serial->pty;
}

/* ---- Output ---- */

/* Where there is no new file the one that there is has begun anew. The number stays: it is being watched. */
static void file_limit(struct serial *serial)
{
	int fd;

	if (!serial->limited || serial->file_bytes < SERIAL_FILE_BYTES)
		return;
	fd = serial->next(serial->next_context);
	if (fd >= 0) {
		(void)dup3(fd, serial->fd, O_CLOEXEC);
		close(fd);
	}
	serial->file_bytes = 0;
}

/* Returns what is left; an error loses it: a serial line has nobody to complain to. */
static void flush(struct serial *serial)
{
	while (serial->kept->len) {
		ssize_t written =
			write(serial->fd, serial->kept->data, serial->kept->len);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0 && errno == EAGAIN)
			return;
		if (written < 0)
			written = serial->kept->len;
		g_byte_array_remove_range(serial->kept, 0, (guint)written);
		serial->file_bytes += (gsize)written;
		file_limit(serial);
	}
}

static gboolean on_writable(gint fd, GIOCondition condition, gpointer data)
{
	struct serial *serial = data;

	(void)fd;
	(void)condition;
	flush(serial);
	if (serial->kept->len)
		return G_SOURCE_CONTINUE;
	serial->write_source = 0;
	return G_SOURCE_REMOVE;
}

void serial_write(struct serial *serial, const guint8 *bytes, gsize count)
{
	g_byte_array_append(serial->kept, bytes, (guint)count);
	if (!serial->write_source)
		flush(serial);
	if (serial->kept->len > SERIAL_KEPT_BYTES)
		g_byte_array_remove_range(serial->kept, 0,
		                          serial->kept->len - SERIAL_KEPT_BYTES);
	if (serial->kept->len && !serial->write_source)
		serial->write_source =
			g_unix_fd_add(serial->fd, G_IO_OUT, on_writable, serial);
}

/* ---- Input ---- */

/* True when all that was read has been taken. */
static gboolean offer(struct serial *serial)
{
	gsize taken =
		serial->input(serial->context, serial->waiting, serial->waiting_count);

	serial->waiting_count -= taken;
	memmove(serial->waiting, serial->waiting + taken, serial->waiting_count);
	return serial->waiting_count == 0;
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer data)
{
	struct serial *serial = data;
	ssize_t count = read(fd, serial->waiting, sizeof(serial->waiting));

	(void)condition;
	if (count > 0) {
		serial->waiting_count = (gsize)count;
		if (offer(serial))
			return G_SOURCE_CONTINUE;
	} else if (errno == EAGAIN || errno == EINTR) {
		return G_SOURCE_CONTINUE;
	}
	serial->read_source = 0;
	return G_SOURCE_REMOVE;
}

void serial_resume_input(struct serial *serial)
{
	if (!serial->input || serial->far_fd < 0 || serial->read_source)
		return;
	if (serial->waiting_count && !offer(serial))
		return;
	serial->read_source = g_unix_fd_add(serial->fd, G_IO_IN, on_readable, serial);
}

void serial_set_input(struct serial *serial, serial_input_function input,
                      gpointer context)
{
	serial->input = input;
	serial->context = context;
	if (input)
		serial_resume_input(serial);
	else
		remove_source(&serial->read_source);
}
