/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The TSC as the guest's clock; its frequency from the hypervisor, else by the PIT. */
#include "vsc/lib/clock.h"

#include <viridis/abi/hv_cpuid.h>
#include <viridis/abi/hv_msr.h>
#include "vsc/lib/cpu.h"
#include "vsc/lib/hv.h"

#define PIT_HZ          1193182u
#define PIT_CHANNEL2    0x42
#define PIT_COMMAND     0x43
#define PIT_GATE        0x61
#define PIT_GATE_OUTPUT 0x20
#define PIT_TICKS       11932u /* 10 ms */
#define PIT_POLLS_MAX   10000000u

static uint64_t tsc_hz;

/* Channel 2 counts down once while the TSC runs. */
static uint64_t measure(void)
{
	uint64_t begin;

	cpu_outb(PIT_GATE, (uint8_t)((cpu_inb(PIT_GATE) & ~0x02) | 0x01));
	cpu_outb(PIT_COMMAND, 0xb0); /* channel 2, low then high byte, mode 0 */
	cpu_outb(PIT_CHANNEL2, PIT_TICKS & 0xff);
	cpu_outb(PIT_CHANNEL2, PIT_TICKS >> 8);
	begin = cpu_rdtsc();
	for (unsigned int i = 0; i < PIT_POLLS_MAX; i++)
		if (cpu_inb(PIT_GATE) & PIT_GATE_OUTPUT)
			break;
	return (cpu_rdtsc() - begin) * PIT_HZ / PIT_TICKS;
}

uint64_t clock_tsc_hz(void)
{
	if (tsc_hz == 0 && hv_has(HV_PRIVILEGE_FREQUENCY_MSRS))
		tsc_hz = cpu_rdmsr(HV_MSR_TSC_FREQUENCY);
	if (tsc_hz == 0)
		tsc_hz = measure();
	return tsc_hz;
}

uint64_t clock_deadline(uint64_t ms)
{
	return cpu_rdtsc() + clock_tsc_hz() / 1000 * ms;
}

bool clock_passed(uint64_t deadline)
{
	return (int64_t)(cpu_rdtsc() - deadline) >= 0;
}

void clock_wait_ms(uint64_t ms)
{
	uint64_t deadline = clock_deadline(ms);

	while (!clock_passed(deadline))
		cpu_pause();
}

bool clock_wait_for(const volatile uint32_t *value, uint32_t wanted, uint64_t ms)
{
	uint64_t deadline = clock_deadline(ms);

	while (*value < wanted && !clock_passed(deadline))
		cpu_take_interrupts();
	return *value >= wanted;
}
