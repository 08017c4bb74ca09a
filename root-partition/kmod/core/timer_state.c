/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Synthetic timers in one piece: timer_state.h */
#include "root-partition/kmod/core/timer_state.h"

#include <viridis/base/mem.h>

void timer_state_from_registers(
	const union hv_register_value values[TIMER_STATE_REGISTERS],
	struct hv_synthetic_timers_state *state)
{
	unsigned int i;

	memset(state, 0, sizeof(*state));
	for (i = 0; i < HV_STIMER_COUNT; i++) {
		state->timer[i].config = values[2 * i].reg64;
		state->timer[i].count = values[2 * i + 1].reg64;
	}
}

/* What a write of the register would refuse, or not keep. */
static bool timer_state_config_ok(uint64_t config)
{
	if (config & ~HV_STIMER_DEFINED)
		return false;
	if (config & HV_STIMER_DIRECT)
		return !(config & (HV_STIMER_ENABLE | HV_STIMER_AUTO_ENABLE)) ||
		       (config & HV_STIMER_VECTOR) >> 4 >= HV_VECTOR_MIN;
	return !(config & HV_STIMER_ENABLE) || config & HV_STIMER_SINT;
}

/* Whether it says nothing but what its timers' registers do. */
static bool timer_state_ok(const struct hv_synthetic_timers_state *state)
{
	struct hv_synthetic_timers_state rest = *state;
	unsigned int i;

	for (i = 0; i < HV_STIMER_COUNT; i++) {
		if (!timer_state_config_ok(state->timer[i].config))
			return false;
		rest.timer[i].config = 0;
		rest.timer[i].count = 0;
	}
	for (i = 0; i < sizeof(rest.qwords) / sizeof(rest.qwords[0]); i++) {
		if (rest.qwords[i])
			return false;
	}
	return true;
}

static struct hv_register_assoc timer_state_write(uint32_t name, uint64_t value)
{
	return (struct hv_register_assoc){ .name = name, .value.reg64 = value };
}

bool timer_state_to_registers(const struct hv_synthetic_timers_state *state,
                              struct hv_register_assoc registers[TIMER_STATE_WRITES])
{
	unsigned int i;

	if (!timer_state_ok(state))
		return false;
	for (i = 0; i < HV_STIMER_COUNT; i++) {
		const struct hv_stimer_state *timer = &state->timer[i];
		uint32_t config = HV_REGISTER_STIMER0_CONFIG + 2 * i, count = config + 1;

		*registers++ = timer_state_write(config, 0);
		*registers++ = timer_state_write(count, timer->count);
		*registers++ = timer_state_write(config, timer->config);
	}
	return true;
}
