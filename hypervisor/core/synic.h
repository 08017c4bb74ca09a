/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The synthetic interrupt controller of one VP: its registers, and posting into the two pages it
 * shares with the guest. TLFS 11. PURE: mapping the overlay pages, raising the interrupt and the
 * queues of messages are the caller's.
 *
 * SYNIC-1 The registers have one writer at a time (the owning CPU, or a parent's call on a stopped VP);
 *       any CPU may read them.
 * SYNIC-2 A slot has one poster at a time. Its guest may change it at any moment and is not believed.
 * SYNIC-3 A slot's type is stored last, with release order; the guest loads it with acquire.
 * SYNIC-4 A slot is called taken only after msg_pending was set and the slot seen busy after that, so that the
 *       guest, which frees the slot first and looks at msg_pending then, is bound to write EOM.
 */
#pragma once

#include <viridis/abi/hv_msr.h>
#include <viridis/abi/hv_synic.h>

#define SYNIC_ALL_SINTS 0xffffu

struct synic {
	/* SYNIC-1 */
	union {
		uint64_t registers[5]; /* by MSR, from SCONTROL on */
		struct {
			uint64_t scontrol, sversion, siefp, simp, eom;
		};
	};
	uint64_t sint[HV_SINT_COUNT];
	uint16_t auto_eoi; /* the owner alone: SINTs whose interrupts end by themselves */
};

/* Before anyone else can see it. */
void synic_reset(struct synic *synic);

/*
 * Of SCONTROL, SIEFP, SIMP, EOM, SINTn. False: #GP. They read as they are kept. After a write of SIEFP or SIMP the
 * overlay may have to move, and whether it can is the caller's to say; *rescan: SINTs
 * whose queued messages are to be tried again, one bit each.
 */
bool synic_write(struct synic *synic, uint32_t msr, uint64_t value,
                 uint16_t *rescan) MUST_CHECK;

/* Whether messages, event flags can be delivered now. */
bool synic_takes_messages(const struct synic *synic);
bool synic_takes_events(const struct synic *synic);

/* The vector to raise for a delivery to this SINT; false when it is masked, polled, or the whole
 * controller is off. */
bool synic_vector(const struct synic *synic, unsigned int sint,
                  uint8_t *vector) MUST_CHECK;

/* SINTs that use this vector, one bit each: to rescan at its EOI. */
uint16_t synic_sints_of_vector(const struct synic *synic, uint8_t vector);

/* The owner: whether the guest sends no EOI for this vector. TLFS 11.8.4 */
static inline bool synic_is_auto_eoi(const struct synic *synic, uint8_t vector)
{
	return synic->auto_eoi &&
	       (synic->auto_eoi & synic_sints_of_vector(synic, vector));
}

/*
 * Put a message into a slot of the guest's page. True: raise the SINT's interrupt, if it has one. False: the
 * slot is taken, and marked so that the guest writes EOM: EOM and EOI of the SINT's vector mean: try again.
 */
bool synic_slot_post(struct hv_message *slot,
                     const struct hv_message *message) MUST_CHECK;

/* Raise an event flag; true when it was not up before, that is, an interrupt is due. Any CPU, any
 * time. False for a sint or flag that does not exist. */
bool synic_flag_set(struct hv_event_flags_page *page, unsigned int sint,
                    unsigned int flag) MUST_CHECK;
