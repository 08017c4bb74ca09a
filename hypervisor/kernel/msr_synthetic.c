/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Synthetic MSRs. TLFS appendix F; each group is opened by a privilege of the partition. */
#include <viridis/abi/hv_msr.h>
#include <viridis/base/mem.h>
#include "hypervisor/arch/x86/cpu.h"
#include "hypervisor/arch/x86/time.h"
#include "hypervisor/kernel/apic.h"
#include "hypervisor/kernel/crash.h"
#include "hypervisor/kernel/msr.h"
#include "hypervisor/kernel/overlay.h"
#include "hypervisor/kernel/partition.h"
#include "hypervisor/kernel/synthetic_timer.h"

#define APIC_CLOCK_PER_TICK(vp) ((vp)->lapic.config.clock_per_tick)

struct msr_group {
	uint32_t first, last;
	uint64_t privilege;
	bool (*read)(struct vp *vp, uint32_t msr, uint64_t *value);
	bool (*write)(struct vp *vp, uint32_t msr, uint64_t value);
};

static bool read_only(struct vp *vp, uint32_t msr, uint64_t value)
{
	(void)vp, (void)msr, (void)value;
	return false;
}

static bool read_hypercall(struct vp *vp, uint32_t msr, uint64_t *value)
{
	const struct partition *partition = vp->partition;

	*value = msr == HV_MSR_GUEST_OS_ID ? partition->guest_os_id :
	                                     partition->hypercall_msr;
	return true;
}

static bool write_hypercall(struct vp *vp, uint32_t msr, uint64_t value)
{
	return msr == HV_MSR_GUEST_OS_ID ? overlay_set_guest_os_id(vp->partition, value) :
	                                   overlay_set_hypercall(vp->partition, value);
}

static bool read_vp_index(struct vp *vp, uint32_t msr, uint64_t *value)
{
	(void)msr;
	*value = vp->index;
	return true;
}

static bool read_reset(struct vp *vp, uint32_t msr, uint64_t *value)
{
	(void)vp, (void)msr;
	*value = 0;
	return true;
}

static bool write_reset(struct vp *vp, uint32_t msr, uint64_t value)
{
	(void)msr;
	if (value & 1)
		vp_triple_fault(vp);
	return true;
}

static bool read_runtime(struct vp *vp, uint32_t msr, uint64_t *value)
{
	(void)msr;
	*value = tsc_to_100ns(vp->stats[VIRIDIS_VP_STAT_GUEST_TICKS] +
	                      vp->stats[VIRIDIS_VP_STAT_HYPERVISOR_TICKS]);
	return true;
}

static bool read_ref_count(struct vp *vp, uint32_t msr, uint64_t *value)
{
	(void)msr;
	*value = partition_reference_time(vp->partition);
	return true;
}

static bool read_reference_tsc(struct vp *vp, uint32_t msr, uint64_t *value)
{
	(void)msr;
	*value = vp->partition->reference_tsc_msr;
	return true;
}

static bool write_reference_tsc(struct vp *vp, uint32_t msr, uint64_t value)
{
	(void)msr;
	return overlay_set_reference_tsc(vp->partition, value);
}

static bool read_frequency(struct vp *vp, uint32_t msr, uint64_t *value)
{
	*value = msr == HV_MSR_TSC_FREQUENCY ? tsc_hz() :
	                                       tsc_hz() / APIC_CLOCK_PER_TICK(vp);
	return true;
}

static bool read_apic(struct vp *vp, uint32_t msr, uint64_t *value)
{
	if (msr == HV_MSR_EOI)
		return false;
	if (msr == HV_MSR_ICR)
		*value = (uint64_t)vp->lapic.icr_high << 32 | vp->lapic.icr_low;
	else
		*value = msr == HV_MSR_TPR ? vp->lapic.tpr : vp->assist_msr;
	return true;
}

static bool write_tpr(struct vp *vp, uint64_t value)
{
	if (value > 0xff || vlapic_set_cr8(&vp->lapic, value >> 4) != VLAPIC_OK)
		return false;
	vp->lapic.tpr = (uint32_t)value;
	virt->set_cr8(vp, (unsigned int)(value >> 4));
	return true;
}

static bool write_apic(struct vp *vp, uint32_t msr, uint64_t value)
{
	switch (msr) {
	case HV_MSR_EOI:
		apic_eoi(vp);
		return true;
	case HV_MSR_ICR:
		return apic_write_icr(vp, value);
	case HV_MSR_TPR:
		return write_tpr(vp, value);
	default:
		return overlay_set_assist(vp, value);
	}
}

static bool read_synic(struct vp *vp, uint32_t msr, uint64_t *value)
{
	return synic_read(&vp->synic, msr, value);
}

/* A page register that cannot be shown (no table left for it) takes its old value back. */
static bool write_synic(struct vp *vp, uint32_t msr, uint64_t value)
{
	struct synic before = vp->synic;
	struct synic_effects effects;

	if (!synic_write(&vp->synic, msr, value, &effects))
		return false;
	if ((effects.simp_changed &&
	     !overlay_set_synic(vp, OVERLAY_SIMP, vp->synic.simp)) ||
	    (effects.siefp_changed &&
	     !overlay_set_synic(vp, OVERLAY_SIEFP, vp->synic.siefp))) {
		vp->synic = before;
		return false;
	}
	messages_rescan(vp, effects.rescan);
	synthetic_timers_post(vp, effects.rescan);
	return true;
}

static bool read_stimer(struct vp *vp, uint32_t msr, uint64_t *value)
{
	return stimers_read(&vp->stimers, msr, value);
}

static bool write_stimer(struct vp *vp, uint32_t msr, uint64_t value)
{
	if (!stimers_write(&vp->stimers, msr, value,
	                   partition_reference_time(vp->partition)))
		return false;
	synthetic_timers_expire(vp);
	vp_update_deadline(vp);
	return true;
}

static bool read_crash(struct vp *vp, uint32_t msr, uint64_t *value)
{
	*value = msr == HV_MSR_CRASH_CTL ? HV_CRASH_NOTIFY | HV_CRASH_MESSAGE :
	                                   vp->crash[msr - HV_MSR_CRASH_P0];
	return true;
}

static bool write_crash(struct vp *vp, uint32_t msr, uint64_t value)
{
	if (msr != HV_MSR_CRASH_CTL)
		vp->crash[msr - HV_MSR_CRASH_P0] = value;
	else if (value & HV_CRASH_NOTIFY)
		crash_report(vp, (value & HV_CRASH_MESSAGE) != 0);
	return true;
}

static bool read_invariant(struct vp *vp, uint32_t msr, uint64_t *value)
{
	(void)msr;
	*value = vp->partition->invariant_tsc;
	return true;
}

static bool write_invariant(struct vp *vp, uint32_t msr, uint64_t value)
{
	(void)msr;
	if (value > 1)
		return false;
	__atomic_fetch_or(&vp->partition->invariant_tsc, value, __ATOMIC_RELAXED);
	return true;
}

static const struct msr_group groups[] = {
	{ HV_MSR_GUEST_OS_ID, HV_MSR_HYPERCALL, HV_PRIVILEGE_HYPERCALL_MSRS,
	  read_hypercall, write_hypercall },
	{ HV_MSR_VP_INDEX, HV_MSR_VP_INDEX, HV_PRIVILEGE_VP_INDEX, read_vp_index,
	  read_only },
	{ HV_MSR_RESET, HV_MSR_RESET, HV_PRIVILEGE_RESET, read_reset, write_reset },
	{ HV_MSR_VP_RUNTIME, HV_MSR_VP_RUNTIME, HV_PRIVILEGE_VP_RUNTIME, read_runtime,
	  read_only },
	{ HV_MSR_TIME_REF_COUNT, HV_MSR_TIME_REF_COUNT, HV_PRIVILEGE_TIME_REF_COUNT,
	  read_ref_count, read_only },
	{ HV_MSR_REFERENCE_TSC, HV_MSR_REFERENCE_TSC, HV_PRIVILEGE_REFERENCE_TSC,
	  read_reference_tsc, write_reference_tsc },
	{ HV_MSR_TSC_FREQUENCY, HV_MSR_APIC_FREQUENCY, HV_PRIVILEGE_FREQUENCY_MSRS,
	  read_frequency, read_only },
	{ HV_MSR_EOI, HV_MSR_VP_ASSIST_PAGE, HV_PRIVILEGE_APIC_MSRS, read_apic,
	  write_apic },
	{ HV_MSR_SCONTROL, HV_MSR_EOM, HV_PRIVILEGE_SYNIC, read_synic, write_synic },
	{ HV_MSR_SINT0, HV_MSR_SINT15, HV_PRIVILEGE_SYNIC, read_synic, write_synic },
	{ HV_MSR_STIMER0_CONFIG, HV_MSR_STIMER3_COUNT, HV_PRIVILEGE_STIMER, read_stimer,
	  write_stimer },
	{ HV_MSR_CRASH_P0, HV_MSR_CRASH_CTL, 0, read_crash, write_crash },
	{ HV_MSR_TSC_INVARIANT_CONTROL, HV_MSR_TSC_INVARIANT_CONTROL,
	  HV_PRIVILEGE_TSC_INVARIANT, read_invariant, write_invariant },
};

static const struct msr_group *find_group(uint32_t msr)
{
	for (unsigned int i = 0; i < ARRAY_COUNT(groups); i++) {
		if (msr >= groups[i].first && msr <= groups[i].last)
			return &groups[i];
	}
	return NULL;
}

bool msr_allowed_synthetic(const struct vp *vp, uint32_t msr)
{
	const struct msr_group *group = find_group(msr);

	return group && (group->privilege & ~vp->partition->privileges) == 0;
}

bool msr_read_synthetic(struct vp *vp, uint32_t msr, uint64_t *value)
{
	const struct msr_group *group = find_group(msr);

	return group && group->read(vp, msr, value);
}

bool msr_write_synthetic(struct vp *vp, uint32_t msr, uint64_t value)
{
	const struct msr_group *group = find_group(msr);

	return group && group->write(vp, msr, value);
}
