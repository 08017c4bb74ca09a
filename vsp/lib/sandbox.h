/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Giving up, for good, everything a provider needs no more once its files are open. */
#ifndef VIRIDIS_VSP_SANDBOX_H
#define VIRIDIS_VSP_SANDBOX_H

#include <stdbool.h>

/*
 * From here on: no new privileges, no capabilities, user and group nobody, own empty file
 * system, network, IPC and UTS namespaces, and a short list of system calls (others get EPERM).
 * `extra` are calls allowed beside it, ended by -1, or NULL. Without CAP_SYS_ADMIN, only what
 * needs no privilege is done. False and errno: the process must not go on.
 */
bool vsp_sandbox_enter(const int *extra);

#endif
