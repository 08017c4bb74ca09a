/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VP's state in bulk, as GET_VP_STATE tells it to the parent and SET_VP_STATE takes it. TLFS
 * "Virtualization Host"; codes e3, e4.
 *
 *   type                      where             what
 *   HV_VP_STATE_LAPIC         the named page    struct hv_local_interrupt_controller_state
 *   HV_VP_STATE_XSAVE         the named page    an XSAVE area in the standard format. SDM1 13.4
 *   HV_VP_STATE_SIM_PAGE      the named page    the SIMP page: struct hv_message_page
 *   HV_VP_STATE_SIEF_PAGE     the named page    the SIEFP page: struct hv_event_flags_page
 *
 * A VMM has the synthetic timers, struct hv_synthetic_timers_state, from the kernel module, which makes them of registers.
 */
#ifndef VIRIDIS_ABI_HV_VP_STATE_H
#define VIRIDIS_ABI_HV_VP_STATE_H

#include <stdint.h>
#include <viridis/abi/hv_synic.h>
#include <viridis/base/assert.h>

#define HV_VP_STATE_LAPIC     0x80000000u
#define HV_VP_STATE_XSAVE     0x80000001u
#define HV_VP_STATE_SIM_PAGE  0x80000002u
#define HV_VP_STATE_SIEF_PAGE 0x80000003u

/* The registers as software reads them, in the mode that APIC_BASE says. TPR is a register of its own. */
struct hv_local_interrupt_controller_state {
	union {
		uint32_t words[44];
		struct {
			uint32_t id;
			uint32_t version;
			uint32_t ldr;
			uint32_t dfr;
			uint32_t spurious;
			uint32_t isr[8];
			uint32_t tmr[8];
			uint32_t irr[8];
			uint32_t esr; /* as read */
			uint32_t icr_high;
			uint32_t icr_low;
			uint32_t lvt_timer;
			uint32_t lvt_thermal;
			uint32_t lvt_performance;
			uint32_t lvt_lint0;
			uint32_t lvt_lint1;
			uint32_t lvt_error;
			uint32_t lvt_cmci;
			uint32_t error_status; /* gathered since the last write of ESR */
			uint32_t initial_count;
			uint32_t counter_value;
			uint32_t divide_configuration;
			uint32_t remote_read;
		};
	};
};
ASSERT_SIZE(struct hv_local_interrupt_controller_state, 176);
ASSERT_OFFSET(struct hv_local_interrupt_controller_state, irr, 84);
ASSERT_OFFSET(struct hv_local_interrupt_controller_state, lvt_timer, 128);
ASSERT_OFFSET(struct hv_local_interrupt_controller_state, error_status, 156);

/* MXCSR, and the header's three parts, in an XSAVE area of the standard format. SDM1 10.5.1, 13.4.2 */
#define HV_XSAVE_MXCSR_OFFSET     24
#define HV_XSAVE_XSTATE_BV_OFFSET 512
#define HV_XSAVE_XCOMP_BV_OFFSET  520
#define HV_XSAVE_COMPONENTS       576

struct hv_stimer_state {
	uint32_t message_pending; /* 0: one whose message could not yet be posted is enabled */
	uint32_t reserved;
	uint64_t config;
	uint64_t count;
	uint64_t adjustment; /* 0: a periodic timer begins its period anew */
	uint64_t undelivered_expiration_time; /* 0 */
};
ASSERT_SIZE(struct hv_stimer_state, 40);

struct hv_synthetic_timers_state {
	union {
		uint64_t qwords[25];
		struct {
			struct hv_stimer_state timer[HV_STIMER_COUNT];
			uint64_t reserved[5];
		};
	};
};
ASSERT_SIZE(struct hv_synthetic_timers_state, 200);
ASSERT_OFFSET(struct hv_synthetic_timers_state, reserved, 160);

#endif
