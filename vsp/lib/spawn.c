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
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vsp/lib/core/protocol.h"

extern char **environ;

/* In the child. execve() gives every handled signal its default back. */
static void become(const char *path, const struct vsp_spawn *with, int *error)
{
	char *arguments[] = { (char *)path, NULL };
	unsigned int last = with->backend < 0 ? VSP_SOCKET_FD : VSP_BACKEND_FD;
	/* Out of the way of the other, whose place it may have. */
	int backend = with->backend < 0 ? 0 : fcntl(with->backend, F_DUPFD, last + 1);

	if (dup2(with->errors, STDERR_FILENO) >= 0 &&
	    dup2(with->socket, VSP_SOCKET_FD) >= 0 &&
	    (with->backend < 0 || dup2(backend, VSP_BACKEND_FD) >= 0) &&
	    close_range(last + 1, ~0u, 0) == 0)
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
