/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A root that turns the pages of its registers against the hypervisor: laid over memory that is deposited,
 * then or later, over what was never its own, and over more places than there are tables.
 */
#include "tests/guest/attack.h"

#include <viridis/abi/hv_hypercall.h>
#include <viridis/abi/hv_msr.h>
#include <viridis/base/bits.h>
#include "tests/guest/partition.h"
#include "vsc/lib/cpu.h"
#include "vsc/lib/guest.h"
#include "vsc/lib/hv.h"
#include "vsc/lib/tap.h"
#include "vsc/lib/trap.h"
#include "vsc/lib/try.h"

#define PATTERN     0x5ec2e7u
#define LOCAL_APIC  UINT64_C(0xfee00000)
#define FAR         (UINT64_C(1) << 34) /* no RAM, but an address */
#define ARENA       (32 * PAGE_2M)      /* where pages_take() takes from */
#define LOWEST      (8 * PAGE_2M)
#define FAR_MOVES   1200u
#define NEAR_ROUNDS 3u
#define NEAR_MIN    64u
#define BLOCKS      20u
#define VP_DEPOSIT  64u
#define BLOCK_PAGES 512u
#define LAST_PAGE   (PAGE_2M - PAGE_4K)

static const struct {
	uint32_t msr;
	const char *name;
} registers[] = {
	{ HV_MSR_SIMP, "SIMP" },
	{ HV_MSR_SIEFP, "SIEFP" },
	{ HV_MSR_VP_ASSIST_PAGE, "VP_ASSIST_PAGE" },
	{ HV_MSR_REFERENCE_TSC, "REFERENCE_TSC" },
};

static bool is_shown(uint32_t msr, uint64_t page)
{
	return try_wrmsr(msr, page | HV_MSR_PAGE_ENABLE).vector == NO_FAULT;
}

static void hide(uint32_t msr)
{
	ok_equal(try_wrmsr(msr, 0).vector, NO_FAULT, "the register is cleared");
}

static bool is_closed(uint64_t page)
{
	uint32_t value;

	return try_load32(page + 64, &value).vector == TRAP_GP &&
	       try_store32(page + 64, 0x41414141).vector == TRAP_GP;
}

static bool deposit(uint64_t page)
{
	uint64_t pfn = page >> PAGE_SHIFT_4K;
	unsigned int done;

	return memory_deposit(HV_PARTITION_ID_SELF, &pfn, 1, &done) == HV_STATUS_SUCCESS;
}

/* Of a pool that was empty before. */
static bool withdraw(uint64_t page)
{
	uint64_t pfn = 0;
	unsigned int done;

	return memory_withdraw(HV_PARTITION_ID_SELF, &pfn, 1, &done) ==
	               HV_STATUS_SUCCESS &&
	       pfn == page >> PAGE_SHIFT_4K;
}

static void empty_pool(void)
{
	unsigned int count;

	ok(stock_withdraw(HV_PARTITION_ID_SELF, &count), "our pool is emptied");
}

/* What comes back when the overlay goes must be ours still. */
static void deposits_beneath(unsigned int row)
{
	volatile uint32_t *page = pages_take(1);
	const char *name = registers[row].name;

	*page = PATTERN;
	ok(is_shown(registers[row].msr, (uint64_t)page), "%s is laid over a page", name);
	ok(!deposit((uint64_t)page), "the page beneath cannot be deposited");
	hide(registers[row].msr);
	ok_equal(*page, PATTERN, "the page is as it was");
	ok(deposit((uint64_t)page), "without %s it can be deposited", name);
	ok(is_closed((uint64_t)page), "and is closed then");
	ok(!is_shown(registers[row].msr, (uint64_t)page), "%s cannot be laid over it",
	   name);
	hide(registers[row].msr);
	ok(is_closed((uint64_t)page), "it stays closed");
	ok(withdraw((uint64_t)page), "it is withdrawn");
	ok_equal(*page, 0, "and is zeros");
}

/* A refused write leaves the register, and the page that it shows, where they were. */
static void refused_place(uint64_t place, const char *what)
{
	uint32_t *page = pages_take(1);
	uint64_t old = (uint64_t)page | HV_MSR_PAGE_ENABLE;

	*page = PATTERN;
	if (!ok(is_shown(HV_MSR_SIMP, (uint64_t)page), "SIMP is laid over RAM"))
		return;
	ok_equal(try_wrmsr(HV_MSR_SIMP, place | HV_MSR_PAGE_ENABLE).vector, TRAP_GP,
	         "over %s, at %lx, it is refused", what, place);
	ok(cpu_rdmsr(HV_MSR_SIMP) == old && *(volatile uint32_t *)page == 0,
	   "and stays where it was");
	hide(HV_MSR_SIMP);
	ok_equal(*(volatile uint32_t *)page, PATTERN, "the page beneath is as it was");
}

static void foreign_places(void)
{
	const struct acpi_info *info = guest_acpi();
	uint64_t start, end;
	uint32_t value;

	if (info->ioapic_count)
		refused_place(info->ioapics[0].hpa, "an IOAPIC");
	refused_place(LOCAL_APIC, "the local APIC");
	refused_place(FAR, "what is no memory");
	if (guest_option_range("hv", &start, &end)) {
		refused_place(start, "the hypervisor's memory");
		ok_equal(try_load32(start + 8, &value).vector, TRAP_GP,
		         "which is closed as ever");
	}
	if (guest_option_range("image", &start, &end))
		refused_place(round_down(start, PAGE_4K), "the hypervisor's image");
}

/* A page of a child's deposit that its parent is shown, and that goes with the child's VP. */
static void state_page(void)
{
	uint64_t id = 0, pfn = 0;
	unsigned int count;

	if (!ok(!partition_create(&id), "a partition is created"))
		return;
	stock_deposit(id, VP_DEPOSIT);
	ok(!partition_initialize(id) && !vp_create(id, 0) &&
	           !vp_map_intercept_page(id, 0, &pfn),
	   "we see a page of its VP");
	refused_place(pfn << PAGE_SHIFT_4K, "a page of a child's VP");
	ok_equal(try_store32((pfn << PAGE_SHIFT_4K) + 264, 0).vector, NO_FAULT,
	         "which we still see");
	ok_equal(vp_delete(id, 0), HV_STATUS_SUCCESS, "the VP is deleted");
	ok(is_closed(pfn << PAGE_SHIFT_4K), "the page is closed");
	refused_place(pfn << PAGE_SHIFT_4K, "a page of a child's deposit");
	ok(is_closed(pfn << PAGE_SHIFT_4K), "it stays closed");
	ok(!partition_finalize(id) && stock_withdraw(id, &count) && count == VP_DEPOSIT &&
	           !partition_delete(id),
	   "the child is gone, and all its pages are back");
}

static void two_on_one_page(void)
{
	uint64_t page = (uint64_t)pages_take(1);

	ok(is_shown(HV_MSR_SIMP, page), "SIMP is laid over a page");
	ok(!is_shown(HV_MSR_SIEFP, page), "SIEFP cannot be laid over it too");
	hide(HV_MSR_SIMP);
	ok(is_shown(HV_MSR_SIEFP, page), "when SIMP is gone it can");
	hide(HV_MSR_SIEFP);
}

/* The last page of every 2 MiB of free RAM, each of which needs a table. */
static unsigned int lay_everywhere(void)
{
	uint64_t end = (uint64_t)pages_take(1) - ARENA;
	unsigned int moves = 0;

	for (uint64_t at = LOWEST + LAST_PAGE; at < end; at += PAGE_2M) {
		if (boot_info_find_free(guest_info(), PAGE_4K, PAGE_4K, at,
		                        at + PAGE_4K) == 0)
			continue;
		if (!is_shown(HV_MSR_SIMP, at))
			return 0;
		moves++;
	}
	return moves;
}

static void more_places_than_tables(void)
{
	unsigned int refused = 0, deposited = 0, moves = 0, back = 0, done;
	uint64_t pfn = 0;

	for (unsigned int i = 0; i < FAR_MOVES; i++)
		refused += !is_shown(HV_MSR_SIMP, FAR + i * PAGE_2M);
	ok_equal(refused, FAR_MOVES, "SIMP is laid over no place of %u without RAM",
	         FAR_MOVES);
	for (unsigned int i = 0; i < NEAR_ROUNDS; i++)
		moves = lay_everywhere();
	ok(moves >= NEAR_MIN, "it can be laid everywhere in RAM, %u times over",
	   NEAR_ROUNDS);
	note("%u places a round", moves);
	hide(HV_MSR_SIMP);
	for (unsigned int i = 0; i < BLOCKS; i++) {
		uint64_t page = (uint64_t)pages_take(BLOCK_PAGES);

		deposited += deposit(page) && is_closed(page);
	}
	ok_equal(deposited, BLOCKS, "a page of each of %u blocks can be deposited",
	         BLOCKS);
	for (unsigned int i = 0; i < BLOCKS; i++)
		back += memory_withdraw(HV_PARTITION_ID_SELF, &pfn, 1, &done) ==
		                HV_STATUS_SUCCESS &&
		        try_store32(pfn << PAGE_SHIFT_4K, PATTERN).vector == NO_FAULT;
	ok_equal(back, BLOCKS, "and withdrawn");
}

void attack_overlays(void)
{
	hv_enable_hypercalls();
	empty_pool();
	for (unsigned int i = 0; i < ARRAY_COUNT(registers); i++)
		deposits_beneath(i);
	foreign_places();
	state_page();
	two_on_one_page();
	more_places_than_tables();
}
