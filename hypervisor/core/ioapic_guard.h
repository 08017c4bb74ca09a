/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules for the root partition's writes to a physical IOAPIC (ARCHITECTURE.md D3). An
 * entry may send only fixed or lowest-priority interrupts with vectors 0x20-0xEF: an SMI,
 * NMI, INIT or ExtINT message would reach past the hypervisor. What an entry sends is
 * wholly in its low half, which software always writes in one piece, so each low half is
 * judged as it comes and no order of the two halves can open a hole. Intel 82093AA 3,
 * ICH9 13.5.
 *
 * The window is mapped read-only for the root: reads go to the device, so its IOREGSEL
 * must follow the root's. The caller holds the IOAPIC's lock around the call and the
 * write.
 */
#pragma once

#include <stdint.h>

#define IOAPIC_SELECT           0x00u /* IOREGSEL */
#define IOAPIC_WINDOW           0x10u /* IOWIN */
#define IOAPIC_EOI              0x40u /* version 0x20 and up */
#define IOAPIC_REGISTER_VERSION 0x01u
/* The low half of entry n is at 0x10 + 2n, its high half next. */
#define IOAPIC_REGISTER_ENTRIES 0x10u
#define IOAPIC_ENTRY_MASKED     UINT32_C(0x10000)
#define IOAPIC_FIRST_VECTOR     0x20u /* the hypervisor's own exceptions are below */
#define IOAPIC_LAST_VECTOR      0xefu

enum ioapic_verdict {
	IOAPIC_PASSED,
	IOAPIC_FORCED_MASKED, /* would have reached past the hypervisor: log it */
	IOAPIC_REFUSED, /* no register to write, or not a 32-bit access: log it, nothing to write */
};

struct ioapic_guard {
	uint8_t select;
	uint8_t version;
	uint16_t entries;
};

/* From the device's version register, read at boot. */
void ioapic_guard_init(struct ioapic_guard *guard, uint32_t version_register);

/* The root writes `bytes` at `offset` of the window; *value becomes what may be written there. */
enum ioapic_verdict ioapic_guard_write(struct ioapic_guard *guard, uint32_t offset,
                                       unsigned int bytes, uint32_t *value);
