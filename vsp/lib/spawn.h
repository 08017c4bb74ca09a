/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starting a provider's process, for the keeper. */
#ifndef VIRIDIS_VSP_SPAWN_H
#define VIRIDIS_VSP_SPAWN_H

#include <sys/types.h>

/* Descriptors of the caller's for the new process. */
struct vsp_spawn {
	int socket;  /* to be VSP_SOCKET_FD */
	int errors;  /* its standard error */
	int backend; /* to be VSP_BACKEND_FD; -1: there is none */
	int waiter;  /* to be VSP_WAITER_FD; -1: there is none */
};

/*
 * The program with these and no other descriptor beside the standard ones: the first process of a PID namespace of
 * its own, where that is permitted, so that it has no name for any other process. 0, or an errno, which may be
 * execve's: then there is no process.
 */
int vsp_spawn(const char *path, const struct vsp_spawn *with, pid_t *pid);

#endif
