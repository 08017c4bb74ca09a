/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * clone(2) as posix_spawn() does not know it. The child is a copy of the caller and uses nothing but system
 * calls: the locks of the C library may be held by threads that it does not have.
 */
#define _GNU_SOURCE
#include "vsp/lib/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vsp/lib/core/protocol.h"

extern char **environ;

#define LAST_FD VSP_WAITER_FD

/* Out of the way of the others, whose places it may have. One that there is none of stays what it is; false: there is no room. */
static bool set_aside(int *fd)
{
	if (*fd < 0)
		return true;
	*fd = fcntl(*fd, F_DUPFD, LAST_FD + 1);
	return *fd >= 0;
}

/* Nothing is left at a place that nothing is for. */
static bool put(int fd, int place)
{
	if (fd >= 0)
		return dup2(fd, place) == place;
	(void)close(place); /* it may not have been open */
	return true;
}

/* In the child. execve() gives every handled signal its default back. */
static void become(const char *path, const struct vsp_spawn *with, int *error)
{
	char *arguments[] = { (char *)path, NULL };
	int backend = with->backend, waiter = with->waiter;

	if (set_aside(&backend) && set_aside(&waiter) &&
	    put(with->errors, STDERR_FILENO) && put(with->socket, VSP_SOCKET_FD) &&
	    put(backend, VSP_BACKEND_FD) && put(waiter, VSP_WAITER_FD) &&
	    close_range(LAST_FD + 1, ~0u, 0) == 0)
		execve(path, arguments, environ);
	*error = errno;
	_exit(127);
}

/* CLONE_VFORK: when this returns the child has executed the program, or written why not. */
static pid_t clone_into(const char *path, const struct vsp_spawn *with, int namespaces,
                        int *error)
{
	long pid = syscall(SYS_clone, namespaces | CLONE_VFORK | SIGCHLD, NULL, NULL,
	                   NULL, NULL);

	if (pid == 0)
		become(path, with, error);
	return (pid_t)pid;
}

int vsp_spawn(const char *path, const struct vsp_spawn *with, pid_t *pid)
{
	int *error = mmap(NULL, sizeof(*error), PROT_READ | PROT_WRITE,
	                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int result;

	if (error == MAP_FAILED)
		return errno;
	*pid = clone_into(path, with, CLONE_NEWPID, error);
	if (*pid < 0 && errno == EPERM)
		*pid = clone_into(path, with, 0, error);
	result = *pid < 0 ? errno : *error;
	if (*pid > 0 && result)
		(void)waitpid(*pid, NULL, 0); /* it has ended, or is about to */
	munmap(error, sizeof(*error));
	return result;
}
