/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The scheduler, judged by a root whose children do nothing but spin with interrupts off: shares by weight, a
 * turn for each of many, a root that is served among them, CPUs that halt. The figures are the
 * hypervisor's own counters; that a VP runs shows in its memory too. Meant for icount, where a host that
 * is busy takes no time from anybody.
 */
#include "tests/guest/groups.h"

#include <viridis/abi/hv_cpuid.h>
#include <viridis/abi/hv_msr.h>
#include <viridis/abi/hv_register.h>
#include <viridis/abi/viridis_stats.h>
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "tests/guest/partition.h"
#include "tests/guest/sched_signal.h"
#include "vsc/lib/clock.h"
#include "vsc/lib/cpu.h"
#include "vsc/lib/guest.h"
#include "vsc/lib/tap.h"

#define VECTOR_TIMER    0x63
#define UNITS_PER_MS    UINT64_C(10000)
#define CR0_ET          UINT64_C(0x10)
#define CROWD_PAGES     64u
#define VP_DEPOSIT      16u
#define CROWD_RAM       2u                        /* pages: code, counters */
#define REGISTER_RDI    (HV_X64_REGISTER_RAX + 7) /* rax rcx rdx rbx rsp rbp rsi rdi */
#define SHARE_MS        240
#define SPIN_MS         100
#define TURN_MS         320
#define IDLE_MS         2000
#define MANY_PARTITIONS 8u
#define MANY_VPS        5u
#define NAPS            24u
#define NAP_MS          3
#define LATE_MAX        (5 * UNITS_PER_MS)
#define IDLE_EXITS_MAX  20u

/* A partition whose VPs spin, each counting in its own word. */
struct crowd {
	uint64_t id;
	unsigned int vps;
	volatile uint32_t *counters;
	uint32_t counted[MANY_VPS]; /* as at the last look */
	uint64_t ticks[MANY_VPS];   /* guest time, at the last look and then since */
};

/* 1: incl (%di); jmp 1b, in real mode */
static const uint8_t spin_code[] = { 0x66, 0xff, 0x05, 0xeb, 0xfb };

/* ---- The root's own part ---- */

static uint64_t units_now(void)
{
	return cpu_rdmsr(HV_MSR_TIME_REF_COUNT);
}

/* Halts until a timer has come; how late it came. */
static uint64_t nap(uint64_t ms)
{
	uint64_t due = units_now() + ms * UNITS_PER_MS, now;

	cpu_wrmsr(HV_MSR_STIMER0_CONFIG,
	          HV_STIMER_AUTO_ENABLE | HV_STIMER_DIRECT | (uint64_t)VECTOR_TIMER << 4);
	cpu_wrmsr(HV_MSR_STIMER0_COUNT, due);
	while ((now = units_now()) < due)
		cpu_sti_hlt_cli();
	return now - due;
}

static uint64_t counter(uint64_t id, enum viridis_stats_object object, uint32_t index,
                        unsigned int which)
{
	static struct viridis_output_get_stats stats;
	enum hv_status status = stats_get(id, object, index, &stats);

	if (status != HV_STATUS_SUCCESS)
		bail_out("GET_STATS of %u: status %x", index, status);
	return stats.counter[which];
}

static uint64_t own_ticks(void)
{
	return counter(HV_PARTITION_ID_SELF, VIRIDIS_STATS_VP, 0,
	               VIRIDIS_VP_STAT_GUEST_TICKS);
}

static unsigned int cpus(void)
{
	return guest_acpi()->cpu_count < MANY_VPS ? guest_acpi()->cpu_count : MANY_VPS;
}

/* ---- Crowds ---- */

static bool start_vp(const struct crowd *crowd, unsigned int vp)
{
	const struct {
		uint32_t name;
		uint64_t value;
	} registers[] = {
		{ HV_REGISTER_INTERNAL_ACTIVITY_STATE, 0 },
		{ HV_X64_REGISTER_CR0, CR0_ET },
		{ HV_X64_REGISTER_RIP, 0 },
		{ HV_X64_REGISTER_RFLAGS, 2 },
		{ REGISTER_RDI, PAGE_4K + 4 * vp },
		{ HV_REGISTER_EXPLICIT_SUSPEND, 0 },
	};
	const union hv_register_value code = { .segment = { .limit = 0xffff,
		                                            .attributes = 0x9b } };

	if (vp_create(crowd->id, vp) ||
	    vp_set_register(crowd->id, vp, HV_X64_REGISTER_CS, code))
		return false;
	for (unsigned int i = 0; i < ARRAY_COUNT(registers); i++)
		if (vp_set_register64(crowd->id, vp, registers[i].name,
		                      registers[i].value))
			return false;
	return true;
}

static bool gather(struct crowd *crowd, unsigned int vps, uint64_t weight)
{
	uint8_t *memory = pages_take(CROWD_RAM);
	uint64_t first = (uint64_t)memory >> PAGE_SHIFT_4K;
	const uint64_t pfns[CROWD_RAM] = { first, first + 1 };
	unsigned int done;

	memcpy(memory, spin_code, sizeof(spin_code));
	crowd->vps = vps;
	crowd->counters = (volatile uint32_t *)(memory + PAGE_4K);
	if (partition_create(&crowd->id))
		return false;
	stock_deposit(crowd->id, CROWD_PAGES + vps * VP_DEPOSIT);
	if (partition_initialize(crowd->id) ||
	    partition_set_property(crowd->id, HV_PROPERTY_CPU_WEIGHT, weight) ||
	    memory_map(crowd->id, 0, MAP_ALL, pfns, CROWD_RAM, &done))
		return false;
	for (unsigned int vp = 0; vp < vps; vp++)
		if (!start_vp(crowd, vp))
			return false;
	return true;
}

static bool disperse(struct crowd *crowd)
{
	unsigned int count;

	return !partition_finalize(crowd->id) && stock_withdraw(crowd->id, &count) &&
	       !partition_delete(crowd->id);
}

static void look(struct crowd *crowd)
{
	for (unsigned int vp = 0; vp < crowd->vps; vp++) {
		crowd->ticks[vp] = counter(crowd->id, VIRIDIS_STATS_VP, vp,
		                           VIRIDIS_VP_STAT_GUEST_TICKS) -
		                   crowd->ticks[vp];
		crowd->counted[vp] = crowd->counters[vp] - crowd->counted[vp];
	}
}

static void forget(struct crowd *crowd)
{
	memset(crowd->ticks, 0, sizeof(crowd->ticks));
	memset(crowd->counted, 0, sizeof(crowd->counted));
}

/* Ticks and counts of each VP in the time in which `pass` was passed. */
static void watch(struct crowd *crowds, unsigned int count, void (*pass)(uint64_t ms),
                  uint64_t ms)
{
	for (unsigned int i = 0; i < count; i++) {
		forget(&crowds[i]);
		look(&crowds[i]);
	}
	pass(ms);
	for (unsigned int i = 0; i < count; i++)
		look(&crowds[i]);
}

static uint64_t ticks_of(const struct crowd *crowd)
{
	uint64_t sum = 0;

	for (unsigned int vp = 0; vp < crowd->vps; vp++)
		sum += crowd->ticks[vp];
	return sum;
}

/* The least and the most of all VPs. */
static uint64_t ticks_least(const struct crowd *crowds, unsigned int count)
{
	uint64_t least = ~UINT64_C(0);

	for (unsigned int i = 0; i < count; i++)
		for (unsigned int vp = 0; vp < crowds[i].vps; vp++)
			if (crowds[i].ticks[vp] < least)
				least = crowds[i].ticks[vp];
	return least;
}

static bool all_counted(const struct crowd *crowds, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		for (unsigned int vp = 0; vp < crowds[i].vps; vp++)
			if (crowds[i].counted[vp] == 0)
				return false;
	return true;
}

/* ---- What is judged ---- */

static void nap_once(uint64_t ms)
{
	(void)nap(ms); /* judged elsewhere */
}

static void share_is_three(const struct crowd *light, const struct crowd *heavy,
                           const char *sentence)
{
	uint64_t light_ms = ticks_of(light) * 1000 / clock_tsc_hz();
	uint64_t heavy_ms = ticks_of(heavy) * 1000 / clock_tsc_hz();

	note("guest time %lu ms and %lu ms of %u", light_ms, heavy_ms, SHARE_MS);
	ok(heavy_ms >= 2 * light_ms && 2 * heavy_ms <= 9 * light_ms, "%s", sentence);
	ok(light_ms + heavy_ms >= (uint64_t)SHARE_MS * cpus() * 9 / 10,
	   "and no CPU is left unused");
}

static void shares_follow_weights(struct crowd crowds[2])
{
	watch(crowds, 2, nap_once, SHARE_MS);
	share_is_three(&crowds[0], &crowds[1],
	               "weights 100 and 300 share the CPUs 1 to 3");
	ok(!partition_set_property(crowds[0].id, HV_PROPERTY_CPU_WEIGHT, 900),
	   "a weight is changed while its VPs run");
	watch(crowds, 2, nap_once, SHARE_MS);
	share_is_three(&crowds[1], &crowds[0], "weights 300 and 900 share them 1 to 3");
}

static void timers_are_in_time(unsigned int children)
{
	uint64_t latest = 0;

	for (unsigned int i = 0; i < NAPS; i++) {
		uint64_t late = nap(NAP_MS);

		latest = late > latest ? late : latest;
	}
	note("the root's timer is late by %lu us at most", latest / 10);
	ok(latest < LATE_MAX, "%u VPs that spin do not keep the root from its timer",
	   children);
}

/* The root weighs 400 against the children's 900 and 300, on one of the CPUs. */
static void a_spinning_root_shares(struct crowd crowds[2])
{
	uint64_t own = own_ticks();

	watch(crowds, 2, clock_wait_ms, SPIN_MS);
	own = (own_ticks() - own) * 1000 / clock_tsc_hz();
	note("guest time of the root %lu ms of %u", own, SPIN_MS);
	ok(ticks_least(crowds, 2) * 1000 / clock_tsc_hz() >= SPIN_MS / 20,
	   "a root that spins leaves each child its part");
	ok(own >= SPIN_MS / 6 && own <= SPIN_MS * 9 / 10, "and has its own");
}

static void two_crowds(void)
{
	static struct crowd crowds[2];

	if (!ok(gather(&crowds[0], cpus(), 100) && gather(&crowds[1], cpus(), 300),
	        "two partitions' VPs spin, %u each", cpus()))
		return;
	shares_follow_weights(crowds);
	timers_are_in_time(2 * cpus());
	a_spinning_root_shares(crowds);
	ok(disperse(&crowds[0]) && disperse(&crowds[1]), "they are taken down");
}

static void everybody_gets_a_turn(void)
{
	static struct crowd crowds[MANY_PARTITIONS];
	uint64_t fair = (uint64_t)TURN_MS * cpus() / (MANY_PARTITIONS * MANY_VPS), least;
	bool good = true;

	for (unsigned int i = 0; i < MANY_PARTITIONS; i++)
		good &= gather(&crowds[i], MANY_VPS, HV_CPU_WEIGHT_DEFAULT);
	if (!ok(good, "%u VPs of %u partitions spin", MANY_PARTITIONS * MANY_VPS,
	        MANY_PARTITIONS))
		return;
	watch(crowds, MANY_PARTITIONS, nap_once, TURN_MS);
	least = ticks_least(crowds, MANY_PARTITIONS) * 1000 / clock_tsc_hz();
	note("the least guest time is %lu ms, %lu would be fair", least, fair);
	ok(all_counted(crowds, MANY_PARTITIONS), "each of them counts on");
	ok(least >= fair / 2, "none has less than half of its part");
	timers_are_in_time(MANY_PARTITIONS * MANY_VPS);
	for (unsigned int i = 0; i < MANY_PARTITIONS; i++)
		good &= disperse(&crowds[i]);
	ok(good, "they are taken down");
}

static uint64_t idle_ticks(uint32_t cpu)
{
	return counter(0, VIRIDIS_STATS_CPU, cpu, VIRIDIS_CPU_STAT_IDLE_TICKS);
}

static void idle_cpus_halt(void)
{
	uint64_t idle[VIRIDIS_MACHINE_CPUS], exits;

	for (unsigned int i = 0; i < cpus(); i++)
		idle[i] = idle_ticks(i);
	exits = counter(HV_PARTITION_ID_SELF, VIRIDIS_STATS_VP, 0,
	                VIRIDIS_VP_STAT_ENTRIES);
	nap_once(IDLE_MS);
	exits = counter(HV_PARTITION_ID_SELF, VIRIDIS_STATS_VP, 0,
	                VIRIDIS_VP_STAT_ENTRIES) -
	        exits;
	note("%lu entries of the root in %u ms", exits, IDLE_MS);
	ok(exits <= IDLE_EXITS_MAX, "a root that waits is let alone");
	for (unsigned int i = 0; i < cpus(); i++) {
		idle[i] = (idle_ticks(i) - idle[i]) * 1000 / clock_tsc_hz();
		note("CPU %u halted for %lu ms of %u", i, idle[i], IDLE_MS);
		ok(idle[i] >= IDLE_MS * 19 / 20, "with nothing to do CPU %u halts", i);
	}
}

/* Nobody has lost a translation meanwhile. */
static void idle_keeps_the_tlb(void)
{
	uint64_t before = counter(0, VIRIDIS_STATS_CPU, 0, VIRIDIS_CPU_STAT_TLB_FLUSHES);
	uint64_t flushes;

	for (unsigned int i = 0; i < NAPS; i++)
		(void)nap(1);
	flushes = counter(0, VIRIDIS_STATS_CPU, 0, VIRIDIS_CPU_STAT_TLB_FLUSHES) - before;
	note("%lu flushes in %u naps", flushes, NAPS);
	ok(flushes < NAPS / 4, "a CPU that wakes up keeps its guests' translations");
}

void group_sched(void)
{
	idle_cpus_halt();
	idle_keeps_the_tlb();
	two_crowds();
	everybody_gets_a_turn();
	idle_cpus_halt();
	sched_signals();
	cpu_wrmsr(HV_MSR_STIMER0_CONFIG, 0);
}
