/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pty and file. Of a pty we hold both ends: as long as somebody has the far end open, ours gives
 * no EIO while nobody is attached, and what the guest printed waits there for who attaches.
 */
#define _GNU_SOURCE
#include "root-partition/vm/serial.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#define INPUT_BYTES 256

struct serial {
	int fd;     /* master, or the file */
	int far_fd; /* the pty's slave; -1 for a file */
	char *path; /* the pty's */
	char *file; /* the regular file's, which has a limit */
	gsize file_bytes;
	GByteArray *kept;
	guint write_source;
	guint read_source;
	serial_input_function input;
	gpointer context;
	guint8 waiting[INPUT_BYTES]; /* read from the pty, not taken yet */
	gsize waiting_count;
};

static gboolean io_error(GError **error, const char *what)
{
	int saved = errno;

	g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(saved),
	            "serial %s: %s", what, g_strerror(saved));
	return FALSE;
}

static gboolean open_pty(struct serial *serial, GError **error)
{
	struct termios raw;
	char path[128];

	serial->fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (serial->fd < 0 || grantpt(serial->fd) != 0 || unlockpt(serial->fd) != 0 ||
	    ptsname_r(serial->fd, path, sizeof(path)) != 0)
		return io_error(error, "pty");
	serial->far_fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (serial->far_fd < 0 || tcgetattr(serial->far_fd, &raw) != 0)
		return io_error(error, path);
	/* A line discipline would echo the guest's own output back at it. */
	cfmakeraw(&raw);
	if (tcsetattr(serial->far_fd, TCSANOW, &raw) != 0)
		return io_error(error, path);
	serial->path = g_strdup(path);
	return TRUE;
}

static gboolean refuse(GError **error, const char *path, const char *why)
{
	g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "serial %s: %s", path, why);
	return FALSE;
}

static int file_open(const char *path, int flags)
{
	return open(path, O_WRONLY | O_APPEND | O_NOCTTY | O_CLOEXEC | O_NONBLOCK | flags,
	            0600);
}

/* The lock is of the kind disks have, so that a file is never both, nor two VMs' output. */
static gboolean file_lock_whole(int fd)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return fcntl(fd, F_OFD_SETLK, &whole) == 0;
}

static gboolean open_file(struct serial *serial, const char *path, GError **error)
{
	struct stat status;

	serial->fd = file_open(path, O_CREAT);
	if (serial->fd < 0 || fstat(serial->fd, &status) != 0)
		return io_error(error, path);
	if (S_ISBLK(status.st_mode))
		return refuse(error, path, "a block device cannot be appended to");
	if (!S_ISREG(status.st_mode))
		return TRUE;
	if (file_lock_whole(serial->fd)) {
		serial->file = g_strdup(path);
		serial->file_bytes = (gsize)status.st_size;
		return TRUE;
	}
	if (errno == EAGAIN || errno == EACCES)
		return refuse(error, path, "another process uses it");
	return io_error(error, path);
}

struct serial *serial_open(const char *where, GError **error)
{
	struct serial *serial = g_new0(struct serial, 1);
	gboolean opened;

	serial->fd = -1;
	serial->far_fd = -1;
	serial->kept = g_byte_array_new();
	opened = strcmp(where, "pty") == 0 ? open_pty(serial, error) :
	                                     open_file(serial, where, error);
	if (!opened) {
		serial_close(serial);
		return NULL;
	}
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
	g_free(serial->path);
	g_free(serial->file);
	g_free(serial);
}

const char *serial_pty_path(const struct serial *serial)
{
	return serial->path;
}

/* ---- Output ---- */

/* Nothing, or a regular file that nobody uses: the disk or output of another VM is not replaced. */
static gboolean may_replace(const char *path)
{
	int fd = file_open(path, 0);
	struct stat status;
	gboolean unused;

	if (fd < 0)
		return errno == ENOENT;
	unused = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
	         file_lock_whole(fd);
	close(fd);
	return unused;
}

/* True when the file has its old name and a new one is begun. */
static gboolean file_rotate(struct serial *serial)
{
	g_autofree char *old = g_strconcat(serial->file, ".old", NULL);
	int fd;

	if (!may_replace(old) || rename(serial->file, old) != 0)
		return FALSE;
	fd = file_open(serial->file, O_CREAT | O_EXCL);
	if (fd >= 0 && file_lock_whole(fd)) {
		close(serial->fd);
		serial->fd = fd;
		return TRUE;
	}
	if (fd >= 0)
		close(fd);
	(void)rename(old, serial->file);
	return FALSE;
}

/* Where there can be no new file the one that there is begins anew. */
static void file_limit(struct serial *serial)
{
	if (!serial->file || serial->file_bytes < SERIAL_FILE_BYTES)
		return;
	if (!file_rotate(serial))
		(void)!ftruncate(serial->fd, 0);
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
