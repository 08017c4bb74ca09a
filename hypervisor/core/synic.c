/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The synthetic interrupt controller. The invariants SYNIC-1 to 4 are in synic.h. */
#include "hypervisor/core/synic.h"

#include <viridis/base/mem.h>

#define SINT_KEPT (HV_SINT_VECTOR | HV_SINT_MASKED | HV_SINT_AUTO_EOI | HV_SINT_POLLING)
#define PAGE_KEPT (~UINT64_C(0xfff) | HV_MSR_PAGE_ENABLE)

/* SYNIC-1: readers are on other CPUs, each field is independent of the others. */
static uint64_t field_load(const uint64_t *field)
{
	return __atomic_load_n(field, __ATOMIC_RELAXED);
}

static void field_store(uint64_t *field, uint64_t value)
{
	__atomic_store_n(field, value, __ATOMIC_RELAXED);
}

void synic_reset(struct synic *synic)
{
	*synic = (struct synic){ .sversion = 1 };
	for (unsigned int i = 0; i < HV_SINT_COUNT; i++)
		synic->sint[i] = HV_SINT_RESET_VALUE;
}

/* TLFS 11.8.4: an unmasked source needs a deliverable vector, unless the guest polls. */
static bool write_sint(struct synic *synic, unsigned int sint, uint64_t value,
                       uint16_t *rescan)
{
	bool interrupts = !(value & (HV_SINT_MASKED | HV_SINT_POLLING));

	if (interrupts && (value & HV_SINT_VECTOR) < HV_VECTOR_MIN)
		return false;
	field_store(&synic->sint[sint], value & SINT_KEPT);
	*rescan = (uint16_t)(1u << sint);
	synic->auto_eoi &= (uint16_t) ~*rescan;
	if (value & HV_SINT_AUTO_EOI)
		synic->auto_eoi |= *rescan;
	return true;
}

bool synic_write(struct synic *synic, uint32_t msr, uint64_t value, uint16_t *rescan)
{
	static const uint64_t kept[ARRAY_COUNT(synic->registers)] = {
		HV_MSR_SCONTROL_ENABLE, 0, PAGE_KEPT, PAGE_KEPT, 0
	};
	uint32_t index = msr - HV_MSR_SCONTROL, sint = msr - HV_MSR_SINT0;

	*rescan = SYNIC_ALL_SINTS;
	if (index < ARRAY_COUNT(kept) && msr != HV_MSR_SVERSION) {
		field_store(&synic->registers[index], value & kept[index]);
		return true;
	}
	return sint < HV_SINT_COUNT && write_sint(synic, sint, value, rescan);
}

static bool is_on(const struct synic *synic)
{
	return (field_load(&synic->scontrol) & HV_MSR_SCONTROL_ENABLE) != 0;
}

bool synic_takes_messages(const struct synic *synic)
{
	return is_on(synic) && (field_load(&synic->simp) & HV_MSR_PAGE_ENABLE) != 0;
}

bool synic_takes_events(const struct synic *synic)
{
	return is_on(synic) && (field_load(&synic->siefp) & HV_MSR_PAGE_ENABLE) != 0;
}

bool synic_vector(const struct synic *synic, unsigned int sint, uint8_t *vector)
{
	uint64_t value = field_load(&synic->sint[sint % HV_SINT_COUNT]);

	*vector = (uint8_t)(value & HV_SINT_VECTOR);
	return is_on(synic) && !(value & (HV_SINT_MASKED | HV_SINT_POLLING));
}

uint16_t synic_sints_of_vector(const struct synic *synic, uint8_t vector)
{
	unsigned int sints = 0;

	for (unsigned int i = 0; i < HV_SINT_COUNT; i++) {
		uint64_t value = field_load(&synic->sint[i]);

		if (!(value & HV_SINT_MASKED) && (value & HV_SINT_VECTOR) == vector)
			sints |= 1u << i;
	}
	return (uint16_t)sints;
}

/* Pairs with the guest's store of type 0 when it is done with the slot. */
static bool slot_is_free(const struct hv_message *slot)
{
	return __atomic_load_n(&slot->type, __ATOMIC_ACQUIRE) == HV_MESSAGE_NONE;
}

bool synic_slot_post(struct hv_message *slot, const struct hv_message *message)
{
	if (!slot_is_free(slot)) {
		/* SYNIC-4: set the flag, then look again; the guest frees, then looks at the flag. */
		__atomic_fetch_or(&slot->flags, HV_MESSAGE_FLAG_PENDING,
		                  __ATOMIC_SEQ_CST);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (!slot_is_free(slot))
			return false;
	}
	memcpy(slot->payload, message->payload, sizeof(slot->payload));
	slot->sender = message->sender;
	slot->payload_size = message->payload_size < HV_MESSAGE_PAYLOAD_BYTES ?
	                             message->payload_size :
	                             HV_MESSAGE_PAYLOAD_BYTES;
	slot->reserved = 0;
	/* Atomic, for the guest may look at the flags of the message before this one. */
	__atomic_store_n(&slot->flags, 0, __ATOMIC_RELAXED);
	/* SYNIC-3: pairs with the guest's load of type. */
	__atomic_store_n(&slot->type, message->type, __ATOMIC_RELEASE);
	return true;
}

bool synic_flag_set(struct hv_event_flags_page *page, unsigned int sint,
                    unsigned int flag)
{
	uint64_t bit = BIT64(flag % 64);

	if (sint >= HV_SINT_COUNT || flag >= HV_EVENT_FLAGS_PER_SINT)
		return false;
	/* Acquire-release: pairs with the guest's test-and-clear, so that what the sender wrote
	 * before is seen by who finds the flag. */
	return !(__atomic_fetch_or(&page->flags[sint][flag / 64], bit, __ATOMIC_ACQ_REL) &
	         bit);
}
