/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Trace rings: trace.h */
#include "hypervisor/kernel/trace.h"
#include "hypervisor/arch/x86/cpu.h"
#include "hypervisor/kernel/partition.h"

void trace_at(uint64_t tsc, enum viridis_trace_kind kind, const struct vp *vp, uint64_t a,
              uint64_t b)
{
	struct cpu *cpu = this_cpu();
	struct viridis_trace_record *record =
		&cpu->trace[cpu->trace_next % TRACE_RECORDS];

	record->tsc = tsc;
	record->kind = (uint16_t)kind;
	record->partition = vp ? vp->partition->slot : 0;
	record->vp = vp ? (uint16_t)vp->index : 0xffff;
	record->cpu = (uint16_t)cpu->index;
	record->a = a;
	record->b = b;
	/* Release: a reader on another CPU sees the record before its number. */
	__atomic_store_n(&cpu->trace_next, cpu->trace_next + 1, __ATOMIC_RELEASE);
}

void trace(enum viridis_trace_kind kind, const struct vp *vp, uint64_t a, uint64_t b)
{
	trace_at(cpu_rdtsc(), kind, vp, a, b);
}

/* A record may be overwritten while it is copied: half a ring behind is called lost. */
unsigned int trace_read(const struct cpu *cpu, uint64_t *sequence,
                        struct viridis_trace_record *records, unsigned int max,
                        uint32_t *lost)
{
	uint64_t end = __atomic_load_n(&cpu->trace_next, __ATOMIC_ACQUIRE);
	uint64_t oldest = end > TRACE_RECORDS / 2 ? end - TRACE_RECORDS / 2 : 0;
	unsigned int count = 0;

	*lost = 0;
	if (*sequence < oldest) {
		uint64_t gone = oldest - *sequence;

		*lost = gone > UINT32_MAX ? UINT32_MAX : (uint32_t)gone;
		*sequence = oldest;
	}
	while (*sequence < end && count < max)
		records[count++] = cpu->trace[(*sequence)++ % TRACE_RECORDS];
	return count;
}
