/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A parent that looks into a child's memory, translates for it, and maps 2 MiB at a time; hostile input. */
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

#define READ          HV_TRANSLATE_READ
#define WRITE         HV_TRANSLATE_WRITE
#define EXECUTE       HV_TRANSLATE_EXECUTE
#define EXEMPT        HV_TRANSLATE_PRIVILEGE_EXEMPT
#define ENTRY         UINT64_C(0x7) /* present, writable, user */
#define LARGE         UINT64_C(0x80)
#define NO_EXECUTE    BIT64(63)
#define CR0_PAGING_WP UINT64_C(0x80010011)
#define CR0_PROTECTED UINT64_C(0x11)
#define TABLE         SERVANT_SCRATCH /* a page of tables to be tried */
#define GPA_END       (UINT64_C(1) << 48)
#define FILL          0x5e
#define LARGE_PAGES   512u
#define LARGE_GPFN    UINT64_C(0x400) /* of GPA 4 MiB */
#define POOL_MAX      64u
#define LONG_REPS     48u

static uint64_t *entry(const struct servant *servant, uint64_t table, unsigned int index)
{
	return (uint64_t *)servant_memory(servant, table) + index;
}

static void expect(const struct servant *servant, uint64_t gva, uint64_t flags,
                   enum hv_translate_code code, uint64_t gpa, const char *what)
{
	struct hv_output_translate_va out;
	enum hv_status status = memory_translate(servant->id, 0, gva, flags, &out);
	bool good = status == HV_STATUS_SUCCESS && out.code == code &&
	            out.gpa_page == gpa >> PAGE_SHIFT_4K;

	if (!ok(good, "translate: %s", what))
		note("status %x, code %u, page %lx", status, out.code, out.gpa_page);
}

static void translations(const struct servant *servant)
{
	uint64_t *pml4e = entry(servant, SERVANT_TABLES, 1);
	uint64_t *pdpte = entry(servant, TABLE, 0);

	expect(servant, 0x12345, READ, HV_TRANSLATE_SUCCESS, 0x12000,
	       "a byte of a 2 MiB page");
	expect(servant, 511 * PAGE_2M + 0x1fffff, READ, HV_TRANSLATE_SUCCESS,
	       511 * PAGE_2M + 0x1ff000, "whether memory is there or not");
	expect(servant, PAGE_1G, READ, HV_TRANSLATE_PAGE_NOT_PRESENT, 0,
	       "an address without an entry");
	expect(servant, BIT64(48) + 0x12345, READ, HV_TRANSLATE_PAGE_NOT_PRESENT, 0,
	       "an address that is not canonical");
	expect(servant, bits_mask(48, 16) + 0x12345, READ, HV_TRANSLATE_PAGE_NOT_PRESENT,
	       0, "another");
	*pml4e = TABLE | ENTRY;
	*pdpte = 5 * PAGE_1G | LARGE | ENTRY;
	expect(servant, BIT64(39) + 0x1234567, WRITE | EXECUTE, HV_TRANSLATE_SUCCESS,
	       5 * PAGE_1G + 0x1234567, "a 1 GiB page");
	*pml4e = TABLE | (ENTRY & ~UINT64_C(2));
	expect(servant, BIT64(39), WRITE, HV_TRANSLATE_PRIVILEGE_VIOLATION, 0,
	       "a write where an upper entry forbids it");
	expect(servant, BIT64(39), READ, HV_TRANSLATE_SUCCESS, 5 * PAGE_1G,
	       "a read there");
	expect(servant, BIT64(39), WRITE | EXEMPT, HV_TRANSLATE_SUCCESS, 5 * PAGE_1G,
	       "a write there by who is exempt");
	*pml4e = TABLE | ENTRY | NO_EXECUTE;
	expect(servant, BIT64(39), EXECUTE, HV_TRANSLATE_PRIVILEGE_VIOLATION, 0,
	       "a fetch where an upper entry forbids it");
	*pml4e = SERVANT_HOLE | ENTRY;
	expect(servant, BIT64(39), READ, HV_TRANSLATE_GPA_UNMAPPED, 0,
	       "a table that is not in memory");
	*pml4e = UINT64_C(0x000ffffffffff000) | ENTRY;
	expect(servant, BIT64(39), READ, HV_TRANSLATE_GPA_UNMAPPED, 0,
	       "a table beyond all memory");
	*pml4e = SERVANT_TABLES | ENTRY; /* each level finds the same table */
	expect(servant, BIT64(39) + BIT64(30) + BIT64(21) + BIT64(12), READ,
	       HV_TRANSLATE_SUCCESS, SERVANT_TABLES, "a table that is its own lower one");
	*pml4e = 0;
}

static void registers_of(const struct servant *servant, uint64_t cr0, uint64_t cr3,
                         uint64_t cr4, uint64_t efer)
{
	ok(!vp_set_register64(servant->id, 0, HV_X64_REGISTER_CR0, cr0) &&
	           !vp_set_register64(servant->id, 0, HV_X64_REGISTER_CR4, cr4) &&
	           !vp_set_register64(servant->id, 0, HV_X64_REGISTER_EFER, efer) &&
	           !vp_set_register64(servant->id, 0, HV_X64_REGISTER_CR3, cr3),
	   "translate: CR0 %lx, CR3 %lx, CR4 %lx, EFER %lx", cr0, cr3, cr4, efer);
}

/* APM2 5.2: 2 levels of 4-byte entries, or 3 of which the first has 4 and stands at 32 bytes. */
static void other_modes(const struct servant *servant)
{
	uint32_t *directory = servant_memory(servant, TABLE);
	uint64_t *pdpt = servant_memory(servant, TABLE + PAGE_4K + 0x20);

	memset(directory, 0, 2 * PAGE_4K);
	directory[1] = 0x00c00000 | (uint32_t)(LARGE | ENTRY);
	pdpt[0] = (SERVANT_TABLES + 2 * PAGE_4K) | 1;
	registers_of(servant, CR0_PROTECTED, TABLE, 0, 0);
	expect(servant, 0xabc00000, WRITE, HV_TRANSLATE_SUCCESS, 0xabc00000,
	       "without paging an address is its own");
	registers_of(servant, CR0_PAGING_WP, TABLE, 0x10, 0);
	expect(servant, 0x00412345, WRITE, HV_TRANSLATE_SUCCESS, 0x00c12000,
	       "a 4 MiB page of 32-bit paging");
	registers_of(servant, CR0_PAGING_WP, TABLE + PAGE_4K + 0x20, 0x20, 0);
	expect(servant, 0x00212345, WRITE, HV_TRANSLATE_SUCCESS, 0x00212000,
	       "a 2 MiB page of PAE paging");
	registers_of(servant, CR0_PAGING_WP, BIT64(39), 0x20, 0x500);
	expect(servant, 0, READ, HV_TRANSLATE_GPA_UNMAPPED, 0,
	       "a first table beyond all memory");
	registers_of(servant, CR0_PAGING_WP, SERVANT_TABLES, 0x20, 0x500);
}

static void bad_translations(const struct servant *servant)
{
	struct hv_output_translate_va out;

	ok_equal(memory_translate(servant->id, 0, 0, BIT64(4), &out),
	         HV_STATUS_INVALID_PARAMETER, "translate: unknown flags: status 5");
	ok_equal(memory_translate(servant->id, 0, 0, BIT64(63), &out),
	         HV_STATUS_INVALID_PARAMETER, "translate: the last flag: status 5");
	ok_equal(memory_translate(servant->id, 1, 0, READ, &out),
	         HV_STATUS_INVALID_VP_INDEX, "translate: no such VP: status e");
	ok_equal(memory_translate(HV_PARTITION_ID_SELF, 0, 0, READ, &out),
	         HV_STATUS_ACCESS_DENIED, "translate: for ourselves: status 6");
	ok(servant_start(servant, 0, SERVANT_COUNT, 0, 0, 0), "the child runs");
	ok_equal(memory_translate(servant->id, 0, 0, READ, &out),
	         HV_STATUS_INVALID_VP_STATE, "translate: of a running VP: status 15");
	ok(servant_stop(servant, 0), "the child is stopped");
}

/* ---- READ_GPA, WRITE_GPA ---- */

static void access(const struct servant *servant, uint64_t gpa, uint32_t bytes,
                   uint32_t reads, uint32_t writes, const char *what)
{
	static const uint8_t data[16] = { 1, 2, 3 };
	struct hv_output_read_gpa out;
	uint32_t written = ~0u;

	ok(!memory_read(servant->id, gpa, bytes, &out) && out.access_result == reads,
	   "a read of %u bytes at %lx, %s: code %u", bytes, gpa, what, reads);
	ok(!memory_write(servant->id, gpa, data, bytes, &written) && written == writes,
	   "a write there: code %u", writes);
	if (out.access_result != reads || written != writes)
		note("codes %u and %u", out.access_result, written);
}

static void bytes_arrive(const struct servant *servant)
{
	static const uint8_t data[16] = "sixteen bytes..";
	uint8_t *here = servant_memory(servant, SERVANT_SCRATCH);
	struct hv_output_read_gpa out;
	uint32_t result = ~0u;

	memset(here, FILL, 2 * PAGE_4K);
	ok(!memory_write(servant->id, SERVANT_SCRATCH + PAGE_4K - 5, data, 16, &result) &&
	           result == 0 && !memcmp(here + PAGE_4K - 5, data, 16) &&
	           here[PAGE_4K - 6] == FILL && here[PAGE_4K + 11] == FILL,
	   "16 bytes over the border of two pages are written, and no more");
	ok(!memory_read(servant->id, SERVANT_SCRATCH + PAGE_4K - 5, 16, &out) &&
	           !memcmp(out.data, data, 16),
	   "and read again");
	ok(!memory_read(servant->id, SERVANT_SCRATCH + PAGE_4K - 5, 3, &out) &&
	           !memcmp(out.data, data, 3) && out.data[3] == 0 && out.data[15] == 0,
	   "of 3 bytes no more is told");
}

static void bad_sizes(const struct servant *servant)
{
	static const uint32_t sizes[] = { 0, 17, 4096, 0xffffffff };
	struct hv_output_read_gpa out;
	unsigned int refused = 0;
	uint32_t result;

	for (unsigned int i = 0; i < ARRAY_COUNT(sizes); i++) {
		refused += memory_read(servant->id, 0, sizes[i], &out) ==
		           HV_STATUS_INVALID_PARAMETER;
		refused += memory_write(servant->id, 0, &out, sizes[i], &result) ==
		           HV_STATUS_INVALID_PARAMETER;
	}
	ok_equal(refused, 2 * ARRAY_COUNT(sizes), "0 bytes, or more than 16: status 5");
	ok_equal(memory_read(HV_PARTITION_ID_SELF, 0, 8, &out), HV_STATUS_ACCESS_DENIED,
	         "READ_GPA of ourselves: status 6");
}

/* A page that may only be read, and what stands beside nothing. */
static void rights_are_kept(const struct servant *servant)
{
	uint64_t page = (uint64_t)pages_take(1), pfn = page >> PAGE_SHIFT_4K;
	uint8_t *last = servant_memory(servant, SERVANT_PAGES * PAGE_4K - 8);
	unsigned int done;

	ok_equal(memory_map(servant->id, SERVANT_PAGES + 1, HV_MAP_GPA_READABLE, &pfn, 1,
	                    &done),
	         HV_STATUS_SUCCESS, "a page is mapped to be read");
	access(servant, (SERVANT_PAGES + 1) * PAGE_4K, 8, HV_TRANSLATE_SUCCESS,
	       HV_TRANSLATE_GPA_NO_WRITE, "in it");
	memset(last, FILL, 8);
	access(servant, SERVANT_PAGES * PAGE_4K - 8, 16, HV_TRANSLATE_GPA_UNMAPPED,
	       HV_TRANSLATE_GPA_UNMAPPED, "half in a hole");
	ok(last[0] == FILL && last[7] == FILL, "nothing is written before the hole");
	access(servant, (SERVANT_PAGES + 1) * PAGE_4K - 8, 16, HV_TRANSLATE_GPA_UNMAPPED,
	       HV_TRANSLATE_GPA_UNMAPPED, "half behind a hole");
	access(servant, GPA_END - 8, 8, HV_TRANSLATE_GPA_UNMAPPED,
	       HV_TRANSLATE_GPA_UNMAPPED, "at the end of addresses");
	access(servant, GPA_END - 8, 16, HV_TRANSLATE_GPA_UNMAPPED,
	       HV_TRANSLATE_GPA_UNMAPPED, "over the end of addresses");
	access(servant, ~UINT64_C(7), 16, HV_TRANSLATE_GPA_UNMAPPED,
	       HV_TRANSLATE_GPA_UNMAPPED, "around the end of all");
	ok_equal(memory_unmap(servant->id, SERVANT_PAGES + 1, 1), HV_STATUS_SUCCESS,
	         "the page is unmapped");
}

/* What a VP sees: the overlay, not what lies beneath. */
static void overlays_are_seen(const struct servant *servant)
{
	struct hv_output_translate_va out;
	struct hv_output_read_gpa page;
	uint8_t *beneath = servant_memory(servant, SERVANT_HYPERCALL);

	memset(beneath, FILL, PAGE_4K);
	ok(!vp_set_register64(servant->id, 0, HV_REGISTER_GUEST_OS_ID, 1) &&
	           !vp_set_register64(servant->id, 0, HV_X64_REGISTER_HYPERCALL,
	                              SERVANT_HYPERCALL | HV_MSR_PAGE_ENABLE),
	   "the child is shown its hypercall page");
	access(servant, SERVANT_HYPERCALL, 8, HV_TRANSLATE_SUCCESS,
	       HV_TRANSLATE_GPA_NO_WRITE, "in it");
	ok(!memory_read(servant->id, SERVANT_HYPERCALL + 4, 4, &page) &&
	           !memcmp(page.data, "\x0f\x01\xd9\xc3", 4) && beneath[4] == FILL,
	   "READ_GPA sees its code, and not what lies beneath");
	ok(!memory_translate(servant->id, 0, SERVANT_HYPERCALL, READ, &out) &&
	           (out.attributes & BIT32(8)),
	   "TRANSLATE says that an overlay is there");
	ok(!memory_translate(servant->id, 0, SERVANT_SCRATCH, READ, &out) &&
	           !(out.attributes & BIT32(8)),
	   "and elsewhere that none is");
}

/* ---- 2 MiB pages ---- */

static uint64_t large_page_of_ours(void)
{
	uint64_t page = (uint64_t)pages_take(1);

	while (page % PAGE_2M != 0)
		page = (uint64_t)pages_take(1);
	(void)pages_take(LARGE_PAGES - 1); /* the rest of it */
	return page;
}

static bool reads_as(const struct servant *servant, uint64_t gpa, uint64_t value)
{
	struct hv_output_read_gpa out;
	uint64_t got = 0;

	if (memory_read(servant->id, gpa, 8, &out) || out.access_result)
		return false;
	memcpy(&got, out.data, 8);
	return got == value;
}

static bool is_a_hole(const struct servant *servant, uint64_t gpfn)
{
	struct hv_output_read_gpa out;

	return !memory_read(servant->id, gpfn * PAGE_4K, 8, &out) &&
	       out.access_result == HV_TRANSLATE_GPA_UNMAPPED;
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
static bool may_be_deposited(uint64_t pfn)
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
	for (unsigned int i = 0; i < LARGE_PAGES; i++)
		seen += reads_as(servant, (LARGE_GPFN + i) * PAGE_4K, i);
	ok_equal(seen, LARGE_PAGES, "and all of its pages are there");
	ok(!may_be_deposited(middle), "none of them can be deposited");
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
	           reads_as(servant, (LARGE_GPFN + 4) * PAGE_4K, 4) &&
	           reads_as(servant, (LARGE_GPFN + 6) * PAGE_4K, 6),
	   "they are gone, and no other");
	ok(may_be_deposited(pfn + 5) && !may_be_deposited(pfn + 4),
	   "they are ours again, and no other");
	ok_equal(memory_unmap_large(servant->id, LARGE_GPFN + 1),
	         HV_STATUS_INVALID_PARAMETER, "2 MiB from an odd place: status 5");
	ok_equal(memory_unmap_large(servant->id, LARGE_GPFN), HV_STATUS_SUCCESS,
	         "all of it is unmapped");
	for (unsigned int i = 0; i < LARGE_PAGES; i++)
		holes += is_a_hole(servant, LARGE_GPFN + i);
	ok_equal(holes, LARGE_PAGES, "and nothing of it is left");
	ok(may_be_deposited(pfn) && may_be_deposited(pfn + LARGE_PAGES - 1),
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
	ok(reads_as(servant, (gpfn + 500) * PAGE_4K, 500), "and are there");
	ok_equal(memory_unmap_large(servant->id, gpfn), HV_STATUS_SUCCESS,
	         "they are unmapped as one");
	ok(is_a_hole(servant, gpfn) && is_a_hole(servant, gpfn + 511), "and gone");
	ok(may_be_deposited(pfn) && may_be_deposited(pfn + 300), "and ours again");
}

/* Gives back the frame of the first, which is left mapped. */
static uint64_t large_pages(const struct servant *servant)
{
	uint64_t page = large_page_of_ours(), pfn = page >> PAGE_SHIFT_4K;
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

/* Hundreds of thousands of lookups, over nothing: the caller is let in between. TLFS 3.9 */
static void a_long_call_has_pauses(const struct servant *servant)
{
	struct hv_input_unmap_gpa_pages in = { .partition_id = servant->id,
		                               .gpfn_base = LARGE_PAGES * 512,
		                               .flags = HV_UNMAP_GPA_LARGE_PAGE };
	uint64_t exits = hypercall_exits(), result;

	result = hv_call(HVCALL_UNMAP_GPA_PAGES, LONG_REPS, &in, sizeof(in), NULL, 0);
	ok_equal(result, (uint64_t)LONG_REPS << HV_RESULT_REPS_SHIFT,
	         "%u times 2 MiB are unmapped in one call", LONG_REPS);
	exits = hypercall_exits() - exits;
	ok(exits > 4, "which has pauses");
	note("%lu entries", exits);
}

void calls_memory(void)
{
	static struct servant servant;
	uint64_t frame;

	if (!ok(servant_make(&servant, 0, 1), "a child is made"))
		return;
	translations(&servant);
	other_modes(&servant);
	bad_translations(&servant);
	bytes_arrive(&servant);
	bad_sizes(&servant);
	rights_are_kept(&servant);
	overlays_are_seen(&servant);
	frame = large_pages(&servant);
	a_long_call_has_pauses(&servant);
	ok(servant_end(&servant), "its pages come back");
	ok(may_be_deposited(frame) && may_be_deposited(frame + LARGE_PAGES - 1),
	   "and the 2 MiB that it was lent");
}
