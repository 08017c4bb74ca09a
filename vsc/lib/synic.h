/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The calling VP's synthetic interrupt controller. TLFS 11 */
#ifndef VSC_LIB_SYNIC_H
#define VSC_LIB_SYNIC_H

#include <stdbool.h>
#include <stdint.h>
#include <viridis/abi/hv_synic.h>

/* Shows the first VP's message and event pages and turns its SynIC on; once. */
void synic_enable(void);

/* Puts everything back as at reset. */
void synic_disable(void);

volatile struct hv_message *synic_slot(unsigned int sint);
volatile uint64_t *synic_flags(unsigned int sint);

/* Unmasked with this vector, or masked. */
void synic_set_sint(unsigned int sint, uint8_t vector);
void synic_mask_sint(unsigned int sint);

/* Copies the slot's message and frees the slot, with an EOM when more wait. false: it was free. */
bool synic_take_message(unsigned int sint, struct hv_message *message);

/* Clears the flag; was it set? */
bool synic_take_flag(unsigned int sint, unsigned int flag);

/* synic_take_message() repeated, interrupts on, for `ms`. */
bool synic_wait_message(unsigned int sint, struct hv_message *message, uint64_t ms);

#endif
