/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starting a provider's process, for the keeper. */
#ifndef VIRIDIS_VSP_SPAWN_H
#define VIRIDIS_VSP_SPAWN_H

#include <sys/types.h>

/*
 * The program with `socket` as VSP_SOCKET_FD, `errors` as its standard error, and no other descriptor beside
 * the standard ones: the first process of a PID namespace of its own, where that is permitted, so that it has no name for any other process.
 * 0, or an errno, which may be execve's.
 */
int vsp_spawn(const char *path, int socket, int errors, pid_t *pid);

#endif
