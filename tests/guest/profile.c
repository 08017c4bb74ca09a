/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `./dev profile` measures with this guest alone: round trips of exits, an IPI to itself, and events that a
 * child signals. Without the profiler it does the same, and says only that it did.
 */
#include "tests/guest/profile.h"

#include <viridis/abi/hv_hypercall.h>
#include <viridis/abi/hv_msr.h>
#include <viridis/abi/hv_register.h>
#include <viridis/abi/hv_synic.h>
#include <viridis/abi/viridis_stats.h>
#include "tests/profiler/mark.h"
#include "tests/guest/groups.h"
#include "tests/guest/partition.h"
#include "tests/guest/servant.h"
#include "vsc/lib/apic.h"
#include "vsc/lib/clock.h"
#include "vsc/lib/cpu.h"
#include "vsc/lib/guest.h"
#include "vsc/lib/hv.h"
#include "vsc/lib/synic.h"
#include "vsc/lib/tap.h"
#include "vsc/lib/trap.h"
#include "vsc/lib/try.h"
#include "vsc/lib/vp.h"

#define LOOPS            1000000u
#define ROUNDS           1000u
#define SIGNALS          40u
#define VECTOR_INTERCEPT 0xa0
#define VECTOR_SIGNAL    0xa1
#define SINT_SIGNAL      5u
#define PORT             0x501u
#define CONNECTION       0x601u
#define FLAG             3u
#define PATIENCE_MS      10000
#define NOWHERE          UINT64_C(0x8000000000000000) /* not canonical */

void profile_loop(uint64_t count);
void profile_none(uint64_t count);
void profile_cpuid(uint64_t count);
void profile_vmmcall(uint64_t count);
void profile_rdmsr(uint64_t count);
void profile_self_ipi(uint64_t count);

static volatile uint32_t signals;
static struct servant servant;

/* What the hypervisor counted, for the profiler's sums to be compared with. */
static struct viridis_output_get_stats counters(enum viridis_stats_object object)
{
	struct viridis_output_get_stats stats = { 0 };

	if (stats_get(HV_PARTITION_ID_SELF, object, 0, &stats) != HV_STATUS_SUCCESS)
		note("no counters");
	return stats;
}

/* Between two readings, which cost two calls. */
static void compared(const char *name, void (*phase)(uint64_t), uint64_t count)
{
	struct viridis_output_get_stats cpu = counters(VIRIDIS_STATS_CPU);
	struct viridis_output_get_stats vp = counters(VIRIDIS_STATS_VP);
	struct viridis_output_get_stats cpu_after, vp_after;

	phase(count);
	vp_after = counters(VIRIDIS_STATS_VP);
	cpu_after = counters(VIRIDIS_STATS_CPU);
	note("accounts %s entries %lu hypervisor %lu guest %lu", name,
	     vp_after.counter[VIRIDIS_VP_STAT_ENTRIES] -
	             vp.counter[VIRIDIS_VP_STAT_ENTRIES],
	     cpu_after.counter[VIRIDIS_CPU_STAT_HYPERVISOR_TICKS] -
	             cpu.counter[VIRIDIS_CPU_STAT_HYPERVISOR_TICKS],
	     cpu_after.counter[VIRIDIS_CPU_STAT_GUEST_TICKS] -
	             cpu.counter[VIRIDIS_CPU_STAT_GUEST_TICKS]);
}

/* Loads that fault; the hypervisor, which reads the TSC, comes by before and after them. */
static void faults(void)
{
	uint32_t value, caught = 0;

	PROFILE_MARK(PROFILE_BEGIN, PROFILE_FAULT);
	(void)cpu_cpuid(0, 0); /* only the exit matters */
	for (unsigned int i = 0; i < ROUNDS; i++)
		caught += try_load32(NOWHERE, &value).vector == TRAP_GP;
	(void)cpu_cpuid(0, 0); /* likewise */
	PROFILE_MARK(PROFILE_END, ROUNDS);
	ok_equal(caught, ROUNDS, "%u loads fault", ROUNDS);
}

static void self_ipi(void)
{
	uint32_t before = this_vp()->interrupts[PROFILE_VECTOR];
	bool found = apic_x2apic();

	if (!apic_x2apic_offered()) {
		skip("x2APIC is not offered");
		return;
	}
	apic_set_x2apic(true);
	__asm__ volatile("sti" : : : "memory");
	profile_self_ipi(ROUNDS);
	__asm__ volatile("cli" : : : "memory");
	apic_set_x2apic(found);
	ok_equal(this_vp()->interrupts[PROFILE_VECTOR] - before, ROUNDS,
	         "%u IPIs to ourselves come", ROUNDS);
}

static void on_signal(struct trap_frame *frame)
{
	PROFILE_MARK(PROFILE_END, 1);
	(void)frame;                              /* that it came is all */
	(void)synic_take_flag(SINT_SIGNAL, FLAG); /* it is set, or was seen already */
	(void)interrupt_assert(servant.id, 0, 0, SERVANT_WAKE); /* or it never ends */
	signals++;
	apic_eoi();
}

static bool join(void)
{
	const struct hv_port_info port = { .type = HV_PORT_EVENT,
		                           .sint = SINT_SIGNAL,
		                           .flag_count = 16 };

	stock_deposit(HV_PARTITION_ID_SELF, 8);
	return !port_create(HV_PARTITION_ID_SELF, PORT, servant.id, &port) &&
	       !port_connect(servant.id, CONNECTION, HV_PARTITION_ID_SELF, PORT,
	                     HV_PORT_EVENT);
}

static bool may_call(void)
{
	return !vp_set_register64(servant.id, 0, HV_REGISTER_GUEST_OS_ID,
	                          HV_GUEST_OS_ID) &&
	       !vp_set_register64(servant.id, 0, HV_X64_REGISTER_HYPERCALL,
	                          SERVANT_HYPERCALL | HV_MSR_PAGE_ENABLE);
}

/*
 * We halt, the child signals, our handler runs and ends the child's HLT, we halt again. As it halts soon after its
 * first signal, the others get no grace: they preempt it at once. D15
 */
static void signal_from_child(void)
{
	struct servant_answer answer;
	uint32_t before = this_vp()->interrupts[VECTOR_INTERCEPT];

	synic_enable();
	synic_set_sint(HV_SINT_INTERCEPT, VECTOR_INTERCEPT);
	synic_set_sint(SINT_SIGNAL, VECTOR_SIGNAL);
	trap_set_handler(VECTOR_SIGNAL, on_signal);
	if (ok(servant_make(&servant, 0, 1) && join() && may_call(),
	       "a child with a connection to us")) {
		ok(servant_start(&servant, 0, SERVANT_SIGNAL, SIGNALS,
		                 HVCALL_SIGNAL_EVENT | HV_CONTROL_FAST,
		                 (uint64_t)FLAG << 32 | CONNECTION),
		   "it is told to signal");
		while (this_vp()->interrupts[VECTOR_INTERCEPT] == before)
			cpu_sti_hlt_cli(); /* until the child is done */
		/* One that does not preempt the child is taken with the next. */
		note("%u of %u signals were taken one by one", signals, SIGNALS);
		ok(signals >= SIGNALS / 2, "most signals are taken at once");
		answer = servant_wait(&servant, 0, PATIENCE_MS);
		ok(answer.end == SERVANT_DONE && answer.value == HV_STATUS_SUCCESS,
		   "the child is done");
		ok(!port_disconnect(servant.id, CONNECTION) &&
		           !port_delete(HV_PARTITION_ID_SELF, PORT) &&
		           servant_end(&servant),
		   "it is taken down");
	}
	trap_set_handler(VECTOR_SIGNAL, NULL);
	synic_disable();
}

void group_profile(void)
{
	PROFILE_MARK(PROFILE_TEXT, image_base());
	profile_loop(LOOPS);
	if (!hv_present())
		return;
	hv_enable_hypercalls();
	compared("none", profile_none, 1); /* what the readings cost */
	compared("cpuid", profile_cpuid, ROUNDS);
	compared("vmmcall", profile_vmmcall, ROUNDS);
	compared("rdmsr", profile_rdmsr, ROUNDS);
	faults();
	self_ipi();
	if (guest_wants("signal", true))
		signal_from_child();
}
