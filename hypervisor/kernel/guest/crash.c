/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Crash reports of guests. TLFS 7.8 */
#include "hypervisor/kernel/objects/guest_memory.h"
#include "hypervisor/kernel/objects/partition.h"

#define TEXT_MAX 4096u
#define LINE_MAX 160u

/* All of it, or nothing: the reason of a panic stands towards the end. */
static void log_text(const struct vp *vp, uint64_t gpa, uint32_t bytes)
{
	char line[LINE_MAX + 1];
	uint32_t used = 0;

	for (uint32_t at = 0; at < bytes; at++) {
		bool ends;

		if (!guest_read(vp->partition, gpa + at, &line[used], 1))
			break;
		ends = line[used] == '\n';
		used += !ends; /* the log makes it printable */
		if (used == 0 || !(ends || used == LINE_MAX || at + 1 == bytes))
			continue;
		line[used] = 0;
		log_warning("p%u vp%u crash: %s", vp->partition->slot, vp->index, line);
		used = 0;
	}
}

void crash_report(struct vp *vp, bool has_text)
{
	static struct log_limit limit;
	const uint64_t *p = vp->crash;

	if (!log_allowed(&limit))
		return;
	/* It uses up the whole burst of a second: its text is many lines. */
	__atomic_store_n(&limit.used, LOG_LIMIT_BURST, __ATOMIC_RELAXED);
	log_warning("p%u vp%u crash: %#lx %#lx %#lx %#lx %#lx", vp->partition->slot,
	            vp->index, p[0], p[1], p[2], p[3], p[4]);
	if (has_text && p[4] <= TEXT_MAX)
		log_text(vp, p[3], (uint32_t)p[4]);
}
