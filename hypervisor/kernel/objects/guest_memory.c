/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guest memory: guest_memory.h */
#include "hypervisor/kernel/objects/guest_memory.h"
#include <viridis/base/mem.h>
#include "hypervisor/arch/x86/paging.h"
#include "hypervisor/kernel/memory/frames.h"
#include "hypervisor/kernel/objects/partition.h"

/* Pages that a CPU opened last to read, and to write: hypercalls and page walks come to the same again and again. NPT-5 */
static struct opened {
	uint64_t partition, gpa, hpa, removals;
} opened[MAX_CPUS][2][16];

/* A guest's page at this CPU's window, or NULL; an overlay it is shown is a deposited frame. */
static void *open_page(struct partition *partition, uint64_t gpa, uint32_t need)
{
	struct opened *last =
		&opened[this_cpu()->index][need == NPT_WRITE][gpa / PAGE_4K % 16];
	uint64_t offset = gpa % PAGE_4K;
	/* Acquire pairs with the release in npt.c: what is removed after this goes with the next epoch. */
	uint64_t removals = __atomic_load_n(&partition->npt.removals, __ATOMIC_ACQUIRE);
	struct npt_leaf leaf;
	bool dirty;

	if (last->gpa != gpa - offset || last->partition != partition->id ||
	    last->removals != removals) {
		if (!npt_lookup(&partition->npt, gpa, &leaf) ||
		    (leaf.flags & need) != need || !frames_is_ram(leaf.hpa / PAGE_4K))
			return NULL;
		if (need == NPT_WRITE && npt_dirty(&partition->npt, gpa, NPT_DIRTY_SET,
		                                   &dirty) != HV_STATUS_SUCCESS)
			return NULL;
		*last = (struct opened){ partition->id, gpa - offset, leaf.hpa - offset,
			                 removals };
	}
	return window_map(last->hpa + offset);
}

static bool copy(struct partition *partition, uint64_t gpa, char *ours, size_t bytes,
                 uint32_t need)
{
	while (bytes) {
		size_t now = guest_page_piece(gpa, bytes);
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

bool guest_read(struct partition *partition, uint64_t gpa, void *to, size_t bytes)
{
	return copy(partition, gpa, to, bytes, NPT_READ);
}

bool guest_write(struct partition *partition, uint64_t gpa, const void *from,
                 size_t bytes)
{
	return copy(partition, gpa, (char *)from, bytes, NPT_WRITE); /* only read */
}

bool guest_is_writable(struct partition *partition, uint64_t gpa)
{
	void *page = open_page(partition, gpa, NPT_WRITE);

	if (page)
		window_unmap();
	return page != NULL;
}
