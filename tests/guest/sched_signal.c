/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Signals to a port for any of our VPs: they go where no child has to stop for them, and not to a VP whose SynIC is off. The
 * child halts after each of them, until whoever got it wakes it.
 */
#include "tests/guest/sched_signal.h"

#include <viridis/abi/hv_hypercall.h>
#include <viridis/abi/hv_msr.h>
#include <viridis/abi/hv_register.h>
#include <viridis/abi/viridis_stats.h>
#include "tests/guest/partition.h"
#include "tests/guest/servant.h"
#include "vsc/lib/apic.h"
#include "vsc/lib/clock.h"
#include "vsc/lib/cpu.h"
#include "vsc/lib/guest.h"
#include "vsc/lib/hv.h"
#include "vsc/lib/smp.h"
#include "vsc/lib/synic.h"
#include "vsc/lib/tap.h"
#include "vsc/lib/trap.h"

#define VPS           2u
#define SIGNALS       8u
#define VECTOR_SIGNAL 0xa1
#define VECTOR_DONE   0xa0
#define SINT          5u
#define FLAG          3u
#define PORT          0x700u /* and the next: their first choices are two CPUs */
#define CONNECTION    0x800u
#define PATIENCE_MS   20000

/* Event flag pages, one each, and what came to them. */
static struct hv_event_flags_page *pages[VPS];
static volatile uint32_t taken[VPS];
static volatile bool halts, over;
static struct servant servant;

static void look(unsigned int vp)
{
	uint64_t *word = &pages[vp]->flags[SINT][0];

	if (!(__atomic_fetch_and(word, ~BIT64(FLAG), __ATOMIC_SEQ_CST) & BIT64(FLAG)))
		return;
	taken[vp]++;
	(void)interrupt_assert(servant.id, 0, 0, SERVANT_WAKE); /* or it never ends */
}

static void on_signal(struct trap_frame *frame)
{
	(void)frame;
	look(this_vp() == smp_vp(0) ? 0 : 1);
	apic_eoi();
}

static void show_flags(unsigned int vp, bool on)
{
	cpu_wrmsr(HV_MSR_SIEFP, (uint64_t)pages[vp] | HV_MSR_PAGE_ENABLE);
	cpu_wrmsr(HV_MSR_SINT0 + SINT, VECTOR_SIGNAL);
	cpu_wrmsr(HV_MSR_SCONTROL, on ? HV_MSR_SCONTROL_ENABLE : 0);
}

/* The other VP: it keeps its CPU, or leaves it to others until a signal comes. */
static void attend(void *on)
{
	show_flags(1, on != NULL);
	while (!over) {
		if (halts)
			cpu_sti_hlt_cli();
		else
			look(1);
	}
	cpu_wrmsr(HV_MSR_SINT0 + SINT, HV_SINT_RESET_VALUE);
	cpu_wrmsr(HV_MSR_SCONTROL, 0);
	cpu_wrmsr(HV_MSR_SIEFP, 0);
}

static bool join(unsigned int which)
{
	const struct hv_port_info port = { .type = HV_PORT_EVENT,
		                           .sint = SINT,
		                           .vp_index = HV_VP_INDEX_ANY,
		                           .flag_count = 16 };

	return !port_create(HV_PARTITION_ID_SELF, PORT + which, servant.id, &port) &&
	       !port_connect(servant.id, CONNECTION + which, HV_PARTITION_ID_SELF,
	                     PORT + which, HV_PORT_EVENT);
}

static bool part(unsigned int which)
{
	return !port_disconnect(servant.id, CONNECTION + which) &&
	       !port_delete(HV_PARTITION_ID_SELF, PORT + which);
}

static uint64_t preemptions(void)
{
	static struct viridis_output_get_stats stats;

	if (stats_get(servant.id, VIRIDIS_STATS_VP, 0, &stats) != HV_STATUS_SUCCESS)
		bail_out("no counters of the child");
	return stats.counter[VIRIDIS_VP_STAT_PREEMPTIONS];
}

/* SIGNALS of them, while we halt; how often the child had to leave its CPU. ~0: they did not all come. */
static uint64_t signal(unsigned int which)
{
	uint64_t before = preemptions(), deadline = clock_deadline(PATIENCE_MS);
	uint32_t done = this_vp()->interrupts[VECTOR_DONE];
	struct hv_message notice;

	(void)synic_take_message(HV_SINT_INTERCEPT,
	                         &notice); /* the last one's, or none */
	taken[0] = taken[1] = 0;
	if (!servant_start(&servant, 0, SERVANT_SIGNAL, SIGNALS,
	                   HVCALL_SIGNAL_EVENT | HV_CONTROL_FAST,
	                   (uint64_t)FLAG << 32 | (CONNECTION + which)))
		return ~UINT64_C(0);
	while (this_vp()->interrupts[VECTOR_DONE] == done && !clock_passed(deadline))
		cpu_sti_hlt_cli();
	note("port %#x: %u here, %u there, %lu preemptions", PORT + which, taken[0],
	     taken[1], preemptions() - before);
	return servant_wait(&servant, 0, PATIENCE_MS).end == SERVANT_DONE &&
	                       taken[0] + taken[1] == SIGNALS ?
	               preemptions() - before :
	               ~UINT64_C(0);
}

/* The child has this CPU, the other VP its own: a port's first choice by its id is that one. */
static void other_runs(void)
{
	over = halts = false;
	smp_run(1, attend, pages[1]);
	ok(signal(1) == 0 && taken[0] == 0,
	   "signals go to the VP that runs, and the child goes on");
	over = true;
	ok(smp_wait(1, PATIENCE_MS), "the other VP is done");
}

static void other_takes_none(void)
{
	over = halts = false;
	smp_run(1, attend, NULL);
	ok(signal(0) <= SIGNALS && taken[1] == 0 && signal(1) <= SIGNALS && taken[1] == 0,
	   "a VP whose SynIC is off gets no signal");
	over = true;
	ok(smp_wait(1, PATIENCE_MS), "the other VP is done");
}

/* One CPU is always without a VP: whichever the child is on, the other one gets them. */
static void other_halts(void)
{
	over = false;
	halts = true;
	smp_run(1, attend, pages[1]);
	for (unsigned int which = 0; which < VPS; which++)
		ok(signal(which) == 0,
		   "signals of port %#x go to the CPU that idles, and the child goes on",
		   PORT + which);
	over = true;
	(void)apic_send(smp_vp(1)->apic_id, VECTOR_SIGNAL);
	ok(smp_wait(1, PATIENCE_MS), "the other VP is done");
}

/* For good: whoever judges idle CPUs comes after us. */
static void rest(void *unused)
{
	(void)unused;
	for (;;)
		cpu_sti_hlt_cli();
}

static bool may_call(void)
{
	return !vp_set_register64(servant.id, 0, HV_REGISTER_GUEST_OS_ID,
	                          HV_GUEST_OS_ID) &&
	       !vp_set_register64(servant.id, 0, HV_X64_REGISTER_HYPERCALL,
	                          SERVANT_HYPERCALL | HV_MSR_PAGE_ENABLE);
}

void sched_signals(void)
{
	if (smp_start(VPS) < VPS) {
		skip("one VP alone");
		return;
	}
	for (unsigned int vp = 0; vp < VPS; vp++)
		pages[vp] = pages_take(1);
	stock_deposit(HV_PARTITION_ID_SELF, 8);
	trap_set_handler(VECTOR_SIGNAL, on_signal);
	synic_enable();
	synic_set_sint(HV_SINT_INTERCEPT, VECTOR_DONE);
	show_flags(0, true);
	if (ok(servant_make(&servant, 0, 1) && may_call() && join(0) && join(1),
	       "a child with two connections to us")) {
		other_runs();
		other_takes_none();
		other_halts();
		ok(part(0) && part(1) && servant_end(&servant), "it is taken down");
	}
	synic_disable();
	smp_run(1, rest, NULL);
	trap_set_handler(VECTOR_SIGNAL, NULL);
}
