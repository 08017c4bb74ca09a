/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the root may write to a physical IOAPIC. Intel 82093AA 3.1, 3.2; ICH9 13.5. */
#include "hypervisor/core/ioapic_guard.h"

#define REGISTER_ID      0x00u
#define REGISTER_VERSION IOAPIC_REGISTER_VERSION
#define REGISTER_ARBITER 0x02u
#define VERSION_WITH_EOI 0x20u
#define MOST_ENTRIES     120u /* that the 8-bit index can reach */

#define ENTRY_WRITABLE UINT32_C(0x0001afff) /* all but delivery status and remote IRR */
#define HIGH_WRITABLE \
	UINT32_C(0xff000000) /* remapping's bits are not the root's to set */
#define ID_WRITABLE     UINT32_C(0x0f000000)
#define DELIVERY_FIXED  0u
#define DELIVERY_LOWEST 1u
#define DELIVERY_EXTINT 7u

void ioapic_guard_init(struct ioapic_guard *guard, uint32_t version_register)
{
	unsigned int entries = (version_register >> 16 & 0xff) + 1;

	guard->select = 0;
	guard->version = version_register & 0xff;
	guard->entries = (uint16_t)(entries < MOST_ENTRIES ? entries : MOST_ENTRIES);
}

uint32_t ioapic_guard_low(uint32_t low, enum ioapic_verdict *verdict)
{
	uint32_t delivery = low >> 8 & 7;
	uint32_t vector = low & 0xff;

	low &= ENTRY_WRITABLE;
	*verdict = IOAPIC_PASSED;
	if (low & IOAPIC_ENTRY_MASKED)
		return low;
	if ((delivery == DELIVERY_FIXED || delivery == DELIVERY_LOWEST) &&
	    vector >= IOAPIC_FIRST_VECTOR && vector <= IOAPIC_LAST_VECTOR)
		return low;
	*verdict = delivery == DELIVERY_EXTINT ? IOAPIC_QUIETLY_MASKED :
	                                         IOAPIC_FORCED_MASKED;
	return low | IOAPIC_ENTRY_MASKED;
}

static struct ioapic_outcome pass(uint32_t offset, uint32_t value)
{
	return (struct ioapic_outcome){ .verdict = IOAPIC_PASSED,
		                        .writes = true,
		                        .offset = offset,
		                        .value = value };
}

static struct ioapic_outcome withhold(enum ioapic_verdict verdict)
{
	return (struct ioapic_outcome){ .verdict = verdict };
}

static struct ioapic_outcome write_entry(const struct ioapic_guard *guard, uint32_t value)
{
	unsigned int half = guard->select - IOAPIC_REGISTER_ENTRIES;
	struct ioapic_outcome outcome;

	if (half / 2 >= guard->entries)
		return withhold(IOAPIC_REFUSED);
	if (half & 1)
		return pass(IOAPIC_WINDOW, value & HIGH_WRITABLE);
	outcome = pass(IOAPIC_WINDOW, 0);
	outcome.value = ioapic_guard_low(value, &outcome.verdict);
	return outcome;
}

static struct ioapic_outcome write_window(const struct ioapic_guard *guard,
                                          uint32_t value)
{
	if (guard->select >= IOAPIC_REGISTER_ENTRIES)
		return write_entry(guard, value);
	switch (guard->select) {
	case REGISTER_ID:
		return pass(IOAPIC_WINDOW, value & ID_WRITABLE);
	case REGISTER_VERSION:
	case REGISTER_ARBITER:
		return withhold(IOAPIC_IGNORED);
	default:
		return withhold(IOAPIC_REFUSED);
	}
}

struct ioapic_outcome ioapic_guard_write(struct ioapic_guard *guard, uint32_t offset,
                                         unsigned int bytes, uint32_t value)
{
	if (bytes != 4)
		return withhold(IOAPIC_REFUSED);
	switch (offset) {
	case IOAPIC_SELECT:
		guard->select = (uint8_t)value;
		return pass(IOAPIC_SELECT, guard->select);
	case IOAPIC_WINDOW:
		return write_window(guard, value);
	case IOAPIC_EOI:
		if (guard->version >= VERSION_WITH_EOI)
			return pass(IOAPIC_EOI, value & 0xff);
		return withhold(IOAPIC_REFUSED);
	default:
		return withhold(IOAPIC_REFUSED);
	}
}
