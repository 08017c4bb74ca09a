/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two VPs of the root that make hypercalls about the same child at the same time, each for itself in the right:
 * every call returns with a status that some order of the two explains, and in the end every page is back.
 * The child's own VP never runs.
 */
#include "tests/guest/groups.h"

#include <viridis/abi/hv_hypercall.h>
#include <viridis/abi/hv_msr.h>
#include <viridis/abi/hv_register.h>
#include <viridis/base/bits.h>
#include "tests/guest/partition.h"
#include "vsc/lib/clock.h"
#include "vsc/lib/guest.h"
#include "vsc/lib/hv.h"
#include "vsc/lib/smp.h"
#include "vsc/lib/tap.h"
#include "vsc/lib/trap.h"
#include "vsc/lib/try.h"

#define DEPOSIT       64u
#define CONTEST_MS    1000
#define PATIENCE_MS   20000
#define ATTEMPTS      100000u
#define GPFN          0x10u /* where pages are mapped, and overlays laid */
#define OTHER_GPFN    0x20u
#define FRAMES        32u
#define GIFT_DEPOSIT  16u
#define FAR_DUE       UINT64_C(0x7000000000) /* a timer's, hours from now */
#define DUE_STEP      UINT64_C(0x100000)
#define SETS          64u
#define TIMER_ON      (HV_STIMER_ENABLE | HV_STIMER_DIRECT | 0x40 << 4)
#define STIMER_CONFIG HV_REGISTER_STIMER0_CONFIG
#define STIMER_COUNT  (HV_REGISTER_STIMER0_CONFIG + 1)

/* Shared by the two VPs; atomic. */
static uint64_t child;
static uint32_t stop;
static uint32_t calls; /* of the other VP */

/* Statuses by who saw them, one bit each; those above 63 count as 63. */
static uint64_t seen_here, seen_there;

static uint64_t bit_of(enum hv_status status)
{
	return BIT64(status < 63 ? status : 63);
}

#define SUCCESS      BIT64(HV_STATUS_SUCCESS)
#define NO_MEMORY    BIT64(HV_STATUS_INSUFFICIENT_MEMORY)
#define NO_VP        BIT64(HV_STATUS_INVALID_VP_INDEX)
#define NO_PARTITION BIT64(HV_STATUS_INVALID_PARTITION_ID)
#define WRONG_STATE  BIT64(HV_STATUS_INVALID_PARTITION_STATE)
#define IN_USE       BIT64(HV_STATUS_OBJECT_IN_USE)
#define BAD_VALUE    BIT64(HV_STATUS_INVALID_PARAMETER)

static enum hv_status here(enum hv_status status)
{
	seen_here |= bit_of(status);
	return status;
}

static enum hv_status there(enum hv_status status)
{
	__atomic_fetch_or(&seen_there, bit_of(status), __ATOMIC_RELAXED);
	__atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED);
	return status;
}

static bool is_over(void)
{
	return __atomic_load_n(&stop, __ATOMIC_ACQUIRE);
}

static uint64_t child_now(void)
{
	return __atomic_load_n(&child, __ATOMIC_ACQUIRE);
}

/* ---- One contest ---- */

/* A call of ours that nobody is to disturb. */
static bool done_well(enum hv_status status, const char *what)
{
	if (status != HV_STATUS_SUCCESS)
		note("%s: status %x", what, status);
	return status == HV_STATUS_SUCCESS;
}

static bool make_child(void)
{
	uint64_t id;

	if (!done_well(partition_create(&id), "CREATE"))
		return false;
	stock_deposit(id, DEPOSIT);
	__atomic_store_n(&child, id, __ATOMIC_RELEASE);
	return done_well(partition_initialize(id), "INITIALIZE");
}

static bool end_child(void)
{
	unsigned int count = 0;
	bool good = done_well(partition_finalize(child), "FINALIZE") &&
	            stock_withdraw(child, &count) && count == DEPOSIT;

	if (!good)
		note("%u of %u pages came back", count, DEPOSIT);
	return done_well(partition_delete(child), "DELETE") && good;
}

static void begin(void (*other)(void *))
{
	seen_here = 0;
	seen_there = 0;
	calls = 0;
	stop = 0;
	smp_run(1, other, NULL);
}

/* Both are done; what they saw is within `expected`. */
static void finish(uint64_t expected, const char *what)
{
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	if (!ok(smp_wait(1, PATIENCE_MS), "%s: every call returns", what))
		bail_out("the other VP does not come back");
	ok(((seen_here | seen_there) & ~expected) == 0 && calls > 0,
	   "with a status that is explained");
	note("%u calls there; statuses %lx here, %lx there", calls, seen_here,
	     seen_there);
}

/* Until CONTEST_MS are over, or a time fails; how many there were, 0: one failed. */
static unsigned int repeat(bool (*work)(void))
{
	uint64_t deadline = clock_deadline(CONTEST_MS);
	unsigned int times = 0;

	do {
		if (!work())
			return 0;
		times++;
	} while (!clock_passed(deadline));
	return times;
}

/* ---- Registers of one VP ---- */

/* Two registers in turn, many times in one call: the hypervisor is there as long as it can be. */
static enum hv_status set_in_turn(uint32_t first, uint64_t first_value, uint32_t second,
                                  uint64_t second_value)
{
	struct {
		struct hv_input_set_vp_registers header;
		struct hv_register_assoc assoc[SETS];
	} in = { .header = { .partition_id = child } };

	for (unsigned int i = 0; i < SETS; i += 2) {
		in.assoc[i].name = first;
		in.assoc[i].value.reg64 = first_value;
		in.assoc[i + 1].name = second;
		in.assoc[i + 1].value.reg64 = second_value;
	}
	return hv_status_of(
		hv_call(HVCALL_SET_VP_REGISTERS, SETS, &in, sizeof(in), NULL, 0));
}

static enum hv_status set_timer(void)
{
	static uint64_t step;
	uint64_t due = FAR_DUE +
	               (__atomic_add_fetch(&step, 1, __ATOMIC_RELAXED) & 0xff) * DUE_STEP;

	return set_in_turn(STIMER_COUNT, due, STIMER_CONFIG, TIMER_ON);
}

static void set_timers_there(void *argument)
{
	(void)argument; /* nothing to know */
	while (!is_over())
		(void)there(set_timer());
}

static bool set_timer_here(void)
{
	return here(set_timer()) == HV_STATUS_SUCCESS;
}

static void timers(void)
{
	uint64_t config = 0, due = 0;

	if (!ok(make_child() && vp_create(child, 0) == HV_STATUS_SUCCESS,
	        "a child with a VP"))
		return;
	begin(set_timers_there);
	ok(repeat(set_timer_here) > 0, "one sets a VP's timer");
	finish(SUCCESS, "another sets it too");
	ok(!vp_get_register64(child, 0, STIMER_CONFIG, &config) && config == TIMER_ON &&
	           !vp_get_register64(child, 0, STIMER_COUNT, &due) && due >= FAR_DUE,
	   "it is set as one of them did");
	ok(end_child(), "every page is back");
}

/* ---- A VP that comes and goes under who sets its overlays ---- */

static void move_overlay(void *argument)
{
	(void)argument; /* nothing to know */
	while (!is_over())
		(void)there(set_in_turn(
			HV_REGISTER_SIMP, GPFN * PAGE_4K | HV_MSR_PAGE_ENABLE,
			HV_REGISTER_SIMP, OTHER_GPFN * PAGE_4K | HV_MSR_PAGE_ENABLE));
}

/* What is unmapped shows whether an overlay was left without its VP. */
static bool renew_vp(void)
{
	enum hv_status status = here(vp_create(child, 0));

	if (status == HV_STATUS_SUCCESS)
		status = here(vp_delete(child, 0));
	if (status == HV_STATUS_SUCCESS) {
		(void)here(memory_unmap(child, GPFN, 1));
		(void)here(memory_unmap(child, OTHER_GPFN, 1));
	}
	return status == HV_STATUS_SUCCESS;
}

static void overlays(void)
{
	unsigned int done = 0;
	uint64_t pfn = (uint64_t)pages_take(1) >> PAGE_SHIFT_4K;

	if (!ok(make_child(), "a child"))
		return;
	begin(move_overlay);
	ok(repeat(renew_vp) > 0, "one makes and deletes a VP");
	finish(SUCCESS | NO_VP, "another moves its overlay");
	ok(!memory_map(child, GPFN, MAP_ALL, &pfn, 1, &done) &&
	           !memory_map(child, OTHER_GPFN, MAP_ALL, &pfn, 1, &done),
	   "no overlay is left where it was");
	ok(end_child(), "every page is back");
}

/* ---- Places that two map, each its own pages ---- */

static uint64_t frames[2][FRAMES]; /* PFNs: one list for each VP */

/* As far as the other has not been there before; what is there then goes, whoever's it is. */
static void map_and_unmap(unsigned int who, enum hv_status (*count)(enum hv_status))
{
	unsigned int done;

	(void)count(memory_map(child, GPFN, MAP_ALL, frames[who], FRAMES, &done));
	(void)count(memory_unmap(child, GPFN, FRAMES));
}

static void map_there(void *argument)
{
	(void)argument; /* nothing to know */
	while (!is_over())
		map_and_unmap(1, there);
}

static bool map_here(void)
{
	map_and_unmap(0, here);
	return true;
}

/* Of no frame a hold is left, or one too few taken. */
static bool are_free(void)
{
	unsigned int done, count;

	for (unsigned int i = 0; i < 2; i++)
		if (memory_deposit(child, frames[i], FRAMES, &done) != HV_STATUS_SUCCESS)
			return false;
	return partition_finalize(child) == HV_STATUS_SUCCESS &&
	       (stock_withdraw(child, &count), count == DEPOSIT + 2 * FRAMES) &&
	       partition_delete(child) == HV_STATUS_SUCCESS;
}

static void maps(void)
{
	for (unsigned int i = 0; i < FRAMES; i++)
		for (unsigned int who = 0; who < 2; who++)
			frames[who][i] = (uint64_t)pages_take(1) >> PAGE_SHIFT_4K;
	if (!ok(make_child(), "a child"))
		return;
	begin(map_there);
	ok(repeat(map_here) > 0, "one maps and unmaps pages");
	finish(SUCCESS | IN_USE, "another does others at the same places");
	ok(!memory_unmap(child, GPFN, FRAMES) && are_free(),
	   "the pages are free, and every other is back");
}

/* ---- A child that ends under who looks into it ---- */

static void look_into(void *argument)
{
	uint64_t value;

	(void)argument; /* nothing to know */
	while (!is_over()) {
		uint64_t id = child_now();

		(void)there(vp_get_register64(id, 0, HV_X64_REGISTER_RIP, &value));
		(void)there(memory_unmap(id, GPFN, 1));
	}
}

static uint64_t looked_into; /* PFN */

static bool one_life(void)
{
	unsigned int done;

	return make_child() &&
	       !memory_map(child, GPFN, MAP_ALL, &looked_into, 1, &done) &&
	       !vp_create(child, 0) && end_child();
}

static void lives(void)
{
	unsigned int count;

	looked_into = (uint64_t)pages_take(1) >> PAGE_SHIFT_4K;
	begin(look_into);
	count = repeat(one_life);
	ok(count > 0, "children live and end, each with every page");
	note("%u of them", count);
	finish(SUCCESS | NO_PARTITION | NO_VP | WRONG_STATE,
	       "another looks into them at any time");
}

/* ---- A pool that one empties and another needs ---- */

static void need_pages(void *argument)
{
	(void)argument; /* nothing to know */
	while (!is_over())
		if (there(vp_create(child, 0)) == HV_STATUS_SUCCESS)
			(void)there(vp_delete(child, 0));
}

static bool empty_and_fill(void)
{
	unsigned int count;
	bool wiped = stock_withdraw(child, &count);

	stock_deposit(child, count);
	return wiped;
}

static void pools(void)
{
	if (!ok(make_child(), "a child"))
		return;
	begin(need_pages);
	ok(repeat(empty_and_fill) > 0, "one empties a pool: all its pages are wiped");
	finish(SUCCESS | NO_MEMORY, "another makes VPs of them");
	ok(end_child(), "every page is back");
}

/* ---- A deposit for who is deleted ---- */

static uint64_t gift;                       /* PFN */
static uint64_t gift_deposit[GIFT_DEPOSIT]; /* what each such child has besides */
static unsigned int given;

static void give(void *argument)
{
	unsigned int done;

	(void)argument; /* nothing to know */
	while (!is_over())
		(void)there(memory_deposit(child_now(), &gift, 1, &done));
}

/* Whether the gift came in time or not, it is ours again when the child is gone. */
static bool one_gift(void)
{
	enum hv_status status = HV_STATUS_INSUFFICIENT_MEMORY;
	uint64_t id, back[GIFT_DEPOSIT + 1];
	unsigned int done, all = 0;
	struct fault fault;

	if (!done_well(partition_create(&id), "CREATE") ||
	    !done_well(memory_deposit(id, gift_deposit, GIFT_DEPOSIT, &done), "DEPOSIT"))
		return false;
	__atomic_store_n(&child, id, __ATOMIC_RELEASE);
	/* A gift that has just come keeps the pool shut until every CPU has let go of it. */
	for (unsigned int i = 0; i < ATTEMPTS && status != HV_STATUS_SUCCESS; i++)
		status = partition_initialize(id);
	if (!done_well(status, "INITIALIZE") ||
	    !done_well(partition_finalize(id), "FINALIZE"))
		return false;
	status = HV_STATUS_OBJECT_IN_USE;
	for (unsigned int i = 0; status != HV_STATUS_SUCCESS && i < ATTEMPTS; i++) {
		(void)memory_withdraw(id, back, GIFT_DEPOSIT + 1, &done); /* or nothing */
		all += done;
		status = partition_delete(id);
	}
	fault = try_store32(gift << PAGE_SHIFT_4K, 1);
	given += all == GIFT_DEPOSIT + 1;
	if (fault.vector == NO_FAULT && all >= GIFT_DEPOSIT && all <= GIFT_DEPOSIT + 1)
		return done_well(status, "DELETE");
	note("%u pages came back, fault %x", all, fault.vector);
	return false;
}

static void gifts(void)
{
	gift = (uint64_t)pages_take(1) >> PAGE_SHIFT_4K;
	for (unsigned int i = 0; i < GIFT_DEPOSIT; i++)
		gift_deposit[i] = (uint64_t)pages_take(1) >> PAGE_SHIFT_4K;
	begin(give);
	ok(repeat(one_gift) > 0, "children are deleted, and no page is lost");
	finish(SUCCESS | NO_PARTITION | WRONG_STATE | BAD_VALUE,
	       "another deposits for them at any time");
	note("%u times it came in time", given);
}

void group_contend(void)
{
	struct balance before = { 0, 0 };
	uint64_t id;

	if (smp_start(2) < 2) {
		skip("one VP alone");
		return;
	}
	ok(!partition_create(&id) && !partition_finalize(id) && !partition_delete(id),
	   "a child lives once"); /* what is kept for good is there now */
	(void)partition_balance(HV_PARTITION_ID_SELF, &before); /* compared below */
	timers();
	overlays();
	maps();
	lives();
	pools();
	gifts();
	ok(own_pages_in_use(before.in_use), "no page of our pool stays in use");
}
