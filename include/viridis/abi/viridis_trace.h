/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kinds of trace records (HVCALL_VIRIDIS_READ_TRACE) and what their two words mean. */
#ifndef VIRIDIS_ABI_VIRIDIS_TRACE_H
#define VIRIDIS_ABI_VIRIDIS_TRACE_H

/* T(identifier, name, meaning of a, meaning of b) */
#define VIRIDIS_TRACE_KINDS(T)                                             \
	T(NONE, "none", "", "")                                            \
	T(EXIT, "exit", "exit code", "rip")                                \
	T(HYPERCALL, "hypercall", "control word", "result")                \
	T(INTERCEPT, "intercept", "message type", "rip")                   \
	T(INJECT, "inject", "vector", "rip")                               \
	T(INTERRUPT, "interrupt", "vector", "level")                       \
	T(DISPATCH, "dispatch", "root vp 1, child 0", "time slice, ticks") \
	T(BLOCK, "block", "why", "deadline")                               \
	T(WAKE, "wake", "cpu it goes to", "")                              \
	T(MSR, "msr", "number, bit 63: write", "value")                    \
	T(MESSAGE, "message", "sint", "type")                              \
	T(EVENT, "event", "sint", "flag")                                  \
	T(DEPOSIT, "deposit", "first frame", "count")                      \
	T(FAULT, "nested-fault", "gpa", "error code")

#define VIRIDIS_TRACE_ENUM(id, name, a, b) VIRIDIS_TRACE_##id,
enum viridis_trace_kind {
	VIRIDIS_TRACE_KINDS(VIRIDIS_TRACE_ENUM) VIRIDIS_TRACE_KIND_COUNT
};
#undef VIRIDIS_TRACE_ENUM

#endif
