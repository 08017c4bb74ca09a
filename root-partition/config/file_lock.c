/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Locks of POSIX: they tell who holds them, and go with the process in whatever way it dies. */
#include "root-partition/config/file_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* The file at `path` is still the one we have open: its last holder did not remove it. */
static gboolean is_current(const char *path, int fd)
{
	struct stat opened;
	struct stat current;

	return fstat(fd, &opened) == 0 && stat(path, &current) == 0 &&
	       opened.st_ino == current.st_ino && opened.st_dev == current.st_dev;
}

int file_lock(const char *path)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int saved;
	int fd;

	for (;;) {
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0)
			return -1;
		if (fcntl(fd, F_SETLK, &whole) != 0)
			break;
		if (is_current(path, fd))
			return fd;
		close(fd);
	}
	saved = errno == EACCES ? EAGAIN : errno; /* either says that it is held */
	close(fd);
	errno = saved;
	return -1;
}

gboolean file_lock_holder(const char *path, pid_t *holder)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open(path, O_RDWR | O_CLOEXEC);
	int result;
	int saved;

	*holder = 0;
	if (fd < 0)
		return errno == ENOENT;
	result = fcntl(fd, F_GETLK, &whole);
	saved = errno;
	close(fd);
	errno = saved;
	if (result == 0 && whole.l_type != F_UNLCK)
		*holder = whole.l_pid > 0 ? whole.l_pid : -1;
	return result == 0;
}
