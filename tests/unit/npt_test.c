/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nested page tables. Table pages come from an arena whose addresses are no pointers, so that a mixed
 * up hpa faults. For NPT-1, NPT-2 and NPT-4 the arena is write-protected while a change is made: each store
 * traps, is single-stepped, and the tables as a processor would walk them are judged after it.
 */
#define _GNU_SOURCE
#include "hypervisor/core/npt.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <viridis/base/bits.h>
#include "tests/unit/unit.h"

#define ARENA_HPA   UINT64_C(0x7000000)
#define ARENA_PAGES 4096u
#define RWX         NPT_ALL
#define NOWHERE     UINT64_MAX

/* Long-mode entries. APM2 5.3, 15.25 */
static const struct npt_format format = {
	.table = 0x27,
	.dirty = 0x40,
	.leaf = { [NPT_READ] = UINT64_C(0x8000000000000065),
	          [NPT_READ | NPT_WRITE] = UINT64_C(0x8000000000000067),
	          [NPT_READ | NPT_EXECUTE] = 0x65,
	          [NPT_ALL] = 0x67 },
};

static uint8_t *arena;
static bool page_used[ARENA_PAGES];
static unsigned int pages_out;
static unsigned int allocations_left;

static void *page_at(uint64_t hpa)
{
	uint64_t index = (hpa - ARENA_HPA) / PAGE_4K;

	/* No ck_assert here: each one that passes costs a system call. */
	if (hpa < ARENA_HPA || index >= ARENA_PAGES || !is_aligned(hpa, PAGE_4K) ||
	    !page_used[index])
		ck_abort_msg("no table page");
	return arena + (hpa - ARENA_HPA);
}

static uint64_t page_allocate(void *owner)
{
	if (owner != &arena)
		ck_abort_msg("not our tables");
	if (allocations_left == 0)
		return 0;
	for (unsigned int i = 0; i < ARENA_PAGES; i++) {
		if (page_used[i])
			continue;
		page_used[i] = true;
		pages_out++;
		allocations_left--;
		return ARENA_HPA + i * PAGE_4K;
	}
	return 0;
}

static void page_release(void *owner, uint64_t hpa)
{
	if (owner != &arena)
		ck_abort_msg("not our tables");
	memset(page_at(hpa), 0, PAGE_4K);
	page_used[(hpa - ARENA_HPA) / PAGE_4K] = false;
	pages_out--;
}

static uint64_t bytes_dropped;

static void leaf_dropped(void *owner, uint64_t hpa, uint64_t bytes)
{
	if (owner != &arena || !is_aligned(hpa, bytes))
		ck_abort_msg("no leaf of ours");
	bytes_dropped += bytes;
}

static const struct npt_memory memory = { page_at, page_allocate, page_release,
	                                  leaf_dropped };

static struct npt npt;

static void setup(void)
{
	arena = mmap(NULL, ARENA_PAGES * PAGE_4K, PROT_READ | PROT_WRITE,
	             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(arena, MAP_FAILED);
	memset(page_used, 0, sizeof(page_used));
	pages_out = 0;
	allocations_left = UINT32_MAX;
	ck_assert_int_eq(npt_init(&npt, &format, &memory, &arena), HV_STATUS_SUCCESS);
}

static void teardown(void)
{
	munmap(arena, ARENA_PAGES * PAGE_4K);
}

static void map_ok(uint64_t gpa, uint64_t hpa, enum npt_level level, uint32_t flags)
{
	ck_assert_int_eq(npt_set(&npt, gpa, hpa, level, flags), HV_STATUS_SUCCESS);
}

static void unmap_ok(uint64_t gpa, enum npt_level level)
{
	ck_assert_int_eq(npt_set(&npt, gpa, 0, level, 0), HV_STATUS_SUCCESS);
}

/* Long-mode walk as the processor does it (APM2 5.3), written apart from npt.c. */
static uint64_t hardware_walk(uint64_t gpa, uint64_t *rights)
{
	uint64_t table = npt.root_hpa;

	*rights = 15;
	for (int shift = 39; shift >= 12; shift -= 9) {
		const uint64_t *entries = page_at(table);
		uint64_t entry = entries[(gpa >> shift) & 511];
		uint64_t address = entry & UINT64_C(0xffffffffff000);

		if (!(entry & 1))
			return NOWHERE;
		if (shift == 39 && (entry & 0x80))
			return NOWHERE;
		*rights &= (entry & 7) | (entry >> 63 ? 0 : 8);
		if (shift == 12 || (entry & 0x80))
			return address + (gpa & ((UINT64_C(1) << shift) - 1));
		table = address;
	}
	return NOWHERE;
}

static uint64_t translate(uint64_t gpa)
{
	uint64_t rights, hpa = hardware_walk(gpa, &rights);
	struct npt_leaf leaf;
	bool found = npt_lookup(&npt, gpa, &leaf);

	ck_assert_int_eq(found, hpa != NOWHERE);
	if (found) {
		ck_assert_uint_eq(leaf.hpa, hpa);
		ck_assert_uint_eq(!!(leaf.flags & NPT_WRITE), !!(rights & 2));
	}
	return hpa;
}

START_TEST(a_leaf_of_each_size_translates_from_its_first_to_its_last_byte)
{
	enum npt_level level = (enum npt_level)_i;
	uint64_t bytes = npt_level_bytes(level);
	struct npt_leaf leaf;

	map_ok(3 * PAGE_1G, 5 * PAGE_1G, level, NPT_READ | NPT_WRITE | NPT_MARK);
	ck_assert_uint_eq(translate(3 * PAGE_1G), 5 * PAGE_1G);
	ck_assert_uint_eq(translate(3 * PAGE_1G + bytes - 1), 5 * PAGE_1G + bytes - 1);
	ck_assert_uint_eq(translate(3 * PAGE_1G + bytes), NOWHERE);
	ck_assert_uint_eq(translate(3 * PAGE_1G - 1), NOWHERE);
	ck_assert(npt_lookup(&npt, 3 * PAGE_1G + bytes - 1, &leaf));
	ck_assert_int_eq(leaf.level, level);
	ck_assert_uint_eq(leaf.flags, NPT_READ | NPT_WRITE | NPT_MARK);
}
END_TEST

/* As EPT's are: SDM3 29.3.2. */
START_TEST(an_entry_is_what_the_vendors_format_says)
{
	static const struct npt_format ept = {
		.table = 7,
		.leaf = { [NPT_READ] = 0x31, [NPT_READ | NPT_EXECUTE] = 0x35 },
	};
	const uint64_t software = UINT64_C(0xfff0000000000000);
	struct npt other;
	uint64_t *root;

	ck_assert_int_eq(npt_init(&other, &ept, &memory, &arena), HV_STATUS_SUCCESS);
	ck_assert_int_eq(npt_set(&other, 0, PAGE_1G, NPT_LEVEL_1G, NPT_READ),
	                 HV_STATUS_SUCCESS);
	ck_assert_int_eq(npt_set(&other, PAGE_1G, PAGE_4K, NPT_LEVEL_4K,
	                         NPT_READ | NPT_EXECUTE),
	                 HV_STATUS_SUCCESS);
	root = page_at(other.root_hpa);
	ck_assert_uint_eq(root[0] % PAGE_4K, 7);
	root = page_at(root[0] & ~(PAGE_4K - 1));
	ck_assert_uint_eq(root[0] & ~software, PAGE_1G | 0xb1);
	ck_assert_uint_eq(root[1] % PAGE_4K, 7);
	root = page_at(root[1] & ~(PAGE_4K - 1));
	root = page_at(root[0] & ~(PAGE_4K - 1));
	ck_assert_uint_eq(root[0] & ~software, PAGE_4K | 0x35);
}
END_TEST

START_TEST(hostile_arguments_are_refused_without_a_table_page)
{
	static const struct {
		uint64_t gpa, hpa;
		int level;
		uint32_t flags;
	} evil[] = {
		{ 0x1001, 0x1000, NPT_LEVEL_4K, RWX },
		{ 0x1000, 0x1008, NPT_LEVEL_4K, RWX },
		{ 0x1000, 0x200000, NPT_LEVEL_2M, RWX },
		{ 0x200000, 0x1000, NPT_LEVEL_2M, RWX },
		{ 0x200000, 0x200000, NPT_LEVEL_1G, RWX },
		{ 0, 0, NPT_LEVEL_512G, RWX },
		{ 0, 0, 17, RWX },
		{ 0, 0, -1, RWX },
		{ UINT64_C(1) << 48, 0, NPT_LEVEL_4K, RWX },
		{ ~UINT64_C(0xfff), 0, NPT_LEVEL_4K, RWX },
		{ 0, UINT64_C(1) << 52, NPT_LEVEL_4K, RWX },
		{ 0, UINT64_C(1) << 63, NPT_LEVEL_1G, RWX },
		{ 0, 0, NPT_LEVEL_4K, NPT_WRITE | NPT_EXECUTE },
		{ 0x1008, 0, NPT_LEVEL_4K, 0 },
		{ 0, 0, NPT_LEVEL_4K, RWX | 0x10 },
		{ 0, 0, NPT_LEVEL_4K, RWX | 0x80000000 },
	};

	ck_assert_int_eq(npt_set(&npt, evil[_i].gpa, evil[_i].hpa,
	                         (enum npt_level)evil[_i].level, evil[_i].flags),
	                 HV_STATUS_INVALID_PARAMETER);
	ck_assert_uint_eq(pages_out, 1);
}
END_TEST

/* Each store while a change is made is judged by this. */
static struct {
	uint64_t gpa[8];
	uint64_t before[8];
	uint64_t after[8];
	unsigned int count;
	unsigned int stores;
	bool wrong;
} replay;

static void judge_state(void)
{
	for (unsigned int i = 0; i < replay.count; i++) {
		uint64_t rights, hpa = hardware_walk(replay.gpa[i], &rights);

		if (hpa != replay.before[i] && hpa != replay.after[i])
			replay.wrong = true;
		if (hpa != NOWHERE && rights != 15)
			replay.wrong = true;
	}
	replay.stores++;
}

#define TRAP_FLAG 0x100

static void on_store(int signal, siginfo_t *info, void *context)
{
	ucontext_t *machine = context;
	uint8_t *at = info->si_addr;

	(void)signal; /* one handler, one signal */
	if (at < arena || at >= arena + ARENA_PAGES * PAGE_4K)
		abort();
	mprotect(arena, ARENA_PAGES * PAGE_4K, PROT_READ | PROT_WRITE);
	machine->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
}

static void on_step(int signal, siginfo_t *info, void *context)
{
	ucontext_t *machine = context;

	(void)signal;
	(void)info; /* a single step says nothing more */
	machine->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
	judge_state();
	mprotect(arena, ARENA_PAGES * PAGE_4K, PROT_READ);
}

static void replay_watch(uint64_t gpa, uint64_t after)
{
	uint64_t rights;

	replay.gpa[replay.count] = gpa;
	replay.before[replay.count] = hardware_walk(gpa, &rights);
	replay.after[replay.count++] = after;
}

static void replay_begin(void)
{
	struct sigaction store = { .sa_sigaction = on_store, .sa_flags = SA_SIGINFO };
	struct sigaction step = { .sa_sigaction = on_step, .sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, &store, NULL);
	sigaction(SIGTRAP, &step, NULL);
	mprotect(arena, ARENA_PAGES * PAGE_4K, PROT_READ);
}

static void replay_end(unsigned int stores_least)
{
	mprotect(arena, ARENA_PAGES * PAGE_4K, PROT_READ | PROT_WRITE);
	ck_assert(!replay.wrong);
	ck_assert_uint_ge(replay.stores, stores_least);
	for (unsigned int i = 0; i < replay.count; i++)
		ck_assert_uint_eq(translate(replay.gpa[i]), replay.after[i]);
}

START_TEST(every_store_of_a_split_leaves_valid_tables)
{
	map_ok(0, PAGE_1G, NPT_LEVEL_1G, RWX);
	replay_watch(0, PAGE_1G);
	replay_watch(0x5000, 0x123000);
	replay_watch(0x4fff, PAGE_1G + 0x4fff);
	replay_watch(0x6000, PAGE_1G + 0x6000);
	replay_watch(PAGE_2M, PAGE_1G + PAGE_2M);
	replay_watch(PAGE_1G - 1, 2 * PAGE_1G - 1);
	replay_watch(PAGE_1G, NOWHERE);
	replay_begin();
	map_ok(0x5000, 0x123000, NPT_LEVEL_4K, RWX);
	replay_end(2 * 512 + 3);
}
END_TEST

START_TEST(every_store_of_an_unmap_leaves_valid_tables)
{
	map_ok(0, PAGE_1G, NPT_LEVEL_1G, RWX);
	replay_watch(PAGE_2M, NOWHERE);
	replay_watch(PAGE_2M - 1, PAGE_1G + PAGE_2M - 1);
	replay_watch(PAGE_2M + PAGE_4K, PAGE_1G + PAGE_2M + PAGE_4K);
	replay_watch(PAGE_1G - 1, 2 * PAGE_1G - 1);
	replay_begin();
	unmap_ok(PAGE_2M, NPT_LEVEL_4K);
	replay_end(2 * 512 + 3);
}
END_TEST

START_TEST(every_store_of_a_large_leaf_over_a_table_leaves_valid_tables)
{
	map_ok(0, 0, NPT_LEVEL_2M, RWX);
	map_ok(0x1000, 0x9000, NPT_LEVEL_4K, RWX);
	replay_watch(0, 4 * PAGE_2M);
	replay_watch(0x1000, 4 * PAGE_2M + 0x1000);
	replay_watch(PAGE_2M - 1, 5 * PAGE_2M - 1);
	replay_watch(PAGE_2M, NOWHERE);
	replay_begin();
	map_ok(0, 4 * PAGE_2M, NPT_LEVEL_2M, RWX);
	replay_end(512);
}
END_TEST

START_TEST(a_new_mapping_appears_by_one_store)
{
	replay_watch(PAGE_2M, 0x4000);
	replay_watch(PAGE_2M + PAGE_4K, NOWHERE);
	replay_begin();
	map_ok(PAGE_2M, 0x4000, NPT_LEVEL_4K, RWX);
	replay_end(4);
	ck_assert_uint_eq(replay.stores, 4);
}
END_TEST

START_TEST(without_a_table_page_nothing_changes_for_the_guest)
{
	map_ok(0, PAGE_1G, NPT_LEVEL_1G, RWX);
	allocations_left = (unsigned int)_i;
	ck_assert_int_eq(npt_set(&npt, 0x5000, 0x123000, NPT_LEVEL_4K, RWX),
	                 HV_STATUS_INSUFFICIENT_MEMORY);
	ck_assert_int_eq(npt_set(&npt, 0x5000, 0, NPT_LEVEL_4K, 0),
	                 HV_STATUS_INSUFFICIENT_MEMORY);
	ck_assert_int_eq(npt_set(&npt, UINT64_C(1) << 40, 0, NPT_LEVEL_4K, RWX),
	                 HV_STATUS_INSUFFICIENT_MEMORY);
	for (uint64_t gpa = 0; gpa < PAGE_1G; gpa += PAGE_1G / 64)
		ck_assert_uint_eq(translate(gpa), PAGE_1G + gpa);
	ck_assert_uint_eq(translate(0x5000), PAGE_1G + 0x5000);
	ck_assert_uint_eq(translate(UINT64_C(1) << 40), NOWHERE);
	allocations_left = 4;
	map_ok(0x5000, 0x123000, NPT_LEVEL_4K, RWX);
	ck_assert_uint_eq(translate(0x5000), 0x123000);
}
END_TEST

/* NPT-5: a split, a new mapping and an empty block are none. */
START_TEST(what_is_taken_away_is_counted)
{
	map_ok(0, PAGE_1G, NPT_LEVEL_1G, RWX);
	map_ok(UINT64_C(1) << 40, 0, NPT_LEVEL_4K, RWX);
	unmap_ok(UINT64_C(1) << 41, NPT_LEVEL_4K);
	ck_assert_uint_eq(npt.removals, 0);
	unmap_ok(0x5000, NPT_LEVEL_4K);
	ck_assert_uint_eq(npt.removals, 1);
	map_ok(0x5000, 0x5000, NPT_LEVEL_4K, RWX);
	ck_assert_uint_eq(npt.removals, 1);
	map_ok(0x5000, 0x5000, NPT_LEVEL_4K, NPT_READ);
	ck_assert_uint_eq(npt.removals, 2);
	unmap_ok(0, NPT_LEVEL_2M);
	ck_assert_uint_eq(npt.removals, 3);
}
END_TEST

/* As the processor notes a store. APM2 15.25 */
static void processor_writes(uint64_t gpa)
{
	uint64_t table = npt.root_hpa;

	for (int shift = 39; shift >= 12; shift -= 9) {
		uint64_t *entry = (uint64_t *)page_at(table) + (gpa >> shift & 511);

		ck_assert(*entry & 1);
		table = *entry & UINT64_C(0xffffffffff000);
		if (shift == 12 || (*entry & 0x80)) {
			*entry |= 0x40;
			return;
		}
	}
}

static bool dirty(uint64_t gpa, enum npt_dirty what)
{
	bool was;

	ck_assert_int_eq(npt_dirty(&npt, gpa, what, &was), HV_STATUS_SUCCESS);
	return was;
}

START_TEST(a_page_that_was_cleared_shows_its_next_store)
{
	map_ok(0, PAGE_1G, (enum npt_level)_i, RWX);
	ck_assert(dirty(0, NPT_DIRTY_LOOK)); /* mapped just now */
	ck_assert(dirty(0, NPT_DIRTY_CLEAR));
	ck_assert(!dirty(0, NPT_DIRTY_LOOK) && !dirty(0, NPT_DIRTY_CLEAR));
	ck_assert_uint_eq(translate(0), PAGE_1G);
	processor_writes(0);
	ck_assert(dirty(0, NPT_DIRTY_LOOK) && dirty(0, NPT_DIRTY_LOOK));
	ck_assert(dirty(0, NPT_DIRTY_CLEAR));
	ck_assert(!dirty(0, NPT_DIRTY_SET) && dirty(0, NPT_DIRTY_SET));
	ck_assert(dirty(0, NPT_DIRTY_CLEAR));
	map_ok(0, PAGE_1G, NPT_LEVEL_4K, RWX);
	ck_assert(dirty(0, NPT_DIRTY_LOOK));
}
END_TEST

/* NPT-6: whatever is not yet split was written somewhere. */
START_TEST(to_clear_one_page_leaves_its_neighbours_dirty)
{
	map_ok(0, PAGE_1G, NPT_LEVEL_1G, RWX);
	ck_assert(dirty(5 * PAGE_4K, NPT_DIRTY_LOOK) && dirty(0, NPT_DIRTY_SET));
	ck_assert_uint_eq(pages_out, 2);
	ck_assert(dirty(5 * PAGE_4K + 7, NPT_DIRTY_CLEAR));
	ck_assert_uint_eq(pages_out, 4);
	ck_assert(!dirty(5 * PAGE_4K, NPT_DIRTY_LOOK));
	ck_assert(dirty(4 * PAGE_4K, NPT_DIRTY_LOOK) &&
	          dirty(6 * PAGE_4K, NPT_DIRTY_LOOK));
	ck_assert(dirty(PAGE_2M, NPT_DIRTY_LOOK));
	for (uint64_t gpa = 0; gpa < PAGE_2M; gpa += PAGE_4K)
		ck_assert_uint_eq(translate(gpa), PAGE_1G + gpa);
}
END_TEST

/* A TLB may hold the page as written: NPT-5. */
START_TEST(a_page_that_becomes_clean_is_counted)
{
	map_ok(0, 0x5000, NPT_LEVEL_4K, RWX);
	ck_assert(dirty(0, NPT_DIRTY_LOOK));
	ck_assert_uint_eq(npt.removals, 0);
	ck_assert(dirty(0, NPT_DIRTY_CLEAR));
	ck_assert_uint_eq(npt.removals, 1);
	ck_assert(!dirty(0, NPT_DIRTY_CLEAR) && !dirty(0, NPT_DIRTY_SET));
	ck_assert_uint_eq(npt.removals, 1);
}
END_TEST

START_TEST(what_is_not_mapped_is_never_dirty)
{
	bool was = true;

	ck_assert(!dirty(PAGE_1G, NPT_DIRTY_LOOK) && !dirty(PAGE_1G, NPT_DIRTY_SET) &&
	          !dirty(PAGE_1G, NPT_DIRTY_CLEAR) &&
	          !dirty(NPT_GPA_LIMIT, NPT_DIRTY_SET));
	ck_assert_uint_eq(pages_out, 1);
	map_ok(0, 0x5000, NPT_LEVEL_4K, RWX);
	ck_assert(!dirty(PAGE_4K, NPT_DIRTY_SET));
	ck_assert_uint_eq(translate(PAGE_4K), NOWHERE);
	map_ok(PAGE_1G, 0, NPT_LEVEL_2M, RWX);
	allocations_left = 0;
	ck_assert_int_eq(npt_dirty(&npt, PAGE_1G, NPT_DIRTY_CLEAR, &was),
	                 HV_STATUS_INSUFFICIENT_MEMORY);
	ck_assert(dirty(PAGE_1G, NPT_DIRTY_LOOK));
	ck_assert_uint_eq(translate(PAGE_1G), 0);
}
END_TEST

START_TEST(no_root_without_memory)
{
	struct npt other;

	allocations_left = 0;
	ck_assert_int_eq(npt_init(&other, &format, &memory, &arena),
	                 HV_STATUS_INSUFFICIENT_MEMORY);
}
END_TEST

START_TEST(a_table_stays_where_a_1_gib_leaf_would_stand)
{
	map_ok(0x3000, 0x8000, NPT_LEVEL_4K, NPT_READ);
	ck_assert_int_eq(npt_set(&npt, 0, 0, NPT_LEVEL_1G, RWX), HV_STATUS_OBJECT_IN_USE);
	ck_assert_int_eq(npt_set(&npt, 0, 0, NPT_LEVEL_1G, 0), HV_STATUS_OBJECT_IN_USE);
	ck_assert_uint_eq(translate(0x3000), 0x8000);
	ck_assert_uint_eq(pages_out, 4);
}
END_TEST

START_TEST(destruction_returns_every_page_in_bounded_steps)
{
	unsigned int steps = 0;
	struct npt_leaf leaf;

	for (unsigned int i = 0; i < 200; i++)
		map_ok((uint64_t)i * 37 * PAGE_1G + i * PAGE_2M, 0, NPT_LEVEL_4K, RWX);
	map_ok(NPT_GPA_LIMIT - PAGE_4K, 0, NPT_LEVEL_4K, RWX);
	map_ok(PAGE_2M * 511, 0, NPT_LEVEL_2M, RWX);
	bytes_dropped = 0;
	while (!npt_destroy_step(&npt, 16 * 512))
		ck_assert_uint_lt(++steps, 100000);
	ck_assert_uint_eq(bytes_dropped, 201 * PAGE_4K + PAGE_2M);
	ck_assert_uint_gt(steps, 20);
	ck_assert_uint_eq(pages_out, 0);
	ck_assert_uint_eq(npt.root_hpa, 0);
	ck_assert(npt_destroy_step(&npt, 16));
	ck_assert_uint_eq(npt_lookup(&npt, 0, &leaf), false);
}
END_TEST

START_TEST(a_step_of_destruction_gets_on_with_the_least_budget)
{
	unsigned int steps = 0;

	map_ok(PAGE_2M * 511, 0, NPT_LEVEL_2M, RWX);
	ck_assert(!npt_destroy_step(&npt, 0));
	while (!npt_destroy_step(&npt, 1))
		ck_assert_uint_lt(++steps, 100000);
	ck_assert_uint_eq(pages_out, 0);
}
END_TEST

/* A model of 2 GiB by 4K pages against random maps and unmaps of all sizes. */
#define MODEL_PAGES (2 * PAGE_1G / PAGE_4K)
static uint64_t model[MODEL_PAGES];

static uint32_t random_state;

static uint32_t random_next(void)
{
	random_state = random_state * 1664525 + 1013904223;
	return random_state >> 8;
}

static void model_set(uint64_t gpa, enum npt_level level, uint64_t hpa)
{
	for (uint64_t at = 0; at < npt_level_bytes(level); at += PAGE_4K)
		model[(gpa + at) / PAGE_4K] = hpa == NOWHERE ? NOWHERE : hpa + at;
}

static void random_change(void)
{
	enum npt_level level =
		(enum npt_level)(random_next() % 16 ? random_next() % 2 : 2);
	uint64_t bytes = npt_level_bytes(level);
	uint64_t gpa = round_down(random_next() % MODEL_PAGES * PAGE_4K, bytes);
	uint64_t hpa = (uint64_t)(random_next() % 64) * PAGE_1G;
	bool unmap = random_next() % 4 == 0;
	enum hv_status status = npt_set(&npt, gpa, hpa, level, unmap ? 0 : RWX);

	if (status == HV_STATUS_OBJECT_IN_USE && level == NPT_LEVEL_1G)
		return;
	ck_assert_int_eq(status, HV_STATUS_SUCCESS);
	model_set(gpa, level, unmap ? NOWHERE : hpa);
}

/* Every page as the model has it, and no mapped page in the block of which a lookup says that it is empty. */
static uint64_t compare_with_model(void)
{
	uint64_t mapped = 0, mapped_end = 0, hole_end = 0;

	for (uint64_t page = 0; page < MODEL_PAGES; page++) {
		struct npt_leaf leaf;
		bool found = npt_lookup(&npt, page * PAGE_4K, &leaf);
		uint64_t pages = npt_level_bytes(leaf.level) / PAGE_4K;
		bool right = found ? model[page] == leaf.hpa && page >= hole_end :
		                     model[page] == NOWHERE &&
		                             round_down(page, pages) >= mapped_end;

		if (!right)
			ck_abort_msg("page %#llx differs", (unsigned long long)page);
		if (found) {
			mapped++;
			mapped_end = page + 1;
		} else {
			hole_end = round_down(page, pages) + pages;
		}
	}
	return mapped;
}

START_TEST(random_changes_match_a_flat_model)
{
	uint64_t mapped;

	random_state = (uint32_t)_i + 1;
	memset(model, 0xff, sizeof(model));
	for (unsigned int i = 0; i < 3000; i++)
		random_change();
	mapped = compare_with_model();
	bytes_dropped = 0;
	while (!npt_destroy_step(&npt, 1000))
		;
	ck_assert_uint_eq(bytes_dropped, mapped * PAGE_4K);
	ck_assert_uint_eq(pages_out, 0);
}
END_TEST

static Suite *npt_suite(void)
{
	Suite *suite = suite_create("npt");
	TCase *tcase = tcase_create("npt");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(
		tcase, a_leaf_of_each_size_translates_from_its_first_to_its_last_byte, 0,
		3);
	tcase_add_test(tcase, an_entry_is_what_the_vendors_format_says);
	tcase_add_loop_test(tcase, hostile_arguments_are_refused_without_a_table_page, 0,
	                    16);
	tcase_add_test(tcase, every_store_of_a_split_leaves_valid_tables);
	tcase_add_test(tcase, every_store_of_an_unmap_leaves_valid_tables);
	tcase_add_test(tcase,
	               every_store_of_a_large_leaf_over_a_table_leaves_valid_tables);
	tcase_add_test(tcase, a_new_mapping_appears_by_one_store);
	tcase_add_loop_test(tcase, without_a_table_page_nothing_changes_for_the_guest, 0,
	                    2);
	tcase_add_test(tcase, what_is_taken_away_is_counted);
	tcase_add_loop_test(tcase, a_page_that_was_cleared_shows_its_next_store, 0, 3);
	tcase_add_test(tcase, to_clear_one_page_leaves_its_neighbours_dirty);
	tcase_add_test(tcase, a_page_that_becomes_clean_is_counted);
	tcase_add_test(tcase, what_is_not_mapped_is_never_dirty);
	tcase_add_test(tcase, no_root_without_memory);
	tcase_add_test(tcase, a_table_stays_where_a_1_gib_leaf_would_stand);
	tcase_add_test(tcase, destruction_returns_every_page_in_bounded_steps);
	tcase_add_test(tcase, a_step_of_destruction_gets_on_with_the_least_budget);
	tcase_add_loop_test(tcase, random_changes_match_a_flat_model, 0, 4);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(npt_suite)
