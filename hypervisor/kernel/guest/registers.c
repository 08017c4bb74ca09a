/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The registers of a VP: one table says of each what it is called, where it is, and who may reach it as an
 * MSR. Names: TLFS 7.10.1; synthetic MSRs: TLFS appendix F.
 */
#include "hypervisor/kernel/guest/registers.h"
#include <viridis/base/mem.h>
#include "hypervisor/arch/x86/context.h"
#include "hypervisor/arch/x86/time.h"
#include "hypervisor/kernel/delivery/apic.h"
#include "hypervisor/kernel/delivery/intercept.h"
#include "hypervisor/kernel/delivery/message.h"
#include "hypervisor/kernel/objects/guest_view.h"
#include "hypervisor/kernel/objects/overlay.h"
#include "hypervisor/kernel/objects/partition.h"

enum home {
	HOME_NONE,      /* read_computed() makes it, write() takes it apart */
	HOME_VENDOR,    /* virt_ops.get_register */
	HOME_VP,        /* 8 bytes each, in struct vp */
	HOME_PARTITION, /* 8 bytes each, in its struct partition */
	HOME_XSAVE,     /* 16 bytes each, in its XSAVE area. SDM1 13.4 */
};

/* Bits that may be set. */
static const uint64_t bit_0 = 1, bits_1_0 = 3, bits_31_0 = 0xffffffff;
static const uint64_t mtrr_defined = 0xcff; /* enabled, fixed ones too; the type */
static const uint64_t cr0_defined = CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE |
                                    CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG;

#define X64(name)      HV_X64_REGISTER_##name
#define HV(name)       HV_REGISTER_##name
#define BOTH(name)     HV_REGISTER_##name, HV_MSR_##name
#define NAMELESS(name) HV_MSR_##name, HV_MSR_##name
#define COMPUTED       HOME_NONE, 0
#define VENDOR         HOME_VENDOR, 0
#define VP(member)     HOME_VP, offsetof(struct vp, member)
#define SHARED(member) HOME_PARTITION, offsetof(struct partition, member)
#define XSAVE(offset)  HOME_XSAVE, offset
#define WITH(name)     HV_PRIVILEGE_##name
#define ALL            0

/*
 * One, or `count` whose names, MSRs and places follow each other. Those that are MSRs come first, and of them
 * those that guests access often; last those that a parent sets whenever it resumes a VP.
 */
static const struct row {
	uint32_t name; /* of TLFS, or the MSR's number where it has none */
	uint32_t msr;  /* 0: it is no MSR, nor are those that follow */
	uint16_t count, home;
	uint32_t at;
	uint64_t privilege; /* what a guest needs to reach the MSR */
	/* Bits that may be set; NULL: any. Where there are none, there is no such register. */
	const uint64_t *allowed;
} rows[] = {
	{ NAMELESS(TIME_REF_COUNT), 1, COMPUTED, WITH(TIME_REF_COUNT), NULL },
	{ NAMELESS(EOI), 1, COMPUTED, WITH(APIC_MSRS), NULL },
	{ NAMELESS(ICR), 1, VP(lapic.icr_low), WITH(APIC_MSRS), NULL },
	{ X64(APIC_TPR), HV_MSR_TPR, 1, COMPUTED, WITH(APIC_MSRS), NULL },
	{ BOTH(STIMER0_CONFIG), 8, COMPUTED, WITH(STIMER), NULL },
	{ BOTH(SCONTROL), 5, VP(synic.registers), WITH(SYNIC), NULL },
	{ BOTH(SINT0), 16, VP(synic.sint), WITH(SYNIC), NULL },
	{ BOTH(VP_ASSIST_PAGE), 1, VP(assist_msr), WITH(APIC_MSRS), NULL },
	{ BOTH(GUEST_OS_ID), 1, SHARED(guest_os_id), WITH(HYPERCALL_MSRS), NULL },
	{ X64(HYPERCALL), HV_MSR_HYPERCALL, 1, SHARED(hypercall_msr),
	  WITH(HYPERCALL_MSRS), NULL },
	{ BOTH(REFERENCE_TSC), 1, SHARED(reference_tsc_msr), WITH(REFERENCE_TSC), NULL },
	{ NAMELESS(VP_INDEX), 1, COMPUTED, WITH(VP_INDEX), NULL },
	{ NAMELESS(VP_RUNTIME), 1, COMPUTED, WITH(VP_RUNTIME), NULL },
	{ NAMELESS(TSC_FREQUENCY), 2, COMPUTED, WITH(FREQUENCY_MSRS), NULL },
	{ NAMELESS(RESET), 1, COMPUTED, WITH(RESET), NULL },
	{ HV(GUEST_CRASH_P0), HV_MSR_CRASH_P0, 5, VP(crash), ALL, NULL },
	{ NAMELESS(CRASH_CTL), 1, COMPUTED, ALL, NULL },
	{ NAMELESS(TSC_INVARIANT_CONTROL), 1, SHARED(invariant_tsc), WITH(TSC_INVARIANT),
	  &bit_0 },
	{ X64(EFER), MSR_EFER, 1, VENDOR, ALL, &context_efer_allowed },
	{ X64(PAT), MSR_PAT, 1, VENDOR, ALL, NULL },
	{ X64(TSC), MSR_TSC, 1, COMPUTED, ALL, NULL },
	{ X64(TSC_AUX), MSR_TSC_AUX, 1, VP(arch.tsc_aux), ALL, &context_tsc_aux_allowed },
	{ X64(SPEC_CTRL), MSR_SPEC_CTRL, 1, VP(arch.spec_ctrl), ALL,
	  &context_spec_ctrl_allowed },
	{ X64(APIC_BASE), MSR_APIC_BASE, 1, VP(lapic.base), ALL, NULL },
	{ X64(MTRR_DEF_TYPE), MSR_MTRR_DEF_TYPE, 1, VP(mtrr_def_type), ALL,
	  &mtrr_defined },
	{ X64(RFLAGS), 0, 1, VP(arch.rflags), ALL, NULL },
	{ X64(ES), 0, 8, VENDOR, ALL, NULL },   /* to TR */
	{ X64(IDTR), 0, 2, VENDOR, ALL, NULL }, /* and GDTR */
	{ X64(CR0), 0, 1, VENDOR, ALL, &cr0_defined },
	{ X64(CR2), 0, 1, VENDOR, ALL, NULL },
	{ X64(CR3), 0, 1, VENDOR, ALL, &context_cr3_allowed },
	{ X64(CR4), 0, 1, VENDOR, ALL, &context_cr4_allowed },
	{ X64(CR8), 0, 1, COMPUTED, ALL, NULL },
	{ X64(XFEM), 0, 1, VP(arch.xcr0), ALL, NULL },
	{ X64(DR0), 0, 4, VP(arch.dr), ALL, NULL },
	{ X64(DR6), 0, 2, VENDOR, ALL, &bits_31_0 }, /* and DR7 */
	{ X64(KERNEL_GS_BASE), 0, 1, VENDOR, ALL, NULL },
	{ X64(SYSENTER_CS), 0, 7, VENDOR, ALL, NULL }, /* to SFMASK */
	{ X64(XMM0), 0, 16, XSAVE(160), ALL, NULL },
	{ X64(FP_MMX0), 0, 8, XSAVE(32), ALL, NULL },
	{ X64(FP_CONTROL_STATUS), 0, 2, XSAVE(0), ALL, NULL }, /* and that of XMM */
	{ X64(INITIAL_APIC_ID), 0, 1, COMPUTED, ALL, NULL },
	/* Kept for the parent: a child has no ranges of its own, and is told of none. */
	{ X64(MTRR_CAP), 0, 1, COMPUTED, ALL, NULL },
	{ X64(MTRR_BASE0), 0, 16, VP(mtrr_base), ALL, NULL },
	{ X64(MTRR_MASK0), 0, 16, VP(mtrr_mask), ALL, NULL },
	{ X64(MTRR_FIX64K_00000), 0, 11, VP(mtrr_fixed), ALL, NULL },
	{ HV(INTERNAL_ACTIVITY_STATE), 0, 1, COMPUTED, ALL, &bits_1_0 },
	{ HV(PENDING_INTERRUPTION), 0, 1, COMPUTED, ALL, NULL },
	{ HV(PENDING_EVENT0), 0, 1, COMPUTED, ALL, NULL },
	{ HV(INTERRUPT_STATE), 0, 1, COMPUTED, ALL, NULL },
	{ HV(DELIVERABILITY_NOTIFICATIONS), 0, 1, COMPUTED, ALL, NULL },
	{ X64(RAX), 0, 16, VP(arch.gpr), ALL, NULL },
	{ X64(RIP), 0, 1, VP(arch.rip), ALL, NULL },
	{ HV(EXPLICIT_SUSPEND), 0, 2, COMPUTED, ALL, &bit_0 }, /* and INTERCEPT_SUSPEND */
};

static const struct row *find_by_name(uint32_t name)
{
	for (const struct row *row = rows + ARRAY_COUNT(rows); row-- > rows;)
		if (name - row->name < row->count)
			return row;
	return NULL;
}

/* NULL, too, for one that this machine lacks. */
static const struct row *find_by_msr(uint32_t msr)
{
	for (const struct row *row = rows; row->msr != 0; row++)
		if (msr - row->msr < row->count)
			return !row->allowed || *row->allowed ? row : NULL;
	return NULL;
}

/* The VP is stopped, or asks itself. */
static uint64_t *content_of(struct vp *vp, const struct row *row, uint32_t name)
{
	uint32_t bytes = row->home == HOME_XSAVE ? 16 : 8;
	void *owner = row->home == HOME_XSAVE     ? vp->arch.extended_state :
	              row->home == HOME_PARTITION ? (void *)vp->partition :
	                                            vp;

	return (uint64_t *)((uint8_t *)owner + row->at + bytes * (name - row->name));
}

uint32_t registers_suspend_bit(uint32_t name)
{
	if (name == HV_REGISTER_EXPLICIT_SUSPEND)
		return SUSPEND_EXPLICIT;
	return name == HV_REGISTER_INTERCEPT_SUSPEND ? SUSPEND_INTERCEPT : 0;
}

static uint64_t activity(const struct vp *vp, uint32_t suspend)
{
	return (vp->halted ? HV_ACTIVITY_HALT_SUSPEND : 0) |
	       (suspend & SUSPEND_STARTUP ? HV_ACTIVITY_STARTUP_SUSPEND : 0);
}

static uint64_t read_computed(const struct vp *vp, uint32_t name)
{
	const struct vlapic *lapic = &vp->lapic;
	uint32_t suspend = __atomic_load_n(&vp->suspend, __ATOMIC_SEQ_CST);

	switch (name) {
	case HV_MSR_TIME_REF_COUNT:
		return partition_reference_time(vp->partition);
	case HV_REGISTER_STIMER0_CONFIG ... HV_REGISTER_STIMER3_COUNT:
		return stimers_read(&vp->stimers, HV_MSR_STIMER0_CONFIG + name -
		                                          HV_REGISTER_STIMER0_CONFIG);
	case HV_MSR_VP_INDEX:
		return vp->index;
	case HV_MSR_VP_RUNTIME:
		return tsc_to_100ns(vp->stats[VIRIDIS_VP_STAT_GUEST_TICKS] +
		                    vp->stats[VIRIDIS_VP_STAT_HYPERVISOR_TICKS]);
	case HV_MSR_TSC_FREQUENCY:
		return tsc_hz;
	case HV_MSR_APIC_FREQUENCY:
		return tsc_hz / lapic->config.clock_per_tick;
	case HV_MSR_CRASH_CTL:
		return HV_CRASH_NOTIFY | HV_CRASH_MESSAGE;
	case HV_X64_REGISTER_TSC:
		return partition_tsc(vp->partition) + vp->tsc_adjust;
	case HV_X64_REGISTER_APIC_TPR:
		return lapic->tpr;
	case HV_X64_REGISTER_CR8:
		return vlapic_cr8(lapic);
	case HV_X64_REGISTER_INITIAL_APIC_ID:
		return lapic->config.apic_id;
	case HV_REGISTER_EXPLICIT_SUSPEND:
	case HV_REGISTER_INTERCEPT_SUSPEND:
		return (suspend & registers_suspend_bit(name)) != 0;
	case HV_REGISTER_INTERNAL_ACTIVITY_STATE:
		return activity(vp, suspend);
	case HV_REGISTER_PENDING_INTERRUPTION:
		return intercept_pending_event(vp);
	case HV_REGISTER_INTERRUPT_STATE:
		return vp->arch.interrupt_shadow | vp->arch.nmi_blocked << 1;
	case HV_REGISTER_DELIVERABILITY_NOTIFICATIONS:
		return (uint64_t)vp->sint_notify << HV_DELIVERABILITY_SINT_SHIFT |
		       (vp->interrupt_notify ? HV_DELIVERABILITY_INTERRUPT : 0);
	default: /* HV_MSR_RESET, HV_MSR_EOI, MTRR_CAP, PENDING_EVENT0, which is taken at once */
		return 0;
	}
}

/* Its low half, which is all of those that are MSRs. */
static uint64_t read_row(struct vp *vp, const struct row *row, uint32_t name)
{
	if (row->home == HOME_NONE)
		return read_computed(vp, name);
	if (row->home == HOME_VENDOR)
		return vp_register(vp, name).reg64;
	return *content_of(vp, row, name);
}

/* What the processor would refuse to inject is refused here. APM2 15.20 */
static bool set_pending_interruption(struct vp *vp, uint64_t value)
{
	uint64_t type = HV_PENDING_INTERRUPTION_TYPE(value);
	uint64_t vector = HV_PENDING_INTERRUPTION_VECTOR(value);
	bool valid = (value & HV_PENDING_INTERRUPTION_VALID) != 0;

	if (valid && (vector > 255 ||
	              (type == EVENT_EXCEPTION &&
	               (vector > 31 || !(BIT32(vector) & EXCEPTIONS_INJECTABLE))) ||
	              (type != EVENT_EXTERNAL && type != EVENT_NMI &&
	               type != EVENT_EXCEPTION && type != EVENT_SOFTWARE)))
		return false;
	vp->entry.event = (struct vp_event){
		.valid = valid,
		.type = (enum event_type)type,
		.vector = (uint8_t)vector,
		.has_error = value & HV_PENDING_INTERRUPTION_ERROR_VALID,
		.error = (uint32_t)HV_PENDING_INTERRUPTION_ERROR(value)
	};
	return true;
}

/* An exception that the parent raises. A value without the valid bit does not take an earlier one back. */
static bool set_pending_event(struct vp *vp, uint64_t value)
{
	uint64_t exception = (value & ~bits_mask(1, 8)) | EVENT_EXCEPTION << 1 |
	                     (value & HV_PENDING_EVENT_ERROR_VALID ?
	                              HV_PENDING_INTERRUPTION_ERROR_VALID :
	                              0);

	if (!(value & HV_PENDING_EVENT_VALID))
		return true;
	return HV_PENDING_INTERRUPTION_TYPE(value) == HV_PENDING_EVENT_EXCEPTION &&
	       set_pending_interruption(vp, exception);
}

static void set_activity(struct vp *vp, uint64_t value)
{
	vp->halted = (value & HV_ACTIVITY_HALT_SUSPEND) != 0;
	if (value & HV_ACTIVITY_STARTUP_SUSPEND)
		vp_suspend(vp, SUSPEND_STARTUP);
	else
		vp_resume(vp, SUSPEND_STARTUP);
}

/* A page register that cannot be shown (no table left for it) keeps its old value. */
static bool show(struct vp *vp, enum overlay which, uint64_t *msr, uint64_t value)
{
	return overlay_set(vp, &vp->overlays[which], msr, value, NPT_READ | NPT_WRITE);
}

static bool write_synic(struct vp *vp, uint32_t msr, uint64_t value)
{
	struct synic *synic = &vp->synic, before = *synic;
	uint16_t rescan;

	if (!synic_write(synic, msr, value, &rescan))
		return false;
	if ((msr == HV_MSR_SIMP && !show(vp, OVERLAY_SIMP, &synic->simp, synic->simp)) ||
	    (msr == HV_MSR_SIEFP &&
	     !show(vp, OVERLAY_SIEFP, &synic->siefp, synic->siefp))) {
		*synic = before;
		return false;
	}
	messages_retry(vp, rescan);
	return true;
}

static bool write_stimer(struct vp *vp, uint32_t msr, uint64_t value)
{
	uint64_t now = partition_reference_time(vp->partition);

	if (!stimers_write(&vp->stimers, msr, value, now))
		return false;
	if (stimers_deadline(&vp->stimers) <= now)
		vp_raise(vp, EVENTS_TIMER); /* it expires before the guest goes on */
	else
		vp_update_deadline(vp);
	return true;
}

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
	const uint32_t both = SEGMENT_LONG | SEGMENT_BIG;
	uint64_t value = content->reg64;

	switch (name) {
	case HV_X64_REGISTER_CR0:
		return (!(value & CR0_NW) || (value & CR0_CD)) &&
		       (!(value & CR0_PG) || (value & CR0_PE));
	case HV_X64_REGISTER_PAT:
		return pat_is_valid(value);
	case HV_X64_REGISTER_XFEM:
		return context_xcr0_is_valid(value);
	case HV_X64_REGISTER_ES ... HV_X64_REGISTER_TR:
		return guest_is_canonical(content->segment.base, 4) &&
		       (name != HV_X64_REGISTER_CS ||
		        (content->segment.attributes & both) != both);
	case HV_X64_REGISTER_IDTR:
	case HV_X64_REGISTER_GDTR:
		return guest_is_canonical(content->table.base, 4);
	default:
		return true;
	}
}

/* Those that are kept in some form of our own, or do something. Others are stored. False: a bad value. */
static bool write_row(struct vp *vp, const struct row *row, uint32_t name,
                      const union hv_register_value *content)
{
	struct partition *partition = vp->partition;
	uint32_t msr = row->msr + (name - row->name);
	uint64_t value = content->reg64;

	if ((row->allowed && (value & ~*row->allowed)) || !is_valid(name, content))
		return false;
	switch (name) {
	case HV_MSR_EOI: /* whatever is written */
		return apic_write(vp, VLAPIC_SYNTHETIC, VLAPIC_EOI, 0);
	case HV_MSR_ICR:
		return apic_write(vp, VLAPIC_SYNTHETIC, VLAPIC_ICR, value);
	case HV_X64_REGISTER_APIC_TPR:
		return apic_write(vp, VLAPIC_SYNTHETIC, VLAPIC_TPR, value);
	case HV_X64_REGISTER_CR8:
		return vlapic_set_cr8(&vp->lapic, value);
	case HV_X64_REGISTER_APIC_BASE:
		return apic_set_base(vp, value);
	case HV_REGISTER_STIMER0_CONFIG ... HV_REGISTER_STIMER3_COUNT:
		return write_stimer(vp, msr, value);
	case HV_REGISTER_SINT0 ... HV_REGISTER_EOM:
		return write_synic(vp, msr, value);
	case HV_REGISTER_VP_ASSIST_PAGE:
		return show(vp, OVERLAY_ASSIST, &vp->assist_msr, value);
	case HV_REGISTER_GUEST_OS_ID:
		return overlay_set_guest_os_id(vp, value);
	case HV_X64_REGISTER_HYPERCALL:
		return overlay_set_hypercall(vp, value);
	case HV_REGISTER_REFERENCE_TSC:
		return overlay_set(vp, &partition->tsc_overlay,
		                   &partition->reference_tsc_msr, value, NPT_READ);
	case HV_MSR_TSC_INVARIANT_CONTROL: /* once on it stays on */
		__atomic_fetch_or(&partition->invariant_tsc, value, __ATOMIC_RELAXED);
		return true;
	case HV_MSR_RESET:
		if (value & 1)
			vp_raise(vp, EVENTS_SHUTDOWN);
		return true;
	case HV_MSR_CRASH_CTL:
		return true;
	case HV_X64_REGISTER_TSC:
		vp_adjust_tsc(vp, value - partition_tsc(partition));
		return true;
	case HV_REGISTER_EXPLICIT_SUSPEND:
	case HV_REGISTER_INTERCEPT_SUSPEND:
		if (value == 1) /* taking it back is hc_set_vp_registers' business */
			vp_suspend(vp, registers_suspend_bit(name));
		return value == 1;
	case HV_REGISTER_INTERNAL_ACTIVITY_STATE:
		set_activity(vp, value);
		return true;
	case HV_REGISTER_PENDING_INTERRUPTION:
		return set_pending_interruption(vp, value);
	case HV_REGISTER_PENDING_EVENT0:
		return set_pending_event(vp, value);
	case HV_REGISTER_INTERRUPT_STATE:
		vp->arch.interrupt_shadow = value & HV_INTERRUPT_STATE_SHADOW;
		vp->arch.nmi_blocked = (value & HV_INTERRUPT_STATE_NMI) != 0;
		vp->arch.nmi_returning = false;
		return true;
	case HV_REGISTER_DELIVERABILITY_NOTIFICATIONS:
		vp->sint_notify = (uint16_t)(value >> HV_DELIVERABILITY_SINT_SHIFT);
		vp->interrupt_notify = value & HV_DELIVERABILITY_INTERRUPT;
		return true;
	}
	if (row->home == HOME_NONE)
		return false; /* read-only */
	if (row->home == HOME_VENDOR)
		virt->set_register(vp, name, content);
	else
		*content_of(vp, row, name) = value;
	if (row->home == HOME_XSAVE) {
		content_of(vp, row, name)[1] = content->reg128[1];
		context_sanitize(vp);
	}
	return true;
}

/* Where a row's name is not the TLFS's it is an MSR's number, and parents do not reach the register. */
static const struct row *find_named(uint32_t name)
{
	return name < HV_MSR_GUEST_OS_ID ? find_by_name(name) : NULL;
}

enum hv_status registers_get(struct vp *vp, uint32_t name, union hv_register_value *value)
{
	const struct row *row = find_named(name);

	if (!row)
		return HV_STATUS_INVALID_PARAMETER;
	if (row->home == HOME_VENDOR)
		*value = vp_register(vp, name);
	else
		*value = (union hv_register_value){ .reg64 = read_row(vp, row, name) };
	if (row->home == HOME_XSAVE)
		value->reg128[1] = content_of(vp, row, name)[1];
	return HV_STATUS_SUCCESS;
}

enum hv_status registers_set(struct vp *vp, uint32_t name,
                             const union hv_register_value *value)
{
	const struct row *row = find_named(name);

	if (!row)
		return HV_STATUS_INVALID_PARAMETER;
	/* Time is the partition's, and does not go back to what the parent read a while ago. D13 */
	if (name == HV_X64_REGISTER_TSC) {
		partition_advance(vp->partition, value->reg64 - vp->tsc_adjust);
		return HV_STATUS_SUCCESS;
	}
	return write_row(vp, row, name, value) ? HV_STATUS_SUCCESS :
	                                         HV_STATUS_INVALID_REGISTER_VALUE;
}

bool registers_have_msr(uint32_t msr)
{
	return find_by_msr(msr) != NULL;
}

static bool is_open(const struct vp *vp, const struct row *row)
{
	return row && (row->privilege & ~vp->partition->privileges) == 0;
}

bool registers_read_msr(struct vp *vp, uint32_t msr, uint64_t *value)
{
	const struct row *row = find_by_msr(msr);

	if (!is_open(vp, row) || msr == HV_MSR_EOI)
		return false;
	*value = read_row(vp, row, row->name + (msr - row->msr));
	return true;
}

bool registers_write_msr(struct vp *vp, uint32_t msr, uint64_t value)
{
	const union hv_register_value content = { .reg64 = value };
	const struct row *row = find_by_msr(msr);

	return is_open(vp, row) &&
	       write_row(vp, row, row->name + (msr - row->msr), &content);
}

/* The parent may write to the page at any time: the dirty mask is fetched once. */
void registers_load_page(struct vp *vp)
{
	struct hv_register_page *page = vp->register_page;
	uint32_t dirty = __atomic_exchange_n(&page->dirty, 0, __ATOMIC_ACQUIRE);

	if (dirty & HV_REGISTER_PAGE_DIRTY_GP)
		memcpy(vp->arch.gpr, page->gp, sizeof(page->gp));
	else if (dirty & HV_REGISTER_PAGE_DIRTY_RAX)
		vp->arch.gpr[GPR_RAX] = page->gp[GPR_RAX];
	if (dirty & HV_REGISTER_PAGE_DIRTY_RIP) {
		vp->arch.rip = page->rip;
		vp->arch.interrupt_shadow = false;
	}
	if (dirty & HV_REGISTER_PAGE_DIRTY_RFLAGS)
		vp->arch.rflags = page->rflags;
	for (unsigned int i = 0; (dirty & HV_REGISTER_PAGE_DIRTY_SEGMENT) && i < 6; i++) {
		const union hv_register_value value = { .segment = page->segment[i] };

		/* Or it stays. */
		(void)!registers_set(vp, HV_X64_REGISTER_ES + i, &value);
	}
}
