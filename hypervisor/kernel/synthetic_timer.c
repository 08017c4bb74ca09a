/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Synthetic timers at work: deadlines, interrupts, messages. TLFS 12.3 */
#include "hypervisor/kernel/synthetic_timer.h"
#include "hypervisor/arch/x86/time.h"
#include "hypervisor/kernel/partition.h"
#include "hypervisor/kernel/stats.h"
#include "hypervisor/kernel/timer_queue.h"

/* Rounded up: never before the reference time has reached the expiration. */
uint64_t synthetic_timers_deadline(const struct vp *vp)
{
	uint64_t deadline = stimers_deadline(&vp->stimers);
	uint64_t ticks;

	if (deadline == STIMER_NEVER)
		return TIMER_NEVER;
	ticks = tsc_from_100ns(deadline);
	if (ticks >= TIMER_NEVER - vp->partition->reference_base - 1)
		return TIMER_NEVER;
	return vp->partition->reference_base + ticks + 1;
}

void synthetic_timers_expire(struct vp *vp)
{
	uint8_t vectors[HV_STIMER_COUNT];
	uint64_t now = partition_reference_time(vp->partition);
	unsigned int count = stimers_expire(&vp->stimers, now, vectors);

	for (unsigned int i = 0; i < count; i++) {
		vlapic_accept(&vp->lapic, vectors[i], false);
		stat_count(vp->stats, VIRIDIS_VP_STAT_TIMERS_EXPIRED);
	}
	synthetic_timers_post(vp, SYNIC_ALL_SINTS);
}

static void post_one(struct vp *vp, unsigned int index)
{
	uint64_t now = partition_reference_time(vp->partition);
	struct hv_message message;
	unsigned int sint = stimers_message(&vp->stimers, index, now, &message);

	if (message_post_direct(vp, sint, &message) != HV_STATUS_SUCCESS)
		return; /* the slot's msg_pending brings an EOM */
	stimers_delivered(&vp->stimers, index);
	stat_count(vp->stats, VIRIDIS_VP_STAT_TIMERS_EXPIRED);
}

void synthetic_timers_post(struct vp *vp, uint16_t sints)
{
	unsigned int waiting = stimers_waiting(&vp->stimers, sints);

	for (unsigned int i = 0; i < HV_STIMER_COUNT; i++) {
		if (waiting & BIT32(i))
			post_one(vp, i);
	}
}
