/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * clone(2) as posix_spawn() does not know it. The child is a copy of the caller and uses nothing but system
 * calls: the locks of the C library may be held by threads that it does not have.
 */
#define _GNU_SOURCE
#include "vsp/lib/spawn.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vsp/lib/core/protocol.h"

extern char **environ;

/* In the child. execve() gives every handled signal its default back. */
static void become(const char *path, int socket, int errors, int *error)
{
	char *arguments[] = { (char *)path, NULL };

	if (dup2(errors, STDERR_FILENO) >= 0 && dup2(socket, VSP_SOCKET_FD) >= 0 &&
	    close_range(VSP_SOCKET_FD + 1, ~0u, 0) == 0)
		execve(path, arguments, environ);
	*error = errno;
	_exit(127);
}

/* CLONE_VFORK: when this returns the child has executed the program, or written why not. */
static pid_t clone_into(const char *path, int socket, int errors, int namespaces,
                        int *error)
{
	long pid = syscall(SYS_clone, namespaces | CLONE_VFORK | SIGCHLD, NULL, NULL,
	                   NULL, NULL);

	if (pid == 0)
		become(path, socket, errors, error);
	return (pid_t)pid;
}

int vsp_spawn(const char *path, int socket, int errors, pid_t *pid)
{
	int *error = mmap(NULL, sizeof(*error), PROT_READ | PROT_WRITE,
	                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int result;

	if (error == MAP_FAILED)
		return errno;
	*pid = clone_into(path, socket, errors, CLONE_NEWPID, error);
	if (*pid < 0 && errno == EPERM)
		*pid = clone_into(path, socket, errors, 0, error);
	result = *pid < 0 ? errno : *error;
	munmap(error, sizeof(*error));
	return result;
}
