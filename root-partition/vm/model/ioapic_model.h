/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The child's I/O APIC: 24 pins, redirection table, level and edge. 82093AA data sheet. PURE.
 *
 * After every call that can change something the owner takes deliveries until there are none,
 * and asserts each as a virtual interrupt. The hypervisor tells the end of a level interrupt by
 * an APIC_EOI message, which becomes ioapic_model_eoi().
 *
 * I1 a pin is pending only while unmasked; I2 remote IRR is set only on level pins, from delivery
 * to EOI, and holds further deliveries back.
 */
#ifndef VIRIDIS_VM_MODEL_IOAPIC_MODEL_H
#define VIRIDIS_VM_MODEL_IOAPIC_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#define IOAPIC_MODEL_GPA   0xfec00000u
#define IOAPIC_MODEL_BYTES 0x1000u
#define IOAPIC_MODEL_PINS  24u
#define IOAPIC_MODEL_ID    0u

struct ioapic_model {
	uint64_t entry[IOAPIC_MODEL_PINS]; /* redirection table */
	uint32_t lines;                    /* level of each input */
	uint32_t pending;                  /* I1: to be delivered */
	uint8_t select;                    /* IOREGSEL */
	uint8_t id;
};

struct ioapic_delivery {
	uint8_t vector;
	uint8_t mode; /* enum hv_interrupt_type: fixed, lowest priority or NMI */
	uint8_t destination;
	bool logical;
	bool level;
};

void ioapic_model_reset(struct ioapic_model *ioapic);

/* offset: in the 4 KiB register page; bytes: 1, 2, 4 or 8. */
uint64_t ioapic_model_read(const struct ioapic_model *ioapic, uint32_t offset,
                           unsigned int bytes);
void ioapic_model_write(struct ioapic_model *ioapic, uint32_t offset, unsigned int bytes,
                        uint64_t value);

void ioapic_model_set_line(struct ioapic_model *ioapic, unsigned int pin, bool high);
void ioapic_model_eoi(struct ioapic_model *ioapic, uint8_t vector);

bool ioapic_model_take(struct ioapic_model *ioapic, struct ioapic_delivery *delivery);

#endif
