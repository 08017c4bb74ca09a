/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guest memory: guest_memory.h */
#include "hypervisor/kernel/guest_memory.h"
#include <viridis/base/mem.h>
#include "hypervisor/arch/x86/paging.h"
#include "hypervisor/kernel/frames.h"
#include "hypervisor/kernel/partition.h"

#define ATTRIBUTE_LONG BIT32(13)
#define ATTRIBUTE_BIG  BIT32(14)

/* A guest's page at this CPU's window, or NULL; an overlay it is shown is a deposited frame. */
static void *open_page(const struct partition *partition, uint64_t gpa, uint32_t need)
{
	struct npt_leaf leaf;

	if (!npt_lookup(&partition->npt, gpa, &leaf) || (leaf.flags & need) != need)
		return NULL;
	if (!frames_is_ram(leaf.hpa / PAGE_4K))
		return NULL;
	return window_map(leaf.hpa);
}

static size_t piece(uint64_t gpa, size_t bytes)
{
	size_t left = PAGE_4K - (gpa & (PAGE_4K - 1));

	return bytes < left ? bytes : left;
}

static bool copy(const struct partition *partition, uint64_t gpa, char *ours,
                 size_t bytes, uint32_t need)
{
	while (bytes) {
		size_t now = piece(gpa, bytes);
		void *theirs = open_page(partition, gpa, need);

		if (!theirs)
			return false;
		if (need == NPT_WRITE)
			memcpy(theirs, ours, now);
		else
			memcpy(ours, theirs, now);
		window_unmap();
		ours += now;
		gpa += now;
		bytes -= now;
	}
	return true;
}

bool guest_read(const struct partition *partition, uint64_t gpa, void *to, size_t bytes)
{
	return copy(partition, gpa, to, bytes, NPT_READ);
}

bool guest_write(const struct partition *partition, uint64_t gpa, const void *from,
                 size_t bytes)
{
	return copy(partition, gpa, (char *)from, bytes, NPT_WRITE); /* only read */
}

static uint64_t register64(const struct vp *vp, uint32_t name)
{
	return vp_register(vp, name).reg64;
}

/* How a paging mode lays out its tables. APM2 5.2, 5.3 */
struct paging_mode {
	unsigned int levels;
	unsigned int index_bits;
	unsigned int entry_bytes;
	uint64_t root_mask;
};

static bool paging_mode(const struct vp *vp, struct paging_mode *mode)
{
	uint64_t cr4 = register64(vp, HV_X64_REGISTER_CR4);

	if (!(register64(vp, HV_X64_REGISTER_CR0) & CR0_PG))
		return false;
	if (register64(vp, HV_X64_REGISTER_EFER) & EFER_LMA)
		*mode = (struct paging_mode){ cr4 & CR4_LA57 ? 5 : 4, 9, 8, PTE_ADDRESS };
	else if (cr4 & CR4_PAE)
		*mode = (struct paging_mode){ 3, 9, 8, UINT64_C(0xffffffe0) };
	else
		*mode = (struct paging_mode){ 2, 10, 4, UINT64_C(0xfffff000) };
	return true;
}

static enum hv_translate_code check_rights(const struct vp *vp, uint64_t rights,
                                           uint64_t access)
{
	bool user;

	if (access & HV_TRANSLATE_PRIVILEGE_EXEMPT)
		return HV_TRANSLATE_SUCCESS;
	user = (vp_register(vp, HV_X64_REGISTER_SS).segment.attributes >> 5 & 3) == 3;
	if (user && !(rights & PTE_USER))
		return HV_TRANSLATE_PRIVILEGE_VIOLATION;
	if ((access & HV_TRANSLATE_WRITE) && !(rights & PTE_WRITE) &&
	    (user || (register64(vp, HV_X64_REGISTER_CR0) & CR0_WP)))
		return HV_TRANSLATE_PRIVILEGE_VIOLATION;
	if ((access & HV_TRANSLATE_EXECUTE) && (rights & PTE_NX))
		return HV_TRANSLATE_PRIVILEGE_VIOLATION;
	return HV_TRANSLATE_SUCCESS;
}

/* Rights narrow down the levels: write and user where all allow, no-execute where any says so. */
static uint64_t narrow(uint64_t rights, uint64_t entry)
{
	return (rights & entry & (PTE_WRITE | PTE_USER)) | ((rights | entry) & PTE_NX);
}

/* APM2 5.3.3: a large page may be a leaf of 4 MiB, 2 MiB or 1 GiB. */
static bool is_leaf(const struct vp *vp, const struct paging_mode *mode,
                    unsigned int level, uint64_t entry)
{
	if (level == 0)
		return true;
	if (!(entry & PTE_LARGE))
		return false;
	if (mode->entry_bytes == 4)
		return (register64(vp, HV_X64_REGISTER_CR4) & CR4_PSE) != 0;
	return level == 1 || (level == 2 && mode->levels > 3);
}

/* 48 or 57 bits, sign-extended. APM2 1.1.3 */
static bool is_canonical(uint64_t gva, unsigned int levels)
{
	unsigned int shift = 64 - (12 + 9 * levels);

	return (uint64_t)((int64_t)(gva << shift) >> shift) == gva;
}

enum hv_translate_code guest_translate(const struct vp *vp, uint64_t gva, uint64_t access,
                                       uint64_t *gpa)
{
	struct paging_mode mode;
	uint64_t table, rights = PTE_WRITE | PTE_USER;

	if (!paging_mode(vp, &mode)) {
		*gpa = gva & UINT32_MAX;
		return HV_TRANSLATE_SUCCESS;
	}
	if (mode.levels > 3 && !is_canonical(gva, mode.levels))
		return HV_TRANSLATE_PAGE_NOT_PRESENT;
	table = register64(vp, HV_X64_REGISTER_CR3) & mode.root_mask;
	for (unsigned int level = mode.levels; level-- > 0;) {
		unsigned int shift = 12 + mode.index_bits * level;
		unsigned int bits = mode.levels == 3 && level == 2 ? 2 : mode.index_bits;
		uint64_t index = bits_get(gva, shift, bits);
		uint64_t entry = 0;

		if (!guest_read(vp->partition, table + index * mode.entry_bytes, &entry,
		                mode.entry_bytes))
			return HV_TRANSLATE_GPA_UNMAPPED;
		if (!(entry & PTE_PRESENT))
			return HV_TRANSLATE_PAGE_NOT_PRESENT;
		if (!(mode.levels == 3 && level == 2))
			rights = narrow(rights, entry);
		if (is_leaf(vp, &mode, level, entry)) {
			uint64_t offset_mask = (UINT64_C(1) << shift) - 1;

			*gpa = (entry & PTE_ADDRESS & ~offset_mask) | (gva & offset_mask);
			return check_rights(vp, rights, access);
		}
		table = entry & PTE_ADDRESS;
	}
	return HV_TRANSLATE_INVALID_PAGE_TABLE_FLAGS;
}

unsigned int guest_code_bits(const struct vp *vp)
{
	uint16_t attributes = vp_register(vp, HV_X64_REGISTER_CS).segment.attributes;

	if ((register64(vp, HV_X64_REGISTER_EFER) & EFER_LMA) &&
	    (attributes & ATTRIBUTE_LONG))
		return 64;
	return attributes & ATTRIBUTE_BIG ? 32 : 16;
}

size_t guest_fetch(const struct vp *vp, uint8_t *to, size_t max)
{
	uint64_t address = vp->arch.rip, gpa;
	size_t done = 0;

	if (guest_code_bits(vp) != 64)
		address = (uint32_t)(address +
		                     vp_register(vp, HV_X64_REGISTER_CS).segment.base);
	while (done < max) {
		size_t now = piece(address + done, max - done);

		if (guest_translate(vp, address + done, HV_TRANSLATE_EXECUTE, &gpa) !=
		            HV_TRANSLATE_SUCCESS ||
		    !guest_read(vp->partition, gpa, to + done, now))
			break;
		done += now;
	}
	return done;
}
