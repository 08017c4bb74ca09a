/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VP's own page tables: guest_walk.h */
#include "root-partition/kmod/core/guest_walk.h"

#include <viridis/base/bits.h>

#define CR0_WP   BIT64(16)
#define CR0_PG   BIT64(31)
#define CR4_PSE  BIT64(4)
#define CR4_PAE  BIT64(5)
#define CR4_LA57 BIT64(12)
#define EFER_LMA BIT64(10)

#define ENTRY_PRESENT    BIT64(0)
#define ENTRY_WRITE      BIT64(1)
#define ENTRY_USER       BIT64(2)
#define ENTRY_LARGE      BIT64(7)
#define ENTRY_NO_EXECUTE BIT64(63)
#define ENTRY_ADDRESS    UINT64_C(0x000ffffffffff000)
#define PAE_ROOT_ADDRESS UINT64_C(0xffffffe0)

/* How many levels of tables there are; 0: paging is off. */
static unsigned int paging_levels(const struct guest_walk *walk)
{
	if (!(walk->cr0 & CR0_PG))
		return 0;
	if (walk->efer & EFER_LMA)
		return walk->cr4 & CR4_LA57 ? 5 : 4;
	return walk->cr4 & CR4_PAE ? 3 : 2;
}

/* Of 48 bits or, with five levels of tables, 57, sign-extended. APM2 1.1.3 */
static bool is_canonical(uint64_t gva, unsigned int levels)
{
	unsigned int shift = 64 - (12 + 9 * levels);

	return (uint64_t)((int64_t)(gva << shift) >> shift) == gva;
}

static enum hv_translate_code check_rights(const struct guest_walk *walk, uint64_t rights,
                                           uint64_t access)
{
	bool guarded = walk->user || (walk->cr0 & CR0_WP);

	if (access & HV_TRANSLATE_PRIVILEGE_EXEMPT)
		return HV_TRANSLATE_SUCCESS;
	if ((walk->user && !(rights & ENTRY_USER)) ||
	    ((access & HV_TRANSLATE_WRITE) && !(rights & ENTRY_WRITE) && guarded) ||
	    ((access & HV_TRANSLATE_EXECUTE) && (rights & ENTRY_NO_EXECUTE)))
		return HV_TRANSLATE_PRIVILEGE_VIOLATION;
	return HV_TRANSLATE_SUCCESS;
}

/* Rights narrow down the levels: write and user where all allow, no-execute where any says so. */
static uint64_t narrow(uint64_t rights, uint64_t entry)
{
	return (rights & entry & (ENTRY_WRITE | ENTRY_USER)) |
	       ((rights | entry) & ENTRY_NO_EXECUTE);
}

/* APM2 5.3.3: a large page may be a leaf of 4 MiB, 2 MiB or 1 GiB. */
static bool is_leaf(const struct guest_walk *walk, unsigned int levels,
                    unsigned int level, uint64_t entry)
{
	if (level == 0 || !(entry & ENTRY_LARGE))
		return level == 0;
	if (levels == 2)
		return (walk->cr4 & CR4_PSE) != 0;
	return level == 1 || (level == 2 && levels > 3);
}

static enum hv_translate_code walk_tables(const struct guest_walk *walk,
                                          unsigned int levels, uint64_t gva,
                                          uint64_t access, uint64_t *gpa)
{
	unsigned int index_bits = levels == 2 ? 10 : 9, entry_bytes = levels == 2 ? 4 : 8;
	uint64_t rights = ENTRY_WRITE | ENTRY_USER;
	uint64_t table = walk->cr3 & (levels == 3 ? PAE_ROOT_ADDRESS : ENTRY_ADDRESS);

	for (unsigned int level = levels; level-- > 0;) {
		unsigned int shift = 12 + index_bits * level;
		uint64_t entry = 0, offset_mask = bits_mask(0, shift);
		uint64_t at = table + bits_get(gva, shift, index_bits) * entry_bytes;

		if (!walk->read(walk->context, at, &entry, entry_bytes))
			return HV_TRANSLATE_GPA_UNMAPPED;
		if (!(entry & ENTRY_PRESENT))
			return HV_TRANSLATE_PAGE_NOT_PRESENT;
		if (levels != 3 || level != 2) /* there it has no rights. APM2 5.2.3 */
			rights = narrow(rights, entry);
		if (is_leaf(walk, levels, level, entry)) {
			*gpa = (entry & ENTRY_ADDRESS & ~offset_mask) |
			       (gva & offset_mask);
			return check_rights(walk, rights, access);
		}
		table = entry & ENTRY_ADDRESS;
	}
	return HV_TRANSLATE_INVALID_PAGE_TABLE_FLAGS; /* no: level 0 is a leaf */
}

enum hv_translate_code guest_walk(const struct guest_walk *walk, uint64_t gva,
                                  uint64_t access, uint64_t *gpa)
{
	unsigned int levels = paging_levels(walk);

	*gpa = (uint32_t)gva;
	if (levels == 0)
		return HV_TRANSLATE_SUCCESS;
	if (levels <= 3)
		gva = (uint32_t)gva;
	else if (!is_canonical(gva, levels))
		return HV_TRANSLATE_PAGE_NOT_PRESENT;
	return walk_tables(walk, levels, gva, access, gpa);
}
