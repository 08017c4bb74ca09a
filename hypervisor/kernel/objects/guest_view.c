/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What code of a guest sees: guest_view.h */
#include "hypervisor/kernel/objects/guest_view.h"
#include "hypervisor/kernel/objects/guest_memory.h"
#include "hypervisor/kernel/objects/vp.h"

/* How many levels of tables the VP walks; 0: paging is off. APM2 5.2, 5.3 */
static unsigned int paging_levels(const struct vp_state *state)
{
	if (!(state->cr0 & CR0_PG))
		return 0;
	if (state->efer & EFER_LMA)
		return 4; /* no guest may have LA57 */
	return state->cr4 & CR4_PAE ? 3 : 2;
}

/* APM2 5.3.3: a large page may be a leaf of 4 MiB, 2 MiB or 1 GiB. */
static bool is_leaf(const struct vp *vp, unsigned int levels, unsigned int level,
                    uint64_t entry)
{
	if (level == 0 || !(entry & PTE_LARGE))
		return level == 0;
	if (levels == 2)
		return (vp->state.cr4 & CR4_PSE) != 0;
	return level == 1 || (level == 2 && levels > 3);
}

bool guest_is_canonical(uint64_t gva, unsigned int levels)
{
	unsigned int shift = 64 - (12 + 9 * levels);

	return (uint64_t)((int64_t)(gva << shift) >> shift) == gva;
}

/* What the VP has just executed: whether it may is not looked at. */
static bool translate(const struct vp *vp, uint64_t gva, uint64_t *gpa)
{
	unsigned int levels = paging_levels(&vp->state);
	unsigned int index_bits = levels == 2 ? 10 : 9, entry_bytes = levels == 2 ? 4 : 8;
	uint64_t table = vp->state.cr3 &
	                 (levels == 3 ? UINT64_C(0xffffffe0) : PTE_ADDRESS);

	if (levels <= 3)
		gva = (uint32_t)gva;
	*gpa = gva;
	for (unsigned int level = levels; level-- > 0;) {
		unsigned int shift = 12 + index_bits * level;
		uint64_t entry = 0, offset_mask = bits_mask(0, shift);

		if (!guest_read(vp->partition,
		                table + bits_get(gva, shift, index_bits) * entry_bytes,
		                &entry, entry_bytes) ||
		    !(entry & PTE_PRESENT))
			return false;
		table = entry & PTE_ADDRESS;
		if (is_leaf(vp, levels, level, entry)) {
			*gpa = (table & ~offset_mask) | (gva & offset_mask);
			break;
		}
	}
	return true;
}

/* Of the code that the VP executes: 16, 32 or 64. */
static unsigned int code_bits(const struct vp *vp)
{
	uint16_t attributes = vp->state.segment[VP_STATE_CS].attributes;

	if ((vp->state.efer & EFER_LMA) && (attributes & SEGMENT_LONG))
		return 64;
	return attributes & SEGMENT_BIG ? 32 : 16;
}

size_t guest_fetch(const struct vp *vp, uint8_t *to, size_t max)
{
	uint64_t address = vp->arch.rip, gpa;
	size_t done = 0;

	if (code_bits(vp) != 64)
		address = (uint32_t)(address + vp->state.segment[VP_STATE_CS].base);
	while (done < max) {
		size_t now = guest_page_piece(address + done, max - done);

		if (!translate(vp, address + done, &gpa) ||
		    !guest_read(vp->partition, gpa, to + done, now))
			break;
		done += now;
	}
	return done;
}

bool guest_decode_access(struct vp *vp, struct decode_access *access)
{
	uint8_t bytes[DECODE_MAX_BYTES];
	size_t count;

	virt->get_state(vp, &vp->state);
	count = guest_fetch(vp, bytes, sizeof(bytes));
	if (!decode_access(bytes, count, code_bits(vp), vp->arch.gpr, access)) {
		vp_exception(vp, EXCEPTION_UD);
		return false;
	}
	vp->arch.exit.length = access->length;
	vp_advance(vp);
	return true;
}
