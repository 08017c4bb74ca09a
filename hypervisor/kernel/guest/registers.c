/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers by name: registers.h. Those in the vendor's control block: virt_ops.get_register. */
#include "hypervisor/kernel/guest/registers.h"
#include <stddef.h>
#include <viridis/base/mem.h>
#include "hypervisor/arch/x86/context.h"
#include "hypervisor/kernel/delivery/apic.h"
#include "hypervisor/kernel/delivery/intercept.h"
#include "hypervisor/kernel/objects/guest_view.h"
#include "hypervisor/kernel/objects/partition.h"

#define XSAVE_XMM_OFFSET 160
#define XSAVE_MMX_OFFSET 32
#define ATTRIBUTE_LONG   BIT32(13)
#define ATTRIBUTE_BIG    BIT32(14)

/* Where a run of registers is: the rest are special, or the vendor's. */
enum place {
	FIELD,    /* 8 bytes each at this offset of struct vp */
	EXTENDED, /* 16 bytes each at this offset of the XSAVE area. SDM1 13.4 */
	SYNTHETIC /* the MSRs from this one on, under another name */
};

#define X64(name) HV_X64_REGISTER_##name
#define HV(name)  HV_REGISTER_##name
#define VP(field) offsetof(struct vp, field)

static const struct run {
	uint32_t first, last;
	enum place place;
	uint32_t at;
} runs[] = {
	{ X64(RAX), X64(R15), FIELD, VP(arch.gpr) },
	{ X64(RIP), X64(RIP), FIELD, VP(arch.rip) },
	{ X64(RFLAGS), X64(RFLAGS), FIELD, VP(arch.rflags) },
	{ X64(DR0), X64(DR3), FIELD, VP(arch.dr) },
	{ X64(XFEM), X64(XFEM), FIELD, VP(arch.xcr0) },
	{ X64(TSC_AUX), X64(TSC_AUX), FIELD, VP(arch.tsc_aux) },
	{ X64(XMM0), X64(XMM15), EXTENDED, XSAVE_XMM_OFFSET },
	{ X64(FP_MMX0), X64(FP_MMX7), EXTENDED, XSAVE_MMX_OFFSET },
	{ X64(FP_CONTROL_STATUS), X64(FP_CONTROL_STATUS), EXTENDED, 0 },
	{ X64(XMM_CONTROL_STATUS), X64(XMM_CONTROL_STATUS), EXTENDED, 16 },
	{ X64(APIC_TPR), X64(APIC_TPR), SYNTHETIC, HV_MSR_TPR },
	{ X64(HYPERCALL), X64(HYPERCALL), SYNTHETIC, HV_MSR_HYPERCALL },
	{ HV(GUEST_CRASH_P0), HV(GUEST_CRASH_P4), SYNTHETIC, HV_MSR_CRASH_P0 },
	{ HV(GUEST_OS_ID), HV(GUEST_OS_ID), SYNTHETIC, HV_MSR_GUEST_OS_ID },
	{ HV(VP_ASSIST_PAGE), HV(VP_ASSIST_PAGE), SYNTHETIC, HV_MSR_VP_ASSIST_PAGE },
	{ HV(REFERENCE_TSC), HV(REFERENCE_TSC), SYNTHETIC, HV_MSR_REFERENCE_TSC },
	{ HV(SINT0), HV(SINT15), SYNTHETIC, HV_MSR_SINT0 },
	{ HV(SCONTROL), HV(EOM), SYNTHETIC, HV_MSR_SCONTROL },
	{ HV(STIMER0_CONFIG), HV(STIMER3_COUNT), SYNTHETIC, HV_MSR_STIMER0_CONFIG },
};

static const struct run *find_run(uint32_t name)
{
	for (unsigned int i = 0; i < ARRAY_COUNT(runs); i++) {
		if (name >= runs[i].first && name <= runs[i].last)
			return &runs[i];
	}
	return NULL;
}

/* The VP is stopped: its XSAVE area is up to date. */
static void *memory_of(struct vp *vp, const struct run *run, uint32_t name)
{
	uint32_t index = name - run->first;

	return run->place == FIELD ?
	               (uint8_t *)vp + run->at + 8 * index :
	               (uint8_t *)vp->arch.extended_state + run->at + 16 * index;
}

uint32_t registers_suspend_bit(uint32_t name)
{
	if (name == HV_REGISTER_EXPLICIT_SUSPEND)
		return SUSPEND_EXPLICIT;
	return name == HV_REGISTER_INTERCEPT_SUSPEND ? SUSPEND_INTERCEPT : 0;
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
	if (vector > 255 ||
	    (type == EVENT_EXCEPTION &&
	     (vector > 31 || !(BIT32(vector) & EXCEPTIONS_INJECTABLE))) ||
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
static enum hv_status get_special(const struct vp *vp, uint32_t name,
                                  union hv_register_value *value)
{
	uint32_t suspend = __atomic_load_n(&vp->suspend, __ATOMIC_SEQ_CST);

	if (registers_suspend_bit(name)) { /* the VP may be running: nothing else of it */
		value->reg64 = (suspend & registers_suspend_bit(name)) != 0;
		return HV_STATUS_SUCCESS;
	}
	uint64_t activity = vp->halted ? HV_ACTIVITY_HALT_SUSPEND : 0;

	if (suspend & SUSPEND_STARTUP)
		activity |= HV_ACTIVITY_STARTUP_SUSPEND;
	const struct {
		uint64_t name, content;
	} own[] = {
		{ HV(INTERNAL_ACTIVITY_STATE), activity },
		{ HV(PENDING_INTERRUPTION), intercept_pending_event(vp) },
		{ HV(INTERRUPT_STATE), vp->arch.interrupt_shadow | vp->nmi_blocked << 1 },
		{ HV(DELIVERABILITY_NOTIFICATIONS),
		  (uint64_t)vp->sint_notify << HV_DELIVERABILITY_SINT_SHIFT |
		          (vp->interrupt_notify ? HV_DELIVERABILITY_INTERRUPT : 0) },
		{ X64(CR8), vlapic_cr8(&vp->lapic) },
		{ X64(APIC_BASE), vp->lapic.base },
		{ X64(INITIAL_APIC_ID), vp->lapic.config.apic_id },
		{ X64(TSC), partition_tsc(vp->partition) + vp->tsc_adjust },
	};

	for (unsigned int i = 0; i < ARRAY_COUNT(own); i++) {
		if (own[i].name == name) {
			value->reg64 = own[i].content;
			return HV_STATUS_SUCCESS;
		}
	}
	return virt->get_register(vp, name, value);
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

static enum hv_status accepted(bool good)
{
	return good ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_REGISTER_VALUE;
}

static enum hv_status set_special(struct vp *vp, uint32_t name,
                                  const union hv_register_value *content)
{
	uint64_t value = content->reg64;

	switch (name) {
	case HV_REGISTER_EXPLICIT_SUSPEND:
	case HV_REGISTER_INTERCEPT_SUSPEND:
		if (value == 1) /* taking it back is hc_set_vp_registers' business */
			vp_suspend(vp, registers_suspend_bit(name));
		return accepted(value == 1);
	case HV_REGISTER_INTERNAL_ACTIVITY_STATE:
		return set_activity(vp, value);
	case HV_REGISTER_PENDING_INTERRUPTION:
		return set_pending_interruption(vp, value);
	case HV_REGISTER_INTERRUPT_STATE:
		vp->arch.interrupt_shadow = value & 1;
		vp->nmi_blocked = (value & 2) != 0;
		vp->nmi_returning = false;
		return HV_STATUS_SUCCESS;
	case HV_REGISTER_DELIVERABILITY_NOTIFICATIONS:
		vp->sint_notify = (uint16_t)(value >> HV_DELIVERABILITY_SINT_SHIFT);
		vp->interrupt_notify = value & HV_DELIVERABILITY_INTERRUPT;
		return HV_STATUS_SUCCESS;
	case HV_X64_REGISTER_CR8:
		return accepted(vlapic_set_cr8(&vp->lapic, value));
	case HV_X64_REGISTER_TSC:
		vp_adjust_tsc(vp, value - partition_tsc(vp->partition));
		return HV_STATUS_SUCCESS;
	case HV_X64_REGISTER_APIC_BASE:
		return accepted(apic_set_base(vp, value));
	default:
		return virt->set_register(vp, name, content);
	}
}

enum hv_status registers_get(struct vp *vp, uint32_t name, union hv_register_value *value)
{
	const struct run *run = find_run(name);

	*value = (union hv_register_value){ 0 };
	if (!run)
		return get_special(vp, name, value);
	if (run->place == SYNTHETIC)
		value->reg64 = msr_synthetic(vp, run->at + (name - run->first));
	else
		memcpy(value, memory_of(vp, run, name), run->place == FIELD ? 8 : 16);
	return HV_STATUS_SUCCESS;
}

#define CR0_DEFINED                                                              \
	(CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | \
	 CR0_NW | CR0_CD | UINT64_C(CR0_PG))

/* Each byte a memory type: UC, WC, WT, WP, WB, UC-. APM2 7.8.2 */
static bool pat_is_valid(uint64_t pat)
{
	for (; pat; pat >>= 8) {
		if ((pat & 0xf8) || (pat & 0xff) == 2 || (pat & 0xff) == 3)
			return false;
	}
	return true;
}

/* What makes the processor refuse to run the VP. APM2 15.5.1, "canonicalization and consistency checks" */
static bool is_valid(uint32_t name, const union hv_register_value *content)
{
	const uint32_t both = ATTRIBUTE_LONG | ATTRIBUTE_BIG;
	uint64_t value = content->reg64;

	switch (name) {
	case HV_X64_REGISTER_CR0:
		return !(value & ~CR0_DEFINED) &&
		       (!(value & CR0_NW) || (value & CR0_CD)) &&
		       (!(value & CR0_PG) || (value & CR0_PE));
	case HV_X64_REGISTER_CR3:
		return !(value & ~context_cr3_allowed);
	case HV_X64_REGISTER_CR4:
		return !(value & ~context_cr4_allowed);
	case HV_X64_REGISTER_EFER:
		return !(value & ~(context_efer_allowed | EFER_LMA));
	case HV_X64_REGISTER_PAT:
		return pat_is_valid(value);
	case HV_X64_REGISTER_DR6:
	case HV_X64_REGISTER_DR7:
	case HV_X64_REGISTER_TSC_AUX:
		return value <= UINT32_MAX;
	case HV_X64_REGISTER_XFEM:
		return context_xcr0_is_valid(value);
	case HV_X64_REGISTER_CS:
		if ((content->segment.attributes & both) == both)
			return false;
		return guest_is_canonical(content->segment.base, 4);
	case HV_X64_REGISTER_ES:
	case HV_X64_REGISTER_SS ... HV_X64_REGISTER_TR:
		return guest_is_canonical(content->segment.base, 4);
	case HV_X64_REGISTER_IDTR:
	case HV_X64_REGISTER_GDTR:
		return guest_is_canonical(content->table.base, 4);
	default:
		return true;
	}
}

enum hv_status registers_set(struct vp *vp, uint32_t name,
                             const union hv_register_value *value)
{
	const struct run *run = find_run(name);

	if (!is_valid(name, value))
		return HV_STATUS_INVALID_REGISTER_VALUE;
	if (!run)
		return set_special(vp, name, value);
	if (run->place == SYNTHETIC)
		return accepted(msr_write_synthetic(vp, run->at + (name - run->first),
		                                    value->reg64));
	memcpy(memory_of(vp, run, name), value, run->place == FIELD ? 8 : 16);
	if (run->place == EXTENDED)
		context_sanitize(vp);
	return HV_STATUS_SUCCESS;
}

/* The parent may write to the page at any time: the dirty mask is fetched once. */
void registers_load_page(struct vp *vp)
{
	struct hv_register_page *page = vp->register_page;
	uint32_t dirty = __atomic_exchange_n(&page->dirty, 0, __ATOMIC_ACQUIRE);

	if (dirty & HV_REGISTER_PAGE_DIRTY_GP)
		memcpy(vp->arch.gpr, page->gp, sizeof(page->gp));
	if (dirty & HV_REGISTER_PAGE_DIRTY_RIP) {
		vp->arch.rip = page->rip;
		vp->arch.interrupt_shadow = false;
	}
	if (dirty & HV_REGISTER_PAGE_DIRTY_RFLAGS)
		vp->arch.rflags = page->rflags;
	for (unsigned int i = 0; (dirty & HV_REGISTER_PAGE_DIRTY_SEGMENT) && i < 6; i++) {
		const union hv_register_value value = { .segment = page->segment[i] };

		(void)!registers_set(vp, HV_X64_REGISTER_ES + i,
		                     &value); /* or it stays */
	}
}
