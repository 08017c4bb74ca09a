/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a VM's serial line goes: a pty that people attach to, or a file that output is appended to. */
#ifndef VIRIDIS_VM_SERIAL_FILE_H
#define VIRIDIS_VM_SERIAL_FILE_H

#include <glib.h>

struct serial_file {
	int fd;        /* the pty's master, or the file; -1: none */
	int far_fd;    /* the pty's slave; -1 for a file */
	char *pty;     /* the slave's path, or NULL */
	char *limited; /* the path of a regular file, which has a limit, or NULL */
	gsize bytes;   /* its length when it was opened */
};
#define SERIAL_FILE_NONE ((struct serial_file){ .fd = -1, .far_fd = -1 })

/*
 * `where`: "pty" or a file's path. A regular file is this VM's alone, like a disk it writes to. Past
 * SERIAL_FILE_BYTES it becomes FILE.old, and a new one begins: what a guest prints does not fill the
 * root's disk.
 */
#define SERIAL_FILE_BYTES (16u << 20)
gboolean serial_file_open(struct serial_file *file, const char *where, GError **error);
void serial_file_close(struct serial_file *file);

/* Begins anew, if the file is that long: true when file->fd is a new one, false when it is the old one, emptied. */
gboolean serial_file_next(struct serial_file *file);

#endif
