/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nested page tables: guest physical to host physical, four levels, 48 bits. PURE: where table pages come
 * from is a policy of the owner, the format of an entry is data of the processor's vendor.
 *
 * Writers of one npt are serialized by its owner. Readers (npt_lookup, the processor) take no lock:
 *   NPT-1  An entry changes by one atomic 64-bit store with release order.
 *   NPT-2  A table is complete before the store that links it.
 *   NPT-3  A linked table stays linked and stays a table page until npt_destroy_step.
 *   NPT-4  A split changes no translation and no right; only the entry's shape.
 *   NPT-5  A removal is counted after the entry has changed: who reads the count, and then uses the
 *          tables, meets no entry that was removed before.
 *   NPT-6  A leaf above 4 KiB has its dirty bit set, from the store that made it on.
 * A TLB that was filled at another count than today's is flushed before it serves again.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <viridis/abi/hv_status.h>
#include <viridis/base/assert.h>

/* Size of what an entry of a table maps; the table of a level holds 512 such entries. */
enum npt_level {
	NPT_LEVEL_4K = 0,
	NPT_LEVEL_2M = 1,
	NPT_LEVEL_1G = 2,
	NPT_LEVEL_512G = 3, /* the root table's entries: tables only */
};

#define NPT_GPA_BITS  48 /* four levels */
#define NPT_GPA_LIMIT (UINT64_C(1) << NPT_GPA_BITS)

/* Flags of a leaf. READ is required: neither vendor's format can do without it everywhere. */
#define NPT_READ    0x1u
#define NPT_WRITE   0x2u
#define NPT_EXECUTE 0x4u
#define NPT_ALL     (NPT_READ | NPT_WRITE | NPT_EXECUTE)
/* Kept with a leaf for its owner, and nothing to the processor. */
#define NPT_MARK 0x8u

/* Where table pages come from. `owner` is the one given to npt_init(). */
struct npt_memory {
	void *(*page_at)(uint64_t hpa);
	uint64_t (*allocate)(void *owner); /* zeroed, or 0 when there is none */
	void (*release)(void *owner, uint64_t hpa);
	/* npt_destroy_step: a leaf is gone that mapped these bytes. */
	void (*leaf_dropped)(void *owner, uint64_t hpa, uint64_t bytes);
};

/*
 * What an entry holds beside the address: where it links a table, and where it is a leaf of these rights.
 * Bit 7 marks a leaf above the 4K level and bits 52 to 55 are free, whoever made the processor.
 */
struct npt_format {
	uint64_t table;
	uint64_t dirty; /* of a leaf: set by the processor when it writes there, and in leaf[] */
	uint64_t leaf[NPT_ALL + 1];
};

struct npt {
	/* constant after npt_init */
	const struct npt_format *format;
	const struct npt_memory *memory;
	void *owner;
	uint64_t root_hpa; /* 0: there are no tables, or no more */
	/* atomic: how often a translation or a right was taken away, or a translation replaced */
	uint64_t removals;
};

struct npt_leaf {
	uint64_t hpa; /* of the address asked for */
	enum npt_level level;
	uint32_t flags;
};

static inline uint64_t npt_level_bytes(enum npt_level level)
{
	return UINT64_C(1) << (12 + 9 * (unsigned int)level);
}

/* Allocates the root table: SUCCESS or INSUFFICIENT_MEMORY. */
enum hv_status npt_init(struct npt *npt, const struct npt_format *format,
                        const struct npt_memory *memory, void *owner) MUST_CHECK;

/*
 * Make of the level-sized block at gpa one leaf that leads to hpa; or, with flags 0, nothing. A larger leaf
 * in its place is split, one of the same level replaced. Where a table stands in a 2 MiB leaf's place its
 * 512 entries are filled instead (NPT-3), and where one stands in a 1 GiB leaf's place the answer is
 * OBJECT_IN_USE. INVALID_PARAMETER: misaligned, out of range, a level above 1 GiB, flags unknown or without
 * READ. INSUFFICIENT_MEMORY: nothing was changed for the guest, and the call can be made again.
 */
enum hv_status npt_set(struct npt *npt, uint64_t gpa, uint64_t hpa, enum npt_level level,
                       uint32_t flags) MUST_CHECK;

/*
 * Translate. Lock-free; false when nothing is mapped there, or there are no tables. In the whole block of leaf->level
 * around gpa there is nothing then.
 */
bool npt_lookup(const struct npt *npt, uint64_t gpa, struct npt_leaf *leaf);

/*
 * Whether the page was written, by the processor or through npt_dirty(), since that was last cleared; one that is
 * mapped anew counts as written, one that is not mapped does not. To clear it, a large leaf is split:
 * INSUFFICIENT_MEMORY, and nothing has changed for the guest. To clear needs the owner's lock; to set or look does not,
 * for who keeps the tables from being destroyed meanwhile: neither links a table nor moves a translation.
 */
enum npt_dirty { NPT_DIRTY_LOOK, NPT_DIRTY_CLEAR, NPT_DIRTY_SET };
enum hv_status npt_dirty(struct npt *npt, uint64_t gpa, enum npt_dirty what,
                         bool *was) MUST_CHECK;

/*
 * Drop leaves and release table pages, until `budget` 4 KiB frames are dropped, where a table counts as many as
 * it has entries; true when all, the root too, are gone. No processor may use the tables any more. Where a reader
 * may, the owner keeps the pages that it releases as they are until the reader is done.
 */
bool npt_destroy_step(struct npt *npt, int64_t budget) MUST_CHECK;
