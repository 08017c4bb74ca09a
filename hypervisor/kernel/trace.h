/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Per-CPU rings of fixed records; the newest TRACE_RECORDS are kept. No text, no lock. */
#ifndef VIRIDIS_KERNEL_TRACE_H
#define VIRIDIS_KERNEL_TRACE_H

#include <stdint.h>
#include <viridis/abi/hv_hypercall.h>
#include <viridis/abi/viridis_trace.h>
#include "hypervisor/kernel/percpu.h"

#define TRACE_RECORDS 2048u /* a power of two */

struct vp;

void trace(enum viridis_trace_kind kind, const struct vp *vp, uint64_t a, uint64_t b);
void trace_at(uint64_t tsc, enum viridis_trace_kind kind, const struct vp *vp, uint64_t a,
              uint64_t b);

/* Records of `cpu` from number *sequence on; returns how many, and how many were lost before. */
unsigned int trace_read(const struct cpu *cpu, uint64_t *sequence,
                        struct viridis_trace_record *records, unsigned int max,
                        uint32_t *lost);

#endif
