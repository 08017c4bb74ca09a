/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VP that never gives its processor up, for tests of the scheduler. */
#include "tests/guest/groups.h"

#include <viridis/abi/hv_hypercall.h>
#include "vsc/lib/clock.h"
#include "vsc/lib/guest.h"
#include "vsc/lib/hv.h"
#include "vsc/lib/smp.h"
#include "vsc/lib/tap.h"

#define REPORT_MS 1000

static _Noreturn void spin_for_good(void *argument)
{
	(void)argument; /* nothing to know */
	for (;;)
		clock_wait_ms(REPORT_MS);
}

/* A root's first request for traces begins them; a child's is refused. */
static void begin_traces(void)
{
	char *blocks = pages_take(2);

	if (!hv_present())
		return;
	hv_enable_hypercalls();
	((struct viridis_input_get_stats *)blocks)->object = VIRIDIS_STATS_TRACE;
	(void)hv_call_raw(HVCALL_VIRIDIS_GET_STATS, (uint64_t)blocks,
	                  (uint64_t)blocks + 4096); /* what it says is not of interest */
}

/* The first VP says each second that it runs; all of them spin with interrupts off. */
void group_spin(void)
{
	unsigned int wanted =
		(unsigned int)guest_option_number("vps", guest_acpi()->cpu_count);
	uint64_t limit = guest_option_number("seconds", ~UINT64_C(0));

	begin_traces();
	smp_start(wanted);
	for (unsigned int i = 1; i < smp_online(); i++)
		smp_run(i, spin_for_good, NULL);
	for (uint64_t second = 0; second < limit; second++) {
		note("spinning on %u VPs, second %lu", smp_online(), second);
		clock_wait_ms(REPORT_MS);
	}
}
