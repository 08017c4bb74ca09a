/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The frame table. Invariants FRAMES-1, FRAMES-2: frames.h. A frame's word:
 *
 *   7:0 state   63:8 children's mappings (root's), or link (deposited)
 *
 * The table is in pages, of 2 MiB of address space each, that are made when a frame there is first asked for; a
 * directory of them is made at boot for each GiB that has RAM.
 */
#include "hypervisor/kernel/memory/frames.h"
#include "hypervisor/arch/x86/paging.h"
#include "hypervisor/kernel/base/boot_info.h"
#include "hypervisor/kernel/base/spinlock.h"

/* NOBODYS: no RAM, or our own. */
enum frame_state { FRAME_NOBODYS, FRAME_ROOT, FRAME_DEPOSITED };

#define GIB_FRAMES  (PAGE_1G / PAGE_4K)
#define PAGE_FRAMES (PAGE_4K / sizeof(uint64_t))
#define STATE_MASK  UINT64_C(0xff)
#define COUNT_SHIFT 8
#define COUNT_ONE   BIT64(COUNT_SHIFT) /* more than there can ever be entries of tables */

static uint64_t **directories[BOOT_MAX_GIBS]; /* constant once the root runs */
static struct spinlock frames_lock = SPINLOCK(LOCK_FRAMES); /* new pages */

/* Those of the frames [start, end) that have their words in the page. */
static void mark(uint64_t *page, uint64_t page_pfn, uint64_t start, uint64_t end,
                 enum frame_state state)
{
	uint64_t pfn = start < page_pfn ? page_pfn : start;

	for (; pfn < end && pfn < page_pfn + PAGE_FRAMES; pfn++)
		page[pfn - page_pfn] = state;
}

/* Whole frames of RAM are the root's, but what the hypervisor took. */
static uint64_t *page_make(uint64_t page_pfn)
{
	uint64_t *page = reserve_take(PAGE_4K);

	for (unsigned int i = 0; i < boot_info.range_count; i++) {
		const struct memory_range *range = &boot_info.ranges[i];

		if (range->type == MEMORY_RAM)
			mark(page, page_pfn, round_up(range->start, PAGE_4K) / PAGE_4K,
			     range->end / PAGE_4K, FRAME_ROOT);
	}
	for (unsigned int i = 0; i < ROOT_LOADER_TAKEN; i++)
		mark(page, page_pfn, boot_handoff.taken[i].start / PAGE_4K,
		     boot_handoff.taken[i].end / PAGE_4K, FRAME_NOBODYS);
	return page;
}

/* Only such a unit has frames that belong to anybody, and room in the reserve for its page. */
static bool unit_has_ram(uint64_t first_pfn)
{
	for (unsigned int i = 0; i < boot_info.range_count; i++) {
		const struct memory_range *range = &boot_info.ranges[i];

		if (range->type == MEMORY_RAM &&
		    range->start / PAGE_4K < first_pfn + PAGE_FRAMES &&
		    range->end / PAGE_4K > first_pfn)
			return true;
	}
	return false;
}

/* NULL: nobody's, as it is no RAM. */
static uint64_t *frame_word(uint64_t pfn)
{
	uint64_t **slot, *page;

	if (pfn >= BOOT_MAX_GIBS * GIB_FRAMES || !directories[pfn / GIB_FRAMES])
		return NULL;
	slot = &directories[pfn / GIB_FRAMES][pfn / PAGE_FRAMES % PAGE_FRAMES];
	/* Acquire pairs with the release below: the page is seen complete. */
	page = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
	if (!page && !unit_has_ram(round_down(pfn, PAGE_FRAMES)))
		return NULL;
	if (!page) {
		SPIN_HOLD(&frames_lock);
		page = *slot ? *slot : page_make(round_down(pfn, PAGE_FRAMES));
		__atomic_store_n(slot, page, __ATOMIC_RELEASE);
	}
	return &page[pfn % PAGE_FRAMES];
}

static enum frame_state state_of(uint64_t word)
{
	return (enum frame_state)(word & STATE_MASK);
}

static uint64_t *deposited_word(uint64_t pfn)
{
	uint64_t *word = frame_word(pfn);

	ASSERT(word && state_of(*word) == FRAME_DEPOSITED);
	return word;
}

void frames_init(void)
{
	for (unsigned int i = 0; i < boot_info.range_count; i++) {
		const struct memory_range *range = &boot_info.ranges[i];
		uint64_t gib = range->start / PAGE_1G;

		for (; range->type == MEMORY_RAM && gib < BOOT_MAX_GIBS &&
		       gib * PAGE_1G < range->end;
		     gib++)
			if (!directories[gib])
				directories[gib] = reserve_take(PAGE_4K);
	}
}

bool frames_deposit(uint64_t pfn)
{
	uint64_t *word = frame_word(pfn);
	uint64_t expected = FRAME_ROOT; /* FRAMES-2: count 0 */

	return word &&
	       __atomic_compare_exchange_n(word, &expected, FRAME_DEPOSITED, false,
	                                   __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

void frames_withdraw(uint64_t pfn)
{
	__atomic_store_n(deposited_word(pfn), FRAME_ROOT, __ATOMIC_RELEASE);
}

static bool hold_frame(uint64_t pfn)
{
	uint64_t *word = frame_word(pfn);
	uint64_t seen = word ? __atomic_load_n(word, __ATOMIC_RELAXED) : FRAME_NOBODYS;

	do {
		if (state_of(seen) != FRAME_ROOT)
			return false;
	} while (!__atomic_compare_exchange_n(word, &seen, seen + COUNT_ONE, true,
	                                      __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
	return true;
}

void frames_drop(uint64_t pfn, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		uint64_t *word = frame_word(pfn + i);

		ASSERT(word && state_of(*word) == FRAME_ROOT &&
		       *word >> COUNT_SHIFT != 0);
		__atomic_fetch_sub(word, COUNT_ONE, __ATOMIC_ACQ_REL);
	}
}

bool frames_hold(uint64_t pfn, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		if (!hold_frame(pfn + i)) {
			frames_drop(pfn, i);
			return false;
		}
	}
	return true;
}

void frames_set_link(uint64_t pfn, uint32_t link)
{
	*deposited_word(pfn) = FRAME_DEPOSITED | (uint64_t)link << COUNT_SHIFT;
}

uint32_t frames_link(uint64_t pfn)
{
	return (uint32_t)(*deposited_word(pfn) >> COUNT_SHIFT);
}

bool frames_is_ram(uint64_t pfn)
{
	const uint64_t *word = frame_word(pfn);

	return word && state_of(__atomic_load_n(word, __ATOMIC_ACQUIRE)) != FRAME_NOBODYS;
}
