/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opening, locking and replacing a serial line's far end. */
#define _GNU_SOURCE
#include "root-partition/vm/serial_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

static gboolean io_error(GError **error, const char *what)
{
	int saved = errno;

	g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(saved),
	            "serial %s: %s", what, g_strerror(saved));
	return FALSE;
}

static gboolean open_pty(struct serial_file *file, GError **error)
{
	struct termios raw;
	char path[128];

	file->fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (file->fd < 0 || grantpt(file->fd) != 0 || unlockpt(file->fd) != 0 ||
	    ptsname_r(file->fd, path, sizeof(path)) != 0)
		return io_error(error, "pty");
	file->far_fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (file->far_fd < 0 || tcgetattr(file->far_fd, &raw) != 0)
		return io_error(error, path);
	/* A line discipline would echo the guest's own output back at it. */
	cfmakeraw(&raw);
	if (tcsetattr(file->far_fd, TCSANOW, &raw) != 0)
		return io_error(error, path);
	file->pty = g_strdup(path);
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

static gboolean open_file(struct serial_file *file, const char *path, GError **error)
{
	struct stat status;

	file->fd = file_open(path, O_CREAT);
	if (file->fd < 0 || fstat(file->fd, &status) != 0)
		return io_error(error, path);
	if (S_ISBLK(status.st_mode))
		return refuse(error, path, "a block device cannot be appended to");
	if (!S_ISREG(status.st_mode))
		return TRUE;
	if (file_lock_whole(file->fd)) {
		file->limited = g_strdup(path);
		file->bytes = (gsize)status.st_size;
		return TRUE;
	}
	if (errno == EAGAIN || errno == EACCES)
		return refuse(error, path, "another process uses it");
	return io_error(error, path);
}

gboolean serial_file_open(struct serial_file *file, const char *where, GError **error)
{
	*file = SERIAL_FILE_NONE;
	if (strcmp(where, "pty") == 0 ? open_pty(file, error) :
	                                open_file(file, where, error))
		return TRUE;
	serial_file_close(file);
	return FALSE;
}

void serial_file_close(struct serial_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	if (file->far_fd >= 0)
		close(file->far_fd);
	g_free(file->pty);
	g_free(file->limited);
	*file = SERIAL_FILE_NONE;
}

/* ---- The limit ---- */

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
static gboolean file_rotate(struct serial_file *file)
{
	g_autofree char *old = g_strconcat(file->limited, ".old", NULL);
	int fd;

	if (!may_replace(old) || rename(file->limited, old) != 0)
		return FALSE;
	fd = file_open(file->limited, O_CREAT | O_EXCL);
	if (fd >= 0 && file_lock_whole(fd)) {
		close(file->fd);
		file->fd = fd;
		return TRUE;
	}
	if (fd >= 0)
		close(fd);
	(void)rename(old, file->limited);
	return FALSE;
}

gboolean serial_file_next(struct serial_file *file)
{
	struct stat status;

	if (!file->limited || fstat(file->fd, &status) != 0 ||
	    status.st_size < (off_t)SERIAL_FILE_BYTES)
		return FALSE;
	if (file_rotate(file))
		return TRUE;
	(void)!ftruncate(file->fd, 0);
	return FALSE;
}
