/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A parent that maps memory 2 MiB at a time; hostile input. */
#include "tests/guest/calls.h"

#include <viridis/abi/hv_msr.h>
#include <viridis/abi/hv_register.h>
#include <viridis/abi/viridis_stats.h>
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "tests/guest/partition.h"
#include "tests/guest/servant.h"
#include "vsc/lib/cpu.h"
#include "vsc/lib/guest.h"
#include "vsc/lib/hv.h"
#include "vsc/lib/tap.h"

#define LARGE_PAGES  512u
#define PROBES       8u
#define PROBES_APART 73u             /* from the first page to the last */
#define LARGE_GPFN   UINT64_C(0x400) /* of GPA 4 MiB */
#define POOL_MAX     64u
#define LONG_REPS    48u

uint64_t calls_large_page(void)
{
	uint64_t page = (uint64_t)pages_take(1);

	while (page % PAGE_2M != 0)
		page = (uint64_t)pages_take(1);
	(void)pages_take(LARGE_PAGES - 1); /* the rest of it */
	return page;
}

/* GVA = GPA; a load where nothing is comes to us. */
static bool is_a_hole(const struct servant *servant, uint64_t gpfn)
{
	struct servant_answer answer =
		servant_do(servant, SERVANT_LOAD, 0, gpfn * PAGE_4K, 0);

	return answer.end == SERVANT_OTHER && answer.value == HV_MESSAGE_UNMAPPED_GPA;
}

static void bad_large_maps(const struct servant *servant, uint64_t pfn)
{
	uint64_t odd = pfn + 1, mmio = UINT64_C(0xfe000000) >> PAGE_SHIFT_4K;
	const uint32_t flags = MAP_ALL | HV_MAP_GPA_LARGE_PAGE;
	unsigned int done;

	ok_equal(memory_map(servant->id, LARGE_GPFN, flags, &odd, 1, &done),
	         HV_STATUS_INVALID_PARAMETER, "2 MiB from an odd frame: status 5");
	ok_equal(memory_map(servant->id, LARGE_GPFN + 1, flags, &pfn, 1, &done),
	         HV_STATUS_INVALID_PARAMETER, "2 MiB at an odd place: status 5");
	ok_equal(memory_map(servant->id, 0, flags, &pfn, 1, &done),
	         HV_STATUS_OBJECT_IN_USE, "2 MiB where pages are mapped: status 19");
	ok_equal(memory_map(servant->id, LARGE_GPFN, flags, &mmio, 1, &done),
	         HV_STATUS_INVALID_PARAMETER, "2 MiB that are no RAM: status 5");
}

/* And comes back; what else is in our own pool goes there again. */
bool calls_may_deposit(uint64_t pfn)
{
	uint64_t pool[POOL_MAX];
	unsigned int count, done, others = 0;
	bool found = false;

	if (memory_deposit(HV_PARTITION_ID_SELF, &pfn, 1, &done) != HV_STATUS_SUCCESS)
		return false;
	(void)memory_withdraw(HV_PARTITION_ID_SELF, pool, POOL_MAX, &count); /* fewer */
	for (unsigned int i = 0; i < count; i++) {
		if (pool[i] == pfn)
			found = true;
		else
			pool[others++] = pool[i];
	}
	if (others)
		(void)memory_deposit(HV_PARTITION_ID_SELF, pool, others, &done);
	return found;
}

static void pages_are_mapped(const struct servant *servant, uint64_t page)
{
	uint64_t pfn = page >> PAGE_SHIFT_4K, middle = pfn + 256;
	unsigned int done, seen = 0;

	for (unsigned int i = 0; i < LARGE_PAGES; i++)
		*(uint64_t *)(page + i * PAGE_4K) = i;
	ok_equal(memory_map(servant->id, LARGE_GPFN, MAP_ALL | HV_MAP_GPA_LARGE_PAGE,
	                    &pfn, 1, &done),
	         HV_STATUS_SUCCESS, "2 MiB are mapped at once");
	for (unsigned int i = 0; i < LARGE_PAGES; i += PROBES_APART)
		seen += servant_sees(servant, (LARGE_GPFN + i) * PAGE_4K, i);
	ok_equal(seen, PROBES, "and its pages are there");
	ok(!calls_may_deposit(middle), "none of them can be deposited");
	ok_equal(memory_map(servant->id, LARGE_GPFN + 3, MAP_ALL, &pfn, 1, &done),
	         HV_STATUS_OBJECT_IN_USE, "nor a page be mapped over one: status 19");
}

static void pages_are_unmapped(const struct servant *servant, uint64_t page)
{
	uint64_t pfn = page >> PAGE_SHIFT_4K;
	unsigned int holes = 0;

	ok_equal(memory_unmap(servant->id, LARGE_GPFN + 5, 1), HV_STATUS_SUCCESS,
	         "4 KiB in its midst are unmapped");
	ok(is_a_hole(servant, LARGE_GPFN + 5) &&
	           servant_sees(servant, (LARGE_GPFN + 4) * PAGE_4K, 4) &&
	           servant_sees(servant, (LARGE_GPFN + 6) * PAGE_4K, 6),
	   "they are gone, and no other");
	ok(calls_may_deposit(pfn + 5) && !calls_may_deposit(pfn + 4),
	   "they are ours again, and no other");
	ok_equal(memory_unmap_large(servant->id, LARGE_GPFN + 1),
	         HV_STATUS_INVALID_PARAMETER, "2 MiB from an odd place: status 5");
	ok_equal(memory_unmap_large(servant->id, LARGE_GPFN), HV_STATUS_SUCCESS,
	         "all of it is unmapped");
	for (unsigned int i = 0; i < LARGE_PAGES; i += PROBES_APART)
		holes += is_a_hole(servant, LARGE_GPFN + i);
	ok_equal(holes, PROBES, "and nothing of it is left");
	ok(calls_may_deposit(pfn) && calls_may_deposit(pfn + LARGE_PAGES - 1),
	   "its frames are ours again");
}

/* Mapped and unmapped as one, with nothing done to it in between. */
static void whole(const struct servant *servant, uint64_t pfn, uint64_t gpfn,
                  const char *where)
{
	unsigned int done;

	ok_equal(memory_map(servant->id, gpfn, MAP_ALL | HV_MAP_GPA_LARGE_PAGE, &pfn, 1,
	                    &done),
	         HV_STATUS_SUCCESS, "2 MiB are mapped %s", where);
	ok(servant_sees(servant, (gpfn + 500) * PAGE_4K, 500), "and are there");
	ok_equal(memory_unmap_large(servant->id, gpfn), HV_STATUS_SUCCESS,
	         "they are unmapped as one");
	ok(is_a_hole(servant, gpfn) && is_a_hole(servant, gpfn + 511), "and gone");
	ok(calls_may_deposit(pfn) && calls_may_deposit(pfn + 300), "and ours again");
}

/* Gives back the frame of the first, which is left mapped. */
static uint64_t large_pages(const struct servant *servant)
{
	uint64_t page = calls_large_page(), pfn = page >> PAGE_SHIFT_4K;
	unsigned int done;

	bad_large_maps(servant, pfn);
	pages_are_mapped(servant, page);
	pages_are_unmapped(servant, page);
	whole(servant, pfn, LARGE_GPFN, "where pages were");
	whole(servant, pfn, LARGE_GPFN + LARGE_PAGES, "where nothing was");
	ok(!memory_map(servant->id, LARGE_GPFN + LARGE_PAGES,
	               MAP_ALL | HV_MAP_GPA_LARGE_PAGE, &pfn, 1, &done),
	   "they are mapped once more, for the partition's end");
	return pfn;
}

static uint64_t hypercall_exits(void)
{
	static struct viridis_output_get_stats stats;
	uint32_t index = (uint32_t)cpu_rdmsr(HV_MSR_VP_INDEX);

	if (stats_get(HV_PARTITION_ID_SELF, VIRIDIS_STATS_VP, index, &stats))
		note("no counters of our own");
	return stats.counter[VIRIDIS_VP_STAT_EXIT_HYPERCALL];
}

static void has_pauses(uint64_t exits_before, const char *what)
{
	uint64_t exits = hypercall_exits() - exits_before;

	ok(exits > 4, "%s has pauses", what);
	note("%lu entries", exits);
}

/* Each rep counts the children's mappings of 512 frames: the caller is let in between. TLFS 3.9 */
static void a_long_call_has_pauses(const struct servant *servant, uint64_t pfn)
{
	struct hv_input_unmap_gpa_pages in = { .partition_id = servant->id,
		                               .gpfn_base = LARGE_PAGES * 512,
		                               .flags = HV_UNMAP_GPA_LARGE_PAGE };
	uint64_t exits = hypercall_exits(), pfns[LONG_REPS], result;
	unsigned int done;

	for (unsigned int i = 0; i < LONG_REPS; i++)
		pfns[i] = pfn;
	ok_equal(memory_map(servant->id, in.gpfn_base, MAP_ALL | HV_MAP_GPA_LARGE_PAGE,
	                    pfns, LONG_REPS, &done),
	         HV_STATUS_SUCCESS, "2 MiB are mapped at %u places in one call",
	         LONG_REPS);
	has_pauses(exits, "a long map");
	exits = hypercall_exits();
	result = hv_call(HVCALL_UNMAP_GPA_PAGES, LONG_REPS, &in, sizeof(in), NULL, 0);
	ok_equal(result, (uint64_t)LONG_REPS << HV_RESULT_REPS_SHIFT,
	         "%u times 2 MiB are unmapped in one call", LONG_REPS);
	has_pauses(exits, "a long unmap");
}

void calls_memory(void)
{
	static struct servant servant;
	uint64_t frame;

	if (!ok(servant_make(&servant, 0, 1), "a child is made"))
		return;
	frame = large_pages(&servant);
	a_long_call_has_pauses(&servant, frame);
	ok(servant_end(&servant), "its pages come back");
	ok(calls_may_deposit(frame) && calls_may_deposit(frame + LARGE_PAGES - 1),
	   "and the 2 MiB that it was lent");
}
