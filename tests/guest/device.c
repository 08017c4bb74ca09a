/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Message-signaled interrupts of a real device, QEMU's `edu`: a root chooses their vector and mode, and
 * nothing stands between the device and the processors' local APICs. Whatever it sends, only what is
 * the root's may come to the root, and the machine goes on. PCI 3.0 6.8.1; APM2 16.11
 */
#include "tests/guest/groups.h"

#include <stddef.h>
#include <viridis/base/bits.h>
#include "vsc/lib/apic.h"
#include "vsc/lib/clock.h"
#include "vsc/lib/cpu.h"
#include "vsc/lib/smp.h"
#include "vsc/lib/tap.h"
#include "vsc/lib/trap.h"

#define PCI_ADDRESS       0xcf8
#define PCI_DATA          0xcfc
#define PCI_DEVICES       32u
#define PCI_ID            0x00u
#define PCI_COMMAND       0x04u
#define PCI_BAR0          0x10u
#define PCI_CAPABILITIES  0x34u
#define PCI_MEMORY_MASTER 0x06u
#define CAPABILITY_MSI    0x05u
#define CAPABILITIES_MOST 16u
#define MSI_ENABLE        BIT32(16)
#define MSI_ADDRESS       UINT32_C(0xfee00000)
#define MSI_ADDRESS_LOW   4u
#define MSI_ADDRESS_HIGH  8u
#define MSI_DATA          12u
#define MSI_NMI           0x400u
#define EDU_ID            0x11e81234u
#define EDU_RAISE         (0x60u / 4) /* sends its message */
#define EDU_ACKNOWLEDGE   (0x64u / 4)
#define VECTOR_OURS       0x55u
#define VECTOR_LAST       0xefu
#define VECTOR_PING       0x81
#define NMIS              2000u
#define NMI_DELAYS        200u /* of a microsecond each */
#define PATIENCE_MS       5000
#define NMI_MS            200

static volatile uint32_t *edu;
static uint32_t slot, capability;

static uint32_t config_read(uint32_t reg)
{
	cpu_outl(PCI_ADDRESS, BIT32(31) | slot << 11 | reg);
	return cpu_inl(PCI_DATA);
}

static void config_write(uint32_t reg, uint32_t value)
{
	cpu_outl(PCI_ADDRESS, BIT32(31) | slot << 11 | reg);
	cpu_outl(PCI_DATA, value);
}

static bool find_capability(uint32_t id)
{
	capability = config_read(PCI_CAPABILITIES) & 0xfc;
	for (unsigned int i = 0; capability && i < CAPABILITIES_MOST; i++) {
		uint32_t header = config_read(capability);

		if ((header & 0xff) == id)
			return true;
		capability = header >> 8 & 0xfc;
	}
	return false;
}

static bool find_device(void)
{
	for (slot = 0; slot < PCI_DEVICES; slot++) {
		if (config_read(PCI_ID) != EDU_ID || !find_capability(CAPABILITY_MSI))
			continue;
		edu = (volatile uint32_t *)(uint64_t)(config_read(PCI_BAR0) & ~15u);
		config_write(PCI_COMMAND, PCI_MEMORY_MASTER);
		config_write(capability, MSI_ENABLE);
		return true;
	}
	return false;
}

static void aim(uint32_t target, uint32_t data)
{
	config_write(capability + MSI_ADDRESS_LOW, MSI_ADDRESS | target << 12);
	config_write(capability + MSI_ADDRESS_HIGH, 0);
	config_write(capability + MSI_DATA, data);
}

static void fire(void)
{
	edu[EDU_RAISE] = 1;
	edu[EDU_ACKNOWLEDGE] = 1;
}

static bool comes(uint32_t vector)
{
	const volatile uint32_t *count = &this_vp()->interrupts[vector];
	uint32_t before = *count;

	aim(apic_id(), vector);
	fire();
	return clock_wait_for(count, before + 1, PATIENCE_MS);
}

/* All that is not ours, and after each one an interrupt that is. */
static void vectors(void)
{
	unsigned int came = 0, went_on = 0, sent = 0;

	for (uint32_t vector = TRAP_FIRST_INTERRUPT; vector <= VECTOR_LAST; vector++)
		came += comes(vector);
	ok_equal(came, VECTOR_LAST - TRAP_FIRST_INTERRUPT + 1,
	         "a device's messages with vectors 20 to ef come");
	came = 0;
	for (uint32_t vector = 0; vector < 256; vector++) {
		uint32_t before = this_vp()->interrupts[vector];

		if (vector >= TRAP_FIRST_INTERRUPT && vector <= VECTOR_LAST)
			continue;
		aim(apic_id(), vector);
		fire();
		sent++;
		went_on += comes(VECTOR_OURS);
		came += this_vp()->interrupts[vector] - before;
		if (went_on != sent)
			note("vector %x holds back all others", vector);
		if (went_on != sent)
			break;
	}
	ok_equal(went_on, sent, "after one with any other vector, interrupts go on");
	ok_equal(came, 0, "and it does not come");
}

static volatile bool enough;

static void end_ping(struct trap_frame *frame)
{
	(void)frame; /* it woke the VP */
	apic_eoi();
}

static void count_only(struct trap_frame *frame)
{
	(void)frame; /* counted by the dispatcher */
}

static void sleep_and_wake(void *argument)
{
	(void)argument; /* nothing to know */
	while (!enough)
		cpu_sti_hlt_cli();
}

/*
 * A message may be an NMI, which no lock holds off: each strikes a processor that goes to sleep again
 * after the last one, a little later each time. QEMU itself loses a few of an interrupt that comes from
 * another thread at VMRUN.
 */
static void nmis(void)
{
	const uint32_t ping = APIC_ICR_ASSERT | VECTOR_PING;
	const volatile uint32_t *count;
	uint64_t step = clock_tsc_hz() / 1000000;
	uint32_t target, came, lost = 0;

	if (smp_start(2) < 2) {
		skip("one VP alone");
		return;
	}
	target = smp_vp(1)->apic_id;
	count = &smp_vp(1)->interrupts[TRAP_NMI];
	trap_set_handler(VECTOR_PING, end_ping);
	trap_set_handler(TRAP_NMI, count_only);
	smp_run(1, sleep_and_wake, NULL);
	aim(target, MSI_NMI);
	for (came = 0; came < NMIS; came++) {
		uint32_t before = *count;
		uint64_t until = cpu_rdtsc() + step * (came % NMI_DELAYS);

		while (cpu_rdtsc() < until)
			;
		fire();
		if (clock_wait_for(count, before + 1, NMI_MS))
			continue;
		lost++;
		apic_send(target, ping);
	}
	ok(lost <= NMIS / 100, "NMIs come to a VP that goes to sleep");
	note("%u of %u NMIs were lost", lost, NMIS);
	enough = true;
	apic_send(target, ping);
	ok(smp_wait(1, PATIENCE_MS), "and it goes on");
	trap_set_handler(TRAP_NMI, NULL);
	trap_set_handler(VECTOR_PING, NULL);
}

void group_device(void)
{
	if (!find_device()) {
		skip("no edu device");
		return;
	}
	vectors();
	nmis();
}
