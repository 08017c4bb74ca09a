/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The calling VP's synthetic interrupt controller. TLFS 11 */
#include "vsc/lib/synic.h"

#include <viridis/abi/hv_msr.h>
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "vsc/lib/clock.h"
#include "vsc/lib/cpu.h"
#include "vsc/lib/guest.h"

static struct hv_message_page *messages;
static struct hv_event_flags_page *events;

void synic_enable(void)
{
	if (!messages) {
		messages = pages_take(1);
		events = pages_take(1);
	}
	cpu_wrmsr(HV_MSR_SIMP, (uint64_t)messages | HV_MSR_PAGE_ENABLE);
	cpu_wrmsr(HV_MSR_SIEFP, (uint64_t)events | HV_MSR_PAGE_ENABLE);
	cpu_wrmsr(HV_MSR_SCONTROL, HV_MSR_SCONTROL_ENABLE);
}

void synic_disable(void)
{
	for (unsigned int sint = 0; sint < HV_SINT_COUNT; sint++)
		synic_mask_sint(sint);
	cpu_wrmsr(HV_MSR_SCONTROL, 0);
	cpu_wrmsr(HV_MSR_SIMP, 0);
	cpu_wrmsr(HV_MSR_SIEFP, 0);
}

volatile struct hv_message *synic_slot(unsigned int sint)
{
	return &messages->slot[sint];
}

volatile uint64_t *synic_flags(unsigned int sint)
{
	return events->flags[sint];
}

void synic_set_sint(unsigned int sint, uint8_t vector)
{
	cpu_wrmsr(HV_MSR_SINT0 + sint, vector);
}

void synic_mask_sint(unsigned int sint)
{
	cpu_wrmsr(HV_MSR_SINT0 + sint, HV_SINT_RESET_VALUE);
}

bool synic_take_message(unsigned int sint, struct hv_message *message)
{
	struct hv_message *slot = &messages->slot[sint];

	/* Acquire: the hypervisor writes the type last. */
	if (__atomic_load_n(&slot->type, __ATOMIC_ACQUIRE) == HV_MESSAGE_NONE)
		return false;
	memcpy(message, slot, sizeof(*message));
	/* Full fence: the slot is free before the pending bit is read. TLFS 11.9.1 */
	__atomic_store_n(&slot->type, HV_MESSAGE_NONE, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&slot->flags, __ATOMIC_SEQ_CST) & HV_MESSAGE_FLAG_PENDING)
		cpu_wrmsr(HV_MSR_EOM, 0);
	return true;
}

bool synic_take_flag(unsigned int sint, unsigned int flag)
{
	uint64_t bit = BIT64(flag % 64);
	uint64_t *word = &events->flags[sint][flag / 64];

	/* Acquire: what the sender wrote before the signal is seen after it. */
	return __atomic_fetch_and(word, ~bit, __ATOMIC_ACQUIRE) & bit;
}

bool synic_wait_message(unsigned int sint, struct hv_message *message, uint64_t ms)
{
	uint64_t deadline = clock_deadline(ms);

	while (!synic_take_message(sint, message)) {
		if (clock_passed(deadline))
			return false;
		cpu_take_interrupts();
	}
	return true;
}
