// SPDX-License-Identifier: GPL-2.0-or-later
/* A child's memory as its VMM asks for it: access.h. Attributes and flags: TLFS, HvTranslateVirtualAddress */
#include "abi.h"
#include "access.h"

#include "hypercall.h"
#include "memory.h"
#include "partition.h"
#include "root-partition/kmod/core/guest_walk.h"
#include "vp.h"
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>

#define TRANSLATE_FLAGS                                                  \
	(HV_TRANSLATE_READ | HV_TRANSLATE_WRITE | HV_TRANSLATE_EXECUTE | \
	 HV_TRANSLATE_PRIVILEGE_EXEMPT)
#define GVA_PAGE_LIMIT BIT64(52)

/* Of the register page's segments. */
#define REGISTER_PAGE_SS 2

/* The cache type, by the PAT's encoding: of memory, of anything else. */
#define ATTRIBUTE_WRITE_BACK 6
#define ATTRIBUTE_UNCACHED   0

/* Of the flags of the accesses: a cache type, a hint that means nothing to us. */
#define ACCESS_CACHE_TYPE 0xffull

static bool access_entry(void *context, uint64_t gpa, void *to, size_t bytes)
{
	return memory_copy_locked(context, gpa, to, bytes, false) == HV_TRANSLATE_SUCCESS;
}

static bool access_is_user(const struct hv_x64_segment_register *ss)
{
	return (READ_ONCE(ss->attributes) >> 5 & 3) == 3;
}

/*
 * What the register page says. The hypervisor filled it with the last message; while an answer may wait (vp_answer.h), only
 * general registers and RIP have been set since. Its VMM may write it, and is then told of what it wrote.
 */
static bool access_page_registers(struct viridis_vp *vp, struct guest_walk *walk)
{
	const struct hv_register_page *page = vp->registers;
	bool known;

	if (!mutex_trylock(&vp->run_lock))
		return false;
	known = vp_answer_has_all(vp) && READ_ONCE(page->valid) &&
	        !(READ_ONCE(page->dirty) & HV_REGISTER_PAGE_DIRTY_SEGMENT);
	walk->cr0 = READ_ONCE(page->cr0);
	walk->cr3 = READ_ONCE(page->cr3);
	walk->cr4 = READ_ONCE(page->cr4);
	walk->efer = READ_ONCE(page->efer);
	walk->user = access_is_user(&page->segment[REGISTER_PAGE_SS]);
	mutex_unlock(&vp->run_lock);
	return known;
}

static enum hv_status access_ask_registers(const struct viridis_partition *partition,
                                           u32 vp_index, struct guest_walk *walk)
{
	static const u32 names[] = { HV_X64_REGISTER_CR0, HV_X64_REGISTER_CR3,
		                     HV_X64_REGISTER_CR4, HV_X64_REGISTER_EFER,
		                     HV_X64_REGISTER_SS };
	const struct hv_input_get_vp_registers header = { .partition_id = partition->id,
		                                          .vp_index = vp_index };
	union hv_register_value values[ARRAY_SIZE(names)];
	struct hypercall call = {
		.code = HVCALL_GET_VP_REGISTERS,
		.reps = ARRAY_SIZE(names),
		.header = &header,
		.header_bytes = sizeof(header),
		.list = names,
		.list_bytes = sizeof(names),
		.output = values,
		.output_bytes = sizeof(values),
	};
	enum hv_status status = hypercall(&call);

	walk->cr0 = values[0].reg64;
	walk->cr3 = values[1].reg64;
	walk->cr4 = values[2].reg64;
	walk->efer = values[3].reg64;
	walk->user = access_is_user(&values[4].segment);
	return status;
}

/* What says how a VP's addresses are translated. A VMM asks for each element of a string that goes to a port. */
static enum hv_status access_registers(struct viridis_partition *partition, u32 vp_index,
                                       struct guest_walk *walk)
{
	struct viridis_vp *vp = NULL;

	if (vp_index < MSHV_VP_MAX)
		vp = rcu_dereference_raw(partition->vps[vp_index]);
	walk->read = access_entry;
	walk->context = partition;
	if (vp && access_page_registers(vp, walk))
		return HV_STATUS_SUCCESS;
	return access_ask_registers(partition, vp_index, walk);
}

/* Whether memory is there where the tables lead is not looked at: a VMM asks just when it is not. */
enum hv_status access_translate(struct viridis_partition *partition, const void *input,
                                void *output)
{
	const struct hv_input_translate_va *in = input;
	struct hv_output_translate_va *out = output;
	struct guest_walk walk;
	enum hv_status status;
	u64 gpa;

	if (in->reserved || in->flags & ~(u64)TRANSLATE_FLAGS ||
	    in->gva_page >= GVA_PAGE_LIMIT)
		return HV_STATUS_INVALID_PARAMETER;
	status = access_registers(partition, in->vp_index, &walk);
	if (status != HV_STATUS_SUCCESS)
		return status;
	mutex_lock(&partition->lock);
	out->code = guest_walk(&walk, in->gva_page << PAGE_SHIFT, in->flags, &gpa);
	if (out->code == HV_TRANSLATE_SUCCESS) {
		out->gpa_page = gpa >> PAGE_SHIFT;
		out->attributes = memory_is_locked(partition, gpa) ?
		                          ATTRIBUTE_WRITE_BACK :
		                          ATTRIBUTE_UNCACHED;
	}
	mutex_unlock(&partition->lock);
	return HV_STATUS_SUCCESS;
}

static bool access_is_told(const struct viridis_vp *vp,
                           const struct hv_input_translate_va *in)
{
	const struct vp_translation *told = &vp->translation;

	return vp_answer_has_all(vp) && told->turn == vp->turn &&
	       told->gva_page == in->gva_page && told->flags == in->flags &&
	       !in->reserved;
}

/*
 * A page is looked up once for an intercept: a processor's own would be in its TLB until the instruction ends. One that is
 * not there is in no TLB, and is looked up again: its VMM may have brought memory meanwhile.
 */
enum hv_status access_translate_again(struct viridis_vp *vp,
                                      const struct hv_input_translate_va *in,
                                      struct hv_output_translate_va *out)
{
	enum hv_status status;
	bool told;
	u64 turn;

	if (!mutex_trylock(&vp->run_lock))
		return access_translate(vp->partition, in, out);
	told = access_is_told(vp, in);
	turn = vp->turn;
	if (told)
		*out = vp->translation.output;
	mutex_unlock(&vp->run_lock);
	if (told)
		return HV_STATUS_SUCCESS;

	status = access_translate(vp->partition, in, out);
	if (status == HV_STATUS_SUCCESS && out->code == HV_TRANSLATE_SUCCESS &&
	    mutex_trylock(&vp->run_lock)) {
		vp->translation =
			(struct vp_translation){ turn, in->gva_page, in->flags, *out };
		mutex_unlock(&vp->run_lock);
	}
	return status;
}

/* The input of the one begins as the other's, and so do the outputs. */
static enum hv_status access_copy(struct viridis_partition *partition,
                                  const struct hv_input_read_gpa *in, void *data,
                                  bool write, u32 *code)
{
	if (!in->byte_count || in->byte_count > HV_GPA_ACCESS_MAX_BYTES ||
	    in->flags & ~ACCESS_CACHE_TYPE)
		return HV_STATUS_INVALID_PARAMETER;
	mutex_lock(&partition->lock);
	*code = memory_copy_locked(partition, in->gpa, data, in->byte_count, write);
	mutex_unlock(&partition->lock);
	return HV_STATUS_SUCCESS;
}

enum hv_status access_read(struct viridis_partition *partition, const void *input,
                           void *output)
{
	struct hv_output_read_gpa *out = output;

	return access_copy(partition, input, out->data, false, &out->access_result);
}

enum hv_status access_write(struct viridis_partition *partition, const void *input,
                            void *output)
{
	const struct hv_input_write_gpa *in = input;
	struct hv_output_write_gpa *out = output;

	/* Only read. */
	return access_copy(partition, input, (void *)in->data, true, &out->access_result);
}
