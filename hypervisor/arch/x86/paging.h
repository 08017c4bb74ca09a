/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hypervisor's own address space. One set of tables serves every CPU.
 *
 *   0xffff800000000000  frame map: the frame at hpa h is at +h, and present only while the
 *                       hypervisor owns it (the reserve, deposited frames)       RW NX
 *   0xffffff0000000000  windows: one page per CPU onto any RAM                   RW NX
 *   0xffffff0040000000  stacks, and devices' registers, uncached: each behind an unmapped page  RW NX
 *   0xffffffff80100000  the image, linked at its physical address + IMAGE_BASE   RX, R, RW
 *
 * Invariants:
 *   PAGING-1 No page is writable and executable, under any of its addresses.
 *   PAGING-2 Nothing of a guest's memory is mapped outside a window, and no window outlives the call that
 *            opened it.
 *   PAGING-3 A table stays where it is. The reserve has room for all that there can ever be, so that making one
 *            cannot fail.
 *   PAGING-4 After paging_init() nothing is mapped below 0xffff800000000000.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "hypervisor/arch/x86/layout.h"

/* Boot CPU: choose the reserve, build the tables, switch to them. */
void paging_init(void);

/* What the processor can do: pages of 1 GiB; addresses of so many bits. core/boot_info.h */
bool paging_has_1g_pages(void);
unsigned int paging_address_bits(void);

/* Every CPU: the protections that CPUID shows (WP, NX, SMEP, SMAP, UMIP) and the final tables. */
void paging_enable_protections(void);

static inline void *frame_map(uint64_t hpa)
{
	return (void *)(FRAME_MAP_BASE + hpa);
}

static inline uint64_t frame_map_hpa(const void *address)
{
	return (uint64_t)address - FRAME_MAP_BASE;
}

/*
 * The frame becomes the hypervisor's, or stops being so. It must be RAM. After hide, other CPUs
 * may hold the translation until they flush: the caller waits for an epoch before it gives the
 * frame away, or bears that the hypervisor does not touch it.
 */
void frame_map_show(uint64_t pfn);
void frame_map_hide(uint64_t pfn);

/*
 * Map the page of RAM that holds `hpa` at this CPU's window and return hpa's address in it; valid
 * to the end of that page. The caller stays on this CPU and nests no use of it.
 */
void *window_map(uint64_t hpa);
void window_unmap(void);

/* Boot only: the page that holds registers of a device, uncached; never unmapped. */
void *mmio_map(uint64_t hpa);

/*
 * Zeroed pages from the reserve, at their frame-map address, for good. At boot; and later for tables, which
 * boot_info_reserve_bytes() has counted. Any CPU.
 */
void *reserve_take(uint64_t bytes);
uint64_t reserve_left(void);

/* Boot only: a stack of `bytes` with an unmapped page below it; returns its top. */
uint64_t stack_make(uint64_t bytes);

/* Addresses of the image's own objects. */
static inline uint64_t image_hpa(const void *address)
{
	return (uint64_t)address - IMAGE_BASE;
}
