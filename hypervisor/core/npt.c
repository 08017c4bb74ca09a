/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nested page tables. The invariants NPT-1 to NPT-5 are in npt.h. */
#include "hypervisor/core/npt.h"

#include <viridis/base/bits.h>

#define ENTRIES     512u
#define LARGE       BIT64(7)
#define ADDRESS     UINT64_C(0x000ffffffffff000)
#define FLAGS_SHIFT 52 /* a leaf's flags as they were given; of a table none */
#define FLAGS_BITS  4

static unsigned int index_of(uint64_t gpa, enum npt_level level)
{
	return (unsigned int)bits_get(gpa, 12 + 9 * (unsigned int)level, 9);
}

/* NPT-1; pairs with entry_store: what the entry links is seen complete (NPT-2). */
static uint64_t entry_load(const uint64_t *slot)
{
	return __atomic_load_n(slot, __ATOMIC_ACQUIRE);
}

/* NPT-1; pairs with entry_load and with the processor's walk. */
static void entry_store(uint64_t *slot, uint64_t entry)
{
	__atomic_store_n(slot, entry, __ATOMIC_RELEASE);
}

static uint32_t leaf_flags(uint64_t entry)
{
	return (uint32_t)bits_get(entry, FLAGS_SHIFT, FLAGS_BITS);
}

static bool is_table(uint64_t entry)
{
	return entry != 0 && leaf_flags(entry) == 0;
}

static uint64_t *table_of(const struct npt *npt, uint64_t entry)
{
	return npt->memory->page_at(entry & ADDRESS);
}

static uint64_t leaf_entry(const struct npt *npt, uint64_t hpa, enum npt_level level,
                           uint32_t flags)
{
	if (flags == 0)
		return 0;
	return hpa | npt->format->leaf[flags & NPT_ALL] |
	       (level == NPT_LEVEL_4K ? 0 : LARGE) | (uint64_t)flags << FLAGS_SHIFT;
}

/* Consecutive entries, of leaves of `step` bytes; or, with neither, empty ones. */
static void fill_table(uint64_t *table, uint64_t entry, uint64_t step)
{
	for (unsigned int i = 0; i < ENTRIES; i++)
		entry_store(&table[i], entry + i * step);
}

/*
 * A new table in the place of `entry`, complete: of a leaf, the next smaller ones that say the same. False:
 * there is no page for it. NPT-2, NPT-4
 */
static bool link_new_table(struct npt *npt, uint64_t *slot, uint64_t entry,
                           enum npt_level level)
{
	uint64_t hpa = npt->memory->allocate(npt->owner);

	if (hpa == 0)
		return false;
	if (level == NPT_LEVEL_2M)
		entry &= ~LARGE;
	if (entry != 0)
		fill_table(table_of(npt, hpa), entry,
		           npt_level_bytes((enum npt_level)(level - 1)));
	entry_store(slot, hpa | npt->format->table);
	return true;
}

/* The slot of gpa in the table of `level`: missing tables are made, larger leaves split. NULL: no memory. */
static uint64_t *find_slot(struct npt *npt, uint64_t gpa, enum npt_level level)
{
	uint64_t *table = table_of(npt, npt->root_hpa);

	for (enum npt_level at = NPT_LEVEL_512G; at > level; at--) {
		uint64_t *slot = &table[index_of(gpa, at)];
		uint64_t entry = entry_load(slot);

		if (!is_table(entry) && !link_new_table(npt, slot, entry, at))
			return NULL;
		table = table_of(npt, entry_load(slot));
	}
	return &table[index_of(gpa, level)];
}

/* NPT-5 */
static void count_removal(struct npt *npt)
{
	__atomic_store_n(&npt->removals, npt->removals + 1, __ATOMIC_RELEASE);
}

enum hv_status npt_init(struct npt *npt, const struct npt_format *format,
                        const struct npt_memory *memory, void *owner)
{
	uint64_t root = memory->allocate(owner);

	if (root == 0)
		return HV_STATUS_INSUFFICIENT_MEMORY;
	*npt = (struct npt){ .format = format,
		             .memory = memory,
		             .owner = owner,
		             .root_hpa = root };
	return HV_STATUS_SUCCESS;
}

static bool arguments_ok(uint64_t gpa, uint64_t hpa, enum npt_level level, uint32_t flags)
{
	return (unsigned int)level <= NPT_LEVEL_1G && gpa < NPT_GPA_LIMIT &&
	       (hpa & ~ADDRESS) == 0 && is_aligned(gpa | hpa, npt_level_bytes(level)) &&
	       (flags & ~(NPT_ALL | NPT_MARK)) == 0 && (flags == 0 || flags & NPT_READ);
}

enum hv_status npt_set(struct npt *npt, uint64_t gpa, uint64_t hpa, enum npt_level level,
                       uint32_t flags)
{
	uint64_t *slot, old;

	if (!arguments_ok(gpa, hpa, level, flags))
		return HV_STATUS_INVALID_PARAMETER;
	slot = find_slot(npt, gpa, level);
	if (!slot)
		return HV_STATUS_INSUFFICIENT_MEMORY;
	old = entry_load(slot);
	if (!is_table(old))
		entry_store(slot, leaf_entry(npt, hpa, level, flags));
	else if (level == NPT_LEVEL_2M) /* NPT-3 */
		fill_table(table_of(npt, old), leaf_entry(npt, hpa, NPT_LEVEL_4K, flags),
		           flags ? PAGE_4K : 0);
	else
		return HV_STATUS_OBJECT_IN_USE;
	if (old != 0)
		count_removal(npt);
	return HV_STATUS_SUCCESS;
}

bool npt_lookup(const struct npt *npt, uint64_t gpa, struct npt_leaf *leaf)
{
	uint64_t entry = entry_load(&npt->root_hpa);

	leaf->level = NPT_LEVEL_512G + 1;
	if (entry == 0 || gpa >= NPT_GPA_LIMIT)
		return false;
	do {
		leaf->level--;
		entry = entry_load(&table_of(npt, entry)[index_of(gpa, leaf->level)]);
	} while (is_table(entry));
	leaf->hpa = (entry & ADDRESS) + gpa % npt_level_bytes(leaf->level);
	leaf->flags = leaf_flags(entry);
	return entry != 0;
}

enum hv_status npt_dirty(struct npt *npt, uint64_t gpa, enum npt_dirty what, bool *was)
{
	uint64_t bit = npt->format->dirty, *slot, old, new;
	struct npt_leaf leaf;

	*was = false;
	if (!npt_lookup(npt, gpa, &leaf))
		return HV_STATUS_SUCCESS;
	*was = true;
	if (leaf.level != NPT_LEVEL_4K && what != NPT_DIRTY_CLEAR) /* NPT-6 */
		return HV_STATUS_SUCCESS;
	slot = find_slot(npt, gpa, NPT_LEVEL_4K);
	if (!slot)
		return HV_STATUS_INSUFFICIENT_MEMORY;
	old = entry_load(slot);
	do
		new = what == NPT_DIRTY_CLEAR ? old & ~bit : old | bit;
	while (what != NPT_DIRTY_LOOK && leaf_flags(old) != 0 &&
	       !__atomic_compare_exchange_n(slot, &old, new, true, __ATOMIC_ACQ_REL,
	                                    __ATOMIC_ACQUIRE));
	*was = old & bit;
	if (what == NPT_DIRTY_CLEAR && *was)
		count_removal(npt);
	return HV_STATUS_SUCCESS;
}

/*
 * Empties and releases the first table that links no other, unless the budget ends before. An entry is empty
 * first, so that whoever looks between two steps finds nothing to let go of again.
 */
static void destroy_table(struct npt *npt, int64_t *budget)
{
	uint64_t *link = &npt->root_hpa, *table = table_of(npt, *link), hpa;
	enum npt_level level = NPT_LEVEL_512G;
	unsigned int i = 0;

	while (*budget > 0 && i < ENTRIES) {
		uint64_t entry = entry_load(&table[i]), bytes = npt_level_bytes(level);

		if (is_table(entry)) {
			link = &table[i];
			table = table_of(npt, entry);
			level--;
			i = 0;
			continue;
		}
		entry_store(&table[i++], 0);
		if (entry != 0) {
			npt->memory->leaf_dropped(npt->owner, entry & ADDRESS, bytes);
			*budget -= (int64_t)(bytes / PAGE_4K);
		}
	}
	if (*budget <= 0)
		return;
	hpa = entry_load(link) & ADDRESS;
	entry_store(link, 0);
	npt->memory->release(npt->owner, hpa);
	*budget -= ENTRIES;
}

bool npt_destroy_step(struct npt *npt, int64_t budget)
{
	while (npt->root_hpa != 0 && budget > 0)
		destroy_table(npt, &budget);
	count_removal(npt);
	return npt->root_hpa == 0;
}
