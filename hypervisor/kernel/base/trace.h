/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What happened, for the root to read: counters, and per-CPU rings of fixed records of which the newest
 * TRACE_RECORDS are kept. No text, no lock.
 */
#ifndef VIRIDIS_KERNEL_TRACE_H
#define VIRIDIS_KERNEL_TRACE_H

#include <viridis/abi/viridis_trace.h>
#include "hypervisor/kernel/base/percpu.h"

#define TRACE_RECORDS 2048u /* a power of two */

void trace(enum viridis_trace_kind kind, const struct vp *vp, uint64_t a, uint64_t b);
void trace_at(uint64_t tsc, enum viridis_trace_kind kind, const struct vp *vp, uint64_t a,
              uint64_t b);

/*
 * counters: vp->stats by enum viridis_vp_stat, or cpu->stats by enum viridis_cpu_stat. Written by the
 * CPU that runs the VP, or is its own; readers see a recent value.
 */
static inline void stat_add(uint64_t *counters, unsigned int stat, uint64_t amount)
{
	__atomic_store_n(&counters[stat], counters[stat] + amount, __ATOMIC_RELAXED);
}

static inline void stat_count(uint64_t *counters, unsigned int stat)
{
	stat_add(counters, stat, 1);
}

#endif
