/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Our own hypercalls: the log, the traces and the counters, for the root to read.
 * Codes 0xe001-0xe003
 */
#include "hypervisor/arch/x86/cpu.h"
#include "hypervisor/kernel/hypercall.h"
#include "hypervisor/kernel/log.h"
#include "hypervisor/kernel/partition.h"
#include "hypervisor/kernel/percpu.h"
#include "hypervisor/kernel/trace.h"

static bool size_ok(const struct viridis_input_read *in)
{
	return in->bytes_max <= sizeof(((struct viridis_output_read *)0)->data);
}

/*
 * A reader that is ahead of the log (it was started anew) begins at the oldest line:
 * nothing lost.
 */
enum hv_status hc_read_log(struct hypercall *call)
{
	const struct viridis_input_read *in = call->input;
	struct viridis_output_read *out = call->output;
	uint64_t lost, next = in->sequence;

	if (in->cpu != 0 || !size_ok(in))
		return HV_STATUS_INVALID_PARAMETER;
	out->bytes = (uint32_t)log_read(&next, (char *)out->data, in->bytes_max);
	out->next_sequence = next;
	next -= out->bytes;
	lost = next > in->sequence ? next - in->sequence : 0;
	out->lost = lost < UINT32_MAX ? (uint32_t)lost : UINT32_MAX;
	return HV_STATUS_SUCCESS;
}

/* Whole records only. */
enum hv_status hc_read_trace(struct hypercall *call)
{
	const struct viridis_input_read *in = call->input;
	struct viridis_output_read *out = call->output;
	unsigned int max = in->bytes_max / sizeof(struct viridis_trace_record);
	unsigned int count;

	if (!size_ok(in))
		return HV_STATUS_INVALID_PARAMETER;
	if (in->cpu >= cpu_count)
		return HV_STATUS_INVALID_LP_INDEX;
	out->next_sequence = in->sequence;
	count = trace_read(cpus[in->cpu], &out->next_sequence, (void *)out->data, max,
	                   &out->lost);
	out->bytes = count * (uint32_t)sizeof(struct viridis_trace_record);
	return HV_STATUS_SUCCESS;
}
_Static_assert(__builtin_offsetof(struct viridis_output_read, data) %
                               _Alignof(struct viridis_trace_record) ==
                       0,
               "records are aligned in the answer");

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

static enum hv_status vp_stats(struct hypercall *call)
{
	const struct viridis_input_get_stats *in = call->input;
	enum hv_status status =
		hypercall_partition(call, in->partition_id, &call->target);

	if (status == HV_STATUS_SUCCESS)
		status = hypercall_take_vp(call, in->index);
	if (status == HV_STATUS_SUCCESS)
		copy_counters(call->output, call->target_vp->stats,
		              VIRIDIS_VP_STAT_COUNT);
	return status;
}

/* A CPU that halts adds the time to its counter when it wakes, which may be in an hour. */
static uint64_t halted_so_far(const struct cpu *cpu)
{
	uint64_t since = __atomic_load_n(&cpu->stamp, __ATOMIC_RELAXED);
	uint64_t now = cpu_rdtsc();

	return !__atomic_load_n(&cpu->current, __ATOMIC_RELAXED) && now > since ?
	               now - since :
	               0;
}

enum hv_status hc_get_stats(struct hypercall *call)
{
	const struct viridis_input_get_stats *in = call->input;
	struct viridis_output_get_stats *out = call->output;

	if (in->object == VIRIDIS_STATS_VP)
		return vp_stats(call);
	if (in->object != VIRIDIS_STATS_CPU)
		return HV_STATUS_INVALID_PARAMETER;
	if (in->index >= cpu_count)
		return HV_STATUS_INVALID_LP_INDEX;
	copy_counters(out, cpus[in->index]->stats, VIRIDIS_CPU_STAT_COUNT);
	out->counter[VIRIDIS_CPU_STAT_IDLE_TICKS] += halted_so_far(cpus[in->index]);
	return HV_STATUS_SUCCESS;
}
