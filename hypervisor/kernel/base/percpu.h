/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What belongs to one physical processor, found through GS:0. */
#pragma once

#include <viridis/abi/viridis_stats.h>
#include <viridis/base/list.h>
#include "hypervisor/arch/x86/traps.h"
#include <viridis/abi/hv_hypercall.h>

enum { MAX_CPUS = VIRIDIS_MACHINE_CPUS };

/* Exits between two looks at all of the loop, and at the accounts, if nothing calls for one. */
#define EXITS_IN_A_ROW 256

struct cpu {
	/* Constant once the CPU runs. */
	struct cpu *self;   /* GS:0, must be first */
	uint64_t stack_top; /* boot.S looks here; CPU_STACK_BYTES long */
	unsigned int index;
	uint32_t apic_id;
	struct task_state tss;

	/* Constant once the root runs. */
	int64_t tsc_skew; /* its TSC is ahead of the first CPU's by so much */
	struct vp *root_vp;
	/* A page each, private copies of the guest's. */
	void *hypercall_input, *hypercall_output;
	struct viridis_trace_record *trace;

	/* Owning CPU only. */
	uint64_t predicted;  /* id of the partition whose branches the predictors know */
	uint32_t locks_held; /* one bit a rank */
	uint64_t stamp;      /* TSC up to which time is accounted */
	uint32_t row_left;   /* exits until it is again at the latest */
	uint64_t timer_due;  /* TSC: when the local APIC's timer fires, at the latest */
	uint64_t trace_next; /* number of the next record */
	/* Level interrupts in service at the local APIC, oldest first; whether the root has ended it. */
	uint8_t level_stack[16];
	uint8_t level_ended[16];
	unsigned int level_count;
	uint64_t stats[VIRIDIS_CPU_STAT_COUNT];

	/* Written by the owning CPU under the scheduler's lock. */
	struct vp *current; /* the VP it runs; NULL: idle */
	uint64_t slice_end; /* TSC; 0: it may run on */

	/* The scheduler's lock. */
	uint64_t run_start; /* TSC since which current has not been charged */

	/* Its timers lock; see timer_queue.c. */
	struct list timers;

	/* Atomic. */
	uint64_t epoch; /* epoch.h */
	bool in_grace;  /* its root's VP waits until the child has used up its grace */
	/* Written under the scheduler's lock: who runs next, then runs, by a loan. */
	struct vp *lent_to;

	/* What to look at before the next entry; all of it is 0 as long as there is nothing. */
	union {
		struct {
			/* Owning CPU only, interrupt handlers included. */
			bool timer_fired; /* VECTOR_TIMER has come since it was last cleared */
			bool nmi_came;    /* likewise an NMI */
			bool timer_rearm; /* the deadline may have changed */
			bool vp_waits; /* the VP that runs: for an interrupt, or an epoch */
			/* Atomic. */
			bool reschedule; /* look for a better VP */
		};
		uint64_t attention;
	};
};

/* cpus[0..cpu_count) are up once smp_start_all() has returned. */
extern struct cpu *cpus[MAX_CPUS];
extern unsigned int cpu_count;

static inline struct cpu *this_cpu(void)
{
	struct cpu *cpu;

	__asm__("movq %%gs:0, %0" : "=r"(cpu));
	return cpu;
}

/*
 * counters: vp->stats by enum viridis_vp_stat, or cpu->stats by enum viridis_cpu_stat. Written by the
 * CPU that runs the VP, or is its own; readers see a recent value.
 */
static inline void stat_add(uint64_t *counters, unsigned int stat, uint64_t amount)
{
	__asm__("addq %1, %0" : "+m"(counters[stat]) : "er"(amount) : "cc");
}

static inline void stat_count(uint64_t *counters, unsigned int stat)
{
	stat_add(counters, stat, 1);
}
