/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The frame table: who owns each 4 KiB frame of RAM. One 64-bit word a frame, changed by
 * compare-and-swap, so that no lock is needed and no state in between is ever seen.
 *
 * FRAMES-1 A frame is the root's, the hypervisor's, or deposited for one partition.
 * FRAMES-2 Only a frame of the root's that no partition maps can be deposited; only a frame of the root's
 *          can be mapped. A count tells the mappings in children.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <viridis/base/assert.h>

/* Boot: all RAM is the root's but what the hypervisor took. Nothing is written for each frame. */
void frames_init(void);

/* Out of the root's hands. False: it is not the root's, or mapped. */
MUST_CHECK bool frames_deposit(uint64_t pfn);

/* Back to the root. */
void frames_withdraw(uint64_t pfn);

/* A child maps frames of the root's, all or none; false: one is not the root's RAM. */
MUST_CHECK bool frames_hold(uint64_t pfn, uint64_t count);
void frames_drop(uint64_t pfn, uint64_t count);

/* While a frame is deposited: a word of the owner's, for lists of frames not yet to be touched. */
void frames_set_link(uint64_t pfn, uint32_t link);
uint32_t frames_link(uint64_t pfn);

/* RAM of the root's or deposited: not the hypervisor's own, not a device's. */
bool frames_is_ram(uint64_t pfn);
