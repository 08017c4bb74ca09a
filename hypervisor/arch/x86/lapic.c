/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The physical local APIC. Registers are named by their x2APIC number, MMIO offset / 16. APM2 16 */
#include "hypervisor/arch/x86/lapic.h"

#include <stddef.h>
#include "hypervisor/arch/x86/cpu.h"
#include "hypervisor/arch/x86/paging.h"
#include "hypervisor/arch/x86/traps.h"
#include "hypervisor/kernel/base/log.h"
#include "hypervisor/kernel/base/percpu.h"

enum lapic_register {
	LAPIC_ID = 0x02,
	LAPIC_TPR = 0x08,
	LAPIC_EOI = 0x0b,
	LAPIC_LDR = 0x0d,
	LAPIC_DFR = 0x0e,
	LAPIC_SVR = 0x0f,
	LAPIC_ICR = 0x30,
	LAPIC_ICR_HIGH = 0x31,
	LAPIC_LVT_TIMER = 0x32,
	LAPIC_LVT_PERFORMANCE = 0x34,
	LAPIC_LVT_LINT0 = 0x35,
	LAPIC_LVT_LINT1 = 0x36,
	LAPIC_LVT_ERROR = 0x37,
	LAPIC_TIMER_INITIAL = 0x38,
	LAPIC_TIMER_CURRENT = 0x39,
	LAPIC_TIMER_DIVIDE = 0x3e,
};

#define SVR_ENABLE  0x100
#define LVT_MASKED  0x10000
#define DFR_FLAT    0xffffffff
#define DIVIDE_BY_1 0xb
#define ICR_PENDING 0x1000
#define ICR_ASSERT  0x4000
#define ICR_SELF    BIT32(18)

static volatile uint32_t *registers; /* NULL: x2APIC */

static uint32_t read(enum lapic_register reg)
{
	return registers ? registers[reg * 4] :
	                   (uint32_t)cpu_rdmsr(MSR_X2APIC_FIRST + reg);
}

static void write(enum lapic_register reg, uint32_t value)
{
	if (registers)
		registers[reg * 4] = value;
	else
		cpu_wrmsr(MSR_X2APIC_FIRST + reg, value);
}

void lapic_setup(void)
{
	uint64_t base = cpu_rdmsr(MSR_APIC_BASE);

	if (!(base & APIC_BASE_X2APIC))
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
	uint64_t wanted = base | APIC_BASE_ENABLE |
	                  (lapic_is_x2apic() ? APIC_BASE_X2APIC : 0);

	if (wanted != base)
		cpu_wrmsr(MSR_APIC_BASE, wanted);
}

void lapic_init(void)
{
	static const enum lapic_register local_sources[] = {
		LAPIC_LVT_TIMER,       LAPIC_LVT_LINT0, LAPIC_LVT_LINT1,
		LAPIC_LVT_PERFORMANCE, LAPIC_LVT_ERROR,
	};

	enter_mode();
	write(LAPIC_SVR, SVR_ENABLE | VECTOR_SPURIOUS);
	for (size_t i = 0; i < sizeof(local_sources) / sizeof(local_sources[0]); i++)
		write(local_sources[i], LVT_MASKED);
	write(LAPIC_TPR, EXTERNAL_FIRST - 1); /* vectors below are exceptions' */
	if (!lapic_is_x2apic()) {
		write(LAPIC_DFR, DFR_FLAT);
		write(LAPIC_LDR, lapic_id() < 8 ? 1u << (24 + lapic_id()) : 0);
	}
	write(LAPIC_TIMER_DIVIDE, DIVIDE_BY_1);
	write(LAPIC_TIMER_INITIAL, 0);
	write(LAPIC_LVT_TIMER, VECTOR_TIMER); /* one shot; 0 keeps it stopped */
	/* What the firmware left in service would hold back all of ours. Bounded by the ISR's bits. */
	for (unsigned int i = 0; i < 256; i++)
		lapic_eoi();
}

uint32_t lapic_id(void)
{
	return read(LAPIC_ID) >> (registers ? 24 : 0);
}

void lapic_eoi(void)
{
	write(LAPIC_EOI, 0);
}

bool lapic_holds(enum lapic_vectors which, uint8_t vector)
{
	return read((enum lapic_register)(which + vector / 32)) >> (vector % 32) & 1;
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
		cpu_wrmsr(MSR_X2APIC_FIRST + LAPIC_ICR,
		          (uint64_t)apic_id << 32 | ICR_ASSERT | what);
		return;
	}
	while (read(LAPIC_ICR) & ICR_PENDING)
		cpu_pause();
	write(LAPIC_ICR_HIGH, apic_id << 24);
	write(LAPIC_ICR, ICR_ASSERT | what);
}

void lapic_send_self(uint32_t what)
{
	write(LAPIC_ICR, ICR_ASSERT | ICR_SELF | what);
}

void lapic_timer_arm(uint64_t ticks)
{
	write(LAPIC_TIMER_INITIAL, ticks < UINT32_MAX ? (uint32_t)ticks : UINT32_MAX);
}

uint32_t lapic_timer_left(void)
{
	return read(LAPIC_TIMER_CURRENT);
}
