/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any sequence of accesses, line changes and EOIs: I1 and I2 of ioapic_model.h hold. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "root-partition/vm/model/ioapic_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct ioapic_model *ioapic)
{
	for (unsigned int pin = 0; pin < IOAPIC_MODEL_PINS; pin++) {
		uint64_t entry = ioapic->entry[pin];

		if ((ioapic->pending >> pin & 1) && (entry & 0x10000))
			__builtin_trap();
		if ((entry & 0x4000) && !(entry & 0x8000))
			__builtin_trap();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ioapic_delivery delivery;
	struct ioapic_model ioapic;

	ioapic_model_reset(&ioapic);
	for (size_t i = 0; i + 6 <= size; i += 6) {
		uint32_t value;

		memcpy(&value, data + i + 2, sizeof(value));
		switch (data[i] & 7) {
		case 0:
		case 1:
			ioapic_model_write(&ioapic, (data[i] & 1) * 16, 4, value);
			break;
		case 2:
			ioapic_model_write(&ioapic, value, data[i + 1], value);
			break;
		case 3:
			(void)ioapic_model_read(&ioapic, 16, 4);
			break;
		case 4:
			ioapic_model_eoi(&ioapic, data[i + 1]);
			break;
		case 5:
			(void)ioapic_model_take(&ioapic, &delivery);
			break;
		default:
			ioapic_model_set_line(&ioapic, data[i + 1] & 31, data[i] & 1);
			break;
		}
		check(&ioapic);
	}
	return 0;
}
