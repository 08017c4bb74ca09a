/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The physical local APIC. Its registers have the names of the virtual one's: core/vlapic.h. APM2 16 */
#include "hypervisor/arch/x86/lapic.h"

#include "hypervisor/arch/x86/cpu.h"
#include "hypervisor/arch/x86/paging.h"
#include "hypervisor/core/vlapic.h"
#include "hypervisor/kernel/base/log.h"
#include "hypervisor/kernel/base/percpu.h"

#define DIVIDE_BY_1 0xb
#define ICR_SELF    BIT32(18)

static volatile uint32_t *registers; /* NULL: x2APIC */

static uint32_t reg_read(uint32_t reg)
{
	return registers ? registers[reg / 4] :
	                   (uint32_t)cpu_rdmsr(VLAPIC_MSR_FIRST + reg / 16);
}

static void reg_write(uint32_t reg, uint32_t value)
{
	if (registers)
		registers[reg / 4] = value;
	else
		cpu_wrmsr(VLAPIC_MSR_FIRST + reg / 16, value);
}

void lapic_setup(void)
{
	uint64_t base = cpu_rdmsr(MSR_APIC_BASE);

	if (!(base & VLAPIC_BASE_X2APIC))
		registers = mmio_map(base & PTE_ADDRESS);
	/* Nothing is to come by the two 8259s before the root takes them up. */
	cpu_outb(0x21, 0xff);
	cpu_outb(0xa1, 0xff);
	lapic_init();
	this_cpu()->apic_id = lapic_id();
	log_line("lapic: %s mode, id %u", registers ? "xAPIC" : "x2APIC", lapic_id());
}

bool lapic_is_x2apic(void)
{
	return !registers;
}

/* A CPU out of INIT is in xAPIC mode even where the first one was found in x2APIC mode. */
static void enter_mode(void)
{
	uint64_t base = cpu_rdmsr(MSR_APIC_BASE);
	uint64_t wanted = base | VLAPIC_BASE_ENABLE |
	                  (lapic_is_x2apic() ? VLAPIC_BASE_X2APIC : 0);

	if (wanted != base)
		cpu_wrmsr(MSR_APIC_BASE, wanted);
}

void lapic_init(void)
{
	static const uint32_t local_sources[] = {
		VLAPIC_LVT_TIMER_REGISTER, VLAPIC_LVT_LINT0_REGISTER,
		VLAPIC_LVT_LINT1_REGISTER, VLAPIC_LVT_PERFORMANCE_REGISTER,
		VLAPIC_LVT_ERROR_REGISTER,
	};

	enter_mode();
	reg_write(VLAPIC_SVR, VLAPIC_SVR_ENABLE | VECTOR_SPURIOUS);
	for (size_t i = 0; i < sizeof(local_sources) / sizeof(local_sources[0]); i++)
		reg_write(local_sources[i], VLAPIC_LVT_MASKED);
	reg_write(VLAPIC_TPR, EXTERNAL_FIRST - 1); /* vectors below are exceptions' */
	if (!lapic_is_x2apic()) {
		reg_write(VLAPIC_DFR, VLAPIC_DFR_FLAT);
		reg_write(VLAPIC_LDR, lapic_id() < 8 ? 1u << (24 + lapic_id()) : 0);
	}
	reg_write(VLAPIC_TIMER_DIVIDE, DIVIDE_BY_1);
	reg_write(VLAPIC_TIMER_INITIAL, 0);
	/* One shot; 0 keeps it stopped. */
	reg_write(VLAPIC_LVT_TIMER_REGISTER, VECTOR_TIMER);
	/* What the firmware left in service would hold back all of ours. Bounded by the ISR's bits. */
	for (unsigned int i = 0; i < 256; i++)
		lapic_eoi();
}

uint32_t lapic_id(void)
{
	return reg_read(VLAPIC_ID) >> (registers ? 24 : 0);
}

void lapic_eoi(void)
{
	reg_write(VLAPIC_EOI, 0);
}

bool lapic_holds(enum lapic_vectors which, uint8_t vector)
{
	return reg_read(which + vector / 32 * 16) >> (vector % 32) & 1;
}

/*
 * xAPIC: the write to the low half sends, so the destination comes first. APM2 16.5. x2APIC: unlike a
 * store to memory this WRMSR serializes nothing: what the receiver is to see must be visible
 * before. APM2 16.11
 */
void lapic_send(uint32_t apic_id, uint32_t what)
{
	if (!registers) {
		cpu_mfence();
		cpu_wrmsr(VLAPIC_MSR_FIRST + VLAPIC_ICR / 16,
		          (uint64_t)apic_id << 32 | VLAPIC_ICR_ASSERT | what);
		return;
	}
	while (reg_read(VLAPIC_ICR) & VLAPIC_ICR_STATUS)
		cpu_pause();
	reg_write(VLAPIC_ICR_HIGH, apic_id << 24);
	reg_write(VLAPIC_ICR, VLAPIC_ICR_ASSERT | what);
}

void lapic_send_self(uint32_t what)
{
	reg_write(VLAPIC_ICR, VLAPIC_ICR_ASSERT | ICR_SELF | what);
}

void lapic_timer_arm(uint64_t ticks)
{
	reg_write(VLAPIC_TIMER_INITIAL,
	          ticks < UINT32_MAX ? (uint32_t)ticks : UINT32_MAX);
}

uint32_t lapic_timer_left(void)
{
	return reg_read(VLAPIC_TIMER_CURRENT);
}
