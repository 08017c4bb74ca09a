/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers by name: registers.h. Those in the vendor's control block: virt_ops.get_register. */
#include "hypervisor/kernel/registers.h"
#include <viridis/base/mem.h>
#include "hypervisor/arch/x86/context.h"
#include "hypervisor/kernel/apic.h"
#include "hypervisor/kernel/msr.h"
#include "hypervisor/kernel/partition.h"
#include "hypervisor/kernel/vp_register.h"

#define XSAVE_XMM_OFFSET 160
#define XSAVE_MMX_OFFSET 32

bool registers_is_suspend(uint32_t name)
{
	return name == HV_REGISTER_EXPLICIT_SUSPEND ||
	       name == HV_REGISTER_INTERCEPT_SUSPEND;
}

static uint64_t suspended(const struct vp *vp, uint32_t bit)
{
	return (__atomic_load_n(&vp->suspend, __ATOMIC_SEQ_CST) & bit) != 0;
}

/* x87 and SSE registers in the XSAVE area; the VP is stopped, so they are there. SDM1 13.4 */
static uint8_t *legacy_area(struct vp *vp, uint32_t name)
{
	uint8_t *area = vp->arch.extended_state;

	if (name >= HV_X64_REGISTER_XMM0 && name <= HV_X64_REGISTER_XMM15)
		return area + XSAVE_XMM_OFFSET + 16 * (name - HV_X64_REGISTER_XMM0);
	if (name >= HV_X64_REGISTER_FP_MMX0 && name <= HV_X64_REGISTER_FP_MMX7)
		return area + XSAVE_MMX_OFFSET + 16 * (name - HV_X64_REGISTER_FP_MMX0);
	if (name == HV_X64_REGISTER_FP_CONTROL_STATUS)
		return area;
	return name == HV_X64_REGISTER_XMM_CONTROL_STATUS ? area + 16 : NULL;
}

/* Synthetic registers are the MSRs under another name. */
static bool msr_of(uint32_t name, uint32_t *msr)
{
	static const struct {
		uint32_t first, last, msr;
	} ranges[] = {
		{ HV_X64_REGISTER_HYPERCALL, HV_X64_REGISTER_HYPERCALL,
		  HV_MSR_HYPERCALL },
		{ HV_REGISTER_GUEST_OS_ID, HV_REGISTER_GUEST_OS_ID, HV_MSR_GUEST_OS_ID },
		{ HV_REGISTER_VP_ASSIST_PAGE, HV_REGISTER_VP_ASSIST_PAGE,
		  HV_MSR_VP_ASSIST_PAGE },
		{ HV_REGISTER_REFERENCE_TSC, HV_REGISTER_REFERENCE_TSC,
		  HV_MSR_REFERENCE_TSC },
		{ HV_REGISTER_SINT0, HV_REGISTER_SINT15, HV_MSR_SINT0 },
		{ HV_REGISTER_SCONTROL, HV_REGISTER_EOM, HV_MSR_SCONTROL },
		{ HV_REGISTER_STIMER0_CONFIG, HV_REGISTER_STIMER3_COUNT,
		  HV_MSR_STIMER0_CONFIG },
	};

	for (unsigned int i = 0; i < ARRAY_COUNT(ranges); i++) {
		if (name >= ranges[i].first && name <= ranges[i].last) {
			*msr = ranges[i].msr + (name - ranges[i].first);
			return true;
		}
	}
	return false;
}

static uint64_t *plain_field(struct vp *vp, uint32_t name)
{
	if (name >= HV_X64_REGISTER_RAX && name <= HV_X64_REGISTER_R15)
		return &vp->arch.gpr[name - HV_X64_REGISTER_RAX];
	if (name >= HV_X64_REGISTER_DR0 && name <= HV_X64_REGISTER_DR3)
		return &vp->arch.dr[name - HV_X64_REGISTER_DR0];
	if (name == HV_X64_REGISTER_RIP)
		return &vp->arch.rip;
	if (name == HV_X64_REGISTER_RFLAGS)
		return &vp->arch.rflags;
	return name == HV_X64_REGISTER_XFEM ? &vp->arch.xcr0 : NULL;
}

static uint64_t pending_interruption(const struct vp *vp)
{
	const struct vp_event *event = &vp->reinject;

	if (!event->valid)
		return 0;
	return HV_PENDING_INTERRUPTION_VALID | (uint64_t)event->type << 1 |
	       (event->has_error ? HV_PENDING_INTERRUPTION_ERROR_VALID : 0) |
	       (uint64_t)event->vector << 16 | (uint64_t)event->error << 32;
}

static enum hv_status set_pending_interruption(struct vp *vp, uint64_t value)
{
	uint64_t type = HV_PENDING_INTERRUPTION_TYPE(value);
	uint64_t vector = HV_PENDING_INTERRUPTION_VECTOR(value);

	if (!(value & HV_PENDING_INTERRUPTION_VALID)) {
		vp->reinject.valid = false;
		return HV_STATUS_SUCCESS;
	}
	/* What the processor would refuse to inject is refused here. APM2 15.20 */
	if (vector > 255 || (type == EVENT_EXCEPTION && (vector > 31 || vector == 2)) ||
	    (type != EVENT_EXTERNAL && type != EVENT_NMI && type != EVENT_EXCEPTION &&
	     type != EVENT_SOFTWARE))
		return HV_STATUS_INVALID_REGISTER_VALUE;
	vp->reinject = (struct vp_event){
		.valid = true,
		.type = (enum event_type)type,
		.vector = (uint8_t)vector,
		.has_error = value & HV_PENDING_INTERRUPTION_ERROR_VALID,
		.error = (uint32_t)HV_PENDING_INTERRUPTION_ERROR(value)
	};
	return HV_STATUS_SUCCESS;
}

/* Registers that are kept in some form of our own. */
static uint64_t get_special(const struct vp *vp, uint32_t name, bool *known)
{
	*known = true;
	switch (name) {
	case HV_REGISTER_EXPLICIT_SUSPEND:
		return suspended(vp, SUSPEND_EXPLICIT);
	case HV_REGISTER_INTERCEPT_SUSPEND:
		return suspended(vp, SUSPEND_INTERCEPT);
	case HV_REGISTER_INTERNAL_ACTIVITY_STATE:
		return (suspended(vp, SUSPEND_STARTUP) ? HV_ACTIVITY_STARTUP_SUSPEND :
		                                         0) |
		       (vp->halted ? HV_ACTIVITY_HALT_SUSPEND : 0);
	case HV_REGISTER_PENDING_INTERRUPTION:
		return pending_interruption(vp);
	case HV_REGISTER_INTERRUPT_STATE:
		return (virt->interrupt_shadow(vp) ? 1u : 0u) |
		       (vp->nmi_blocked ? 2u : 0u);
	case HV_REGISTER_DELIVERABILITY_NOTIFICATIONS:
		return (uint64_t)vp->sint_notify << HV_DELIVERABILITY_SINT_SHIFT;
	case HV_X64_REGISTER_CR8:
		return vlapic_cr8(&vp->lapic);
	case HV_X64_REGISTER_APIC_BASE:
		return vp->lapic.base;
	case HV_X64_REGISTER_INITIAL_APIC_ID:
		return vp->lapic.config.apic_id;
	case HV_X64_REGISTER_TSC:
		return cpu_rdtsc() + vp->partition->tsc_offset;
	case HV_X64_REGISTER_TSC_AUX:
		return vp->arch.tsc_aux;
	default:
		*known = false;
		return 0;
	}
}

static enum hv_status set_suspend(struct vp *vp, uint32_t bit, uint64_t value)
{
	if (value > 1)
		return HV_STATUS_INVALID_REGISTER_VALUE;
	if (value)
		vp_suspend(vp, bit);
	else
		vp_resume(vp, bit);
	return HV_STATUS_SUCCESS;
}

static enum hv_status set_activity(struct vp *vp, uint64_t value)
{
	if (value & ~(HV_ACTIVITY_STARTUP_SUSPEND | HV_ACTIVITY_HALT_SUSPEND))
		return HV_STATUS_INVALID_REGISTER_VALUE;
	vp->halted = (value & HV_ACTIVITY_HALT_SUSPEND) != 0;
	if (value & HV_ACTIVITY_STARTUP_SUSPEND)
		vp_suspend(vp, SUSPEND_STARTUP);
	else
		vp_resume(vp, SUSPEND_STARTUP);
	return HV_STATUS_SUCCESS;
}

static enum hv_status set_special(struct vp *vp, uint32_t name, uint64_t value)
{
	bool good;

	switch (name) {
	case HV_REGISTER_EXPLICIT_SUSPEND:
		return set_suspend(vp, SUSPEND_EXPLICIT, value);
	case HV_REGISTER_INTERCEPT_SUSPEND:
		return set_suspend(vp, SUSPEND_INTERCEPT, value);
	case HV_REGISTER_INTERNAL_ACTIVITY_STATE:
		return set_activity(vp, value);
	case HV_REGISTER_PENDING_INTERRUPTION:
		return set_pending_interruption(vp, value);
	case HV_REGISTER_INTERRUPT_STATE:
		virt->set_interrupt_shadow(vp, value & 1);
		vp->nmi_blocked = (value & 2) != 0;
		virt->intercept_iret(vp, vp->nmi_blocked);
		return HV_STATUS_SUCCESS;
	case HV_REGISTER_DELIVERABILITY_NOTIFICATIONS:
		vp->sint_notify = (uint16_t)(value >> HV_DELIVERABILITY_SINT_SHIFT);
		return HV_STATUS_SUCCESS;
	case HV_X64_REGISTER_CR8:
		if (vlapic_set_cr8(&vp->lapic, value) != VLAPIC_OK)
			return HV_STATUS_INVALID_REGISTER_VALUE;
		virt->set_cr8(vp, (unsigned int)value);
		return HV_STATUS_SUCCESS;
	case HV_X64_REGISTER_APIC_BASE:
		good = apic_set_base(vp, value);
		return good ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_REGISTER_VALUE;
	case HV_X64_REGISTER_TSC_AUX:
		vp->arch.tsc_aux = (uint32_t)value;
		return HV_STATUS_SUCCESS;
	default:
		return HV_STATUS_INVALID_PARAMETER;
	}
}

enum hv_status registers_get(struct vp *vp, uint32_t name, union hv_register_value *value)
{
	const uint64_t *plain = plain_field(vp, name);
	const uint8_t *legacy = legacy_area(vp, name);
	uint32_t msr;
	bool known;

	*value = (union hv_register_value){ 0 };
	if (plain) {
		value->reg64 = *plain;
		return HV_STATUS_SUCCESS;
	}
	if (legacy) {
		memcpy(value, legacy, sizeof(*value));
		return HV_STATUS_SUCCESS;
	}
	if (msr_of(name, &msr))
		return msr_read_synthetic(vp, msr, &value->reg64) ?
		               HV_STATUS_SUCCESS :
		               HV_STATUS_INVALID_PARAMETER;
	value->reg64 = get_special(vp, name, &known);
	return known ? HV_STATUS_SUCCESS : virt->get_register(vp, name, value);
}

#define CR0_DEFINED                                                              \
	(CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | \
	 CR0_NW | CR0_CD | UINT64_C(CR0_PG))
#define CR4_DEFINED  UINT64_C(0x00f76fff)
#define EFER_DEFINED (EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE | EFER_FFXSR | EFER_TCE)

/* What makes the processor refuse to run the VP. APM2 15.5.1, "canonicalization and consistency checks" */
static bool control_is_valid(uint32_t name, uint64_t value)
{
	switch (name) {
	case HV_X64_REGISTER_CR0:
		return !(value & ~CR0_DEFINED) &&
		       (!(value & CR0_NW) || (value & CR0_CD)) &&
		       (!(value & CR0_PG) || (value & CR0_PE));
	case HV_X64_REGISTER_CR3:
		return !(value & bits_mask(52, 12));
	case HV_X64_REGISTER_CR4:
		return !(value & ~CR4_DEFINED);
	case HV_X64_REGISTER_EFER:
		return !(value & ~(uint64_t)EFER_DEFINED);
	case HV_X64_REGISTER_DR6:
	case HV_X64_REGISTER_DR7:
		return value <= UINT32_MAX;
	case HV_X64_REGISTER_XFEM:
		return (value & 1) && !(value & ~context_xcr0_allowed());
	default:
		return true;
	}
}

enum hv_status registers_set(struct vp *vp, uint32_t name,
                             const union hv_register_value *value)
{
	uint64_t *plain = plain_field(vp, name);
	uint8_t *legacy = legacy_area(vp, name);
	enum hv_status status;
	uint32_t msr;

	if (!control_is_valid(name, value->reg64))
		return HV_STATUS_INVALID_REGISTER_VALUE;
	if (plain) {
		*plain = value->reg64;
		return HV_STATUS_SUCCESS;
	}
	if (legacy) {
		memcpy(legacy, value, sizeof(*value));
		context_sanitize(vp);
		return HV_STATUS_SUCCESS;
	}
	if (msr_of(name, &msr))
		return msr_write_synthetic(vp, msr, value->reg64) ?
		               HV_STATUS_SUCCESS :
		               HV_STATUS_INVALID_REGISTER_VALUE;
	status = set_special(vp, name, value->reg64);
	return status == HV_STATUS_INVALID_PARAMETER ?
	               virt->set_register(vp, name, value) :
	               status;
}

void registers_fill_page(struct vp *vp)
{
	struct hv_register_page *page = vp->register_page;

	page->version = HV_REGISTER_PAGE_VERSION;
	page->dirty = 0;
	memcpy(page->gp, vp->arch.gpr, sizeof(page->gp));
	page->rip = vp->arch.rip;
	page->rflags = vp->arch.rflags;
	for (unsigned int i = 0; i < 6; i++)
		page->segment[i] = vp_register(vp, HV_X64_REGISTER_ES + i).segment;
	page->cr0 = vp_register(vp, HV_X64_REGISTER_CR0).reg64;
	page->cr3 = vp_register(vp, HV_X64_REGISTER_CR3).reg64;
	page->cr4 = vp_register(vp, HV_X64_REGISTER_CR4).reg64;
	page->efer = vp_register(vp, HV_X64_REGISTER_EFER).reg64;
	page->dr7 = vp_register(vp, HV_X64_REGISTER_DR7).reg64;
	page->cr8 = vlapic_cr8(&vp->lapic);
	page->xfem = vp->arch.xcr0;
	page->pending_interruption = pending_interruption(vp);
	page->interrupt_state = virt->interrupt_shadow(vp);
	page->valid = 1;
}

/* The parent may write to the page at any time: the dirty mask is fetched once. */
void registers_load_page(struct vp *vp)
{
	struct hv_register_page *page = vp->register_page;
	uint32_t dirty = __atomic_exchange_n(&page->dirty, 0, __ATOMIC_ACQUIRE);

	if (dirty & HV_REGISTER_PAGE_DIRTY_GP)
		memcpy(vp->arch.gpr, page->gp, sizeof(page->gp));
	if (dirty & HV_REGISTER_PAGE_DIRTY_RIP)
		vp->arch.rip = page->rip;
	if (dirty & HV_REGISTER_PAGE_DIRTY_RFLAGS)
		vp->arch.rflags = page->rflags;
	for (unsigned int i = 0; (dirty & HV_REGISTER_PAGE_DIRTY_SEGMENT) && i < 6; i++) {
		const union hv_register_value value = { .segment = page->segment[i] };

		(void)virt->set_register(vp, HV_X64_REGISTER_ES + i, &value);
	}
}
