/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a root was refused is to be found in the hypervisor's log, which the root can read. */
#include "tests/guest/attack.h"

#include <viridis/abi/hv_hypercall.h>
#include "hypervisor/core/format.h"
#include "tests/guest/partition.h"
#include "vsc/lib/clock.h"
#include "vsc/lib/guest.h"
#include "vsc/lib/tap.h"
#include "vsc/lib/try.h"

#define MESSAGE_WINDOW UINT64_C(0xfee01000)
#define IOAPIC_ENTRY   0x3eu /* of pin 23 */
#define IOAPIC_NMI     0x10450u
#define IOAPIC_ODD     0x44u /* no register is there */
#define MTRR           0x200u
#define ATTEMPTS       64u
#define NEW_SECOND_MS  1100 /* a place logs so many lines a second, and no more */

static uint32_t ignored;

static void memory_accesses(void)
{
	char line[96];

	(void)format_text(line, sizeof(line), "vp0: write of %#lx at rip",
	                  MESSAGE_WINDOW);
	log_mark();
	(void)try_store32(MESSAGE_WINDOW, 0); /* its fault is judged elsewhere */
	ok(log_says(line), "a store that is refused is in the log: %s", line);
	(void)format_text(line, sizeof(line), "vp0: read of %#lx at rip",
	                  MESSAGE_WINDOW + 8);
	(void)try_load32(MESSAGE_WINDOW + 8, &ignored);
	ok(log_says(line), "so is a load: %s", line);
}

static void ioapic_writes(void)
{
	volatile uint32_t *ioapic = (volatile uint32_t *)guest_acpi()->ioapics[0].hpa;
	char line[96];

	log_mark();
	ioapic[0] = IOAPIC_ENTRY;
	ioapic[4] = IOAPIC_NMI & 0xffff;
	(void)format_text(line, sizeof(line), "IOAPIC write of %#x at %#lx refused",
	                  IOAPIC_NMI & 0xffff, (uint64_t)&ioapic[4]);
	ok(log_says(line), "so is an NMI for the IOAPIC: %s", line);
	ioapic[IOAPIC_ODD / 4] = 1;
	(void)format_text(line, sizeof(line), "IOAPIC write of 0x1 at %#lx refused",
	                  (uint64_t)&ioapic[IOAPIC_ODD / 4]);
	ok(log_says(line), "so is a write beside its registers: %s", line);
	ioapic[0] = 0;
}

static void msr_writes(void)
{
	log_mark();
	(void)try_wrmsr(MTRR, 0x1234506); /* its fault is judged elsewhere */
	ok(log_says("msr: write of 0x1234506 to 0x200 refused"),
	   "so is a write of a forbidden MSR");
	ok(!log_says("to 0x201 refused"), "and none that was not made");
}

/* Who is refused without end does not drown what else is told. */
static void floods(void)
{
	unsigned int told;

	clock_wait_ms(NEW_SECOND_MS);
	log_mark();
	for (unsigned int i = 0; i < ATTEMPTS; i++)
		(void)try_wrmsr(MTRR, i); /* likewise */
	told = log_count("to 0x200 refused");
	ok(told >= 1 && told <= ATTEMPTS / 2, "of many in a row a few are told");
	note("%u of %u", told, ATTEMPTS);
	clock_wait_ms(NEW_SECOND_MS);
	log_mark();
	(void)try_wrmsr(MTRR, 0); /* likewise */
	ok(log_says("were held back"), "and how many were not");
}

void attack_logs(void)
{
	clock_wait_ms(NEW_SECOND_MS);
	memory_accesses();
	if (guest_acpi()->ioapic_count)
		ioapic_writes();
	msr_writes();
	floods();
}
