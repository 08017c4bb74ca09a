/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The other VPs: INIT/SIPI, interrupts between them, one clock for all. */
#include "tests/guest/groups.h"

#include <viridis/abi/hv_cpuid.h>
#include <viridis/abi/hv_msr.h>
#include "vsc/lib/apic.h"
#include "vsc/lib/clock.h"
#include "vsc/lib/cpu.h"
#include "vsc/lib/guest.h"
#include "vsc/lib/hv.h"
#include "vsc/lib/smp.h"
#include "vsc/lib/tap.h"
#include "vsc/lib/trap.h"

#define VECTOR_PING 0x81
#define VECTOR_PONG 0x82
#define VECTOR_ALL  0x83
#define ROUNDS      100u
#define PATIENCE_MS 5000

static uint32_t reply_to; /* APIC id of the VP that pings */

struct report {
	uint32_t apic_id;
	uint64_t vp_index;
	uint64_t reference_time;
	bool waited;
};

static void pong(struct trap_frame *frame)
{
	(void)frame; /* only the answer matters */
	apic_eoi();
	apic_send(reply_to, APIC_ICR_ASSERT | VECTOR_PONG);
}

static void report_identity(void *argument)
{
	struct report *report = argument;

	report->apic_id = apic_id();
	if (!hv_present())
		return;
	report->vp_index = cpu_rdmsr(HV_MSR_VP_INDEX);
	report->reference_time = cpu_rdmsr(HV_MSR_TIME_REF_COUNT);
}

/* Sleeps until the vector whose number `argument` points at has come once more. */
static void halt_until(void *argument)
{
	unsigned int vector = *(unsigned int *)argument;
	uint32_t before = this_vp()->interrupts[vector];

	while (this_vp()->interrupts[vector] == before)
		cpu_sti_hlt_cli();
}

static void answer_pings(void *argument)
{
	const volatile uint32_t *pings = &this_vp()->interrupts[VECTOR_PING];
	uint32_t end = *pings + ROUNDS;

	(void)argument; /* nothing to know */
	while (*pings < end)
		cpu_sti_hlt_cli();
}

static void identities(unsigned int index)
{
	static struct report report;
	uint64_t before = hv_present() ? cpu_rdmsr(HV_MSR_TIME_REF_COUNT) : 0;

	smp_run(index, report_identity, &report);
	if (!ok(smp_wait(index, PATIENCE_MS), "VP %u works", index))
		return;
	ok_equal(report.apic_id, smp_vp(index)->apic_id,
	         "VP %u has the APIC id it was started by", index);
	if (!hv_present())
		return;
	ok(report.vp_index > 0 && report.vp_index < VP_MAX,
	   "VP %u has an index of its own", index);
	ok(report.reference_time >= before &&
	           cpu_rdmsr(HV_MSR_TIME_REF_COUNT) >= report.reference_time,
	   "VP %u's reference time lies between ours", index);
}

/* ---- What a child's CPUID tells of its processors: its parent's worker says one socket, one thread a core. ---- */

#define TOPOLOGY_LOOKS 200u
#define CACHES         8u

static bool is(struct cpuid_regs r, uint32_t eax, uint32_t ebx, uint32_t ecx,
               uint32_t edx)
{
	return r.eax == eax && r.ebx == ebx && r.ecx == ecx && r.edx == edx;
}

/* Threads, cores, and nothing above; none of it where other vendors tell it. SDM1 20.1.9, APM3 E.4.15 */
static bool levels_are_told(uint32_t id, uint32_t cores, uint32_t id_bits)
{
	struct cpuid_regs size = cpu_cpuid(0x80000008, 0),
			  core = cpu_cpuid(0x8000001e, 0);

	return is(cpu_cpuid(0xb, 0), 0, 1, 0x100, id) &&
	       is(cpu_cpuid(0xb, 1), id_bits, cores, 0x201, id) &&
	       is(cpu_cpuid(0xb, 2), 0, 0, 2, id) && is(cpu_cpuid(4, 0), 0, 0, 0, 0) &&
	       is(cpu_cpuid(0x1f, 0), 0, 0, 0, 0) &&
	       size.ecx == (id_bits << 12 | (cores - 1)) && core.eax == id &&
	       core.ebx == id && core.ecx == 0;
}

/* From the third level on all cores share one. */
static bool caches_are_told(uint32_t cores)
{
	for (uint32_t i = 0; i < CACHES; i++) {
		uint32_t eax = cpu_cpuid(0x8000001d, i).eax;

		if ((eax & 0x1f) == 0)
			break;
		if ((eax >> 14 & 0xfff) != ((eax >> 5 & 7) >= 3 ? cores - 1 : 0))
			return false;
	}
	return true;
}

/* Time enough between two looks for another CPU to take the VP. */
static void look_at_topology(void *argument)
{
	uint32_t cores = *(const uint32_t *)argument, id = this_vp()->apic_id;
	uint32_t id_bits = cores > 1 ? 32 - (uint32_t)__builtin_clz(cores - 1) : 0;
	volatile uint32_t *good = (uint32_t *)argument + 1;

	*good = 0;
	for (unsigned int i = 0; i < TOPOLOGY_LOOKS; i++) {
		uint32_t told = cpu_cpuid(1, 0).ebx >> 16;

		*good += told == (id << 8 | cores) &&
		         levels_are_told(id, cores, id_bits) && caches_are_told(cores);
		for (unsigned int wait = 0; wait < 2000; wait++)
			cpu_pause();
	}
}

static void topologies(void)
{
	static uint32_t told[VP_MAX][2]; /* cores, good looks */

	if (!hv_present() || hv_has(HV_PRIVILEGE_CREATE_PARTITIONS))
		return;
	for (unsigned int i = 0; i < smp_online(); i++)
		told[i][0] = guest_acpi()->cpu_count;
	for (unsigned int i = 1; i < smp_online(); i++)
		smp_run(i, look_at_topology, told[i]);
	look_at_topology(told[0]);
	for (unsigned int i = 0; i < smp_online(); i++) {
		ok(i == 0 || smp_wait(i, PATIENCE_MS), "VP %u has looked", i);
		ok_equal(told[i][1], TOPOLOGY_LOOKS,
		         "VP %u is always told of one socket and its own core", i);
	}
}

static void ping_pong(unsigned int index)
{
	const volatile uint32_t *pongs = &this_vp()->interrupts[VECTOR_PONG];
	uint32_t before = *pongs;
	unsigned int round = 0;

	reply_to = apic_id();
	trap_set_handler(VECTOR_PING, pong);
	smp_run(index, answer_pings, NULL);
	while (round < ROUNDS) {
		apic_send(smp_vp(index)->apic_id, APIC_ICR_ASSERT | VECTOR_PING);
		if (!clock_wait_for(pongs, before + ++round, PATIENCE_MS))
			break;
	}
	ok_equal(*pongs - before, ROUNDS, "VP %u answers every ping", index);
	ok(smp_wait(index, PATIENCE_MS), "VP %u saw every ping", index);
	trap_set_handler(VECTOR_PING, NULL);
}

static void wakes_from_halt(unsigned int index)
{
	static unsigned int vector = VECTOR_ALL;

	smp_run(index, halt_until, &vector);
	clock_wait_ms(5);
	apic_send(smp_vp(index)->apic_id, APIC_ICR_ASSERT | VECTOR_ALL);
	ok(smp_wait(index, PATIENCE_MS), "an IPI wakes VP %u from HLT", index);
}

static void count_only(struct trap_frame *frame)
{
	(void)frame; /* counted by the dispatcher */
}

static void nmi(unsigned int index)
{
	volatile uint32_t *nmis = &smp_vp(index)->interrupts[TRAP_NMI];
	uint32_t before = *nmis;

	trap_set_handler(TRAP_NMI, count_only);
	apic_send(smp_vp(index)->apic_id, APIC_ICR_ASSERT | APIC_ICR_NMI);
	ok(clock_wait_for(nmis, before + 1, PATIENCE_MS), "an NMI reaches VP %u", index);
	clock_wait_ms(1);
	trap_set_handler(TRAP_NMI, NULL);
}

/* One interrupt-taking stretch of work for the broadcast below. */
static void take_interrupts_a_while(void *argument)
{
	(void)argument; /* nothing to know */
	(void)clock_wait_for(&this_vp()->interrupts[VECTOR_ALL],
	                     this_vp()->interrupts[VECTOR_ALL] + 1, PATIENCE_MS);
}

static void broadcast(void)
{
	uint32_t own = this_vp()->interrupts[VECTOR_ALL];
	bool all = true;

	for (unsigned int i = 1; i < smp_online(); i++)
		smp_run(i, take_interrupts_a_while, NULL);
	clock_wait_ms(5);
	apic_send(0, APIC_ICR_OTHERS | APIC_ICR_ASSERT | VECTOR_ALL);
	for (unsigned int i = 1; i < smp_online(); i++)
		all &= smp_wait(i, PATIENCE_MS / 2);
	ok(all, "an IPI to all others reaches all others");
	cpu_take_interrupts();
	ok_equal(this_vp()->interrupts[VECTOR_ALL], own, "and not the sender");
}

void group_smp(void)
{
	unsigned int wanted =
		(unsigned int)guest_option_number("vps", guest_acpi()->cpu_count);

	ok_equal(smp_start(wanted), wanted, "%u VPs run", wanted);
	if (smp_online() < 2) {
		skip("one VP alone");
		return;
	}
	for (unsigned int i = 1; i < smp_online(); i++) {
		identities(i);
		ping_pong(i);
		wakes_from_halt(i);
		nmi(i);
	}
	broadcast();
	topologies();
}
