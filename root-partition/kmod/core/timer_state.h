/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VP's synthetic timers in one piece (abi/hv_vp_state.h), made of its registers and taken apart into them. PURE. The
 * hypervisor has the registers alone. TLFS 12.3
 */
#ifndef VIRIDIS_KMOD_CORE_TIMER_STATE_H
#define VIRIDIS_KMOD_CORE_TIMER_STATE_H

#include <stdbool.h>
#include <viridis/abi/hv_msr.h>
#include <viridis/abi/hv_register.h>
#include <viridis/abi/hv_vp_state.h>
#include <viridis/abi/hv_hypercall.h>
#include <viridis/base/assert.h>

/* CONFIG and COUNT of each timer, as they follow HV_REGISTER_STIMER0_CONFIG. */
#define TIMER_STATE_REGISTERS (2 * HV_STIMER_COUNT)

/* Each timer is stopped first, so that it never runs with half of what it gets. */
#define TIMER_STATE_WRITES (3 * HV_STIMER_COUNT)

void timer_state_from_registers(
	const union hv_register_value values[TIMER_STATE_REGISTERS],
	struct hv_synthetic_timers_state *state);

/* False: no state that a guest could bring its timers into; nothing is to be written then. */
MUST_CHECK bool
timer_state_to_registers(const struct hv_synthetic_timers_state *state,
                         struct hv_register_assoc registers[TIMER_STATE_WRITES]);

#endif
