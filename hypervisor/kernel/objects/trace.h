/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What happened, for the root to read: per-CPU rings of fixed records of which the newest
 * VIRIDIS_TRACE_RECORDS are kept. No text, no lock.
 */
#pragma once

#include <viridis/abi/hv_hypercall.h>
#include <viridis/abi/viridis_trace.h>

#define TRACE_BYTES (VIRIDIS_TRACE_RECORDS * sizeof(struct viridis_trace_record))
_Static_assert(TRACE_BYTES % PAGE_4K == 0, "whole pages, which the root is shown");

struct vp;

/* Atomic. The root has asked for records once: until then nothing is recorded. */
extern bool trace_on;

void trace_record(enum viridis_trace_kind kind, const struct vp *vp, uint64_t a,
                  uint64_t b);

static inline void trace(enum viridis_trace_kind kind, const struct vp *vp, uint64_t a,
                         uint64_t b)
{
	if (__atomic_load_n(&trace_on, __ATOMIC_RELAXED))
		trace_record(kind, vp, a, b);
}
