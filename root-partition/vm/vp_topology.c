/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a VP's CPUID tells of the child's processors: model/topology.h, registered with the hypervisor. */
#include <cpuid.h>

#include "root-partition/vm/model/topology.h"
#include "root-partition/vm/vp_run.h"

static void read_caches(uint32_t caches[TOPOLOGY_CACHES])
{
	uint32_t ebx, ecx, edx;

	for (uint32_t i = 0; i < TOPOLOGY_CACHES; i++) {
		caches[i] = 0;
		(void)__get_cpuid_count(0x8000001d, i, &caches[i], &ebx, &ecx, &edx);
	}
}

int vp_show_topology(const struct vp *vp, uint32_t cores)
{
	struct hv_input_register_intercept_result results[TOPOLOGY_RESULTS];
	uint32_t caches[TOPOLOGY_CACHES];
	unsigned int count;
	int result = 0;

	read_caches(caches);
	count = topology_of(vp->mshv.index, cores, caches, results);
	for (unsigned int i = 0; i < count && result == 0; i++) {
		const struct hv_input_register_intercept_result *one = &results[i];
		struct mshv_cpuid_result asked = {
			.eax = one->eax,
			.ecx = one->ecx,
			.subleaf_specific = one->subleaf_specific,
		};

		for (unsigned int r = 0; r < 4; r++) {
			asked.value[r] = one->result[r].value;
			asked.mask[r] = one->result[r].mask;
		}
		result = mshv_register_cpuid_result(&vp->machine->partition,
		                                    vp->mshv.index, &asked);
	}
	return result;
}
