/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counters. Each is written by the CPU that runs the VP, or is its own; readers see a recent value. */
#ifndef VIRIDIS_KERNEL_STATS_H
#define VIRIDIS_KERNEL_STATS_H

#include <viridis/abi/viridis_stats.h>
#include "hypervisor/kernel/percpu.h"

static inline void stat_cpu_add(struct cpu *cpu, enum viridis_cpu_stat stat,
                                uint64_t amount)
{
	__atomic_store_n(&cpu->stats[stat], cpu->stats[stat] + amount, __ATOMIC_RELAXED);
}

static inline void stat_cpu(struct cpu *cpu, enum viridis_cpu_stat stat)
{
	stat_cpu_add(cpu, stat, 1);
}

/* For VPs: counters is vp->stats. */
static inline void stat_add(uint64_t *counters, enum viridis_vp_stat stat,
                            uint64_t amount)
{
	__atomic_store_n(&counters[stat], counters[stat] + amount, __ATOMIC_RELAXED);
}

static inline void stat_count(uint64_t *counters, enum viridis_vp_stat stat)
{
	stat_add(counters, stat, 1);
}

#endif
