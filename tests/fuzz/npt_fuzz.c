/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any maps and unmaps, with too few table pages at times: what the tables translate, walked as a processor
 * does, is what the last change of each address says; and their end drops every mapped byte once and
 * gives back every page.
 */
#include "hypervisor/core/npt.h"
#include <stdlib.h>
#include <string.h>
#include <viridis/base/bits.h>
#include <viridis/base/cursor.h>

#define CHECK(condition)                  \
	do {                              \
		if (!(condition))         \
			__builtin_trap(); \
	} while (0)

#define ARENA_HPA   UINT64_C(0x7000000)
#define ARENA_PAGES 160u
#define CHANGES_MAX 48u
#define END         (UINT64_C(1) << 48)
#define RIGHTS      NPT_ALL

/* Long-mode entries. APM2 5.3, 15.25 */
static const struct npt_format format = {
	.table = 0x27,
	.dirty = 0x40,
	.leaf = { [NPT_READ] = UINT64_C(0x8000000000000065),
	          [NPT_READ | NPT_WRITE] = UINT64_C(0x8000000000000067),
	          [NPT_READ | NPT_EXECUTE] = 0x65,
	          [NPT_ALL] = 0x67 },
};

static uint64_t arena[ARENA_PAGES][512];
static bool used[ARENA_PAGES];
static unsigned int pages_out, pages_left;

/* What was dropped: bytes, and the sum of the 4 KiB frames' numbers. */
struct heap {
	uint64_t bytes, frames_sum;
};
static struct heap dropped;

static void *page_at(uint64_t hpa)
{
	uint64_t index = (hpa - ARENA_HPA) / PAGE_4K;

	CHECK(hpa >= ARENA_HPA && index < ARENA_PAGES && hpa % PAGE_4K == 0);
	CHECK(used[index]);
	return arena[index];
}

static uint64_t page_allocate(void *owner)
{
	CHECK(owner == arena);
	for (unsigned int i = 0; pages_left > 0 && i < ARENA_PAGES; i++) {
		if (used[i])
			continue;
		memset(arena[i], 0, sizeof(arena[i]));
		used[i] = true;
		pages_out++;
		pages_left--;
		return ARENA_HPA + i * PAGE_4K;
	}
	return 0;
}

static void page_release(void *owner, uint64_t hpa)
{
	CHECK(owner == arena);
	memset(page_at(hpa), 0x5a, PAGE_4K); /* whoever still walks it falls */
	used[(hpa - ARENA_HPA) / PAGE_4K] = false;
	pages_out--;
}

static void heap_add(struct heap *heap, uint64_t hpa, uint64_t bytes)
{
	uint64_t count = bytes / PAGE_4K;

	heap->bytes += bytes;
	heap->frames_sum += hpa / PAGE_4K * count + count * (count - 1) / 2;
}

static void leaf_dropped(void *owner, uint64_t hpa, uint64_t bytes)
{
	CHECK(owner == arena && hpa % bytes == 0);
	heap_add(&dropped, hpa, bytes);
}

static const struct npt_memory memory = { page_at, page_allocate, page_release,
	                                  leaf_dropped };

/* A change that was carried out. flags 0: an unmap. */
struct change {
	uint64_t gpa, bytes, hpa;
	uint32_t flags;
};

struct model {
	struct change change[CHANGES_MAX];
	unsigned int count;
	/* Where less than 1 GiB was to change, done or not: tables may stand there. */
	uint64_t asked[2 * CHANGES_MAX];
	unsigned int asked_count;
};

static const struct change *model_find(const struct model *model, uint64_t gpa)
{
	for (unsigned int i = model->count; i-- > 0;) {
		const struct change *change = &model->change[i];

		if (gpa >= change->gpa && gpa - change->gpa < change->bytes)
			return change->flags ? change : NULL;
	}
	return NULL;
}

/* Long-mode walk. APM2 5.3, 15.25: every nested access is a user's. False: not present. */
static bool processor_walk(const struct npt *npt, uint64_t gpa, uint64_t *hpa,
                           uint32_t *flags)
{
	uint64_t table = npt->root_hpa, all = 7, no_execute = 0;

	for (int shift = 39; shift >= 12; shift -= 9) {
		uint64_t entry = ((uint64_t *)page_at(table))[gpa >> shift & 511];

		if (!(entry & 1))
			return false;
		CHECK(shift != 39 || !(entry & 0x80)); /* must be zero there */
		all &= entry;
		no_execute |= entry >> 63;
		table = entry & UINT64_C(0x000ffffffffff000);
		if (shift == 12 || (entry & 0x80)) {
			CHECK(table % (UINT64_C(1) << shift) == 0);
			CHECK(all & 4); /* user */
			/* Write-back: no PWT, PCD, and no PAT, which is elsewhere in each size. */
			CHECK(!(entry & 0x18) && (shift != 12 || !(entry & 0x80)));
			*hpa = table + (gpa & ((UINT64_C(1) << shift) - 1));
			*flags = NPT_READ | (all & 2 ? NPT_WRITE : 0) |
			         (no_execute ? 0 : NPT_EXECUTE) |
			         (entry >> 55 & 1 ? NPT_MARK : 0);
			return true;
		}
	}
	return false;
}

static void probe(const struct npt *npt, const struct model *model, uint64_t gpa)
{
	const struct change *expected;
	struct npt_leaf leaf;
	uint64_t hpa = 0;
	uint32_t flags = 0;
	bool found;

	if (gpa >= END) {
		CHECK(!npt_lookup(npt, gpa, &leaf));
		return;
	}
	expected = model_find(model, gpa);
	found = processor_walk(npt, gpa, &hpa, &flags);
	CHECK(found == (expected != NULL));
	CHECK(npt_lookup(npt, gpa, &leaf) == found);
	if (!found)
		return;
	CHECK(hpa == expected->hpa + (gpa - expected->gpa) && leaf.hpa == hpa);
	CHECK(flags == expected->flags && leaf.flags == flags);
}

/* Addresses that meet again: near 0, at the borders of the highest entries, and any. */
static uint64_t some_gpa(struct cursor *in, enum npt_level level)
{
	static const uint64_t regions[] = { 0, 3 * PAGE_1G, 511 * PAGE_1G,
		                            END - PAGE_1G };
	static const uint64_t blocks[] = { 0, 1, 2, 511 };
	uint8_t how = cursor_u8(in), pages = cursor_u8(in);
	uint64_t gpa = regions[how & 3] + (how >> 2 & 1) * PAGE_1G;

	if (how & 0x80)
		return cursor_le64(in);
	if (level < NPT_LEVEL_1G)
		gpa += blocks[pages >> 4 & 3] * PAGE_2M;
	if (level < NPT_LEVEL_2M)
		gpa += (pages & 7) * PAGE_4K;
	return gpa;
}

/* What the arguments alone decide. */
static bool arguments_ok(uint64_t gpa, uint64_t hpa, uint64_t level, uint32_t flags)
{
	uint64_t bytes = level <= 2 ? UINT64_C(4096) << 9 * level : 0;

	if (level > 2 || gpa >= END || gpa % bytes)
		return false;
	return hpa % bytes == 0 && hpa < UINT64_C(1) << 52 &&
	       (!flags || (flags & NPT_READ)) && !(flags & ~(RIGHTS | 8u));
}

static bool may_have_table(const struct model *model, uint64_t gpa)
{
	for (unsigned int i = 0; i < model->asked_count; i++)
		if (model->asked[i] / PAGE_1G == gpa / PAGE_1G)
			return true;
	return false;
}

static void remember(struct model *model, enum hv_status status, struct change change)
{
	if (change.bytes < PAGE_1G)
		model->asked[model->asked_count++] = change.gpa;
	if (status == HV_STATUS_INSUFFICIENT_MEMORY)
		CHECK(pages_left == 0);
	else if (status == HV_STATUS_OBJECT_IN_USE)
		CHECK(change.bytes == PAGE_1G && may_have_table(model, change.gpa));
	else
		CHECK(status == HV_STATUS_SUCCESS);
	if (status == HV_STATUS_SUCCESS)
		model->change[model->count++] = change;
}

/* A page is clean from where that is asked for to the next store, and leads where it did. */
static void clean(struct npt *npt, struct model *model, uint64_t gpa)
{
	bool was = false, mapped = model_find(model, gpa) != NULL;
	enum hv_status status = npt_dirty(npt, gpa, NPT_DIRTY_CLEAR, &was);

	model->asked[model->asked_count++] = gpa;
	probe(npt, model, gpa);
	if (status != HV_STATUS_SUCCESS) {
		CHECK(status == HV_STATUS_INSUFFICIENT_MEMORY && pages_left == 0);
		return;
	}
	CHECK(npt_dirty(npt, gpa, NPT_DIRTY_SET, &was) == HV_STATUS_SUCCESS && !was);
	CHECK(npt_dirty(npt, gpa, NPT_DIRTY_LOOK, &was) == HV_STATUS_SUCCESS);
	CHECK(was == mapped);
}

static void change(struct npt *npt, struct model *model, struct cursor *in)
{
	uint8_t how = cursor_u8(in);
	enum npt_level level = (enum npt_level)(how & 3);
	bool unmap = how & 4;
	uint64_t gpa = some_gpa(in, level), hpa = (uint64_t)cursor_u8(in) << 30;
	uint32_t flags = how & 8 ? RIGHTS : cursor_le16(in);
	enum hv_status status;

	if (how & 16)
		hpa += (uint64_t)cursor_le16(in) * (how & 32 ? PAGE_4K : PAGE_2M);
	if ((how & 0xc0) == 0xc0)
		hpa = cursor_le64(in);
	if (level == NPT_LEVEL_512G)
		level = how & 64 ? NPT_LEVEL_512G : NPT_LEVEL_4K;
	if (unmap)
		flags = 0;
	status = npt_set(npt, gpa, hpa, level, flags);
	CHECK((status == HV_STATUS_INVALID_PARAMETER) ==
	      !arguments_ok(gpa, hpa, level, flags));
	if (status == HV_STATUS_INVALID_PARAMETER)
		return;
	remember(model, status,
	         (struct change){ gpa, npt_level_bytes(level), hpa, flags });
	probe(npt, model, gpa);
	probe(npt, model, gpa + npt_level_bytes(level) - 1);
	probe(npt, model, gpa - 1);
	probe(npt, model, gpa + npt_level_bytes(level));
	if (how & 128)
		clean(npt, model, gpa);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* All that is mapped: between two neighbouring borders of changes one change alone speaks. */
static struct heap model_mapped(const struct model *model)
{
	uint64_t borders[2 * CHANGES_MAX];
	unsigned int count = 0;
	struct heap mapped = { 0, 0 };

	for (unsigned int i = 0; i < model->count; i++) {
		borders[count++] = model->change[i].gpa;
		borders[count++] = model->change[i].gpa + model->change[i].bytes;
	}
	qsort(borders, count, sizeof(borders[0]), compare);
	for (unsigned int i = 0; i + 1 < count; i++) {
		const struct change *change = model_find(model, borders[i]);

		if (change && borders[i + 1] > borders[i])
			heap_add(&mapped, change->hpa + (borders[i] - change->gpa),
			         borders[i + 1] - borders[i]);
	}
	return mapped;
}

static void destroy(struct npt *npt, const struct model *model, unsigned int budget)
{
	struct heap mapped = model_mapped(model);

	memset(&dropped, 0, sizeof(dropped));
	while (!npt_destroy_step(npt, budget))
		continue;
	CHECK(pages_out == 0 && npt->root_hpa == 0);
	CHECK(dropped.bytes == mapped.bytes && dropped.frames_sum == mapped.frames_sum);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor in = cursor_over(data, size);
	unsigned int budget = 1 + 64u * cursor_u8(&in);
	struct model model = { .count = 0 };
	struct npt npt;

	pages_left = cursor_u8(&in) % ARENA_PAGES;
	if (npt_init(&npt, &format, &memory, arena) != HV_STATUS_SUCCESS) {
		CHECK(pages_left == 0);
		return 0;
	}
	for (unsigned int i = 0; cursor_left(&in) > 0 && i < CHANGES_MAX; i++)
		change(&npt, &model, &in);
	destroy(&npt, &model, budget);
	return 0;
}
