/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Synthetic timers. The invariants T1-T3 are in stimer.h. */
#include "hypervisor/core/stimer.h"

#include <viridis/base/bits.h>
#include <viridis/base/mem.h>

#define CONFIG_VECTOR_SHIFT 4
#define CONFIG_SINT_SHIFT   16
#define CONFIG_KEPT                                                                     \
	(HV_STIMER_ENABLE | HV_STIMER_PERIODIC | HV_STIMER_LAZY |                       \
	 HV_STIMER_AUTO_ENABLE | HV_STIMER_DIRECT | bits_mask(CONFIG_VECTOR_SHIFT, 8) | \
	 bits_mask(CONFIG_SINT_SHIFT, 4))

/* Vectors below 16 cannot be delivered by a local APIC. APM2 16.4.5 */
#define VECTOR_MIN 16u

static uint8_t config_vector(uint64_t config)
{
	return (uint8_t)bits_get(config, CONFIG_VECTOR_SHIFT, 8);
}

static unsigned int config_sint(uint64_t config)
{
	return (unsigned int)bits_get(config, CONFIG_SINT_SHIFT, 4);
}

static uint64_t add_saturated(uint64_t a, uint64_t b)
{
	return b > STIMER_NEVER - a ? STIMER_NEVER : a + b;
}

/* T2 */
static uint64_t period_of(const struct stimer *timer)
{
	return timer->count > STIMER_INTERVAL_MIN ? timer->count : STIMER_INTERVAL_MIN;
}

/* After a register write: a message not yet delivered belonged to the old setting. */
static void start(struct stimer *timer, uint64_t now)
{
	timer->message_waits = false;
	timer->expiration = STIMER_NEVER;
	if (!(timer->config & HV_STIMER_ENABLE) || timer->count == 0)
		return;
	timer->expiration = timer->config & HV_STIMER_PERIODIC ?
	                            add_saturated(now, period_of(timer)) :
	                            timer->count;
}

void stimers_reset(struct stimers *timers)
{
	for (unsigned int i = 0; i < HV_STIMER_COUNT; i++)
		timers->timer[i] = (struct stimer){ .expiration = STIMER_NEVER };
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

static bool write_config(struct stimer *timer, uint64_t value, uint64_t now)
{
	bool direct = (value & HV_STIMER_DIRECT) != 0;
	bool may_run = (value & (HV_STIMER_ENABLE | HV_STIMER_AUTO_ENABLE)) != 0;

	value &= CONFIG_KEPT;
	if (direct && may_run && config_vector(value) < VECTOR_MIN)
		return false;
	/* TLFS 12.3.1: a message needs a SINT, and SINT0 is none for timers. */
	if (!direct && config_sint(value) == 0)
		value &= ~HV_STIMER_ENABLE;
	timer->config = value;
	start(timer, now);
	return true;
}

static void write_count(struct stimer *timer, uint64_t value, uint64_t now)
{
	bool deliverable = (timer->config & HV_STIMER_DIRECT) ||
	                   config_sint(timer->config) != 0;

	timer->count = value;
	if (value == 0)
		timer->config &= ~HV_STIMER_ENABLE;
	else if ((timer->config & HV_STIMER_AUTO_ENABLE) && deliverable)
		timer->config |= HV_STIMER_ENABLE;
	start(timer, now);
}

bool stimers_write(struct stimers *timers, uint32_t msr, uint64_t value, uint64_t now)
{
	uint32_t index = index_of(msr);

	if (index >= HV_STIMER_COUNT)
		return false;
	if (!(msr & 1))
		return write_config(&timers->timer[index], value, now);
	write_count(&timers->timer[index], value, now);
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

/* The next point of the grid that is not over. T1, T2 */
static void expire_one(struct stimer *timer, uint64_t now)
{
	uint64_t period = period_of(timer);

	if (timer->config & HV_STIMER_PERIODIC) {
		uint64_t periods = (now - timer->expiration) / period + 1;

		timer->expiration = add_saturated(timer->expiration, periods * period);
	} else {
		timer->config &= ~HV_STIMER_ENABLE;
		timer->expiration = STIMER_NEVER;
	}
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
		} else if (!timer->message_waits) { /* T3 */
			timer->message_waits = true;
			timer->undelivered = timer->expiration;
		}
		expire_one(timer, now);
	}
	return count;
}

unsigned int stimers_waiting(const struct stimers *timers, uint16_t sints)
{
	unsigned int waiting = 0;

	for (unsigned int i = 0; i < HV_STIMER_COUNT; i++) {
		const struct stimer *timer = &timers->timer[i];

		if (timer->message_waits && sints >> config_sint(timer->config) & 1)
			waiting |= 1u << i;
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
	timers->timer[index].message_waits = false;
}

/* One whose message waits is told as about to expire: it does, where it is loaded. */
void stimers_save(const struct stimers *timers, struct hv_synthetic_timers_state *state)
{
	memset(state, 0, sizeof(*state));
	for (unsigned int i = 0; i < HV_STIMER_COUNT; i++) {
		const struct stimer *timer = &timers->timer[i];

		state->timer[i].config = timer->config;
		state->timer[i].count = timer->count;
		if (timer->message_waits)
			state->timer[i].config |= HV_STIMER_ENABLE;
	}
}

/* As if the registers were written now; a good state loses nothing by that. */
bool stimers_load(struct stimers *timers, const struct hv_synthetic_timers_state *state,
                  uint64_t now)
{
	struct hv_synthetic_timers_state kept;
	struct stimers loaded = *timers;
	uint64_t lost = 0;

	for (unsigned int i = 0; i < HV_STIMER_COUNT; i++) {
		loaded.timer[i].count = state->timer[i].count;
		if (!write_config(&loaded.timer[i], state->timer[i].config, now))
			return false;
	}
	stimers_save(&loaded, &kept);
	for (unsigned int i = 0; i < ARRAY_COUNT(kept.qwords); i++)
		lost |= state->qwords[i] ^ kept.qwords[i];
	if (lost == 0)
		*timers = loaded;
	return lost == 0;
}
