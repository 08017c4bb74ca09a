/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between exits: what other CPUs left for a VP, and which event it gets next. The owning CPU only.
 *
 * The vector that an entry presents is taken by the guest whenever it can; that it was is seen after the
 * exit. Where the guest has an assist page, an edge interrupt that nothing else waits behind is
 * marked "no EOI required", and the guest's clearing of the mark counts as its EOI. TLFS 10.3.1
 */
#include "hypervisor/kernel/run/vp_enter.h"

#include "hypervisor/kernel/delivery/apic.h"
#include "hypervisor/kernel/delivery/intercept.h"
#include "hypervisor/kernel/delivery/host_interrupt.h"
#include "hypervisor/kernel/delivery/message.h"
#include "hypervisor/kernel/objects/partition.h"
#include "hypervisor/kernel/objects/trace.h"
#include "hypervisor/kernel/run/root.h"

/* One bit of `words` each. */
static void take_posted(struct vp *vp, uint32_t words)
{
	for (; words != 0; words &= words - 1) {
		unsigned int i = (unsigned int)__builtin_ctz(words);
		uint64_t vectors, level;

		/* Acquire pairs with the release in vp_post_interrupt. */
		vectors = __atomic_exchange_n(&vp->posted[i], 0, __ATOMIC_ACQUIRE);
		level = vectors & __atomic_load_n(&vp->posted_level[i], __ATOMIC_RELAXED);
		if (!vlapic_merge(&vp->lapic, i, vectors, level) &&
		    vp->partition->is_root)
			host_interrupt_end_dropped(vp, i, level);
	}
	if (__atomic_load_n(&vp->posted_extint, __ATOMIC_RELAXED))
		vp->extint = __atomic_exchange_n(&vp->posted_extint, 0, __ATOMIC_ACQUIRE);
}

static void take_timers(struct vp *vp)
{
	uint64_t now = partition_tsc(vp->partition);

	if (vlapic_timer_fire(&vp->lapic, now))
		stat_count(vp->stats, VIRIDIS_VP_STAT_TIMERS_EXPIRED);
	message_timers_expire(vp);
	vp_update_deadline(vp);
}

/* INIT: registers as the manual says; the APIC's id and mode stay. SDM3 table 10-1 */
static void take_init(struct vp *vp)
{
	vlapic_init_signal(&vp->lapic);
	if (vp->partition->is_root)
		host_interrupt_end_all(vp);
	vp_reset_registers(vp);
}

/* SIPI: real mode at vector:0000. */
static void take_startup(struct vp *vp)
{
	union hv_register_value cs = {
		.segment = { .base = (uint64_t)vp->startup_vector << 12,
		             .limit = 0xffff,
		             .selector = (uint16_t)(vp->startup_vector << 8),
		             .attributes = 0x9b }
	};

	virt->set_register(vp, HV_X64_REGISTER_CS, &cs);
	vp->arch.rip = 0;
}

static void take_nmis(struct vp *vp, uint32_t events)
{
	vp->nmi_pending += !!(events & EVENTS_NMI) + !!(events & EVENTS_NMI_MORE);
	/* One in service and one that waits; or two that wait for the first to be taken. SDM3 6.7.1 */
	if (vp->nmi_pending + vp->arch.nmi_blocked > 2)
		vp->nmi_pending = 2 - vp->arch.nmi_blocked;
}

static void take_events(struct vp *vp)
{
	/* VP-3; acquire: what was posted before the bit is seen. */
	uint32_t events = __atomic_exchange_n(&vp->events, 0, __ATOMIC_SEQ_CST);

	if (events & EVENTS_SHUTDOWN) { /* the root's end is the machine's */
		if (vp->partition->is_root)
			root_ended("the root has triple-faulted or reset itself");
		intercept_triple_fault(vp);
	}
	if (events & EVENTS_INIT)
		take_init(vp);
	if (events & EVENTS_STARTUP)
		take_startup(vp);
	if (events & EVENTS_TIMER)
		take_timers(vp);
	if ((events & (EVENTS_NMI | EVENTS_NMI_MORE)) || vp->nmi_pending)
		take_nmis(vp, events);
	take_posted(vp, events >> EVENTS_INTERRUPT_SHIFT);
}

/* What the guest is to take next, if it can take anything. */
static int choose_vector(struct vp *vp)
{
	if (!vlapic_requests(&vp->lapic) && vp->entry.vector == VLAPIC_NO_VECTOR &&
	    !vp->extint)
		return VLAPIC_NO_VECTOR;
	/* Another interrupt waits: the one in service needs its EOI. */
	apic_withdraw_assist(vp);
	/* A PIC's comes whatever the task priority. */
	return vp->extint ? (uint8_t)vp->extint : vlapic_pending(&vp->lapic);
}

/*
 * What holds an interrupt back may be the task priority alone, and what has been presented is delivered
 * whatever the guest makes of its priority meanwhile: see it change.
 */
static void present_vector(struct vp *vp, int vector)
{
	vp->entry.vector = vector;
	vp->entry.watch_window = vp->interrupt_notify;
	if (vector == VLAPIC_NO_VECTOR) {
		vp->lone_vector = !vlapic_requests(&vp->lapic);
		vp->entry.watch_tpr = !vp->lone_vector && vp->lapic.tpr != 0;
		return;
	}
	vp->entry.watch_tpr = true;
	vp->lone_vector = !vp->extint && vlapic_is_lone(&vp->lapic, (uint8_t)vector);
	if (vp->lone_vector && (vp->assist_msr & HV_MSR_PAGE_ENABLE) &&
	    !synic_is_auto_eoi(&vp->synic, (uint8_t)vector))
		apic_set_assist(vp);
}

static void choose_injection(struct vp *vp)
{
	if (vp->entry.event.valid) {
		trace(VIRIDIS_TRACE_INJECT, vp, vp->entry.event.vector, vp->arch.rip);
		/* One that a parent injects blocks others like our own. SDM3 6.7.1 */
		vp->arch.nmi_blocked |= vp->entry.event.type == EVENT_NMI;
	} else if (vp->nmi_pending && !vp->arch.nmi_blocked &&
	           !vp->arch.interrupt_shadow) {
		vp->entry.event = (struct vp_event){ .valid = true,
			                             .type = EVENT_NMI,
			                             .vector = EXCEPTION_NMI };
		vp->nmi_pending--;
		vp->arch.nmi_blocked = true;
	}
}

static bool ends_halt(const struct vp *vp, int vector)
{
	return ((vp->arch.rflags & RFLAGS_IF) && vector != VLAPIC_NO_VECTOR) ||
	       (vp->nmi_pending && !vp->arch.nmi_blocked) || vp->entry.event.valid;
}

/* The parent asked to be told when an interrupt can be delivered; it is told once. */
static bool tells_window(struct vp *vp)
{
	if (!vp->interrupt_notify || !(vp->arch.rflags & RFLAGS_IF) ||
	    vp->arch.interrupt_shadow || vp->entry.event.valid)
		return false;
	vp->interrupt_notify = false;
	intercept_interrupt_deliverable(vp);
	return true;
}

/* VP-2: events that came before the bit was set are seen here; later ones see the bit. */
static void sleep(struct vp *vp)
{
	__atomic_fetch_or(&vp->suspend, SUSPEND_HALT, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&vp->events, __ATOMIC_SEQ_CST) != 0)
		__atomic_fetch_and(&vp->suspend, ~SUSPEND_HALT, __ATOMIC_SEQ_CST);
}

/* The parent asked to be told when a SINT's slot is free; it is told once. */
static bool tells_deliverable(struct vp *vp)
{
	const struct hv_message_page *page = vp->overlays[OVERLAY_SIMP].page;
	uint16_t free_sints = 0;

	if (!vp->sint_notify || !synic_takes_messages(&vp->synic))
		return false;
	for (unsigned int sint = 0; sint < HV_SINT_COUNT; sint++) {
		if ((vp->sint_notify & BIT32(sint)) &&
		    __atomic_load_n(&page->slot[sint].type, __ATOMIC_ACQUIRE) ==
		            HV_MESSAGE_NONE)
			free_sints |= (uint16_t)BIT32(sint);
	}
	if (!free_sints)
		return false;
	vp->sint_notify &= (uint16_t)~free_sints;
	intercept_sint_deliverable(vp, free_sints);
	return true;
}

bool vp_prepare(struct vp *vp)
{
	int vector;

	if (__atomic_load_n(&vp->pending, __ATOMIC_RELAXED) != 0) {
		if (__atomic_load_n(&vp->events, __ATOMIC_RELAXED) != 0)
			take_events(vp);
		if (__atomic_load_n(&vp->suspend, __ATOMIC_RELAXED) != 0)
			return false;
	}
	if (vp->seldom && (tells_deliverable(vp) || tells_window(vp)))
		return false;
	vector = choose_vector(vp);
	if (vp->halted && !ends_halt(vp, vector)) {
		sleep(vp);
		return false;
	}
	vp->halted = false;
	present_vector(vp, vector);
	choose_injection(vp);
	vp->quiet = !vp->entry.event.valid && !vp->seldom && vp->lone_vector &&
	            !__atomic_load_n(&trace_on, __ATOMIC_RELAXED);
	return true;
}

void vp_vector_taken(struct vp *vp)
{
	uint8_t vector = (uint8_t)vp->entry.vector;

	if (!vp->extint) {
		vlapic_deliver(&vp->lapic, vector);
		if (synic_is_auto_eoi(&vp->synic, vector))
			apic_eoi(vp);
	}
	vp->extint = 0;
	vp->entry.vector = VLAPIC_NO_VECTOR;
	stat_count(vp->stats, VIRIDIS_VP_STAT_INTERRUPTS_INJECTED);
}

void vp_after_exit(struct vp *vp)
{
	const struct vp_exit *exit = &vp->arch.exit;

	if (exit->cr8 != vlapic_cr8(&vp->lapic))
		vp->lapic.tpr = (uint32_t)exit->cr8 << 4;
	vp->entry.event = exit->event;
	if (exit->vector_taken)
		vp_vector_taken(vp);
	apic_check_assist(vp);
}
