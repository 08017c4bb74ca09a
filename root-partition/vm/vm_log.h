/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The VM's log: lines with time, to stderr, which is the VM's log file unless the worker runs in
 * the foreground. Safe from any thread. Lines read `vp1 io: port 0x61 is nobody's`.
 */
#ifndef VIRIDIS_VM_VM_LOG_H
#define VIRIDIS_VM_VM_LOG_H

#include <glib.h>

void vm_log(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* For what a guest can cause: at most VM_LOG_BURST lines a second from all callers together. */
#define VM_LOG_BURST 20
void vm_log_limited(const char *format, ...) G_GNUC_PRINTF(1, 2);

#endif
