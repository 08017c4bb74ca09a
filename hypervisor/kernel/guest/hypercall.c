/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hypercall gate: hypercall.h. TLFS 3 */
#include "hypervisor/kernel/guest/hypercall.h"
#include <viridis/abi/hv_cpuid.h>
#include <viridis/abi/hv_msr.h>
#include <viridis/base/mem.h>
#include "hypervisor/arch/x86/traps.h"
#include "hypervisor/core/hypercall_control.h"
#include "hypervisor/kernel/objects/guest_memory.h"
#include "hypervisor/kernel/objects/partition.h"
#include "hypervisor/kernel/objects/trace.h"

/* Reps carried out before the guest is let in again: it can take its interrupts. */
#define REPS_PER_ENTRY 64

#define HV_PRIVILEGE_none 0
#define BYTES(type)       _Generic((type *)0, none * : 0, default : sizeof(type))

typedef char none;

/* Microsoft's codes are below 0x100, ours from 0xe000 on. */
#define ROW(code) ((code) < 0xe000 ? (unsigned int)(code) : 0x100 + ((code)&7u))

static const struct gate_row {
	struct hypercall_entry entry;
	enum hypercall_target target;
	enum hv_status (*handle)(struct hypercall *call);
} rows[] = {
#define HC(number, name, call_shape, needs, about, in, rep_in, out, rep_out) \
	[ROW(number)] = { .entry = { .code = (number),                       \
		                     .shape = HYPERCALL_##call_shape,        \
		                     .input_bytes = BYTES(in),               \
		                     .rep_input_bytes = BYTES(rep_in),       \
		                     .output_bytes = BYTES(out),             \
		                     .rep_output_bytes = BYTES(rep_out),     \
		                     .privilege = HV_PRIVILEGE_##needs },    \
		          .target = TARGET_##about,                          \
		          .handle = hc_##name },
#include "hypervisor/kernel/guest/hypercalls.def"
#undef HC
};

static const struct gate_row *find_row(uint16_t code)
{
	unsigned int row = ROW(code);

	if (row >= ARRAY_COUNT(rows) || !rows[row].handle || rows[row].entry.code != code)
		return NULL;
	return &rows[row];
}

struct invocation {
	struct hypercall call;
	struct hypercall_control control;
	const struct gate_row *row;
	uint64_t word, input_gpa, output_gpa;
	uint16_t done; /* reps, from rep 0 on */
};

enum hv_status hypercall_partition(const struct hypercall *call, uint64_t id,
                                   struct partition **out)
{
	*out = partition_find(call->partition, id);
	if (!*out)
		return HV_STATUS_INVALID_PARTITION_ID;
	return *out == call->partition || (*out)->parent == call->partition ?
	               HV_STATUS_SUCCESS :
	               HV_STATUS_ACCESS_DENIED;
}

enum hv_status hypercall_take_vp(struct hypercall *call, uint32_t index)
{
	call->target_vp = partition_vp(call->target, index);
	return call->target_vp ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_VP_INDEX;
}

enum hv_status hypercall_stop_vp(struct hypercall *call)
{
	struct vp *vp = call->target_vp;
	uint32_t suspend = __atomic_load_n(&vp->suspend, __ATOMIC_SEQ_CST);

	if (call->claimed)
		return HV_STATUS_SUCCESS;
	if (suspend & SUSPEND_DELETED)
		return HV_STATUS_INVALID_VP_INDEX;
	if (!(suspend & (SUSPEND_EXPLICIT | SUSPEND_INTERCEPT)) && !vp_is_stopped(vp))
		return HV_STATUS_INVALID_VP_STATE;
	call->claimed = vp_claim(vp);
	if (call->claimed && vp_is_stopped(vp))
		return HV_STATUS_SUCCESS;
	hypercall_release_vp(call);
	vp_raise(vp, EVENTS_STOP);
	call->again = true;
	return HV_STATUS_SUCCESS;
}

void hypercall_release_vp(struct hypercall *call)
{
	if (call->claimed)
		vp_resume(call->target_vp, SUSPEND_CLAIMED);
	call->claimed = false;
}

static enum hv_status find_target(struct hypercall *call, enum hypercall_target target)
{
	const struct hv_input_delete_vp *in = call->input; /* all begin so */
	enum hv_status status;

	if (target == TARGET_NONE)
		return HV_STATUS_SUCCESS;
	status = hypercall_partition(call, in->partition_id, &call->target);
	if (status == HV_STATUS_SUCCESS && target >= TARGET_CHILD &&
	    call->target == call->partition)
		return HV_STATUS_ACCESS_DENIED;
	if (status == HV_STATUS_SUCCESS && target >= TARGET_VP)
		status = hypercall_take_vp(call, in->vp_index);
	if (status == HV_STATUS_SUCCESS && target == TARGET_STOPPED_VP)
		status = hypercall_stop_vp(call);
	return status;
}

/* The input, once, into this CPU's private page. A fast call's comes in registers. */
static bool fetch_input(const struct invocation *invocation)
{
	const uint64_t fast[2] = { invocation->input_gpa, invocation->output_gpa };
	void *page = this_cpu()->hypercall_input;
	uint32_t bytes = invocation->control.input_bytes;

	if (!invocation->control.fast)
		return guest_read(invocation->call.partition, invocation->input_gpa, page,
		                  bytes);
	memcpy(page, fast, sizeof(fast));
	return true;
}

/* Reps that were done in an earlier piece of the call have had their output. */
static bool store_output(const struct invocation *invocation)
{
	const struct hypercall_entry *entry = &invocation->row->entry;
	uint32_t start = invocation->control.rep_start, from = 0;
	uint32_t to = entry->output_bytes + invocation->done * entry->rep_output_bytes;

	if (start != 0)
		from = entry->output_bytes + start * entry->rep_output_bytes;
	return guest_write(invocation->call.partition, invocation->output_gpa + from,
	                   (const char *)invocation->call.output + from, to - from);
}

/* Control word, privilege, blocks, input: in the order of TLFS 3.8. */
static enum hv_status open_gate(struct invocation *invocation)
{
	struct hypercall *call = &invocation->call;
	struct cpu *cpu = this_cpu();
	enum hv_status status;

	invocation->row = find_row((uint16_t)invocation->word);
	if (!invocation->row)
		return HV_STATUS_INVALID_HYPERCALL_CODE;
	status = hypercall_control_check(invocation->word, &invocation->row->entry,
	                                 call->partition->privileges,
	                                 &invocation->control);
	if (status == HV_STATUS_SUCCESS)
		status = hypercall_control_blocks(&invocation->control,
		                                  invocation->input_gpa,
		                                  invocation->output_gpa);
	if (status != HV_STATUS_SUCCESS)
		return status;
	if (!fetch_input(invocation))
		return HV_STATUS_INVALID_PARAMETER;
	memset(cpu->hypercall_output, 0, invocation->control.output_bytes);
	call->input = cpu->hypercall_input;
	call->variable = invocation->control.variable;
	call->output = cpu->hypercall_output;
	invocation->done = invocation->control.rep_start;
	return find_target(call, invocation->row->target);
}

static enum hv_status call_reps(struct invocation *invocation)
{
	const struct hypercall_entry *entry = &invocation->row->entry;
	const struct hypercall_control *control = &invocation->control;
	struct hypercall *call = &invocation->call;
	uint32_t limit = (uint32_t)control->rep_start + REPS_PER_ENTRY;

	while (invocation->done < control->rep_count && invocation->done < limit) {
		enum hv_status status;

		call->rep = invocation->done;
		call->rep_input = (const char *)call->input + entry->input_bytes +
		                  (uint32_t)call->rep * entry->rep_input_bytes;
		call->rep_output = (char *)call->output + entry->output_bytes +
		                   (uint32_t)call->rep * entry->rep_output_bytes;
		status = invocation->row->handle(call);
		if (call->again || status != HV_STATUS_SUCCESS)
			return status;
		invocation->done++;
	}
	return HV_STATUS_SUCCESS;
}

static enum hv_status carry_out(struct invocation *invocation)
{
	enum hv_status status = open_gate(invocation);

	if (status != HV_STATUS_SUCCESS || invocation->call.again)
		return status;
	if (invocation->row->entry.shape == HYPERCALL_REP)
		status = call_reps(invocation);
	else
		status = invocation->row->handle(&invocation->call);
	return store_output(invocation) ? status : HV_STATUS_INVALID_PARAMETER;
}

/* VMMCALL is #UD without the hypercall page. */
static bool may_call(const struct vp *vp)
{
	return (vp->partition->hypercall_msr & HV_MSR_PAGE_ENABLE) && vp_cpl(vp) == 0 &&
	       (vp_register(vp, HV_X64_REGISTER_CR0).reg64 & CR0_PE);
}

void hypercall_handle(struct vp *vp)
{
	uint64_t *gpr = vp->arch.gpr;
	struct invocation invocation = {
		.call = { .vp = vp, .partition = vp->partition },
		.word = gpr[GPR_RCX],
		.input_gpa = gpr[GPR_RDX],
		.output_gpa = gpr[8],
	};
	enum hv_status status;

	if (!may_call(vp)) {
		vp_exception(vp, EXCEPTION_UD);
		return;
	}
	status = carry_out(&invocation);
	hypercall_release_vp(&invocation.call);
	if (invocation.call.again)
		cpu_pause(); /* another CPU has to come round first */
	if (invocation.call.settle)
		vp->wait_epoch = epoch_advance();
	if (invocation.call.again || (status == HV_STATUS_SUCCESS &&
	                              invocation.done < invocation.control.rep_count)) {
		gpr[GPR_RCX] =
			hypercall_control_restart(invocation.word, invocation.done);
		return;
	}
	gpr[GPR_RAX] = hypercall_control_result(status, invocation.done);
	trace(VIRIDIS_TRACE_HYPERCALL, vp, invocation.word, gpr[GPR_RAX]);
	vp_advance(vp);
}
