/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The far end of the child's serial line: a pty that people attach to, or a file that output is
 * appended to. Main thread only. It outlives resets of the machine.
 */
#ifndef VIRIDIS_VM_SERIAL_H
#define VIRIDIS_VM_SERIAL_H

#include <glib.h>

#include "root-partition/vm/serial_file.h"

struct serial;

/* Takes `count` bytes or fewer; the rest is offered again after serial_resume_input(). */
typedef gsize (*serial_input_function)(gpointer context, const guint8 *bytes,
                                       gsize count);

/* A new file for one that has SERIAL_FILE_BYTES, or -1: the one there is has begun anew (serial_file_next). */
typedef int (*serial_next_function)(gpointer context);

/* Takes copies of the descriptors. */
struct serial *serial_new(const struct serial_file *file, serial_next_function next,
                          gpointer next_context);
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
