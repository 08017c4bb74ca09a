/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any accesses of the root's to an IOAPIC behind its guard, carried out on a model of the device: whatever
 * the order of halves and registers, no entry of it ever sends what could reach past the hypervisor, and
 * what a harmless entry says arrives.
 */
#include "hypervisor/core/ioapic_guard.h"
#include <stdbool.h>
#include <viridis/base/cursor.h>

#define CHECK(condition)                  \
	do {                              \
		if (!(condition))         \
			__builtin_trap(); \
	} while (0)

#define EXCEPTIONS     0x10u /* lower vectors are no interrupts' */
#define HYPERVISORS    0xf0u /* from here on */
#define MASK           UINT32_C(0x10000)
#define READ_ONLY      UINT32_C(0x5000) /* delivery status, remote IRR */
#define KEPT           UINT32_C(0x1ffff)
#define ENTRIES        0x10u
#define DELIVERY_FIXED 0u
#define DELIVERY_LOW   1u
#define DELIVERY_EXT   7u

/* Intel 82093AA 3: an index, and the registers it selects. */
struct device {
	uint32_t select;
	uint32_t registers[256];
	uint32_t eoi;
};

static void device_write(struct device *device, uint32_t offset, uint32_t value)
{
	if (offset == 0x00) {
		device->select = value & 0xff;
	} else if (offset == 0x10) {
		CHECK(device->select != 1 && device->select != 2); /* read-only */
		device->registers[device->select] = value;
	} else {
		CHECK(offset == 0x40);
		device->eoi = value;
	}
}

static bool is_harmless(uint32_t low)
{
	uint32_t delivery = low >> 8 & 7, vector = low & 0xff;

	return (low & MASK) ||
	       ((delivery == DELIVERY_FIXED || delivery == DELIVERY_LOW) &&
	        vector >= IOAPIC_FIRST_VECTOR && vector <= IOAPIC_LAST_VECTOR);
}
_Static_assert(IOAPIC_FIRST_VECTOR >= EXCEPTIONS && IOAPIC_LAST_VECTOR < HYPERVISORS,
               "the guard's vectors are devices'");

static void check_device(const struct device *device, const struct ioapic_guard *guard,
                         unsigned int entries)
{
	CHECK(device->select == guard->select);
	for (unsigned int i = 3; i < 256; i++) {
		bool is_entry = i >= ENTRIES && i < ENTRIES + 2 * entries;

		CHECK(is_entry || device->registers[i] == 0);
		if (is_entry && i % 2 == 0)
			CHECK(is_harmless(device->registers[i]));
		else
			CHECK((device->registers[i] & 0x00ffffff) == 0);
	}
}

/* What the root wrote, and what became of it. */
static void judge(const struct device *device, unsigned int entries, uint32_t offset,
                  uint32_t asked, enum ioapic_verdict verdict)
{
	uint32_t at = device->select, got = device->registers[at];
	bool is_entry = at >= ENTRIES && at < ENTRIES + 2 * entries;

	if (offset != 0x10) {
		CHECK(verdict == IOAPIC_PASSED || verdict == IOAPIC_REFUSED);
		CHECK(offset != 0 || verdict == IOAPIC_PASSED);
		return;
	}
	CHECK((verdict == IOAPIC_REFUSED) == (at != 0 && !is_entry));
	if (!is_entry)
		return;
	if (at % 2) {
		CHECK(got == (asked & 0xff000000));
	} else if (is_harmless(asked)) {
		CHECK(verdict == IOAPIC_PASSED && got == (asked & KEPT & ~READ_ONLY));
	} else {
		CHECK(got == ((asked | MASK) & KEPT & ~READ_ONLY));
		CHECK(verdict == ((asked >> 8 & 7) == DELIVERY_EXT ?
		                          IOAPIC_PASSED :
		                          IOAPIC_FORCED_MASKED));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t offsets[] = { 0x00, 0x10, 0x10, 0x40 };
	struct cursor in = cursor_over(data, size);
	uint32_t version = cursor_le32(&in);
	unsigned int entries = (version >> 16 & 0xff) + 1;
	struct device device = { 0 };
	struct ioapic_guard guard;

	if (entries > 120) /* 0x10 + 2 * 120 = 0x100: an index has 8 bits */
		entries = 120;
	for (unsigned int i = 0; i < entries; i++) /* as reset leaves them */
		device.registers[ENTRIES + 2 * i] = MASK;
	ioapic_guard_init(&guard, version);
	while (cursor_left(&in) >= 6) {
		uint8_t how = cursor_u8(&in);
		uint32_t offset = cursor_u8(&in), value = cursor_le32(&in), asked = value;
		unsigned int bytes = how & 0x60 ? 4 : how & 7;
		enum ioapic_verdict verdict;

		if (how & 0x80)
			offset = offsets[offset % 4];
		if (how & 0x40 && offset == 0) /* at the entries */
			value = asked = ENTRIES + value % (2 * entries);
		verdict = ioapic_guard_write(&guard, offset, bytes, &value);
		CHECK(bytes == 4 || verdict == IOAPIC_REFUSED);
		if (verdict == IOAPIC_PASSED || verdict == IOAPIC_FORCED_MASKED)
			device_write(&device, offset, value);
		if (bytes == 4)
			judge(&device, entries, offset, asked, verdict);
		check_device(&device, &guard, entries);
	}
	return 0;
}
