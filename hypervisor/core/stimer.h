/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The four synthetic timers of one VP. TLFS 12.3. PURE: times are the partition's reference time in
 * 100 ns, given by the caller, who arms a physical timer for stimers_deadline().
 *
 * STIMER-1 A periodic timer's expirations stay on the grid start + n * period: lateness never adds up.
 * STIMER-2 A late periodic timer gives up what it missed, as a lazy one does; none is faster than
 *       STIMER_INTERVAL_MIN.
 * STIMER-3 A timer holds at most one message the guest has not got. A periodic one runs on meanwhile and gives
 *       up what expires, so that a delivery, which may come at any time, changes no deadline.
 * STIMER-4 A one-shot timer is enabled until the guest has its message: whoever takes its registers over to another
 *       VP has it expire there once more.
 */
#pragma once

#include <viridis/abi/hv_msr.h>
#include <viridis/abi/hv_synic.h>

#define STIMER_NEVER        UINT64_MAX
#define STIMER_INTERVAL_MIN UINT64_C(1000) /* 100 us */

struct stimer {
	uint64_t config; /* STIMERx_CONFIG as the guest reads it */
	uint64_t count;
	uint64_t expiration;  /* the next one; STIMER_NEVER when stopped */
	uint64_t undelivered; /* expiration told by the message that waits */
};

struct stimers {
	struct stimer timer[HV_STIMER_COUNT];
	unsigned int waiting; /* timers, one bit each, that hold a message. STIMER-3 */
};

void stimers_reset(struct stimers *timers);

/* STIMERn_CONFIG and STIMERn_COUNT; reads ask for no other. False: #GP. After a write ask stimers_deadline() anew. */
uint64_t stimers_read(const struct stimers *timers, uint32_t msr);
bool stimers_write(struct stimers *timers, uint32_t msr, uint64_t value,
                   uint64_t now) MUST_CHECK;

/* When stimers_expire() is next worth a call; STIMER_NEVER when no timer runs. */
uint64_t stimers_deadline(const struct stimers *timers);

/*
 * Expire what is due. Direct-mode timers yield vectors to raise as edge interrupts: their number is
 * the answer. Message-mode timers get a waiting message: see stimers_waiting(). When time was given
 * back (pause and resume) nothing special is needed.
 */
unsigned int stimers_expire(struct stimers *timers, uint64_t now,
                            uint8_t vectors[HV_STIMER_COUNT]);

/* Timers, one bit each, whose message waits for the slot of one of these SINTs, one bit each. */
unsigned int stimers_waiting(const struct stimers *timers, uint16_t sints);
/* Build the waiting message of a timer to be posted at the SINT returned; then say that it was. */
unsigned int stimers_message(const struct stimers *timers, unsigned int index,
                             uint64_t now, struct hv_message *message);
void stimers_delivered(struct stimers *timers, unsigned int index);
