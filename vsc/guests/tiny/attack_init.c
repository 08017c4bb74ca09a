/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * INIT between the root's VPs. A physical INIT would reset a processor and take it out of the
 * hypervisor; a virtual one only puts the VP to wait for a SIPI.
 */
#include "vsc/guests/tiny/groups.h"

#include "vsc/lib/apic.h"
#include "vsc/lib/clock.h"
#include "vsc/lib/cpu.h"
#include "vsc/lib/guest.h"
#include "vsc/lib/smp.h"
#include "vsc/lib/tap.h"

#define SETTLE_MS   20
#define QUIET_MS    60
#define PATIENCE_MS 5000

static volatile uint32_t progress;

static void count_for_good(void *argument)
{
	(void)argument; /* nothing to know */
	for (;;)
		progress++;
}

static void init_self(void *argument)
{
	(void)argument; /* nothing to know */
	apic_send(apic_id(), APIC_ICR_INIT);
	count_for_good(NULL);
}

/* On a busy machine the other VP may have to wait for its turn. */
static bool goes_on(void)
{
	uint64_t deadline = clock_deadline(PATIENCE_MS);
	uint32_t before = progress;

	while (progress == before && !clock_passed(deadline))
		cpu_pause();
	return progress != before;
}

static bool stops(void)
{
	uint64_t deadline = clock_deadline(PATIENCE_MS);
	uint32_t before;

	do {
		before = progress;
		clock_wait_ms(QUIET_MS);
	} while (progress != before && !clock_passed(deadline));
	return progress == before;
}

static void init_another(unsigned int index)
{
	smp_run(index, count_for_good, NULL);
	ok(goes_on(), "VP %u runs", index);
	apic_send(smp_vp(index)->apic_id, APIC_ICR_INIT);
	ok(stops(), "an INIT stops it");
	ok(smp_restart(index), "a SIPI starts it again");
}

static void init_by_itself(unsigned int index)
{
	smp_run(index, init_self, NULL);
	ok(stops(), "VP %u stops at an INIT to itself", index);
	ok(smp_restart(index), "a SIPI starts it again");
}

static void init_all_others(void)
{
	unsigned int running = 0;

	apic_send(0, APIC_ICR_OTHERS | APIC_ICR_INIT);
	clock_wait_ms(SETTLE_MS);
	for (unsigned int i = 1; i < smp_online(); i++)
		running += smp_restart(i);
	ok_equal(running, smp_online() - 1,
	         "after an INIT to all others all start again");
}

void group_init(void)
{
	unsigned int wanted =
		(unsigned int)guest_option_number("vps", guest_acpi()->cpu_count);

	if (smp_start(wanted) < 2) {
		skip("one VP alone");
		return;
	}
	for (unsigned int i = 1; i < smp_online(); i++) {
		init_another(i);
		init_by_itself(i);
	}
	init_all_others();
}
