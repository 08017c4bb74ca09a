/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hypercalls by which a parent sees a child's memory as a VP does. Codes 0x52-0x54 */
#include <viridis/base/mem.h>
#include "hypervisor/kernel/guest_memory.h"
#include "hypervisor/kernel/hypercall.h"
#include "hypervisor/kernel/overlay.h"
#include "hypervisor/kernel/partition.h"

#define TRANSLATE_FLAGS                                                  \
	(HV_TRANSLATE_READ | HV_TRANSLATE_WRITE | HV_TRANSLATE_EXECUTE | \
	 HV_TRANSLATE_PRIVILEGE_EXEMPT)
#define GVA_PAGE_LIMIT (UINT64_C(1) << 52)

/* Attributes of a translation: the cache type (the PAT's encoding) and a bit. */
#define ATTRIBUTE_UNCACHED   0u
#define ATTRIBUTE_WRITE_BACK 6u
#define ATTRIBUTE_OVERLAY    BIT32(8)

/* ControlFlags of the accesses: the cache type, a hint that means nothing to us. */
#define ACCESS_CACHE_TYPE UINT64_C(0xff)

static uint32_t attributes(const struct partition *partition, uint64_t gpa)
{
	struct npt_leaf leaf;

	if (!npt_lookup(&partition->npt, gpa, &leaf))
		return ATTRIBUTE_UNCACHED;
	if ((leaf.flags & NPT_TAG_MASK) == OVERLAY_TAG)
		return ATTRIBUTE_WRITE_BACK | ATTRIBUTE_OVERLAY;
	return ATTRIBUTE_WRITE_BACK;
}

/*
 * The guest's own tables decide. Whether memory is mapped where they lead is not looked
 * at: a VMM asks just when it is not, to emulate a device there.
 */
enum hv_status hc_translate_virtual_address(struct hypercall *call)
{
	const struct hv_input_translate_va *in = call->input;
	struct hv_output_translate_va *out = call->output;
	enum hv_status status;
	uint64_t gpa;
	struct vp *vp;

	if (in->reserved != 0 || (in->flags & ~TRANSLATE_FLAGS) ||
	    in->gva_page >= GVA_PAGE_LIMIT)
		return HV_STATUS_INVALID_PARAMETER;
	vp = hypercall_stopped_vp(call, in->partition_id, in->vp_index, &status);
	if (!vp)
		return status;
	out->code = guest_translate(vp, in->gva_page * PAGE_4K, in->flags, &gpa);
	if (out->code == HV_TRANSLATE_SUCCESS) {
		out->gpa_page = gpa / PAGE_4K;
		out->attributes = attributes(vp->partition, gpa);
	}
	return HV_STATUS_SUCCESS;
}

static enum hv_translate_code check_page(const struct partition *partition, uint64_t gpa,
                                         uint32_t need)
{
	struct npt_leaf leaf;

	if (!npt_lookup(&partition->npt, gpa, &leaf))
		return HV_TRANSLATE_GPA_UNMAPPED;
	if ((need & NPT_READ) && !(leaf.flags & NPT_READ))
		return HV_TRANSLATE_GPA_NO_READ;
	if ((need & NPT_WRITE) && !(leaf.flags & NPT_WRITE))
		return HV_TRANSLATE_GPA_NO_WRITE;
	return HV_TRANSLATE_SUCCESS;
}

/* At most two pages; both are looked at before a byte moves. */
static enum hv_translate_code check_range(const struct partition *partition, uint64_t gpa,
                                          uint32_t bytes, uint32_t need)
{
	enum hv_translate_code code;

	if (gpa >= NPT_GPA_LIMIT || bytes > NPT_GPA_LIMIT - gpa)
		return HV_TRANSLATE_GPA_UNMAPPED;
	code = check_page(partition, gpa, need);
	return code == HV_TRANSLATE_SUCCESS ?
	               check_page(partition, gpa + bytes - 1, need) :
	               code;
}

/*
 * How both calls begin; their inputs begin alike. The VP names whose view of memory is meant: all of
 * a partition's see the same. The partition, or NULL when there is nothing to copy: then *status and
 * *result are the answer.
 */
static const struct partition *begin_access(struct hypercall *call, uint32_t need,
                                            uint32_t *result, enum hv_status *status)
{
	const struct hv_input_read_gpa *in = call->input;
	struct vp *vp;

	*status = HV_STATUS_INVALID_PARAMETER;
	if (in->byte_count == 0 || in->byte_count > HV_GPA_ACCESS_MAX_BYTES ||
	    (in->flags & ~ACCESS_CACHE_TYPE))
		return NULL;
	vp = hypercall_vp(call, in->partition_id, in->vp_index, status);
	if (!vp)
		return NULL;
	*status = HV_STATUS_SUCCESS;
	*result = check_range(vp->partition, in->gpa, in->byte_count, need);
	return *result == HV_TRANSLATE_SUCCESS ? vp->partition : NULL;
}
_Static_assert(__builtin_offsetof(struct hv_input_write_gpa, data) ==
                       sizeof(struct hv_input_read_gpa),
               "the inputs begin alike");

/* Unmapped by another CPU meanwhile: as if it had been before. */
enum hv_status hc_read_gpa(struct hypercall *call)
{
	const struct hv_input_read_gpa *in = call->input;
	struct hv_output_read_gpa *out = call->output;
	uint8_t data[HV_GPA_ACCESS_MAX_BYTES];
	enum hv_status status;
	const struct partition *partition =
		begin_access(call, NPT_READ, &out->access_result, &status);

	if (partition && guest_read(partition, in->gpa, data, in->byte_count))
		memcpy(out->data, data, in->byte_count);
	else if (partition)
		out->access_result = HV_TRANSLATE_GPA_UNMAPPED;
	return status;
}

enum hv_status hc_write_gpa(struct hypercall *call)
{
	const struct hv_input_write_gpa *in = call->input;
	struct hv_output_write_gpa *out = call->output;
	enum hv_status status;
	const struct partition *partition =
		begin_access(call, NPT_WRITE, &out->access_result, &status);

	if (partition && !guest_write(partition, in->gpa, in->data, in->byte_count))
		out->access_result = HV_TRANSLATE_GPA_UNMAPPED;
	return status;
}
