/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hypercall gate: hypercall.h. TLFS 3 */
#include "hypervisor/kernel/hypercall.h"
#include <viridis/abi/hv_cpuid.h>
#include <viridis/base/mem.h>
#include "hypervisor/arch/x86/lapic.h"
#include "hypervisor/arch/x86/traps.h"
#include "hypervisor/core/hypercall_control.h"
#include "hypervisor/kernel/epoch.h"
#include "hypervisor/kernel/guest_memory.h"
#include "hypervisor/kernel/overlay.h"
#include "hypervisor/kernel/partition.h"
#include "hypervisor/kernel/stats.h"
#include "hypervisor/kernel/trace.h"

/* Reps carried out before the guest is let in again: it can take its interrupts. */
#define REPS_PER_ENTRY 64

#define HV_PRIVILEGE_none 0
#define BYTES(type)       _Generic((type *)0, none * : 0, default : sizeof(type))

struct none_type {
	char nothing;
};
typedef struct none_type none;

typedef enum hv_status (*handler)(struct hypercall *call);

static const struct gate_row {
	struct hypercall_entry entry;
	handler handle;
} rows[] = {
#define HC(number, name, call_shape, needs, in, rep_in, out, rep_out) \
	{ .entry = { .code = (number),                                \
		     .shape = HYPERCALL_##call_shape,                 \
		     .input_bytes = BYTES(in),                        \
		     .rep_input_bytes = BYTES(rep_in),                \
		     .output_bytes = BYTES(out),                      \
		     .rep_output_bytes = BYTES(rep_out),              \
		     .privilege = HV_PRIVILEGE_##needs },             \
	  .handle = hc_##name },
#include "hypervisor/kernel/hypercalls.def"
#undef HC
};

/* Sorted by code, as the table is. */
static const struct gate_row *find_row(uint16_t code)
{
	unsigned int low = 0, high = ARRAY_COUNT(rows);

	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (rows[middle].entry.code == code)
			return &rows[middle];
		if (rows[middle].entry.code < code)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

struct invocation {
	struct hypercall call;
	struct hypercall_control control;
	const struct gate_row *row;
	uint64_t word, input_gpa, output_gpa;
};

/* The input, once, into this CPU's private page. A fast call's comes in registers. */
static bool fetch_input(struct invocation *invocation)
{
	const uint64_t fast[2] = { invocation->input_gpa, invocation->output_gpa };
	void *page = this_cpu()->hypercall_input;
	uint32_t bytes = invocation->control.input_bytes;

	if (invocation->control.fast) {
		memcpy(page, fast, sizeof(fast));
		return true;
	}
	return bytes == 0 ||
	       guest_read(invocation->call.partition, invocation->input_gpa, page, bytes);
}

static bool store_output(const struct invocation *invocation)
{
	uint32_t bytes = invocation->control.output_bytes;

	return bytes == 0 ||
	       guest_write(invocation->call.partition, invocation->output_gpa,
	                   this_cpu()->hypercall_output, bytes);
}

/* Control word, privilege, blocks, input: in the order of TLFS 3.8. */
static enum hv_status open_gate(struct invocation *invocation)
{
	const struct partition *partition = invocation->call.partition;
	struct cpu *cpu = this_cpu();
	enum hv_status status;

	invocation->row = find_row(hypercall_control_code(invocation->word));
	if (!invocation->row)
		return HV_STATUS_INVALID_HYPERCALL_CODE;
	status = hypercall_control_check(invocation->word, &invocation->row->entry,
	                                 partition->privileges, HYPERCALL_FAST_BYTES,
	                                 &invocation->control);
	if (status == HV_STATUS_SUCCESS && !invocation->control.fast)
		status = hypercall_control_blocks(&invocation->control,
		                                  invocation->input_gpa,
		                                  invocation->output_gpa);
	if (status != HV_STATUS_SUCCESS)
		return status;
	if (!fetch_input(invocation))
		return HV_STATUS_INVALID_PARAMETER;
	memset(cpu->hypercall_output, 0, invocation->control.output_bytes);
	invocation->call.input = cpu->hypercall_input;
	invocation->call.output = cpu->hypercall_output;
	return HV_STATUS_SUCCESS;
}

static enum hv_status call_rep(struct invocation *invocation, uint16_t rep)
{
	const struct hypercall_entry *entry = &invocation->row->entry;
	const struct hypercall_control *control = &invocation->control;
	struct hypercall *call = &invocation->call;

	call->rep = rep;
	call->rep_count = control->rep_count;
	call->rep_input = (const char *)call->input + control->rep_input_at +
	                  (uint32_t)rep * entry->rep_input_bytes;
	call->rep_output = (char *)call->output + control->rep_output_at +
	                   (uint32_t)rep * entry->rep_output_bytes;
	return invocation->row->handle(call);
}

/* How far a call came. `more`: it goes on at rep `done` when the guest was let in. */
struct progress {
	enum hv_status status;
	uint16_t done;
	bool more;
};

static struct progress call_reps(struct invocation *invocation)
{
	const struct hypercall_control *control = &invocation->control;
	struct progress progress = { .status = HV_STATUS_SUCCESS,
		                     .done = control->rep_start };
	uint32_t limit = (uint32_t)control->rep_start + REPS_PER_ENTRY;

	while (progress.done < control->rep_count && progress.done < limit) {
		progress.status = call_rep(invocation, progress.done);
		if (invocation->call.again || progress.status != HV_STATUS_SUCCESS)
			return progress;
		progress.done++;
	}
	progress.more = progress.done < control->rep_count;
	return progress;
}

/*
 * Reps that were done before stay in the guest's output block: it is read back so that a continued call
 * does not wipe them.
 */
static bool keep_earlier_output(const struct invocation *invocation)
{
	const struct hypercall_control *control = &invocation->control;
	uint32_t bytes =
		control->rep_output_at +
		(uint32_t)control->rep_start * invocation->row->entry.rep_output_bytes;

	return control->rep_start == 0 || invocation->row->entry.rep_output_bytes == 0 ||
	       guest_read(invocation->call.partition, invocation->output_gpa,
	                  this_cpu()->hypercall_output, bytes);
}

static struct progress carry_out(struct invocation *invocation)
{
	struct progress progress = { .status = open_gate(invocation) };

	if (progress.status != HV_STATUS_SUCCESS)
		return progress;
	if (!keep_earlier_output(invocation)) {
		progress.status = HV_STATUS_INVALID_PARAMETER;
		return progress;
	}
	if (invocation->row->entry.shape == HYPERCALL_SIMPLE)
		progress.status = invocation->row->handle(&invocation->call);
	else
		progress = call_reps(invocation);
	if (!invocation->call.again && !store_output(invocation))
		progress.status = HV_STATUS_INVALID_PARAMETER;
	return progress;
}

static bool may_call(const struct vp *vp)
{
	union hv_register_value ss, cr0;

	(void)virt->get_register(vp, HV_X64_REGISTER_SS, &ss);
	(void)virt->get_register(vp, HV_X64_REGISTER_CR0, &cr0);
	return overlay_hypercalls_enabled(vp->partition) &&
	       (ss.segment.attributes >> 5 & 3) == 0 && (cr0.reg64 & CR0_PE);
}

void hypercall_handle(struct vp *vp, const struct vp_exit *exit)
{
	uint64_t *gpr = vp->arch.gpr;
	struct invocation invocation = {
		.call = { .vp = vp, .partition = vp->partition },
		.word = gpr[GPR_RCX],
		.input_gpa = gpr[GPR_RDX],
		.output_gpa = gpr[8],
	};
	struct progress progress;

	if (!may_call(vp)) {
		vp_exception(vp, EXCEPTION_UD);
		return;
	}
	progress = carry_out(&invocation);
	if (invocation.call.settle)
		vp->wait_epoch = epoch_advance();
	if (invocation.call.again || progress.more) {
		gpr[GPR_RCX] = hypercall_control_restart(invocation.word, progress.done);
		return;
	}
	gpr[GPR_RAX] = hypercall_control_result(progress.status, progress.done);
	trace(VIRIDIS_TRACE_HYPERCALL, vp, invocation.word, gpr[GPR_RAX]);
	vp_advance(vp, exit->instruction_length);
}

struct vp *hypercall_vp(struct hypercall *call, uint64_t partition_id, uint32_t vp_index,
                        enum hv_status *status)
{
	struct partition *partition;
	struct vp *vp;

	*status = partition_child(call->partition, partition_id, &partition);
	if (*status != HV_STATUS_SUCCESS)
		return NULL;
	vp = partition_vp(partition, vp_index);
	if (!vp)
		*status = HV_STATUS_INVALID_VP_INDEX;
	return vp;
}

struct vp *hypercall_stopped_vp(struct hypercall *call, uint64_t partition_id,
                                uint32_t vp_index, enum hv_status *status)
{
	struct vp *vp = hypercall_vp(call, partition_id, vp_index, status);
	struct cpu *cpu;

	if (!vp || vp_is_stopped(vp))
		return vp;
	if (!(__atomic_load_n(&vp->suspend, __ATOMIC_SEQ_CST) &
	      (SUSPEND_EXPLICIT | SUSPEND_INTERCEPT))) {
		*status = HV_STATUS_INVALID_VP_STATE;
		return NULL;
	}
	cpu = __atomic_load_n(&vp->running_on, __ATOMIC_SEQ_CST);
	if (cpu && cpu != this_cpu())
		lapic_send(cpu->apic_id, VECTOR_KICK);
	call->again = true;
	return NULL;
}
