/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interrupts that the traps code hands to the kernel. Interrupts are off, on the CPU's own stack. */
#pragma once

#include <stdint.h>

/* A device's interrupt, vector 0x20..0xef, not yet acknowledged at the local APIC. */
void host_interrupt_external(uint8_t vector);

/* An NMI while no panic is in progress. On the NMI stack: flags only; the CPU's loop looks at them. */
void host_interrupt_nmi(void);

struct vp;

/* The root ended the interrupt at its virtual APIC. On the VP's own CPU. */
void host_interrupt_ended(struct vp *vp, uint8_t vector);

/*
 * The virtual APIC did not accept all level interrupts of `level`, 64 vectors from 64 * word on: those that it does
 * not hold have ended.
 */
void host_interrupt_end_dropped(struct vp *vp, unsigned int word, uint64_t level);

/* The virtual APIC was reset: so have all. */
void host_interrupt_end_all(struct vp *vp);
