/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the root may write to a physical IOAPIC. Intel 82093AA 3.1, 3.2; ICH9 13.5. */
#include "hypervisor/core/ioapic_guard.h"

#define REGISTER_ID      0x00u
#define VERSION_WITH_EOI 0x20u
#define MOST_ENTRIES     120u /* that the 8-bit index can reach */

#define ENTRY_WRITABLE UINT32_C(0x0001afff) /* all but delivery status and remote IRR */
/* Remapping's bits are not the root's to set. */
#define HIGH_WRITABLE   UINT32_C(0xff000000)
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

static enum ioapic_verdict judge_low(uint32_t *low)
{
	uint32_t delivery = *low >> 8 & 7;
	uint32_t vector = *low & 0xff;

	*low &= ENTRY_WRITABLE;
	if (*low & IOAPIC_ENTRY_MASKED)
		return IOAPIC_PASSED;
	if ((delivery == DELIVERY_FIXED || delivery == DELIVERY_LOWEST) &&
	    vector >= IOAPIC_FIRST_VECTOR && vector <= IOAPIC_LAST_VECTOR)
		return IOAPIC_PASSED;
	*low |= IOAPIC_ENTRY_MASKED;
	/* ExtINT is what Linux sets in virtual wire mode. */
	return delivery == DELIVERY_EXTINT ? IOAPIC_PASSED : IOAPIC_FORCED_MASKED;
}

static enum ioapic_verdict write_window(const struct ioapic_guard *guard, uint32_t *value)
{
	unsigned int half = guard->select - IOAPIC_REGISTER_ENTRIES;

	if (guard->select == REGISTER_ID)
		*value &= ID_WRITABLE;
	else if (guard->select < IOAPIC_REGISTER_ENTRIES || half / 2 >= guard->entries)
		return IOAPIC_REFUSED;
	else if (half & 1)
		*value &= HIGH_WRITABLE;
	else
		return judge_low(value);
	return IOAPIC_PASSED;
}

enum ioapic_verdict ioapic_guard_write(struct ioapic_guard *guard, uint32_t offset,
                                       unsigned int bytes, uint32_t *value)
{
	if (bytes != 4)
		return IOAPIC_REFUSED;
	if (offset == IOAPIC_WINDOW)
		return write_window(guard, value);
	if (offset != IOAPIC_SELECT &&
	    (offset != IOAPIC_EOI || guard->version < VERSION_WITH_EOI))
		return IOAPIC_REFUSED;
	*value &= 0xff;
	if (offset == IOAPIC_SELECT)
		guard->select = (uint8_t)*value;
	return IOAPIC_PASSED;
}
