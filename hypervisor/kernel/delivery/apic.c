/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtual local APIC at work: apic.h. The model: core/vlapic.h */
#include "hypervisor/kernel/delivery/apic.h"
#include "hypervisor/kernel/objects/guest_view.h"
#include "hypervisor/kernel/delivery/intercept.h"
#include "hypervisor/kernel/delivery/host_interrupt.h"
#include "hypervisor/kernel/delivery/message.h"
#include "hypervisor/kernel/objects/partition.h"

/* Where an IPI of `vp` goes. Modes that would reach past a partition are dropped here. */
static void deliver_one(struct vp *target, const struct vlapic_ipi *ipi)
{
	switch (ipi->delivery) {
	case VLAPIC_FIXED:
	case VLAPIC_LOWEST_PRIORITY:
		vp_post_interrupt(target, ipi->vector, ipi->level, SCHED_WAKE);
		break;
	case VLAPIC_NMI:
		vp_raise(target, EVENTS_NMI);
		break;
	case VLAPIC_INIT:
		vp_post_init(target);
		break;
	case VLAPIC_STARTUP:
		vp_post_startup(target, ipi->vector);
		break;
	case VLAPIC_EXTINT: /* of a parent's PIC: no ICR sends it */
		__atomic_store_n(&target->posted_extint, VP_EXTINT | ipi->vector,
		                 __ATOMIC_RELEASE);
		vp_raise(target, EVENTS_INTERRUPT(0));
		break;
	case VLAPIC_SMI:
	case VLAPIC_REMOTE_READ:
		log_limited("p%u vp%u apic: delivery mode %u is not for a guest",
		            target->partition->slot, target->index, ipi->delivery);
		break;
	}
}

enum hv_status apic_deliver(struct partition *partition, const struct vlapic_ipi *ipi)
{
	uint32_t count = __atomic_load_n(&partition->vp_count, __ATOMIC_ACQUIRE);

	if ((ipi->delivery == VLAPIC_FIXED || ipi->delivery == VLAPIC_LOWEST_PRIORITY) &&
	    ipi->vector < 16)
		return HV_STATUS_INVALID_PARAMETER;
	for (uint32_t i = 0; i < count; i++) {
		struct vp *target = partition_vp(partition, i);

		if (!target || !vlapic_ipi_matches(&target->lapic, ipi))
			continue;
		deliver_one(target, ipi);
		if (ipi->delivery == VLAPIC_LOWEST_PRIORITY)
			break; /* one of them: the lowest index */
	}
	return HV_STATUS_SUCCESS;
}

static inline __attribute__((always_inline)) void
interrupt_ended(struct vp *vp, uint8_t vector, bool level)
{
	if (vp->partition->is_root)
		host_interrupt_ended(vp, vector);
	else if (level)
		intercept_apic_eoi(vp, vector);
	if (messages_wait(vp))
		messages_retry(vp, synic_sints_of_vector(&vp->synic, vector));
}

void apic_eoi(struct vp *vp)
{
	struct vlapic_action action;

	vlapic_eoi(&vp->lapic, &action);
	if (action.ended)
		interrupt_ended(vp, action.ended_vector, action.ended_level);
}

static uint32_t *assist_word(struct vp *vp)
{
	struct hv_vp_assist_page *page = vp->overlays[OVERLAY_ASSIST].page;

	return &page->apic_assist;
}

void apic_set_assist(struct vp *vp)
{
	__atomic_fetch_or(assist_word(vp), HV_VP_ASSIST_NO_EOI_REQUIRED,
	                  __ATOMIC_ACQ_REL);
	vp->assisted = (uint8_t)vp->entry.vector;
}

void apic_withdraw_assist(struct vp *vp)
{
	uint8_t vector = vp->assisted;
	uint32_t before;

	if (vector == 0)
		return;
	vp->assisted = 0;
	before = __atomic_fetch_and(assist_word(vp), ~HV_VP_ASSIST_NO_EOI_REQUIRED,
	                            __ATOMIC_ACQ_REL);
	if (!(before & HV_VP_ASSIST_NO_EOI_REQUIRED) &&
	    vp->entry.vector == VLAPIC_NO_VECTOR) {
		if (vlapic_end(&vp->lapic, vector))
			interrupt_ended(vp, vector, false);
		stat_count(vp->stats, VIRIDIS_VP_STAT_EOIS_AVOIDED);
	}
}

void apic_check_assist(struct vp *vp)
{
	if (vp->assisted && !(__atomic_load_n(assist_word(vp), __ATOMIC_ACQUIRE) &
	                      HV_VP_ASSIST_NO_EOI_REQUIRED))
		apic_withdraw_assist(vp);
}

static void carry_out(struct vp *vp, const struct vlapic_action *action)
{
	if (action->sends_ipi) {
		stat_count(vp->stats, VIRIDIS_VP_STAT_IPIS_SENT);
		if (action->ipi.shorthand == VLAPIC_TO_SELF)
			deliver_one(vp, &action->ipi);
		else
			apic_deliver(vp->partition, &action->ipi); /* no bad vector */
	}
	if (action->ended)
		interrupt_ended(vp, action->ended_vector, action->ended_level);
	if (action->timer_changed)
		vp_update_deadline(vp);
}

void apic_send_self(struct vp *vp, uint8_t vector)
{
	stat_count(vp->stats, VIRIDIS_VP_STAT_IPIS_SENT);
	vp_post_interrupt(vp, vector, false, SCHED_WAKE);
}

bool apic_write(struct vp *vp, enum vlapic_access how, uint32_t offset, uint64_t value)
{
	uint64_t now = partition_tsc(vp->partition);
	struct vlapic_action action;

	if (!vlapic_write(&vp->lapic, how, offset, value, now, &action))
		return false;
	carry_out(vp, &action);
	return true;
}

bool apic_set_base(struct vp *vp, uint64_t value)
{
	if (!vlapic_set_base(&vp->lapic, value))
		return false;
	if (vlapic_mode(&vp->lapic) == VLAPIC_DISABLED && vp->partition->is_root)
		host_interrupt_end_all(vp);
	vp_update_deadline(vp);
	return true;
}

/* Anything but an aligned dword is undefined: SDM3 11.4.1 */
bool apic_mmio(struct vp *vp, uint64_t gpa)
{
	uint32_t offset = (uint32_t)(gpa & (PAGE_4K - 1));
	struct decode_access access;
	uint64_t value;

	if (gpa - offset != VLAPIC_GPA || vlapic_mode(&vp->lapic) != VLAPIC_XAPIC)
		return false;
	if (!guest_decode_access(vp, &access))
		return true;
	if (access.is_load) {
		value = vlapic_read(&vp->lapic, offset & ~3u,
		                    partition_tsc(vp->partition));
		decode_load(&access, value >> offset % 4 * 8, vp->arch.gpr);
	} else if (access.bytes == 4) {
		(void)!apic_write(vp, VLAPIC_PAGE, offset,
		                  access.value); /* none faults */
	}
	return true;
}
