/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reference time: the counter, the TSC page, and the frequencies. TLFS 12 */
#include "tests/guest/groups.h"

#include <viridis/abi/hv_msr.h>
#include <viridis/abi/hv_synic.h>
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "vsc/lib/clock.h"
#include "vsc/lib/cpu.h"
#include "vsc/lib/guest.h"
#include "vsc/lib/hv.h"
#include "vsc/lib/tap.h"
#include "vsc/lib/trap.h"
#include "vsc/lib/try.h"

#define ROUNDS           200u
#define UNITS_PER_SECOND UINT64_C(10000000)
#define FILL             0x5a5a5a5au
#define MSR_TSC          0x10u
#define AHEAD            UINT64_C(0x10000000000)
#define PAGE_SLACK_UNITS 2 /* rounding of the scale and of either division */

static void counter(void)
{
	uint64_t last = cpu_rdmsr(HV_MSR_TIME_REF_COUNT);
	bool monotone = true;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		uint64_t now = cpu_rdmsr(HV_MSR_TIME_REF_COUNT);

		monotone &= now >= last;
		last = now;
	}
	ok(monotone, "the reference counter never goes back");
	clock_wait_ms(1);
	ok(cpu_rdmsr(HV_MSR_TIME_REF_COUNT) > last, "the reference counter goes on");
	ok(last < 86400 * UNITS_PER_SECOND, "it began at the partition's creation");
}

static bool within_percent(uint64_t value, uint64_t expected, uint64_t percent)
{
	uint64_t slack = expected / 100 * percent;

	return value >= expected - slack && value <= expected + slack;
}

/* Both clocks at one time: whoever is kept from running between two reads tries again. */
static uint64_t read_both(uint64_t tsc_hz, uint64_t *units)
{
	uint64_t before, after;
	unsigned int attempts = 0;

	do {
		before = cpu_rdtsc();
		*units = cpu_rdmsr(HV_MSR_TIME_REF_COUNT);
		after = cpu_rdtsc();
	} while (after - before > tsc_hz / 20000 && ++attempts < ROUNDS); /* 50 us */
	return before + (after - before) / 2;
}

static void frequencies(void)
{
	uint64_t tsc_hz = cpu_rdmsr(HV_MSR_TSC_FREQUENCY);
	uint64_t apic_hz = cpu_rdmsr(HV_MSR_APIC_FREQUENCY);
	uint64_t units, first_units, expected;
	uint64_t tsc = read_both(tsc_hz, &first_units);

	note("TSC %lu Hz, APIC timer %lu Hz", tsc_hz, apic_hz);
	ok(tsc_hz >= 10000000 && tsc_hz <= UINT64_C(20000000000),
	   "the TSC's frequency is plausible");
	ok(apic_hz >= 1000000 && apic_hz <= UINT64_C(20000000000),
	   "the APIC timer's frequency is plausible");
	clock_wait_ms(20);
	tsc = read_both(tsc_hz, &units) - tsc;
	units -= first_units;
	expected = tsc * 1000 / (tsc_hz / 10000); /* some 10^8 ticks: no overflow */
	if (!ok(within_percent(units, expected, 1),
	        "TSC and reference time run at their stated ratio"))
		note("%lu units passed, %lu by the TSC", units, expected);
}

static uint64_t page_time(const volatile struct hv_reference_tsc_page *page)
{
	unsigned __int128 product = (unsigned __int128)cpu_rdtsc() * page->scale;

	return (uint64_t)(product >> 64) + (uint64_t)page->offset;
}

static void page_agrees(const volatile struct hv_reference_tsc_page *page)
{
	bool agrees = true;

	for (unsigned int i = 0; i < ROUNDS && agrees; i++) {
		uint64_t before = cpu_rdmsr(HV_MSR_TIME_REF_COUNT);
		uint64_t by_page = page_time(page);
		uint64_t after = cpu_rdmsr(HV_MSR_TIME_REF_COUNT);

		agrees = by_page + PAGE_SLACK_UNITS >= before &&
		         by_page <= after + PAGE_SLACK_UNITS;
		if (!agrees)
			note("counter %lu, page %lu, counter %lu", before, by_page,
			     after);
	}
	ok(agrees, "the TSC page agrees with the counter");
}

static void tsc_page(void)
{
	struct hv_reference_tsc_page *page = pages_take(1);
	uint64_t tsc_hz = cpu_rdmsr(HV_MSR_TSC_FREQUENCY);
	uint64_t scale = cpu_divide(UNITS_PER_SECOND, 0, tsc_hz);

	memset(page, (int)(FILL & 0xff), sizeof(*page));
	cpu_wrmsr(HV_MSR_REFERENCE_TSC, (uint64_t)page | HV_MSR_PAGE_ENABLE);
	ok_equal(cpu_rdmsr(HV_MSR_REFERENCE_TSC) & ~UINT64_C(0xffe),
	         (uint64_t)page | HV_MSR_PAGE_ENABLE, "the TSC page's MSR reads back");
	ok(page->sequence != 0 && page->sequence != 0xffffffff, "the TSC page is valid");
	ok(within_percent(page->scale, scale, 1),
	   "its scale is 10 MHz over the TSC's frequency");
	page_agrees(page);
	ok_equal(try_store32((uint64_t)page, 0).vector, TRAP_GP,
	         "a store to the TSC page raises #GP");
	ok(page->sequence != 0, "and changes nothing");
	cpu_wrmsr(HV_MSR_REFERENCE_TSC, 0);
	ok_equal(*(volatile uint32_t *)page, FILL,
	         "disabled, it shows the memory below it");
}

/*
 * Its own TSC a VP may set, as a CPU may: APM2 13.2.4. The reference time does not follow, and the TSC page, which
 * would lead all that disagree astray, says so.
 */
static void tsc_written(void)
{
	struct hv_reference_tsc_page *page = pages_take(1);
	uint64_t second = cpu_rdmsr(HV_MSR_TSC_FREQUENCY);
	uint64_t units = cpu_rdmsr(HV_MSR_TIME_REF_COUNT), before = cpu_rdtsc();

	cpu_wrmsr(MSR_TSC, before + AHEAD);
	ok(cpu_rdtsc() - before - AHEAD < AHEAD / 2,
	   "a TSC that is set goes on from there");
	ok(cpu_rdmsr(MSR_TSC) - before - AHEAD < AHEAD / 2, "as an MSR, too");
	ok(cpu_rdmsr(HV_MSR_TIME_REF_COUNT) - units <
	           AHEAD / 2 / second * UNITS_PER_SECOND,
	   "the reference time does not know");
	cpu_wrmsr(HV_MSR_REFERENCE_TSC, (uint64_t)page | HV_MSR_PAGE_ENABLE);
	ok_equal(page->sequence, 0, "the TSC page says that it is not to be used");
	cpu_wrmsr(HV_MSR_REFERENCE_TSC, 0);
	cpu_wrmsr(MSR_TSC, cpu_rdtsc() - AHEAD);
	ok(cpu_rdtsc() - before < AHEAD / 2, "and it is set back");
}

void group_time(void)
{
	counter();
	frequencies();
	tsc_page();
	tsc_written();
}
