/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nested page tables: guest physical to host physical, four levels, 48 bits. PURE: where table pages
 * come from is a policy of the owner, the entry format is data (long-mode entries for SVM, APM2
 * 15.25).
 *
 * Writers of one npt are serialized by its owner. Readers (npt_lookup, the processor) take no lock:
 *   N1  An entry changes by one atomic 64-bit store with release order.
 *   N2  A table is complete before the store that links it.
 *   N3  A linked table stays linked and stays a table page until npt_destroy_step.
 *   N4  A split changes no translation and no right; only the entry's shape.
 *   N5  A removal is counted after the entry has changed: who reads the count, and then uses the
 *       tables, meets no entry that was removed before.
 * A TLB that was filled at another count than today's is flushed before it serves again.
 */
#ifndef VIRIDIS_HYPERVISOR_CORE_NPT_H
#define VIRIDIS_HYPERVISOR_CORE_NPT_H

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
/* Three bits kept with a leaf for its owner and ignored by the processor. */
#define NPT_TAG_SHIFT 8
#define NPT_TAG(n)    ((uint32_t)(n) << NPT_TAG_SHIFT)
#define NPT_TAG_MASK  NPT_TAG(7)
#define NPT_FLAGS     (NPT_READ | NPT_WRITE | NPT_EXECUTE | NPT_TAG_MASK)

/* Supplied by whoever links this: where table pages come from. `owner` is the one given to npt_init(). */
void *npt_page_at(uint64_t hpa);
uint64_t npt_page_allocate(void *owner); /* zeroed, or 0 when there is none */
void npt_page_release(void *owner, uint64_t hpa);
/* npt_destroy_step: a leaf is gone that mapped these bytes. */
void npt_leaf_dropped(void *owner, uint64_t hpa, uint64_t bytes);

struct npt_format {
	uint64_t present; /* an entry with any of these bits is in use */
	uint64_t table;   /* what an entry that links a table holds beside the address */
	uint64_t leaf;    /* what every leaf holds beside the address */
	uint64_t large;   /* marks a leaf above the 4K level */
	uint64_t write;   /* set: writable */
	uint64_t execute_disable;
	uint64_t address;       /* the bits that hold the host address */
	unsigned int tag_shift; /* three bits the processor ignores */
};

/* APM2 5.3, 15.25: long-mode entries, user accessible as the processor demands of nested ones. */
extern const struct npt_format npt_format_svm;

struct npt {
	/* constant after npt_init */
	const struct npt_format *format;
	void *owner;
	uint64_t root_hpa;
	/* by the serialized writer */
	uint64_t table_pages; /* root included */
	/* atomic: how often a translation or a right was taken away, or a translation replaced */
	uint64_t removals;
	uint64_t destroy_gpa;
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
                        void *owner) MUST_CHECK;

/*
 * Make one leaf. Splits a larger leaf in its place, replaces one of the same level. Where a table
 * stands in a 2 MiB leaf's place its 512 entries are filled instead (N3), and where one stands in a
 * 1 GiB leaf's place the answer is OBJECT_IN_USE. INVALID_PARAMETER: misaligned, out of range, a
 * level above 1 GiB, flags unknown or without READ. INSUFFICIENT_MEMORY: nothing was changed for
 * the guest, and the call can be made again.
 */
enum hv_status npt_map(struct npt *npt, uint64_t gpa, uint64_t hpa, enum npt_level level,
                       uint32_t flags) MUST_CHECK;

/*
 * Take away what is mapped in the level-sized block at gpa, splitting a larger leaf. Errors as
 * npt_map; a block with nothing in it is SUCCESS.
 */
enum hv_status npt_unmap(struct npt *npt, uint64_t gpa, enum npt_level level) MUST_CHECK;

/* Translate. Lock-free; false when nothing is mapped there. */
bool npt_lookup(const struct npt *npt, uint64_t gpa, struct npt_leaf *leaf);

/* Drop leaves and release table pages, of no more than `budget` entries or tables of 4K leaves; true
 * when all, the root too, are gone. No reader and no processor may use the tables any more. */
bool npt_destroy_step(struct npt *npt, unsigned int budget) MUST_CHECK;

#endif
