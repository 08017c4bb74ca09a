/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames and pools of them, in a machine of 16 MiB with a hole, an image and a reserve. frames.h, pool.h */
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "hypervisor/arch/x86/paging.h"
#include "hypervisor/kernel/base/boot_info.h"
#include "hypervisor/kernel/base/epoch.h"
#include "hypervisor/kernel/memory/frames.h"
#include "hypervisor/kernel/memory/pool.h"
#include "tests/unit/unit.h"

#define ARCH_SET_GS   0x1001 /* arch_prctl(2) */
#define RAM_BYTES     (16 * UINT64_C(0x100000))
#define IMAGE_PFN     0x200u
#define IMAGE_END_PFN 0x300u
#define FIRST_PFN     0x800u /* of those that the tests deposit */

struct boot_info boot_info = {
	.ranges = { { 0x1000, 0x9f800, MEMORY_RAM },
	            { 0x9f800, 0x100000, MEMORY_RESERVED },
	            { 0x100000, RAM_BYTES, MEMORY_RAM } },
	.range_count = 3,
};
struct root_loader_handoff boot_handoff = {
	.taken = { [ROOT_LOADER_IMAGE] = { IMAGE_PFN * PAGE_4K, IMAGE_END_PFN *PAGE_4K },
	           [ROOT_LOADER_RESERVE] = { 0x400000, 0x600000 } },
};

uint8_t *fake_ram;
static struct cpu cpu;
static uint64_t epoch_now, epoch_of_all;
static unsigned int reserve_pages;
static struct pool pool;

void *reserve_take(uint64_t bytes)
{
	reserve_pages += (unsigned int)(bytes / PAGE_4K);
	return calloc(1, bytes); /* for good */
}

void frame_map_show(uint64_t pfn)
{
	ck_assert_uint_lt(pfn, RAM_BYTES / PAGE_4K);
}

uint64_t epoch_advance(void)
{
	return ++epoch_now;
}

bool epoch_passed(uint64_t epoch)
{
	return epoch_of_all >= epoch;
}

void panic_at(const struct trap_frame *frame, const char *format, ...)
{
	(void)frame; /* there is none */
	ck_abort_msg("panic: %s", format);
	abort();
}

static void setup(void)
{
	fake_ram = calloc(1, RAM_BYTES);
	cpu.self = &cpu;
	ck_assert_int_eq(syscall(SYS_arch_prctl, ARCH_SET_GS, &cpu), 0);
	frames_init();
	pool_init(&pool);
}

static void every_cpu_passes(void)
{
	epoch_of_all = epoch_now;
}

static void deposit(uint64_t pfn, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		ck_assert(frames_deposit(pfn + i));
		pool_deposit(&pool, pfn + i);
	}
}

static void balance_is(uint64_t available, uint64_t in_use)
{
	uint64_t is_available, is_in_use;

	pool_balance(&pool, &is_available, &is_in_use);
	ck_assert_uint_eq(is_available, available);
	ck_assert_uint_eq(is_in_use, in_use);
}

static bool is_zero(const void *page)
{
	static const uint8_t zeros[PAGE_4K];

	return memcmp(page, zeros, PAGE_4K) == 0;
}

START_TEST(whole_frames_of_ram_are_the_roots_but_what_we_took)
{
	static const struct {
		uint64_t pfn;
		bool is_ram;
	} frames[] = {
		{ 0, false },
		{ 1, true },
		{ 0x9e, true },
		{ 0x9f, false }, /* not whole */
		{ 0xff, false },
		{ 0x100, true },
		{ IMAGE_PFN - 1, true },
		{ IMAGE_PFN, false },
		{ IMAGE_END_PFN - 1, false },
		{ IMAGE_END_PFN, true },
		{ 0x400, false },
		{ 0x5ff, false },
		{ 0x600, true },
		{ RAM_BYTES / PAGE_4K - 1, true },
		{ RAM_BYTES / PAGE_4K, false },
		{ UINT64_C(1) << 40, false },
		{ UINT64_MAX, false },
	};

	for (unsigned int i = 0; i < ARRAY_COUNT(frames); i++) {
		ck_assert_int_eq(frames_is_ram(frames[i].pfn), frames[i].is_ram);
		ck_assert_int_eq(frames_hold(frames[i].pfn, 1), frames[i].is_ram);
		if (frames[i].is_ram)
			frames_drop(frames[i].pfn, 1);
		ck_assert_int_eq(frames_deposit(frames[i].pfn), frames[i].is_ram);
	}
}
END_TEST

START_TEST(a_frame_is_mapped_or_deposited_never_both)
{
	ck_assert(frames_hold(FIRST_PFN, 2));
	ck_assert(frames_hold(FIRST_PFN, 1));
	ck_assert(!frames_deposit(FIRST_PFN));
	frames_drop(FIRST_PFN, 1);
	ck_assert(!frames_deposit(FIRST_PFN));
	frames_drop(FIRST_PFN, 2);
	ck_assert(frames_deposit(FIRST_PFN));
	ck_assert(!frames_deposit(FIRST_PFN));
	ck_assert(!frames_hold(FIRST_PFN, 1));
	ck_assert(frames_is_ram(FIRST_PFN));
	frames_withdraw(FIRST_PFN);
	ck_assert(frames_hold(FIRST_PFN, 1));
}
END_TEST

START_TEST(frames_are_held_all_or_none)
{
	ck_assert(!frames_hold(IMAGE_PFN - 3, 4));
	for (uint64_t pfn = IMAGE_PFN - 3; pfn < IMAGE_PFN; pfn++)
		ck_assert(frames_deposit(pfn));
}
END_TEST

START_TEST(a_deposit_is_given_out_wiped_when_every_cpu_has_passed)
{
	void *frame;

	deposit(FIRST_PFN, 1);
	balance_is(1, 0);
	ck_assert_ptr_null(pool_allocate(&pool));
	memset(frame_map(FIRST_PFN * PAGE_4K), 0xa5, PAGE_4K); /* the root, late */
	every_cpu_passes();
	frame = pool_allocate(&pool);
	ck_assert_ptr_eq(frame, frame_map(FIRST_PFN * PAGE_4K));
	ck_assert(is_zero(frame));
	balance_is(0, 1);
	ck_assert_ptr_null(pool_allocate(&pool));
}
END_TEST

START_TEST(what_comes_back_stays_as_it_is_until_nobody_can_look)
{
	uint8_t *frame;

	deposit(FIRST_PFN, 1);
	every_cpu_passes();
	frame = pool_allocate(&pool);
	memset(frame, 0xa5, PAGE_4K);
	pool_free(&pool, frame);
	pool_free(&pool, NULL);
	balance_is(1, 0);
	ck_assert_ptr_null(pool_allocate(&pool));
	for (unsigned int i = 0; i < PAGE_4K; i++)
		ck_assert_uint_eq(frame[i], 0xa5);
	every_cpu_passes();
	ck_assert_ptr_eq(pool_allocate(&pool), frame);
	ck_assert(is_zero(frame));
}
END_TEST

START_TEST(frames_are_allocated_all_or_none)
{
	void *frames[4];

	deposit(FIRST_PFN, 3);
	every_cpu_passes();
	ck_assert(!pool_allocate_all(&pool, frames, 4));
	balance_is(3, 0);
	every_cpu_passes();
	ck_assert(pool_allocate_all(&pool, frames, 3));
	ck_assert(frames[0] != frames[1] && frames[1] != frames[2] &&
	          frames[2] != frames[0]);
	balance_is(0, 3);
	pool_free_all(&pool, frames, 3);
	balance_is(3, 0);
}
END_TEST

START_TEST(a_frame_that_is_withdrawn_is_counted_no_more)
{
	deposit(FIRST_PFN, 2);
	every_cpu_passes();
	ck_assert_ptr_nonnull(pool_allocate(&pool));
	pool_withdraw(&pool);
	balance_is(1, 0);
}
END_TEST

START_TEST(no_pool_stands_for_the_reserve)
{
	unsigned int before = reserve_pages;
	void *frame = pool_allocate(NULL);

	ck_assert_ptr_nonnull(frame);
	ck_assert_uint_eq(reserve_pages, before + 1);
	free(frame);
}
END_TEST

/* Any order of giving and taking: no frame is out twice, and the accounts are right. */
START_TEST(no_frame_is_given_twice)
{
	enum { FRAMES = 64 };
	bool out[FRAMES] = { false };
	uint64_t in_use = 0;

	srand((unsigned int)_i);
	deposit(FIRST_PFN, FRAMES);
	for (unsigned int i = 0; i < 20000; i++) {
		unsigned int which = (unsigned int)rand() % FRAMES;
		void *frame = rand() % 2 ? pool_allocate(&pool) : NULL;

		if (rand() % 4 == 0)
			every_cpu_passes();
		if (frame) {
			which = (unsigned int)(frame_map_hpa(frame) / PAGE_4K) -
			        FIRST_PFN;
			ck_assert(which < FRAMES && !out[which]);
			out[which] = true;
			in_use++;
		} else if (out[which]) {
			pool_free(&pool, frame_map((FIRST_PFN + which) * PAGE_4K));
			out[which] = false;
			in_use--;
		}
	}
	balance_is(FRAMES - in_use, in_use);
}
END_TEST

static Suite *pool_suite(void)
{
	Suite *suite = suite_create("pool");
	TCase *tcase = tcase_create("pool");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, whole_frames_of_ram_are_the_roots_but_what_we_took);
	tcase_add_test(tcase, a_frame_is_mapped_or_deposited_never_both);
	tcase_add_test(tcase, frames_are_held_all_or_none);
	tcase_add_test(tcase, a_deposit_is_given_out_wiped_when_every_cpu_has_passed);
	tcase_add_test(tcase, what_comes_back_stays_as_it_is_until_nobody_can_look);
	tcase_add_test(tcase, frames_are_allocated_all_or_none);
	tcase_add_test(tcase, a_frame_that_is_withdrawn_is_counted_no_more);
	tcase_add_test(tcase, no_pool_stands_for_the_reserve);
	tcase_add_loop_test(tcase, no_frame_is_given_twice, 0, 4);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(pool_suite)
