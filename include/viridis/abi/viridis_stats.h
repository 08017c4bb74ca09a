/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counters of HVCALL_VIRIDIS_GET_STATS. Times are TSC ticks: under QEMU's icount a tick is an
 * instruction, else a cycle. The names are the ones `viridis stats` prints.
 */
#ifndef VIRIDIS_ABI_VIRIDIS_STATS_H
#define VIRIDIS_ABI_VIRIDIS_STATS_H

/* VIRIDIS_STATS_VP: S(identifier, name) */
#define VIRIDIS_VP_STATS(S)                           \
	S(GUEST_TICKS, "guest-ticks")                 \
	S(HYPERVISOR_TICKS, "hypervisor-ticks")       \
	S(ENTRIES, "entries")                         \
	S(EXIT_INTERRUPT, "exit-interrupt")           \
	S(EXIT_CPUID, "exit-cpuid")                   \
	S(EXIT_MSR, "exit-msr")                       \
	S(EXIT_IO, "exit-io")                         \
	S(EXIT_HLT, "exit-hlt")                       \
	S(EXIT_HYPERCALL, "exit-hypercall")           \
	S(EXIT_NESTED_FAULT, "exit-nested-fault")     \
	S(EXIT_CR_DR, "exit-cr-dr")                   \
	S(EXIT_OTHER, "exit-other")                   \
	S(INTERCEPTS, "intercepts")                   \
	S(INTERRUPTS_INJECTED, "interrupts-injected") \
	S(EXCEPTIONS_INJECTED, "exceptions-injected") \
	S(MESSAGES_POSTED, "messages-posted")         \
	S(MESSAGES_DELIVERED, "messages-delivered")   \
	S(EVENTS_SIGNALED, "events-signaled")         \
	S(EVENTS_RECEIVED, "events-received")         \
	S(TIMERS_EXPIRED, "timers-expired")           \
	S(IPIS_SENT, "ipis-sent")                     \
	S(FLUSHES, "flushes")                         \
	S(EOIS_AVOIDED, "eois-avoided")               \
	S(DISPATCHES, "dispatches")                   \
	S(PREEMPTIONS, "preemptions")

/* VIRIDIS_STATS_CPU */
#define VIRIDIS_CPU_STATS(S)                    \
	S(IDLE_TICKS, "idle-ticks")             \
	S(GUEST_TICKS, "guest-ticks")           \
	S(HYPERVISOR_TICKS, "hypervisor-ticks") \
	S(DISPATCHES, "dispatches")             \
	S(INTERRUPTS, "interrupts")             \
	S(KICKS_SENT, "kicks-sent")             \
	S(KICKS_RECEIVED, "kicks-received")     \
	S(TIMER_INTERRUPTS, "timer-interrupts") \
	S(TLB_FLUSHES, "tlb-flushes")           \
	S(BRANCH_BARRIERS, "branch-barriers")

#define VIRIDIS_STATS_ENUM(id, name) VIRIDIS_VP_STAT_##id,
enum viridis_vp_stat { VIRIDIS_VP_STATS(VIRIDIS_STATS_ENUM) VIRIDIS_VP_STAT_COUNT };
#undef VIRIDIS_STATS_ENUM

#define VIRIDIS_STATS_ENUM(id, name) VIRIDIS_CPU_STAT_##id,
enum viridis_cpu_stat { VIRIDIS_CPU_STATS(VIRIDIS_STATS_ENUM) VIRIDIS_CPU_STAT_COUNT };
#undef VIRIDIS_STATS_ENUM

#endif
