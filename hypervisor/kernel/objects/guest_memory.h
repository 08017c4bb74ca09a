/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Short copies from and to guest memory, through this CPU's windows. Every byte is fetched once. A page is looked up
 * and used between two quiescent points, so that it cannot change hands meanwhile.
 */
#pragma once

#include <viridis/base/assert.h>
#include <viridis/base/bits.h>

struct partition;

/* RAM only. False: some page is not mapped, not RAM, or not writable; nothing or a part was copied. */
bool guest_read(struct partition *partition, uint64_t gpa, void *to,
                size_t bytes) MUST_CHECK;
bool guest_is_writable(struct partition *partition, uint64_t gpa) MUST_CHECK;
bool guest_write(struct partition *partition, uint64_t gpa, const void *from,
                 size_t bytes) MUST_CHECK;

/* How many of the bytes at an address are on its page. */
static inline size_t guest_page_piece(uint64_t address, size_t bytes)
{
	size_t left = PAGE_4K - (address & (PAGE_4K - 1));

	return bytes < left ? bytes : left;
}
