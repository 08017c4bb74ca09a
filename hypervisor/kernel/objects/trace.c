/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Trace rings: trace.h. They are read by hc_stats.c. */
#include "hypervisor/kernel/objects/trace.h"
#include "hypervisor/kernel/objects/partition.h"

bool trace_on;

void trace_record(enum viridis_trace_kind kind, const struct vp *vp, uint64_t a,
                  uint64_t b)
{
	struct cpu *cpu = this_cpu();
	struct viridis_trace_record *record =
		&cpu->trace[cpu->trace_next % VIRIDIS_TRACE_RECORDS];

	record->tsc = cpu_rdtsc();
	record->kind = (uint16_t)kind;
	record->partition = vp ? vp->partition->slot : 0;
	record->vp = vp ? (uint16_t)vp->index : 0xffff;
	record->cpu = (uint16_t)cpu->index;
	record->a = a;
	record->b = b;
	/* Release: a reader on another CPU sees the record before its number. */
	__atomic_store_n(&cpu->trace_next, cpu->trace_next + 1, __ATOMIC_RELEASE);
}
