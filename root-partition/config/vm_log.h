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
 * For a process that may open no files: it asks for the next one, and gets its descriptor or -1, which
 * leaves it the one it has.
 */
void vm_log_ask_for_next(int (*next)(gpointer context), gpointer context);

/* What whoever is asked does: begins anew if it is time. False: stderr is no file of ours. */
gboolean vm_log_begin_anew(void);

void vm_log(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* For what a guest can cause: at most VM_LOG_BURST lines a second from all callers together. */
#define VM_LOG_BURST 20
void vm_log_limited(const char *format, ...) G_GNUC_PRINTF(1, 2);

#endif
