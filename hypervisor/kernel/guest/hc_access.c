/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hypercalls by which a parent sees a child's memory as a VP does. Codes 0x52-0x54 */
#include "hypervisor/kernel/objects/guest_memory.h"
#include "hypervisor/kernel/objects/guest_view.h"
#include "hypervisor/kernel/guest/hypercall.h"
#include "hypervisor/kernel/objects/overlay.h"
#include "hypervisor/kernel/objects/partition.h"

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
	return ATTRIBUTE_WRITE_BACK | (leaf.flags & OVERLAY_MARK ? ATTRIBUTE_OVERLAY : 0);
}

/*
 * The guest's own tables decide. Whether memory is mapped where they lead is not looked
 * at: a VMM asks just when it is not, to emulate a device there.
 */
enum hv_status hc_translate_virtual_address(struct hypercall *call)
{
	const struct hv_input_translate_va *in = call->input;
	struct hv_output_translate_va *out = call->output;
	const struct vp *vp = call->target_vp;
	uint64_t gpa;

	if (in->reserved != 0 || (in->flags & ~TRANSLATE_FLAGS) ||
	    in->gva_page >= GVA_PAGE_LIMIT)
		return HV_STATUS_INVALID_PARAMETER;
	out->code = guest_translate(vp, in->gva_page * PAGE_4K, in->flags, &gpa);
	if (out->code == HV_TRANSLATE_SUCCESS) {
		out->gpa_page = gpa / PAGE_4K;
		out->attributes = attributes(vp->partition, gpa);
	}
	return HV_STATUS_SUCCESS;
}

/* All that is mapped can be read. */
static enum hv_translate_code check_page(const struct partition *partition, uint64_t gpa,
                                         uint32_t need)
{
	struct npt_leaf leaf;

	if (!npt_lookup(&partition->npt, gpa, &leaf))
		return HV_TRANSLATE_GPA_UNMAPPED;
	return leaf.flags & need ? HV_TRANSLATE_SUCCESS : HV_TRANSLATE_GPA_NO_WRITE;
}

/*
 * Both accesses: inputs and outputs begin alike. The VP names whose view of memory is meant: all of a
 * partition's see the same. What was unmapped by another CPU meanwhile is as if it had been before.
 */
static enum hv_status access_gpa(struct hypercall *call, uint32_t need)
{
	const struct hv_input_write_gpa *in = call->input;
	struct hv_output_read_gpa *out = call->output;
	bool done;

	if (in->byte_count == 0 || in->byte_count > HV_GPA_ACCESS_MAX_BYTES ||
	    (in->flags & ~ACCESS_CACHE_TYPE))
		return HV_STATUS_INVALID_PARAMETER;
	/* At most two pages; both are looked at before a byte moves. */
	out->access_result = check_page(call->target, in->gpa, need);
	if (out->access_result == HV_TRANSLATE_SUCCESS)
		out->access_result =
			check_page(call->target, in->gpa + in->byte_count - 1, need);
	if (out->access_result != HV_TRANSLATE_SUCCESS)
		return HV_STATUS_SUCCESS;
	if (need == NPT_WRITE)
		done = guest_write(call->target, in->gpa, in->data, in->byte_count);
	else
		done = guest_read(call->target, in->gpa, out->data, in->byte_count);
	if (!done)
		out->access_result = HV_TRANSLATE_GPA_UNMAPPED;
	return HV_STATUS_SUCCESS;
}
_Static_assert(__builtin_offsetof(struct hv_input_write_gpa, data) ==
                       sizeof(struct hv_input_read_gpa),
               "the inputs begin alike");

enum hv_status hc_read_gpa(struct hypercall *call)
{
	return access_gpa(call, NPT_READ);
}

enum hv_status hc_write_gpa(struct hypercall *call)
{
	return access_gpa(call, NPT_WRITE);
}
