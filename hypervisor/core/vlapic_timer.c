/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The virtual local APIC's timer: one-shot and periodic. APM2 16.4.1, SDM3 11.5.4.
 */
#include "hypervisor/core/vlapic.h"
#include "hypervisor/core/vlapic_internal.h"

static bool is_periodic(const struct vlapic *v)
{
	return v->lvt[VLAPIC_LVT_TIMER] & LVT_PERIODIC;
}

/*
 * Clock ticks per count; the divider's bits are 3, 1 and 0, and 111 divides by 1. APM2
 * 16.4.1
 */
static uint64_t count_ticks(const struct vlapic *v)
{
	uint32_t code = (v->timer_divide & 3) | (v->timer_divide & 8) >> 1;

	return (uint64_t)v->config.clock_per_tick << ((code + 1) & 7);
}

/* At most 2^32 * 2^7 * 2^16. */
static uint64_t period_ticks(const struct vlapic *v)
{
	return v->timer_initial * count_ticks(v);
}

static void resume(struct vlapic *v, uint32_t count, uint64_t now)
{
	v->armed = count != 0;
	v->deadline = now + count * count_ticks(v);
}

void vlapic_write_timer_initial(struct vlapic *v, uint32_t value, uint64_t now)
{
	v->timer_initial = value;
	resume(v, value, now);
}

/* A running count goes on from where it is, at the new rate. */
void vlapic_write_timer_divide(struct vlapic *v, uint32_t value, uint64_t now)
{
	uint32_t count;

	(void)vlapic_timer_fire(v, now); /* only its effect is wanted */
	count = vlapic_timer_count(v, now);
	v->timer_divide = value;
	resume(v, count, now);
}

/* What expired until now did so under the old entry. */
void vlapic_write_timer_lvt(struct vlapic *v, uint32_t value, uint64_t now)
{
	(void)vlapic_timer_fire(v, now); /* only its effect is wanted */
	v->lvt[VLAPIC_LVT_TIMER] = value;
}

bool vlapic_timer_deadline(const struct vlapic *v, uint64_t *deadline)
{
	*deadline = v->deadline;
	return v->armed && !(v->lvt[VLAPIC_LVT_TIMER] & LVT_MASKED);
}

bool vlapic_timer_fire(struct vlapic *v, uint64_t now)
{
	uint32_t lvt = v->lvt[VLAPIC_LVT_TIMER];
	uint64_t period = period_ticks(v);

	if (!v->armed || now < v->deadline)
		return false;
	if (is_periodic(v) && period != 0)
		v->deadline += ((now - v->deadline) / period + 1) * period; /* V3 */
	else
		v->armed = false;
	return !(lvt & LVT_MASKED) && vlapic_accept(v, lvt & LVT_VECTOR, false);
}

uint32_t vlapic_timer_count(const struct vlapic *v, uint64_t now)
{
	uint64_t period = period_ticks(v);
	uint64_t left;

	if (!v->armed || period == 0)
		return 0;
	if (now < v->deadline)
		left = v->deadline - now;
	else if (is_periodic(v))
		left = period - (now - v->deadline) % period;
	else
		return 0;
	if (left > period) /* the clock went back */
		left = period;
	return (uint32_t)((left + count_ticks(v) - 1) / count_ticks(v));
}
