/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stands for a kernel that goes on with I/O when the provider that asked for it is dead. */
#ifndef VIRIDIS_TESTS_WORKER_IO_H
#define VIRIDIS_TESTS_WORKER_IO_H

#include <glib.h>
#include <stdbool.h>

/* In the test: takes over the I/O of one provider, at this socket. */
GThread *io_start(const char *path);
bool io_is_over(void);

/* In the provider: its death is seen by a socket that it keeps. */
bool io_hand_over(const char *path, int lifeline);

#endif
