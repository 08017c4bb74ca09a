/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The virtual local APIC: registers in xAPIC and x2APIC mode, acceptance and priority of
 * interrupts, the timer, and the matching of destinations. APM2 16, SDM3 11.
 *
 * It holds state and decides; its caller acts on what comes back: carries IPIs to other
 * VPs, retires the physical interrupt on an EOI, and arms a timer. Only the VP's owning
 * CPU changes a vlapic; other CPUs post vectors elsewhere, and vlapic_merge takes them
 * in.
 *
 * Clock: `now` counts in a unit of the caller's choice, and the timer's input advances
 * once every `clock_per_tick` of it. The ratio is whole so that periods never drift:
 * choose the APIC frequency that the guest is told (MSR 0x40000023) to fit.
 */
#pragma once

#include <viridis/abi/hv_hypercall.h>

#define VLAPIC_GPA       UINT64_C(0xfee00000)
#define VLAPIC_VERSION   UINT32_C(0x00050014) /* six LVT entries. APM2 16.3.4 */
#define VLAPIC_MSR_FIRST 0x800u

#define VLAPIC_IS_MSR(msr) ((msr) >> 8 == VLAPIC_MSR_FIRST >> 8)
/* Where the register of an x2APIC's MSR is. */
#define VLAPIC_MSR_OFFSET(msr) (((msr)-VLAPIC_MSR_FIRST) << 4)

#define VLAPIC_NO_VECTOR (-1)

/* MSR 0x1b. APM2 16.3.1, 16.9 */
#define VLAPIC_BASE_BOOTSTRAP UINT64_C(0x100)
#define VLAPIC_BASE_X2APIC    UINT64_C(0x400)
#define VLAPIC_BASE_ENABLE    UINT64_C(0x800)

/*
 * Register offsets in the xAPIC page; x2APIC MSR = 0x800 + offset / 16. APM2 16.3.2,
 * table 16-2
 */
enum vlapic_register {
	VLAPIC_ID = 0x20,
	VLAPIC_VERSION_REGISTER = 0x30,
	VLAPIC_TPR = 0x80,
	VLAPIC_APR = 0x90,
	VLAPIC_PPR = 0xa0,
	VLAPIC_EOI = 0xb0,
	VLAPIC_RRD = 0xc0,
	VLAPIC_LDR = 0xd0,
	VLAPIC_DFR = 0xe0,
	VLAPIC_SVR = 0xf0,
	VLAPIC_ISR = 0x100,
	VLAPIC_TMR = 0x180,
	VLAPIC_IRR = 0x200,
	VLAPIC_ESR = 0x280,
	VLAPIC_ICR = 0x300,
	VLAPIC_ICR_HIGH = 0x310,
	VLAPIC_LVT_TIMER_REGISTER = 0x320,
	VLAPIC_LVT_THERMAL_REGISTER = 0x330,
	VLAPIC_LVT_PERFORMANCE_REGISTER = 0x340,
	VLAPIC_LVT_LINT0_REGISTER = 0x350,
	VLAPIC_LVT_LINT1_REGISTER = 0x360,
	VLAPIC_LVT_ERROR_REGISTER = 0x370,
	VLAPIC_TIMER_INITIAL = 0x380,
	VLAPIC_TIMER_CURRENT = 0x390,
	VLAPIC_TIMER_DIVIDE = 0x3e0,
	VLAPIC_SELF_IPI = 0x3f0,
};

#define VLAPIC_REGISTERS 64u

/* Bits of them, the physical one's too. ICR_STATUS: the last one has not gone out yet. APM2 16.3-16.5 */
#define VLAPIC_SVR_ENABLE BIT32(8)
#define VLAPIC_LVT_MASKED BIT32(16)
#define VLAPIC_DFR_FLAT   UINT32_C(0xffffffff)
#define VLAPIC_ICR_STATUS BIT32(12)
#define VLAPIC_ICR_ASSERT BIT32(14)

#define VLAPIC_WORDS 4u /* of a bit for each vector, in 64 bits each */

#define VLAPIC_LVTS      6u
#define VLAPIC_LVT_TIMER 0u
#define VLAPIC_LVT_ERROR 5u

enum vlapic_access {
	VLAPIC_PAGE,      /* of the xAPIC */
	VLAPIC_MSR,       /* of the x2APIC */
	VLAPIC_SYNTHETIC, /* the TLFS's MSRs EOI, ICR, TPR: in either mode */
};

enum vlapic_mode {
	VLAPIC_DISABLED,
	VLAPIC_XAPIC,
	VLAPIC_X2APIC,
};

/* Numbered as in the ICR, APM2 16.5, and in what a parent asserts. */
enum vlapic_delivery {
	VLAPIC_FIXED = HV_INTERRUPT_FIXED,
	VLAPIC_LOWEST_PRIORITY = HV_INTERRUPT_LOWEST_PRIORITY,
	VLAPIC_SMI,
	VLAPIC_REMOTE_READ,
	VLAPIC_NMI = HV_INTERRUPT_NMI,
	VLAPIC_INIT = HV_INTERRUPT_INIT,
	VLAPIC_STARTUP = HV_INTERRUPT_SIPI,
	VLAPIC_EXTINT = HV_INTERRUPT_EXTINT,
};

enum vlapic_shorthand {
	VLAPIC_TO_DESTINATION,
	VLAPIC_TO_SELF,
	VLAPIC_TO_ALL,
	VLAPIC_TO_OTHERS,
};

/* An interrupt on its way: from an ICR, or made by the caller from a device's message. */
struct vlapic_ipi {
	enum vlapic_delivery delivery;
	enum vlapic_shorthand shorthand;
	uint8_t vector;
	bool logical;
	bool level; /* of a device's; IPIs are edge. SDM3 11.6.1 */
	bool wide;  /* 32-bit destination, as an x2APIC sends; else 8-bit */
	uint32_t destination;
	uint32_t sender; /* APIC id; used with a shorthand alone */
};

/* What a write asks of the caller. */
struct vlapic_action {
	bool sends_ipi;
	bool ended; /* an EOI ended `ended_vector` */
	bool ended_level;
	bool timer_changed; /* ask vlapic_timer_deadline again */
	uint8_t ended_vector;
	struct vlapic_ipi ipi;
};

struct vlapic_config {
	uint32_t apic_id;
	uint16_t clock_per_tick; /* of the timer's input before its divider; not 0 */
	bool bootstrap;
	bool level_as_edge; /* the guest reads TMR as 0 */
};

/*
 * VLAPIC-1 No bit below 16 is ever set in irr or isr.
 * VLAPIC-2 While the APIC is disabled in APIC_BASE or by SVR, every LVT entry is masked.
 * VLAPIC-3 deadline holds only while armed; a periodic timer's deadline is never more than one
 *    period ahead of the clock.
 */
struct vlapic {
	struct vlapic_config config; /* constant; set before the first vlapic_reset */
	uint64_t base;               /* APIC_BASE MSR */
	uint64_t deadline;           /* of the clock, when armed */
	bool armed;
	uint32_t esr_errors; /* gathered since the last write of ESR */
	union {
		uint32_t registers[VLAPIC_REGISTERS]; /* by offset / 16 */
		struct {
			uint32_t unused_0[8], tpr, unused_9[4];
			uint32_t ldr; /* xAPIC only: x2APIC derives it from the id */
			uint32_t dfr, svr;
			uint64_t isr[VLAPIC_WORDS], tmr[VLAPIC_WORDS], irr[VLAPIC_WORDS];
			uint32_t esr, unused_29[7]; /* esr: as read */
			uint32_t icr_low;
			uint32_t icr_high; /* in x2APIC format in that mode */
			uint32_t lvt[VLAPIC_LVTS];
			uint32_t timer_initial, unused_39[5], timer_divide, unused_3f;
		};
	};
};

void vlapic_reset(struct vlapic *v);       /* power-up or RESET#. SDM3 11.4.7.1 */
void vlapic_init_signal(struct vlapic *v); /* INIT: id and mode stay. SDM3 11.4.7.3 */

/* Where one returns bool, false is an access that raises #GP(0). */
enum vlapic_mode vlapic_mode(const struct vlapic *v);
MUST_CHECK bool vlapic_set_base(struct vlapic *v, uint64_t value); /* MSR 0x1b */

/*
 * Reads: of the xAPIC page at `offset`, which never fault; of MSRs 0x800-0x8ff, which do outside x2APIC mode. SDM3
 * 11.12.1.2
 */
uint32_t vlapic_read(struct vlapic *v, uint32_t offset, uint64_t now);
MUST_CHECK bool vlapic_msr_read(const struct vlapic *v, uint32_t msr, uint64_t now,
                                uint64_t *value);

/* 32 bits of the page, which never fault; 64 bits of the ICR by an MSR, in the format of the APIC's mode. */
MUST_CHECK bool vlapic_write(struct vlapic *v, enum vlapic_access how, uint32_t offset,
                             uint64_t value, uint64_t now, struct vlapic_action *action);

/* CR8 is TPR bits 7:4. APM2 16.6.4 */
uint64_t vlapic_cr8(const struct vlapic *v);
MUST_CHECK bool vlapic_set_cr8(struct vlapic *v, uint64_t value);

/* A fixed interrupt arrives. False: not accepted (APIC off, or a vector below 16). */
bool vlapic_accept(struct vlapic *v, uint8_t vector, bool level);
/*
 * Vectors that other CPUs posted, 64 of them from 64 * word on, and which of them are level. False: some were not
 * accepted, so whatever waits for their EOI must not.
 */
bool vlapic_merge(struct vlapic *v, unsigned int word, uint64_t posted, uint64_t level);
int vlapic_pending(const struct vlapic *v); /* deliverable now, or VLAPIC_NO_VECTOR */

/* Whether any vector is requested, whatever the priority. */
static inline bool vlapic_requests(const struct vlapic *v)
{
	return (v->irr[0] | v->irr[1] | v->irr[2] | v->irr[3]) != 0;
}

/* Whether it is of edge trigger, none is in service, and no other is requested. */
bool vlapic_is_lone(const struct vlapic *v, uint8_t vector);

/* IRR to ISR; does nothing if it is not requested. */
void vlapic_deliver(struct vlapic *v, uint8_t vector);
void vlapic_eoi(struct vlapic *v, struct vlapic_action *action);
/* The end of this one, of edge trigger; false: it was not in service. */
MUST_CHECK bool vlapic_end(struct vlapic *v, uint8_t vector);

/* Does the interrupt reach this APIC? Lowest priority matches all: the caller picks. */
bool vlapic_ipi_matches(const struct vlapic *v, const struct vlapic_ipi *ipi);

/* False: nothing to wait for (stopped, or masked, which raises nothing). */
bool vlapic_timer_deadline(const struct vlapic *v, uint64_t *deadline);
/*
 * Takes in what expired by now; periods missed become one interrupt. True: one was
 * accepted.
 */
bool vlapic_timer_fire(struct vlapic *v, uint64_t now);

/*
 * The whole but for APIC_BASE and TPR. False: not a state in which it can be, in the mode that it is in;
 * it stays as it was.
 */
void vlapic_save(const struct vlapic *v, uint64_t now,
                 struct hv_local_interrupt_controller_state *state);
MUST_CHECK bool vlapic_load(struct vlapic *v,
                            const struct hv_local_interrupt_controller_state *state,
                            uint64_t now);
