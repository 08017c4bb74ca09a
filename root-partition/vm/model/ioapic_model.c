/* SPDX-License-Identifier: GPL-2.0-or-later */
/* I/O APIC. Registers and redirection table entries: 82093AA 3.1 and 3.2. */
#include "root-partition/vm/model/ioapic_model.h"

#include <viridis/abi/hv_hypercall.h>
#include <viridis/base/bits.h>

#define OFFSET_SELECT 0x00u
#define OFFSET_WINDOW 0x10u

#define REGISTER_ID          0x00u
#define REGISTER_VERSION     0x01u
#define REGISTER_ARBITRATION 0x02u
#define REGISTER_TABLE       0x10u

#define VERSION_VALUE ((IOAPIC_MODEL_PINS - 1) << 16 | 0x11u)

#define ENTRY_LOGICAL    BIT64(11)
#define ENTRY_REMOTE_IRR BIT64(14)
#define ENTRY_LEVEL      BIT64(15)
#define ENTRY_MASKED     BIT64(16)
/* Delivery status and remote IRR are the hardware's; so is what is reserved. */
#define ENTRY_WRITABLE \
	(bits_mask(56, 8) | bits_mask(15, 2) | BIT64(13) | bits_mask(0, 12))

void ioapic_model_reset(struct ioapic_model *ioapic)
{
	*ioapic = (struct ioapic_model){ .id = IOAPIC_MODEL_ID };
	for (unsigned int pin = 0; pin < IOAPIC_MODEL_PINS; pin++)
		ioapic->entry[pin] = ENTRY_MASKED;
}

/* Make a level pin pending if it has reason to be. */
static void evaluate_level(struct ioapic_model *ioapic, unsigned int pin)
{
	uint64_t entry = ioapic->entry[pin];

	if (!(entry & ENTRY_LEVEL) || (entry & (ENTRY_MASKED | ENTRY_REMOTE_IRR)))
		return;
	if (ioapic->lines & BIT32(pin))
		ioapic->pending |= BIT32(pin);
	else
		ioapic->pending &= ~BIT32(pin);
}

void ioapic_model_set_line(struct ioapic_model *ioapic, unsigned int pin, bool high)
{
	bool was_high;

	if (pin >= IOAPIC_MODEL_PINS)
		return;
	was_high = ioapic->lines & BIT32(pin);
	ioapic->lines = high ? ioapic->lines | BIT32(pin) : ioapic->lines & ~BIT32(pin);
	/* An edge at a masked pin is lost. 82093AA 3.2.4, "Interrupt mask" */
	if (!(ioapic->entry[pin] & (ENTRY_LEVEL | ENTRY_MASKED)) && high && !was_high)
		ioapic->pending |= BIT32(pin);
	evaluate_level(ioapic, pin);
}

void ioapic_model_eoi(struct ioapic_model *ioapic, uint8_t vector)
{
	for (unsigned int pin = 0; pin < IOAPIC_MODEL_PINS; pin++) {
		uint64_t *entry = &ioapic->entry[pin];

		if ((*entry & ENTRY_REMOTE_IRR) && (*entry & 0xff) == vector) {
			*entry &= ~ENTRY_REMOTE_IRR;
			evaluate_level(ioapic, pin);
		}
	}
}

static void write_entry(struct ioapic_model *ioapic, unsigned int pin, bool upper,
                        uint32_t value)
{
	uint64_t old = ioapic->entry[pin];
	uint64_t entry = upper ? (uint64_t)value << 32 | (uint32_t)old :
	                         (old & bits_mask(32, 32)) | value;

	entry = (entry & ENTRY_WRITABLE) | (old & ENTRY_REMOTE_IRR);
	if (!(entry & ENTRY_LEVEL))
		entry &= ~ENTRY_REMOTE_IRR; /* I2; software clears a stuck one this way */
	if (entry & ENTRY_MASKED)
		ioapic->pending &= ~BIT32(pin); /* I1 */
	ioapic->entry[pin] = entry;
	evaluate_level(ioapic, pin);
}

static void write_register(struct ioapic_model *ioapic, uint32_t value)
{
	unsigned int at = ioapic->select - REGISTER_TABLE;

	if (ioapic->select == REGISTER_ID)
		ioapic->id = value >> 24 & 0xf;
	else if (ioapic->select >= REGISTER_TABLE && at / 2 < IOAPIC_MODEL_PINS)
		write_entry(ioapic, at / 2, at & 1, value);
}

static uint32_t read_register(const struct ioapic_model *ioapic)
{
	unsigned int at = ioapic->select - REGISTER_TABLE;

	switch (ioapic->select) {
	case REGISTER_ID:
	case REGISTER_ARBITRATION:
		return (uint32_t)ioapic->id << 24;
	case REGISTER_VERSION:
		return VERSION_VALUE;
	default:
		if (ioapic->select < REGISTER_TABLE || at / 2 >= IOAPIC_MODEL_PINS)
			return 0;
		return (uint32_t)(ioapic->entry[at / 2] >> (at & 1 ? 32 : 0));
	}
}

/* The two registers answer dwords only; what else is asked for is left to read zeros. */
uint64_t ioapic_model_read(const struct ioapic_model *ioapic, uint32_t offset,
                           unsigned int bytes)
{
	if (bytes != 4)
		return 0;
	if (offset == OFFSET_SELECT)
		return ioapic->select;
	if (offset == OFFSET_WINDOW)
		return read_register(ioapic);
	return 0;
}

void ioapic_model_write(struct ioapic_model *ioapic, uint32_t offset, unsigned int bytes,
                        uint64_t value)
{
	if (bytes != 4)
		return;
	if (offset == OFFSET_SELECT)
		ioapic->select = (uint8_t)value;
	else if (offset == OFFSET_WINDOW)
		write_register(ioapic, (uint32_t)value);
}

/* SMI, INIT and ExtINT come from no device of ours; a vector below 16 is not one. SDM3 11.5.2 */
static bool deliverable(uint64_t entry)
{
	switch (bits_get(entry, 8, 3)) {
	case HV_INTERRUPT_FIXED:
	case HV_INTERRUPT_LOWEST_PRIORITY:
		return (entry & 0xff) >= 16;
	case HV_INTERRUPT_NMI:
		return true;
	default:
		return false;
	}
}

bool ioapic_model_take(struct ioapic_model *ioapic, struct ioapic_delivery *delivery)
{
	while (ioapic->pending) {
		unsigned int pin = (unsigned int)__builtin_ctz(ioapic->pending);
		uint64_t entry = ioapic->entry[pin];

		ioapic->pending &= ~BIT32(pin);
		if (!deliverable(entry))
			continue;
		if (entry & ENTRY_LEVEL)
			ioapic->entry[pin] |= ENTRY_REMOTE_IRR; /* I2 */
		*delivery = (struct ioapic_delivery){
			.vector = entry & 0xff,
			.mode = (uint8_t)bits_get(entry, 8, 3),
			.destination = (uint8_t)(entry >> 56),
			.logical = entry & ENTRY_LOGICAL,
			.level = entry & ENTRY_LEVEL,
		};
		return true;
	}
	return false;
}
