/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our own hypercall by which the root looks at us: counters, and where the log and the traces are. Code 0xe003 */
#include "hypervisor/kernel/guest/hypercall.h"
#include "hypervisor/arch/x86/paging.h"
#include "hypervisor/kernel/objects/partition.h"
#include "hypervisor/kernel/objects/trace.h"

/* Each counter is read whole, though not all at one moment. */
static void copy_counters(struct viridis_output_get_stats *out, const uint64_t *counters,
                          uint32_t count)
{
	out->count = count;
	for (uint32_t i = 0; i < count; i++)
		out->counter[i] = __atomic_load_n(&counters[i], __ATOMIC_RELAXED);
}
_Static_assert(VIRIDIS_VP_STAT_COUNT <= VIRIDIS_STATS_MAX, "a VP's counters fit");
_Static_assert(VIRIDIS_CPU_STAT_COUNT <= VIRIDIS_STATS_MAX, "a CPU's counters fit");

/* A CPU that halts adds the time to its counter when it wakes, which may be in an hour. */
static uint64_t halted_so_far(const struct cpu *cpu)
{
	uint64_t since = __atomic_load_n(&cpu->stamp, __ATOMIC_RELAXED);
	uint64_t now = cpu_rdtsc();

	return !__atomic_load_n(&cpu->current, __ATOMIC_RELAXED) && now > since ?
	               now - since :
	               0;
}

static void tell_ring(struct viridis_output_get_stats *out, uint64_t hpa, uint64_t end)
{
	out->count = 2;
	out->counter[0] = hpa;
	out->counter[1] = end;
}
ASSERT_OFFSET(struct viridis_ring, end, 8);

enum hv_status hc_get_stats(struct hypercall *call)
{
	const struct viridis_input_get_stats *in = call->input;
	struct viridis_output_get_stats *out = call->output;
	const struct cpu *cpu = in->index < cpu_count ? cpus[in->index] : NULL;
	const struct vp *vp;
	enum hv_status status;

	/* The caller's exits are accounted by the row: the call is made again, the long way, when that has ended. D9 */
	if (call->vp->arch.exit.kind != EXIT_HYPERCALL) {
		call->again = true;
	} else if (in->object == VIRIDIS_STATS_VP) {
		status = hypercall_partition(call, in->partition_id, &call->target);
		if (status != HV_STATUS_SUCCESS)
			return status;
		vp = partition_vp(call->target, in->index);
		if (!vp)
			return HV_STATUS_INVALID_VP_INDEX;
		copy_counters(out, vp->stats, VIRIDIS_VP_STAT_COUNT);
	} else if (in->object > VIRIDIS_STATS_TRACE) {
		return HV_STATUS_INVALID_PARAMETER;
	} else if (!cpu) {
		return HV_STATUS_INVALID_LP_INDEX;
	} else if (in->object == VIRIDIS_STATS_LOG) {
		tell_ring(out, image_hpa(log_ring), log_end());
	} else if (in->object == VIRIDIS_STATS_TRACE) {
		__atomic_store_n(&trace_on, true, __ATOMIC_RELAXED);
		tell_ring(out, frame_map_hpa(cpu->trace),
		          __atomic_load_n(&cpu->trace_next, __ATOMIC_ACQUIRE));
	} else {
		copy_counters(out, cpu->stats, VIRIDIS_CPU_STAT_COUNT);
		out->counter[VIRIDIS_CPU_STAT_IDLE_TICKS] += halted_so_far(cpu);
	}
	return HV_STATUS_SUCCESS;
}
