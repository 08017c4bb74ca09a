/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * INIT between the root's VPs. A physical INIT would reset a processor and take it out of the
 * hypervisor; a virtual one only puts the VP to wait for a SIPI.
 */
#include "tests/guest/groups.h"

#include "vsc/lib/apic.h"
#include "vsc/lib/clock.h"
#include "vsc/lib/cpu.h"
#include "vsc/lib/guest.h"
#include "vsc/lib/smp.h"
#include "vsc/lib/tap.h"

#define SETTLE_MS   20
#define QUIET_MS    20
#define QUIET_LOOKS 5u
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

/* It may be on its way to the INIT still; then it stands for several looks in a row. */
static bool stands(void)
{
	uint64_t deadline = clock_deadline(PATIENCE_MS);
	unsigned int quiet = 0;

	while (quiet < QUIET_LOOKS && !clock_passed(deadline)) {
		uint32_t before = progress;

		clock_wait_ms(QUIET_MS);
		quiet = progress == before ? quiet + 1 : 0;
	}
	return quiet == QUIET_LOOKS;
}

/*
 * That it stands may be for want of a processor; that a SIPI alone starts it cannot: only a VP that an
 * INIT has stopped takes one.
 */
static void stopped_until_sipi(unsigned int index, const char *sentence)
{
	ok(stands(), "%s", sentence);
	ok(smp_startup(index, PATIENCE_MS), "a SIPI without an INIT starts it again");
	smp_run(index, count_for_good, NULL);
	ok(goes_on(), "it does what it is told");
}

static void init_another(unsigned int index)
{
	smp_run(index, count_for_good, NULL);
	ok(goes_on(), "VP %u runs", index);
	ok(!smp_startup(index, SETTLE_MS) && goes_on(),
	   "a SIPI without an INIT it does not heed");
	apic_send(smp_vp(index)->apic_id, APIC_ICR_INIT);
	stopped_until_sipi(index, "an INIT stops it");
}

static void init_by_itself(unsigned int index)
{
	ok(smp_restart(index), "INIT and SIPI start VP %u", index);
	smp_run(index, init_self, NULL);
	stopped_until_sipi(index, "it stops at an INIT to itself");
	ok(smp_restart(index), "INIT and SIPI start it again");
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
