/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the root's own kernel tells of a VM's providers, while `viridis trace --io` looks: when it gives them a
 * CPU, when they ask it for I/O, when that is done. By an instance of tracefs of our own, whose clock is the TSC
 * that the hypervisor's records go by. Linux: Documentation/trace/ftrace.rst, "instances", "trace_clock"
 */
#ifndef VIRIDIS_CLI_TRACE_ROOT_H
#define VIRIDIS_CLI_TRACE_ROOT_H

#include <glib.h>
#include <sys/types.h>

struct trace_root;
struct viridis_trace_record;

/*
 * Of the providers that the keeper of that pid has. NULL: the root's kernel cannot be asked, and *why (to be
 * freed) says for what reason. Signals that end the program end the instance first.
 */
struct trace_root *trace_root_begin(pid_t keeper, char **why);

/* Appends what there is as struct viridis_trace_record, of the kinds of trace_io.h. */
void trace_root_read(struct trace_root *trace, GArray *records);

/*
 * One line of tracefs's `trace`: "COMM-PID [CPU] FLAGS TSC: EVENT: words". False: it tells of nothing that counts
 * for these providers (pid_t).
 */
gboolean trace_root_parse(const char *line, const GArray *pids,
                          struct viridis_trace_record *record);

/* NULL is no harm. */
void trace_root_end(struct trace_root *trace);
typedef struct trace_root trace_root_pointer;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(trace_root_pointer, trace_root_end)

#endif
