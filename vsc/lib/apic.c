/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The VP's local APIC, as xAPIC (MMIO) or x2APIC (MSRs). APM2 16 */
#include "vsc/lib/apic.h"

#include <viridis/base/bits.h>
#include "vsc/lib/cpu.h"
#include "vsc/lib/vp.h"

#define XAPIC_BASE         UINT64_C(0xfee00000)
#define X2APIC_MSR         0x800u
#define CPUID_1_ECX_X2APIC BIT32(21)
#define ICR_POLLS_MAX      100000u

static volatile uint32_t *mmio(enum apic_register reg)
{
	return (volatile uint32_t *)(XAPIC_BASE + (uint64_t)reg * 16);
}

bool apic_x2apic(void)
{
	return this_vp()->x2apic;
}

bool apic_x2apic_offered(void)
{
	return cpu_cpuid(1, 0).ecx & CPUID_1_ECX_X2APIC;
}

uint32_t apic_read(enum apic_register reg)
{
	return apic_x2apic() ? (uint32_t)cpu_rdmsr(X2APIC_MSR + reg) : *mmio(reg);
}

void apic_write(enum apic_register reg, uint32_t value)
{
	if (apic_x2apic())
		cpu_wrmsr(X2APIC_MSR + reg, value);
	else
		*mmio(reg) = value;
}

uint32_t apic_id(void)
{
	return apic_x2apic() ? apic_read(APIC_ID) : apic_read(APIC_ID) >> 24;
}

void apic_eoi(void)
{
	apic_write(APIC_EOI, 0);
}

bool apic_vector_set(enum apic_register first, unsigned int vector)
{
	return apic_read((enum apic_register)(first + vector / 32)) & BIT32(vector % 32);
}

void apic_send(uint32_t destination, uint32_t icr_low)
{
	if (apic_x2apic()) {
		cpu_wrmsr(X2APIC_MSR + APIC_ICR, (uint64_t)destination << 32 | icr_low);
		return;
	}
	*mmio(APIC_ICR_HIGH) = destination << 24;
	*mmio(APIC_ICR) = icr_low;
	for (unsigned int i = 0; i < ICR_POLLS_MAX && (*mmio(APIC_ICR) & APIC_ICR_BUSY);
	     i++)
		cpu_pause();
}

void apic_set_x2apic(bool on)
{
	uint64_t base = cpu_rdmsr(MSR_APIC_BASE);

	if (on == apic_x2apic())
		return;
	if (!on) {
		base &= ~(uint64_t)(APIC_BASE_ENABLE | APIC_BASE_X2APIC);
		cpu_wrmsr(MSR_APIC_BASE, base);
		cpu_wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLE);
	} else {
		cpu_wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLE | APIC_BASE_X2APIC);
	}
	apic_init();
}

void apic_init(void)
{
	uint64_t base = cpu_rdmsr(MSR_APIC_BASE);

	if (!(base & APIC_BASE_ENABLE))
		cpu_wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLE);
	this_vp()->x2apic = base & APIC_BASE_X2APIC;
	apic_write(APIC_TPR, 0);
	apic_write(APIC_SVR, APIC_SVR_ENABLE | APIC_SPURIOUS_VECTOR);
	apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED);
	apic_write(APIC_LVT_LINT0, APIC_LVT_MASKED);
	apic_write(APIC_LVT_LINT1, APIC_LVT_MASKED);
	apic_write(APIC_LVT_ERROR, APIC_LVT_MASKED);
}
