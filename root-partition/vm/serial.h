/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The far end of the child's serial line: a pty that people attach to, or a file that output is
 * appended to. Main thread only. It outlives resets of the machine.
 */
#ifndef VIRIDIS_VM_SERIAL_H
#define VIRIDIS_VM_SERIAL_H

#include <glib.h>

struct serial;

/* Takes `count` bytes or fewer; the rest is offered again after serial_resume_input(). */
typedef gsize (*serial_input_function)(gpointer context, const guint8 *bytes,
                                       gsize count);

/*
 * `where`: "pty" or a file's path. A regular file is this VM's alone, like a disk it writes to. Past
 * SERIAL_FILE_BYTES it becomes FILE.old, and a new one begins: what a guest prints does not fill the
 * root's disk.
 */
#define SERIAL_FILE_BYTES (16u << 20)
struct serial *serial_open(const char *where, GError **error);
void serial_close(struct serial *serial);

/* The pty's path, or NULL when the line goes to a file. */
const char *serial_pty_path(const struct serial *serial);

/* Never blocks: what a pty does not take is kept, the newest SERIAL_KEPT_BYTES of it. */
#define SERIAL_KEPT_BYTES (1u << 20)
void serial_write(struct serial *serial, const guint8 *bytes, gsize count);

/* Where input goes; NULL: nowhere, it is left unread. */
void serial_set_input(struct serial *serial, serial_input_function input,
                      gpointer context);
void serial_resume_input(struct serial *serial);

#endif
