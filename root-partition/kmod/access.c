// SPDX-License-Identifier: GPL-2.0-or-later
/* A child's memory as its VMM asks for it: access.h. Attributes and flags: TLFS, HvTranslateVirtualAddress */
#include "abi.h"
#include "access.h"

#include "hypercall.h"
#include "memory.h"
#include "partition.h"
#include "root-partition/kmod/core/guest_walk.h"
#include <linux/mutex.h>

#define TRANSLATE_FLAGS                                                  \
	(HV_TRANSLATE_READ | HV_TRANSLATE_WRITE | HV_TRANSLATE_EXECUTE | \
	 HV_TRANSLATE_PRIVILEGE_EXEMPT)
#define GVA_PAGE_LIMIT BIT64(52)

/* The cache type, by the PAT's encoding: of memory, of anything else. */
#define ATTRIBUTE_WRITE_BACK 6
#define ATTRIBUTE_UNCACHED   0

/* Of the flags of the accesses: a cache type, a hint that means nothing to us. */
#define ACCESS_CACHE_TYPE 0xffull

static bool access_entry(void *context, uint64_t gpa, void *to, size_t bytes)
{
	return memory_copy_locked(context, gpa, to, bytes, false) == HV_TRANSLATE_SUCCESS;
}

/* What says how a VP's addresses are translated. */
static enum hv_status access_registers(struct viridis_partition *partition, u32 vp_index,
                                       struct guest_walk *walk)
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

	if (status != HV_STATUS_SUCCESS)
		return status;
	*walk = (struct guest_walk){
		.cr0 = values[0].reg64,
		.cr3 = values[1].reg64,
		.cr4 = values[2].reg64,
		.efer = values[3].reg64,
		.user = (values[4].segment.attributes >> 5 & 3) == 3,
		.read = access_entry,
		.context = partition,
	};
	return HV_STATUS_SUCCESS;
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
	u8 byte;

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
		out->attributes = memory_copy_locked(partition, gpa, &byte, 1, false) ?
		                          ATTRIBUTE_UNCACHED :
		                          ATTRIBUTE_WRITE_BACK;
	}
	mutex_unlock(&partition->lock);
	return HV_STATUS_SUCCESS;
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
