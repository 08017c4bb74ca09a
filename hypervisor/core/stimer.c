/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Synthetic timers. The invariants STIMER-1 to 4 are in stimer.h. */
#include "hypervisor/core/stimer.h"

#include <viridis/base/mem.h>

static uint8_t config_vector(uint64_t config)
{
	return (uint8_t)((config & HV_STIMER_VECTOR) >> 4);
}

static unsigned int config_sint(uint64_t config)
{
	return (unsigned int)((config & HV_STIMER_SINT) >> 16);
}

static uint64_t add_saturated(uint64_t a, uint64_t b)
{
	return b > STIMER_NEVER - a ? STIMER_NEVER : a + b;
}

/* STIMER-2 */
static uint64_t period_of(const struct stimer *timer)
{
	return timer->count > STIMER_INTERVAL_MIN ? timer->count : STIMER_INTERVAL_MIN;
}

/* After a register write: a message not yet delivered belonged to the old setting. */
static void start_timer(struct stimers *timers, unsigned int index, uint64_t now)
{
	struct stimer *timer = &timers->timer[index];

	timers->waiting &= ~BIT32(index);
	timer->expiration = STIMER_NEVER;
	if (!(timer->config & HV_STIMER_ENABLE) || timer->count == 0)
		return;
	timer->expiration = timer->config & HV_STIMER_PERIODIC ?
	                            add_saturated(now, period_of(timer)) :
	                            timer->count;
}

void stimers_reset(struct stimers *timers)
{
	*timers = (struct stimers){ 0 };
	for (unsigned int i = 0; i < HV_STIMER_COUNT; i++)
		timers->timer[i].expiration = STIMER_NEVER;
}

/* CONFIG and COUNT take turns, CONFIG at even numbers. HV_STIMER_COUNT or more: not a timer's MSR. */
static uint32_t index_of(uint32_t msr)
{
	return (msr - HV_MSR_STIMER0_CONFIG) / 2;
}

uint64_t stimers_read(const struct stimers *timers, uint32_t msr)
{
	const struct stimer *timer = &timers->timer[index_of(msr) % HV_STIMER_COUNT];

	return msr & 1 ? timer->count : timer->config;
}

/* TLFS 12.3.1: a message needs a SINT, and SINT0 is none for timers. */
static bool has_target(uint64_t config)
{
	return (config & HV_STIMER_DIRECT) || config_sint(config) != 0;
}

static bool config_ok(uint64_t config)
{
	return !(config & HV_STIMER_DIRECT) ||
	       !(config & (HV_STIMER_ENABLE | HV_STIMER_AUTO_ENABLE)) ||
	       config_vector(config) >= HV_VECTOR_MIN;
}

bool stimers_write(struct stimers *timers, uint32_t msr, uint64_t value, uint64_t now)
{
	uint32_t index = index_of(msr);
	struct stimer *timer = &timers->timer[index % HV_STIMER_COUNT];

	if (index >= HV_STIMER_COUNT || (!(msr & 1) && !config_ok(value)))
		return false;
	if (!(msr & 1)) {
		timer->config = value & HV_STIMER_DEFINED;
	} else {
		timer->count = value;
		if (value != 0 && (timer->config & HV_STIMER_AUTO_ENABLE))
			timer->config |= HV_STIMER_ENABLE;
		if (value == 0)
			timer->config &= ~HV_STIMER_ENABLE;
	}
	if (!has_target(timer->config))
		timer->config &= ~HV_STIMER_ENABLE;
	start_timer(timers, index, now);
	return true;
}

uint64_t stimers_deadline(const struct stimers *timers)
{
	uint64_t least = STIMER_NEVER;

	for (unsigned int i = 0; i < HV_STIMER_COUNT; i++) {
		if (timers->timer[i].expiration < least)
			least = timers->timer[i].expiration;
	}
	return least;
}

/* The next point of the grid that is not over. STIMER-1, STIMER-2 */
static void expire_one(struct stimer *timer, uint64_t now)
{
	uint64_t period = period_of(timer);

	if (timer->config & HV_STIMER_PERIODIC) {
		uint64_t periods = (now - timer->expiration) / period + 1;

		timer->expiration = add_saturated(timer->expiration, periods * period);
	} else {
		timer->expiration = STIMER_NEVER;
	}
}

/* The guest has its interrupt or message. STIMER-4 */
static void end_one_shot(struct stimer *timer)
{
	if (!(timer->config & HV_STIMER_PERIODIC))
		timer->config &= ~HV_STIMER_ENABLE;
}

unsigned int stimers_expire(struct stimers *timers, uint64_t now,
                            uint8_t vectors[HV_STIMER_COUNT])
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < HV_STIMER_COUNT; i++) {
		struct stimer *timer = &timers->timer[i];
		if (timer->expiration == STIMER_NEVER || timer->expiration > now)
			continue;
		if (timer->config & HV_STIMER_DIRECT) {
			vectors[count++] = config_vector(timer->config);
			end_one_shot(timer);
		} else if (!(timers->waiting & BIT32(i))) { /* STIMER-3 */
			timers->waiting |= BIT32(i);
			timer->undelivered = timer->expiration;
		}
		expire_one(timer, now);
	}
	return count;
}

unsigned int stimers_waiting(const struct stimers *timers, uint16_t sints)
{
	unsigned int waiting = timers->waiting;

	for (unsigned int i = 0; i < HV_STIMER_COUNT; i++) {
		if (!(sints >> config_sint(timers->timer[i].config) & 1))
			waiting &= ~BIT32(i);
	}
	return waiting;
}

unsigned int stimers_message(const struct stimers *timers, unsigned int index,
                             uint64_t now, struct hv_message *message)
{
	const struct hv_timer_message_payload payload = {
		.timer_index = index,
		.expiration_time = timers->timer[index].undelivered,
		.delivery_time = now,
	};

	*message = (struct hv_message){ .type = HV_MESSAGE_TIMER_EXPIRED,
		                        .payload_size = sizeof(payload) };
	memcpy(message->payload, &payload, sizeof(payload));
	return config_sint(timers->timer[index].config);
}

void stimers_delivered(struct stimers *timers, unsigned int index)
{
	timers->waiting &= ~BIT32(index);
	end_one_shot(&timers->timer[index]);
}
