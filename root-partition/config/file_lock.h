/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file that exists to be locked. */
#ifndef VIRIDIS_VM_FILE_LOCK_H
#define VIRIDIS_VM_FILE_LOCK_H

#include <glib.h>
#include <sys/types.h>

/*
 * Makes the file if need be and locks it; the descriptor, or -1 and errno, EAGAIN when another
 * process holds it. Who wants to remove the file does so before letting go. The lock is of the kind
 * that ends when this process closes any descriptor of the file.
 */
int file_lock(const char *path);

/*
 * The process that holds it, 0 for none, -1 for one that has no number here. It only looks: nobody's
 * attempt to lock fails of it. False and errno when that cannot be known.
 */
gboolean file_lock_holder(const char *path, pid_t *holder);

#endif
