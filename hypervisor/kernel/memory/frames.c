/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The frame table. Invariants F1, F2: frames.h. A frame's word:
 *
 *   7:0 state   23:8 owner's slot   63:32 children's mappings (root's), or link (deposited)
 *
 * The table is in chunks of one GiB of address space, made only where there is RAM.
 */
#include "hypervisor/kernel/memory/frames.h"
#include "hypervisor/arch/x86/paging.h"
#include "hypervisor/kernel/base/boot_info.h"
#include "hypervisor/kernel/base/log.h"

enum frame_state {
	FRAME_ABSENT = 0,
	FRAME_ROOT = 1,
	FRAME_HYPERVISOR = 2,
	FRAME_DEPOSITED = 3
};

#define CHUNK_FRAMES (PAGE_1G / PAGE_4K)
#define CHUNKS       BOOT_MAX_GIBS
#define STATE_MASK   UINT64_C(0xff)
#define OWNER_SHIFT  8
#define COUNT_SHIFT  32
#define COUNT_ONE    BIT64(COUNT_SHIFT)
#define COUNT_MAX    UINT32_MAX

static uint64_t *chunks[CHUNKS];

static uint64_t *frame_word(uint64_t pfn)
{
	if (pfn >= CHUNKS * CHUNK_FRAMES || !chunks[pfn / CHUNK_FRAMES])
		return NULL;
	return &chunks[pfn / CHUNK_FRAMES][pfn % CHUNK_FRAMES];
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

/* Boot. Whole frames of RAM. */
static void mark(uint64_t start, uint64_t end, enum frame_state state)
{
	for (uint64_t hpa = start; hpa < end && hpa < CHUNKS * PAGE_1G; hpa += PAGE_4K) {
		uint64_t **chunk = &chunks[hpa / PAGE_1G];

		if (!*chunk)
			*chunk = boot_alloc(CHUNK_FRAMES * sizeof(uint64_t), PAGE_4K);
		*frame_word(hpa / PAGE_4K) = state;
	}
}

void frames_init(void)
{
	for (unsigned int i = 0; i < boot_info.range_count; i++) {
		const struct memory_range *range = &boot_info.ranges[i];

		if (range->type == MEMORY_RAM)
			mark(round_up(range->start, PAGE_4K),
			     round_down(range->end, PAGE_4K), FRAME_ROOT);
	}
	mark(boot_image.start, boot_image.end, FRAME_HYPERVISOR);
	mark(boot_reserve.start, boot_reserve.end, FRAME_HYPERVISOR);
}

bool frames_deposit(uint64_t pfn, uint16_t owner)
{
	uint64_t *word = frame_word(pfn);
	uint64_t expected = FRAME_ROOT; /* F2: count 0 */

	return word &&
	       __atomic_compare_exchange_n(
		       word, &expected, FRAME_DEPOSITED | (uint64_t)owner << OWNER_SHIFT,
		       false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

void frames_withdraw(uint64_t pfn)
{
	__atomic_store_n(deposited_word(pfn), FRAME_ROOT, __ATOMIC_RELEASE);
}

bool frames_hold(uint64_t pfn)
{
	uint64_t *word = frame_word(pfn);
	uint64_t seen;

	if (!word)
		return false;
	seen = __atomic_load_n(word, __ATOMIC_RELAXED);
	do {
		if (state_of(seen) != FRAME_ROOT || seen >> COUNT_SHIFT == COUNT_MAX)
			return false;
	} while (!__atomic_compare_exchange_n(word, &seen, seen + COUNT_ONE, true,
	                                      __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
	return true;
}

void frames_drop(uint64_t pfn)
{
	uint64_t *word = frame_word(pfn);

	ASSERT(word && state_of(*word) == FRAME_ROOT && *word >> COUNT_SHIFT != 0);
	__atomic_fetch_sub(word, COUNT_ONE, __ATOMIC_ACQ_REL);
}

void frames_set_link(uint64_t pfn, uint32_t link)
{
	uint64_t *word = deposited_word(pfn);

	*word = (*word & (COUNT_ONE - 1)) | (uint64_t)link << COUNT_SHIFT;
}

uint32_t frames_link(uint64_t pfn)
{
	return (uint32_t)(*deposited_word(pfn) >> COUNT_SHIFT);
}

bool frames_is_ram(uint64_t pfn)
{
	const uint64_t *word = frame_word(pfn);
	enum frame_state state =
		word ? state_of(__atomic_load_n(word, __ATOMIC_ACQUIRE)) : FRAME_ABSENT;

	return state == FRAME_ROOT || state == FRAME_DEPOSITED;
}
