/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nested page tables. The invariants N1-N5 are in npt.h. */
#include "hypervisor/core/npt.h"

#include <viridis/base/bits.h>

#define ENTRIES  512u
#define ADDRESS  UINT64_C(0x000ffffffffff000)
#define TAG_BITS UINT64_C(7)

/* Accessed and dirty are set beforehand, which spares the processor its locked updates. */
const struct npt_format npt_format_svm = {
	.present = BIT64(0),
	.table = BIT64(0) | BIT64(1) | BIT64(2) | BIT64(5),
	.leaf = BIT64(0) | BIT64(2) | BIT64(5) | BIT64(6),
	.large = BIT64(7),
	.write = BIT64(1),
	.execute_disable = BIT64(63),
	.address = ADDRESS,
	.tag_shift = 52,
};

static unsigned int index_of(uint64_t gpa, enum npt_level level)
{
	return (unsigned int)bits_get(gpa, 12 + 9 * (unsigned int)level, 9);
}

/* N1; pairs with entry_store: what the entry links is seen complete (N2). */
static uint64_t entry_load(const uint64_t *slot)
{
	return __atomic_load_n(slot, __ATOMIC_ACQUIRE);
}

/* N1; pairs with entry_load and with the processor's walk. */
static void entry_store(uint64_t *slot, uint64_t entry)
{
	__atomic_store_n(slot, entry, __ATOMIC_RELEASE);
}

static bool is_present(const struct npt *npt, uint64_t entry)
{
	return (entry & npt->format->present) != 0;
}

static bool is_table(const struct npt *npt, uint64_t entry, enum npt_level level)
{
	return is_present(npt, entry) && level != NPT_LEVEL_4K &&
	       !(entry & npt->format->large);
}

static uint64_t *table_of(const struct npt *npt, uint64_t entry)
{
	return npt_page_at(entry & npt->format->address);
}

static uint64_t leaf_entry(const struct npt *npt, uint64_t hpa, enum npt_level level,
                           uint32_t flags)
{
	const struct npt_format *format = npt->format;
	uint64_t entry = hpa | format->leaf;

	if (flags & NPT_WRITE)
		entry |= format->write;
	if (!(flags & NPT_EXECUTE))
		entry |= format->execute_disable;
	if (level != NPT_LEVEL_4K)
		entry |= format->large;
	return entry | (uint64_t)(flags >> NPT_TAG_SHIFT & TAG_BITS) << format->tag_shift;
}

static uint32_t leaf_flags(const struct npt *npt, uint64_t entry)
{
	const struct npt_format *format = npt->format;
	uint32_t flags = NPT_READ;

	if (entry & format->write)
		flags |= NPT_WRITE;
	if (!(entry & format->execute_disable))
		flags |= NPT_EXECUTE;
	return flags | NPT_TAG(entry >> format->tag_shift & TAG_BITS);
}

/* Consecutive entries, of leaves of `step` bytes; or, with neither, empty ones. */
static void fill_table(uint64_t *table, uint64_t entry, uint64_t step)
{
	for (unsigned int i = 0; i < ENTRIES; i++)
		entry_store(&table[i], entry + i * step);
}

/* A new table in the place of `entry`, complete: of a leaf, the next smaller ones that say the same. N2, N4 */
static enum hv_status link_new_table(struct npt *npt, uint64_t *slot, uint64_t entry,
                                     enum npt_level level)
{
	uint64_t hpa = npt_page_allocate(npt->owner);

	if (hpa == 0)
		return HV_STATUS_INSUFFICIENT_MEMORY;
	if (level == NPT_LEVEL_2M)
		entry &= ~npt->format->large;
	if (is_present(npt, entry))
		fill_table(npt_page_at(hpa), entry,
		           npt_level_bytes((enum npt_level)(level - 1)));
	npt->table_pages++;
	entry_store(slot, hpa | npt->format->table);
	return HV_STATUS_SUCCESS;
}

/*
 * The slot of gpa in the table of `level`. Larger leaves on the way are split; where a table is
 * missing it is made, or without `create` *slot is NULL.
 */
static enum hv_status find_slot(struct npt *npt, uint64_t gpa, enum npt_level level,
                                bool create, uint64_t **slot)
{
	uint64_t *table = npt_page_at(npt->root_hpa);

	*slot = NULL;
	for (enum npt_level at = NPT_LEVEL_512G; at > level; at--) {
		uint64_t *here = &table[index_of(gpa, at)];
		enum hv_status status = HV_STATUS_SUCCESS;
		uint64_t entry = entry_load(here);

		if (!is_present(npt, entry) && !create)
			return HV_STATUS_SUCCESS;
		if (!is_table(npt, entry, at))
			status = link_new_table(npt, here, entry, at);
		if (status != HV_STATUS_SUCCESS)
			return status;
		table = table_of(npt, entry_load(here));
	}
	*slot = &table[index_of(gpa, level)];
	return HV_STATUS_SUCCESS;
}

static bool block_ok(uint64_t gpa, enum npt_level level)
{
	return (unsigned int)level <= NPT_LEVEL_1G && gpa < NPT_GPA_LIMIT &&
	       is_aligned(gpa, npt_level_bytes(level));
}

static bool target_ok(const struct npt *npt, uint64_t hpa, enum npt_level level,
                      uint32_t flags)
{
	return is_aligned(hpa, npt_level_bytes(level)) &&
	       (hpa & ~npt->format->address) == 0 && (flags & ~NPT_FLAGS) == 0 &&
	       (flags & NPT_READ) != 0;
}

enum hv_status npt_init(struct npt *npt, const struct npt_format *format, void *owner)
{
	uint64_t root = npt_page_allocate(owner);

	if (root == 0)
		return HV_STATUS_INSUFFICIENT_MEMORY;
	*npt = (struct npt){
		.format = format,
		.owner = owner,
		.root_hpa = root,
		.table_pages = 1,
	};
	return HV_STATUS_SUCCESS;
}

/* Of the block: leaves from `hpa` on with `flags`; without any flag, nothing. */
static enum hv_status set_block(struct npt *npt, uint64_t gpa, uint64_t hpa,
                                enum npt_level level, uint32_t flags)
{
	uint64_t *slot, old;
	enum hv_status status = find_slot(npt, gpa, level, flags != 0, &slot);

	if (status != HV_STATUS_SUCCESS || !slot)
		return status;
	old = entry_load(slot);
	if (!is_table(npt, old, level))
		entry_store(slot, flags ? leaf_entry(npt, hpa, level, flags) : 0);
	else if (level == NPT_LEVEL_2M) /* N3 */
		fill_table(table_of(npt, old),
		           flags ? leaf_entry(npt, hpa, NPT_LEVEL_4K, flags) : 0,
		           flags ? PAGE_4K : 0);
	else
		return HV_STATUS_OBJECT_IN_USE;
	if (is_present(npt, old))
		__atomic_store_n(&npt->removals, npt->removals + 1,
		                 __ATOMIC_RELEASE); /* N5 */
	return HV_STATUS_SUCCESS;
}

enum hv_status npt_map(struct npt *npt, uint64_t gpa, uint64_t hpa, enum npt_level level,
                       uint32_t flags)
{
	if (!block_ok(gpa, level) || !target_ok(npt, hpa, level, flags))
		return HV_STATUS_INVALID_PARAMETER;
	return set_block(npt, gpa, hpa, level, flags);
}

enum hv_status npt_unmap(struct npt *npt, uint64_t gpa, enum npt_level level)
{
	if (!block_ok(gpa, level))
		return HV_STATUS_INVALID_PARAMETER;
	return set_block(npt, gpa, 0, level, 0);
}

/* Down to the slot of gpa that links no table. Where a caller wants them, path[] gets those above. */
static uint64_t *walk(const struct npt *npt, uint64_t gpa, enum npt_level *level,
                      uint64_t *path[4])
{
	uint64_t *table = npt_page_at(npt->root_hpa);
	enum npt_level at = NPT_LEVEL_512G;
	uint64_t *slot = &table[index_of(gpa, at)];
	uint64_t entry;

	while (is_table(npt, entry = entry_load(slot), at)) {
		if (path)
			path[at] = slot;
		at--;
		slot = &table_of(npt, entry)[index_of(gpa, at)];
	}
	*level = at;
	return slot;
}

bool npt_lookup(const struct npt *npt, uint64_t gpa, struct npt_leaf *leaf)
{
	uint64_t entry;

	if (gpa >= NPT_GPA_LIMIT)
		return false;
	entry = entry_load(walk(npt, gpa, &leaf->level, NULL));
	leaf->hpa = (entry & npt->format->address) + gpa % npt_level_bytes(leaf->level);
	leaf->flags = leaf_flags(npt, entry);
	return is_present(npt, entry);
}

static void release_table(struct npt *npt, uint64_t hpa)
{
	npt_page_release(npt->owner, hpa);
	npt->table_pages--;
}

static void release_linked(struct npt *npt, uint64_t *slot)
{
	uint64_t hpa = entry_load(slot) & npt->format->address;

	entry_store(slot, 0);
	release_table(npt, hpa);
}

/* Empty first, so that whoever looks between two steps finds nothing to let go of again. */
static void drop_leaf(struct npt *npt, uint64_t *slot, enum npt_level level)
{
	uint64_t entry = entry_load(slot);

	entry_store(slot, 0);
	if (is_present(npt, entry))
		npt_leaf_dropped(npt->owner, entry & npt->format->address,
		                 npt_level_bytes(level));
}

/*
 * Go past one entry that links no table, then release the tables that end with it: nothing is linked
 * in them any more. A table of 4K leaves has no links and goes at once; its block is then empty.
 */
static void destroy_entry(struct npt *npt)
{
	uint64_t *path[NPT_LEVEL_512G + 1];
	enum npt_level level;
	uint64_t *slot = walk(npt, npt->destroy_gpa, &level, path);

	if (level == NPT_LEVEL_4K) { /* destroy_gpa is at its table's start */
		for (unsigned int i = 0; i < ENTRIES; i++)
			drop_leaf(npt, &slot[i], level);
		release_linked(npt, path[NPT_LEVEL_2M]);
		return;
	}
	drop_leaf(npt, slot, level);
	npt->destroy_gpa += npt_level_bytes(level);
	while (++level <= NPT_LEVEL_512G &&
	       is_aligned(npt->destroy_gpa, npt_level_bytes(level)))
		release_linked(npt, path[level]);
}

bool npt_destroy_step(struct npt *npt, unsigned int budget)
{
	for (; budget > 0 && npt->destroy_gpa < NPT_GPA_LIMIT; budget--)
		destroy_entry(npt);
	if (npt->destroy_gpa < NPT_GPA_LIMIT)
		return false;
	if (npt->table_pages != 0)
		release_table(npt, npt->root_hpa);
	npt->root_hpa = 0;
	return true;
}
