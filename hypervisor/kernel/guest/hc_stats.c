/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Our own hypercalls: the log, the traces and the counters, for the root to read.
 * Codes 0xe001-0xe003
 */
#include <viridis/base/mem.h>
#include "hypervisor/kernel/guest/hypercall.h"
#include "hypervisor/kernel/objects/partition.h"
#include "hypervisor/kernel/objects/trace.h"

/*
 * From item in->sequence on, of a ring in which item n of the `end` there were is at n % items; the
 * newest `kept` are whole. A reader that is ahead of the ring (it was started anew) begins at the
 * oldest: nothing lost. Whole items only.
 */
static enum hv_status read_ring(struct hypercall *call, const char *ring, uint32_t items,
                                uint32_t item_bytes, uint64_t end, uint64_t kept)
{
	const struct viridis_input_read *in = call->input;
	struct viridis_output_read *out = call->output;
	uint64_t at = in->sequence, oldest = end > kept ? end - kept : 0;

	if (in->bytes_max > sizeof(out->data))
		return HV_STATUS_INVALID_PARAMETER;
	if (at < oldest)
		out->lost = oldest - at < UINT32_MAX ? (uint32_t)(oldest - at) :
		                                       UINT32_MAX;
	if (at < oldest || at > end)
		at = oldest;
	for (; at < end && item_bytes <= in->bytes_max - out->bytes; at++) {
		memcpy(out->data + out->bytes, ring + at % items * item_bytes,
		       item_bytes);
		out->bytes += item_bytes;
	}
	out->next_sequence = at;
	return HV_STATUS_SUCCESS;
}

enum hv_status hc_read_log(struct hypercall *call)
{
	const struct viridis_input_read *in = call->input;
	enum hv_status status;
	const char *ring;
	uint64_t end;

	if (in->cpu != 0)
		return HV_STATUS_INVALID_PARAMETER;
	ring = log_open(&end);
	status = read_ring(call, ring, LOG_RING_BYTES, 1, end, LOG_RING_BYTES);
	log_close();
	return status;
}

/* A record may be overwritten while it is copied: half a ring behind is called lost. */
enum hv_status hc_read_trace(struct hypercall *call)
{
	const struct viridis_input_read *in = call->input;
	const struct cpu *cpu;

	if (in->cpu >= cpu_count)
		return HV_STATUS_INVALID_LP_INDEX;
	cpu = cpus[in->cpu];
	__atomic_store_n(&trace_on, true, __ATOMIC_RELAXED);
	return read_ring(call, (const char *)cpu->trace, TRACE_RECORDS,
	                 sizeof(*cpu->trace),
	                 __atomic_load_n(&cpu->trace_next, __ATOMIC_ACQUIRE),
	                 TRACE_RECORDS / 2);
}

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

enum hv_status hc_get_stats(struct hypercall *call)
{
	const struct viridis_input_get_stats *in = call->input;
	struct viridis_output_get_stats *out = call->output;
	const struct vp *vp;
	enum hv_status status;

	/* The caller's exits are accounted by the row: the call is made again, the long way, when that has ended. D9 */
	if (call->vp->arch.exit.kind != EXIT_HYPERCALL) {
		call->again = true;
		return HV_STATUS_SUCCESS;
	}
	if (in->object == VIRIDIS_STATS_VP) {
		status = hypercall_partition(call, in->partition_id, &call->target);
		if (status != HV_STATUS_SUCCESS)
			return status;
		vp = partition_vp(call->target, in->index);
		if (!vp)
			return HV_STATUS_INVALID_VP_INDEX;
		copy_counters(out, vp->stats, VIRIDIS_VP_STAT_COUNT);
		return HV_STATUS_SUCCESS;
	}
	if (in->object != VIRIDIS_STATS_CPU)
		return HV_STATUS_INVALID_PARAMETER;
	if (in->index >= cpu_count)
		return HV_STATUS_INVALID_LP_INDEX;
	copy_counters(out, cpus[in->index]->stats, VIRIDIS_CPU_STAT_COUNT);
	out->counter[VIRIDIS_CPU_STAT_IDLE_TICKS] += halted_so_far(cpus[in->index]);
	return HV_STATUS_SUCCESS;
}
