/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The VM's log: lines with time, to stderr, which is the VM's log file unless the worker runs in
 * the foreground. Safe from any thread. Lines read `vp1 io: port 0x61 is nobody's`.
 */
#ifndef VIRIDIS_VM_VM_LOG_H
#define VIRIDIS_VM_VM_LOG_H

#include <glib.h>

/*
 * From now on to this file, which stderr becomes. Once it is longer than VM_LOG_BYTES it takes the
 * place of `old_path` and a new one begins: a guest that runs for years does not fill the root's
 * disk.
 */
#define VM_LOG_BYTES (1u << 20)
gboolean vm_log_open(const char *path, const char *old_path, GError **error);

/*
 * From now on to this descriptor, a pipe, whose reader looks after the file and its length. For a
 * process that is not trusted with the file. False and errno: stderr is what it was.
 */
gboolean vm_log_hand_over(int fd);

/* What was read from such a pipe. */
void vm_log_copy(const char *bytes, gsize count);

void vm_log(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* For what a guest can cause: at most VM_LOG_BURST lines a second from all callers together. */
#define VM_LOG_BURST 20
void vm_log_limited(const char *format, ...) G_GNUC_PRINTF(1, 2);

#endif
