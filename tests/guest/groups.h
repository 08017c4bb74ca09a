/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The conformance guest's test groups; each prints TAP results. */
#ifndef VSC_TINY_GROUPS_H
#define VSC_TINY_GROUPS_H

void group_cpuid(void);
void group_exceptions(void);
void group_debug(void);
void group_complete(void);
void group_string(void);
void group_msr(void);
void group_hypercall(void);
void group_lock(void);
void group_time(void);
void group_stimer(void);
void group_apic(void);
void group_synic(void);
void group_smp(void);
void group_flush(void);
void group_init(void);
void group_level(void);
void group_attack(void);
void group_device(void);
void group_race(void);
void group_contend(void);
void group_parent(void);
void group_calls(void);
void group_sched(void);
void group_chaos(void);
void group_vmbus(void);
void group_storage(void);
void group_net(void);
void group_spin(void);
void group_cost(void);
void group_profile(void);
void group_triple(void);
void group_panic(void);

#endif
