// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * State transfers go through a page of ours: the caller's need not be pinned for them. What is in it is for
 * the hypervisor to check.
 */
#include "abi.h"
#include "vp_state.h"

#include "partition.h"
#include "root-partition/kmod/core/timer_state.h"
#include "vp.h"
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/uaccess.h>

enum hv_status vp_state_resume(const struct viridis_vp *vp)
{
	const u64 input[2] = { vp->partition->id, vp->index };

	return hypercall_fast(HVCALL_VIRIDIS_RESUME_VP, input);
}

enum hv_status vp_state_set(const struct viridis_vp *vp,
                            const struct hv_register_assoc *registers, u16 count)
{
	struct hv_input_set_vp_registers header = {
		.partition_id = vp->partition->id,
		.vp_index = vp->index,
	};
	struct hypercall call = {
		.code = HVCALL_SET_VP_REGISTERS,
		.reps = count,
		.header = &header,
		.header_bytes = sizeof(header),
		.list = registers,
		.list_bytes = count * sizeof(*registers),
	};

	return hypercall(&call);
}

static enum hv_status vp_state_get(const struct viridis_vp *vp, const u32 *names,
                                   u16 count, union hv_register_value *values)
{
	struct hv_input_get_vp_registers header = {
		.partition_id = vp->partition->id,
		.vp_index = vp->index,
	};
	struct hypercall call = {
		.code = HVCALL_GET_VP_REGISTERS,
		.reps = count,
		.header = &header,
		.header_bytes = sizeof(header),
		.list = names,
		.list_bytes = count * sizeof(*names),
		.output = values,
		.output_bytes = count * sizeof(*values),
	};

	return hypercall(&call);
}

static int vp_state_get_timers(const struct viridis_vp *vp,
                               struct hv_synthetic_timers_state *timers)
{
	union hv_register_value values[TIMER_STATE_REGISTERS];
	u32 names[TIMER_STATE_REGISTERS];
	enum hv_status status;
	unsigned int i;

	for (i = 0; i < TIMER_STATE_REGISTERS; i++)
		names[i] = HV_REGISTER_STIMER0_CONFIG + i;
	status = vp_state_get(vp, names, TIMER_STATE_REGISTERS, values);
	if (status == HV_STATUS_SUCCESS)
		timer_state_from_registers(values, timers);
	return hypercall_errno(status);
}

static int vp_state_set_timers(const struct viridis_vp *vp,
                               const struct hv_synthetic_timers_state *timers)
{
	struct hv_register_assoc registers[TIMER_STATE_WRITES];

	if (!timer_state_to_registers(timers, registers))
		return -EINVAL;
	return hypercall_errno(vp_state_set(vp, registers, TIMER_STATE_WRITES));
}

static const struct {
	u32 hv_type; /* 0: made of registers */
	u32 bytes;
} states[] = {
	[MSHV_VP_STATE_LAPIC] = { HV_VP_STATE_LAPIC, PAGE_SIZE },
	[MSHV_VP_STATE_XSAVE] = { HV_VP_STATE_XSAVE, PAGE_SIZE },
	[MSHV_VP_STATE_SIMP] = { HV_VP_STATE_SIM_PAGE, PAGE_SIZE },
	[MSHV_VP_STATE_SIEFP] = { HV_VP_STATE_SIEF_PAGE, PAGE_SIZE },
	[MSHV_VP_STATE_STIMERS] = { 0, sizeof(struct hv_synthetic_timers_state) },
};

/* An XSAVE area has all components that a vp may have: they are a property of the partition. */
static int vp_state_components(struct viridis_vp *vp, u64 *xfem)
{
	struct hv_input_get_partition_property header = {
		.partition_id = vp->partition->id,
		.code = HV_PROPERTY_XSAVE_STATES,
	};
	struct hypercall call = {
		.code = HVCALL_GET_PARTITION_PROPERTY,
		.header = &header,
		.header_bytes = sizeof(header),
		.output = xfem,
		.output_bytes = sizeof(*xfem),
	};

	return hypercall_errno(hypercall(&call));
}

#define XCOMP_COMPACTED BIT64(63)

static u64 *vp_state_xcomp(u8 *page)
{
	return (u64 *)(page + 520); /* SDM1 13.4.2 */
}

/* Upstream's format is the compacted one. Of x87, SSE and AVX all is where the standard format has it. SDM1 13.4.3 */
static bool vp_state_from_compacted(u8 *page, u64 xfem)
{
	u64 components = *vp_state_xcomp(page) & ~XCOMP_COMPACTED;
	u64 present = *(u64 *)(page + 512);

	if (!(*vp_state_xcomp(page) & XCOMP_COMPACTED))
		return true; /* the hypervisor looks at it */
	*vp_state_xcomp(page) = 0;
	return !(components & ~xfem) && !(present & ~components);
}

static int vp_state_call(struct viridis_vp *vp, u16 code, u8 type, void *page)
{
	struct hv_input_vp_state header = {
		.partition_id = vp->partition->id,
		.vp_index = vp->index,
		.type = states[type].hv_type,
	};
	u64 pfn = virt_to_phys(page) >> PAGE_SHIFT;
	struct hypercall call = {
		.code = code,
		.header = &header,
		.header_bytes = sizeof(header),
		.list = &pfn,
		.list_bytes = sizeof(pfn),
	};
	int result = 0;

	if (type == MSHV_VP_STATE_STIMERS)
		return code == HVCALL_GET_VP_STATE ? vp_state_get_timers(vp, page) :
		                                     vp_state_set_timers(vp, page);
	if (type == MSHV_VP_STATE_XSAVE)
		result = vp_state_components(vp, &header.xfem);
	if (!result && type == MSHV_VP_STATE_XSAVE && code == HVCALL_SET_VP_STATE &&
	    !vp_state_from_compacted(page, header.xfem))
		result = -EINVAL;
	if (!result)
		result = hypercall_errno(pool_call(&vp->partition->pool, &call));
	if (!result && type == MSHV_VP_STATE_XSAVE)
		*vp_state_xcomp(page) = XCOMP_COMPACTED | header.xfem;
	return result;
}

static bool vp_state_request_ok(const struct mshv_get_set_vp_state *request)
{
	return request->type < ARRAY_SIZE(states) &&
	       !memchr_inv(request->reserved, 0, sizeof(request->reserved)) &&
	       request->buffer_bytes && request->buffer_bytes % PAGE_SIZE == 0 &&
	       request->buffer_bytes <= MSHV_VP_STATE_BYTES_MAX;
}

long vp_state_transfer(struct viridis_vp *vp, void __user *argument, u16 code)
{
	struct mshv_get_set_vp_state request;
	void __user *user;
	void *page;
	u32 bytes;
	long result;

	if (copy_from_user(&request, argument, sizeof(request)))
		return -EFAULT;
	if (!vp_state_request_ok(&request))
		return -EINVAL;
	page = (void *)get_zeroed_page(GFP_KERNEL);
	if (!page)
		return -ENOMEM;

	user = (void __user *)(unsigned long)request.buffer;
	bytes = states[request.type].bytes;
	request.buffer_bytes = bytes;
	result = -EFAULT;
	if (copy_to_user(argument, &request, sizeof(request)) ||
	    (code == HVCALL_SET_VP_STATE && copy_from_user(page, user, bytes)))
		goto free_page;
	result = vp_state_call(vp, code, request.type, page);
	if (!result && code == HVCALL_GET_VP_STATE && copy_to_user(user, page, bytes))
		result = -EFAULT;

free_page:
	free_page((unsigned long)page);
	return result;
}

/* ---- The guest's own devices ---- */

/* SINTs, their registers but the version, timers, assist page */
#define SYNTHETIC_REGISTERS (HV_SINT_COUNT + 3 + 8 + 1)

bool vp_state_ends_guest(const struct hv_register_assoc *registers, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		if (registers[i].name == HV_REGISTER_GUEST_OS_ID &&
		    registers[i].value.reg64 == 0)
			return true;
	}
	return false;
}

static unsigned int vp_state_reset_list(struct hv_register_assoc *registers)
{
	static const u32 pages[] = { HV_REGISTER_SCONTROL, HV_REGISTER_SIEFP,
		                     HV_REGISTER_SIMP, HV_REGISTER_VP_ASSIST_PAGE };
	unsigned int count = 0, i;

	memset(registers, 0, SYNTHETIC_REGISTERS * sizeof(*registers));
	for (i = 0; i < HV_SINT_COUNT; i++, count++) {
		registers[count].name = HV_REGISTER_SINT0 + i;
		registers[count].value.reg64 = HV_SINT_MASKED;
	}
	for (i = 0; i < ARRAY_SIZE(pages); i++)
		registers[count++].name = pages[i];
	for (i = 0; i < 8; i++)
		registers[count++].name = HV_REGISTER_STIMER0_CONFIG + i;
	return count;
}

/* Leaves those out that the other list has; returns how many stay. */
static unsigned int vp_state_leave_out(struct hv_register_assoc *registers,
                                       unsigned int count,
                                       const struct hv_register_assoc *others,
                                       unsigned int other_count)
{
	unsigned int kept = 0, i, j;

	for (i = 0; i < count; i++) {
		for (j = 0; j < other_count; j++) {
			if (others[j].name == registers[i].name)
				break;
		}
		if (j == other_count)
			registers[kept++] = registers[i];
	}
	return kept;
}

/* One that runs keeps what it has: its VMM has not reset it. */
void vp_state_clear_synthetic(const struct viridis_vp *vp,
                              const struct hv_register_assoc *set, unsigned int count)
{
	struct hv_register_assoc registers[SYNTHETIC_REGISTERS];
	unsigned int all = vp_state_reset_list(registers);
	const struct viridis_vp *other;
	unsigned int index;

	for (index = 0; index < MSHV_VP_MAX; index++) {
		other = rcu_dereference_raw(vp->partition->vps[index]);
		if (other && other != vp)
			(void)vp_state_set(other, registers, all);
	}
	all = vp_state_leave_out(registers, all, set, count);
	if (all)
		(void)vp_state_set(vp, registers, all);
}
