/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hypercall gate: hypercall.h. TLFS 3 */
#include "hypervisor/kernel/guest/hypercall.h"
#include <viridis/base/mem.h>
#include "hypervisor/arch/x86/time.h"
#include "hypervisor/kernel/objects/guest_memory.h"
#include "hypervisor/kernel/objects/partition.h"
#include "hypervisor/kernel/objects/trace.h"

#define BYTES(type) _Generic((type *)0, none * : 0, default : sizeof(type))

typedef char none;

/* Microsoft's codes are below 0x100, ours from 0xe000 on. */
#define ROW(code) ((code) < 0xe000 ? (unsigned int)(code) : 0x100 + ((code)&7u))

static const struct gate_row {
	struct hypercall_entry entry;
	enum hypercall_target target;
	enum hv_status (*handle)(struct hypercall *call);
} rows[] = {
#define HC(number, name, shape, needs, about, in, rep_in, out, rep_out)             \
	[ROW(HVCALL_##number)] = { { HVCALL_##number, HYPERCALL_##shape, BYTES(in), \
		                     BYTES(rep_in), BYTES(out), BYTES(rep_out),     \
		                     HV_PRIVILEGE_##needs },                        \
		                   TARGET_##about,                                  \
		                   hc_##name },
#include "hypervisor/kernel/guest/hypercalls.def"
#undef HC
};

static const struct gate_row *find_row(uint16_t code)
{
	unsigned int row = ROW(code);

	if (row >= ARRAY_COUNT(rows) || code == 0 || rows[row].entry.code != code)
		return NULL; /* unused rows have the code 0 */
	return &rows[row];
}

enum hv_status hypercall_partition(const struct hypercall *call, uint64_t id,
                                   struct partition **out)
{
	*out = partition_find(call->partition, id);
	if (!*out)
		return HV_STATUS_INVALID_PARTITION_ID;
	return *out == call->partition || call->partition->is_root ?
	               HV_STATUS_SUCCESS :
	               HV_STATUS_ACCESS_DENIED;
}

enum hv_status hypercall_stop_vp(struct hypercall *call)
{
	struct vp *vp = call->target_vp;
	uint32_t suspend = __atomic_load_n(&vp->suspend, __ATOMIC_SEQ_CST);

	if (call->claimed)
		return HV_STATUS_SUCCESS;
	if (!(suspend & (SUSPEND_EXPLICIT | SUSPEND_INTERCEPT)) && !vp_is_stopped(vp))
		return HV_STATUS_INVALID_VP_STATE;
	call->claimed = vp_claim(vp);
	call->again = !call->claimed;
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
	if (status != HV_STATUS_SUCCESS || target == TARGET_FAMILY)
		return status;
	if (call->target == call->partition)
		return HV_STATUS_ACCESS_DENIED;
	if (target == TARGET_CHILD)
		return HV_STATUS_SUCCESS;
	call->target_vp = partition_vp(call->target, in->vp_index);
	if (!call->target_vp)
		return HV_STATUS_INVALID_VP_INDEX;
	return target == TARGET_STOPPED_VP ? hypercall_stop_vp(call) : HV_STATUS_SUCCESS;
}

/*
 * Input once, into this CPU's private page; a fast call's comes in registers. There must be a place for the output
 * before the handler gives anything away.
 */
static bool open_blocks(struct hypercall *call)
{
	struct cpu *cpu = this_cpu();

	if (call->control.output_bytes != 0 &&
	    !guest_is_writable(call->partition, call->words[2]))
		return false;
	call->input = cpu->hypercall_input;
	call->output = memset(cpu->hypercall_output, 0, call->control.output_bytes);
	if (!call->control.fast)
		return guest_read(call->partition, call->words[1], cpu->hypercall_input,
		                  call->control.input_bytes);
	memcpy(cpu->hypercall_input, &call->words[1], HYPERCALL_FAST_BYTES);
	return true;
}

/* Reps that were done in an earlier piece of the call have had their output. */
static bool store_output(const struct hypercall *call,
                         const struct hypercall_entry *entry)
{
	uint32_t to = call->control.output_bytes ?
	                      entry->output_bytes + call->rep * entry->rep_output_bytes :
	                      0;
	uint32_t start = call->control.rep_start;
	uint32_t from = start ? entry->output_bytes + start * entry->rep_output_bytes : 0;

	return to == from || guest_write(call->partition, call->words[2] + from,
	                                 (const char *)call->output + from, to - from);
}

/* They go on for 50 us before the guest is let in again: it can take its interrupts. */
static enum hv_status call_reps(struct hypercall *call, const struct gate_row *row)
{
	const struct hypercall_entry *entry = &row->entry;
	enum hv_status status;

	do {
		call->rep_input = (const char *)call->input + entry->input_bytes +
		                  call->rep * entry->rep_input_bytes;
		call->rep_output = (char *)call->output + entry->output_bytes +
		                   call->rep * entry->rep_output_bytes;
		status = row->handle(call);
		if (call->again || status != HV_STATUS_SUCCESS)
			return status;
		call->rep++;
	} while (call->rep < call->control.rep_count &&
	         cpu_rdtsc() - this_cpu()->stamp < tsc_hz / 20000);
	return status;
}

/* The order of the checks: TLFS 3.8. */
static enum hv_status carry_out(struct hypercall *call, const struct gate_row *row)
{
	enum hv_status status = hypercall_control_check(
		call->words, &row->entry, call->partition->privileges, &call->control);

	if (status != HV_STATUS_SUCCESS)
		return status;
	call->rep = call->control.rep_start;
	if (!open_blocks(call))
		return HV_STATUS_INVALID_PARAMETER;
	status = find_target(call, row->target);
	if (status != HV_STATUS_SUCCESS || call->again)
		return status;
	status = row->entry.shape == HYPERCALL_REP ? call_reps(call, row) :
	                                             row->handle(call);
	return store_output(call, &row->entry) ? status : HV_STATUS_INVALID_PARAMETER;
}

/* The control word and the blocks: in three registers of 64-bit code, else in three pairs. TLFS 3.7 */
static uint64_t operand(const struct vp *vp, enum gpr wide, enum gpr high, enum gpr low)
{
	const uint64_t *gpr = vp->arch.gpr;

	return vp->arch.exit.is_64bit ? gpr[wide] : gpr[high] << 32 | (uint32_t)gpr[low];
}

static bool give_result(struct vp *vp, uint64_t result)
{
	bool is_64bit = vp->arch.exit.is_64bit;

	vp->arch.gpr[GPR_RAX] = is_64bit ? result : (uint32_t)result;
	if (!is_64bit)
		vp->arch.gpr[GPR_RDX] = result >> 32;
	return true;
}

/* Not inlined: what has no row goes back to the guest without all this on the stack. */
static __attribute__((noinline)) bool make_call(struct vp *vp, const struct gate_row *row,
                                                uint64_t control)
{
	struct hypercall call = {
		.vp = vp,
		.partition = vp->partition,
		.words = { control, operand(vp, GPR_RDX, GPR_RBX, GPR_RCX),
		           operand(vp, GPR_R8, GPR_RDI, GPR_RSI) },
	};
	enum hv_status status = carry_out(&call, row);
	bool reps_left = status == HV_STATUS_SUCCESS && call.rep < call.control.rep_count;
	uint64_t result = hypercall_control_result(status, call.rep);

	hypercall_release_vp(&call);
	if (call.again)
		cpu_pause(); /* another CPU has to come round first */
	/* Once for all pieces of a call: to wait for another CPU may take longer than a piece. */
	if (call.settle && (call.again || !reps_left))
		vp_await_epoch(vp);
	if (call.again || reps_left) {
		control = hypercall_control_restart(control, call.rep);
		vp->arch.gpr[vp->arch.exit.is_64bit ? GPR_RCX : GPR_RDX] =
			vp->arch.exit.is_64bit ? control : control >> 32;
		return false;
	}
	trace(VIRIDIS_TRACE_HYPERCALL, vp, control, result);
	return give_result(vp, result);
}

/*
 * What guests call most often, and the root when it answers them, the whole input in registers: nothing is to be opened,
 * copied or waited for, and no more of the call is looked at.
 */
static __attribute__((noinline)) bool signal_at_once(struct vp *vp)
{
	struct hypercall call;

	call.vp = vp;
	call.partition = vp->partition;
	call.input = &vp->arch.gpr[GPR_RDX];
	return give_result(vp, hc_signal_event(&call));
}

/* One that must wait for another CPU is made again, as make_call()'s is. */
static __attribute__((noinline)) bool call_vp_at_once(struct vp *vp, bool resumes)
{
	uint64_t input[] = { vp->arch.gpr[GPR_RDX], vp->arch.gpr[GPR_R8] }, output;
	struct hypercall call;
	enum hv_status status;

	call.vp = vp;
	call.partition = vp->partition;
	call.input = input;
	call.output = &output;
	call.again = call.claimed = false;
	status = find_target(&call, TARGET_VP);
	if (status == HV_STATUS_SUCCESS)
		status = resumes ? hc_resume_vp(&call) : hc_signal_event_direct(&call);
	return !call.again && give_result(vp, status);
}

bool hypercall_handle(struct vp *vp)
{
	uint64_t control = operand(vp, GPR_RCX, GPR_RDX, GPR_RAX);
	bool resumes = control == (HVCALL_VIRIDIS_RESUME_VP | HV_CONTROL_FAST);
	bool direct = control == (HVCALL_SIGNAL_EVENT_DIRECT | HV_CONTROL_FAST);
	uint64_t needs = resumes ? HV_PRIVILEGE_ACCESS_VP_REGISTERS :
	                           HV_PRIVILEGE_SIGNAL_EVENTS;
	const struct gate_row *row;

	if (!(vp->partition->hypercall_msr & HV_MSR_PAGE_ENABLE))
		return false;
	if ((resumes || direct || control == (HVCALL_SIGNAL_EVENT | HV_CONTROL_FAST)) &&
	    vp->quiet && vp->arch.exit.is_64bit && (vp->partition->privileges & needs))
		return resumes || direct ? call_vp_at_once(vp, resumes) :
		                           signal_at_once(vp);
	row = find_row((uint16_t)control);
	return row ? make_call(vp, row, control) :
	             give_result(vp, HV_STATUS_INVALID_HYPERCALL_CODE);
}
