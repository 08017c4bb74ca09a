/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What CPUID tells a child of its processors: one socket, a core for each VP, one thread a core; caches are shared
 * from the third level on. APIC ids are the hypervisor's to say. APM3 E.4.15, SDM1 20
 */
#ifndef ROOT_PARTITION_VM_TOPOLOGY_H
#define ROOT_PARTITION_VM_TOPOLOGY_H

#include <stdint.h>
#include <viridis/abi/hv_hypercall.h>

#define TOPOLOGY_CACHES  8u
#define TOPOLOGY_RESULTS (6u + TOPOLOGY_CACHES)

/*
 * Results for one VP of `cores`; caches: EAX of the machine's leaf 0x8000001d by subleaf, to the first that tells of
 * no cache. How many there are.
 */
unsigned int topology_of(uint32_t vp, uint32_t cores,
                         const uint32_t caches[TOPOLOGY_CACHES],
                         struct hv_input_register_intercept_result *results);

#endif
